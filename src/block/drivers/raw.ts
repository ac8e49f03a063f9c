/**
 * `raw`: a format without header. Passes everything through to its file, or to a window of it.
 *
 * In: the options `offset` and `size`. Out: a driver table. Leaves to others: everything but the window, and the guard of guessed nodes.
 *
 * A node whose format was guessed refuses writes that would make its first sector look like another format: else a guest could write a
 * header there, and the next guess would hand it files of the host.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { alignUp, isAligned } from '../model/arithmetic.ts';
import {
  BDRV_BLOCK_OFFSET_VALID, BDRV_BLOCK_RAW, BDRV_CHILD_DATA, BDRV_CHILD_FILTERED, BDRV_CHILD_PRIMARY, BDRV_REQ_FUA, BDRV_REQ_MAY_UNMAP,
  BDRV_REQ_NO_FALLBACK, BDRV_REQ_WRITE_UNCHANGED, BDRV_REQ_ZERO_WRITE, BDRV_SECTOR_SIZE, BLK_PERM_RESIZE, BLK_PERM_WRITE, BLOCK_PROBE_BUF_SIZE,
  type BdrvRequestFlags,
} from '../model/constants.ts';
import type { BDRVReopenState, BlockDriver, DriverBlockStatus } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import { IoVector } from '../model/io-vector.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { OptionBag, type BlockOptions, type OptionDescription } from '../model/options.ts';
import { childOfBds } from '../graph/child-of-bds.ts';
import { bdrvDefaultPerms } from '../graph/permission-rules.ts';
import { bdrvCreateFile } from '../open/create.ts';
import { bdrvProbeAll } from '../open/drivers.ts';
import { bdrvCancelInFlight } from '../open/image.ts';
import { bdrvHasZeroInit, bdrvProbeBlocksizes, bdrvProbeGeometry } from '../open/limits.ts';
import { bdrvOpenChild } from '../open/open.ts';
import { bdrvEject, bdrvGetInfo, bdrvIsSg, bdrvLockMedium } from '../open/queries.ts';
import { bdrvCoCopyRangeFrom, bdrvCoCopyRangeTo } from '../requests/copy-range.ts';
import { bdrvCoPdiscard } from '../requests/discard.ts';
import { bdrvCoIoctl } from '../requests/ioctl.ts';
import { bdrvGetlength, refreshTotalSectors } from '../requests/length.ts';
import { bdrvCoPreadv } from '../requests/read.ts';
import { bdrvCoTruncate } from '../requests/truncate.ts';
import { bdrvCoPwriteZeroes, bdrvCoPwritev } from '../requests/write.ts';
import { childOf, nodeBelow } from './children.ts';

/** The part of the file that the node shows. */
interface Window {
  offset: number;
  /** `null`: to the end of the file. */
  size: number | null;
}

function windowOf(bs: BlockDriverState): Window {
  return bs.opaque as Window;
}

function readWindow(options: BlockOptions): Window {
  const bag = new OptionBag(options);
  const window = { offset: bag.takeSize('offset') ?? 0, size: bag.takeSize('size') ?? null };
  if (window.size !== null && !isAligned(window.size, BDRV_SECTOR_SIZE)) throw blockError('EINVAL', `Specified size is not multiple of ${BDRV_SECTOR_SIZE}`);
  return window;
}

/** Refuses a window that the file is too short for. */
async function checkWindow(bs: BlockDriverState, window: Window): Promise<void> {
  const real = await bdrvGetlength(nodeBelow(bs));
  if (real < window.offset) throw blockError('EINVAL', `Offset (${window.offset}) cannot be greater than size of the containing file (${real})`);
  if (window.size !== null && real - window.offset < window.size) {
    throw blockError('EINVAL', `The sum of offset (${window.offset}) and size (${window.size}) has to be smaller or equal to the actual size of the containing file (${real})`);
  }
}

/** Where a request is in the file. @io */
function inFile(bs: BlockDriverState, offset: number, bytes: number, isWrite: boolean): number {
  const window = windowOf(bs);
  if (window.size !== null && offset + bytes > window.size) {
    throw blockError(isWrite ? 'ENOSPC' : 'EINVAL', 'The request goes beyond the size of the raw node');
  }
  return offset + window.offset;
}

