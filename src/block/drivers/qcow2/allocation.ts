/**
 * Places for guest data that is about to be written.
 *
 * In: a guest range. Out: where to write as much of it as lies in a row in the file, and which clusters that allocates. They are not in
 * an L2 table yet: first they are filled (`write.ts`), then {@link linkAllocation} puts them there. Until then they stand in the list of
 * allocations in flight, and other writes to the same clusters wait, or are cut short in front of them.
 *
 * A run is as long as it can be: clusters that are in place, and then clusters that are new, as long as host offsets follow each other.
 * Example: a write of 1 MiB to an empty image is one run of 16 clusters of 64 KiB, one data write and one change of an L2 table.
 */
import { alignDown } from '../../model/arithmetic.ts';
import { CoQueue } from '../../contexts/coroutine.ts';
import { allocateClusters, allocateClustersAt } from './allocate.ts';
import { signalCorruption } from './corruption.ts';
import { markDirty } from './feature-bits.ts';
import { hasFeature, INCOMPAT_DIRTY } from './header.ts';
import {
  clusterTypeOf, compressedPlaceOf, dataEntry, hasHostCluster, hostOffsetOf, needsNewCluster, readEntry, sameEntry, subclusterTypeOf, withAllocated, writeEntry,
  type L2Entry,
} from './l2-entry.ts';
import { entriesLeftInSlice, ownSlice, type L2Slice } from './l2-tables.ts';
import { freeClusters, freeData } from './refcounts.ts';
import { clustersFor, hasDataFile, hasSubclusters, type ClusterAllocation, type DiscardType, type Qcow2State } from './state.ts';

/** Where guest data goes. */
export interface WritePlace {
  readonly hostOffset: number;
  readonly bytes: number;
  /** What has to be linked once the data is there. */
  readonly allocations: readonly ClusterAllocation[];
}

/** One step of a run. */
interface Step {
  readonly hostOffset: number;
  readonly bytes: number;
  readonly allocation: ClusterAllocation | null;
}

/** Finds or allocates clusters for the bytes from `offset` on, at most `bytes` of them. Call with the lock held. */
export async function placeWrite(s: Qcow2State, offset: number, bytes: number): Promise<WritePlace> {
  const allocations: ClusterAllocation[] = [];
  let host = -1;
  let done = 0;
  try {
    while (done < bytes) {
      const expected = host < 0 ? null : host + done;
      const step = await placeStep(s, offset + done, bytes - done, expected, allocations.length > 0);
      if (step === null) break;
      if (host < 0) host = step.hostOffset;
      if (step.allocation !== null) {
        allocations.push(step.allocation);
        s.allocations.push(step.allocation);
      }
      done += step.bytes;
    }
  } catch (error) {
    if (done === 0) throw error;
    // What was placed can be written; the error comes again with the rest.
  }
  return { hostOffset: host, bytes: done, allocations };
}

/** The next step of a run; `null` where it ends. */
async function placeStep(s: Qcow2State, offset: number, bytes: number, expected: number | null, hasAllocations: boolean): Promise<Step | null> {
  const free = await waitForAllocations(s, offset, bytes, expected !== null || hasAllocations);
  if (free === 0) return null;
  const slice = await ownSlice(s, offset);
  try {
    const first = readEntry(s, slice.table.view, slice.index);
    const count = Math.min(entriesLeftInSlice(s, offset), clustersFor(s, (offset % s.clusterSize) + free));
    if (needsNewCluster(s, first)) return await placeInNewClusters(s, slice, offset, free, count, expected);
    return await placeInOldClusters(s, slice, offset, free, count, expected);
  } finally {
    s.l2Cache.put(slice.table);
  }
}

/**
 * How many bytes no allocation in flight stands in the way of. Waits for one that is at the very start, unless the run has begun: then
 * the run ends there, since the tables may change while one waits.
 */
async function waitForAllocations(s: Qcow2State, offset: number, bytes: number, hasBegun: boolean): Promise<number> {
  for (;;) {
    const { free, blocker } = freeOfAllocations(s, offset, bytes);
    if (blocker === null || free > 0 || hasBegun) return free;
    await blocker.dependents.wait(s.lock);
  }
}

function freeOfAllocations(s: Qcow2State, offset: number, bytes: number): { free: number; blocker: ClusterAllocation | null } {
  let free = bytes;
  let blocker: ClusterAllocation | null = null;
  for (const other of s.allocations) {
    const start = alignDown(offset, s.clusterSize);
    const end = offset + free;
    if (end <= other.offset || start >= other.offset + other.clusters * s.clusterSize) continue;
    const cowStart = other.offset + other.cowStart.offset;
    const cowEnd = other.offset + other.cowEnd.offset + other.cowEnd.bytes;
    // Other parts of clusters that stay where they are can be written at the same time.
    if (other.keepsOldClusters && (end <= cowStart || offset >= cowEnd)) continue;
    const before = Math.max(0, (other.keepsOldClusters ? cowStart : other.offset) - offset);
    if (before < free) {
      free = before;
      blocker = other;
    }
  }
  return { free, blocker };
}

