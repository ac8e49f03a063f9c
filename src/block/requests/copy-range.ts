/** PLACEHOLDER. */
import type { BdrvRequestFlags } from '../model/constants.ts';
import type { BdrvChild } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Coroutine: offloaded copy between two children; no emulation on failure, the caller falls back to read and write.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoCopyRange(src: BdrvChild, srcOffset: number, dst: BdrvChild, dstOffset: number, bytes: number, readFlags: BdrvRequestFlags, writeFlags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('bdrvCoCopyRange');
}

/**
 * Coroutine: source side of an offloaded copy, passed down the tree.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoCopyRangeFrom(src: BdrvChild, srcOffset: number, dst: BdrvChild, dstOffset: number, bytes: number, readFlags: BdrvRequestFlags, writeFlags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('bdrvCoCopyRangeFrom');
}

/**
 * Coroutine: destination side of an offloaded copy.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoCopyRangeTo(src: BdrvChild, srcOffset: number, dst: BdrvChild, dstOffset: number, bytes: number, readFlags: BdrvRequestFlags, writeFlags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('bdrvCoCopyRangeTo');
}
