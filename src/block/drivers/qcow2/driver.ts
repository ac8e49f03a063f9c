/**
 * `qcow2`: images that grow, with backing files, snapshots, compression and encryption.
 *
 * In: calls of the block layer. Out: the driver table. Leaves to others: everything about the format (the files beside this one); here
 * is what belongs to the graph: children, permissions, opening, reopening, closing.
 *
 * Code that reads or writes metadata runs in coroutines: Global State slots enter one for it.
 */
import { GLOBAL_STATE_CODE } from '../../../runtime/index.ts';
import { blkNewWithBs, blkUnref } from '../../backend/registry.ts';
import { blkTruncate } from '../../backend/wrappers.ts';
import { runCoWrapper } from '../../contexts/poll.ts';
import { emitBlockEvent } from '../../events.ts';
import { childOfBds } from '../../graph/child-of-bds.ts';
import { bdrvUnrefChild } from '../../graph/nodes.ts';
import { bdrvDefaultPerms } from '../../graph/permission-rules.ts';
import { bdrvChildRefreshPerms } from '../../graph/permissions.ts';
import {
  BDRV_CHILD_DATA, BDRV_CHILD_IMAGE, BDRV_FIX_ERRORS, BDRV_FIX_LEAKS, BDRV_O_INACTIVE, BDRV_O_NO_IO, BDRV_O_RDWR, BDRV_REQ_MAY_UNMAP, BDRV_REQ_NO_FALLBACK, BDRV_REQ_ZERO_WRITE,
  BDRV_SECTOR_SIZE, BLK_PERM_ALL, BLK_PERM_RESIZE, type OpenFlags,
} from '../../model/constants.ts';
import type { BDRVReopenState, BlockDriver } from '../../model/driver.ts';
import { blockError } from '../../model/errors.ts';
import type { BlockDriverState } from '../../model/node.ts';
import { OptionBag, stringOption, type BlockOptions } from '../../model/options.ts';
import { bdrvOpenChild } from '../../open/open.ts';
import { bdrvHasZeroInit } from '../../open/limits.ts';
import { amendImage, amendKeys, qcow2AmendOpts } from './amend.ts';
import { bitmapInfos, checkNewBitmap, loadBitmaps, makeBitmapsReadOnly, makeBitmapsWritable, removeBitmap, storeBitmaps } from './bitmaps.ts';
import { checkImage } from './check.ts';
import { createByName, createByOptions, qcow2CreateOpts } from './creation.ts';
import { emptyImage } from './empty.ts';
import { openEncryption } from './encryption.ts';
import { blockStatus, discardGuest, loadVmState, saveVmState, writeZeroes } from './guest-requests.ts';
import { looksLikeQcow2 } from './header.ts';
import { imageInfo, specificInfo } from './info.ts';
import { measureImage } from './measure.ts';
import { applySettings, checkDataFileBits, checkFlags, loadTables, prepareForWriting, readHeader, settleImage, writeCaches } from './open.ts';
import { MUTABLE_OPTIONS, takeSettings, type Qcow2Settings } from './options.ts';
import { readGuest } from './read.ts';
import { resizeImage } from './resize.ts';
import { createSnapshot, deleteSnapshot, gotoSnapshot, loadSnapshot, snapshotByIdOrName } from './snapshots.ts';
import { hasDataFile, isDataFileRaw, isReadOnly, stateOf, type Qcow2State } from './state.ts';
import { changeBackingName } from './update-header.ts';
import { writeCompressed, writeGuest } from './write.ts';

/** @globalState */
async function openQcow2(bs: BlockDriverState, options: BlockOptions, flags: OpenFlags): Promise<void> {
  GLOBAL_STATE_CODE('openQcow2');
  await bdrvOpenChild(null, options, 'file', bs, childOfBds, BDRV_CHILD_IMAGE, false);
  const s = await runCoWrapper(bs.aioContext, () => readHeader(bs));
  checkFlags(s, flags);
  await openDataFile(s, options, flags);
  showHeader(s);
  await runCoWrapper(bs.aioContext, () => s.lock.run(() => loadImage(s, options, flags)));
  bs.opaque = s;
}

