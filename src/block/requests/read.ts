/**
 * Reads: from any range of a node to calls of its driver that keep the node's limits.
 *
 * In: an edge, a range, a vector. Out: the vector is filled; what lies above the node's end reads as zero. Leaves to others: the forms
 * that drivers have (`driver-requests.ts`), copying up what was read (`copy-on-read.ts`), chains (a driver reads its backing node).
 *
 * Functions that only pass a request on are not async: each one would cost a turn of the microtask queue.
 */
import { alignDown, alignUp } from '../model/arithmetic.ts';
import { BDRV_REQ_COPY_ON_READ, BDRV_REQ_PREFETCH, BDRV_REQUEST_MAX_BYTES, type BdrvRequestFlags } from '../model/constants.ts';
import { IoVector } from '../model/io-vector.ts';
import type { BdrvChild, BdrvTrackedRequest, BlockDriverState } from '../model/node.ts';
import { bdrvIsInserted } from '../open/queries.ts';
import { bdrvIsAllocated } from './block-status.ts';
import { allocationUnit, checkDataRequest, noMedium, requestedNode } from './checks.ts';
import { copyOnReadv } from './copy-on-read.ts';
import { driverPreadv } from './driver-requests.ts';
import { bdrvGetlength, lengthIfKnown } from './length.ts';
import { paddedVector, paddingOf } from './padding.ts';
import { bdrvMakeRequestSerialising, runTracked, waitSerialisingRequests } from './tracked.ts';

/**
 * Reads into a vector.
 *
 * @io
 * @coroutine
 */
export function bdrvCoPreadv(child: BdrvChild, offset: number, bytes: number, qiov: IoVector, flags: BdrvRequestFlags): Promise<void> {
  return bdrvCoPreadvPart(child, offset, bytes, qiov, 0, flags);
}

/**
 * Reads into a vector from `qiovOffset` on.
 *
 * @throws BlockError `ENOMEDIUM`, `EIO` for a range that can't be, or what the driver has
 * @io
 * @coroutine
 */
export async function bdrvCoPreadvPart(child: BdrvChild, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void> {
  const bs = requestedNode(child);
  if (!bdrvIsInserted(bs)) throw noMedium();
  checkDataRequest(offset, bytes, qiov, qiovOffset);
  if (bytes === 0) return;
  const padding = paddingOf(bs.bl.requestAlignment, offset, bytes);
  const wanted = bs.copyOnRead > 0 ? flags | BDRV_REQ_COPY_ON_READ : flags;
  await runTracked(bs, padding?.offset ?? offset, padding?.bytes ?? bytes, 'read', (req) => (padding
    ? alignedPreadv(req, req.offset, req.bytes, paddedVector(padding, qiov, qiovOffset), 0, wanted)
    : alignedPreadv(req, offset, bytes, qiov, qiovOffset, wanted)));
}

/**
 * Reads into a plain buffer.
 *
 * @io
 * @coroutine
 */
export function bdrvCoPread(child: BdrvChild, offset: number, buffer: Uint8Array, flags: BdrvRequestFlags): Promise<void> {
  return bdrvCoPreadvPart(child, offset, buffer.length, IoVector.of(buffer), 0, flags);
}

/**
 * Reads an aligned range as a part of the request `req`, after those that it may not overlap.
 *
 * @io
 * @coroutine
 */
export async function alignedPreadv(req: BdrvTrackedRequest, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void> {
  const { bs } = req;
  if ((flags & BDRV_REQ_COPY_ON_READ) !== 0) {
    // Whole clusters: what is allocated must not be asked while another request allocates it.
    await bdrvMakeRequestSerialising(req, allocationUnit(bs));
    const { allocated, pnum } = await bdrvIsAllocated(bs, offset, bytes);
    if (!allocated || pnum !== bytes) return copyOnReadv(bs, offset, bytes, qiov, qiovOffset, (flags & BDRV_REQ_PREFETCH) !== 0);
    if ((flags & BDRV_REQ_PREFETCH) !== 0) return;
  } else if (bs.serialisingInFlight > 0) {
    await waitSerialisingRequests(req);
  }
  await readWithinLimits(bs, offset, bytes, qiov, qiovOffset, flags & bs.supportedReadFlags);
}

/**
 * @io
 * @coroutine
 */
async function readWithinLimits(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void> {
  const align = bs.bl.requestAlignment;
  const length = lengthIfKnown(bs) ?? await bdrvGetlength(bs);
  const known = Math.min(bytes, Math.max(0, alignUp(length, align) - offset));
  const maxTransfer = alignDown(bs.bl.maxTransfer || BDRV_REQUEST_MAX_BYTES, align);
  if (known === bytes && bytes <= maxTransfer) return driverPreadv(bs, offset, bytes, qiov, qiovOffset, flags);
  let done = 0;
  while (done < known) {
    const part = Math.min(known - done, maxTransfer);
    await driverPreadv(bs, offset + done, part, qiov, qiovOffset + done, flags);
    done += part;
  }
  if (done < bytes) qiov.fill(0, qiovOffset + done, bytes - done);
}
