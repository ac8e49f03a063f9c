/**
 * Bitmaps that outlive the node: loaded when the image is opened, stored when it is closed.
 *
 * In: the bitmaps of a node. Out: they are in the image, or the image's are on the node. While a writable node has them, the image says
 * that they are in use; if that is found when it is opened, nobody knows what they would have become, and they are *inconsistent*.
 *
 * Leaves to others: the form in the file (`bitmap-directory.ts`), bitmaps in memory (`requests/dirty-bitmap.ts`).
 */
import { divideUp } from '../../model/arithmetic.ts';
import type { BdrvDirtyBitmap } from '../../model/dirty-bitmap.ts';
import { blockError, prefixError } from '../../model/errors.ts';
import { isZero } from '../../model/io-vector.ts';
import { bdrvCreateDirtyBitmap, bdrvFindDirtyBitmap, bdrvReleaseDirtyBitmap } from '../../requests/dirty-bitmap.ts';
import { countRange } from '../../requests/bitmap-bits.ts';
import { bdrvCoFlush } from '../../requests/flush.ts';
import { bdrvCoPread } from '../../requests/read.ts';
import { bdrvCoPwrite } from '../../requests/write.ts';
import { allocateClusters } from './allocate.ts';
import {
  directoryBytes, freeBitmap, MAX_BITMAPS, MAX_GRANULARITY_BITS, MIN_GRANULARITY_BITS, readBitmapTable, readDirectory, replaceDirectory, rewriteDirectory,
  type StoredBitmap,
} from './bitmap-directory.ts';
import { viewOf, writeOffset } from './header.ts';
import { checkWriteOverlap } from './overlap.ts';
import { freeClusters } from './refcounts.ts';
import { fileOf, isReadOnly, nodeAt, type Qcow2State } from './state.ts';

/** Bytes that a bitmap's bits take in the image. */
function storedBytes(s: Qcow2State, granularity: number): number {
  return divideUp(divideUp(s.header.size, granularity), 8);
}

/** Gives the node the bitmaps that are in the image. */
export async function loadBitmaps(s: Qcow2State): Promise<void> {
  if (s.extensions.bitmaps === null) return;
  const list = await readDirectory(s);
  const created: BdrvDirtyBitmap[] = [];
  try {
    for (const stored of list) if (bdrvFindDirtyBitmap(s.bs, stored.name) === null) created.push(await loadBitmap(s, stored));
    if (isReadOnly(s)) return;
    for (const stored of list) stored.isInUse = true;
    await rewriteDirectory(s, list);
  } catch (error) {
    for (const bitmap of created) bdrvReleaseDirtyBitmap(bitmap);
    throw error;
  }
}

async function loadBitmap(s: Qcow2State, stored: StoredBitmap): Promise<BdrvDirtyBitmap> {
  const bitmap = bdrvCreateDirtyBitmap(s.bs, 2 ** stored.granularityBits, stored.name);
  bitmap.persistent = true;
  bitmap.disabled = !stored.isAuto || stored.isInUse;
  bitmap.inconsistent = stored.isInUse;
  bitmap.readonly = isReadOnly(s);
  try {
    if (!stored.isInUse) await loadBits(s, stored, bitmap);
  } catch (error) {
    bdrvReleaseDirtyBitmap(bitmap);
    throw prefixError(`Could not read bitmap '${stored.name}' from image`, error);
  }
  return bitmap;
}

async function loadBits(s: Qcow2State, stored: StoredBitmap, bitmap: BdrvDirtyBitmap): Promise<void> {
  const length = storedBytes(s, bitmap.granularity);
  if (stored.tableSize !== divideUp(length, s.clusterSize)) throw blockError('EINVAL', 'Bitmap size mismatch');
  const bits = Buffer.alloc(Math.max(bitmap.bits.length, stored.tableSize * s.clusterSize));
  for (const [index, entry] of (await readBitmapTable(s, stored)).entries()) {
    const part = bits.subarray(index * s.clusterSize, (index + 1) * s.clusterSize);
    if (entry.isInvalid) throw blockError('EINVAL', 'Invalid bitmap table entry');
    if (entry.allOnes) part.fill(0xff);
    else if (entry.offset !== 0) await bdrvCoPread(fileOf(s), entry.offset, part, 0);
  }
  bitmap.bits.set(bits.subarray(0, bitmap.bits.length));
  clearBehindEnd(bitmap);
  bitmap.count = countRange(bitmap.bits, 0, bitmap.bits.length * 8);
}

