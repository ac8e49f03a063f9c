/**
 * The life of backends: made, referenced, named, deleted.
 *
 * In: permissions, a context, names. Out: backends. Leaves to others: the node inside (`root.ts`), opening one along (`open.ts`), the
 * lists (`list.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { AioContext } from '../contexts/aio-context.ts';
import { CoQueue } from '../contexts/coroutine.ts';
import { aioWaitWhile } from '../contexts/poll.ts';
import { bdrvDrainAllBegin, bdrvDrainAllEnd } from '../graph/drain-all.ts';
import { bdrvFindNode } from '../graph/node-lists.ts';
import type { AccountedRequests, BlockAcctStats, BlockBackend, BlockBackendPublic } from '../model/backend.ts';
import type { Permissions } from '../model/constants.ts';
import { blockError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { blkDrain } from './in-flight.ts';
import { blkIoLimitsDisable } from './limits.ts';
import { blkAllNext, blkByName, listBackend, listNamedBackend, unlistBackend, unlistNamedBackend } from './list.ts';
import { blkInsertBs, blkRemoveBs } from './root.ts';
import { throttleGroupMemberNew } from './throttle-group.ts';

/**
 * A backend without a node, held once.
 *
 * @param perm what it asks for once a node is inserted
 * @param sharedPerm what it lets others do with the node
 * @globalState
 */
export function blkNew(context: AioContext, perm: Permissions, sharedPerm: Permissions): BlockBackend {
  GLOBAL_STATE_CODE('blkNew');
  const blk: BlockBackend = {
    name: '', refcnt: 1, root: null, context, public: { throttleGroupMember: throttleGroupMemberNew() }, dev: null, devOps: null, devOpaque: null,
    rootState: { openFlags: 0, detectZeroes: 'off' }, enableWriteCache: true, stats: newStats(), guestBlockSize: 512,
    onReadError: 'report', onWriteError: 'enospc', iostatusEnabled: false, iostatus: 'ok', perm, sharedPerm, disablePerm: false,
    allowAioContextChange: false, allowWriteBeyondEof: false, forceAllowInactivate: false, removeBsNotifiers: [], insertBsNotifiers: [], aioNotifiers: [],
    quiesceCounter: 0, queuedRequests: new CoQueue(), disableRequestQueuing: false, inFlight: 0,
  };
  listBackend(blk);
  return blk;
}

function newStats(): BlockAcctStats {
  const none = (): AccountedRequests => ({ bytes: 0, operations: 0, failed: 0, invalid: 0, merged: 0, totalTimeNs: 0 });
  return { byType: { read: none(), write: none(), flush: none(), unmap: none() }, lastAccess: 0, accountInvalid: true, accountFailed: true };
}

/**
 * A backend with `bs` inserted, in the node's context.
 *
 * @throws BlockError `EPERM` where the node's other parents are against it
 * @globalState
 */
export async function blkNewWithBs(bs: BlockDriverState, perm: Permissions, sharedPerm: Permissions): Promise<BlockBackend> {
  GLOBAL_STATE_CODE('blkNewWithBs');
  const blk = blkNew(bs.aioContext, perm, sharedPerm);
  try {
    await blkInsertBs(blk, bs);
  } catch (error) {
    await blkUnref(blk);
    throw error;
  }
  return blk;
}

/**
 * How often a backend is held.
 *
 * @globalState
 */
export function blkGetRefcnt(blk: BlockBackend | null): number {
  GLOBAL_STATE_CODE('blkGetRefcnt');
  return blk?.refcnt ?? 0;
}

/**
 * Holds a backend once more.
 *
 * @globalState
 */
export function blkRef(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('blkRef');
  if (blk.refcnt === 0) throw new Error('blkRef: the backend is gone already.');
  blk.refcnt++;
}

/**
 * Lets go of a backend. Once nobody holds it, it waits for its requests and is deleted. A backend with a name or a device is held by them.
 *
 * @globalState
 */
export async function blkUnref(blk: BlockBackend | null): Promise<void> {
  GLOBAL_STATE_CODE('blkUnref');
  if (!blk) return;
  if (blk.refcnt === 0) throw new Error('blkUnref: the backend is gone already.');
  if (blk.refcnt > 1) {
    blk.refcnt--;
    return;
  }
  await blkDrain(blk);
  if (--blk.refcnt > 0) return;
  await deleteBackend(blk);
}

/** @globalState */
async function deleteBackend(blk: BlockBackend): Promise<void> {
  GLOBAL_STATE_CODE('deleteBackend');
  if (blk.name !== '' || blk.dev) throw new Error(`deleteBackend: the backend '${blk.name}' is still in use by the monitor or a device.`);
  if (blk.public.throttleGroupMember.group !== null) await blkIoLimitsDisable(blk);
  if (blk.root) await blkRemoveBs(blk);
  unlistBackend(blk);
}

/**
 * Takes the nodes out of all backends.
 *
 * @globalState
 */
export async function blkRemoveAllBs(): Promise<void> {
  GLOBAL_STATE_CODE('blkRemoveAllBs');
  for (let blk = blkAllNext(null); blk; blk = blkAllNext(blk)) if (blk.root) await blkRemoveBs(blk);
}

/**
 * Gives a backend the name by which the monitor knows it.
 *
 * @throws BlockError `EINVAL` for a name that is malformed or taken, by a backend or a node
 * @globalState
 */
export function monitorAddBlk(blk: BlockBackend, name: string): void {
  GLOBAL_STATE_CODE('monitorAddBlk');
  if (blk.name !== '') throw new Error(`monitorAddBlk: the backend has the name '${blk.name}' already.`);
  if (!/^[A-Za-z][\w.-]*$/.test(name)) throw blockError('EINVAL', 'Invalid device name');
  if (blkByName(name)) throw blockError('EINVAL', `Device with id '${name}' already exists`);
  if (bdrvFindNode(name)) throw blockError('EINVAL', `Device name '${name}' conflicts with an existing node name`);
  setName(blk, name);
  listNamedBackend(blk);
}

/**
 * Takes the name away, if the backend has one.
 *
 * @globalState
 */
export function monitorRemoveBlk(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('monitorRemoveBlk');
  unlistNamedBackend(blk);
  setName(blk, '');
}

function setName(blk: BlockBackend, name: string): void {
  blk.name = name;
  if (blk.root) blk.root.parentName = name;
}

/**
 * What others may see of a backend.
 *
 * @globalState
 */
export function blkGetPublic(blk: BlockBackend): BlockBackendPublic {
  GLOBAL_STATE_CODE('blkGetPublic');
  return blk.public;
}

/**
 * Waits until no node and no backend has requests in flight.
 *
 * @globalState
 */
export async function blkDrainAll(): Promise<void> {
  GLOBAL_STATE_CODE('blkDrainAll');
  await bdrvDrainAllBegin();
  try {
    // A backend without a node may still have failed requests to complete.
    for (let blk = blkAllNext(null); blk; blk = blkAllNext(blk)) await waitForRequests(blk);
  } finally {
    await bdrvDrainAllEnd();
  }
}

/** @globalState */
async function waitForRequests(blk: BlockBackend): Promise<void> {
  GLOBAL_STATE_CODE('waitForRequests');
  await aioWaitWhile(blk.context, () => blk.inFlight > 0);
}

export { blkAllNext, blkByName, blkByPublic, blkNext } from './list.ts';