/** Attaches the file for guest data, where the image has one. @globalState */
async function openDataFile(s: Qcow2State, options: BlockOptions, flags: OpenFlags): Promise<void> {
  GLOBAL_STATE_CODE('openDataFile');
  const { bs } = s;
  const isGiven = stringOption(options, 'data-file') !== undefined || Object.keys(options).some((name) => name.startsWith('data-file.'));
  if (!hasDataFile(s)) {
    if (isGiven) throw blockError('EINVAL', "'data-file' can only be set for images with an external data file");
    checkDataFileBits(s);
    return;
  }
  const name = isGiven ? null : s.extensions.dataFile;
  if (!isGiven && (name === null || name === '')) throw blockError('EINVAL', "'data-file' is required for this image");
  if ((flags & BDRV_O_NO_IO) !== 0 && !isGiven) {
    // Only the header is looked at: the data need not be there.
    const child = await bdrvOpenChild(name, options, 'data-file', bs, childOfBds, BDRV_CHILD_DATA, true).catch(() => null);
    if (child) s.dataFile = child;
    return;
  }
  const child = await bdrvOpenChild(name, options, 'data-file', bs, childOfBds, BDRV_CHILD_DATA, false);
  if (child === null || bs.file === null) throw blockError('EINVAL', "'data-file' is required for this image");
  s.dataFile = child;
  bs.file.role &= ~BDRV_CHILD_DATA;
  bdrvChildRefreshPerms(bs, bs.file);
}

/** Copies to the node what it tells of the image. */
function showHeader(s: Qcow2State): void {
  const { bs, header } = s;
  bs.totalSectors = header.size / BDRV_SECTOR_SIZE;
  bs.encrypted = header.cryptMethod !== 0;
  bs.backingFile = s.backingName ?? '';
  bs.autoBackingFile = bs.backingFile;
  bs.backingFormat = s.backingName === null ? '' : (s.extensions.backingFormat ?? '');
  bs.supportedZeroFlags = header.version >= 3 ? BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK : 0;
  bs.supportedTruncateFlags = header.version >= 3 ? BDRV_REQ_ZERO_WRITE : 0;
}

/** Loads everything but the header. */
async function loadImage(s: Qcow2State, options: BlockOptions, flags: OpenFlags): Promise<void> {
  await openEncryption(s, new OptionBag(options), (flags & BDRV_O_NO_IO) === 0);
  applySettings(s, takeSettings(s, options, flags));
  await loadTables(s, flags);
  await prepareForWriting(s, flags);
  if ((flags & BDRV_O_INACTIVE) === 0) await loadBitmaps(s);
  s.bitmapInfos = await bitmapInfos(s).catch(() => []);
}

/** Stores what is only in memory. @globalState */
async function inactivate(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('inactivate');
  const s = bs.opaque as Qcow2State | null;
  if (s === null || s.isUnusable || isReadOnly(s) || (bs.openFlags & BDRV_O_INACTIVE) !== 0) return;
  await runCoWrapper(bs.aioContext, () => s.lock.run(async () => {
    try {
      await storeBitmaps(s, true);
    } finally {
      await settleImage(s);
    }
  }));
}

/** @globalState */
async function closeQcow2(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('closeQcow2');
  const s = bs.opaque as Qcow2State | null;
  try {
    await inactivate(bs);
  } catch (error) {
    // Closing can't fail. The next open finds an image as after a crash.
    emitBlockEvent('BLOCK_IMAGE_NOT_CLEAN', { 'node-name': bs.nodeName, reason: (error as Error).message });
  }
  if (s && s.dataFile !== bs.file) await bdrvUnrefChild(bs, s.dataFile);
}

/** What a reopen will use. */
interface Reopen {
  readonly settings: Qcow2Settings;
}

/** @globalState */
async function prepareReopen(state: BDRVReopenState): Promise<void> {
  GLOBAL_STATE_CODE('prepareReopen');
  const s = stateOf(state.bs);
  const bag = new OptionBag(state.options);
  bag.take('encrypt.format');
  bag.take('encrypt.key-secret');
  const settings = takeSettings(s, state.options, state.flags);
  state.opaque = { settings } satisfies Reopen;
  // Who will not write any more leaves the image as if it were closed.
  if ((state.flags & BDRV_O_RDWR) === 0 && !isReadOnly(s)) {
    await runCoWrapper(state.bs.aioContext, () => s.lock.run(async () => {
      await makeBitmapsReadOnly(s);
      await settleImage(s);
    }));
  } else {
    await runCoWrapper(state.bs.aioContext, () => s.lock.run(async () => {
      await s.l2Cache.flush();
      await s.refcountCache.flush();
    }));
  }
}

