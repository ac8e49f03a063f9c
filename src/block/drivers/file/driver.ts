/**
 * `file`: a disk that is a regular file of the host. `host_device` and `host_cdrom` are known by name, and refused with a reason.
 *
 * In: the options `filename`, `locking`, `aio`, `drop-cache`. Out: driver tables. Leaves to others: calls of the host (`host-file.ts`,
 * `host-space.ts`), locks and reopening (`permissions.ts`), creation (`create.ts`).
 */
import fs from 'node:fs';
import { hostOperation } from '../../contexts/coroutine.ts';
import {
  BDRV_BLOCK_DATA, BDRV_BLOCK_OFFSET_VALID, BDRV_BLOCK_ZERO, BDRV_O_TEMPORARY, BDRV_REQ_MAY_UNMAP, BDRV_REQ_NO_FALLBACK, BDRV_REQ_ZERO_WRITE, BDRV_SECTOR_SIZE, BLK_PERM_ALL,
  type OpenFlags,
} from '../../model/constants.ts';
import type { BlockDriver, DriverBlockStatus } from '../../model/driver.ts';
import { blockError, errnoOf, prefixError } from '../../model/errors.ts';
import type { BlockDriverState } from '../../model/node.ts';
import { OptionBag, type BlockOptions } from '../../model/options.ts';
import { bdrvParseFilenameStripPrefix } from '../../open/filenames.ts';
import { createFile, createFileByName, deleteFile, fileCreateOpts } from './create.ts';
import { HostFile, unlinkHostFile } from './host-file.ts';
import { copyWithinHost, discardRange, extentAt, resizeFile, zeroRange } from './host-space.ts';
import { ImageLock } from './image-lock.ts';
import { hostCalls } from './libc.ts';
import { abortPermissions, abortReopen, checkPermissions, closeLocked, commitReopen, prepareReopen, setPermissions } from './permissions.ts';
import { fileStateOf, hostModeFor } from './state.ts';

const AIO_KINDS = ['threads', 'native', 'io_uring'] as const;

async function openFile(bs: BlockDriverState, options: BlockOptions, flags: OpenFlags): Promise<void> {
  const bag = new OptionBag(options);
  const path = bag.takeString('filename');
  const locking = bag.takeChoice('locking', ['auto', 'on', 'off'] as const) ?? 'auto';
  // One way of waiting for the host serves all three names.
  bag.takeChoice('aio', AIO_KINDS);
  const dropCache = bag.takeBoolean('drop-cache') ?? true;
  if (path === undefined || path === '') throw blockError('EINVAL', "The 'file' block driver requires a file name");
  const file = await HostFile.open(path, hostModeFor(flags, 0)).catch((error: unknown) => {
    const code = errnoOf(error) === 'EROFS' ? 'EACCES' : errnoOf(error);
    throw blockError(code, prefixError(`Could not open '${path}'`, error).message, error);
  });
  if (!file.isRegular) {
    file.close();
    throw blockError('EINVAL', `A regular file was expected by the 'file' driver, but something else was given`);
  }
  const useLock = locking !== 'off';
  bs.opaque = {
    path, open: { file, lock: useLock ? new ImageLock(file) : null }, useLock, dropCache, perm: 0, shared: BLK_PERM_ALL, pending: null, reopened: null,
    flushError: null, discards: { done: 0, failed: 0, bytes: 0 },
  };
  bs.exactFilename = path;
  bs.supportedZeroFlags = BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK;
  // What a regular file grows by reads as zero.
  bs.supportedTruncateFlags = BDRV_REQ_ZERO_WRITE;
}

async function blockStatus(bs: BlockDriverState, wantZero: boolean, offset: number, bytes: number): Promise<DriverBlockStatus> {
  const found = wantZero ? await extentAt(fileStateOf(bs).open.file, offset, bytes) : { isData: true, length: bytes };
  return { flags: BDRV_BLOCK_OFFSET_VALID | (found.isData ? BDRV_BLOCK_DATA : BDRV_BLOCK_ZERO), pnum: found.length, map: offset, file: bs };
}

async function discard(bs: BlockDriverState, offset: number, bytes: number): Promise<void> {
  const { open, discards } = fileStateOf(bs);
  try {
    await discardRange(open.file, offset, bytes);
    discards.done++;
    discards.bytes += bytes;
  } catch (error) {
    discards.failed++;
    throw error;
  }
}

async function flush(bs: BlockDriverState): Promise<void> {
  const state = fileStateOf(bs);
  if (state.flushError !== null) throw state.flushError;
  try {
    await state.open.file.sync();
  } catch (error) {
    // The host may have dropped the pages that it could not write, and would report success for them next time.
    if (!state.open.file.mode.direct) state.flushError = prefixError('An earlier flush failed', error);
    throw error;
  }
}

