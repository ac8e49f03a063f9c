/** PLACEHOLDER. */
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Starts batching of requests (nestable, atomic counter).
 *
 * @io
 */
export function bdrvIoPlug(bs: BlockDriverState): void {
  throw notBuilt('bdrvIoPlug');
}

/**
 * Ends batching.
 *
 * @io
 */
export function bdrvIoUnplug(bs: BlockDriverState): void {
  throw notBuilt('bdrvIoUnplug');
}
