/**
 * Checks an image, and repairs it: refcounts, flags COPIED, the snapshot table.
 *
 * In: an image, and what may be repaired. Out: how much is wrong, and how much no longer is. A *leak* is a cluster that is counted more
 * often than it is used: room is lost, no data. Everything else that is wrong is a *corruption*.
 *
 * Leaves to others: counting uses (`census.ts`). Call with the lock held.
 */
import type { BdrvCheckResult } from '../../model/driver.ts';
import { bdrvCoPwrite } from '../../requests/write.ts';
import { emptyResult, readL2Table, takeCensus, type Census } from './census.ts';
import { clearDirty, markConsistent } from './feature-bits.ts';
import { viewOf } from './header.ts';
import { clusterTypeOf, hasHostCluster, hostOffsetOf, isCopied, readEntry, withCopied, writeEntry } from './l2-entry.ts';
import { writeL1Entry } from './l2-tables.ts';
import { checkWriteOverlap } from './overlap.ts';
import { replaceRefcounts } from './refcount-structure.ts';
import { getRefcount, updateRefcounts } from './refcounts.ts';
import { readSnapshotTable, REQUIRED_EXTRA_BYTES, writeSnapshotTable } from './snapshot-table.ts';
import { clustersFor, fileOf, hasDataFile, type Qcow2State } from './state.ts';

/** Checks the image. */
export async function checkImage(s: Qcow2State, fixLeaks: boolean, fixErrors: boolean): Promise<BdrvCheckResult> {
  const result = emptyResult();
  result.bfi.totalClusters = clustersFor(s, s.header.size);
  await s.l2Cache.flush();
  await s.refcountCache.flush();
  await checkSnapshotTable(s, result, fixErrors);
  await checkRefcounts(s, result, fixLeaks, fixErrors);
  await repairSnapshotTable(s, result, fixErrors);
  if ((fixLeaks || fixErrors) && result.checkErrors === 0 && result.corruptions === 0) {
    await s.refcountCache.flush();
    await clearDirty(s);
    await markConsistent(s);
  }
  return result;
}

/** Reads the snapshot table anew, as much of it as makes sense. */
async function checkSnapshotTable(s: Qcow2State, result: BdrvCheckResult, fixErrors: boolean): Promise<void> {
  try {
    const table = await readSnapshotTable(s, fixErrors);
    s.snapshots = table.snapshots;
    s.snapshotsSize = table.bytes;
    result.corruptions += table.cutExtraData + table.dropped;
  } catch {
    // Without it, what snapshots use would be taken for leaks, and freed.
    result.checkErrors++;
    s.snapshots = [];
  }
}

/** Writes the snapshot table anew where entries lack what their version needs. */
async function repairSnapshotTable(s: Qcow2State, result: BdrvCheckResult, fixErrors: boolean): Promise<void> {
  if (s.header.version < 3) return;
  const incomplete = s.snapshots.filter((snapshot) => snapshot.extraDataSize < REQUIRED_EXTRA_BYTES).length;
  result.corruptions += incomplete;
  if (!fixErrors || result.checkErrors > 0 || (incomplete === 0 && s.snapshots.length === s.header.nbSnapshots)) return;
  try {
    await writeSnapshotTable(s);
    await s.refcountCache.flush();
    for (const snapshot of s.snapshots) snapshot.extraDataSize = Math.max(snapshot.extraDataSize, REQUIRED_EXTRA_BYTES);
    result.corruptionsFixed += incomplete;
    result.corruptions -= incomplete;
  } catch {
    result.checkErrors++;
  }
}

async function checkRefcounts(s: Qcow2State, result: BdrvCheckResult, fixLeaks: boolean, fixErrors: boolean): Promise<void> {
  const census = await takeCensus(s, result, fixErrors);
  const found = { ...result };
  await compareCounts(census, result, false, false);
  if (result.checkErrors === 0 && (fixLeaks || fixErrors) && (result.leaks > 0 || result.corruptions > 0 || census.needsRebuild)) {
    if (!census.needsRebuild) {
      // What follows finds the same again, and repairs it.
      result.leaks = found.leaks;
      result.corruptions = found.corruptions;
      await compareCounts(census, result, fixLeaks, fixErrors);
    } else if (fixErrors) {
      await rebuildAndCompare(census, result, fixLeaks);
    } else {
      result.checkErrors++;
    }
  }
  if (fixLeaks && result.checkErrors === 0) await forgetBehindEnd(census);
  await checkCopiedFlags(s, result, fixErrors || (fixLeaks && result.checkErrors + result.corruptions + result.leaks === 0));
  result.imageEndOffset = (highestUsed(census) + 1) * s.clusterSize;
}

function highestUsed(census: Census): number {
  return Math.max(0, census.counts.findLastIndex((count) => count > 0), census.highest);
}

