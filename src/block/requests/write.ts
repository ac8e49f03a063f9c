/**
 * Writes: from any range of a node to calls of its driver that keep the node's limits.
 *
 * In: an edge, a range, a vector (none for zero writes). Out: the driver's calls, in an order in which overlapping read-modify-writes
 * don't lose data. Leaves to others: permission and records (`write-request.ts`), zero writes on an aligned range (`zero-write.ts`), the
 * forms that drivers have (`driver-requests.ts`).
 */
import { alignDown, isAligned } from '../model/arithmetic.ts';
import {
  BDRV_O_UNMAP, BDRV_REQ_FUA, BDRV_REQ_MAY_UNMAP, BDRV_REQ_NO_FALLBACK, BDRV_REQ_WRITE_COMPRESSED, BDRV_REQ_ZERO_WRITE, BDRV_REQUEST_MAX_BYTES, type BdrvRequestFlags,
} from '../model/constants.ts';
import { blockError } from '../model/errors.ts';
import { IoVector } from '../model/io-vector.ts';
import type { BdrvChild, BdrvTrackedRequest, BlockDriverState } from '../model/node.ts';
import { bdrvDebugEvent } from '../open/debug.ts';
import { bdrvIsInserted } from '../open/queries.ts';
import { bdrvCheckRequest, checkDataRequest, noMedium, requestedNode } from './checks.ts';
import { bdrvHasReadonlyBitmaps } from './dirty-bitmap.ts';
import { driverPwritev, driverPwritevCompressed } from './driver-requests.ts';
import { paddedVector, paddingOf, type Padding } from './padding.ts';
import { alignedPreadv } from './read.ts';
import { bdrvMakeRequestSerialising, runTracked } from './tracked.ts';
import { finishWriteRequest, prepareWriteRequest } from './write-request.ts';
import { doPwriteZeroes } from './zero-write.ts';

/**
 * Writes a vector.
 *
 * @io
 * @coroutine
 */
export function bdrvCoPwritev(child: BdrvChild, offset: number, bytes: number, qiov: IoVector, flags: BdrvRequestFlags): Promise<void> {
  return bdrvCoPwritevPart(child, offset, bytes, qiov, 0, flags);
}

/**
 * Writes a vector from `qiovOffset` on; with `BDRV_REQ_ZERO_WRITE` zeroes, whatever is in it.
 *
 * @throws BlockError `ENOMEDIUM`, `EPERM`, `EIO` for a range that can't be, or what the driver has
 * @io
 * @coroutine
 */
