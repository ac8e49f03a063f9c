/**
 * What an open qcow2 image is in memory, and the arithmetic of its clusters.
 *
 * In: a header. Out: the record that all parts of the driver share. Leaves to others: everything that reads or writes the file.
 */
import { type CoMutex, type CoQueue } from '../../contexts/coroutine.ts';
import type { SnapshotInfo } from '../../model/driver.ts';
import { blockError } from '../../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../../model/node.ts';
import type { EncryptedPayload } from './encryption.ts';
import { INCOMPAT_DATA_FILE, INCOMPAT_EXTENDED_L2, AUTOCLEAR_RAW_DATA_FILE, hasFeature, type HeaderExtensions, type Qcow2Header } from './header.ts';
import { PointerTable } from './pointer-table.ts';
import type { TableCache } from './table-cache.ts';

/** Why clusters are freed: decides whether the file below is told. */
export type DiscardType = 'never' | 'always' | 'request' | 'snapshot' | 'other';

/** Parts of the metadata that a write is compared with before it is done. */
export interface OverlapChecks {
  mainHeader: boolean;
  activeL1: boolean;
  activeL2: boolean;
  refcountTable: boolean;
  refcountBlock: boolean;
  snapshotTable: boolean;
  inactiveL1: boolean;
  inactiveL2: boolean;
  bitmapDirectory: boolean;
}

/** An internal snapshot, as the table has it. */
export interface Qcow2Snapshot extends SnapshotInfo {
  l1TableOffset: number;
  l1Size: number;
  /** Length of the disk when it was taken. */
  diskSize: number;
  /** What its extra data holds beyond what is known. */
  unknownExtraData: Uint8Array;
  /** Bytes of extra data in the file: below 24 the entry is of an old form. */
  extraDataSize: number;
}

/** Part of an allocation that is filled from what the guest saw there before. */
export interface CowRegion {
  /** From the start of the allocation. */
  offset: number;
  bytes: number;
}

/** Clusters that a write in flight allocates: the L2 table points to them only once they are filled. */
export interface ClusterAllocation {
  /** Guest offset of the first cluster. */
  readonly offset: number;
  /** Host offset of the first cluster. */
  readonly hostOffset: number;
  readonly clusters: number;
  /** They are in place already, and only their state changes. */
  readonly keepsOldClusters: boolean;
  readonly cowStart: CowRegion;
  readonly cowEnd: CowRegion;
  /** Nothing is written: subclusters stay as they are. */
  readonly isPreallocation: boolean;
  /** Writes that wait for this one. */
  readonly dependents: CoQueue;
}

/** An open image. */
export interface Qcow2State {
  readonly bs: BlockDriverState;
  header: Qcow2Header;
  extensions: HeaderExtensions;
  backingName: string | null;
  readonly clusterBits: number;
  readonly clusterSize: number;
  /** Bytes of an L2 entry: 8, or 16 with subclusters. */
  readonly l2EntrySize: number;
  /** Entries of an L2 table. */
  readonly l2Entries: number;
  /** Entries of the part of an L2 table that is cached as one. */
  sliceEntries: number;
  readonly subclusters: number;
  readonly subclusterSize: number;
  refcountBits: number;
  refcountBlockEntries: number;
  l1: PointerTable;
  refcountTable: PointerTable;
  l2Cache: TableCache;
  refcountCache: TableCache;
  /** No cluster before it is free. */
  freeClusterIndex: number;
  /** Clusters that are free, but that tables in the file may still point to: used again only after the L2 cache has been flushed. */
  readonly quarantine: Set<number>;
  /** Where the next compressed cluster goes; 0: into a new cluster. */
  freeByteOffset: number;
  /** Held while metadata is looked at or changed. */
  readonly lock: CoMutex;
  readonly allocations: ClusterAllocation[];
  snapshots: Qcow2Snapshot[];
  /** Bytes of the snapshot table. */
  snapshotsSize: number;
  /** What `info` says of the stored bitmaps, as of when they were last read or written. */
  bitmapInfos: { readonly name: string; readonly granularity: number; readonly flags: readonly string[] }[];
  useLazyRefcounts: boolean;
  readonly discardPassthrough: Record<DiscardType, boolean>;
  /** Freed ranges of which the file below will be told. */
  readonly pendingDiscards: { offset: number; bytes: number }[];
  /** Discards wait until this is 0. */
  heldDiscards: number;
  overlapChecks: OverlapChecks;
  /** Corruption was reported once. */
  hasSignaledCorruption: boolean;
  /** Fatal corruption was found, or nobody knows what a pointer on the disk says: no more requests, and no more writes. */
  isUnusable: boolean;
  /** L2 entries may point to clusters whose data was never written. */
  mayBePreallocated: boolean;
  /** Guest data is there. */
  dataFile: BdrvChild;
  encryption: EncryptedPayload | null;
  /** Seconds after which tables that were not used are forgotten; 0: never. */
  cacheCleanInterval: number;
}

