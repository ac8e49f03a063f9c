/** PLACEHOLDER. */
import type { BlockDriverState, BdrvTrackedRequest } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Coroutine: marks a tracked request as serialising and waits for overlapping ones.
 *
 * @io
 * @coroutine
 */
export async function bdrvMakeRequestSerialising(req: BdrvTrackedRequest, align: number): Promise<boolean> {
  throw notBuilt('bdrvMakeRequestSerialising');
}

/**
 * Coroutine: the tracked request of the running coroutine.
 *
 * @io
 */
export function bdrvCoGetSelfRequest(bs: BlockDriverState): BdrvTrackedRequest | null {
  throw notBuilt('bdrvCoGetSelfRequest');
}