/** Bits behind the end of the disk mean nothing. */
function clearBehindEnd(bitmap: BdrvDirtyBitmap): void {
  const end = divideUp(bitmap.size, bitmap.granularity);
  const byte = Math.floor(end / 8);
  if (byte >= bitmap.bits.length) return;
  bitmap.bits[byte] = (bitmap.bits[byte] ?? 0) & (2 ** (end % 8) - 1);
  bitmap.bits.fill(0, byte + 1);
}

/** Writes the persistent bitmaps of the node into the image, and takes them off the node if asked. */
export async function storeBitmaps(s: Qcow2State, release: boolean): Promise<void> {
  const bitmaps = s.bs.dirtyBitmaps.filter((bitmap) => bitmap.persistent && !bitmap.inconsistent && !bitmap.readonly && !bitmap.skipStore);
  if (bitmaps.length > 0) await storeAll(s, bitmaps);
  if (release) for (const bitmap of s.bs.dirtyBitmaps.filter((one) => one.persistent)) bdrvReleaseDirtyBitmap(bitmap);
}

async function storeAll(s: Qcow2State, bitmaps: readonly BdrvDirtyBitmap[]): Promise<void> {
  const list = await readDirectory(s);
  const written: StoredBitmap[] = [];
  const replaced: StoredBitmap[] = [];
  try {
    for (const bitmap of bitmaps) {
      checkStorable(list, s, bitmap.name ?? '', bitmap.granularity);
      const table = await writeBits(s, bitmap);
      const stored = { ...table, name: bitmap.name ?? '', granularityBits: Math.log2(bitmap.granularity), isInUse: false, isAuto: !bitmap.disabled };
      written.push(stored);
      const index = list.findIndex((one) => one.name === stored.name);
      if (index >= 0) replaced.push(...list.splice(index, 1, stored));
      else list.push(stored);
    }
    await replaceDirectory(s, list);
  } catch (error) {
    for (const stored of written) await freeBitmap(s, stored);
    throw error;
  }
  for (const stored of replaced) await freeBitmap(s, stored);
}

/** Writes the bits of a bitmap and its table. Clusters that are all the same take none. */
async function writeBits(s: Qcow2State, bitmap: BdrvDirtyBitmap): Promise<{ tableOffset: number; tableSize: number }> {
  const length = storedBytes(s, bitmap.granularity);
  const tableSize = divideUp(length, s.clusterSize);
  const table = Buffer.alloc(tableSize * 8);
  const clusters: number[] = [];
  try {
    for (let index = 0; index < tableSize; index++) {
      const part = bitmap.bits.subarray(index * s.clusterSize, Math.min((index + 1) * s.clusterSize, bitmap.bits.length));
      if (isZero(part)) continue;
      const offset = await allocateClusters(s, s.clusterSize);
      clusters.push(offset);
      await writeMetadata(s, offset, Buffer.concat([part], s.clusterSize));
      writeOffset(viewOf(table), index * 8, offset);
    }
    const tableOffset = await allocateClusters(s, table.length);
    clusters.push(tableOffset);
    await writeMetadata(s, tableOffset, table);
    await bdrvCoFlush(nodeAt(fileOf(s)));
    return { tableOffset, tableSize };
  } catch (error) {
    for (const offset of clusters) await freeClusters(s, offset, s.clusterSize, 'other');
    throw prefixError(`Failed to write bitmap '${bitmap.name ?? ''}' to file`, error);
  }
}

