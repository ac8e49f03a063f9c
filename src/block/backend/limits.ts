/**
 * Request limits of backends.
 *
 * In: a backend, limits, the name of a group. Out: the backend is a member of the group. Leaves to others: the groups
 * (`throttle-group.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd } from '../graph/drain.ts';
import type { BlockBackend, ThrottleConfig } from '../model/backend.ts';
import { blkBs } from './settings.ts';
import { throttleGroupConfig, throttleGroupRegisterTgm, throttleGroupUnregisterTgm } from './throttle-group.ts';

/**
 * Sets the limits of the backend's group.
 *
 * @throws BlockError `EINVAL` where they contradict each other
 * @globalState
 */
export function blkSetIoLimits(blk: BlockBackend, cfg: ThrottleConfig): void {
  GLOBAL_STATE_CODE('blkSetIoLimits');
  throttleGroupConfig(blk.public.throttleGroupMember, cfg);
}

/**
 * Takes the backend out of its group. What waits for its turn goes first.
 *
 * @globalState
 */
export async function blkIoLimitsDisable(blk: BlockBackend): Promise<void> {
  GLOBAL_STATE_CODE('blkIoLimitsDisable');
  const bs = blkBs(blk);
  if (!bs) {
    throttleGroupUnregisterTgm(blk.public.throttleGroupMember);
    return;
  }
  await bdrvDrainedBegin(bs);
  try {
    throttleGroupUnregisterTgm(blk.public.throttleGroupMember);
  } finally {
    await bdrvDrainedEnd(bs);
  }
}

/**
 * Puts the backend into a group, which is made if there is none of that name.
 *
 * @globalState
 */
export function blkIoLimitsEnable(blk: BlockBackend, group: string): void {
  GLOBAL_STATE_CODE('blkIoLimitsEnable');
  throttleGroupRegisterTgm(blk.public.throttleGroupMember, group);
}

/**
 * Moves a throttled backend to another group; one that is not throttled stays so.
 *
 * @globalState
 */
export async function blkIoLimitsUpdateGroup(blk: BlockBackend, group: string): Promise<void> {
  GLOBAL_STATE_CODE('blkIoLimitsUpdateGroup');
  const member = blk.public.throttleGroupMember;
  if (member.group === null || member.group === group) return;
  await blkIoLimitsDisable(blk);
  blkIoLimitsEnable(blk, group);
}
