/**
 * The length of the disk.
 *
 * In: a new length, and how much of what is new gets its place now. Out: the image has it. Leaves to others: permissions, and the part of
 * the area that a shorter backing file would show in (the block layer asks for zeroes).
 */
import { alignUp } from '../../model/arithmetic.ts';
import { BDRV_REQ_ZERO_WRITE, type BdrvRequestFlags } from '../../model/constants.ts';
import type { PreallocMode } from '../../model/driver.ts';
import { blockError, prefixError } from '../../model/errors.ts';
import { IoVector } from '../../model/io-vector.ts';
import { bdrvCoFlush } from '../../requests/flush.ts';
import { bdrvGetlength } from '../../requests/length.ts';
import { bdrvCoTruncate } from '../../requests/truncate.ts';
import { bdrvCoPwrite } from '../../requests/write.ts';
import { preallocateStep } from './allocation.ts';
import { viewOf, writeOffset } from './header.ts';
import { growL1Table, shrinkL1Table } from './l2-tables.ts';
import { mapExtent } from './mapping.ts';
import { holdDiscards, lastUsedCluster, shrinkRefcountTable } from './refcounts.ts';
import { clustersFor, fileOf, hasDataFile, isDataFileRaw, l1EntriesFor, l2Coverage, nodeAt, vmStateOffset, type Qcow2State } from './state.ts';
import { writeGuest } from './write.ts';
import { discardClusters, zeroSubclusters } from './zero-and-discard.ts';

const SIZE_FIELD = 24;

/** Gives the disk another length. */
export async function resizeImage(s: Qcow2State, size: number, exact: boolean, prealloc: PreallocMode, flags: BdrvRequestFlags): Promise<void> {
  if (size % 512 !== 0) throw blockError('EINVAL', 'The new size must be a multiple of 512');
  const old = s.header.size;
  await s.lock.run(async () => {
    checkResize(s, size, prealloc);
    if (size < old) await shrink(s, size, exact);
    else await grow(s, size, exact, prealloc);
    if ((flags & BDRV_REQ_ZERO_WRITE) !== 0 && size > old) await zeroWholeClusters(s, old, size);
    await writeSize(s, size);
  });
  if (size > old) await zeroRest(s, old, size);
}

function checkResize(s: Qcow2State, size: number, prealloc: PreallocMode): void {
  // Snapshots of version 2 do not remember the length.
  if (s.snapshots.length > 0 && s.header.version < 3) throw blockError('ENOTSUP', "Can't resize a version 2 image which has snapshots");
  if (size < s.header.size && prealloc !== 'off') throw blockError('EINVAL', 'Preallocation is not supported for shrinking files');
}

async function shrink(s: Qcow2State, size: number, exact: boolean): Promise<void> {
  const keep = alignUp(size, s.clusterSize);
  await holdDiscards(s, async () => {
    await discardClusters(s, keep, Math.max(0, alignUp(s.header.size, s.clusterSize) - keep), 'always', true);
    // What is mapped behind the end is freed on the disk before the table forgets it.
    await s.l2Cache.flush();
    await shrinkL1Table(s, l1EntriesFor(s, size));
  });
  if (hasDataFile(s)) {
    await bdrvCoTruncate(s.dataFile, size, exact && isDataFileRaw(s), 'off', 0);
  }
  await s.refcountCache.flush();
  await shrinkRefcountTable(s);
  await s.refcountCache.flush();
  const length = await bdrvGetlength(nodeAt(fileOf(s)));
  const needed = ((await lastUsedCluster(s, length)) + 1) * s.clusterSize;
  // The file may stay longer than needed: no harm done.
  if (needed < length) await bdrvCoTruncate(fileOf(s), needed, false, 'off', 0).catch(() => undefined);
}

async function grow(s: Qcow2State, size: number, exact: boolean, prealloc: PreallocMode): Promise<void> {
  const old = s.header.size;
  // VM state that a snapshot left behind would show in the disk.
  const behind = vmStateOffset(s);
  await discardClusters(s, behind, Math.max(0, s.l1.length * l2Coverage(s) - behind), 'never', true);
  await growL1Table(s, l1EntriesFor(s, size), true);
  if (hasDataFile(s)) await bdrvCoTruncate(s.dataFile, size, exact && isDataFileRaw(s), prealloc === 'metadata' ? 'off' : prealloc, 0);
  if (prealloc === 'off' || size === old) return;
  await reserveFileSpace(s, old, size, prealloc);
  try {
    await preallocate(s, old, size);
  } catch (error) {
    // The file may end before clusters that are mapped by now: they are unmapped again, if that can be.
    const from = alignUp(old, s.clusterSize);
    await Promise.allSettled([discardClusters(s, from, alignUp(size, s.clusterSize) - from, 'never', true)]);
    throw error;
  }
}

/** Lets the file below reserve the room first, in one piece. */
async function reserveFileSpace(s: Qcow2State, old: number, size: number, prealloc: PreallocMode): Promise<void> {
  if (prealloc === 'metadata' || hasDataFile(s)) return;
  const length = alignUp(await bdrvGetlength(nodeAt(fileOf(s))), s.clusterSize);
  const data = clustersFor(s, size - (old - (old % s.clusterSize))) * s.clusterSize;
  // Tables take room as well; what is too much of it is used up by later writes.
  const tables = alignUp(Math.ceil(data / s.clusterSize) * (s.l2EntrySize + s.refcountBits / 8), s.clusterSize) + 2 * s.clusterSize;
  await bdrvCoTruncate(fileOf(s), length + data + tables, false, prealloc, 0).catch((error: unknown) => {
    throw prefixError('Failed to resize underlying file', error);
  });
}

/** Gives a guest range its clusters. The file gets as long as they need. */
export async function preallocate(s: Qcow2State, start: number, end: number): Promise<void> {
  let fileEnd = 0;
  s.mayBePreallocated = true;
  for (let at = start; at < end; ) {
    const { hostOffset, bytes } = await preallocateStep(s, at, Math.min(end - at, 2 ** 30));
    at += bytes;
    fileEnd = Math.max(fileEnd, hostOffset + bytes);
  }
  const file = hasDataFile(s) ? s.dataFile : fileOf(s);
  if (fileEnd > (await bdrvGetlength(nodeAt(file)))) await bdrvCoTruncate(file, fileEnd, false, 'off', 0);
}

/** Zero clusters for whole subclusters of what is new. */
async function zeroWholeClusters(s: Qcow2State, old: number, size: number): Promise<void> {
  const start = alignUp(old, s.subclusterSize);
  if (start >= size) return;
  s.header.size = size;
  try {
    await zeroSubclusters(s, start, size - start, 0);
  } finally {
    s.header.size = old;
  }
}

/** Zeroes for the rest of the cluster that the disk ended in, where it has data: what is there may be left from a longer disk. */
async function zeroRest(s: Qcow2State, old: number, size: number): Promise<void> {
  const bytes = Math.min(alignUp(old, s.clusterSize), size) - old;
  if (bytes === 0) return;
  const { type } = await s.lock.run(() => mapExtent(s, old, bytes));
  if (type === 'normal' || type === 'compressed') await writeGuest(s, old, bytes, IoVector.of(Buffer.alloc(bytes)), 0);
}

/** Writes the length into the header. */
export async function writeSize(s: Qcow2State, size: number): Promise<void> {
  const field = new Uint8Array(8);
  writeOffset(viewOf(field), 0, size);
  await bdrvCoPwrite(fileOf(s), SIZE_FIELD, field, 0);
  await bdrvCoFlush(nodeAt(fileOf(s)));
  s.header.size = size;
}
