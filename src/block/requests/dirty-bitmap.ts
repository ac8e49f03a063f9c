/**
 * Dirty bitmaps: which parts of a node were written.
 *
 * In: writes of the node, names, what jobs do with the bitmaps. Out: bits. Leaves to others: storing them (qcow2, with
 * `dirty-bitmap-serialization.ts`), the commands of a management program (`dirty-bitmap-commands.ts`).
 *
 * A job that copies what a bitmap says freezes it: a successor takes the writes that come meanwhile. If the job succeeds, the successor
 * takes the bitmap's place (abdicate), else its bits go back into it (reclaim).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { qemuInCoroutine } from '../contexts/execution.ts';
import { runCoWrapper } from '../contexts/poll.ts';
import { divideUp, isPowerOfTwo } from '../model/arithmetic.ts';
import { BDRV_SECTOR_SIZE } from '../model/constants.ts';
import type { BdrvDirtyBitmap, BlockDirtyInfo } from '../model/dirty-bitmap.ts';
import { blockError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bytesForBits, changeRange, countRange, findBit, testBit } from './bitmap-bits.ts';
import { noMedium, bdrvRoundToClusters } from './checks.ts';
import { cachedLength } from './length.ts';

const MAX_NAME_LENGTH = 1023;

/** What a bitmap must not be for what is about to be done with it. */
export const BDRV_BITMAP_BUSY = 1;
export const BDRV_BITMAP_RO = 2;
export const BDRV_BITMAP_INCONSISTENT = 4;
/** To change it. */
export const BDRV_BITMAP_DEFAULT = 7;
/** To read it. */
export const BDRV_BITMAP_ALLOW_RO = 5;

/** @common */
function bitsOf(bitmap: BdrvDirtyBitmap): number {
  return divideUp(bitmap.size, bitmap.granularity);
}

/**
 * Makes a bitmap on a node, clean and recording.
 *
 * @param name - `null` for an internal one
 * @throws BlockError `EEXIST` where the name is taken, `EINVAL` where name or granularity can't be
 * @io
 */
export function bdrvCreateDirtyBitmap(bs: BlockDriverState, granularity: number, name: string | null): BdrvDirtyBitmap {
  if (!isPowerOfTwo(granularity) || granularity < BDRV_SECTOR_SIZE) throw blockError('EINVAL', 'Granularity must be a power of 2, and at least 512');
  if (name !== null && bdrvFindDirtyBitmap(bs, name)) throw blockError('EEXIST', `Bitmap already exists: ${name}`);
  if (name !== null && Buffer.byteLength(name) > MAX_NAME_LENGTH) throw blockError('EINVAL', 'Bitmap name too long');
  const size = cachedLength(bs);
  const bitmap: BdrvDirtyBitmap = {
    bs, name, granularity, size, bits: new Uint8Array(bytesForBits(divideUp(size, granularity))), count: 0, disabled: false, readonly: false, persistent: false,
    inconsistent: false, busy: false, successor: null, skipStore: false,
  };
  bs.dirtyBitmaps.push(bitmap);
  return bitmap;
}

/**
 * The bitmap of a name; `null` where the node has none.
 *
 * @io
 */
export function bdrvFindDirtyBitmap(bs: BlockDriverState, name: string): BdrvDirtyBitmap | null {
  return bs.dirtyBitmaps.find((bitmap) => bitmap.name === name) ?? null;
}

/**
 * Takes a bitmap off its node. Where it is stored, it stays.
 *
 * @io
 */
export function bdrvReleaseDirtyBitmap(bitmap: BdrvDirtyBitmap): void {
  const { dirtyBitmaps } = bitmap.bs;
  const index = dirtyBitmaps.indexOf(bitmap);
  if (index >= 0) dirtyBitmaps.splice(index, 1);
}

/**
 * Refuses a bitmap that is in a state that `flags` name.
 *
 * @throws BlockError `EBUSY`, `EACCES` or `EINVAL`
 * @io
 */
export function bdrvDirtyBitmapCheck(bitmap: BdrvDirtyBitmap, flags: number): void {
  const name = bitmap.name ?? '';
  if ((flags & BDRV_BITMAP_BUSY) !== 0 && bitmap.busy) throw blockError('EBUSY', `Bitmap '${name}' is currently in use by another operation and cannot be used`);
  if ((flags & BDRV_BITMAP_RO) !== 0 && bitmap.readonly) throw blockError('EACCES', `Bitmap '${name}' is readonly and cannot be modified`);
  if ((flags & BDRV_BITMAP_INCONSISTENT) !== 0 && bitmap.inconsistent) {
    throw blockError('EINVAL', `Bitmap '${name}' is inconsistent and cannot be used. Try block-dirty-bitmap-remove to delete this bitmap from disk`);
  }
}

