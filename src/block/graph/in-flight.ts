/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Counts a request in.
 *
 * @io
 */
export function bdrvIncInFlight(bs: BlockDriverState): void {
  throw notBuilt('bdrvIncInFlight');
}

/**
 * Counts a request out and wakes pollers.
 *
 * @io
 */
export function bdrvDecInFlight(bs: BlockDriverState): void {
  throw notBuilt('bdrvDecInFlight');
}

/**
 * Wakes the main thread if it polls on a node; decrementing the in-flight count already does it.
 *
 * @io
 */
export function bdrvWakeup(bs: BlockDriverState): void {
  throw notBuilt('bdrvWakeup');
}

/**
 * Macro: polls while a condition holds, in the node's AioContext. Sits in the GS header (so main-thread use), has no assertion.
 *
 * @globalState
 */
export async function bdrvPollWhile(bs: BlockDriverState, condition: () => boolean): Promise<void> {
  GLOBAL_STATE_CODE('bdrvPollWhile');
  throw notBuilt('bdrvPollWhile');
}
