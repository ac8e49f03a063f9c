/**
 * Requests that do not lie on the node's alignment: what has to be read or written around them.
 *
 * In: any range. Out: the aligned range around it, and a vector with buffers for what is before and after. Leaves to others: reading
 * what belongs into these buffers (`write.ts`).
 *
 *     alignment 512, request 700..1800:    512 ... 700 .................. 1800 ... 2048
 *                                           head 188   the caller's buffers   tail 248
 *
 * Where head and tail lie in the same block, or in two neighbours, one buffer holds both blocks, and one read fills it.
 */
import { IoVector } from '../model/io-vector.ts';

/** The aligned range around a request. */
export interface Padding {
  readonly offset: number;
  readonly bytes: number;
  /** Bytes before and after what was asked for. */
  readonly head: number;
  readonly tail: number;
  /** The buffer covers the whole range. */
  readonly isOneBuffer: boolean;
  /** The first block, or the first two; the last block where there is no head. */
  readonly buffer: Uint8Array;
  /** The last block, as part of `buffer`; `null` without a tail. */
  readonly tailBuffer: Uint8Array | null;
}

/**
 * What has to be added to a range; `null` where nothing has to.
 *
 * @common
 */
export function paddingOf(align: number, offset: number, bytes: number): Padding | null {
  const head = offset % align;
  const beyond = (offset + bytes) % align;
  if (head === 0 && beyond === 0) return null;
  const tail = beyond === 0 ? 0 : align - beyond;
  const sum = head + bytes + tail;
  const buffer = Buffer.allocUnsafe(sum > align && head > 0 && tail > 0 ? 2 * align : align);
  return {
    offset: offset - head, bytes: sum, head, tail, isOneBuffer: sum === buffer.length, buffer, tailBuffer: tail > 0 ? buffer.subarray(buffer.length - align) : null,
  };
}

/**
 * The vector of the aligned request: the padding's buffers around the bytes of `qiov` from `qiovOffset` on.
 *
 * @common
 */
export function paddedVector(padding: Padding, qiov: IoVector, qiovOffset: number): IoVector {
  const wanted = qiov.slice(qiovOffset, padding.bytes - padding.head - padding.tail);
  const { buffer, head, tail } = padding;
  return new IoVector([
    ...(head > 0 ? [buffer.subarray(0, head)] : []), ...wanted.segments, ...(tail > 0 ? [buffer.subarray(buffer.length - tail)] : []),
  ]);
}
