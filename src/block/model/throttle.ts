/** Records of request throttling: limits as leaky buckets, shared by the members of a group. */
import type { CoQueue } from '../contexts/coroutine.ts';

export type ThrottleDirection = 'read' | 'write';

/** One limit. 0: none. */
export interface ThrottleLimit {
  /** Average, a second. */
  average: number;
  /** What bursts may reach, a second. */
  max: number;
  /** Seconds that a burst may last. */
  burstLength: number;
}

/** Bytes or operations, of reads, writes, or both. */
export type ThrottleBucket = 'bpsTotal' | 'bpsRead' | 'bpsWrite' | 'iopsTotal' | 'iopsRead' | 'iopsWrite';

export interface ThrottleConfig {
  readonly limits: Record<ThrottleBucket, ThrottleLimit>;
  /** Bytes that count as one operation; 0: every request is one. */
  iopsSize: number;
}

/** A user of a group's limits. */
export interface ThrottleGroupMember {
  /** Name of the group; `null`: not throttled. */
  group: string | null;
  readonly queued: Record<ThrottleDirection, CoQueue>;
  /** Requests that wait. */
  readonly pending: Record<ThrottleDirection, number>;
  /** Above 0: limits don't count, as while the node is drained. */
  ioLimitsDisabled: number;
}
