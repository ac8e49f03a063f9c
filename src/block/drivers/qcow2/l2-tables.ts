/**
 * The two levels of tables that map guest offsets: getting the part of an L2 table that has an entry, making tables, the L1 table's length.
 *
 * In: guest offsets. Out: slices of L2 tables, in the cache. Leaves to others: what entries mean (`l2-entry.ts`).
 *
 * Order on the disk: refcounts of a new L2 table, then the table, then the L1 entry that points to it.
 */
import { bdrvCoFlush } from '../../requests/flush.ts';
import { bdrvCoPread } from '../../requests/read.ts';
import { bdrvCoPwrite } from '../../requests/write.ts';
import { alignDown } from '../../model/arithmetic.ts';
import { blockError } from '../../model/errors.ts';
import { blkdbgEvent } from '../../open/debug.ts';
import { allocateClusters } from './allocate.ts';
import { signalCorruption } from './corruption.ts';
import { MAX_L1_BYTES, viewOf, writeOffset } from './header.ts';
import { checkWriteOverlap } from './overlap.ts';
import { PointerTable } from './pointer-table.ts';
import { switchPointer } from './pointer-switch.ts';
import { freeClusters } from './refcounts.ts';
import { fileOf, l2Coverage, nodeAt, type Qcow2State } from './state.ts';
import type { CachedTable } from './table-cache.ts';

/** A part of an L2 table, and the entry in it that was asked for. Give `table` back to the cache. */
export interface L2Slice {
  readonly table: CachedTable;
  readonly index: number;
}

/** Reads the L1 table that the header names. */
export async function loadL1Table(s: Qcow2State): Promise<void> {
  s.l1 = new PointerTable(await readL1(s, s.header.l1TableOffset, s.header.l1Size), s.header.l1TableOffset);
}

/** The bytes of an L1 table. */
export async function readL1(s: Qcow2State, offset: number, entries: number): Promise<Uint8Array> {
  const bytes = Buffer.alloc(entries * 8);
  if (bytes.length > 0) await bdrvCoPread(fileOf(s), offset, bytes, 0);
  return bytes;
}

/** Entries from the one of `offset` to the end of its slice. */
export function entriesLeftInSlice(s: Qcow2State, offset: number): number {
  return s.sliceEntries - (Math.floor(offset / s.clusterSize) % s.sliceEntries);
}

/** Where the L2 table of a guest offset is; 0: there is none. */
async function l2TableOffset(s: Qcow2State, l1Index: number): Promise<number> {
  const offset = l1Index < s.l1.length ? s.l1.offsetAt(l1Index) : 0;
  if (offset % s.clusterSize !== 0) {
    throw await signalCorruption(s, true, `L2 table offset 0x${offset.toString(16)} unaligned (L1 index: 0x${l1Index.toString(16)})`);
  }
  return offset;
}

/** The slice that has the entry of `offset`, to read it; `null` where there is no L2 table. */
export async function findSlice(s: Qcow2State, offset: number): Promise<L2Slice | null> {
  const table = await l2TableOffset(s, Math.floor(offset / l2Coverage(s)));
  return table === 0 ? null : sliceOf(s, table, offset);
}

/** The slice that has the entry of `offset`, to change it: the L2 table is made, or made the image's own, if need be. */
export async function ownSlice(s: Qcow2State, offset: number): Promise<L2Slice> {
  const l1Index = Math.floor(offset / l2Coverage(s));
  if (l1Index >= s.l1.length) await growL1Table(s, l1Index + 1, false);
  const old = await l2TableOffset(s, l1Index);
  if (old === 0 || !s.l1.isCopied(l1Index)) {
    await makeL2Table(s, l1Index, old);
    if (old !== 0) await freeClusters(s, old, s.clusterSize, 'other');
  }
  return sliceOf(s, s.l1.offsetAt(l1Index), offset);
}

async function sliceOf(s: Qcow2State, l2Table: number, offset: number): Promise<L2Slice> {
  const entry = Math.floor(offset / s.clusterSize) % s.l2Entries;
  const index = entry % s.sliceEntries;
  const place = l2Table + (entry - index) * s.l2EntrySize;
  return { table: s.l2Cache.peek(place) ?? (await s.l2Cache.get(place)), index };
}

