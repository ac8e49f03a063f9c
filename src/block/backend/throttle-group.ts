/** PLACEHOLDER: see the commit after this one. */
import type { ThrottleDirection, ThrottleGroupMember } from '../model/throttle.ts';

/**
 * @io
 * @coroutine
 */
export async function throttleGroupCoIoLimitsIntercept(_member: ThrottleGroupMember, _bytes: number, _direction: ThrottleDirection): Promise<void> {
  await Promise.resolve();
}