/**
 * Lets a bitmap record writes again.
 *
 * @io
 */
export function bdrvEnableDirtyBitmap(bitmap: BdrvDirtyBitmap): void {
  bitmap.disabled = false;
}

/**
 * Keeps a bitmap as it is, whatever is written.
 *
 * @io
 */
export function bdrvDisableDirtyBitmap(bitmap: BdrvDirtyBitmap): void {
  bitmap.disabled = true;
}

/**
 * Freezes a bitmap: from now on a successor records in its place, if it did.
 *
 * @throws BlockError `EBUSY` where it is in use already
 * @io
 */
export function bdrvDirtyBitmapCreateSuccessor(bitmap: BdrvDirtyBitmap): BdrvDirtyBitmap {
  bdrvDirtyBitmapCheck(bitmap, BDRV_BITMAP_BUSY);
  if (bitmap.successor) throw blockError('EBUSY', 'Cannot create a successor for a bitmap that already has one');
  const successor = bdrvCreateDirtyBitmap(bitmap.bs, bitmap.granularity, null);
  successor.disabled = bitmap.disabled;
  bitmap.disabled = true;
  bitmap.successor = successor;
  bitmap.busy = true;
  return successor;
}

/** @io */
function takeSuccessor(bitmap: BdrvDirtyBitmap): BdrvDirtyBitmap {
  const { successor } = bitmap;
  if (!successor) throw blockError('EINVAL', `Bitmap '${bitmap.name ?? ''}' has no successor`);
  bitmap.successor = null;
  bitmap.busy = false;
  return successor;
}

/**
 * Puts the successor in the place of a frozen bitmap, which is released.
 *
 * @returns the successor
 * @io
 */
export function bdrvDirtyBitmapAbdicate(bitmap: BdrvDirtyBitmap): BdrvDirtyBitmap {
  const successor = takeSuccessor(bitmap);
  successor.name = bitmap.name;
  successor.persistent = bitmap.persistent;
  bitmap.name = null;
  bitmap.persistent = false;
  bdrvReleaseDirtyBitmap(bitmap);
  return successor;
}

/**
 * Gives a frozen bitmap what its successor has recorded, and ends the freeze.
 *
 * @io
 */
export function bdrvReclaimDirtyBitmap(bitmap: BdrvDirtyBitmap): void {
  const successor = takeSuccessor(bitmap);
  orBits(bitmap, successor);
  bitmap.disabled = successor.disabled;
  bdrvReleaseDirtyBitmap(successor);
}

/**
 * Whether a write would have to change a bitmap that can't be changed.
 *
 * @io
 */
export function bdrvHasReadonlyBitmaps(bs: BlockDriverState): boolean {
  return bs.dirtyBitmaps.length > 0 && bs.dirtyBitmaps.some((bitmap) => bitmap.readonly);
}

/**
 * Marks a range in the bitmaps of a node that record.
 *
 * @io
 */
export function bdrvSetDirty(bs: BlockDriverState, offset: number, bytes: number): void {
  for (const bitmap of bs.dirtyBitmaps) if (!bitmap.disabled) bdrvSetDirtyBitmap(bitmap, offset, bytes);
}

/**
 * Marks a range, whole bits that it touches.
 *
 * @io
 */
export function bdrvSetDirtyBitmap(bitmap: BdrvDirtyBitmap, offset: number, bytes: number): void {
  changeBits(bitmap, offset, bytes, true);
}

/**
 * Unmarks a range, whole bits that it touches.
 *
 * @io
 */
export function bdrvResetDirtyBitmap(bitmap: BdrvDirtyBitmap, offset: number, bytes: number): void {
  changeBits(bitmap, offset, bytes, false);
}

/** @io */
function changeBits(bitmap: BdrvDirtyBitmap, offset: number, bytes: number, value: boolean): void {
  if (bytes === 0) return;
  const end = Math.min(divideUp(offset + bytes, bitmap.granularity), bitsOf(bitmap));
  bitmap.count += changeRange(bitmap.bits, Math.floor(offset / bitmap.granularity), end, value);
}

/**
 * Whether the byte at `offset` is marked.
 *
 * @io
 */
export function bdrvDirtyBitmapGet(bitmap: BdrvDirtyBitmap, offset: number): boolean {
  return testBit(bitmap.bits, Math.floor(offset / bitmap.granularity));
}

/**
 * How many bytes are marked, in whole bits.
 *
 * @io
 */
