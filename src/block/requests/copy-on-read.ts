/**
 * Copy on read: what a read finds below a node is written into the node, so that the next read finds it there.
 *
 * In: an aligned read of a node whose range is not all allocated there. Out: whole clusters copied up, and the caller's vector filled,
 * unless it only wanted them copied (prefetch). Leaves to others: keeping writes out meanwhile (`read.ts` makes the request serialising).
 */
import { BDRV_O_INACTIVE, BDRV_REQ_WRITE_UNCHANGED, BDRV_REQUEST_MAX_BYTES } from '../model/constants.ts';
import { alignDown } from '../model/arithmetic.ts';
import { IoVector, isZero } from '../model/io-vector.ts';
import type { BlockDriverState } from '../model/node.ts';
import type { AllocationStatus } from '../model/queries.ts';
import { bdrvDebugEvent } from '../open/debug.ts';
import { bdrvIsAllocated } from './block-status.ts';
import { bdrvRoundToClusters } from './checks.ts';
import { driverPreadv, driverPwritev } from './driver-requests.ts';
import { doPwriteZeroes, MAX_BOUNCE_BUFFER } from './zero-write.ts';

/**
 * Makes reads of a node copy on read, once more.
 *
 * @io
 */
export function bdrvEnableCopyOnRead(bs: BlockDriverState): void {
  bs.copyOnRead++;
}

/**
 * Takes one {@link bdrvEnableCopyOnRead} back.
 *
 * @io
 */
export function bdrvDisableCopyOnRead(bs: BlockDriverState): void {
  if (bs.copyOnRead === 0) throw new Error(`Copy on read of the node '${bs.nodeName}' ends that never began.`);
  bs.copyOnRead--;
}

/**
 * Reads an aligned range, and allocates the clusters of it that were not.
 *
 * @io
 * @coroutine
 */
export async function copyOnReadv(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, prefetch: boolean): Promise<void> {
  const { clusterOffset, clusterBytes } = bdrvRoundToClusters(bs, offset, bytes);
  const maxTransfer = alignDown(bs.bl.maxTransfer || BDRV_REQUEST_MAX_BYTES, bs.bl.requestAlignment);
  let position = clusterOffset;
  while (position < clusterOffset + clusterBytes) {
    const { allocated, pnum } = await allocationToCopy(bs, position, Math.min(clusterOffset + clusterBytes - position, maxTransfer));
    // The image ends within the last cluster.
    if (pnum === 0) break;
    const copied = allocated ? pnum : Math.min(pnum, MAX_BOUNCE_BUFFER);
    // What the caller wants of this piece.
    const start = Math.max(position, offset);
    const wanted = prefetch ? 0 : Math.max(0, Math.min(position + copied, offset + bytes) - start);
    const target = qiovOffset + start - offset;
    if (allocated) {
      if (wanted > 0) await driverPreadv(bs, start, wanted, qiov, target, 0);
    } else {
      const bounce = await copyUp(bs, position, copied);
      if (wanted > 0) qiov.copyFrom(bounce.subarray(start - position, start - position + wanted), target);
    }
    position += copied;
  }
}

/**
 * @io
 * @coroutine
 */
async function allocationToCopy(bs: BlockDriverState, offset: number, bytes: number): Promise<AllocationStatus> {
  // An inactive node must not be written: it is only read.
  if ((bs.openFlags & BDRV_O_INACTIVE) !== 0) return { allocated: true, pnum: bytes };
  try {
    return await bdrvIsAllocated(bs, offset, bytes);
  } catch {
    // As if it were not: if the node is broken, the read that follows says so.
    return { allocated: false, pnum: bytes };
  }
}

/**
 * @io
 * @coroutine
 */
async function copyUp(bs: BlockDriverState, offset: number, bytes: number): Promise<Uint8Array> {
  const bounce = Buffer.allocUnsafe(bytes);
  const vector = IoVector.of(bounce);
  await driverPreadv(bs, offset, bytes, vector, 0, 0);
  await bdrvDebugEvent(bs, 'cor_write');
  // Nothing that a parent sees changes, so this needs neither its permission nor a flush.
  if (bs.drv?.bdrvCoPwriteZeroes && isZero(bounce)) await doPwriteZeroes(bs, offset, bytes, BDRV_REQ_WRITE_UNCHANGED);
  else await driverPwritev(bs, offset, bytes, vector, 0, BDRV_REQ_WRITE_UNCHANGED);
  return bounce;
}
