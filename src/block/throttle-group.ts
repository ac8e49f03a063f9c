/**
 * Throttle groups. Re-exports only.
 */
export {
  throttleGroupConfig, throttleGroupCoIoLimitsIntercept, throttleGroupDelete, throttleGroupExists, throttleGroupGetConfig, throttleGroupMemberNew, throttleGroupNew,
  throttleGroupRegisterTgm, throttleGroupRestartTgm, throttleGroupSetLimits, throttleGroupUnregisterTgm,
} from './backend/throttle-group.ts';
export { noLimits } from './backend/leaky-buckets.ts';