/** A disk that is a regular file. */
export const bdrvFile: BlockDriver = {
  formatName: 'file',
  protocolName: 'file',
  bdrvNeedsFilename: true,
  createOpts: fileCreateOpts,
  strongRuntimeOpts: ['filename'],
  mutableOpts: ['aio'],

  bdrvParseFilename: (filename, options) => bdrvParseFilenameStripPrefix(filename, 'file:', options),
  bdrvFileOpen: openFile,
  async bdrvClose(bs) {
    closeLocked(fileStateOf(bs).open);
    if ((bs.openFlags & BDRV_O_TEMPORARY) !== 0) await unlinkHostFile(fileStateOf(bs).path);
  },
  bdrvRefreshFilename(bs) {
    bs.exactFilename = fileStateOf(bs).path;
  },
  bdrvReopenPrepare: prepareReopen,
  bdrvReopenCommit: commitReopen,
  bdrvReopenAbort: abortReopen,
  bdrvCoCreate: createFile,
  bdrvCoCreateOpts: (_drv, filename, options) => createFileByName(filename, options),
  bdrvHasZeroInit: () => true,
  bdrvRefreshLimits(bs) {
    const { direct } = fileStateOf(bs).open.file.mode;
    bs.bl.requestAlignment = direct ? BDRV_SECTOR_SIZE : 1;
    bs.bl.minMemAlignment = direct ? BDRV_SECTOR_SIZE : 1;
    bs.bl.maxIov = 1024;
  },
  bdrvCheckPerm: checkPermissions,
  bdrvSetPerm: setPermissions,
  bdrvAbortPermUpdate: abortPermissions,

  bdrvCoPreadv: (bs, offset, _bytes, qiov) => fileStateOf(bs).open.file.read(offset, qiov),
  bdrvCoPwritev: (bs, offset, _bytes, qiov) => fileStateOf(bs).open.file.write(offset, qiov),
  bdrvCoPwriteZeroes: (bs, offset, bytes, flags) => zeroRange(fileStateOf(bs).open.file, offset, bytes, (flags & BDRV_REQ_MAY_UNMAP) !== 0),
  bdrvCoPdiscard: discard,
  bdrvCoCopyRangeFrom(bs, src, srcOffset, dst, dstOffset, bytes, readFlags, writeFlags) {
    const target = dst.bs;
    if (target?.drv?.bdrvCoCopyRangeTo === undefined) throw blockError('ENOTSUP', 'The target can not copy within the host');
    return target.drv.bdrvCoCopyRangeTo(target, src, srcOffset, dst, dstOffset, bytes, readFlags, writeFlags);
  },
  async bdrvCoCopyRangeTo(bs, src, srcOffset, _dst, dstOffset, bytes) {
    if (src.bs?.drv !== bdrvFile) throw blockError('ENOTSUP', 'The source is no file of the host');
    await copyWithinHost(fileStateOf(src.bs).open.file, srcOffset, fileStateOf(bs).open.file, dstOffset, bytes);
  },
  bdrvCoBlockStatus: blockStatus,
  async bdrvCoInvalidateCache(bs) {
    const { open, dropCache } = fileStateOf(bs);
    const host = hostCalls();
    if (!dropCache || host === null) return;
    await flush(bs);
    await open.file.use((fd) => hostOperation(host.dropCache(fd)));
  },
  bdrvCoFlushToDisk: flush,
  bdrvCoDeleteFile: deleteFile,
  bdrvCoTruncate: (bs, offset, _exact, prealloc) => resizeFile(fileStateOf(bs).open.file, offset, prealloc),
  bdrvGetlength: (bs) => fileStateOf(bs).open.file.length(),
  async bdrvGetAllocatedFileSize(bs) {
    return (await fileStateOf(bs).open.file.stat()).blocks * BDRV_SECTOR_SIZE;
  },
  bdrvGetInfo: () => ({ clusterSize: 0, vmStateOffset: 0, isDirty: false, needsCompressedWrites: false }),
  bdrvGetSpecificStats(bs) {
    const { done, failed, bytes } = fileStateOf(bs).discards;
    return { driver: 'file', 'discard-nb-ok': done, 'discard-nb-failed': failed, 'discard-bytes-ok': bytes };
  },
};

/** Scores a device of the host. */
function probeDevice(filename: string, isKind: (stats: fs.Stats) => boolean): number {
  const stats = fs.statSync(filename, { throwIfNoEntry: false });
  return stats !== undefined && isKind(stats) ? 100 : 0;
}

function refusingDriver(formatName: string, what: string): BlockDriver {
  return {
    formatName,
    protocolName: formatName,
    bdrvNeedsFilename: true,
    bdrvParseFilename: (filename, options) => bdrvParseFilenameStripPrefix(filename, `${formatName}:`, options),
    bdrvFileOpen: () => Promise.reject(blockError('ENOTSUP', `Driver '${formatName}' is not available: ${what} needs ioctl calls that Node.js does not offer`)),
  };
}

/** Block and character devices of the host: refused. */
export const bdrvHostDevice: BlockDriver = {
  ...refusingDriver('host_device', 'a device of the host'),
  bdrvProbeDevice: (filename) => probeDevice(filename, (stats) => stats.isBlockDevice() || stats.isCharacterDevice()),
};

/** CD-ROM drives of the host: refused. */
export const bdrvHostCdrom: BlockDriver = refusingDriver('host_cdrom', 'a CD-ROM drive of the host');
