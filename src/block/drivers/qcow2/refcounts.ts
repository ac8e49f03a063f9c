/**
 * How often each cluster of the image file is used.
 *
 * In: ranges of the file, and by how much their counts change. Out: counts, in refcount blocks that the refcount table points to; both
 * grow as needed. Leaves to others: choosing clusters for a purpose (`allocate.ts`), and what points to them.
 *
 * Where blocks come from, by an example of clusters of 64 KiB and counts of 16 bits: a block counts 32,768 clusters, or 2 GiB. The first
 * use of a cluster above 2 GiB needs block 1. It is put into a free cluster. If that one lies above 2 GiB too, the new block counts
 * itself; if not, block 0 counts it. Only then the table points to it. Who wanted to use a range has to look for free clusters again
 * after that, as one of them may be the block's now.
 */
import { bdrvCoFlush } from '../../requests/flush.ts';
import { bdrvCoPread } from '../../requests/read.ts';
import { bdrvCoPwrite } from '../../requests/write.ts';
import { bdrvCoPdiscard } from '../../requests/discard.ts';
import { alignDown } from '../../model/arithmetic.ts';
import { blockError } from '../../model/errors.ts';
import { blkdbgEvent } from '../../open/debug.ts';
import { signalCorruption } from './corruption.ts';
import { MAX_REFCOUNT_TABLE_BYTES, readOffset, viewOf, writeOffset } from './header.ts';
import { checkWriteOverlap } from './overlap.ts';
import { PointerTable } from './pointer-table.ts';
import { switchPointer } from './pointer-switch.ts';
import { clustersFor, fileOf, hasDataFile, nodeAt, type DiscardType, type Qcow2State } from './state.ts';
import type { CachedTable } from './table-cache.ts';

/** Clusters that may wait for the L2 cache before they are handed out again: bounds the memory that the list of them takes. */
const MAX_QUARANTINE = 16384;

/** The largest count of `bits` bits. Those of 64 bits are only as exact as numbers are. */
export function maxRefcount(bits: number): number {
  return bits === 64 ? Number.MAX_SAFE_INTEGER : 2 ** bits - 1;
}

/** Reads the count at `index` of a block. */
function readRefcount(view: DataView, index: number, bits: number): number {
  switch (bits) {
    case 8:
      return view.getUint8(index);
    case 16:
      return view.getUint16(index * 2);
    case 32:
      return view.getUint32(index * 4);
    case 64:
      return readOffset(view, index * 8);
    default: {
      const perByte = 8 / bits;
      return (view.getUint8(Math.floor(index / perByte)) >>> ((index % perByte) * bits)) & (2 ** bits - 1);
    }
  }
}

/** Writes the count at `index` of a block. */
export function writeRefcount(view: DataView, index: number, bits: number, value: number): void {
  switch (bits) {
    case 8:
      view.setUint8(index, value);
      break;
    case 16:
      view.setUint16(index * 2, value);
      break;
    case 32:
      view.setUint32(index * 4, value);
      break;
    case 64:
      writeOffset(view, index * 8, value);
      break;
    default: {
      const perByte = 8 / bits;
      const at = Math.floor(index / perByte);
      const shift = (index % perByte) * bits;
      view.setUint8(at, (view.getUint8(at) & ~((2 ** bits - 1) << shift)) | (value << shift));
    }
  }
}

/** Reads the refcount table that the header names. */
export async function loadRefcountTable(s: Qcow2State): Promise<void> {
  const bytes = Buffer.alloc(s.header.refcountTableClusters * s.clusterSize);
  await blkdbgEvent(s.bs.file, 'reftable_load');
  await bdrvCoPread(fileOf(s), s.header.refcountTableOffset, bytes, 0);
  s.refcountTable = new PointerTable(bytes, s.header.refcountTableOffset, true);
}

/** The offset of the block that counts a cluster; 0: there is none, all its counts are 0. */
async function blockOffset(s: Qcow2State, cluster: number): Promise<number> {
  const index = Math.floor(cluster / s.refcountBlockEntries);
  const offset = index < s.refcountTable.length ? s.refcountTable.offsetAt(index) : 0;
  if (offset % s.clusterSize !== 0) {
    throw await signalCorruption(s, true, `Refblock offset 0x${offset.toString(16)} unaligned (reftable index: 0x${index.toString(16)})`);
  }
  return offset;
}

