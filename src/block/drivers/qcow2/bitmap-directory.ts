/**
 * The directory of bitmaps that an image stores, and the tables of their data, as the file has them.
 *
 * In: the header's extension. Out: entries, tables; and the other way round. Leaves to others: bitmaps in memory (`bitmaps.ts`).
 */
import { alignUp } from '../../model/arithmetic.ts';
import { blockError } from '../../model/errors.ts';
import { bdrvCoFlush } from '../../requests/flush.ts';
import { bdrvGetlength } from '../../requests/length.ts';
import { bdrvCoPread } from '../../requests/read.ts';
import { bdrvCoPwrite } from '../../requests/write.ts';
import { allocateClusters } from './allocate.ts';
import { AUTOCLEAR_BITMAPS, readOffset, viewOf, writeOffset, type BitmapExtension } from './header.ts';
import { checkWriteOverlap } from './overlap.ts';
import { freeClusters } from './refcounts.ts';
import { fileOf, nodeAt, type Qcow2State } from './state.ts';
import { switchHeader, updateHeader } from './update-header.ts';

const ENTRY_BYTES = 24;
const FLAG_IN_USE = 1;
const FLAG_AUTO = 2;
const TYPE_DIRTY_TRACKING = 1;
const MAX_TABLE_ENTRIES = 0x8000000;
const MAX_NAME_BYTES = 1023;
export const MIN_GRANULARITY_BITS = 9;
export const MAX_GRANULARITY_BITS = 31;
export const MAX_BITMAPS = 65535;
const MAX_DIRECTORY_BYTES = 65535 * 1024;

/** A bitmap that is in the image. */
export interface StoredBitmap {
  name: string;
  tableOffset: number;
  /** Entries of its table. */
  tableSize: number;
  granularityBits: number;
  /** Somebody has it in memory, or had it when he crashed. */
  isInUse: boolean;
  /** It records from the start. */
  isAuto: boolean;
}

/** Part of the file that a bitmap takes. */
export interface BitmapPlace {
  readonly offset: number;
  readonly bytes: number;
  /** The entry is none that can be. */
  readonly isInvalid: boolean;
}

/** Reads a table. One that goes on behind the end of the file is none: its length must not cost memory. */
async function readTable(s: Qcow2State, offset: number, length: number): Promise<Buffer> {
  if (offset + length > (await bdrvGetlength(nodeAt(fileOf(s)))) + s.clusterSize) throw blockError('EINVAL', 'A table of bitmaps lies behind the end of the file');
  const bytes = Buffer.alloc(length);
  await bdrvCoPread(fileOf(s), offset, bytes, 0);
  return bytes;
}

/** The stored bitmaps. */
export async function readDirectory(s: Qcow2State): Promise<StoredBitmap[]> {
  const { bitmaps } = s.extensions;
  if (!bitmaps) return [];
  const bytes = await readTable(s, bitmaps.directoryOffset, bitmaps.directorySize);
  const list: StoredBitmap[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { bitmap, end } = parseEntry(s, bytes, at);
    list.push(bitmap);
    at = end;
  }
  if (list.length !== bitmaps.count) throw blockError('EINVAL', 'The bitmap directory does not hold as many bitmaps as the header says');
  return list;
}

function parseEntry(s: Qcow2State, bytes: Buffer, at: number): { bitmap: StoredBitmap; end: number } {
  const broken = (): Error => blockError('EINVAL', 'Broken bitmap directory');
  if (at + ENTRY_BYTES > bytes.length) throw broken();
  const view = viewOf(bytes.subarray(at));
  const nameSize = view.getUint16(18);
  const extraSize = view.getUint32(20);
  const nameAt = at + ENTRY_BYTES + extraSize;
  const end = alignUp(nameAt + nameSize, 8);
  const flags = view.getUint32(12);
  const bitmap: StoredBitmap = {
    tableOffset: readOffset(view, 0), tableSize: view.getUint32(8), isInUse: (flags & FLAG_IN_USE) !== 0, isAuto: (flags & FLAG_AUTO) !== 0,
    granularityBits: view.getUint8(17), name: bytes.toString('utf8', nameAt, nameAt + nameSize),
  };
  const isValid = end <= bytes.length && extraSize === 0 && (flags & ~(FLAG_IN_USE | FLAG_AUTO)) === 0 && view.getUint8(16) === TYPE_DIRTY_TRACKING
    && nameSize > 0 && nameSize <= MAX_NAME_BYTES && bitmap.tableOffset % s.clusterSize === 0 && bitmap.tableOffset > 0 && bitmap.tableSize > 0
    && bitmap.tableSize <= MAX_TABLE_ENTRIES && bitmap.granularityBits >= MIN_GRANULARITY_BITS && bitmap.granularityBits <= MAX_GRANULARITY_BITS;
  if (!isValid) throw broken();
  return { bitmap, end };
}

