/**
 * Zero writes: an aligned range of a node reads as zero afterwards, by the cheapest way that the driver has.
 *
 * In: a node, an aligned range. Out: calls of the driver's zero slot that keep its limits, or writes of zeroes where it can't, unless the
 * caller has a better way (`BDRV_REQ_NO_FALLBACK`). Leaves to others: alignment to requests, permissions, records (`write.ts`).
 */
import { alignDown } from '../model/arithmetic.ts';
import { BDRV_REQ_FUA, BDRV_REQ_NO_FALLBACK, BDRV_REQ_ZERO_WRITE, type BdrvRequestFlags } from '../model/constants.ts';
import { blockError, errnoOf } from '../model/errors.ts';
import { IoVector } from '../model/io-vector.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvBscInvalidateRange } from './block-status-cache.ts';
import { noMedium } from './checks.ts';
import { driverPwritev, flushJustWritten } from './driver-requests.ts';

/** The longest buffer that the block layer makes for itself. */
export const MAX_BOUNCE_BUFFER = 16 * 1024 * 1024;

/**
 * Makes an aligned range read as zero.
 *
 * @throws BlockError `ENOTSUP` with `BDRV_REQ_NO_FALLBACK`, where it would take writing
 * @io
 * @coroutine
 */
export async function doPwriteZeroes(bs: BlockDriverState, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<void> {
  if (!bs.drv) throw noMedium();
  if ((flags & ~bs.supportedZeroFlags & BDRV_REQ_NO_FALLBACK) !== 0) throw noFastZeroes(bs);
  bdrvBscInvalidateRange(bs, offset, bytes);
  let flushAfter = false;
  let position = offset;
  while (position < offset + bytes) {
    const length = zeroPiece(bs, position, offset + bytes - position);
    const piece = await zeroOrWrite(bs, position, length, flags);
    flushAfter ||= piece.unstable;
    position += piece.bytes;
  }
  if (flushAfter) await flushJustWritten(bs);
}

/**
 * How much of a range one call of the driver takes: up to its alignment, then whole multiples of it, then the rest.
 *
 * @io
 */
function zeroPiece(bs: BlockDriverState, offset: number, bytes: number): number {
  const { requestAlignment, pwriteZeroesAlignment, maxPwriteZeroes } = bs.bl;
  const align = Math.max(pwriteZeroesAlignment, requestAlignment);
  const head = offset % align;
  if (head !== 0) return Math.min(bytes, align - head);
  const whole = bytes > align ? alignDown(bytes, align) : bytes;
  return maxPwriteZeroes > 0 ? Math.min(whole, Math.max(alignDown(maxPwriteZeroes, align), requestAlignment)) : whole;
}

/** What one piece was: how long, and whether `BDRV_REQ_FUA` is still owed for it. */
interface ZeroedPiece {
  readonly bytes: number;
  readonly unstable: boolean;
}

/**
 * @io
 * @coroutine
 */
async function zeroOrWrite(bs: BlockDriverState, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<ZeroedPiece> {
  const wantsFua = (flags & BDRV_REQ_FUA) !== 0;
  if (bs.drv?.bdrvCoPwriteZeroes) {
    try {
      await bs.drv.bdrvCoPwriteZeroes(bs, offset, bytes, flags & bs.supportedZeroFlags);
      return { bytes, unstable: wantsFua && (bs.supportedZeroFlags & BDRV_REQ_FUA) === 0 };
    } catch (error) {
      if (errnoOf(error) !== 'ENOTSUP') throw error;
    }
  }
  if ((flags & BDRV_REQ_NO_FALLBACK) !== 0) throw noFastZeroes(bs);
  return writeZeroBuffer(bs, offset, bytes, flags & ~BDRV_REQ_ZERO_WRITE);
}

/**
 * @io
 * @coroutine
 */
async function writeZeroBuffer(bs: BlockDriverState, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<ZeroedPiece> {
  const part = Math.min(bytes, alignDown(Math.min(bs.bl.maxTransfer || MAX_BOUNCE_BUFFER, MAX_BOUNCE_BUFFER), bs.bl.requestAlignment));
  const native = flags & bs.supportedWriteFlags & BDRV_REQ_FUA;
  await driverPwritev(bs, offset, part, IoVector.of(zeroBuffer(part)), 0, native === 0 ? flags & ~BDRV_REQ_FUA : flags);
  return { bytes: part, unstable: (flags & BDRV_REQ_FUA) !== 0 && native === 0 };
}

let zeroes = new Uint8Array(64 * 1024);

/** Zeroes to write from. Drivers only read what they are given to write. @common */
function zeroBuffer(bytes: number): Uint8Array {
  if (zeroes.length < bytes) zeroes = new Uint8Array(bytes);
  return zeroes.subarray(0, bytes);
}

/** @io */
function noFastZeroes(bs: BlockDriverState): Error {
  return blockError('ENOTSUP', `Node '${bs.nodeName}' has no way of writing zeroes that is faster than writing them`);
}
