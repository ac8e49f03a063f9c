/**
 * Accounting: what a device has done, as its driver model tells it.
 *
 * In: requests that start, are done, fail, are refused or merged. Out: counts and times by type. Leaves to others: asking for them
 * (`blkGetStats`).
 */
import { scheduler } from '../contexts/scheduler.ts';
import type { AccountedType, BlockAcctStats } from '../model/backend.ts';

/** A request that is being counted. */
export interface BlockAcctCookie {
  readonly type: AccountedType;
  readonly bytes: number;
  /** Milliseconds of the scheduler's clock. */
  readonly startedAt: number;
}

/**
 * Chooses whether refused and failed requests count as accesses.
 *
 * @io
 */
export function blockAcctSetup(stats: BlockAcctStats, accountInvalid: boolean, accountFailed: boolean): void {
  stats.accountInvalid = accountInvalid;
  stats.accountFailed = accountFailed;
}

/**
 * A request starts.
 *
 * @io
 */
export function blockAcctStart(bytes: number, type: AccountedType): BlockAcctCookie {
  return { type, bytes, startedAt: scheduler().now() };
}

/**
 * A request is done.
 *
 * @io
 */
export function blockAcctDone(stats: BlockAcctStats, cookie: BlockAcctCookie): void {
  const counts = stats.byType[cookie.type];
  counts.bytes += cookie.bytes;
  counts.operations++;
  addTime(stats, cookie);
}

/**
 * A request has failed.
 *
 * @io
 */
export function blockAcctFailed(stats: BlockAcctStats, cookie: BlockAcctCookie): void {
  stats.byType[cookie.type].failed++;
  if (stats.accountFailed) addTime(stats, cookie);
}

/** @io */
function addTime(stats: BlockAcctStats, cookie: BlockAcctCookie): void {
  const now = scheduler().now();
  stats.byType[cookie.type].totalTimeNs += Math.round((now - cookie.startedAt) * 1e6);
  stats.lastAccess = now;
}

/**
 * A request was refused before it started: the guest asked for what can't be.
 *
 * @io
 */
export function blockAcctInvalid(stats: BlockAcctStats, type: AccountedType): void {
  stats.byType[type].invalid++;
  if (stats.accountInvalid) stats.lastAccess = scheduler().now();
}

/**
 * Requests were merged into one before it started.
 *
 * @param count - how many went into the one, besides itself
 * @io
 */
export function blockAcctMergeDone(stats: BlockAcctStats, type: AccountedType, count: number): void {
  stats.byType[type].merged += count;
}

/**
 * Nanoseconds since the last access.
 *
 * @io
 */
export function blockAcctIdleTimeNs(stats: BlockAcctStats): number {
  return Math.round((scheduler().now() - stats.lastAccess) * 1e6);
}
