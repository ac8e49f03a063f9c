/**
 * Requests of a guest, an export or a job: checked, held back while the backend is drained or throttled, and sent to its node.
 *
 * In: a backend, a range, a vector. Out: the request is done. Leaves to others: the request itself (`requests/`), counting it as the
 * device sees it (`accounting.ts`).
 */
import { bdrvDecInFlight, bdrvIncInFlight } from '../graph/in-flight.ts';
import type { BlockBackend } from '../model/backend.ts';
import { BDRV_REQ_FUA, BDRV_REQ_ZERO_WRITE, type BdrvRequestFlags } from '../model/constants.ts';
import { blockError } from '../model/errors.ts';
import { IoVector } from '../model/io-vector.ts';
import type { BdrvChild } from '../model/node.ts';
import type { ThrottleDirection } from '../model/throttle.ts';
import { noMedium } from '../requests/checks.ts';
import { bdrvCoCopyRange } from '../requests/copy-range.ts';
import { bdrvCoPdiscard } from '../requests/discard.ts';
import { bdrvCoFlush } from '../requests/flush.ts';
import { bdrvCoIoctl } from '../requests/ioctl.ts';
import { bdrvGetlength, lengthIfKnown } from '../requests/length.ts';
import { bdrvCoPreadvPart } from '../requests/read.ts';
import { bdrvCoPwriteZeroes, bdrvCoPwritevPart } from '../requests/write.ts';
import { blkDecInFlight, blkIncInFlight, blkWaitWhileDrained } from './in-flight.ts';
import { availableNode } from './settings.ts';
import { throttleGroupCoIoLimitsIntercept } from './throttle-group.ts';

/**
 * Reads into a vector.
 *
 * @throws BlockError `ENOMEDIUM`, `EIO` above the end, or what the node has
 * @io
 * @coroutine
 */
export function blkCoPreadv(blk: BlockBackend, offset: number, bytes: number, qiov: IoVector, flags: BdrvRequestFlags): Promise<void> {
  return counted(blk, () => throttled(blk, offset, bytes, 'read', (root) => bdrvCoPreadvPart(root, offset, bytes, qiov, 0, flags)));
}

/**
 * Writes a vector from `qiovOffset` on.
 *
 * @throws BlockError `ENOMEDIUM`, `EIO` above the end, `EPERM`, or what the node has
 * @io
 * @coroutine
 */
