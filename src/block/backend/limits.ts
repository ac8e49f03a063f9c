/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockBackend, ThrottleConfig } from '../model/backend.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Configures throttling.
 *
 * @globalState
 */
export function blkSetIoLimits(blk: BlockBackend, cfg: ThrottleConfig): void {
  GLOBAL_STATE_CODE('blkSetIoLimits');
  throw notBuilt('blkSetIoLimits');
}

/**
 * Takes the backend out of its throttle group, node drained.
 *
 * @globalState
 */
export async function blkIoLimitsDisable(blk: BlockBackend): Promise<void> {
  GLOBAL_STATE_CODE('blkIoLimitsDisable');
  throw notBuilt('blkIoLimitsDisable');
}

/**
 * Puts the backend into a throttle group.
 *
 * @globalState
 */
export function blkIoLimitsEnable(blk: BlockBackend, group: string): void {
  GLOBAL_STATE_CODE('blkIoLimitsEnable');
  throw notBuilt('blkIoLimitsEnable');
}

/**
 * Changes the throttle group.
 *
 * @globalState
 */
export async function blkIoLimitsUpdateGroup(blk: BlockBackend, group: string): Promise<void> {
  GLOBAL_STATE_CODE('blkIoLimitsUpdateGroup');
  throw notBuilt('blkIoLimitsUpdateGroup');
}
