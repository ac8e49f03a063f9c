/**
 * Throttle groups: limits that several backends and filter nodes share.
 *
 * In: members with their requests, limits of the group. Out: each request waits for its turn; members take turns. Leaves to others: how
 * long (`leaky-buckets.ts`).
 *
 * In each direction at most one request of the group waits for the clock; all others wait for it. When the clock lets it go, it is
 * counted, and then the next member's first request is looked at.
 */
import { aioTimerStart, qemuGetCurrentAioContext } from '../contexts/aio-context.ts';
import { CoQueue } from '../contexts/coroutine.ts';
import { scheduler, type CancelTimer } from '../contexts/scheduler.ts';
import { blockError } from '../model/errors.ts';
import type { ThrottleConfig, ThrottleDirection, ThrottleGroupMember } from '../model/throttle.ts';
import { checkThrottleConfig, emptyBuckets, isThrottled, noLimits, pour, waitFor, type BucketLevels } from './leaky-buckets.ts';

/** What goes on in one direction. */
interface Lane {
  /** Whose turn it is, or was last. */
  turn: ThrottleGroupMember | null;
  /** Runs while that one waits for the clock. */
  cancelTimer: CancelTimer | null;
  /** A request was let go, and is not counted yet. */
  isHandedOver: boolean;
}

interface ThrottleGroup {
  config: ThrottleConfig;
  buckets: BucketLevels;
  readonly members: ThrottleGroupMember[];
  readonly lanes: Record<ThrottleDirection, Lane>;
  /** Made by a user: it stays when its last member leaves. */
  isObject: boolean;
}

const groups = new Map<string, ThrottleGroup>();

/** @io */
function newGroup(isObject: boolean): ThrottleGroup {
  const lane = (): Lane => ({ turn: null, cancelTimer: null, isHandedOver: false });
  return { config: noLimits(), buckets: emptyBuckets(scheduler().now()), members: [], lanes: { read: lane(), write: lane() }, isObject };
}

/**
 * A member of no group.
 *
 * @common
 */
export function throttleGroupMemberNew(): ThrottleGroupMember {
  return { group: null, queued: { read: new CoQueue(), write: new CoQueue() }, pending: { read: 0, write: 0 }, ioLimitsDisabled: 0 };
}

/**
 * Makes a group that stays, whoever uses it.
 *
 * @throws BlockError `EEXIST` where the name is taken, `EINVAL` where the limits can't be
 * @io
 */
export function throttleGroupNew(name: string, config: ThrottleConfig): void {
  if (groups.has(name)) throw blockError('EEXIST', `A throttle group named '${name}' already exists`);
  checkThrottleConfig(config);
  groups.set(name, { ...newGroup(true), config });
}

/**
 * Takes a group away that {@link throttleGroupNew} made; while members use it, it goes with the last of them.
 *
 * @throws BlockError `ENOENT` where there is none
 * @io
 */
export function throttleGroupDelete(name: string): void {
  const group = groupNamed(name);
  group.isObject = false;
  forgetUnused(name, group);
}

/**
 * Whether there is a group of that name.
 *
 * @io
 */
export function throttleGroupExists(name: string): boolean {
  return groups.has(name);
}

/** @io */
function groupNamed(name: string): ThrottleGroup {
  const group = groups.get(name);
  if (!group) throw blockError('ENOENT', `There is no throttle group named '${name}'`);
  return group;
}

/** @io */
function groupOf(member: ThrottleGroupMember): ThrottleGroup {
  return groupNamed(member.group ?? '');
}

/** @io */
function forgetUnused(name: string, group: ThrottleGroup): void {
  if (!group.isObject && group.members.length === 0) groups.delete(name);
}

/**
 * Puts a member into a group, which is made without limits if there is none of that name.
 *
 * @io
 */
export function throttleGroupRegisterTgm(member: ThrottleGroupMember, name: string): void {
  if (member.group !== null) throw new Error(`A member of the throttle group '${member.group}' is put into '${name}'.`);
  const group = groups.get(name) ?? newGroup(false);
  groups.set(name, group);
  group.members.push(member);
  member.group = name;
}

/**
 * Takes a member out of its group. Nothing of it may be waiting.
 *
 * @io
 */
export function throttleGroupUnregisterTgm(member: ThrottleGroupMember): void {
  const name = member.group;
  if (name === null) return;
  const group = groupNamed(name);
  if (member.pending.read + member.pending.write > 0) throw new Error(`A member with waiting requests leaves the throttle group '${name}'.`);
  for (const direction of ['read', 'write'] as const) passTurnOn(group, member, direction);
  group.members.splice(group.members.indexOf(member), 1);
  member.group = null;
  forgetUnused(name, group);
}