export async function bdrvCoPwritevPart(child: BdrvChild, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void> {
  if ((flags & BDRV_REQ_ZERO_WRITE) !== 0) return writeZeroes(child, offset, bytes, flags);
  const bs = requestedNode(child);
  if (!bdrvIsInserted(bs)) throw noMedium();
  checkDataRequest(offset, bytes, qiov, qiovOffset);
  // A compressed write of nothing ends a sequence of them.
  if (bytes === 0 && (flags & BDRV_REQ_WRITE_COMPRESSED) === 0) return;
  const padding = paddingOf(bs.bl.requestAlignment, offset, bytes);
  await runTracked(bs, padding?.offset ?? offset, padding?.bytes ?? bytes, 'write', async (req) => {
    if (!padding) return alignedPwritev(child, req, offset, bytes, qiov, qiovOffset, flags);
    await bdrvMakeRequestSerialising(req, bs.bl.requestAlignment);
    await readAround(req, padding);
    await alignedPwritev(child, req, req.offset, req.bytes, paddedVector(padding, qiov, qiovOffset), 0, flags);
  });
}

/**
 * Writes a plain buffer.
 *
 * @io
 * @coroutine
 */
export function bdrvCoPwrite(child: BdrvChild, offset: number, buffer: Uint8Array, flags: BdrvRequestFlags): Promise<void> {
  return bdrvCoPwritevPart(child, offset, buffer.length, IoVector.of(buffer), 0, flags);
}

/**
 * Makes a range read as zero, by the cheapest way that the driver has. Of a length that one request can have in reason: not a whole image.
 *
 * @throws BlockError as writes do; `ENOTSUP` with `BDRV_REQ_NO_FALLBACK`, where it would take writing
 * @io
 * @coroutine
 */
export async function bdrvCoPwriteZeroes(child: BdrvChild, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<void> {
  const mayUnmap = child.bs !== null && (child.bs.openFlags & BDRV_O_UNMAP) !== 0;
  await writeZeroes(child, offset, bytes, mayUnmap ? flags : flags & ~BDRV_REQ_MAY_UNMAP);
}

/**
 * @io
 * @coroutine
 */
async function writeZeroes(child: BdrvChild, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<void> {
  const bs = requestedNode(child);
  if (!bdrvIsInserted(bs)) throw noMedium();
  bdrvCheckRequest(offset, bytes);
  const align = bs.bl.requestAlignment;
  const aligned = isAligned(offset, align) && isAligned(bytes, align);
  if ((flags & BDRV_REQ_NO_FALLBACK) !== 0 && !aligned) throw blockError('ENOTSUP', `${offset}+${bytes} is not aligned to ${align}: its ends have to be read first`);
  if (bytes === 0) return;
  const all = flags | BDRV_REQ_ZERO_WRITE;
  const padding = aligned ? null : paddingOf(align, offset, bytes);
  await runTracked(bs, offset, bytes, 'write', async (req) => {
    if (padding) await writePaddedZeroes(child, req, padding, all);
    else await alignedPwritev(child, req, offset, bytes, NO_DATA, 0, all);
  });
}

const NO_DATA = new IoVector([]);

/**
 * Reads the blocks that a request covers in part only.
 *
 * @io
 * @coroutine
 */
async function readAround(req: BdrvTrackedRequest, padding: Padding): Promise<void> {
  const { bs } = req;
  const align = bs.bl.requestAlignment;
  if (padding.head > 0 || padding.isOneBuffer) {
    const first = padding.isOneBuffer ? padding.buffer : padding.buffer.subarray(0, align);
    await readBlocks(req, padding.offset, first, [...(padding.head > 0 ? ['head'] : []), ...(padding.isOneBuffer && padding.tail > 0 ? ['tail'] : [])]);
  }
  if (!padding.isOneBuffer && padding.tailBuffer) await readBlocks(req, padding.offset + padding.bytes - align, padding.tailBuffer, ['tail']);
}

/**
 * @io
 * @coroutine
 */
async function readBlocks(req: BdrvTrackedRequest, offset: number, buffer: Uint8Array, ends: readonly string[]): Promise<void> {
  for (const end of ends) await bdrvDebugEvent(req.bs, `pwritev_rmw_${end}`);
  await alignedPreadv(req, offset, buffer.length, IoVector.of(buffer), 0, 0);
  for (const end of ends) await bdrvDebugEvent(req.bs, `pwritev_rmw_after_${end}`);
}

/**
 * Zeroes a range whose ends lie within blocks: these are read, changed and written; the whole blocks between stay a zero write.
 *
 * @io
 * @coroutine
 */
async function writePaddedZeroes(child: BdrvChild, req: BdrvTrackedRequest, padding: Padding, flags: BdrvRequestFlags): Promise<void> {
  const align = req.bs.bl.requestAlignment;
  const { buffer, head, tail, tailBuffer } = padding;
  const dataFlags = flags & ~BDRV_REQ_ZERO_WRITE;
  await bdrvMakeRequestSerialising(req, align);
  await readAround(req, padding);
  if (padding.isOneBuffer) {
    buffer.fill(0, head, buffer.length - tail);
    return alignedPwritev(child, req, padding.offset, buffer.length, IoVector.of(buffer), 0, dataFlags);
  }
  const end = padding.offset + padding.bytes;
  const start = padding.offset + (head > 0 ? align : 0);
  const whole = end - (tail > 0 ? align : 0) - start;
  if (head > 0) {
    buffer.fill(0, head, align);
    await alignedPwritev(child, req, padding.offset, align, IoVector.of(buffer.subarray(0, align)), 0, dataFlags);
  }
  if (whole > 0) await alignedPwritev(child, req, start, whole, NO_DATA, 0, flags);
  if (tailBuffer) {
    tailBuffer.fill(0, 0, align - tail);
    await alignedPwritev(child, req, end - align, align, IoVector.of(tailBuffer), 0, dataFlags);
  }
}

/**
 * Writes an aligned range as a part of the request `req`, after those that it may not overlap.
 *
 * @io
 * @coroutine
 */
async function alignedPwritev(child: BdrvChild, req: BdrvTrackedRequest, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void> {
  const { bs } = req;
  if (!bs.drv) throw noMedium();
  if (bdrvHasReadonlyBitmaps(bs)) throw blockError('EPERM', `Node '${bs.nodeName}' has read-only bitmaps that a write would have to change`);
  let succeeded = false;
  try {
    await prepareWriteRequest(child, req, flags);
    await writeWithinLimits(bs, offset, bytes, qiov, qiovOffset, flags | zeroFlags(bs, bytes, qiov, qiovOffset, flags));
    if (bs.drv.bdrvDebugEvent) await bdrvDebugEvent(bs, 'pwritev_done');
    succeeded = true;
  } finally {
    finishWriteRequest(req, offset, bytes, succeeded);
  }
}

/**
 * What detecting zeroes adds to a write: its data may be all zero.
 *
 * @io
 */
function zeroFlags(bs: BlockDriverState, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): BdrvRequestFlags {
  if (bs.detectZeroes === 'off' || (flags & BDRV_REQ_ZERO_WRITE) !== 0 || !bs.drv?.bdrvCoPwriteZeroes) return 0;
  if (!qiov.slice(qiovOffset, bytes).isZero()) return 0;
  return bs.detectZeroes === 'unmap' ? BDRV_REQ_ZERO_WRITE | BDRV_REQ_MAY_UNMAP : BDRV_REQ_ZERO_WRITE;
}

/**
 * @io
 * @coroutine
 */
async function writeWithinLimits(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void> {
  if ((flags & BDRV_REQ_ZERO_WRITE) !== 0) {
    await bdrvDebugEvent(bs, 'pwritev_zero');
    return doPwriteZeroes(bs, offset, bytes, flags);
  }
  if ((flags & BDRV_REQ_WRITE_COMPRESSED) !== 0) return driverPwritevCompressed(bs, offset, bytes, qiov, qiovOffset);
  if (bs.drv?.bdrvDebugEvent) await bdrvDebugEvent(bs, 'pwritev');
  const maxTransfer = alignDown(bs.bl.maxTransfer || BDRV_REQUEST_MAX_BYTES, bs.bl.requestAlignment);
  if (bytes <= maxTransfer) return driverPwritev(bs, offset, bytes, qiov, qiovOffset, flags);
  // Where data is made stable by a flush, the one after the last part is enough.
  const flagsBefore = (bs.supportedWriteFlags & BDRV_REQ_FUA) !== 0 ? flags : flags & ~BDRV_REQ_FUA;
  for (let done = 0; done < bytes; done += maxTransfer) {
    const part = Math.min(bytes - done, maxTransfer);
    await driverPwritev(bs, offset + done, part, qiov, qiovOffset + done, done + part < bytes ? flagsBefore : flags);
  }
}