/** The count of a cluster. */
export async function getRefcount(s: Qcow2State, cluster: number): Promise<number> {
  const offset = await blockOffset(s, cluster);
  if (offset === 0) return 0;
  const block = s.refcountCache.peek(offset) ?? (await s.refcountCache.get(offset));
  s.refcountCache.put(block);
  return readRefcount(block.view, cluster % s.refcountBlockEntries, s.refcountBits);
}

/** A stretch of free clusters within what one block counts. */
interface FreeRun {
  /** Clusters in use before it. */
  readonly skipped: number;
  readonly free: number;
}

/** Looks for up to `count` free clusters from `cluster` on, as far as one block goes. */
async function freeRunInBlock(s: Qcow2State, cluster: number, count: number): Promise<FreeRun> {
  const first = cluster % s.refcountBlockEntries;
  const offset = await blockOffset(s, cluster);
  // What was counted by a block that is gone is free for certain.
  if (offset === 0) return { skipped: 0, free: Math.min(count, s.refcountBlockEntries - first) };
  const block = s.refcountCache.peek(offset) ?? (await s.refcountCache.get(offset));
  s.refcountCache.put(block);
  const base = cluster - first;
  const isFree = (entry: number): boolean => readRefcount(block.view, entry, s.refcountBits) === 0 && !s.quarantine.has(base + entry);
  let start = first;
  while (start < s.refcountBlockEntries && !isFree(start)) start++;
  const most = Math.min(start + count, s.refcountBlockEntries);
  let end = start;
  while (end < most && isFree(end)) end++;
  return { skipped: start - first, free: end - start };
}

/** How many of the `count` clusters from `cluster` on are free, up to the first that is not. */
export async function freeClustersFrom(s: Qcow2State, cluster: number, count: number): Promise<number> {
  let free = 0;
  while (free < count) {
    const run = await freeRunInBlock(s, cluster + free, count - free);
    if (run.skipped > 0) break;
    free += run.free;
  }
  return free;
}

/** The largest host offset that an L2 entry, and a number, can hold. */
export const MAX_HOST_OFFSET = 2 ** 53 - 2 ** 22;

/**
 * Finds `count` free clusters in a row. They stay free: who wants them changes their counts next.
 *
 * @returns the offset of the first
 */
export async function findFreeClusters(s: Qcow2State, count: number, maxOffset = MAX_HOST_OFFSET): Promise<number> {
  // What is free but still to be discarded would lose what is written to it now.
  await passDiscards(s);
  let start = s.freeClusterIndex;
  let free = 0;
  while (free < count) {
    const run = await freeRunInBlock(s, start + free, count - free);
    if (run.skipped > 0) {
      start += free + run.skipped;
      free = 0;
    }
    free += run.free;
    if ((start + count) * s.clusterSize > maxOffset) throw blockError('EFBIG', 'The image would get too large for its format');
  }
  s.freeClusterIndex = start + count;
  return start * s.clusterSize;
}

/**
 * Makes sure that a block counts the cluster.
 *
 * @returns whether that took clusters, so that what was found to be free has to be looked for again
 */
async function ensureBlock(s: Qcow2State, cluster: number): Promise<boolean> {
  const index = Math.floor(cluster / s.refcountBlockEntries);
  if ((await blockOffset(s, cluster)) !== 0) return false;
  await blkdbgEvent(s.bs.file, 'refblock_alloc');
  // What points to clusters must not get to the file before their counts.
  await s.l2Cache.flush();
  const offset = await findFreeClusters(s, 1);
  const countsItself = Math.floor(offset / s.clusterSize / s.refcountBlockEntries) === index;
  if (!countsItself) {
    // If that took clusters in turn, `offset` may be one of them by now: start again.
    if (!(await updateRefcounts(s, offset, s.clusterSize, 1, 'never'))) return true;
    await s.refcountCache.flush();
  }
  await blkdbgEvent(s.bs.file, 'refblock_alloc_write');
  const block = await s.refcountCache.getEmpty(offset);
  try {
    if (countsItself) writeRefcount(block.view, (offset / s.clusterSize) % s.refcountBlockEntries, s.refcountBits, 1);
    s.refcountCache.markDirty(block);
  } finally {
    s.refcountCache.put(block);
  }
  await s.refcountCache.flush();
  if (index < s.refcountTable.length) await hookUpBlock(s, index, offset);
  else await growRefcountTable(s, index, offset);
  return true;
}