/** How the file is used: a node without a window is a mere filter. */
function roleOf(window: Window): number {
  return (window.offset > 0 || window.size !== null ? BDRV_CHILD_DATA : BDRV_CHILD_FILTERED) | BDRV_CHILD_PRIMARY;
}

/** @globalState */
async function openRaw(bs: BlockDriverState, options: BlockOptions): Promise<void> {
  GLOBAL_STATE_CODE('openRaw');
  const window = readWindow(options);
  await bdrvOpenChild(null, options, 'file', bs, childOfBds, roleOf(window), false);
  const file = nodeBelow(bs);
  bs.sg = bdrvIsSg(file);
  bs.supportedWriteFlags = BDRV_REQ_WRITE_UNCHANGED | (BDRV_REQ_FUA & file.supportedWriteFlags);
  bs.supportedZeroFlags = BDRV_REQ_WRITE_UNCHANGED | ((BDRV_REQ_FUA | BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK) & file.supportedZeroFlags);
  bs.supportedTruncateFlags = file.supportedTruncateFlags & BDRV_REQ_ZERO_WRITE;
  if (bs.sg && (window.offset > 0 || window.size !== null)) throw blockError('EINVAL', 'Cannot use offset/size with SCSI generic devices');
  await checkWindow(bs, window);
  bs.opaque = window;
}

async function prepareReopen(state: BDRVReopenState): Promise<void> {
  GLOBAL_STATE_CODE('prepareReopen');
  const window = readWindow(state.options);
  const role = state.bs.file?.role ?? roleOf(window);
  // The edge to the file keeps its role, so a filter can't become a window.
  if (roleOf(window) !== role) throw blockError('ENOTSUP', "A raw node can not get or lose 'offset' and 'size' in a reopen");
  await checkWindow(state.bs, window);
  state.opaque = window;
}

/** A copy of what is written to a guessed node's first sector, once it is known to look like no other format. */
function guardFirstSector(bs: BlockDriverState, qiov: IoVector): IoVector {
  const head = qiov.slice(0, BLOCK_PROBE_BUF_SIZE).flatten().slice();
  if (bdrvProbeAll(head, null) !== bs.drv) throw blockError('EPERM', 'Refused: the first sector would look like an image of another format');
  return IoVector.of(head).concat(qiov.slice(BLOCK_PROBE_BUF_SIZE, qiov.size - BLOCK_PROBE_BUF_SIZE));
}

async function write(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, flags: BdrvRequestFlags): Promise<void> {
  const position = inFile(bs, offset, bytes, true);
  // Limits make guarded requests whole sectors, so the first sector comes complete, at offset 0.
  const guarded = bs.probed && offset < BLOCK_PROBE_BUF_SIZE && bytes > 0 ? guardFirstSector(bs, qiov) : qiov;
  await bdrvCoPwritev(childOf(bs), position, bytes, guarded, flags);
}

function blockStatus(bs: BlockDriverState, _wantZero: boolean, offset: number, bytes: number): Promise<DriverBlockStatus> {
  const map = offset + windowOf(bs).offset;
  return Promise.resolve({ flags: BDRV_BLOCK_OFFSET_VALID | BDRV_BLOCK_RAW, pnum: bytes, map, file: nodeBelow(bs) });
}

async function lengthOf(bs: BlockDriverState): Promise<number> {
  const window = windowOf(bs);
  const real = await bdrvGetlength(nodeBelow(bs));
  if (real < window.offset) throw blockError('EINVAL', 'The file is shorter than the offset of the raw node');
  return window.size ?? real - window.offset;
}

const createOpts: readonly OptionDescription[] = [{ name: 'size', type: 'size', help: 'Virtual disk size' }];

