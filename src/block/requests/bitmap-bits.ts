/**
 * Ranges of bits in a byte array: set, cleared, counted, searched. Bit n is bit n % 8 of byte n / 8.
 *
 * In: arrays of whole 8-byte words, ranges `from` (included) to `to` (not included). Out: positions and counts. Leaves to others: what a
 * bit stands for.
 */

const BITS_OF_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

/** Bytes for `bits` bits: whole words. @common */
export function bytesForBits(bits: number): number {
  return Math.ceil(bits / 64) * 8;
}

/** @common */
export function testBit(bits: Uint8Array, position: number): boolean {
  return ((bits[Math.floor(position / 8)] ?? 0) >> (position % 8) & 1) === 1;
}

/** The bits of byte `index` that lie within the range, as a mask. @common */
function maskOf(index: number, from: number, to: number): number {
  const low = Math.max(from - index * 8, 0);
  const high = Math.min(to - index * 8, 8);
  return (0xff << low) & (0xff >> (8 - high)) & 0xff;
}

/**
 * Sets or clears a range.
 *
 * @returns by how much the number of set bits has changed
 * @common
 */
export function changeRange(bits: Uint8Array, from: number, to: number, value: boolean): number {
  if (from >= to) return 0;
  const first = Math.floor(from / 8);
  const last = Math.floor((to - 1) / 8);
  const before = countRange(bits, first * 8, (last + 1) * 8);
  const whole = value ? 0xff : 0;
  for (const index of first === last ? [first] : [first, last]) {
    const mask = maskOf(index, from, to);
    const byte = bits[index] ?? 0;
    bits[index] = (byte & ~mask) | (whole & mask);
  }
  if (last > first + 1) bits.fill(whole, first + 1, last);
  return countRange(bits, first * 8, (last + 1) * 8) - before;
}

/** The set bits of a range whose ends lie between bytes. @common */
export function countRange(bits: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let index = from / 8; index < to / 8; index++) count += BITS_OF_BYTE[bits[index] ?? 0] ?? 0;
  return count;
}

/**
 * The first bit of a range that is `value`; `null` where there is none.
 *
 * @common
 */
export function findBit(bits: Uint8Array, from: number, to: number, value: boolean): number | null {
  const skipped = value ? 0 : 0xff;
  const words = new Uint32Array(bits.buffer, bits.byteOffset, bits.length / 4);
  const skippedWord = value ? 0 : 0xffff_ffff;
  let position = from;
  while (position < to) {
    const index = Math.floor(position / 8);
    if (position % 32 === 0 && words[position / 32] === skippedWord) position += 32;
    else if (position % 8 === 0 && bits[index] === skipped) position += 8;
    else if (testBit(bits, position) === value) return position;
    else position++;
  }
  return null;
}
