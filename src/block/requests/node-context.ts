/** PLACEHOLDER. */
import type { AioContext } from '../contexts/aio-context.ts';
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * AioContext a node is bound to.
 *
 * @io
 */
export function bdrvGetAioContext(bs: BlockDriverState): AioContext {
  throw notBuilt('bdrvGetAioContext');
}

/**
 * Coroutine: moves the running coroutine to the node's context, counts a request in flight and returns the old context. No drain may be called until bdrv_co_leave.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoEnter(bs: BlockDriverState): Promise<AioContext> {
  throw notBuilt('bdrvCoEnter');
}

/**
 * Coroutine: ends a bdrv_co_enter section and goes back to the old context.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoLeave(bs: BlockDriverState, oldContext: AioContext): Promise<void> {
  throw notBuilt('bdrvCoLeave');
}

/**
 * Enters a coroutine in a node's context.
 *
 * @io
 */
export function bdrvCoroutineEnter(bs: BlockDriverState, entry: () => Promise<void>): void {
  throw notBuilt('bdrvCoroutineEnter');
}