/** Puts a new L2 table in place: a copy of the one at `old`, or an empty one. */
async function makeL2Table(s: Qcow2State, l1Index: number, old: number): Promise<void> {
  await blkdbgEvent(s.bs.file, 'l2_alloc_write');
  const offset = await allocateClusters(s, s.clusterSize);
  try {
    await s.refcountCache.flush();
    // In one piece, and past the cache: only a few slices of it will be needed soon.
    const bytes = Buffer.alloc(s.clusterSize);
    if (old !== 0) {
      await s.l2Cache.write();
      await bdrvCoPread(fileOf(s), old, bytes, 0);
    }
    await checkWriteOverlap(s, offset, bytes.length);
    await bdrvCoPwrite(fileOf(s), offset, bytes, 0);
    await bdrvCoFlush(nodeAt(fileOf(s)));
  } catch (error) {
    await freeClusters(s, offset, s.clusterSize, 'always');
    throw error;
  }
  const wasCopied = s.l1.isCopied(l1Index);
  s.l1.set(l1Index, offset, true);
  try {
    await writeL1Entry(s, l1Index);
  } catch (error) {
    // The entry may be on the disk all the same. The new table is leaked then: it says what the old one says, which nobody writes to.
    s.l1.set(l1Index, old, wasCopied);
    throw error;
  }
}

/** Writes the sector of the L1 table that has an entry, and waits until the disk has it. */
export async function writeL1Entry(s: Qcow2State, index: number): Promise<void> {
  const unit = Math.max(512, nodeAt(fileOf(s)).bl.requestAlignment);
  const start = alignDown(index * 8, unit);
  const bytes = s.l1.bytes.subarray(start, Math.min(start + unit, s.l1.bytes.length));
  await checkWriteOverlap(s, s.l1.offset + start, bytes.length, 'activeL1');
  await blkdbgEvent(s.bs.file, 'l1_update');
  await bdrvCoPwrite(fileOf(s), s.l1.offset + start, bytes, 0);
  await bdrvCoFlush(nodeAt(fileOf(s)));
}

/** Makes the L1 table longer: to `entries`, or beyond it, so that it does not grow often. */
export async function growL1Table(s: Qcow2State, entries: number, exact: boolean): Promise<void> {
  if (entries <= s.l1.length) return;
  let length = entries;
  if (!exact) {
    length = Math.max(s.l1.length, 1);
    while (length < entries) length = Math.ceil((length * 3) / 2);
  }
  if (length * 8 > MAX_L1_BYTES) throw blockError('EFBIG', 'The L1 table would get too large');
  await blkdbgEvent(s.bs.file, 'l1_grow_alloc_table');
  const offset = await allocateClusters(s, length * 8);
  try {
    await s.refcountCache.flush();
    const bytes = Buffer.alloc(length * 8);
    bytes.set(s.l1.bytes);
    await checkWriteOverlap(s, offset, bytes.length);
    await blkdbgEvent(s.bs.file, 'l1_grow_write_table');
    await bdrvCoPwrite(fileOf(s), offset, bytes, 0);
    await bdrvCoFlush(nodeAt(fileOf(s)));
    await blkdbgEvent(s.bs.file, 'l1_grow_activate_table');
    const old = s.l1;
    await writeL1Place(s, offset, length);
    s.l1 = new PointerTable(bytes, offset);
    if (old.length > 0) await freeClusters(s, old.offset, old.bytes.length, 'other');
  } catch (error) {
    if (s.l1.offset !== offset) await freeClusters(s, offset, length * 8, 'other');
    throw error;
  }
}

const L1_FIELDS = 36;

/** The header's fields about the L1 table. */
function l1Place(offset: number, entries: number): Uint8Array {
  const field = new Uint8Array(12);
  viewOf(field).setUint32(0, entries);
  writeOffset(viewOf(field), 4, offset);
  return field;
}

/** Writes the header's fields about the L1 table. */
async function writeL1Place(s: Qcow2State, offset: number, entries: number): Promise<void> {
  await switchPointer(s, L1_FIELDS, l1Place(s.header.l1TableOffset, s.header.l1Size), l1Place(offset, entries));
  s.header.l1Size = entries;
  s.header.l1TableOffset = offset;
}

/** Forgets the entries of the L1 table from `entries` on: their L2 tables, which map nothing any more, are freed. The table stays as long as it is. */
export async function shrinkL1Table(s: Qcow2State, entries: number): Promise<void> {
  if (entries >= s.l1.length) return;
  await blkdbgEvent(s.bs.file, 'l1_shrink_write_table');
  const freed: number[] = [];
  for (let index = s.l1.nextUsed(entries); index < s.l1.length; index = s.l1.nextUsed(index + 1)) {
    freed.push(s.l1.offsetAt(index));
    s.l1.set(index, 0, false);
  }
  const start = entries * 8;
  await bdrvCoPwrite(fileOf(s), s.l1.offset + start, s.l1.bytes.subarray(start), 0);
  await bdrvCoFlush(nodeAt(fileOf(s)));
  await blkdbgEvent(s.bs.file, 'l1_shrink_free_l2_clusters');
  for (const offset of freed) if (offset % s.clusterSize === 0) await freeClusters(s, offset, s.clusterSize, 'always');
}
