/**
 * Bitmaps as bytes, in parts: how a format stores them.
 *
 * In: ranges of the node that a part covers. Out: the bits of it, bit n as bit n % 8 of byte n / 8; and back. Leaves to others: where the
 * parts lie in an image.
 */
import { divideUp } from '../model/arithmetic.ts';
import type { BdrvDirtyBitmap } from '../model/dirty-bitmap.ts';
import { changeRange, countRange } from './bitmap-bits.ts';

/**
 * Bytes of the node that `serializedChunkSize` bytes of a bitmap cover.
 *
 * @io
 */
export function bdrvDirtyBitmapSerializationCoverage(serializedChunkSize: number, granularity: number): number {
  return serializedChunkSize * 8 * granularity;
}

/**
 * What the offset of a part has to be a multiple of: whole words of 8 bytes.
 *
 * @io
 */
export function bdrvDirtyBitmapSerializationAlign(bitmap: BdrvDirtyBitmap): number {
  return bdrvDirtyBitmapSerializationCoverage(8, bitmap.granularity);
}

/** @common */
function wordsOf(bitmap: BdrvDirtyBitmap, offset: number, bytes: number): { start: number; end: number } {
  return { start: offset / bitmap.granularity / 8, end: divideUp(divideUp(offset + bytes, bitmap.granularity), 64) * 8 };
}

/**
 * How many bytes a part takes.
 *
 * @io
 */
export function bdrvDirtyBitmapSerializationSize(bitmap: BdrvDirtyBitmap, offset: number, bytes: number): number {
  const { start, end } = wordsOf(bitmap, offset, bytes);
  return end - start;
}

/**
 * A part as bytes; a copy.
 *
 * @io
 */
export function bdrvDirtyBitmapSerializePart(bitmap: BdrvDirtyBitmap, offset: number, bytes: number): Uint8Array {
  const { start, end } = wordsOf(bitmap, offset, bytes);
  return bitmap.bits.slice(start, end);
}

/**
 * Takes a part from bytes. After the last part comes {@link bdrvDirtyBitmapDeserializeFinish}.
 *
 * @io
 */
export function bdrvDirtyBitmapDeserializePart(bitmap: BdrvDirtyBitmap, data: Uint8Array, offset: number, bytes: number): void {
  const { start, end } = wordsOf(bitmap, offset, bytes);
  bitmap.bits.set(data.subarray(0, end - start), start);
}

/**
 * Takes a part to be clean.
 *
 * @io
 */
export function bdrvDirtyBitmapDeserializeZeroes(bitmap: BdrvDirtyBitmap, offset: number, bytes: number): void {
  const { start, end } = wordsOf(bitmap, offset, bytes);
  bitmap.bits.fill(0, start, end);
}

/**
 * Takes a part to be dirty.
 *
 * @io
 */
export function bdrvDirtyBitmapDeserializeOnes(bitmap: BdrvDirtyBitmap, offset: number, bytes: number): void {
  const { start, end } = wordsOf(bitmap, offset, bytes);
  bitmap.bits.fill(0xff, start, end);
}

/**
 * Makes the bitmap usable after its parts have been taken: bits above the node's end don't count, whatever was stored.
 *
 * @io
 */
export function bdrvDirtyBitmapDeserializeFinish(bitmap: BdrvDirtyBitmap): void {
  const all = bitmap.bits.length * 8;
  changeRange(bitmap.bits, divideUp(bitmap.size, bitmap.granularity), all, false);
  bitmap.count = countRange(bitmap.bits, 0, all);
}
