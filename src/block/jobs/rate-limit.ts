/**
 * A limit on bytes a second, kept in slices of a tenth of a second.
 *
 * In: bytes that were just done. Out: how long to wait before the next. Leaves to others: the waiting.
 */
import { scheduler } from '../contexts/scheduler.ts';
import type { RateLimit } from '../model/jobs.ts';

const SLICE_MILLISECONDS = 100;

/** A limit that limits nothing. @common */
export function rateLimitNew(): RateLimit {
  return { sliceStart: 0, sliceEnd: 0, sliceQuota: 0, dispatched: 0 };
}

/** Sets the limit; 0: none. @common */
export function rateLimitSetSpeed(limit: RateLimit, bytesPerSecond: number): void {
  limit.sliceQuota = bytesPerSecond === 0 ? 0 : Math.max((bytesPerSecond * SLICE_MILLISECONDS) / 1000, 1);
}

/**
 * Counts `bytes`, and says how many milliseconds to wait now; 0: none.
 *
 * More than a slice's bytes at once use up the slices after it: at 100 a slice, 250 end two slices after the current one.
 *
 * @common
 */
export function rateLimitDelay(limit: RateLimit, bytes: number): number {
  if (limit.sliceQuota === 0) return 0;
  const now = scheduler().now();
  if (limit.sliceEnd < now) {
    limit.sliceStart = now;
    limit.sliceEnd = now + SLICE_MILLISECONDS;
    limit.dispatched = 0;
  }
  limit.dispatched += bytes;
  if (limit.dispatched < limit.sliceQuota) return 0;
  limit.sliceEnd = limit.sliceStart + (limit.dispatched / limit.sliceQuota) * SLICE_MILLISECONDS;
  return Math.max(limit.sliceEnd - now, 0);
}