function serializeDirectory(list: readonly StoredBitmap[]): Uint8Array {
  const entries = list.map((bitmap) => {
    const name = Buffer.from(bitmap.name, 'utf8');
    const entry = Buffer.alloc(alignUp(ENTRY_BYTES + name.length, 8));
    const view = viewOf(entry);
    writeOffset(view, 0, bitmap.tableOffset);
    view.setUint32(8, bitmap.tableSize);
    view.setUint32(12, (bitmap.isInUse ? FLAG_IN_USE : 0) | (bitmap.isAuto ? FLAG_AUTO : 0));
    view.setUint8(16, TYPE_DIRTY_TRACKING);
    view.setUint8(17, bitmap.granularityBits);
    view.setUint16(18, name.length);
    name.copy(entry, ENTRY_BYTES);
    return entry;
  });
  return Buffer.concat(entries);
}

/** Bytes of the directory that holds these bitmaps. */
export function directoryBytes(list: readonly StoredBitmap[]): number {
  return serializeDirectory(list).length;
}

/** Writes flags that have changed where the directory is: nobody may trust bitmaps while somebody changes them. */
export async function rewriteDirectory(s: Qcow2State, list: readonly StoredBitmap[]): Promise<void> {
  const { bitmaps } = s.extensions;
  if (!bitmaps) return;
  const bytes = serializeDirectory(list);
  await checkWriteOverlap(s, bitmaps.directoryOffset, bytes.length, 'bitmapDirectory');
  // While the bit is off, nobody believes a directory that is written in part.
  s.header.autoclearFeatures &= ~BigInt(AUTOCLEAR_BITMAPS);
  await updateHeader(s);
  await bdrvCoPwrite(fileOf(s), bitmaps.directoryOffset, bytes, 0);
  await bdrvCoFlush(nodeAt(fileOf(s)));
  s.header.autoclearFeatures |= BigInt(AUTOCLEAR_BITMAPS);
  await updateHeader(s);
}

/** Writes a new directory, lets the header point to it, and frees the old one. */
export async function replaceDirectory(s: Qcow2State, list: readonly StoredBitmap[]): Promise<void> {
  const old = s.extensions.bitmaps;
  const bytes = serializeDirectory(list);
  if (bytes.length > MAX_DIRECTORY_BYTES) throw blockError('EFBIG', 'The bitmap directory would get too large');
  let next: BitmapExtension | null = null;
  if (list.length > 0) {
    const directoryOffset = await allocateClusters(s, bytes.length);
    next = { count: list.length, directorySize: bytes.length, directoryOffset };
    await checkWriteOverlap(s, directoryOffset, bytes.length);
    await bdrvCoPwrite(fileOf(s), directoryOffset, bytes, 0);
  }
  await s.refcountCache.flush();
  const bit = BigInt(AUTOCLEAR_BITMAPS);
  s.extensions.bitmaps = next;
  s.header.autoclearFeatures = next ? s.header.autoclearFeatures | bit : s.header.autoclearFeatures & ~bit;
  try {
    await switchHeader(s, () => {
      s.extensions.bitmaps = old;
      s.header.autoclearFeatures = old ? s.header.autoclearFeatures | bit : s.header.autoclearFeatures & ~bit;
    });
  } catch (error) {
    if (next) await freeClusters(s, next.directoryOffset, next.directorySize, 'other');
    throw error;
  }
  if (old) await freeClusters(s, old.directoryOffset, old.directorySize, 'other');
}

/** An entry of a bitmap's table: where a cluster of bits is, or what all its bits are. */
export interface BitmapTableEntry {
  readonly offset: number;
  readonly allOnes: boolean;
  readonly isInvalid: boolean;
}

/** The table of a bitmap. */
export async function readBitmapTable(s: Qcow2State, bitmap: Pick<StoredBitmap, 'tableOffset' | 'tableSize'>): Promise<BitmapTableEntry[]> {
  const bytes = await readTable(s, bitmap.tableOffset, bitmap.tableSize * 8);
  const view = viewOf(bytes);
  return Array.from({ length: bitmap.tableSize }, (_, index) => {
    const high = view.getUint32(index * 8);
    const low = view.getUint32(index * 8 + 4);
    const offset = (high & 0x00ffffff) * 2 ** 32 + (low - (low & 511));
    const isOnes = (low & 1) !== 0;
    const isInvalid = (high & 0xff000000) !== 0 || (low & 510) !== 0 || offset % s.clusterSize !== 0 || (isOnes && offset !== 0);
    return { offset, allOnes: isOnes && offset === 0, isInvalid };
  });
}

/** Where all bitmaps and their tables are. */
export async function bitmapPlaces(s: Qcow2State): Promise<BitmapPlace[]> {
  const places: BitmapPlace[] = [];
  for (const bitmap of await readDirectory(s)) {
    places.push({ offset: bitmap.tableOffset, bytes: bitmap.tableSize * 8, isInvalid: false });
    for (const { offset, isInvalid } of await readBitmapTable(s, bitmap)) if (offset !== 0 || isInvalid) places.push({ offset, bytes: s.clusterSize, isInvalid });
  }
  return places;
}

/** Frees the data and the table of a bitmap that the directory no longer mentions. */
export async function freeBitmap(s: Qcow2State, bitmap: Pick<StoredBitmap, 'tableOffset' | 'tableSize'>): Promise<void> {
  for (const { offset, isInvalid } of await readBitmapTable(s, bitmap)) if (offset !== 0 && !isInvalid) await freeClusters(s, offset, s.clusterSize, 'always');
  await freeClusters(s, bitmap.tableOffset, bitmap.tableSize * 8, 'other');
}