async function writeMetadata(s: Qcow2State, offset: number, bytes: Uint8Array): Promise<void> {
  await checkWriteOverlap(s, offset, bytes.length);
  await bdrvCoPwrite(fileOf(s), offset, bytes, 0);
}

function checkStorable(list: readonly StoredBitmap[], s: Qcow2State, name: string, granularity: number): void {
  const bits = Math.log2(granularity);
  if (bits < MIN_GRANULARITY_BITS || bits > MAX_GRANULARITY_BITS) {
    throw blockError('EINVAL', `Bitmap granularity must be between ${2 ** MIN_GRANULARITY_BITS} and ${2 ** MAX_GRANULARITY_BITS} bytes`);
  }
  if (Buffer.byteLength(name) > 1023 || name === '') throw blockError('EINVAL', 'Bitmap name is empty or too long');
  if (list.some((one) => one.name === name)) return;
  if (list.length >= MAX_BITMAPS) throw blockError('EFBIG', 'Maximum number of persistent bitmaps is already reached');
  if (storedBytes(s, granularity) > 0x8000000 * s.clusterSize) throw blockError('EFBIG', 'Too much space will be occupied by the bitmap. Use larger granularity');
}

/** Whether one more bitmap can be stored. @throws BlockError that says why not */
export async function checkNewBitmap(s: Qcow2State, name: string, granularity: number): Promise<void> {
  if (s.header.version < 3) throw blockError('ENOTSUP', 'Cannot store dirty bitmaps in qcow2 v2 files');
  const list = await readDirectory(s);
  const waiting = s.bs.dirtyBitmaps.filter((bitmap) => bitmap.persistent && !list.some((one) => one.name === bitmap.name));
  if (list.some((one) => one.name === name) || waiting.some((bitmap) => bitmap.name === name)) throw blockError('EEXIST', `Bitmap already exists: ${name}`);
  checkStorable(list, s, name, granularity);
  const all = [...list, ...[...waiting.map((bitmap) => bitmap.name ?? ''), name].map((one) => ({ ...placeholder, name: one }))];
  if (all.length > MAX_BITMAPS) throw blockError('EFBIG', 'Maximum number of persistent bitmaps is already reached');
  if (directoryBytes(all) > MAX_BITMAPS * 1024) throw blockError('EFBIG', 'Not enough space in the bitmap directory');
}

/** For the length of an entry that is not there yet. */
const placeholder: StoredBitmap = { name: '', tableOffset: 0, tableSize: 0, granularityBits: 16, isInUse: false, isAuto: false };

/** Removes a bitmap from the image; nothing where there is none of that name. */
export async function removeBitmap(s: Qcow2State, name: string): Promise<void> {
  const list = await readDirectory(s);
  const index = list.findIndex((one) => one.name === name);
  if (index < 0) return;
  const [removed] = list.splice(index, 1);
  await replaceDirectory(s, list);
  if (removed) await freeBitmap(s, removed);
}

/** The image is about to be written: its bitmaps on the node can change from now on. */
export async function makeBitmapsWritable(s: Qcow2State): Promise<void> {
  if (s.extensions.bitmaps === null) return;
  const list = await readDirectory(s);
  for (const stored of list) stored.isInUse = true;
  await rewriteDirectory(s, list);
  for (const bitmap of s.bs.dirtyBitmaps) if (bitmap.persistent) bitmap.readonly = false;
}

/** The image is about to become read-only: what its bitmaps are is stored. */
export async function makeBitmapsReadOnly(s: Qcow2State): Promise<void> {
  await storeBitmaps(s, false);
  for (const bitmap of s.bs.dirtyBitmaps) if (bitmap.persistent && !bitmap.skipStore) bitmap.readonly = true;
}

/** What `info` says of the bitmaps. */
export async function bitmapInfos(s: Qcow2State): Promise<{ name: string; granularity: number; flags: string[] }[]> {
  return (await readDirectory(s)).map((stored) => ({
    flags: [...(stored.isInUse ? ['in-use'] : []), ...(stored.isAuto ? ['auto'] : [])], name: stored.name, granularity: 2 ** stored.granularityBits,
  }));
}
