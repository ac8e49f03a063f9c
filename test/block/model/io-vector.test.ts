/** Scattered buffers, against one plain buffer; arithmetic on offsets. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alignDown, alignUp, divideUp, isAligned, isPowerOfTwo, rangesOverlap } from '../../../src/block/model/arithmetic.ts';
import { IoVector, isZero } from '../../../src/block/model/io-vector.ts';

const buffers = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
const copyOf = (vector: IoVector): Buffer => Buffer.concat(vector.segments);

describe('a vector', () => {
  test('is its buffers one after the other, in any slice', () => {
    fc.assert(fc.property(buffers, fc.nat(400), fc.nat(400), (parts, from, length) => {
      const vector = new IoVector(parts);
      const whole = Buffer.concat(parts);
      expect(vector.size).toBe(whole.length);
      expect(Buffer.from(vector.flatten()).equals(whole)).toBe(true);
      const offset = Math.min(from, whole.length);
      const bytes = Math.min(length, whole.length - offset);
      expect(copyOf(vector.slice(offset, bytes)).equals(whole.subarray(offset, offset + bytes))).toBe(true);
      expect(copyOf(vector.concat(vector)).equals(Buffer.concat([whole, whole]))).toBe(true);
      expect(vector.isZero()).toBe(whole.every((byte) => byte === 0));
    }));
  });

  test('is written to where its buffers are', () => {
    fc.assert(fc.property(buffers, fc.uint8Array({ maxLength: 100 }), fc.nat(300), (parts, data, from) => {
      const vector = new IoVector(parts);
      const model = Buffer.concat(parts);
      const offset = Math.min(from, model.length);
      const fits = data.subarray(0, model.length - offset);
      vector.copyFrom(fits, offset);
      model.set(fits, offset);
      expect(copyOf(vector).equals(model)).toBe(true);
      vector.fill(7, offset);
      expect(copyOf(vector).equals(model.fill(7, offset))).toBe(true);
    }));
  });

  test('of one buffer is that buffer, and whole slices are the vector itself', () => {
    const buffer = Buffer.alloc(4096);
    const vector = IoVector.of(buffer);
    expect(vector.flatten()).toBe(buffer);
    expect(vector.slice(0, 4096)).toBe(vector);
  });
});

test('zeroes are found at any length', () => {
  for (const length of [0, 1, 65535, 65536, 65537, 200_000]) {
    const bytes = Buffer.alloc(length);
    expect(isZero(bytes)).toBe(true);
    if (length > 0) expect(isZero(bytes.fill(1, length - 1))).toBe(false);
  }
});

test('offsets above 32 bits are aligned as any other', () => {
  const far = 2 ** 45 + 513;
  expect([alignDown(far, 512), alignUp(far, 512), alignUp(2 ** 45, 512)]).toEqual([2 ** 45 + 512, 2 ** 45 + 1024, 2 ** 45]);
  expect([isAligned(far, 512), isAligned(2 ** 45, 512), divideUp(far, 512)]).toEqual([false, true, 2 ** 36 + 2]);
  expect([0, 1, 3, 4096, 2 ** 45, -2].map(isPowerOfTwo)).toEqual([false, true, false, true, true, false]);
  expect([rangesOverlap(0, 10, 9, 1), rangesOverlap(0, 10, 10, 1), rangesOverlap(5, 0, 0, 10)]).toEqual([true, false, true]);
});