/** Makes the table in the file point to a block. */
async function hookUpBlock(s: Qcow2State, index: number, offset: number): Promise<void> {
  await blkdbgEvent(s.bs.file, 'refblock_alloc_hookup');
  const entry = new Uint8Array(8);
  writeOffset(viewOf(entry), 0, offset);
  try {
    await switchPointer(s, s.refcountTable.offset + index * 8, new Uint8Array(8), entry);
  } catch (error) {
    s.refcountCache.discard(offset);
    throw error;
  }
  s.refcountTable.set(index, offset, false);
}

/**
 * Replaces the refcount table by a longer one.
 *
 * The new table, and the blocks that count it, go to an area behind all that was counted until now, so that nothing in use can be there.
 */
async function growRefcountTable(s: Qcow2State, blockIndex: number, newBlock: number): Promise<void> {
  if ((blockIndex + 1) * 8 > MAX_REFCOUNT_TABLE_BYTES) throw blockError('EFBIG', 'The refcount table would get too large');
  await blkdbgEvent(s.bs.file, 'reftable_grow');
  const area = refcountArea(s, (blockIndex + 1) * s.refcountBlockEntries, blockIndex + 1);
  if (area.tableBytes > MAX_REFCOUNT_TABLE_BYTES) throw blockError('EFBIG', 'The refcount table would get too large');
  const bytes = Buffer.alloc(area.tableBytes);
  bytes.set(s.refcountTable.bytes);
  const grown = new PointerTable(bytes, area.tableOffset, true);
  grown.set(blockIndex, newBlock, false);
  area.blocks.forEach((offset, index) => grown.set(area.firstBlock + index, offset, false));
  await writeAreaBlocks(s, area);
  await blkdbgEvent(s.bs.file, 'refblock_alloc_write_table');
  await checkWriteOverlap(s, area.tableOffset, area.tableBytes);
  await bdrvCoPwrite(fileOf(s), area.tableOffset, grown.bytes, 0);
  await bdrvCoFlush(nodeAt(fileOf(s)));
  await switchRefcountTable(s, grown);
}

/** Where a new refcount table goes, with the blocks that count it. */
interface RefcountArea {
  readonly firstBlock: number;
  /** Offsets of the new blocks. */
  readonly blocks: readonly number[];
  /** First cluster of the area, and how many there are. */
  readonly start: number;
  readonly clusters: number;
  readonly tableOffset: number;
  readonly tableBytes: number;
}

/** Plans an area that starts at cluster `start`, the first that block `firstBlock` counts. */
function refcountArea(s: Qcow2State, start: number, firstBlock: number): RefcountArea {
  let blockCount = 1;
  for (;;) {
    // Half as much again, so that growing is rare.
    const tableClusters = clustersFor(s, Math.ceil((firstBlock + blockCount) * 1.5) * 8);
    const clusters = blockCount + tableClusters;
    const needed = Math.ceil(clusters / s.refcountBlockEntries);
    if (needed <= blockCount) {
      return {
        firstBlock, start, clusters, tableBytes: tableClusters * s.clusterSize, tableOffset: (start + blockCount) * s.clusterSize,
        blocks: Array.from({ length: blockCount }, (_, index) => (start + index) * s.clusterSize),
      };
    }
    blockCount = needed;
  }
}

async function writeAreaBlocks(s: Qcow2State, area: RefcountArea): Promise<void> {
  await blkdbgEvent(s.bs.file, 'refblock_alloc_write_blocks');
  const bytes = Buffer.alloc(area.blocks.length * s.clusterSize);
  const view = viewOf(bytes);
  for (let index = 0; index < area.clusters; index++) writeRefcount(view, index, s.refcountBits, 1);
  await checkWriteOverlap(s, area.start * s.clusterSize, bytes.length);
  await bdrvCoPwrite(fileOf(s), area.start * s.clusterSize, bytes, 0);
}

/** Lets the header point to a table that is in the file, and frees the old one. */
async function switchRefcountTable(s: Qcow2State, table: PointerTable): Promise<void> {
  await blkdbgEvent(s.bs.file, 'refblock_alloc_switch_table');
  const old = s.refcountTable;
  await writeTablePlace(s, table.offset, table.bytes.length / s.clusterSize);
  s.refcountTable = table;
  s.freeClusterIndex = 0;
  await freeClusters(s, old.offset, old.bytes.length, 'other');
}

const REFCOUNT_TABLE_FIELD = 48;

