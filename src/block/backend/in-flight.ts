/** PLACEHOLDER. */
import type { BlockBackend } from '../model/backend.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Counts a backend request in.
 *
 * @io
 */
export function blkIncInFlight(blk: BlockBackend): void {
  throw notBuilt('blkIncInFlight');
}

/**
 * Counts a backend request out and wakes waiters.
 *
 * @io
 */
export function blkDecInFlight(blk: BlockBackend): void {
  throw notBuilt('blkDecInFlight');
}

/**
 * Waits for the backend's requests.
 *
 * @io
 */
export async function blkDrain(blk: BlockBackend): Promise<void> {
  throw notBuilt('blkDrain');
}