/** A format without header. */
export const bdrvRaw: BlockDriver = {
  formatName: 'raw',
  isFormat: true,
  supportsBacking: false,
  createOpts,
  mutableOpts: ['offset', 'size'],
  strongRuntimeOpts: ['offset', 'size'],

  bdrvOpen: openRaw,
  bdrvClose: () => Promise.resolve(),
  bdrvReopenPrepare: prepareReopen,
  bdrvReopenCommit(state) {
    state.bs.opaque = state.opaque;
  },
  // The node may be longer or shorter than before.
  bdrvReopenCommitPost: (state) => refreshTotalSectors(state.bs, state.bs.totalSectors),
  bdrvReopenAbort(state) {
    state.opaque = null;
  },
  bdrvChildPerm(bs: BlockDriverState, c: BdrvChild | null, role, queue, parentPerm, parentShared) {
    const needed = bdrvDefaultPerms(bs, c, role, queue, parentPerm, parentShared);
    // Formats keep writing to their file for themselves; this one has nothing of its own to write.
    const ownWish = (BLK_PERM_WRITE | BLK_PERM_RESIZE) & ~parentPerm;
    return { perm: needed.perm & ~ownWish, shared: needed.shared };
  },
  bdrvCoCreateOpts: (_drv, filename, options) => bdrvCreateFile(filename.replace(/^raw:/, ''), options),
  bdrvRefreshLimits(bs) {
    if (bs.probed) bs.bl.requestAlignment = BDRV_SECTOR_SIZE;
  },
  bdrvHasZeroInit: (bs) => bdrvHasZeroInit(nodeBelow(bs)),
  bdrvProbeBlocksizes(bs) {
    const sizes = bdrvProbeBlocksizes(nodeBelow(bs));
    if (sizes === null) throw blockError('ENOTSUP', 'The file has no block sizes');
    // A window that starts within a block has none of them either.
    if (!isAligned(windowOf(bs).offset, Math.max(sizes.log, sizes.phys))) throw blockError('ENOTSUP', 'The offset does not fit the block sizes of the file');
    return sizes;
  },
  bdrvProbeGeometry(bs) {
    const geometry = windowOf(bs).offset > 0 || windowOf(bs).size !== null ? null : bdrvProbeGeometry(nodeBelow(bs));
    if (geometry === null) throw blockError('ENOTSUP', 'The file has no geometry');
    return geometry;
  },
  bdrvCancelInFlight: (bs) => bdrvCancelInFlight(nodeBelow(bs)),

  bdrvProbe: () => 1,
  bdrvCoPreadv: (bs, offset, bytes, qiov, flags) => bdrvCoPreadv(childOf(bs), inFile(bs, offset, bytes, false), bytes, qiov, flags),
  bdrvCoPwritev: write,
  bdrvCoPwriteZeroes: (bs, offset, bytes, flags) => bdrvCoPwriteZeroes(childOf(bs), inFile(bs, offset, bytes, true), bytes, flags),
  bdrvCoPdiscard: (bs, offset, bytes) => bdrvCoPdiscard(childOf(bs), inFile(bs, offset, bytes, true), bytes),
  bdrvCoCopyRangeFrom: (bs, _src, srcOffset, dst, dstOffset, bytes, readFlags, writeFlags) =>
    bdrvCoCopyRangeFrom(childOf(bs), inFile(bs, srcOffset, bytes, false), dst, dstOffset, bytes, readFlags, writeFlags),
  bdrvCoCopyRangeTo: (bs, src, srcOffset, _dst, dstOffset, bytes, readFlags, writeFlags) =>
    bdrvCoCopyRangeTo(src, srcOffset, childOf(bs), inFile(bs, dstOffset, bytes, true), bytes, readFlags, writeFlags),
  bdrvCoBlockStatus: blockStatus,
  async bdrvCoTruncate(bs, offset, exact, prealloc, flags) {
    const window = windowOf(bs);
    if (window.size !== null) throw blockError('ENOTSUP', 'Cannot resize fixed-size raw disks');
    await bdrvCoTruncate(childOf(bs), offset + window.offset, exact, prealloc, flags);
  },
  bdrvGetlength: lengthOf,
  async bdrvMeasure(options, inBs) {
    const size = inBs === null ? new OptionBag({ ...options }).takeSize('size') ?? 0 : await bdrvGetlength(inBs);
    const required = alignUp(size, BDRV_SECTOR_SIZE);
    return { required, fullyAllocated: required };
  },
  bdrvGetInfo: (bs) => bdrvGetInfo(nodeBelow(bs)),
  bdrvEject: (bs, ejectFlag) => bdrvEject(nodeBelow(bs), ejectFlag),
  bdrvLockMedium: (bs, locked) => bdrvLockMedium(nodeBelow(bs), locked),
  async bdrvCoIoctl(bs, request, buffer) {
    if (windowOf(bs).offset > 0 || windowOf(bs).size !== null) throw blockError('ENOTSUP', 'A window of a device takes no ioctl');
    return bdrvCoIoctl(nodeBelow(bs), request, buffer);
  },
};
