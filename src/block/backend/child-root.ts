/**
 * Backends as parents of nodes: the class of their edges.
 *
 * In: what happens to the node below. Out: the backend follows: stops its requests, tells its device, moves to another context, gives its
 * permissions up and takes them again. Only this class may look at the parent of such an edge.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { AioContext } from '../contexts/aio-context.ts';
import { bdrvAddAioContextNotifier, bdrvRemoveAioContextNotifier } from '../graph/aio-context-moves.ts';
import { bdrvChildTrySetPerm } from '../graph/permissions.ts';
import type { BlockBackend } from '../model/backend.ts';
import { BLK_PERM_ALL, BLK_PERM_WRITE, BLK_PERM_WRITE_UNCHANGED } from '../model/constants.ts';
import type { BdrvChildClass } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import type { BdrvChild, BdrvAioNotifier, BlockDriverState } from '../model/node.ts';
import { blkDevChangeMediaCb } from './device.ts';
import { blkGetAttachedDevId } from './device-io.ts';
import { throttleGroupRestartTgm } from './throttle-group.ts';

const backendOf = (child: BdrvChild): BlockBackend => child.opaque as BlockBackend;

/** The edge of a backend to its node. */
export const childRoot: BdrvChildClass = {
  changeMedia: (child, load) => blkDevChangeMediaCb(backendOf(child), load),
  getName: (child) => backendOf(child).name,
  getParentDesc: (child) => describe(backendOf(child)),
  activate: (child) => Promise.resolve(activate(child)),
  inactivate: (child) => Promise.resolve(inactivate(child)),
  attach(child) {
    if (child.bs) for (const notifier of backendOf(child).aioNotifiers) addNotifier(child.bs, notifier);
  },
  detach(child) {
    if (child.bs) for (const notifier of backendOf(child).aioNotifiers) removeNotifier(child.bs, notifier);
  },
  canSetAioCtx: (child, context) => checkMove(backendOf(child), context),
  setAioCtx(child, context) {
    backendOf(child).context = context;
    return Promise.resolve();
  },
  getParentAioContext: (child) => backendOf(child).context,
  resize(child) {
    const { devOps, devOpaque } = backendOf(child);
    devOps?.resizeCb?.(devOpaque);
  },
  drainedBegin: (child) => drainedBegin(backendOf(child)),
  drainedPoll(child) {
    const blk = backendOf(child);
    const deviceIsBusy = blk.devOps?.drainedPoll?.(blk.devOpaque) ?? false;
    return deviceIsBusy || blk.inFlight > 0;
  },
  drainedEnd: (child) => drainedEnd(backendOf(child)),
};

/**
 * The backend of the first edge from one to `bs`.
 *
 * @globalState
 */
export function bdrvFirstBlk(bs: BlockDriverState): BlockBackend | null {
  GLOBAL_STATE_CODE('bdrvFirstBlk');
  const edge = bs.parents.find((parent) => parent.klass === childRoot);
  return edge ? backendOf(edge) : null;
}

function describe(blk: BlockBackend): string {
  const name = blk.name === '' ? blkGetAttachedDevId(blk) : blk.name;
  return name === '' ? 'an unnamed block device' : `block device '${name}'`;
}

/**
 * The node is ours again: asks for the permissions that were given up.
 *
 * @globalState
 */
function activate(child: BdrvChild): void {
  GLOBAL_STATE_CODE('activate');
  const blk = backendOf(child);
  if (!blk.disablePerm) return;
  blk.disablePerm = false;
  try {
    bdrvChildTrySetPerm(child, blk.perm, blk.sharedPerm);
  } catch (error) {
    blk.disablePerm = true;
    throw error;
  }
}

/**
 * The node is about to be handed over: gives the permissions up. A device stops by itself; others may not lose the right to write.
 *
 * @globalState
 */
function inactivate(child: BdrvChild): void {
  GLOBAL_STATE_CODE('inactivate');
  const blk = backendOf(child);
  if (blk.disablePerm) return;
  const writes = (blk.perm & (BLK_PERM_WRITE | BLK_PERM_WRITE_UNCHANGED)) !== 0;
  if (writes && !blk.dev && blk.name === '' && !blk.forceAllowInactivate) throw blockError('EPERM', `${describe(blk)} is in use for writing`);
  blk.disablePerm = true;
  bdrvChildTrySetPerm(child, 0, BLK_PERM_ALL);
}

/** @globalState */
function checkMove(blk: BlockBackend, context: AioContext): void {
  GLOBAL_STATE_CODE('checkMove');
  if (blk.context === context || blk.allowAioContextChange) return;
  // A backend that only the monitor holds follows its node; anybody else has to be asked.
  if (blk.name === '' || blk.dev) throw blockError('EPERM', 'Cannot change iothread of active block backend');
}

/** @io */
function drainedBegin(blk: BlockBackend): void {
  if (++blk.quiesceCounter === 1) blk.devOps?.drainedBegin?.(blk.devOpaque);
  const member = blk.public.throttleGroupMember;
  if (member.ioLimitsDisabled++ > 0) return;
  // Drained requests are not throttled: what waits for its turn gets it now.
  throttleGroupRestartTgm(member);
}

/** @io */
function drainedEnd(blk: BlockBackend): void {
  blk.public.throttleGroupMember.ioLimitsDisabled--;
  if (--blk.quiesceCounter > 0) return;
  blk.devOps?.drainedEnd?.(blk.devOpaque);
  blk.queuedRequests.restartAll();
}

/**
 * Lets a listener of a backend know what happens to its node's context.
 *
 * @globalState
 */
export function addNotifier(bs: BlockDriverState, notifier: BdrvAioNotifier): void {
  GLOBAL_STATE_CODE('addNotifier');
  bdrvAddAioContextNotifier(bs, notifier.attachedAioContext, notifier.detachAioContext, notifier.opaque);
}

/**
 * Ends that.
 *
 * @globalState
 */
export function removeNotifier(bs: BlockDriverState, notifier: BdrvAioNotifier): void {
  GLOBAL_STATE_CODE('removeNotifier');
  bdrvRemoveAioContextNotifier(bs, notifier.attachedAioContext, notifier.detachAioContext, notifier.opaque);
}
