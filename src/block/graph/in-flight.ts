/**
 * Counts what is in flight on a node, and waits for it.
 *
 * In: requests that start and end. Out: the count, and a kick for whoever waits for it to change. Leaves to others: which requests count
 * (`requests/`), and what a drain waits for besides (`drain.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { aioWaitKick, pollWhile } from '../contexts/poll.ts';
import type { BlockDriverState } from '../model/node.ts';

/**
 * Counts a request in.
 *
 * @io
 */
export function bdrvIncInFlight(bs: BlockDriverState): void {
  bs.inFlight++;
}

/**
 * Counts a request out, and has everyone who waits look again.
 *
 * @io
 */
export function bdrvDecInFlight(bs: BlockDriverState): void {
  bs.inFlight--;
  bdrvWakeup(bs);
}

/**
 * Has everyone who waits for something of a node look again. Counting a request out does it already.
 *
 * @io
 */
// eslint-disable-next-line @typescript-eslint/no-unused-vars -- part of the API
export function bdrvWakeup(_bs: BlockDriverState): void {
  // One list of waiters serves all nodes: what a drain waits for may lie in another node than the one it began at.
  aioWaitKick();
}

/**
 * Waits while `condition` holds, and lets the node's context run meanwhile.
 *
 * @globalState
 * @runs condition globalState wait
 */
export async function bdrvPollWhile(bs: BlockDriverState, condition: () => boolean): Promise<void> {
  GLOBAL_STATE_CODE('bdrvPollWhile');
  await pollWhile(bs.aioContext, condition);
}