/** The lengths that follow from a header. */
export function geometryOf(header: Qcow2Header): Pick<Qcow2State,
  'clusterBits' | 'clusterSize' | 'l2EntrySize' | 'l2Entries' | 'subclusters' | 'subclusterSize' | 'refcountBits' | 'refcountBlockEntries'> {
  const clusterSize = 2 ** header.clusterBits;
  const isExtended = hasFeature(header.incompatibleFeatures, INCOMPAT_EXTENDED_L2);
  const l2EntrySize = isExtended ? 16 : 8;
  const subclusters = isExtended ? 32 : 1;
  return {
    clusterBits: header.clusterBits, clusterSize, l2EntrySize, l2Entries: clusterSize / l2EntrySize, subclusters,
    subclusterSize: clusterSize / subclusters, refcountBits: 2 ** header.refcountOrder, refcountBlockEntries: (clusterSize * 8) / 2 ** header.refcountOrder,
  };
}

/** @throws BlockError where the image takes no more requests @io */
export function refuseUnusable(s: Qcow2State): void {
  if (s.isUnusable) throw blockError('ENOMEDIUM', 'The image was found to be corrupt, or could not be kept from becoming so');
}

/** The state of a node that this driver has opened. @io */
export function stateOf(bs: BlockDriverState): Qcow2State {
  const s = bs.opaque as Qcow2State | null;
  if (s === null) throw blockError('ENOMEDIUM', 'The image is closed');
  refuseUnusable(s);
  return s;
}

/** The edge to the file that holds the metadata. @io */
export function fileOf(s: Qcow2State): BdrvChild {
  if (s.bs.file === null) throw blockError('ENOMEDIUM', 'The image has no file');
  return s.bs.file;
}

/** The node that an edge leads to. */
export function nodeAt(child: BdrvChild): BlockDriverState {
  if (child.bs === null) throw blockError('ENOMEDIUM', 'The edge leads to no node');
  return child.bs;
}

/** Whether guest data is in a file of its own. */
export function hasDataFile(s: Qcow2State): boolean {
  return hasFeature(s.header.incompatibleFeatures, INCOMPAT_DATA_FILE);
}

/** Whether the data file alone is a valid raw image. */
export function isDataFileRaw(s: Qcow2State): boolean {
  return hasFeature(s.header.autoclearFeatures, AUTOCLEAR_RAW_DATA_FILE);
}

export function hasSubclusters(s: Qcow2State): boolean {
  return s.subclusters > 1;
}

/** Bytes that one L2 table maps. */
export function l2Coverage(s: Qcow2State): number {
  return s.l2Entries * s.clusterSize;
}

/** Clusters that `bytes` bytes take. */
export function clustersFor(s: Pick<Qcow2State, 'clusterSize'>, bytes: number): number {
  return Math.ceil(bytes / s.clusterSize);
}

/** Entries that an L1 table needs for a disk of `size` bytes. */
export function l1EntriesFor(s: Pick<Qcow2State, 'l2Entries' | 'clusterSize'>, size: number): number {
  return Math.ceil(size / (s.l2Entries * s.clusterSize));
}

/** Guest offset at which VM state starts: behind all that the L1 table needs for the disk. */
export function vmStateOffset(s: Qcow2State): number {
  return l1EntriesFor(s, s.header.size) * l2Coverage(s);
}

/** Whether the image must not be written. */
export function isReadOnly(s: Qcow2State): boolean {
  return (s.bs.openFlags & 2) === 0;
}

/** An empty table, for an image that is being opened. */
export function emptyTable(): PointerTable {
  return new PointerTable(new Uint8Array(0), 0);
}
