/**
 * From an aligned request to the form of it that the driver has: into the middle of a vector, on a whole one, by callback, or in sectors.
 *
 * In: a node, and a request that keeps its limits. Out: the driver's slot is called. Leaves to others: alignment and splitting
 * (`read.ts`, `write.ts`).
 */
import { BDRV_REQ_FUA, BDRV_SECTOR_SIZE, type BdrvRequestFlags } from '../model/constants.ts';
import { blockError } from '../model/errors.ts';
import { IoVector } from '../model/io-vector.ts';
import type { BlockDriverState } from '../model/node.ts';
import { callbackRequest } from './callback-request.ts';
import { noMedium } from './checks.ts';
import { bdrvCoFlush } from './flush.ts';

/** @common */
function tooManySegments(bs: BlockDriverState, qiov: IoVector): boolean {
  return bs.bl.maxIov > 0 && qiov.segments.length > bs.bl.maxIov;
}

/**
 * Reads what is allocated in a node, without looking for zeroes or below it.
 *
 * @io
 * @coroutine
 */
export function driverPreadv(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void> {
  if (!tooManySegments(bs, qiov)) return driverPreadvDirect(bs, offset, bytes, qiov, qiovOffset, flags);
  return readByBounceBuffer(bs, offset, bytes, qiov, qiovOffset, flags);
}

/**
 * Reads for a vector of more buffers than the node takes.
 *
 * @io
 * @coroutine
 */
async function readByBounceBuffer(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void> {
  const wanted = qiov.slice(qiovOffset, bytes);
  if (!tooManySegments(bs, wanted)) return driverPreadvDirect(bs, offset, bytes, wanted, 0, flags);
  const bounce = Buffer.allocUnsafe(bytes);
  await driverPreadvDirect(bs, offset, bytes, IoVector.of(bounce), 0, flags);
  wanted.copyFrom(bounce);
}

/**
 * @io
 * @coroutine
 */
async function driverPreadvDirect(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void> {
  const { drv } = bs;
  if (!drv) throw noMedium();
  if (drv.bdrvCoPreadvPart) return drv.bdrvCoPreadvPart(bs, offset, bytes, qiov, qiovOffset, flags);
  const part = qiov.slice(qiovOffset, bytes);
  if (drv.bdrvCoPreadv) return drv.bdrvCoPreadv(bs, offset, bytes, part, flags);
  if (drv.bdrvAioPreadv) return callbackRequest((cb) => drv.bdrvAioPreadv?.(bs, offset, bytes, part, flags, cb));
  if (!drv.bdrvCoReadv) throw blockError('ENOTSUP', `Block driver '${drv.formatName}' cannot read`);
  return drv.bdrvCoReadv(bs, offset / BDRV_SECTOR_SIZE, bytes / BDRV_SECTOR_SIZE, part);
}

/**
 * Writes to a node; makes the data stable by a flush where the driver has no better way.
 *
 * @io
 * @coroutine
 */
export async function driverPwritev(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void> {
  const flushAfter = (flags & ~bs.supportedWriteFlags & BDRV_REQ_FUA) !== 0;
  const known = flags & bs.supportedWriteFlags;
  if (tooManySegments(bs, qiov)) {
    const wanted = qiov.slice(qiovOffset, bytes);
    await driverPwritevDirect(bs, offset, bytes, tooManySegments(bs, wanted) ? IoVector.of(wanted.flatten()) : wanted, 0, known);
  } else {
    await driverPwritevDirect(bs, offset, bytes, qiov, qiovOffset, known);
  }
  if (flushAfter) await flushJustWritten(bs);
}

/**
 * Flushes a write that is not over yet. It counts as a write from here on: else the flush would find nothing new to make stable.
 *
 * @io
 * @coroutine
 */
export async function flushJustWritten(bs: BlockDriverState): Promise<void> {
  bs.writeGen++;
  await bdrvCoFlush(bs);
}

/**
 * @io
 * @coroutine
 */
async function driverPwritevDirect(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void> {
  const { drv } = bs;
  if (!drv) throw noMedium();
  if (drv.bdrvCoPwritevPart) return drv.bdrvCoPwritevPart(bs, offset, bytes, qiov, qiovOffset, flags);
  const part = qiov.slice(qiovOffset, bytes);
  if (drv.bdrvCoPwritev) return drv.bdrvCoPwritev(bs, offset, bytes, part, flags);
  if (drv.bdrvAioPwritev) return callbackRequest((cb) => drv.bdrvAioPwritev?.(bs, offset, bytes, part, flags, cb));
  if (!drv.bdrvCoWritev) throw blockError('ENOTSUP', `Block driver '${drv.formatName}' cannot write`);
  return drv.bdrvCoWritev(bs, offset / BDRV_SECTOR_SIZE, bytes / BDRV_SECTOR_SIZE, part, flags);
}

/**
 * Writes data that the driver compresses.
 *
 * @throws BlockError `ENOTSUP` where it can't
 * @io
 * @coroutine
 */
export async function driverPwritevCompressed(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, qiovOffset: number): Promise<void> {
  const { drv } = bs;
  if (!drv) throw noMedium();
  if (drv.bdrvCoPwritevCompressedPart) return drv.bdrvCoPwritevCompressedPart(bs, offset, bytes, qiov, qiovOffset);
  if (!drv.bdrvCoPwritevCompressed) throw blockError('ENOTSUP', `Block driver '${drv.formatName}' cannot write compressed data`);
  return drv.bdrvCoPwritevCompressed(bs, offset, bytes, qiov.slice(qiovOffset, bytes));
}
