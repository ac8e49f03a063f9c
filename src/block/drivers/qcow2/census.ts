/**
 * Counts, from all that points to clusters, how often each cluster is used: what the refcounts should be.
 *
 * In: an image. Out: a count for each cluster, and what was found to be wrong on the way. Entries whose repair loses nothing are repaired
 * if asked. Leaves to others: comparing with the refcounts in the file, and repairing those (`check.ts`).
 */
import { BDRV_MAX_LENGTH } from '../../model/constants.ts';
import type { BdrvCheckResult } from '../../model/driver.ts';
import { bdrvGetlength } from '../../requests/length.ts';
import { bdrvCoPread } from '../../requests/read.ts';
import { bdrvCoPwrite } from '../../requests/write.ts';
import { bitmapPlaces } from './bitmap-directory.ts';
import { MAX_L1_BYTES, viewOf } from './header.ts';
import {
  clusterTypeOf, compressedPlaceOf, hasReservedBits, hostOffsetOf, isCopied, readEntry, writeEntry, zeroedEntry, UNALLOCATED_ENTRY, type L2Entry,
} from './l2-entry.ts';
import { readL1 } from './l2-tables.ts';
import { checkWriteOverlap } from './overlap.ts';
import { PointerTable } from './pointer-table.ts';
import { clustersFor, fileOf, hasDataFile, hasSubclusters, nodeAt, type Qcow2State } from './state.ts';

/** What is found while clusters are counted. */
export interface Census {
  readonly s: Qcow2State;
  readonly result: BdrvCheckResult;
  readonly fixErrors: boolean;
  /** Uses by cluster; those behind the end were never used. */
  counts: Uint32Array;
  readonly fileLength: number;
  /** The highest cluster that the file counts. */
  highest: number;
  /** The refcount structure can't be trusted at all. */
  needsRebuild: boolean;
}

/** A result in which nothing was found. */
export function emptyResult(): BdrvCheckResult {
  return {
    corruptions: 0, leaks: 0, checkErrors: 0, corruptionsFixed: 0, leaksFixed: 0, imageEndOffset: 0,
    bfi: { allocatedClusters: 0, totalClusters: 0, fragmentedClusters: 0, compressedClusters: 0 },
  };
}

/** Counts all uses of all clusters. */
export async function takeCensus(s: Qcow2State, result: BdrvCheckResult, fixErrors: boolean): Promise<Census> {
  const fileLength = await bdrvGetlength(nodeAt(fileOf(s)));
  const census: Census = { s, result, fixErrors, counts: new Uint32Array(clustersFor(s, fileLength)), fileLength, highest: 0, needsRebuild: false };
  use(census, 0, s.clusterSize);
  await useL1(census, s.header.l1TableOffset, s.header.l1Size, true);
  await useSnapshots(census);
  const { cryptoHeader, bitmaps } = s.extensions;
  if (cryptoHeader) use(census, cryptoHeader.offset, cryptoHeader.length);
  if (bitmaps) await useBitmaps(census);
  use(census, s.refcountTable.offset, s.refcountTable.bytes.length);
  useRefcountBlocks(census);
  return census;
}

/** Counts one more use of all clusters that a range touches. */
function use(census: Census, offset: number, bytes: number): void {
  if (bytes <= 0) return;
  const { s, result, fileLength } = census;
  // The last cluster of the file may be there in part.
  if (offset + bytes - fileLength >= s.clusterSize) {
    result.corruptions++;
    return;
  }
  const last = Math.floor((offset + bytes - 1) / s.clusterSize);
  if (last >= census.counts.length) {
    const grown = new Uint32Array(last + 1);
    grown.set(census.counts);
    census.counts = grown;
  }
  for (let cluster = Math.floor(offset / s.clusterSize); cluster <= last; cluster++) census.counts[cluster] = (census.counts[cluster] ?? 0) + 1;
}

async function useL1(census: Census, offset: number, entries: number, isActive: boolean): Promise<void> {
  const { s, result } = census;
  if (entries === 0) return;
  use(census, offset, entries * 8);
  const l1 = await readL1(s, offset, entries).then((bytes) => new PointerTable(bytes, offset), () => null);
  if (l1 === null) {
    result.checkErrors++;
    return;
  }
  for (let index = 0; index < l1.length; index++) {
    const table = l1.offsetAt(index);
    if (table === 0 && !l1.isCopied(index) && !l1.hasReservedBits(index)) continue;
    if (l1.hasReservedBits(index)) result.corruptions++;
    use(census, table, s.clusterSize);
    if (table % s.clusterSize !== 0) result.corruptions++;
    await useL2(census, table, isActive);
  }
}

async function useL2(census: Census, offset: number, isActive: boolean): Promise<void> {
  const { s } = census;
  const bytes = await readL2Table(s, offset).catch(() => null);
  if (bytes === null) {
    census.result.checkErrors++;
    return;
  }
  const view = viewOf(bytes);
  const table = { offset, view, bytes, isActive, nextHost: 0 };
  for (let index = 0; index < s.l2Entries; index++) {
    const entry = readEntry(s, view, index);
    if (entry.high === 0 && entry.low === 0 && entry.allocatedBits === 0) continue;
    await useEntry(census, table, index, entry);
  }
}