export function bdrvGetDirtyCount(bitmap: BdrvDirtyBitmap): number {
  return bitmap.count * bitmap.granularity;
}

/** @io */
function nextOffset(bitmap: BdrvDirtyBitmap, offset: number, bytes: number, value: boolean): number | null {
  const end = Math.min(offset + bytes, bitmap.size);
  // A range of no bytes lies within a bit all the same.
  if (end <= offset) return null;
  const bit = findBit(bitmap.bits, Math.floor(offset / bitmap.granularity), divideUp(end, bitmap.granularity), value);
  return bit === null || bit * bitmap.granularity >= end ? null : Math.max(bit * bitmap.granularity, offset);
}

/**
 * The first marked offset of a range; `null` where there is none.
 *
 * @io
 */
export function bdrvDirtyBitmapNextDirty(bitmap: BdrvDirtyBitmap, offset: number, bytes: number): number | null {
  return nextOffset(bitmap, offset, bytes, true);
}

/**
 * The first offset of a range that is not marked; `null` where there is none.
 *
 * @io
 */
export function bdrvDirtyBitmapNextZero(bitmap: BdrvDirtyBitmap, offset: number, bytes: number): number | null {
  return nextOffset(bitmap, offset, bytes, false);
}

/**
 * The first marked part of `start` to `end`, at most `maxDirtyCount` bytes of it; `null` where there is none.
 *
 * @io
 */
export function bdrvDirtyBitmapNextDirtyArea(bitmap: BdrvDirtyBitmap, start: number, end: number, maxDirtyCount: number): { offset: number; bytes: number } | null {
  const limit = Math.min(end, bitmap.size);
  const offset = bdrvDirtyBitmapNextDirty(bitmap, start, limit - start);
  if (offset === null) return null;
  const longest = Math.min(limit - offset, maxDirtyCount);
  return { offset, bytes: (bdrvDirtyBitmapNextZero(bitmap, offset, longest) ?? offset + longest) - offset };
}

/**
 * Whether the start of a range is marked, and for how many bytes it goes on so.
 *
 * @io
 */
export function bdrvDirtyBitmapStatus(bitmap: BdrvDirtyBitmap, offset: number, bytes: number): { dirty: boolean; count: number } {
  const dirty = bdrvDirtyBitmapGet(bitmap, offset);
  const end = nextOffset(bitmap, offset, bytes, !dirty) ?? Math.min(offset + bytes, bitmap.size);
  return { dirty, count: end - offset };
}

/**
 * Gives the bitmaps of a node its new length. What they lose is lost, what they gain is clean.
 *
 * @io
 */
export function bdrvDirtyBitmapTruncate(bs: BlockDriverState, bytes: number): void {
  for (const bitmap of bs.dirtyBitmaps) {
    const kept = divideUp(Math.min(bytes, bitmap.size), bitmap.granularity);
    const bits = new Uint8Array(bytesForBits(divideUp(bytes, bitmap.granularity)));
    bits.set(bitmap.bits.subarray(0, Math.min(bits.length, bitmap.bits.length)));
    changeRange(bits, kept, bits.length * 8, false);
    bitmap.size = bytes;
    setBits(bitmap, bits);
  }
}

/** @io */
function setBits(bitmap: BdrvDirtyBitmap, bits: Uint8Array): void {
  bitmap.bits = bits;
  bitmap.count = countRange(bits, 0, bits.length * 8);
}

/**
 * Unmarks everything.
 *
 * @returns what was marked, for {@link bdrvRestoreDirtyBitmap}
 * @io
 */
export function bdrvClearDirtyBitmap(bitmap: BdrvDirtyBitmap): Uint8Array {
  const before = bitmap.bits;
  setBits(bitmap, new Uint8Array(before.length));
  return before;
}

/**
 * Puts back what {@link bdrvClearDirtyBitmap} or a merge gave out.
 *
 * @globalState
 */
export function bdrvRestoreDirtyBitmap(bitmap: BdrvDirtyBitmap, backup: Uint8Array): void {
  GLOBAL_STATE_CODE('bdrvRestoreDirtyBitmap');
  bdrvDirtyBitmapCheck(bitmap, BDRV_BITMAP_RO);
  setBits(bitmap, backup);
}

/** @io */
function orBits(dest: BdrvDirtyBitmap, src: BdrvDirtyBitmap): void {
  if (dest.granularity === src.granularity) {
    setBits(dest, dest.bits.map((byte, index) => byte | (src.bits[index] ?? 0)));
    return;
  }
  for (let area = bdrvDirtyBitmapNextDirtyArea(src, 0, src.size, src.size); area; area = bdrvDirtyBitmapNextDirtyArea(src, area.offset + area.bytes, src.size, src.size)) {
    bdrvSetDirtyBitmap(dest, area.offset, area.bytes);
  }
}

