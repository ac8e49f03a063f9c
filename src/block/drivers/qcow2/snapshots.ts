/**
 * Internal snapshots: states of the disk that stay in the image.
 *
 * In: names. Out: snapshots come, go, and are gone back to. A snapshot is a copy of the L1 table; all that it leads to is used once more.
 * What is used more than once loses its flag COPIED, so that the next write takes a new cluster.
 *
 * Leaves to others: the table in the file (`snapshot-table.ts`), and who may call (nodes are drained).
 */
import { bdrvCoFlush } from '../../requests/flush.ts';
import { bdrvCoPwrite } from '../../requests/write.ts';
import type { SnapshotInfo } from '../../model/driver.ts';
import { blockError } from '../../model/errors.ts';
import { allocateClusters } from './allocate.ts';
import { signalCorruption } from './corruption.ts';
import { checkTable, MAX_L1_BYTES, MAX_SNAPSHOTS } from './header.ts';
import { clusterTypeOf, compressedPlaceOf, hasHostCluster, hostOffsetOf, isCopied, readEntry, withCopied, writeEntry, type L2Entry } from './l2-entry.ts';
import { growL1Table, readL1 } from './l2-tables.ts';
import { checkWriteOverlap } from './overlap.ts';
import { PointerTable } from './pointer-table.ts';
import { freeClusters, getRefcount, holdDiscards, updateRefcounts } from './refcounts.ts';
import { writeSize } from './resize.ts';
import { fileOf, hasDataFile, isReadOnly, l2Coverage, nodeAt, vmStateOffset, type Qcow2Snapshot, type Qcow2State } from './state.ts';
import { writeSnapshotTable } from './snapshot-table.ts';
import { discardClusters } from './zero-and-discard.ts';

/** Finds a snapshot: by both where both are given, else by the one. */
function findSnapshot(s: Qcow2State, id: string | null, name: string | null): Qcow2Snapshot | undefined {
  if (id === null && name === null) return undefined;
  return s.snapshots.find((snapshot) => (id === null || snapshot.idStr === id) && (name === null || snapshot.name === name));
}

/** A snapshot by its id or, if there is none, by its name. */
export function snapshotByIdOrName(s: Qcow2State, text: string): Qcow2Snapshot | undefined {
  return findSnapshot(s, text, null) ?? findSnapshot(s, null, text);
}

/** Takes a snapshot. Its id is the number behind the highest one. */
export async function createSnapshot(s: Qcow2State, info: SnapshotInfo): Promise<void> {
  if (s.snapshots.length >= MAX_SNAPSHOTS) throw blockError('EFBIG', 'The image can not have more snapshots');
  if (hasDataFile(s)) throw blockError('ENOTSUP', 'Images with an external data file have no internal snapshots');
  info.idStr = String(Math.max(0, ...s.snapshots.map((snapshot) => Number.parseInt(snapshot.idStr, 10) || 0)) + 1);
  const l1Bytes = s.l1.length * 8;
  const snapshot: Qcow2Snapshot = {
    ...info, diskSize: s.header.size, l1Size: s.l1.length, l1TableOffset: 0, extraDataSize: 24, unknownExtraData: new Uint8Array(0),
  };
  const copy = Buffer.from(s.l1.bytes);
  for (let at = 0; at < copy.length; at += 8) copy[at] = (copy[at] ?? 0) & 0x7f;
  snapshot.l1TableOffset = l1Bytes > 0 ? await allocateClusters(s, l1Bytes) : 0;
  try {
    await writeNewTable(s, snapshot.l1TableOffset, copy);
    // The snapshot uses all that the disk uses. Its table is in use before the header tells of it: a crash in between leaks clusters.
    await countUses(s, s.l1, 1, true);
    s.snapshots.push(snapshot);
    await writeSnapshotTable(s).catch((error: unknown) => {
      s.snapshots.pop();
      throw error;
    });
  } catch (error) {
    if (l1Bytes > 0) await freeClusters(s, snapshot.l1TableOffset, l1Bytes, 'always');
    throw error;
  }
  await discardVmState(s);
}