/** @io */
function passTurnOn(group: ThrottleGroup, member: ThrottleGroupMember, direction: ThrottleDirection): void {
  const lane = group.lanes[direction];
  if (lane.turn !== member) return;
  lane.turn = group.members[group.members.indexOf(member) - 1] ?? group.members.findLast((other) => other !== member) ?? null;
  if (!lane.cancelTimer) return;
  stopTimer(lane);
  startNext(group, null, direction);
}

/**
 * Gives a member's group new limits. What waits is looked at anew.
 *
 * @throws BlockError `EINVAL` where the limits can't be
 * @io
 */
export function throttleGroupConfig(member: ThrottleGroupMember, config: ThrottleConfig): void {
  configure(groupOf(member), config);
}

/**
 * Gives a group new limits, by its name.
 *
 * @throws BlockError `ENOENT`, `EINVAL`
 * @io
 */
export function throttleGroupSetLimits(name: string, config: ThrottleConfig): void {
  configure(groupNamed(name), config);
}

/** @io */
function configure(group: ThrottleGroup, config: ThrottleConfig): void {
  checkThrottleConfig(config);
  group.config = config;
  group.buckets = emptyBuckets(scheduler().now());
  for (const direction of ['read', 'write'] as const) {
    stopTimer(group.lanes[direction]);
    startNext(group, null, direction);
  }
}

/**
 * The limits of a member's group.
 *
 * @io
 */
export function throttleGroupGetConfig(member: ThrottleGroupMember): ThrottleConfig {
  return groupOf(member).config;
}

/**
 * Has a request wait for its turn, and counts it.
 *
 * @io
 * @coroutine
 */
export async function throttleGroupCoIoLimitsIntercept(member: ThrottleGroupMember, bytes: number, direction: ThrottleDirection): Promise<void> {
  const group = groupOf(member);
  const lane = group.lanes[direction];
  if (!isThrottled(group.config) && !lane.cancelTimer) return;
  if (mustWait(group, member, direction) || !member.queued[direction].isEmpty) {
    member.pending[direction]++;
    await member.queued[direction].wait();
    member.pending[direction]--;
  }
  pour(group.config, group.buckets, direction, bytes);
  lane.isHandedOver = false;
  startNext(group, member, direction);
}

/**
 * Whether a request of `member` has to wait; if it is for the clock, the clock is set.
 *
 * @io
 */
function mustWait(group: ThrottleGroup, member: ThrottleGroupMember, direction: ThrottleDirection): boolean {
  const lane = group.lanes[direction];
  if (member.ioLimitsDisabled > 0) return false;
  if (lane.cancelTimer || lane.isHandedOver) return true;
  const milliseconds = waitFor(group.config, group.buckets, direction, scheduler().now());
  if (milliseconds === 0) return false;
  lane.turn = member;
  lane.cancelTimer = aioTimerStart(qemuGetCurrentAioContext(), milliseconds, () => {
    lane.cancelTimer = null;
    letGo(group, member, direction);
  });
  return true;
}

/** @io */
function stopTimer(lane: Lane): void {
  lane.cancelTimer?.();
  lane.cancelTimer = null;
}

/**
 * Looks at the next request that waits; after one of `member`, if that is not null.
 *
 * @io
 */
function startNext(group: ThrottleGroup, member: ThrottleGroupMember | null, direction: ThrottleDirection): void {
  const next = member && member.ioLimitsDisabled > 0 && !member.queued[direction].isEmpty ? member : nextInTurn(group, direction);
  if (next && !mustWait(group, next, direction)) letGo(group, next, direction);
}

/**
 * The member after the one whose turn it was, that has a request waiting.
 *
 * @io
 */
function nextInTurn(group: ThrottleGroup, direction: ThrottleDirection): ThrottleGroupMember | null {
  const { turn } = group.lanes[direction];
  const after = turn ? group.members.indexOf(turn) + 1 : 0;
  return [...group.members.slice(after), ...group.members.slice(0, after)].find((member) => !member.queued[direction].isEmpty) ?? null;
}

/** @io */
function letGo(group: ThrottleGroup, member: ThrottleGroupMember, direction: ThrottleDirection): void {
  const lane = group.lanes[direction];
  lane.turn = member;
  if (member.queued[direction].next()) lane.isHandedOver = true;
  // A drain has let it go already.
  else startNext(group, null, direction);
}

/**
 * Lets everything of a member go at once: its limits don't count any more.
 *
 * @io
 */
export function throttleGroupRestartTgm(member: ThrottleGroupMember): void {
  member.queued.read.restartAll();
  member.queued.write.restartAll();
}
