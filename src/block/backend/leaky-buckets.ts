/**
 * Limits as leaky buckets.
 *
 * In: limits, requests that pour into the buckets, the time. Out: how long the next request has to wait. Leaves to others: making it wait
 * (`throttle-group.ts`).
 *
 * A bucket loses `average` units a second and takes what requests pour in. It may be filled above its size by one request; the next has
 * to wait until that much has leaked out again. Without bursts the size is a tenth of a second's worth, so that requests go evenly:
 *
 *     average 1000/s, size 100: a request of 300 goes at once (level 300), the next one waits (300 - 100) / 1000 = 0.2 s
 *
 * With bursts the size is `max * burstLength`. A burst longer than a second has a second bucket that loses `max` a second and holds a
 * tenth of a second's worth: it keeps the burst itself even.
 */
import { blockError } from '../model/errors.ts';
import type { ThrottleBucket, ThrottleConfig, ThrottleDirection, ThrottleLimit } from '../model/throttle.ts';

const LARGEST_VALUE = 1e15;
/** The part of a second that may pass at once. */
const EVENNESS = 0.1;

/** What is in the buckets. */
export interface BucketLevels {
  readonly levels: Record<ThrottleBucket, { level: number; burstLevel: number }>;
  /** Milliseconds of the scheduler's clock, when it was last let out. */
  leakedAt: number;
}

const BUCKETS = ['bpsTotal', 'bpsRead', 'bpsWrite', 'iopsTotal', 'iopsRead', 'iopsWrite'] as const;

const BUCKETS_OF: Record<ThrottleDirection, { readonly bytes: readonly ThrottleBucket[]; readonly operations: readonly ThrottleBucket[] }> = {
  read: { bytes: ['bpsTotal', 'bpsRead'], operations: ['iopsTotal', 'iopsRead'] },
  write: { bytes: ['bpsTotal', 'bpsWrite'], operations: ['iopsTotal', 'iopsWrite'] },
};

/** @common */
function forEachBucket<T>(valueOf: (bucket: ThrottleBucket) => T): Record<ThrottleBucket, T> {
  return {
    bpsTotal: valueOf('bpsTotal'), bpsRead: valueOf('bpsRead'), bpsWrite: valueOf('bpsWrite'),
    iopsTotal: valueOf('iopsTotal'), iopsRead: valueOf('iopsRead'), iopsWrite: valueOf('iopsWrite'),
  };
}

/**
 * No limits.
 *
 * @common
 */
export function noLimits(): ThrottleConfig {
  return { limits: forEachBucket(() => ({ average: 0, max: 0, burstLength: 1 })), iopsSize: 0 };
}

/**
 * Empty buckets.
 *
 * @common
 */
export function emptyBuckets(now: number): BucketLevels {
  return { levels: forEachBucket(() => ({ level: 0, burstLevel: 0 })), leakedAt: now };
}

/**
 * Refuses limits that contradict each other.
 *
 * @throws BlockError `EINVAL`
 * @common
 */
export function checkThrottleConfig(config: ThrottleConfig): void {
  const { limits, iopsSize } = config;
  for (const kind of ['bps', 'iops'] as const) {
    const total = limits[`${kind}Total`];
    const parts = [limits[`${kind}Read`], limits[`${kind}Write`]];
    const both = (['average', 'max'] as const).some((value) => total[value] > 0 && parts.some((part) => part[value] > 0));
    if (both) throw blockError('EINVAL', 'bps/iops/max total values and read/write values cannot be used at the same time');
  }
  if (iopsSize > 0 && limits.iopsTotal.average + limits.iopsRead.average + limits.iopsWrite.average === 0) {
    throw blockError('EINVAL', 'iops size requires an iops value to be set');
  }
  for (const bucket of BUCKETS) checkLimit(limits[bucket]);
}

/** @common */
function checkLimit({ average, max, burstLength }: ThrottleLimit): void {
  const isInRange = (value: number): boolean => value >= 0 && value <= LARGEST_VALUE;
  if (!isInRange(average) || !isInRange(max)) throw blockError('EINVAL', `bps/iops/max values must be within [0, ${LARGEST_VALUE}]`);
  if (!(burstLength >= 1)) throw blockError('EINVAL', 'the burst length cannot be 0');
  if (burstLength > 1 && max === 0) throw blockError('EINVAL', 'burst length set without burst rate');
  if (max * burstLength > LARGEST_VALUE) throw blockError('EINVAL', 'burst length too high for this burst rate');
  if (max > 0 && average === 0) throw blockError('EINVAL', 'bps_max/iops_max require corresponding bps/iops values');
  if (max > 0 && max < average) throw blockError('EINVAL', 'bps_max/iops_max cannot be lower than bps/iops');
}

/**
 * Whether anything is limited.
 *
 * @common
 */
export function isThrottled(config: ThrottleConfig): boolean {
  return BUCKETS.some((bucket) => config.limits[bucket].average > 0);
}

/**
 * Milliseconds until the next request of that direction may go; 0: now.
 *
 * @common
 */
export function waitFor(config: ThrottleConfig, buckets: BucketLevels, direction: ThrottleDirection, now: number): number {
  leak(config, buckets, now);
  const { bytes, operations } = BUCKETS_OF[direction];
  return Math.max(...[...bytes, ...operations].map((bucket) => waitForBucket(config.limits[bucket], buckets.levels[bucket])));
}

/** @common */
function leak(config: ThrottleConfig, buckets: BucketLevels, now: number): void {
  const seconds = (now - buckets.leakedAt) / 1000;
  if (seconds <= 0) return;
  buckets.leakedAt = now;
  for (const bucket of BUCKETS) {
    const { average, max } = config.limits[bucket];
    const state = buckets.levels[bucket];
    state.level = Math.max(0, state.level - average * seconds);
    state.burstLevel = Math.max(0, state.burstLevel - max * seconds);
  }
}

/** @common */
function waitForBucket({ average, max, burstLength }: ThrottleLimit, { level, burstLevel }: { level: number; burstLevel: number }): number {
  if (average === 0) return 0;
  const above = level - (max === 0 ? average * EVENNESS : max * burstLength);
  if (above > 0) return above / average * 1000;
  const burstAbove = burstLength > 1 ? burstLevel - max * EVENNESS : 0;
  return burstAbove > 0 ? burstAbove / max * 1000 : 0;
}

/**
 * Pours a request in.
 *
 * @common
 */
export function pour(config: ThrottleConfig, buckets: BucketLevels, direction: ThrottleDirection, bytes: number): void {
  const operations = config.iopsSize > 0 && bytes > config.iopsSize ? bytes / config.iopsSize : 1;
  for (const bucket of BUCKETS_OF[direction].bytes) pourInto(config, buckets, bucket, bytes);
  for (const bucket of BUCKETS_OF[direction].operations) pourInto(config, buckets, bucket, operations);
}

/** @common */
function pourInto(config: ThrottleConfig, buckets: BucketLevels, bucket: ThrottleBucket, units: number): void {
  const state = buckets.levels[bucket];
  state.level += units;
  if (config.limits[bucket].burstLength > 1) state.burstLevel += units;
}