async function writeNewTable(s: Qcow2State, offset: number, bytes: Uint8Array): Promise<void> {
  if (bytes.length === 0) return;
  await checkWriteOverlap(s, offset, bytes.length);
  await bdrvCoPwrite(fileOf(s), offset, bytes, 0);
  await bdrvCoFlush(nodeAt(fileOf(s)));
}

/** VM state belongs to the snapshot alone once that is taken. */
async function discardVmState(s: Qcow2State): Promise<void> {
  const start = vmStateOffset(s);
  const end = s.l1.length * l2Coverage(s);
  if (start < end) await discardClusters(s, start, end - start, 'never', false);
}

/**
 * Changes the counts of all that an L1 table leads to, and sets the flags COPIED in it and in its L2 tables by the counts that follow.
 *
 * @param change - 1, -1, or 0 to set the flags only
 * @param isActive - the table is the disk's; its entries are written where flags change
 */
async function countUses(s: Qcow2State, l1: PointerTable, change: number, isActive: boolean): Promise<void> {
  const done: CountedRange[] = [];
  try {
    await changeAllUses(s, l1, change, isActive, done);
  } catch (error) {
    // A count may have reached its limit: what went up goes down again.
    if (change > 0) for (const { offset, bytes } of done) await updateRefcounts(s, offset, bytes, -change, 'never').catch(() => false);
    if (change > 0) await changeAllUses(s, l1, 0, isActive, []).catch(() => undefined);
    throw error;
  }
}

/** Clusters whose counts have changed. */
interface CountedRange {
  readonly offset: number;
  readonly bytes: number;
}

async function changeAllUses(s: Qcow2State, l1: PointerTable, change: number, isActive: boolean, done: CountedRange[]): Promise<void> {
  await holdDiscards(s, async () => {
    let l1Changed = false;
    for (let index = l1.nextUsed(0); index < l1.length; index = l1.nextUsed(index + 1)) {
      const table = l1.offsetAt(index);
      if (table % s.clusterSize !== 0) throw await signalCorruption(s, true, `L2 table offset 0x${table.toString(16)} unaligned (L1 index: 0x${index.toString(16)})`);
      await countUsesOfTable(s, table, change, done);
      if (change !== 0) await changeUses(s, table, s.clusterSize, change, done);
      const copied = (await getRefcount(s, table / s.clusterSize)) === 1;
      if (copied === l1.isCopied(index) || !isActive) continue;
      l1.set(index, table, copied);
      l1Changed = true;
    }
    await s.refcountCache.flush();
    await s.l2Cache.flush();
    if (!l1Changed) return;
    await bdrvCoPwrite(fileOf(s), l1.offset, l1.bytes, 0);
    await bdrvCoFlush(nodeAt(fileOf(s)));
  });
}

async function countUsesOfTable(s: Qcow2State, table: number, change: number, done: CountedRange[]): Promise<void> {
  // Counts must be in the file before the flags that follow from them. While counts go down no flag is set: a cleared one does no harm.
  if (change >= 0) await s.l2Cache.setDependency(s.refcountCache);
  for (let at = 0; at < s.clusterSize; at += s.l2Cache.tableSize) {
    const slice = await s.l2Cache.get(table + at);
    try {
      for (let index = 0; index < s.sliceEntries; index++) {
        const entry = readEntry(s, slice.view, index);
        if (entry.high === 0 && entry.low === 0) continue;
        const copied = await countUsesOfEntry(s, entry, change, done);
        if (change < 0 || copied === isCopied(entry)) continue;
        writeEntry(s, slice.view, index, withCopied(entry, copied));
        s.l2Cache.markDirty(slice);
      }
    } finally {
      s.l2Cache.put(slice);
    }
  }
}