/** The bytes of an L2 table. One that is said to be behind the end of any file is as empty as one behind the end of this one. */
export async function readL2Table(s: Qcow2State, offset: number): Promise<Uint8Array> {
  const bytes = Buffer.alloc(s.clusterSize);
  if (offset + bytes.length <= BDRV_MAX_LENGTH) await bdrvCoPread(fileOf(s), offset, bytes, 0);
  return bytes;
}

/** An L2 table while its entries are counted. */
interface CountedTable {
  readonly offset: number;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly isActive: boolean;
  /** Where the cluster would be that follows the latest one. */
  nextHost: number;
}

async function useEntry(census: Census, table: CountedTable, index: number, entry: L2Entry): Promise<void> {
  const { s, result } = census;
  const type = clusterTypeOf(s, entry);
  if (type === 'compressed') {
    useCompressed(census, table, entry);
    return;
  }
  if (hasReservedBits(s, entry)) result.corruptions++;
  if (type === 'unallocated') {
    if (entry.allocatedBits !== 0) await repairEntry(census, table, index, entry);
    return;
  }
  if (type === 'zero-plain') return;
  const offset = hostOffsetOf(entry);
  if ((entry.zeroBits & entry.allocatedBits) !== 0) {
    if (await repairEntry(census, table, index, entry)) return;
  } else if (offset % s.clusterSize !== 0) {
    const hasData = hasSubclusters(s) ? entry.allocatedBits !== 0 : type === 'normal';
    if (hasData) result.corruptions++;
    else if (await repairEntry(census, table, index, entry)) return;
  }
  if (table.isActive) {
    result.bfi.allocatedClusters++;
    if (table.nextHost !== 0 && offset !== table.nextHost) result.bfi.fragmentedClusters++;
    table.nextHost = offset + s.clusterSize;
  }
  if (!hasDataFile(s)) use(census, offset, s.clusterSize);
}

function useCompressed(census: Census, table: CountedTable, entry: L2Entry): void {
  const { s, result } = census;
  if (isCopied(entry)) result.corruptions++;
  if (hasDataFile(s) || entry.allocatedBits !== 0 || entry.zeroBits !== 0) {
    result.corruptions++;
    return;
  }
  const { offset, bytes } = compressedPlaceOf(s, entry);
  use(census, offset, bytes);
  if (!table.isActive) return;
  result.bfi.allocatedClusters++;
  result.bfi.compressedClusters++;
  // Compressed clusters are fragmented by nature.
  result.bfi.fragmentedClusters++;
}

/** An entry contradicts itself, and holds no data: it can read as zeroes instead. Says whether that was done. */
async function repairEntry(census: Census, table: CountedTable, index: number, entry: L2Entry): Promise<boolean> {
  const { s, result } = census;
  result.corruptions++;
  if (!census.fixErrors) return false;
  writeEntry(s, table.view, index, zeroedEntry(s, { ...UNALLOCATED_ENTRY, high: 0 }));
  const at = index * s.l2EntrySize;
  try {
    await checkWriteOverlap(s, table.offset + at, s.l2EntrySize, table.isActive ? 'activeL2' : 'inactiveL2');
    await bdrvCoPwrite(fileOf(s), table.offset + at, table.bytes.subarray(at, at + s.l2EntrySize), 0);
  } catch {
    writeEntry(s, table.view, index, entry);
    result.checkErrors++;
    return false;
  }
  result.corruptions--;
  result.corruptionsFixed++;
  return true;
}

async function useSnapshots(census: Census): Promise<void> {
  const { s, result } = census;
  if (hasDataFile(s) && s.snapshots.length > 0) result.corruptions++;
  for (const snapshot of s.snapshots) {
    if (snapshot.l1TableOffset % s.clusterSize !== 0 || snapshot.l1Size * 8 > MAX_L1_BYTES) {
      result.corruptions++;
      continue;
    }
    await useL1(census, snapshot.l1TableOffset, snapshot.l1Size, false);
  }
  use(census, s.header.snapshotsOffset, s.snapshotsSize);
}

async function useBitmaps(census: Census): Promise<void> {
  const { s, result } = census;
  const { bitmaps } = s.extensions;
  if (!bitmaps) return;
  use(census, bitmaps.directoryOffset, bitmaps.directorySize);
  try {
    for (const { offset, bytes, isInvalid } of await bitmapPlaces(s)) {
      if (isInvalid) result.corruptions++;
      else use(census, offset, bytes);
    }
  } catch {
    result.corruptions++;
  }
}

function useRefcountBlocks(census: Census): void {
  const { s, result } = census;
  const blocks = s.refcountTable;
  const inFile = clustersFor(s, census.fileLength);
  for (let index = 0; index < blocks.length; index++) {
    const offset = blocks.offsetAt(index);
    if (blocks.hasReservedBits(index) || blocks.isOddlyPlaced(index, s.clusterSize)) {
      result.corruptions++;
      census.needsRebuild = true;
      continue;
    }
    if (offset === 0) continue;
    const cluster = offset / s.clusterSize;
    if (cluster >= inFile) {
      result.corruptions++;
      if (census.fixErrors) census.needsRebuild = true;
      continue;
    }
    use(census, offset, s.clusterSize);
    if (census.counts[cluster] === 1) continue;
    result.corruptions++;
    census.needsRebuild = true;
  }
}
