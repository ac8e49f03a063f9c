/**
 * Guest ranges that lose their data: they become zeroes, or nothing at all.
 *
 * In: guest ranges of whole clusters (zeroes: of whole subclusters). Out: L2 entries that say so, and freed clusters. Leaves to others:
 * the ends of ranges that are not aligned. Call with the lock held.
 */
import { BDRV_REQ_MAY_UNMAP, type BdrvRequestFlags } from '../../model/constants.ts';
import { alignDown, alignUp } from '../../model/arithmetic.ts';
import { blockError } from '../../model/errors.ts';
import { bdrvCoPwriteZeroes } from '../../requests/write.ts';
import { freeEntry } from './allocation.ts';
import {
  clusterTypeOf, hasHostCluster, readEntry, sameEntry, subclusterTypeOf, UNALLOCATED_ENTRY, withZeroes, writeEntry, zeroedEntry, type L2Entry,
} from './l2-entry.ts';
import { entriesLeftInSlice, findSlice, ownSlice } from './l2-tables.ts';
import { holdDiscards } from './refcounts.ts';
import { clustersFor, hasDataFile, hasSubclusters, isDataFileRaw, l2Coverage, type DiscardType, type Qcow2State } from './state.ts';

/** Replaces the entries of whole clusters; frees what is gone. `replace` says what an entry becomes, and whether its clusters are freed. */
async function replaceEntries(
  s: Qcow2State, offset: number, clusters: number, type: DiscardType, replace: (entry: L2Entry) => { entry: L2Entry; frees: boolean },
): Promise<void> {
  const slice = await ownSlice(s, offset);
  const freed: L2Entry[] = [];
  try {
    for (let cluster = 0; cluster < clusters; cluster++) {
      const old = readEntry(s, slice.table.view, slice.index + cluster);
      const { entry, frees } = replace(old);
      if (sameEntry(old, entry)) continue;
      s.l2Cache.markDirty(slice.table);
      writeEntry(s, slice.table.view, slice.index + cluster, entry);
      if (frees) freed.push(old);
    }
  } finally {
    s.l2Cache.put(slice.table);
  }
  for (const entry of freed) await freeEntry(s, entry, type);
}

/** Does `step` for each part of a range that lies in one slice. `step` gets whole clusters. */
async function forEachSlice(s: Qcow2State, offset: number, bytes: number, step: (offset: number, clusters: number) => Promise<void>): Promise<void> {
  await holdDiscards(s, async () => {
    const end = offset + bytes;
    for (let at = offset; at < end; ) {
      const clusters = Math.min(entriesLeftInSlice(s, at), clustersFor(s, end - at));
      await step(at, clusters);
      at += clusters * s.clusterSize;
    }
  });
}

/**
 * Takes whole clusters away.
 *
 * @param full - nothing stays, not even the knowledge that they read as zeroes: the backing file shows through
 */
export async function discardClusters(s: Qcow2State, offset: number, bytes: number, type: DiscardType, full: boolean): Promise<void> {
  const end = offset + bytes;
  const hasBacking = s.bs.backing !== null;
  const step = async (start: number, clusters: number): Promise<void> => {
    // Where nothing is mapped there is nothing to take away, unless a backing file has to be hidden.
    if ((full || !hasBacking) && (await isUnmapped(s, start))) return;
    await replaceEntries(s, start, clusters, type, (entry) => ({ entry: discardedEntry(s, entry, full), frees: true }));
  };
  if (!full && hasBacking) return forEachSlice(s, offset, bytes, step);
  // Leaps over what no L2 table maps: a large empty image costs nothing.
  for (let at = offset; at < end; ) {
    const next = s.l1.nextUsed(Math.floor(at / l2Coverage(s)));
    if (next >= s.l1.length) return;
    const start = Math.max(at, next * l2Coverage(s));
    const stop = Math.min(end, (next + 1) * l2Coverage(s));
    if (start < stop) await forEachSlice(s, start, stop - start, step);
    at = Math.max(stop, start);
  }
}

async function isUnmapped(s: Qcow2State, offset: number): Promise<boolean> {
  const slice = await findSlice(s, offset);
  if (slice !== null) s.l2Cache.put(slice.table);
  return slice === null;
}

function discardedEntry(s: Qcow2State, entry: L2Entry, full: boolean): L2Entry {
  if (full) return UNALLOCATED_ENTRY;
  const type = clusterTypeOf(s, entry);
  if (s.bs.backing === null && type === 'unallocated') return entry;
  // With subclusters an entry without a cluster can say for each of them that it is zero.
  return s.header.version >= 3 ? zeroedEntry(s, UNALLOCATED_ENTRY) : UNALLOCATED_ENTRY;
}

/**
 * Makes a range of whole subclusters read as zeroes, without writing them.
 *
 * @throws BlockError `ENOTSUP` where the format can't: version 2 has no zero clusters
 */
export async function zeroSubclusters(s: Qcow2State, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<void> {
  const end = Math.min(offset + bytes, s.header.size);
  if (hasDataFile(s) && isDataFileRaw(s)) await bdrvCoPwriteZeroes(s.dataFile, offset, end - offset, flags);
  if (s.header.version < 3) throw blockError('ENOTSUP', 'Images of version 2 have no zero clusters');
  // The last cluster may lie partly behind the end of the disk.
  const last = offset + bytes >= s.header.size ? alignUp(offset + bytes, s.clusterSize) : offset + bytes;
  const head = Math.min(alignUp(offset, s.clusterSize), last);
  const tail = Math.max(alignDown(last, s.clusterSize), head);
  if (offset < head) await zeroInCluster(s, offset, head);
  await forEachSlice(s, head, tail - head, (start, clusters) =>
    replaceEntries(s, start, clusters, 'request', (entry) => zeroEntry(s, entry, flags)));
  if (tail < last) await zeroInCluster(s, tail, last);
}

/** What an entry becomes when its cluster is to read as zeroes: the cluster stays if it can be of use. */
function zeroEntry(s: Qcow2State, entry: L2Entry, flags: BdrvRequestFlags): { entry: L2Entry; frees: boolean } {
  const type = clusterTypeOf(s, entry);
  const frees = type === 'compressed' || ((flags & BDRV_REQ_MAY_UNMAP) !== 0 && hasHostCluster(type));
  return { entry: zeroedEntry(s, frees ? UNALLOCATED_ENTRY : entry), frees };
}

/** Zeroes some subclusters of one cluster. */
async function zeroInCluster(s: Qcow2State, start: number, end: number): Promise<void> {
  if (!hasSubclusters(s)) throw blockError('EINVAL', 'Only whole clusters can be zeroed');
  const base = alignDown(start, s.clusterSize);
  const first = (start - base) / s.subclusterSize;
  const last = (end - base) / s.subclusterSize - 1;
  const slice = await ownSlice(s, start);
  try {
    const entry = readEntry(s, slice.table.view, slice.index);
    // Compressed data can't be zero in part.
    if (subclusterTypeOf(s, entry, first) === 'compressed') throw blockError('ENOTSUP', 'A part of a compressed cluster can not be zeroed by itself');
    writeEntry(s, slice.table.view, slice.index, withZeroes(entry, first, last));
    s.l2Cache.markDirty(slice.table);
  } finally {
    s.l2Cache.put(slice.table);
  }
}
