/**
 * What was last learnt about a protocol node: a range known to hold data, so that the host need not be asked again.
 *
 * In: ranges that turned out to be data; writes of zeroes and discards, which may end that. Out: how long the data goes on from an
 * offset. Leaves to others: whether a node's status is worth keeping (`block-status.ts`).
 */
import { rangesOverlap } from '../model/arithmetic.ts';
import type { BlockDriverState } from '../model/node.ts';

/**
 * For how many bytes from `offset` on there is data for sure; `null` where that is not known.
 *
 * @io
 */
export function bdrvBscIsData(bs: BlockDriverState, offset: number): number | null {
  const { valid, dataStart, dataEnd } = bs.blockStatusCache;
  return valid && dataStart <= offset && offset < dataEnd ? dataEnd - offset : null;
}

/**
 * Forgets what is known if it is about a part of this range.
 *
 * @io
 */
export function bdrvBscInvalidateRange(bs: BlockDriverState, offset: number, bytes: number): void {
  const { valid, dataStart, dataEnd } = bs.blockStatusCache;
  if (valid && rangesOverlap(offset, bytes, dataStart, dataEnd - dataStart)) bs.blockStatusCache = { valid: false, dataStart: 0, dataEnd: 0 };
}

/**
 * Keeps that a range holds data, in place of what was known before.
 *
 * @io
 */
export function bdrvBscFill(bs: BlockDriverState, offset: number, bytes: number): void {
  bs.blockStatusCache = { valid: true, dataStart: offset, dataEnd: offset + bytes };
}
