/** Arithmetic on offsets and lengths in bytes. Numbers stay below 2^53; bit operators would cut them to 32 bits. */

/** The largest multiple of `unit` that is not above `value`. @common */
export function alignDown(value: number, unit: number): number {
  return value - (value % unit);
}

/** The smallest multiple of `unit` that is not below `value`. @common */
export function alignUp(value: number, unit: number): number {
  const rest = value % unit;
  return rest === 0 ? value : value + unit - rest;
}

/** @common */
export function isAligned(value: number, unit: number): boolean {
  return value % unit === 0;
}

/** `value / unit`, rounded up. @common */
export function divideUp(value: number, unit: number): number {
  return Math.ceil(value / unit);
}

/** @common */
export function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value)) && 2 ** Math.round(Math.log2(value)) === value;
}

/** Whether `a` to `a + aBytes` and `b` to `b + bBytes` have a byte in common. @common */
export function rangesOverlap(a: number, aBytes: number, b: number, bBytes: number): boolean {
  return a < b + bBytes && b < a + aBytes;
}
