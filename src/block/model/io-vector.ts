/**
 * Scattered buffers: what a request reads into or writes from.
 *
 * In: buffers. Out: views of them; data is copied only where a function says so.
 */

/** A list of buffers seen as one range of `size` bytes. The buffers stay shared with whoever made them. */
export class IoVector {
  readonly segments: readonly Uint8Array[];
  readonly size: number;

  constructor(segments: readonly Uint8Array[]) {
    this.segments = segments;
    this.size = segments.reduce((sum, segment) => sum + segment.length, 0);
  }

  /** @common */
  static of(...segments: Uint8Array[]): IoVector {
    return new IoVector(segments);
  }

  /** The bytes `offset` to `offset + bytes` as a vector over the same buffers. @common */
  slice(offset: number, bytes: number): IoVector {
    if (offset === 0 && bytes === this.size) return this;
    const parts: Uint8Array[] = [];
    let position = 0;
    for (const segment of this.segments) {
      const start = Math.max(offset - position, 0);
      const end = Math.min(offset + bytes - position, segment.length);
      if (start < end) parts.push(segment.subarray(start, end));
      position += segment.length;
    }
    return new IoVector(parts);
  }

  /** All bytes as one buffer: the buffer itself where there is just one, else a copy. @common */
  flatten(): Uint8Array {
    const [first] = this.segments;
    if (first && this.segments.length === 1) return first;
    const all = new Uint8Array(this.size);
    let position = 0;
    for (const segment of this.segments) {
      all.set(segment, position);
      position += segment.length;
    }
    return all;
  }

  /** Copies `data` to the bytes from `offset` on. @common */
  copyFrom(data: Uint8Array, offset = 0): void {
    let taken = 0;
    for (const segment of this.slice(offset, data.length).segments) {
      segment.set(data.subarray(taken, taken + segment.length));
      taken += segment.length;
    }
  }

  /** Sets `bytes` bytes from `offset` on to `value`. @common */
  fill(value: number, offset = 0, bytes = this.size - offset): void {
    for (const segment of this.slice(offset, bytes).segments) segment.fill(value);
  }

  /** Whether all bytes are zero. @common */
  isZero(): boolean {
    return this.segments.every(isZero);
  }

  /** This vector and then `other`. @common */
  concat(other: IoVector): IoVector {
    return new IoVector([...this.segments, ...other.segments]);
  }
}

const ZEROES = Buffer.alloc(1 << 16);

/** Whether all bytes of `bytes` are zero. @common */
export function isZero(bytes: Uint8Array): boolean {
  for (let start = 0; start < bytes.length; start += ZEROES.length) {
    const part = bytes.subarray(start, start + ZEROES.length);
    if (Buffer.compare(part, part.length === ZEROES.length ? ZEROES : ZEROES.subarray(0, part.length)) !== 0) return false;
  }
  return true;
}