export function blkCoPwritevPart(blk: BlockBackend, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void> {
  return counted(blk, () => throttled(blk, offset, bytes, 'write', (root) => {
    const stable = withCacheMode(blk, flags);
    return (flags & BDRV_REQ_ZERO_WRITE) === 0 ? bdrvCoPwritevPart(root, offset, bytes, qiov, qiovOffset, stable) : bdrvCoPwriteZeroes(root, offset, bytes, stable);
  }));
}

/**
 * Writes a vector.
 *
 * @io
 * @coroutine
 */
export function blkCoPwritev(blk: BlockBackend, offset: number, bytes: number, qiov: IoVector, flags: BdrvRequestFlags): Promise<void> {
  return blkCoPwritevPart(blk, offset, bytes, qiov, 0, flags);
}

/**
 * Reads into a plain buffer.
 *
 * @io
 * @coroutine
 */
export function blkCoPread(blk: BlockBackend, offset: number, buffer: Uint8Array, flags: BdrvRequestFlags): Promise<void> {
  return blkCoPreadv(blk, offset, buffer.length, IoVector.of(buffer), flags);
}

/**
 * Writes a plain buffer.
 *
 * @io
 * @coroutine
 */
export function blkCoPwrite(blk: BlockBackend, offset: number, buffer: Uint8Array, flags: BdrvRequestFlags): Promise<void> {
  return blkCoPwritevPart(blk, offset, buffer.length, IoVector.of(buffer), 0, flags);
}

/**
 * Makes a range read as zero.
 *
 * @io
 * @coroutine
 */
export function blkCoPwriteZeroes(blk: BlockBackend, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<void> {
  return blkCoPwritevPart(blk, offset, bytes, NO_DATA, 0, flags | BDRV_REQ_ZERO_WRITE);
}

const NO_DATA = new IoVector([]);

/**
 * Tells the node that nobody needs a range any more.
 *
 * @io
 * @coroutine
 */
export async function blkCoPdiscard(blk: BlockBackend, offset: number, bytes: number): Promise<void> {
  await counted(blk, async () => {
    checkRange(blk, offset, bytes, await bdrvGetlength(availableNode(blk)));
    await bdrvCoPdiscard(rootOf(blk), offset, bytes);
  });
}

/**
 * Makes everything written before stable.
 *
 * @throws BlockError `ENOMEDIUM`, or what the node has
 * @io
 * @coroutine
 */
export async function blkCoFlush(blk: BlockBackend): Promise<void> {
  await counted(blk, () => bdrvCoFlush(availableNode(blk)));
}

/**
 * Copies a range from one backend to another without passing through here.
 *
 * @throws BlockError `ENOTSUP` where the nodes can't
 * @io
 * @coroutine
 */
export async function blkCoCopyRange(
  blkIn: BlockBackend, offIn: number, blkOut: BlockBackend, offOut: number, bytes: number, readFlags: BdrvRequestFlags, writeFlags: BdrvRequestFlags,
): Promise<void> {
  await counted(blkIn, () => counted(blkOut, async () => {
    checkRange(blkIn, offIn, bytes, await bdrvGetlength(availableNode(blkIn)));
    checkRange(blkOut, offOut, bytes, await bdrvGetlength(availableNode(blkOut)));
    await bdrvCoCopyRange(rootOf(blkIn), offIn, rootOf(blkOut), offOut, bytes, readFlags, withCacheMode(blkOut, writeFlags));
  }));
}

/**
 * The coroutine behind `blkIoctl`.
 *
 * @returns what the driver says
 * @throws BlockError `ENOMEDIUM`, `ENOTSUP` where the driver has none
 * @io
 * @coroutine
 */
export async function blkCoDoIoctl(blk: BlockBackend, request: number, buffer: Uint8Array): Promise<number> {
  return counted(blk, () => bdrvCoIoctl(availableNode(blk), request, buffer));
}

/**
 * Runs `section` as a request of the backend, once it is not drained.
 *
 * @io
 * @coroutine
 * @runs section coroutine
 */
export async function counted<T>(blk: BlockBackend, section: () => Promise<T>): Promise<T> {
  blkIncInFlight(blk);
  try {
    if (blk.quiesceCounter > 0) await blkWaitWhileDrained(blk);
    return await section();
  } finally {
    blkDecInFlight(blk);
  }
}

/**
 * Runs `section` as a request for data, once the backend's limits allow it.
 *
 * @io
 * @coroutine
 * @runs section coroutine
 */
async function throttled(blk: BlockBackend, offset: number, bytes: number, direction: ThrottleDirection, section: (root: BdrvChild) => Promise<void>): Promise<void> {
  const bs = availableNode(blk);
  checkRange(blk, offset, bytes, lengthIfKnown(bs) ?? await bdrvGetlength(bs));
  // Counted on the node from here on: it must not be taken away while the request waits for its turn.
  bdrvIncInFlight(bs);
  try {
    const member = blk.public.throttleGroupMember;
    if (member.group !== null) await throttleGroupCoIoLimitsIntercept(member, bytes, direction);
    await section(rootOf(blk));
  } finally {
    bdrvDecInFlight(bs);
  }
}

/** @io */
function rootOf(blk: BlockBackend): BdrvChild {
  if (!blk.root) throw noMedium();
  return blk.root;
}

/** A guest that knows no write cache must not have one. @io */
function withCacheMode(blk: BlockBackend, flags: BdrvRequestFlags): BdrvRequestFlags {
  return blk.enableWriteCache ? flags : flags | BDRV_REQ_FUA;
}

/**
 * Refuses what is not within the node's length.
 *
 * @io
 */
function checkRange(blk: BlockBackend, offset: number, bytes: number, length: number): void {
  // Written so that NaN is refused too.
  if (!(bytes >= 0)) throw blockError('EIO', `bytes is negative: ${bytes}`);
  if (!(offset >= 0)) throw blockError('EIO', `offset is negative: ${offset}`);
  if (!blk.allowWriteBeyondEof && offset + bytes > length) throw blockError('EIO', `${offset}+${bytes} does not lie within ${length} bytes`);
}
