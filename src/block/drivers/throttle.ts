/**
 * `throttle`: a filter whose requests wait for the limits of a throttle group.
 *
 * In: the option `throttle-group`, the name of a group that exists. Out: a driver table. Leaves to others: limits and waiting
 * (`backend/throttle-group.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import {
  throttleGroupCoIoLimitsIntercept, throttleGroupExists, throttleGroupMemberNew, throttleGroupRegisterTgm, throttleGroupRestartTgm, throttleGroupUnregisterTgm,
} from '../backend/throttle-group.ts';
import { childOfBds } from '../graph/child-of-bds.ts';
import {
  BDRV_CHILD_FILTERED, BDRV_CHILD_PRIMARY, BDRV_REQ_FUA, BDRV_REQ_MAY_UNMAP, BDRV_REQ_NO_FALLBACK, BDRV_REQ_WRITE_COMPRESSED, BDRV_REQ_WRITE_UNCHANGED,
} from '../model/constants.ts';
import type { BlockDriver } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { OptionBag, type BlockOptions } from '../model/options.ts';
import type { ThrottleGroupMember } from '../model/throttle.ts';
import { bdrvOpenChild } from '../open/open.ts';
import { bdrvCoPdiscard } from '../requests/discard.ts';
import { bdrvCoFlush } from '../requests/flush.ts';
import { bdrvGetlength } from '../requests/length.ts';
import { bdrvCoPreadv } from '../requests/read.ts';
import { bdrvCoPwriteZeroes, bdrvCoPwritev } from '../requests/write.ts';
import { childOf, nodeBelow } from './children.ts';

interface ThrottleNode {
  member: ThrottleGroupMember;
}

function memberOf(bs: BlockDriverState): ThrottleGroupMember {
  return (bs.opaque as ThrottleNode).member;
}

function takeGroup(options: BlockOptions): string {
  const group = new OptionBag(options).takeString('throttle-group');
  if (group === undefined) throw blockError('EINVAL', 'Please specify a throttle group');
  if (!throttleGroupExists(group)) throw blockError('EINVAL', `Throttle group '${group}' does not exist`);
  return group;
}

/** A member of a group, with the drains that a node is in. */
function joinGroup(group: string, drains: number): ThrottleGroupMember {
  const member = throttleGroupMemberNew();
  member.ioLimitsDisabled = drains;
  throttleGroupRegisterTgm(member, group);
  return member;
}

/** @globalState */
async function openFilter(bs: BlockDriverState, options: BlockOptions): Promise<void> {
  GLOBAL_STATE_CODE('openFilter');
  const group = takeGroup(options);
  await bdrvOpenChild(null, options, 'file', bs, childOfBds, BDRV_CHILD_FILTERED | BDRV_CHILD_PRIMARY, false);
  const file = nodeBelow(bs);
  bs.supportedWriteFlags = file.supportedWriteFlags | BDRV_REQ_WRITE_UNCHANGED;
  bs.supportedZeroFlags = (file.supportedZeroFlags & (BDRV_REQ_FUA | BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK)) | BDRV_REQ_WRITE_UNCHANGED;
  bs.opaque = { member: joinGroup(group, bs.quiesceCounter > 0 ? 1 : 0) } satisfies ThrottleNode;
}

/** A filter whose requests wait their turn. */
export const bdrvThrottle: BlockDriver = {
  formatName: 'throttle',
  isFilter: true,
  mutableOpts: ['throttle-group'],
  strongRuntimeOpts: ['throttle-group'],

  bdrvOpen: openFilter,
  bdrvClose(bs) {
    if (bs.opaque !== null) throttleGroupUnregisterTgm(memberOf(bs));
    return Promise.resolve();
  },
  bdrvReopenPrepare(state) {
    return Promise.resolve().then(() => {
      state.opaque = takeGroup(state.options);
    });
  },
  bdrvReopenCommit(state) {
    const node = state.bs.opaque as ThrottleNode;
    const group = state.opaque as string;
    if (node.member.group === group) return;
    // A reopen happens in a drained section: nothing waits, and the new member is in the section too.
    const drains = node.member.ioLimitsDisabled;
    throttleGroupUnregisterTgm(node.member);
    node.member = joinGroup(group, drains);
  },
  bdrvReopenAbort(state) {
    state.opaque = null;
  },

  async bdrvCoPreadv(bs, offset, bytes, qiov, flags) {
    await throttleGroupCoIoLimitsIntercept(memberOf(bs), bytes, 'read');
    await bdrvCoPreadv(childOf(bs), offset, bytes, qiov, flags);
  },
  async bdrvCoPwritev(bs, offset, bytes, qiov, flags) {
    await throttleGroupCoIoLimitsIntercept(memberOf(bs), bytes, 'write');
    await bdrvCoPwritev(childOf(bs), offset, bytes, qiov, flags);
  },
  async bdrvCoPwriteZeroes(bs, offset, bytes, flags) {
    await throttleGroupCoIoLimitsIntercept(memberOf(bs), bytes, 'write');
    await bdrvCoPwriteZeroes(childOf(bs), offset, bytes, flags);
  },
  async bdrvCoPdiscard(bs, offset, bytes) {
    await throttleGroupCoIoLimitsIntercept(memberOf(bs), bytes, 'write');
    await bdrvCoPdiscard(childOf(bs), offset, bytes);
  },
  async bdrvCoPwritevCompressed(bs, offset, bytes, qiov) {
    await throttleGroupCoIoLimitsIntercept(memberOf(bs), bytes, 'write');
    await bdrvCoPwritev(childOf(bs), offset, bytes, qiov, BDRV_REQ_WRITE_COMPRESSED);
  },
  bdrvCoFlush: (bs) => bdrvCoFlush(nodeBelow(bs)),
  bdrvGetlength: (bs) => bdrvGetlength(nodeBelow(bs)),
  bdrvCoDrainBegin(bs) {
    // While it is being opened there is no member yet; it starts with the drains that the node is in.
    const member = (bs.opaque as ThrottleNode | null)?.member;
    // What waits has to get done while the node is drained.
    if (member && member.ioLimitsDisabled++ === 0) throttleGroupRestartTgm(member);
    return Promise.resolve();
  },
  bdrvCoDrainEnd(bs) {
    const member = (bs.opaque as ThrottleNode | null)?.member;
    if (member) member.ioLimitsDisabled--;
    return Promise.resolve();
  },
};
