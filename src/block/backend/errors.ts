/** PLACEHOLDER. */
import type { BlockBackend, BlockdevOnError, BlockErrorAction } from '../model/backend.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Error policy for a direction.
 *
 * @io
 */
export function blkGetOnError(blk: BlockBackend, isRead: boolean): BlockdevOnError {
  throw notBuilt('blkGetOnError');
}

/**
 * Action for an error under the policy.
 *
 * @io
 */
export function blkGetErrorAction(blk: BlockBackend, isRead: boolean, error: Error): BlockErrorAction {
  throw notBuilt('blkGetErrorAction');
}

/**
 * Carries out the action (report, ignore, stop VM). Body not in the seed; when stopping it is expected to update the I/O status, whose setters are GS: check.
 *
 * @io
 */
export function blkErrorAction(blk: BlockBackend, action: BlockErrorAction, isRead: boolean, error: Error): void {
  throw notBuilt('blkErrorAction');
}
