/**
 * A table of 64-bit pointers to clusters, as the file has it: an L1 table or a refcount table.
 *
 * In: its bytes. Out: entries, and a quick answer to "does any entry point into this range". Leaves to others: reading and writing it.
 */
import { viewOf } from './header.ts';

/** The upper half of an entry's flag COPIED: the cluster is used once, and can be written in place. */
export const COPIED_HIGH = 0x80000000;

/** Big-endian entries of 8 bytes. Offsets are bits 9 to 55; bit 63 is a flag. */
export class PointerTable {
  readonly bytes: Uint8Array;
  /** In the file. */
  readonly offset: number;
  readonly #view: DataView;
  readonly #highMask: number;
  /** How many entries point to an offset. */
  readonly #targets = new Map<number, number>();

  /** @param isWide - offsets go up to bit 63, as in refcount tables */
  constructor(bytes: Uint8Array, offset: number, isWide = false) {
    this.#highMask = isWide ? 0xffffffff : 0x00ffffff;
    this.bytes = bytes;
    this.offset = offset;
    this.#view = viewOf(bytes);
    for (let index = 0; index < this.length; index++) this.#count(this.offsetAt(index), 1);
  }

  get length(): number {
    return this.bytes.length >>> 3;
  }

  /** Where an entry points to; 0: nowhere. */
  offsetAt(index: number): number {
    const low = this.#view.getUint32(index * 8 + 4);
    return ((this.#view.getUint32(index * 8) & this.#highMask) >>> 0) * 2 ** 32 + (low - (low & 511));
  }

  isCopied(index: number): boolean {
    return (this.#view.getUint32(index * 8) & COPIED_HIGH) !== 0;
  }

  /** Whether bits are set that the format keeps for later. */
  hasReservedBits(index: number): boolean {
    return (this.#view.getUint32(index * 8) & ~this.#highMask & ~COPIED_HIGH) !== 0 || (this.#view.getUint32(index * 8 + 4) & 511) !== 0;
  }

  /** Whether the offset is not one of a cluster. */
  isOddlyPlaced(index: number, clusterSize: number): boolean {
    return this.offsetAt(index) % clusterSize !== 0;
  }

  set(index: number, offset: number, isCopied: boolean): void {
    this.#count(this.offsetAt(index), -1);
    this.#view.setUint32(index * 8, (Math.floor(offset / 2 ** 32) | (isCopied ? COPIED_HIGH : 0)) >>> 0);
    this.#view.setUint32(index * 8 + 4, offset % 2 ** 32);
    this.#count(offset, 1);
  }

  /** The first entry behind `index` that points anywhere, or `length`. */
  nextUsed(index: number): number {
    let next = index;
    while (next < this.length && this.offsetAt(next) === 0) next++;
    return next;
  }

  /** An entry that points into the range of whole clusters, or -1. */
  pointsInto(start: number, end: number, clusterSize: number): number {
    if ((end - start) / clusterSize > this.#targets.size) {
      for (const target of this.#targets.keys()) if (target < end && target + clusterSize > start) return target;
      return -1;
    }
    for (let offset = start - (start % clusterSize); offset < end; offset += clusterSize) if (this.#targets.has(offset)) return offset;
    return -1;
  }

  #count(offset: number, change: number): void {
    if (offset === 0) return;
    const count = (this.#targets.get(offset) ?? 0) + change;
    if (count > 0) this.#targets.set(offset, count);
    else this.#targets.delete(offset);
  }
}