/** @globalState */
function commitReopen(state: BDRVReopenState): void {
  GLOBAL_STATE_CODE('commitReopen');
  applySettings(stateOf(state.bs), (state.opaque as Reopen).settings);
  state.opaque = null;
}

/** @globalState */
async function finishReopen(state: BDRVReopenState): Promise<void> {
  GLOBAL_STATE_CODE('finishReopen');
  const s = stateOf(state.bs);
  if ((state.flags & BDRV_O_RDWR) === 0 || !s.bs.dirtyBitmaps.some((bitmap) => bitmap.persistent && bitmap.readonly)) return;
  await runCoWrapper(state.bs.aioContext, () => s.lock.run(() => makeBitmapsWritable(s)));
}

/** Forgets everything and reads the image anew: somebody else has written to it. @io @coroutine */
async function invalidateCache(bs: BlockDriverState): Promise<void> {
  const old = stateOf(bs);
  await old.lock.run(async () => {
    const s = await readHeader(bs);
    if (old.dataFile !== bs.file) s.dataFile = old.dataFile;
    s.encryption = old.encryption;
    applySettings(s, {
      useLazyRefcounts: old.useLazyRefcounts, discardPassthrough: old.discardPassthrough, overlapChecks: old.overlapChecks, cacheCleanInterval: old.cacheCleanInterval,
      sliceEntries: old.sliceEntries, l2CacheTables: old.l2Cache.capacity, refcountCacheTables: old.refcountCache.capacity,
    });
    await loadTables(s, bs.openFlags);
    showHeader(s);
    bs.opaque = s;
    await prepareForWriting(s, bs.openFlags);
    await loadBitmaps(s);
  });
}

/** Runs a change of the image as a coroutine, with the lock held. @globalState */
async function change(bs: BlockDriverState, work: (s: Qcow2State) => Promise<void>): Promise<void> {
  GLOBAL_STATE_CODE('change');
  const s = stateOf(bs);
  await runCoWrapper(bs.aioContext, () => s.lock.run(() => work(s)));
}

/** Goes back to a snapshot; the disk gets the length that it had then. @globalState */
async function goBack(bs: BlockDriverState, id: string): Promise<void> {
  GLOBAL_STATE_CODE('goBack');
  const snapshot = snapshotByIdOrName(stateOf(bs), id);
  if (!snapshot || snapshot.diskSize === stateOf(bs).header.size) {
    await change(bs, (s) => gotoSnapshot(s, id));
    return;
  }
  // Nobody may mind the new length, and all who use the node have to be told of it.
  const blk = await blkNewWithBs(bs, BLK_PERM_RESIZE, BLK_PERM_ALL);
  try {
    await change(bs, (s) => gotoSnapshot(s, id));
    await blkTruncate(blk, snapshot.diskSize, false, 'off', 0);
  } finally {
    await blkUnref(blk);
  }
}