/** Takes the place of clusters that are there and the image's own. */
async function placeInOldClusters(s: Qcow2State, slice: L2Slice, offset: number, bytes: number, count: number, expected: number | null): Promise<Step | null> {
  const inCluster = offset % s.clusterSize;
  const host = hostOffsetOf(readEntry(s, slice.table.view, slice.index));
  if (host % s.clusterSize !== 0) {
    throw await signalCorruption(s, true, `Data cluster offset 0x${host.toString(16)} unaligned (guest offset: 0x${offset.toString(16)})`);
  }
  if (expected !== null && host + inCluster !== expected) return null;
  let clusters = 1;
  while (clusters < count) {
    const entry = readEntry(s, slice.table.view, slice.index + clusters);
    if (needsNewCluster(s, entry) || hostOffsetOf(entry) !== host + clusters * s.clusterSize) break;
    clusters++;
  }
  const length = Math.min(bytes, clusters * s.clusterSize - inCluster);
  return { hostOffset: host + inCluster, bytes: length, allocation: planAllocation(s, slice, offset, length, host, true) };
}

/** Allocates clusters: behind the run so far, or anywhere if there is none yet. */
async function placeInNewClusters(s: Qcow2State, slice: L2Slice, offset: number, bytes: number, count: number, expected: number | null): Promise<Step | null> {
  const inCluster = offset % s.clusterSize;
  let wanted = 1;
  while (wanted < count && needsNewCluster(s, readEntry(s, slice.table.view, slice.index + wanted))) wanted++;
  const { host, clusters } = await newClusters(s, offset - inCluster, wanted, expected === null ? null : expected - inCluster);
  if (clusters === 0) return null;
  const length = Math.min(bytes, clusters * s.clusterSize - inCluster);
  return { hostOffset: host + inCluster, bytes: length, allocation: planAllocation(s, slice, offset, length, host, false) };
}

/** Up to `wanted` clusters for guest offset `guest`; at `at`, where that is given. In a data file each has its fixed place. */
async function newClusters(s: Qcow2State, guest: number, wanted: number, at: number | null): Promise<{ host: number; clusters: number }> {
  if (hasDataFile(s)) return { host: guest, clusters: at === null || at === guest ? wanted : 0 };
  if (at !== null) return { host: at, clusters: await allocateClustersAt(s, at, wanted) };
  return { host: await allocateClusters(s, wanted * s.clusterSize), clusters: wanted };
}

/** What a write does to its clusters; `null` if the L2 table stays as it is. */
function planAllocation(s: Qcow2State, slice: L2Slice, offset: number, bytes: number, host: number, keepsOldClusters: boolean): ClusterAllocation | null {
  const inCluster = offset % s.clusterSize;
  const end = inCluster + bytes;
  const clusters = clustersFor(s, end);
  if (keepsOldClusters && isAllAllocated(s, slice, inCluster, end)) return null;
  const first = readEntry(s, slice.table.view, slice.index);
  const last = readEntry(s, slice.table.view, slice.index + clusters - 1);
  const cowFrom = copyStart(s, first, inCluster, keepsOldClusters);
  const lastBase = (clusters - 1) * s.clusterSize;
  const cowTo = lastBase + copyEnd(s, last, end - lastBase, keepsOldClusters);
  return {
    offset: offset - inCluster, hostOffset: host, clusters, keepsOldClusters, isPreallocation: false, dependents: new CoQueue(),
    cowStart: { offset: cowFrom, bytes: inCluster - cowFrom }, cowEnd: { offset: end, bytes: cowTo - end },
  };
}

/** Whether all subclusters of a range hold data. */
function isAllAllocated(s: Qcow2State, slice: L2Slice, start: number, end: number): boolean {
  for (let at = alignDown(start, s.subclusterSize); at < end; at += s.subclusterSize) {
    const entry = readEntry(s, slice.table.view, slice.index + Math.floor(at / s.clusterSize));
    if (subclusterTypeOf(s, entry, Math.floor((at % s.clusterSize) / s.subclusterSize)) !== 'normal') return false;
  }
  return true;
}

/** From where on the cluster of a write's first byte has to be filled with what was there. */
function copyStart(s: Qcow2State, entry: L2Entry, start: number, keepsOldClusters: boolean): number {
  const subcluster = Math.floor(start / s.subclusterSize);
  if (keepsOldClusters) return subclusterTypeOf(s, entry, subcluster) === 'normal' ? start : subcluster * s.subclusterSize;
  const used = firstUsedSubcluster(s, entry);
  return Math.min(used, subcluster) * s.subclusterSize;
}

/** Up to where the cluster of a write's last byte has to be filled with what was there. `end` is in the cluster, and above 0. */
function copyEnd(s: Qcow2State, entry: L2Entry, end: number, keepsOldClusters: boolean): number {
  const subcluster = Math.floor((end - 1) / s.subclusterSize);
  if (keepsOldClusters) return subclusterTypeOf(s, entry, subcluster) === 'normal' ? end : (subcluster + 1) * s.subclusterSize;
  const used = lastUsedSubcluster(s, entry);
  return (Math.max(used, subcluster) + 1) * s.subclusterSize;
}

