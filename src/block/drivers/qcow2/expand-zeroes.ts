/**
 * Takes all zero clusters out of an image, for a version that does not know them.
 *
 * In: an open image. Out: what was a zero cluster is a cluster of zeroes, or nothing, where nothing reads as zeroes too. Tables of
 * snapshots are changed like the disk's. Call with the lock held.
 */
import { bdrvCoFlush } from '../../requests/flush.ts';
import { bdrvCoPwriteZeroes } from '../../requests/write.ts';
import { allocateClusters } from './allocate.ts';
import { clusterTypeOf, dataEntry, hostOffsetOf, isCopied, readEntry, UNALLOCATED_ENTRY, withCopied, writeEntry, type L2Entry } from './l2-entry.ts';
import { readL1 } from './l2-tables.ts';
import { checkDataOverlap } from './overlap.ts';
import { PointerTable } from './pointer-table.ts';
import { freeClusters, getRefcount, updateRefcounts } from './refcounts.ts';
import { fileOf, nodeAt, type Qcow2State } from './state.ts';

/** Expands all zero clusters. `progress` is told how many L2 tables are done. */
export async function expandZeroClusters(s: Qcow2State, progress: (done: number, total: number) => void): Promise<void> {
  const tables = new Set<number>();
  const collect = (l1: PointerTable): void => {
    for (let index = l1.nextUsed(0); index < l1.length; index = l1.nextUsed(index + 1)) tables.add(l1.offsetAt(index));
  };
  collect(s.l1);
  for (const snapshot of s.snapshots) collect(new PointerTable(await readL1(s, snapshot.l1TableOffset, snapshot.l1Size), snapshot.l1TableOffset));
  let done = 0;
  for (const table of tables) {
    await expandInTable(s, table);
    progress(++done, tables.size);
  }
  await s.refcountCache.flush();
  await s.l2Cache.flush();
  await bdrvCoFlush(nodeAt(fileOf(s)));
}

async function expandInTable(s: Qcow2State, table: number): Promise<void> {
  const uses = await getRefcount(s, table / s.clusterSize);
  await s.l2Cache.setDependency(s.refcountCache);
  for (let at = 0; at < s.clusterSize; at += s.l2Cache.tableSize) {
    const slice = await s.l2Cache.get(table + at);
    try {
      for (let index = 0; index < s.sliceEntries; index++) {
        const expanded = await expandedEntry(s, readEntry(s, slice.view, index), uses);
        if (expanded === null) continue;
        writeEntry(s, slice.view, index, expanded);
        s.l2Cache.markDirty(slice);
      }
    } finally {
      s.l2Cache.put(slice);
    }
  }
}

/** What an entry becomes; `null`: it stays. `uses`: of its table, so of each cluster in it. */
async function expandedEntry(s: Qcow2State, entry: L2Entry, uses: number): Promise<L2Entry | null> {
  const type = clusterTypeOf(s, entry);
  if (type !== 'zero-plain' && type !== 'zero-allocated') return null;
  const old = hostOffsetOf(entry);
  if (s.bs.backing === null) {
    if (type === 'zero-allocated') for (let use = 0; use < uses; use++) await freeClusters(s, old, s.clusterSize, 'other');
    return UNALLOCATED_ENTRY;
  }
  // Another table may still see data in the cluster.
  const canStay = type === 'zero-allocated' && (await getRefcount(s, old / s.clusterSize)) === uses;
  const offset = canStay ? old : await allocateClusters(s, s.clusterSize);
  if (!canStay && uses > 1) await updateRefcounts(s, offset, s.clusterSize, uses - 1, 'never');
  await checkDataOverlap(s, offset, s.clusterSize);
  await bdrvCoPwriteZeroes(s.dataFile, offset, s.clusterSize, 0);
  s.l2Cache.dependOnFlush();
  if (!canStay && type === 'zero-allocated') for (let use = 0; use < uses; use++) await freeClusters(s, old, s.clusterSize, 'other');
  return withCopied(dataEntry(s, offset), canStay ? isCopied(entry) : uses === 1);
}
