/**
 * Which chunks of a disk have to be copied: one flag for each, and a cursor that goes round.
 *
 * In: ranges that were written, in bytes. Out: the next run of chunks to copy. Leaves to others: the copying.
 */

/** Flags of chunks of `granularity` bytes. */
export class DirtyMap {
  readonly granularity: number;
  readonly #length: number;
  readonly #flags: Uint8Array;
  #count = 0;
  #cursor = 0;

  constructor(length: number, granularity: number) {
    this.granularity = granularity;
    this.#length = length;
    this.#flags = new Uint8Array(Math.ceil(length / granularity));
  }

  /** Bytes to copy. @common */
  get bytes(): number {
    return Math.min(this.#count * this.granularity, this.#length);
  }

  /** Flags all chunks that the range touches. @common */
  set(offset: number, bytes: number): void {
    for (let chunk = Math.floor(offset / this.granularity); chunk * this.granularity < Math.min(offset + bytes, this.#length); chunk++) {
      if (this.#flags[chunk] === 1) continue;
      this.#flags[chunk] = 1;
      this.#count++;
    }
  }

  /** Takes the flags of all chunks away that lie in the range as a whole. @common */
  clear(offset: number, bytes: number): void {
    const end = Math.min(offset + bytes, this.#length);
    for (let chunk = Math.ceil(offset / this.granularity); chunk < this.#flags.length; chunk++) {
      if (Math.min((chunk + 1) * this.granularity, this.#length) > end) return;
      if (this.#flags[chunk] === 0) continue;
      this.#flags[chunk] = 0;
      this.#count--;
    }
  }

  /** The next run of flagged chunks, at most `most` bytes; it begins where the last one ended, and round again. @common */
  next(most: number): { readonly offset: number; readonly bytes: number } | null {
    if (this.#count === 0) return null;
    let first = this.#flags.indexOf(1, this.#cursor);
    if (first < 0) first = this.#flags.indexOf(1);
    let end = first + 1;
    while (this.#flags[end] === 1 && (end - first + 1) * this.granularity <= most) end++;
    this.#cursor = end;
    const offset = first * this.granularity;
    return { offset, bytes: Math.min(end * this.granularity, this.#length) - offset };
  }
}
