/**
 * Opening an image: from the header in the file to the state in memory.
 *
 * In: a node whose file child is attached. Out: its state, with tables loaded. Leaves to others: attaching children (`driver.ts`).
 */
import { CoMutex } from '../../contexts/coroutine.ts';
import { BDRV_O_CHECK, BDRV_O_INACTIVE, BDRV_O_NO_IO, type OpenFlags } from '../../model/constants.ts';
import { blockError, prefixError } from '../../model/errors.ts';
import type { BlockDriverState } from '../../model/node.ts';
import { bdrvGetlength } from '../../requests/length.ts';
import { bdrvCoPread } from '../../requests/read.ts';
import { checkImage } from './check.ts';
import { clearDirty } from './feature-bits.ts';
import {
  AUTOCLEAR_KNOWN, AUTOCLEAR_RAW_DATA_FILE, FULL_HEADER_LENGTH, hasFeature, INCOMPAT_CORRUPT, INCOMPAT_DIRTY, MAX_BACKING_NAME_BYTES, noExtensions,
  parseBackingName, parseExtensions, parseHeader, refuseUnknownFeatures, type Qcow2Header,
} from './header.ts';
import { loadL1Table } from './l2-tables.ts';
import type { Qcow2Settings } from './options.ts';
import { OVERLAP_TEMPLATES } from './overlap.ts';
import { endQuarantine, loadRefcountTable } from './refcounts.ts';
import { readSnapshotTable } from './snapshot-table.ts';
import { emptyTable, geometryOf, hasDataFile, isReadOnly, l1EntriesFor, nodeAt, type Qcow2State } from './state.ts';
import { L2_TABLES, REFCOUNT_BLOCKS, TableCache } from './table-cache.ts';
import { updateHeader } from './update-header.ts';

/** A state for an image of this header, with nothing loaded. */
function newState(bs: BlockDriverState, header: Qcow2Header): Qcow2State {
  const geometry = geometryOf(header);
  const file = bs.file;
  if (file === null) throw blockError('ENOMEDIUM', 'The image has no file');
  const s = {
    bs, header, extensions: noExtensions(), backingName: null, ...geometry, sliceEntries: Math.min(geometry.l2Entries, 4096 / geometry.l2EntrySize),
    l1: emptyTable(), refcountTable: emptyTable(), freeClusterIndex: 0, quarantine: new Set(), freeByteOffset: 0, lock: new CoMutex(), allocations: [], snapshots: [], snapshotsSize: 0,
    bitmapInfos: [], useLazyRefcounts: false, discardPassthrough: { never: false, always: true, request: false, snapshot: true, other: false },
    pendingDiscards: [], heldDiscards: 0, overlapChecks: OVERLAP_TEMPLATES.cached, hasSignaledCorruption: false, isUnusable: false, mayBePreallocated: false,
    dataFile: file,
    encryption: null, cacheCleanInterval: 0,
  } as Omit<Qcow2State, 'l2Cache' | 'refcountCache'> as Qcow2State;
  useCaches(s, 4, 4);
  return s;
}

function useCaches(s: Qcow2State, l2Tables: number, refcountTables: number): void {
  s.l2Cache = new TableCache(s, L2_TABLES, l2Tables, s.sliceEntries * s.l2EntrySize, () => endQuarantine(s));
  s.refcountCache = new TableCache(s, REFCOUNT_BLOCKS, refcountTables, s.clusterSize, () => undefined);
}

/** Reads the header with all that stands in its cluster. */
export async function readHeader(bs: BlockDriverState): Promise<Qcow2State> {
  const file = bs.file;
  if (file === null) throw blockError('ENOMEDIUM', 'The image has no file');
  const start = Buffer.alloc(FULL_HEADER_LENGTH);
  const length = await bdrvGetlength(nodeAt(file));
  await readPart(bs, start, Math.min(length, start.length));
  const header = parseHeader(start.subarray(0, Math.min(length, start.length)));
  const cluster = Buffer.alloc(2 ** header.clusterBits);
  await readPart(bs, cluster, Math.min(length, cluster.length));
  // Fields behind those that we know are kept.
  const full = parseHeader(cluster);
  const s = newState(bs, full);
  s.extensions = parseExtensions(cluster, full);
  refuseUnknownFeatures(full, s.extensions);
  s.backingName = parseBackingName(cluster, full);
  if (s.backingName !== null && Buffer.byteLength(s.backingName) > MAX_BACKING_NAME_BYTES) throw blockError('EINVAL', 'Backing file name too long');
  return s;
}