/**
 * Marks in `dest` what is marked in `src`, without looking at what they are used for.
 *
 * @returns what was marked in `dest` before
 * @io
 */
export function bdrvDirtyBitmapMergeInternal(dest: BdrvDirtyBitmap, src: BdrvDirtyBitmap): Uint8Array {
  const before = dest.bits.slice();
  orBits(dest, src);
  return before;
}

/**
 * Marks in `dest` what is marked in `src`.
 *
 * @returns what was marked in `dest` before
 * @throws BlockError where one of them is in no state for that, or their nodes are not of one length
 * @io
 */
export function bdrvMergeDirtyBitmap(dest: BdrvDirtyBitmap, src: BdrvDirtyBitmap): Uint8Array {
  bdrvDirtyBitmapCheck(dest, BDRV_BITMAP_DEFAULT);
  bdrvDirtyBitmapCheck(src, BDRV_BITMAP_ALLOW_RO);
  if (dest.size !== src.size) {
    throw blockError('EINVAL', `Bitmaps are of different sizes (destination size is ${dest.size}, source size is ${src.size}) and can't be merged`);
  }
  return bdrvDirtyBitmapMergeInternal(dest, src);
}

/**
 * The granularity that suits a node where nobody chose one: its clusters, between 4 KiB and 64 KiB.
 *
 * @io
 */
export function bdrvGetDefaultBitmapGranularity(bs: BlockDriverState): number {
  const { clusterBytes } = bdrvRoundToClusters(bs, 0, 1);
  return clusterBytes === 1 ? 65536 : Math.min(65536, Math.max(4096, clusterBytes));
}

/**
 * The bitmaps of a node, for `query-block`.
 *
 * @io
 */
export function bdrvQueryDirtyBitmaps(bs: BlockDriverState): BlockDirtyInfo[] {
  return bs.dirtyBitmaps.map((bitmap) => ({
    ...(bitmap.name === null ? {} : { name: bitmap.name }),
    count: bdrvGetDirtyCount(bitmap), granularity: bitmap.granularity, recording: !bitmap.disabled || bitmap.successor?.disabled === false,
    busy: bitmap.busy, persistent: bitmap.persistent,
    ...(bitmap.inconsistent ? { inconsistent: true as const } : {}),
  }));
}

/**
 * Whether a node's format can store one more bitmap.
 *
 * @throws BlockError `ENOMEDIUM`, `ENOTSUP` where it stores none, or why not
 * @io
 * @coroutineMixed
 */
export async function bdrvCanStoreNewDirtyBitmap(bs: BlockDriverState, name: string, granularity: number): Promise<boolean> {
  if (qemuInCoroutine()) return coCanStoreNewDirtyBitmap(bs, name, granularity);
  return runCoWrapper(bs.aioContext, () => coCanStoreNewDirtyBitmap(bs, name, granularity));
}

/**
 * @io
 * @coroutine
 */
async function coCanStoreNewDirtyBitmap(bs: BlockDriverState, name: string, granularity: number): Promise<boolean> {
  if (!bs.drv) throw noMedium();
  if (!bs.drv.bdrvCoCanStoreNewDirtyBitmap) throw blockError('ENOTSUP', `Cannot store dirty bitmaps in file '${bs.filename}'`);
  return bs.drv.bdrvCoCanStoreNewDirtyBitmap(bs, name, granularity);
}

/**
 * Removes a bitmap from where it is stored.
 *
 * @throws BlockError `ENOMEDIUM`, `ENOTSUP` where the format stores none
 * @io
 * @coroutineMixed
 */
export async function bdrvRemovePersistentDirtyBitmap(bs: BlockDriverState, name: string): Promise<void> {
  if (qemuInCoroutine()) return coRemovePersistentDirtyBitmap(bs, name);
  return runCoWrapper(bs.aioContext, () => coRemovePersistentDirtyBitmap(bs, name));
}

/**
 * @io
 * @coroutine
 */
async function coRemovePersistentDirtyBitmap(bs: BlockDriverState, name: string): Promise<void> {
  if (!bs.drv) throw noMedium();
  if (!bs.drv.bdrvCoRemovePersistentDirtyBitmap) throw blockError('ENOTSUP', `Cannot remove dirty bitmaps from file '${bs.filename}'`);
  return bs.drv.bdrvCoRemovePersistentDirtyBitmap(bs, name);
}