/** Changes the counts of what an entry points to; returns what its flag COPIED has to be. */
async function countUsesOfEntry(s: Qcow2State, entry: L2Entry, change: number, done: CountedRange[]): Promise<boolean> {
  const type = clusterTypeOf(s, entry);
  if (type === 'compressed') {
    const { offset, bytes } = compressedPlaceOf(s, entry);
    if (change !== 0) await changeUses(s, offset, bytes, change, done);
    return false;
  }
  if (!hasHostCluster(type)) return isCopied(entry);
  const offset = hostOffsetOf(entry);
  if (offset % s.clusterSize !== 0) throw await signalCorruption(s, true, `Cluster allocation offset 0x${offset.toString(16)} unaligned`);
  if (change !== 0) await changeUses(s, offset, s.clusterSize, change, done);
  return (await getRefcount(s, offset / s.clusterSize)) === 1;
}

async function changeUses(s: Qcow2State, offset: number, bytes: number, change: number, done: CountedRange[]): Promise<void> {
  while (!(await updateRefcounts(s, offset, bytes, change, 'snapshot'))) {
    // Blocks were missing, which only a damaged image brings about; now they are there.
  }
  if (change > 0) done.push({ offset, bytes });
}

/** Makes the disk what it was when the snapshot was taken. */
export async function gotoSnapshot(s: Qcow2State, id: string): Promise<void> {
  const snapshot = snapshotByIdOrName(s, id);
  if (!snapshot) throw blockError('ENOENT', `There is no snapshot '${id}'`);
  if (hasDataFile(s)) throw blockError('ENOTSUP', 'Images with an external data file have no internal snapshots');
  checkSnapshotTable(s, snapshot);
  await growL1Table(s, snapshot.l1Size, true);
  const bytes = Buffer.alloc(s.l1.bytes.length);
  bytes.set(await readL1(s, snapshot.l1TableOffset, snapshot.l1Size));
  const table = new PointerTable(bytes, s.l1.offset);
  const before = new PointerTable(s.l1.bytes, s.l1.offset);
  await countUses(s, table, 1, false);
  await s.refcountCache.flush();
  await checkWriteOverlap(s, table.offset, bytes.length, 'activeL1');
  await bdrvCoPwrite(fileOf(s), table.offset, bytes, 0);
  await bdrvCoFlush(nodeAt(fileOf(s)));
  s.l1 = table;
  if (snapshot.diskSize !== s.header.size) await writeSize(s, snapshot.diskSize);
  // What the disk used until now is used once less. Flags are set anew after that, since now counts are what they will be.
  await countUses(s, before, -1, false);
  await countUses(s, s.l1, 0, true);
}

function checkSnapshotTable(s: Qcow2State, snapshot: Qcow2Snapshot): void {
  checkTable('Snapshot L1 table', snapshot.l1TableOffset, snapshot.l1Size * 8, MAX_L1_BYTES, s.clusterSize);
}

/** Forgets a snapshot, and frees what only it used. */
export async function deleteSnapshot(s: Qcow2State, id: string | null, name: string | null): Promise<void> {
  const snapshot = findSnapshot(s, id, name);
  if (!snapshot) throw blockError('ENOENT', "Can't find the snapshot");
  checkSnapshotTable(s, snapshot);
  const index = s.snapshots.indexOf(snapshot);
  s.snapshots.splice(index, 1);
  await writeSnapshotTable(s).catch((error: unknown) => {
    s.snapshots.splice(index, 0, snapshot);
    throw error;
  });
  const table = new PointerTable(await readL1(s, snapshot.l1TableOffset, snapshot.l1Size), snapshot.l1TableOffset);
  await countUses(s, table, -1, false);
  if (snapshot.l1Size > 0) await freeClusters(s, snapshot.l1TableOffset, snapshot.l1Size * 8, 'snapshot');
  await countUses(s, s.l1, 0, true);
}

/** Lets a read-only node show a snapshot. */
export async function loadSnapshot(s: Qcow2State, id: string | null, name: string | null): Promise<void> {
  if (!isReadOnly(s)) throw blockError('EINVAL', 'A snapshot can only be shown by a read-only node');
  const snapshot = findSnapshot(s, id, name);
  if (!snapshot) throw blockError('ENOENT', "Can't find the snapshot");
  checkSnapshotTable(s, snapshot);
  s.l1 = new PointerTable(await readL1(s, snapshot.l1TableOffset, snapshot.l1Size), snapshot.l1TableOffset);
}