async function readPart(bs: BlockDriverState, buffer: Uint8Array, bytes: number): Promise<void> {
  if (bs.file === null) return;
  try {
    await bdrvCoPread(bs.file, 0, buffer.subarray(0, bytes), 0);
  } catch (error) {
    throw prefixError('Could not read qcow2 header', error);
  }
}

/** Refuses what the flags do not fit: a corrupt image is not written, unless to repair it. */
export function checkFlags(s: Qcow2State, flags: OpenFlags): void {
  if (hasFeature(s.header.incompatibleFeatures, INCOMPAT_CORRUPT) && (flags & BDRV_O_CHECK) === 0 && !isReadOnly(s)) {
    throw blockError('EACCES', 'qcow2: Image is corrupt; cannot be opened read/write');
  }
  if (s.header.refcountTableClusters === 0 && (flags & BDRV_O_CHECK) === 0) throw blockError('EINVAL', 'Image does not contain a reference count table');
}

/** Loads the tables. The data file, if there is one, is attached. */
export async function loadTables(s: Qcow2State, flags: OpenFlags): Promise<void> {
  const { header } = s;
  const needed = l1EntriesFor(s, header.size);
  if (needed > 0x7fffffff / 8) throw blockError('EFBIG', 'Image is too big');
  if (header.l1Size < needed) throw blockError('EINVAL', 'L1 table is too small');
  await loadRefcountTable(s).catch((error: unknown) => {
    throw prefixError('Could not initialize refcount handling', error);
  });
  await loadL1Table(s).catch((error: unknown) => {
    throw prefixError('Could not read L1 table', error);
  });
  // A check reads the snapshot table itself, and may repair it.
  if ((flags & BDRV_O_CHECK) === 0) {
    const table = await readSnapshotTable(s, false).catch((error: unknown) => {
      throw prefixError('Could not read snapshots', error);
    });
    s.snapshots = table.snapshots;
    s.snapshotsSize = table.bytes;
  }
}

/** Uses settings from now on: caches are new and empty. What was in the old ones has been written. */
export function applySettings(s: Qcow2State, settings: Qcow2Settings): void {
  s.sliceEntries = settings.sliceEntries;
  useCaches(s, settings.l2CacheTables, settings.refcountCacheTables);
  s.useLazyRefcounts = settings.useLazyRefcounts;
  Object.assign(s.discardPassthrough, settings.discardPassthrough);
  s.overlapChecks = settings.overlapChecks;
  s.cacheCleanInterval = settings.cacheCleanInterval;
}

/** Makes a writable image ready: unknown features are cleared, and what a crash left behind is repaired. */
export async function prepareForWriting(s: Qcow2State, flags: OpenFlags): Promise<void> {
  if (isReadOnly(s) || (flags & (BDRV_O_INACTIVE | BDRV_O_CHECK)) !== 0) return;
  if ((s.header.autoclearFeatures & ~BigInt(AUTOCLEAR_KNOWN)) !== 0n) {
    s.header.autoclearFeatures &= BigInt(AUTOCLEAR_KNOWN);
    await updateHeader(s).catch((error: unknown) => {
      throw prefixError('Could not update qcow2 header', error);
    });
  }
  if ((flags & BDRV_O_NO_IO) === 0 && hasFeature(s.header.incompatibleFeatures, INCOMPAT_DIRTY)) {
    await repairAfterCrash(s);
  }
}

async function repairAfterCrash(s: Qcow2State): Promise<void> {
  const result = await checkImage(s, true, true);
  if (result.checkErrors > 0 || result.corruptions > 0) throw blockError('EIO', 'Could not repair dirty image');
  await clearDirty(s);
}

/** Whether the header's promises about an external data file hold together. */
export function checkDataFileBits(s: Qcow2State): void {
  if (!hasDataFile(s) && hasFeature(s.header.autoclearFeatures, AUTOCLEAR_RAW_DATA_FILE)) s.header.autoclearFeatures &= ~BigInt(AUTOCLEAR_RAW_DATA_FILE);
}

/** Writes all that is in the caches. Refcounts may wait while the dirty bit is set. */
export async function writeCaches(s: Qcow2State): Promise<void> {
  // The block layer flushes the file next, which is nothing left to do then.
  if (s.quarantine.size > 0) await s.l2Cache.flush();
  else await s.l2Cache.write();
  if (!hasFeature(s.header.incompatibleFeatures, INCOMPAT_DIRTY)) await s.refcountCache.write();
}

/** Writes all caches to the disk, and says in the header that the image is clean. */
export async function settleImage(s: Qcow2State): Promise<void> {
  await s.l2Cache.flush();
  await s.refcountCache.flush();
  if (hasFeature(s.header.incompatibleFeatures, INCOMPAT_DIRTY)) await clearDirty(s);
}