/** The first subcluster with data in an old cluster that is about to be replaced. */
function firstUsedSubcluster(s: Qcow2State, entry: L2Entry): number {
  if (!hasSubclusters(s) || clusterTypeOf(s, entry) === 'compressed') return 0;
  return entry.allocatedBits === 0 ? s.subclusters : 31 - Math.clz32(entry.allocatedBits & -entry.allocatedBits);
}

function lastUsedSubcluster(s: Qcow2State, entry: L2Entry): number {
  if (!hasSubclusters(s) || clusterTypeOf(s, entry) === 'compressed') return s.subclusters - 1;
  return entry.allocatedBits === 0 ? -1 : 31 - Math.clz32(entry.allocatedBits);
}

/** Lets the L2 table point to clusters that are filled, and frees what they replace. Call with the lock held. */
export async function linkAllocation(s: Qcow2State, allocation: ClusterAllocation): Promise<void> {
  const replaced: L2Entry[] = [];
  if (s.useLazyRefcounts) await markDirty(s);
  // Lazy refcounts need no order: the dirty bit makes the next open count anew.
  if (!hasFeature(s.header.incompatibleFeatures, INCOMPAT_DIRTY)) await s.l2Cache.setDependency(s.refcountCache);
  // The data must be on the disk before the table points to it: else what was there before, and was safe, would be lost for nothing.
  s.l2Cache.dependOnFlush();
  const slice = await ownSlice(s, allocation.offset);
  try {
    s.l2Cache.markDirty(slice.table);
    for (let cluster = 0; cluster < allocation.clusters; cluster++) {
      const old = readEntry(s, slice.table.view, slice.index + cluster);
      const linked = linkedEntry(s, old, allocation, cluster);
      if (!allocation.keepsOldClusters && !sameEntry(old, linked)) replaced.push(old);
      writeEntry(s, slice.table.view, slice.index + cluster, linked);
    }
  } finally {
    s.l2Cache.put(slice.table);
  }
  for (const old of replaced) await freeEntry(s, old, 'never');
}

function linkedEntry(s: Qcow2State, old: L2Entry, allocation: ClusterAllocation, cluster: number): L2Entry {
  const whole = dataEntry(s, allocation.hostOffset + cluster * s.clusterSize);
  if (!hasSubclusters(s)) return whole;
  const kept = clusterTypeOf(s, old) === 'compressed' ? { ...whole, allocatedBits: 0, zeroBits: 0 } : { ...whole, allocatedBits: old.allocatedBits, zeroBits: old.zeroBits };
  if (allocation.isPreallocation) return kept;
  const start = Math.max(allocation.cowStart.offset - cluster * s.clusterSize, 0);
  const end = Math.min(allocation.cowEnd.offset + allocation.cowEnd.bytes - cluster * s.clusterSize, s.clusterSize);
  return withAllocated(kept, Math.floor(start / s.subclusterSize), Math.floor((end - 1) / s.subclusterSize));
}

/** Ends the use of what an entry points to. */
export async function freeEntry(s: Qcow2State, entry: L2Entry, type: DiscardType): Promise<void> {
  const clusterType = clusterTypeOf(s, entry);
  if (clusterType === 'compressed') {
    const { offset, bytes } = compressedPlaceOf(s, entry);
    await freeClusters(s, offset, bytes, type);
  } else if (hasHostCluster(clusterType)) {
    const offset = hostOffsetOf(entry);
    if (offset % s.clusterSize === 0) await freeData(s, offset, s.clusterSize, type);
    else await signalCorruption(s, false, `Cannot free unaligned cluster 0x${offset.toString(16)}`);
  }
}

/** Takes an allocation out of the list of those in flight, and lets go on who waited for it. */
export function endAllocation(s: Qcow2State, allocation: ClusterAllocation): void {
  s.allocations.splice(s.allocations.indexOf(allocation), 1);
  allocation.dependents.restartAll();
}

/** Gives clusters back that were not filled. */
export async function abandonAllocation(s: Qcow2State, allocation: ClusterAllocation): Promise<void> {
  if (hasDataFile(s) || allocation.keepsOldClusters) return;
  await freeClusters(s, allocation.hostOffset, allocation.clusters * s.clusterSize, 'never');
}

/** Clusters for `bytes` bytes of guest range that get no data now; linked at once. Returns the bytes done. */
export async function preallocateStep(s: Qcow2State, offset: number, bytes: number): Promise<{ hostOffset: number; bytes: number }> {
  const { hostOffset, bytes: done, allocations } = await placeWrite(s, offset, bytes);
  for (const allocation of allocations) {
    try {
      await linkAllocation(s, { ...allocation, isPreallocation: true });
    } finally {
      endAllocation(s, allocation);
    }
  }
  return { hostOffset, bytes: done };
}