/** Compares the counts in the file with what they should be; repairs them if asked. */
async function compareCounts(census: Census, result: BdrvCheckResult, fixLeaks: boolean, fixErrors: boolean): Promise<void> {
  const { s, counts } = census;
  for (let cluster = 0; cluster < counts.length; cluster++) {
    const should = counts[cluster] ?? 0;
    let count: number;
    try {
      count = await getRefcount(s, cluster);
    } catch {
      result.checkErrors++;
      continue;
    }
    if (count > 0) census.highest = cluster;
    if (count === should) continue;
    if (count === 0) {
      census.needsRebuild = true;
    } else if ((count > should ? fixLeaks : fixErrors) && (await repairCount(s, cluster, should - count))) {
      if (count > should) result.leaksFixed++;
      else result.corruptionsFixed++;
      continue;
    }
    if (count > should) result.leaks++;
    else result.corruptions++;
  }
}

/**
 * A crash can leave counts of clusters that the file never got. Nobody calls them leaks, as they take no room; but they would be leaks once
 * the file is long enough.
 */
async function forgetBehindEnd({ s, counts }: Census): Promise<void> {
  const blocks = s.refcountTable;
  for (let block = blocks.nextUsed(Math.floor(counts.length / s.refcountBlockEntries)); block < blocks.length; block = blocks.nextUsed(block + 1)) {
    const end = (block + 1) * s.refcountBlockEntries;
    for (let cluster = Math.max(counts.length, block * s.refcountBlockEntries); cluster < end; cluster++) {
      const count = await getRefcount(s, cluster).catch(() => 0);
      if (count > 0) await repairCount(s, cluster, -count);
    }
  }
}

async function repairCount(s: Qcow2State, cluster: number, change: number): Promise<boolean> {
  return updateRefcounts(s, cluster * s.clusterSize, s.clusterSize, change, 'always').catch(() => false);
}

/** Replaces the refcount structure by a new one, and checks that one. */
async function rebuildAndCompare(census: Census, result: BdrvCheckResult, fixLeaks: boolean): Promise<void> {
  const before = { corruptions: result.corruptions, leaks: result.leaks };
  const { s } = census;
  try {
    await replaceRefcounts(s, census.counts, s.header.refcountOrder);
  } catch {
    result.checkErrors++;
    return;
  }
  result.corruptions = 0;
  result.leaks = 0;
  const again = await takeCensus(s, { ...emptyResult() }, false);
  census.counts = again.counts;
  result.corruptions = again.result.corruptions;
  result.checkErrors += again.result.checkErrors;
  // The old structure is not used any more.
  await compareCounts(again, result, true, false);
  if (again.needsRebuild) result.checkErrors++;
  result.corruptionsFixed += Math.max(0, before.corruptions - result.corruptions);
  result.leaksFixed = fixLeaks ? before.leaks : 0;
}

/** A flag COPIED has to stand exactly where a count is 1: in the L1 table and the L2 tables of the disk. */
async function checkCopiedFlags(s: Qcow2State, result: BdrvCheckResult, repair: boolean): Promise<void> {
  for (let index = s.l1.nextUsed(0); index < s.l1.length; index = s.l1.nextUsed(index + 1)) {
    const offset = s.l1.offsetAt(index);
    // An offset that is none was counted before.
    const count = offset % s.clusterSize === 0 ? await getRefcount(s, offset / s.clusterSize).catch(() => null) : null;
    if (count === null) continue;
    if ((count === 1) !== s.l1.isCopied(index)) {
      result.corruptions++;
      if (repair) await repairL1Flag(s, result, index, offset, count === 1);
    }
    await checkCopiedFlagsOfTable(s, result, offset, repair);
  }
  if (repair) s.l2Cache.forget();
}

async function repairL1Flag(s: Qcow2State, result: BdrvCheckResult, index: number, offset: number, isCopied: boolean): Promise<void> {
  s.l1.set(index, offset, isCopied);
  try {
    await writeL1Entry(s, index);
    result.corruptions--;
    result.corruptionsFixed++;
  } catch {
    result.checkErrors++;
  }
}

async function checkCopiedFlagsOfTable(s: Qcow2State, result: BdrvCheckResult, offset: number, repair: boolean): Promise<void> {
  const bytes = await readL2Table(s, offset).catch(() => null);
  if (bytes === null) {
    result.checkErrors++;
    return;
  }
  const view = viewOf(bytes);
  let wrong = 0;
  for (let index = 0; index < s.l2Entries; index++) {
    const entry = readEntry(s, view, index);
    if (!hasHostCluster(clusterTypeOf(s, entry)) || hostOffsetOf(entry) % s.clusterSize !== 0) continue;
    const count = hasDataFile(s) ? 1 : await getRefcount(s, hostOffsetOf(entry) / s.clusterSize).catch(() => null);
    if (count === null || (count === 1) === isCopied(entry)) continue;
    wrong++;
    writeEntry(s, view, index, withCopied(entry, count === 1));
  }
  if (wrong === 0) return;
  result.corruptions += wrong;
  if (!repair) return;
  try {
    await checkWriteOverlap(s, offset, bytes.length, 'activeL2');
    await bdrvCoPwrite(fileOf(s), offset, bytes, 0);
    result.corruptions -= wrong;
    result.corruptionsFixed += wrong;
  } catch {
    result.checkErrors++;
  }
}
