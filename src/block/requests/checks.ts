/** PLACEHOLDER. */
import type { IoVector } from '../model/io-vector.ts';
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Validates offset and length against the limits; pure.
 *
 * @common
 */
export function bdrvCheckRequest(offset: number, bytes: number): void {
  throw notBuilt('bdrvCheckRequest');
}

/**
 * Validates a request against its vector.
 *
 * @common
 */
export function bdrvCheckQiovRequest(offset: number, bytes: number, qiov: IoVector | null, qiovOffset: number): void {
  throw notBuilt('bdrvCheckQiovRequest');
}

/**
 * Widens a range to cluster boundaries.
 *
 * @io
 */
export function bdrvRoundToClusters(bs: BlockDriverState, offset: number, bytes: number): { clusterOffset: number; clusterBytes: number } {
  throw notBuilt('bdrvRoundToClusters');
}
