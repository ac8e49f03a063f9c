/**
 * Coroutines in the context of a node.
 *
 * In: a node, a coroutine. Out: the coroutine runs where the node's I/O runs. Leaves to others: moving the node itself
 * (`graph/aio-context-moves.ts`).
 */
import { qemuGetCurrentAioContext, type AioContext } from '../contexts/aio-context.ts';
import { aioCoEnter, aioCoRescheduleSelf } from '../contexts/coroutine.ts';
import { bdrvDecInFlight, bdrvIncInFlight } from '../graph/in-flight.ts';
import type { BlockDriverState } from '../model/node.ts';

/**
 * The context that a node is bound to: its I/O runs there.
 *
 * @io
 */
export function bdrvGetAioContext(bs: BlockDriverState): AioContext {
  return bs.aioContext;
}

/**
 * Moves the running coroutine to the node's context, and counts it in flight there: until {@link bdrvCoLeave} it must not drain.
 *
 * @returns the context that it came from, for {@link bdrvCoLeave}
 * @io
 * @coroutine
 */
export async function bdrvCoEnter(bs: BlockDriverState): Promise<AioContext> {
  const before = qemuGetCurrentAioContext();
  // Counted first: from here on the node is not moved to yet another context.
  bdrvIncInFlight(bs);
  await aioCoRescheduleSelf(bs.aioContext);
  return before;
}

/**
 * Ends what {@link bdrvCoEnter} began: counts the coroutine out, and moves it back.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoLeave(bs: BlockDriverState, oldContext: AioContext): Promise<void> {
  await aioCoRescheduleSelf(oldContext);
  bdrvDecInFlight(bs);
}

/**
 * Starts a coroutine in the node's context. What it throws is lost on nobody: it ends the program, so `entry` handles its own failures.
 *
 * @io
 * @runs entry coroutine
 */
export function bdrvCoroutineEnter(bs: BlockDriverState, entry: () => Promise<void>): void {
  void aioCoEnter(bs.aioContext, entry);
}