/** Images that grow. */
export const bdrvQcow2: BlockDriver = {
  formatName: 'qcow2',
  isFormat: true,
  supportsBacking: true,
  createOpts: qcow2CreateOpts,
  amendOpts: qcow2AmendOpts,
  mutableOpts: MUTABLE_OPTIONS,
  strongRuntimeOpts: ['encrypt.key-secret'],

  bdrvOpen: openQcow2,
  bdrvClose: closeQcow2,
  bdrvInactivate: inactivate,
  bdrvReopenPrepare: prepareReopen,
  bdrvReopenCommit: commitReopen,
  bdrvReopenCommitPost: finishReopen,
  bdrvReopenAbort(state) {
    state.opaque = null;
  },
  bdrvChildPerm: bdrvDefaultPerms,
  bdrvCoCreate: createByOptions,
  bdrvCoCreateOpts: (_drv, filename, options) => createByName(filename, options),
  bdrvAmendOptions: amendImage,
  bdrvMakeEmpty: (bs) => change(bs, emptyImage),
  bdrvChangeBackingFile: (bs, file, format) => change(bs, (s) => {
    if (file !== null && isDataFileRaw(s)) throw blockError('EINVAL', 'Images whose data file is raw have no backing file');
    return changeBackingName(s, file, format);
  }),
  bdrvSnapshotCreate: (bs, info) => change(bs, (s) => createSnapshot(s, info)),
  bdrvSnapshotGoto: goBack,
  bdrvSnapshotDelete: (bs, id, name) => change(bs, (s) => deleteSnapshot(s, id, name)),
  bdrvSnapshotList: (bs) => Promise.resolve(stateOf(bs).snapshots.map((snapshot) => ({ ...snapshot }))),
  bdrvSnapshotLoadTmp: (bs, id, name) => change(bs, (s) => loadSnapshot(s, id, name)),
  bdrvRefreshLimits(bs) {
    const s = bs.opaque as Qcow2State | null;
    if (s === null) return;
    if (s.encryption !== null) bs.bl.requestAlignment = Math.max(bs.bl.requestAlignment, BDRV_SECTOR_SIZE);
    bs.bl.pwriteZeroesAlignment = s.subclusterSize;
    bs.bl.pdiscardAlignment = s.clusterSize;
  },
  bdrvHasZeroInit(bs) {
    const s = stateOf(bs);
    // What is preallocated shows what was in the file.
    if (s.l1.length === 0 || s.l1.nextUsed(0) >= s.l1.length) return true;
    return s.encryption === null && s.dataFile.bs !== null && bdrvHasZeroInit(s.dataFile.bs);
  },

  bdrvProbe: (buffer) => (looksLikeQcow2(buffer) ? 100 : 0),
  bdrvCoAmend: (bs, options, force) => amendKeys(stateOf(bs), options, force),
  bdrvCoPreadvPart: (bs, offset, bytes, qiov, qiovOffset) => readGuest(stateOf(bs), offset, bytes, qiov, qiovOffset),
  bdrvCoPwritevPart: (bs, offset, bytes, qiov, qiovOffset) => writeGuest(stateOf(bs), offset, bytes, qiov, qiovOffset),
  bdrvCoPwritevCompressedPart: (bs, offset, bytes, qiov, qiovOffset) => writeCompressed(stateOf(bs), offset, bytes, qiov, qiovOffset),
  bdrvCoPwriteZeroes: (bs, offset, bytes, flags) => writeZeroes(stateOf(bs), offset, bytes, flags),
  bdrvCoPdiscard: (bs, offset, bytes) => discardGuest(stateOf(bs), offset, bytes),
  bdrvCoBlockStatus: (bs, _wantZero, offset, bytes) => blockStatus(stateOf(bs), offset, bytes),
  bdrvCoInvalidateCache: invalidateCache,
  bdrvCoFlushToOs: (bs) => stateOf(bs).lock.run(() => writeCaches(stateOf(bs))),
  bdrvCoTruncate: (bs, offset, exact, prealloc, flags) => resizeImage(stateOf(bs), offset, exact, prealloc, flags),
  bdrvGetlength: (bs) => Promise.resolve(stateOf(bs).header.size),
  bdrvMeasure: measureImage,
  bdrvGetInfo: (bs) => imageInfo(stateOf(bs)),
  bdrvGetSpecificInfo: (bs) => specificInfo(stateOf(bs)),
  bdrvSaveVmstate: (bs, qiov, position) => saveVmState(stateOf(bs), qiov, position),
  bdrvLoadVmstate: (bs, qiov, position) => loadVmState(stateOf(bs), qiov, position),
  async bdrvCoCheck(bs, result, fix) {
    const s = stateOf(bs);
    Object.assign(result, await s.lock.run(() => checkImage(s, (fix & BDRV_FIX_LEAKS) !== 0, (fix & BDRV_FIX_ERRORS) !== 0)));
  },
  bdrvSupportsPersistentDirtyBitmap: (bs) => stateOf(bs).header.version >= 3,
  async bdrvCoCanStoreNewDirtyBitmap(bs, name, granularity) {
    const s = stateOf(bs);
    await s.lock.run(() => checkNewBitmap(s, name, granularity));
    return true;
  },
  bdrvCoRemovePersistentDirtyBitmap: (bs, name) => stateOf(bs).lock.run(() => removeBitmap(stateOf(bs), name)),
};