/** The header's fields about the refcount table. */
function tablePlace(offset: number, clusters: number): Uint8Array {
  const field = new Uint8Array(12);
  writeOffset(viewOf(field), 0, offset);
  viewOf(field).setUint32(8, clusters);
  return field;
}

/** Writes the header's fields about the refcount table. */
async function writeTablePlace(s: Qcow2State, offset: number, clusters: number): Promise<void> {
  const { refcountTableOffset, refcountTableClusters } = s.header;
  await switchPointer(s, REFCOUNT_TABLE_FIELD, tablePlace(refcountTableOffset, refcountTableClusters), tablePlace(offset, clusters));
  s.header.refcountTableOffset = offset;
  s.header.refcountTableClusters = clusters;
}

/**
 * Changes the counts of all clusters that a range touches.
 *
 * @returns false if nothing was changed, because new refcount blocks had to be made: the caller has to find free clusters again, or to
 * call again where the clusters are not new
 * @throws BlockError `EINVAL` where a count would leave its bounds; nothing is changed then
 */
export async function updateRefcounts(s: Qcow2State, offset: number, bytes: number, change: number, discardType: DiscardType): Promise<boolean> {
  if (bytes <= 0) return true;
  const first = Math.floor(offset / s.clusterSize);
  const last = Math.floor((offset + bytes - 1) / s.clusterSize);
  if (change > 0) {
    let tookClusters = false;
    for (let cluster = first; cluster <= last; cluster = alignDown(cluster, s.refcountBlockEntries) + s.refcountBlockEntries) {
      if (await ensureBlock(s, cluster)) tookClusters = true;
    }
    if (tookClusters) return false;
  } else {
    // Nobody may use these clusters again before what pointed to them is gone from the file.
    await s.refcountCache.setDependency(s.l2Cache);
  }
  let cluster = first;
  try {
    while (cluster <= last) cluster = await updateInBlock(s, cluster, last, change, discardType);
  } catch (error) {
    if (cluster > first) await updateRefcounts(s, first * s.clusterSize, (cluster - first) * s.clusterSize, -change, 'never');
    throw error;
  }
  if (s.heldDiscards === 0) await passDiscards(s);
  if (s.quarantine.size > MAX_QUARANTINE) await s.l2Cache.flush();
  return true;
}

/** Changes counts as far as one block goes; returns the cluster to go on with. */
async function updateInBlock(s: Qcow2State, cluster: number, last: number, change: number, discardType: DiscardType): Promise<number> {
  const offset = await blockOffset(s, cluster);
  if (offset === 0) throw blockError('EINVAL', 'A cluster that nothing counts can not be freed');
  const start = cluster % s.refcountBlockEntries;
  const end = Math.min(start + last - cluster, s.refcountBlockEntries - 1);
  const block = s.refcountCache.peek(offset) ?? (await s.refcountCache.get(offset));
  try {
    changeCounts(s, block, start, end, change);
    s.refcountCache.markDirty(block);
    for (let index = start; index <= end; index++) {
      if (change < 0 && readRefcount(block.view, index, s.refcountBits) === 0) noteFree(s, cluster + index - start, discardType);
    }
  } finally {
    s.refcountCache.put(block);
  }
  return cluster + end - start + 1;
}

function changeCounts(s: Qcow2State, block: CachedTable, start: number, end: number, change: number): void {
  const most = maxRefcount(s.refcountBits);
  for (let index = start; index <= end; index++) {
    const count = readRefcount(block.view, index, s.refcountBits) + change;
    if (count < 0 || count > most) throw blockError('EINVAL', count < 0 ? 'A cluster is freed that is not in use' : 'A refcount would get too large for its width');
  }
  for (let index = start; index <= end; index++) {
    writeRefcount(block.view, index, s.refcountBits, readRefcount(block.view, index, s.refcountBits) + change);
  }
}

/** A cluster is free now: its tables are forgotten, and the file below may be told. */
function noteFree(s: Qcow2State, cluster: number, discardType: DiscardType): void {
  const offset = cluster * s.clusterSize;
  s.quarantine.add(cluster);
  if (Math.floor(s.freeByteOffset / s.clusterSize) === cluster) s.freeByteOffset = 0;
  s.refcountCache.discard(offset);
  for (let slice = 0; slice < s.clusterSize; slice += s.l2Cache.tableSize) s.l2Cache.discard(offset + slice);
  if (!s.discardPassthrough[discardType]) return;
  const latest = s.pendingDiscards.at(-1);
  if (latest && latest.offset + latest.bytes === offset) latest.bytes += s.clusterSize;
  else s.pendingDiscards.push({ offset, bytes: s.clusterSize });
}

/** Nothing in the file points to freed clusters any more: they can be handed out. */
export function endQuarantine(s: Qcow2State): void {
  for (const cluster of s.quarantine) s.freeClusterIndex = Math.min(s.freeClusterIndex, cluster);
  s.quarantine.clear();
}

/** Tells the file below what is free. It may ignore that. What an unusable image thinks free may be in use on the disk. */
export async function passDiscards(s: Qcow2State): Promise<void> {
  const discards = s.pendingDiscards.splice(0);
  if (s.isUnusable) return;
  for (const { offset, bytes } of discards) await bdrvCoPdiscard(fileOf(s), offset, bytes).catch(() => undefined);
}

/** Does `work` while discards wait, so that what lies side by side becomes one. */
export async function holdDiscards<T>(s: Qcow2State, work: () => Promise<T>): Promise<T> {
  s.heldDiscards++;
  try {
    return await work();
  } finally {
    if (--s.heldDiscards === 0) await passDiscards(s);
  }
}

/** Frees what was allocated: counts go down by one. A count that can't go down is left as it is: the cluster is leaked, and no harm done. */
export async function freeClusters(s: Qcow2State, offset: number, bytes: number, type: DiscardType): Promise<void> {
  await blkdbgEvent(s.bs.file, 'cluster_free');
  await updateRefcounts(s, offset, bytes, -1, type).catch(() => undefined);
}

/** Ends the use of guest data at a host offset: nothing is counted in a data file. */
export async function freeData(s: Qcow2State, offset: number, bytes: number, type: DiscardType): Promise<void> {
  if (!hasDataFile(s)) {
    await freeClusters(s, offset, bytes, type);
  } else if (s.discardPassthrough[type]) {
    await bdrvCoPdiscard(s.dataFile, offset, bytes).catch(() => undefined);
  }
}

/** Shortens the table by the blocks that count nothing at its end, and frees all blocks that count nothing but themselves. */
export async function shrinkRefcountTable(s: Qcow2State): Promise<void> {
  const used = new PointerTable(Uint8Array.from(s.refcountTable.bytes), s.refcountTable.offset, true);
  for (let index = 0; index < used.length; index++) {
    const offset = used.offsetAt(index);
    if (offset === 0) continue;
    if (await blockIsUseless(s, offset, index)) used.set(index, 0, false);
  }
  await blkdbgEvent(s.bs.file, 'reftable_update');
  await checkWriteOverlap(s, used.offset, used.bytes.length, 'refcountTable');
  await bdrvCoPwrite(fileOf(s), used.offset, used.bytes, 0);
  await bdrvCoFlush(nodeAt(fileOf(s)));
  const old = s.refcountTable;
  s.refcountTable = used;
  for (let index = 0; index < old.length; index++) {
    const offset = old.offsetAt(index);
    if (offset === 0 || used.offsetAt(index) !== 0) continue;
    // A block that counted itself took its count along.
    if (Math.floor(offset / s.clusterSize / s.refcountBlockEntries) === index) noteFree(s, offset / s.clusterSize, 'always');
    else await freeClusters(s, offset, s.clusterSize, 'always');
  }
}

async function blockIsUseless(s: Qcow2State, offset: number, index: number): Promise<boolean> {
  const block = await s.refcountCache.get(offset);
  s.refcountCache.put(block);
  const own = offset / s.clusterSize;
  for (let entry = 0; entry < s.refcountBlockEntries; entry++) {
    const isOwn = Math.floor(own / s.refcountBlockEntries) === index && own % s.refcountBlockEntries === entry;
    if (!isOwn && readRefcount(block.view, entry, s.refcountBits) !== 0) return false;
  }
  return true;
}

/** The last cluster in use. */
export async function lastUsedCluster(s: Qcow2State, fileLength: number): Promise<number> {
  for (let cluster = clustersFor(s, fileLength) - 1; cluster >= 0; cluster--) {
    const blockStart = alignDown(cluster, s.refcountBlockEntries);
    if ((await blockOffset(s, cluster)) === 0) cluster = blockStart;
    else if ((await getRefcount(s, cluster)) > 0) return cluster;
  }
  throw await signalCorruption(s, true, 'There are no references in the refcount table.');
}
