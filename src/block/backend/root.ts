/**
 * The node inside a backend: put in, swapped, taken out; what the backend may do with it; where both run.
 *
 * In: backends and nodes. Out: the root edge, and what is remembered of the node after it is gone. Leaves to others: the class of the
 * edge (`child-root.ts`), permissions and context moves in the graph.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { AioContext } from '../contexts/aio-context.ts';
import { bdrvActivate } from '../graph/activation.ts';
import { bdrvChildTrySetAioContext } from '../graph/aio-context-moves.ts';
import { bdrvRootAttachChild } from '../graph/edges.ts';
import { bdrvRef, bdrvRootUnrefChild, bdrvUnref } from '../graph/nodes.ts';
import { bdrvChildTrySetPerm } from '../graph/permissions.ts';
import { bdrvReplaceChildBs } from '../graph/replace.ts';
import type { BlockBackend, BlockBackendRootState } from '../model/backend.ts';
import { BDRV_CHILD_FILTERED, BDRV_CHILD_PRIMARY, BDRV_O_RDWR, type OpenFlags, type Permissions } from '../model/constants.ts';
import type { ChildPermissions } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import type { BdrvAioNotifier, BdrvChild, BlockDriverState, DetectZeroes } from '../model/node.ts';
import { bdrvGetFlags } from '../open/open-flags.ts';
import { bdrvIsReadOnly } from '../open/queries.ts';
import { addNotifier, bdrvFirstBlk, childRoot, removeNotifier } from './child-root.ts';
import { blkDrain } from './in-flight.ts';

/** Told when a node is put in or taken out. */
type NodeNotifier = (blk: BlockBackend) => void;

/**
 * Puts a node into an empty backend. The backend holds it from then on.
 *
 * @throws BlockError `EPERM` where the node's other parents are against it
 * @globalState
 */
export async function blkInsertBs(blk: BlockBackend, bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('blkInsertBs');
  if (blk.root) throw new Error(`blkInsertBs: the backend '${blk.name}' has a node already.`);
  bdrvRef(bs);
  const { perm, shared } = blk.disablePerm ? { perm: 0, shared: blk.sharedPerm } : { perm: blk.perm, shared: blk.sharedPerm };
  blk.root = await bdrvRootAttachChild(bs, 'root', childRoot, BDRV_CHILD_FILTERED | BDRV_CHILD_PRIMARY, perm, shared, blk);
  blk.root.parentName = blk.name;
  for (const notify of [...blk.insertBsNotifiers]) notify(blk);
}

/**
 * Takes the node out: no request is in flight then, and its settings are remembered.
 *
 * @globalState
 */
export async function blkRemoveBs(blk: BlockBackend): Promise<void> {
  GLOBAL_STATE_CODE('blkRemoveBs');
  for (const notify of [...blk.removeBsNotifiers]) notify(blk);
  blkUpdateRootState(blk);
  await blkDrain(blk);
  const { root } = blk;
  blk.root = null;
  if (root) await bdrvRootUnrefChild(root);
}

/**
 * Swaps the node for another.
 *
 * @throws BlockError `ENOMEDIUM` for an empty backend, `EPERM` where the new node's other parents are against it
 * @globalState
 */
export async function blkReplaceBs(blk: BlockBackend, newBs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('blkReplaceBs');
  if (!blk.root) throw blockError('ENOMEDIUM', `Block device '${blk.name}' is empty`);
  await bdrvReplaceChildBs(blk.root, newBs);
}

/**
 * Whether a node is in a backend.
 *
 * @globalState
 */
export function bdrvHasBlk(bs: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvHasBlk');
  return bdrvFirstBlk(bs) !== null;
}

/**
 * Whether all parents of a node are backends.
 *
 * @globalState
 */
export function bdrvIsRootNode(bs: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvIsRootNode');
  return bs.parents.every((parent) => parent.klass === childRoot);
}

/**
 * Sets what the backend may do with its node, and what it lets others do. Kept for a node that comes later, too.
 *
 * @throws BlockError `EPERM` where the node's other parents are against it; nothing has changed then
 * @globalState
 * @permissionApi
 */
export function blkSetPerm(blk: BlockBackend, perm: Permissions, sharedPerm: Permissions): void {
  GLOBAL_STATE_CODE('blkSetPerm');
  if (blk.root && !blk.disablePerm) bdrvChildTrySetPerm(blk.root, perm, sharedPerm);
  blk.perm = perm;
  blk.sharedPerm = sharedPerm;
}

/**
 * What the backend asks for, and what it shares.
 *
 * @globalState
 * @permissionApi
 */
export function blkGetPerm(blk: BlockBackend): ChildPermissions {
  GLOBAL_STATE_CODE('blkGetPerm');
  return { perm: blk.perm, shared: blk.sharedPerm };
}

/**
 * Whether the node can be written; without one, whether the next will be.
 *
 * @globalState
 */
export function blkSupportsWritePerm(blk: BlockBackend): boolean {
  GLOBAL_STATE_CODE('blkSupportsWritePerm');
  return blk.root?.bs ? !bdrvIsReadOnly(blk.root.bs) : (blk.rootState.openFlags & BDRV_O_RDWR) !== 0;
}

/**
 * The edge to the node; `null` while there is none.
 *
 * @globalState
 */
export function blkRoot(blk: BlockBackend): BdrvChild | null {
  GLOBAL_STATE_CODE('blkRoot');
  return blk.root;
}

/**
 * Moves a backend, and the node in it, to another context.
 *
 * @throws BlockError `EPERM` where something connected with the node can't move
 * @globalState
 */
export async function blkSetAioContext(blk: BlockBackend, newContext: AioContext): Promise<void> {
  GLOBAL_STATE_CODE('blkSetAioContext');
  const { root } = blk;
  if (root?.bs) {
    const { bs } = root;
    bdrvRef(bs);
    try {
      await bdrvChildTrySetAioContext(bs, newContext, root);
    } finally {
      await bdrvUnref(bs);
    }
  }
  blk.context = newContext;
}

/**
 * Calls `detach` before, and `attached` after, each move of the node inside to another context; whichever node that is.
 *
 * @globalState
 * @runs attached globalState
 * @runs detach globalState
 */
export function blkAddAioContextNotifier(
  blk: BlockBackend, attached: (newContext: AioContext, opaque: unknown) => void, detach: (opaque: unknown) => void, opaque: unknown,
): void {
  GLOBAL_STATE_CODE('blkAddAioContextNotifier');
  const notifier: BdrvAioNotifier = { attachedAioContext: attached, detachAioContext: detach, opaque, deleted: false };
  blk.aioNotifiers.push(notifier);
  if (blk.root?.bs) addNotifier(blk.root.bs, notifier);
}

/**
 * Ends what {@link blkAddAioContextNotifier} with the same arguments began.
 *
 * @globalState
 */
export function blkRemoveAioContextNotifier(
  blk: BlockBackend, attached: (newContext: AioContext, opaque: unknown) => void, detach: (opaque: unknown) => void, opaque: unknown,
): void {
  GLOBAL_STATE_CODE('blkRemoveAioContextNotifier');
  const at = blk.aioNotifiers.findIndex((one) => one.attachedAioContext === attached && one.detachAioContext === detach && one.opaque === opaque);
  const [notifier] = at < 0 ? [] : blk.aioNotifiers.splice(at, 1);
  if (!notifier) throw new Error('blkRemoveAioContextNotifier: no such notifier was added.');
  if (blk.root?.bs) removeNotifier(blk.root.bs, notifier);
}

/**
 * Calls `notify` before a node is taken out.
 *
 * @returns what ends it
 * @globalState
 * @runs notify globalState
 */
export function blkAddRemoveBsNotifier(blk: BlockBackend, notify: NodeNotifier): () => void {
  GLOBAL_STATE_CODE('blkAddRemoveBsNotifier');
  blk.removeBsNotifiers.push(notify);
  return () => void (blk.removeBsNotifiers = blk.removeBsNotifiers.filter((one) => one !== notify));
}

/**
 * Calls `notify` after a node was put in.
 *
 * @returns what ends it
 * @globalState
 * @runs notify globalState
 */
export function blkAddInsertBsNotifier(blk: BlockBackend, notify: NodeNotifier): () => void {
  GLOBAL_STATE_CODE('blkAddInsertBsNotifier');
  blk.insertBsNotifiers.push(notify);
  return () => void (blk.insertBsNotifiers = blk.insertBsNotifiers.filter((one) => one !== notify));
}

/**
 * Settings that outlive the node: those of the last one, for the next.
 *
 * @globalState
 */
export function blkGetRootState(blk: BlockBackend): BlockBackendRootState {
  GLOBAL_STATE_CODE('blkGetRootState');
  return blk.rootState;
}

/**
 * Remembers the settings of the node inside.
 *
 * @globalState
 */
export function blkUpdateRootState(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('blkUpdateRootState');
  const bs = blk.root?.bs;
  if (!bs) return;
  blk.rootState.openFlags = bs.openFlags;
  blk.rootState.detectZeroes = bs.detectZeroes;
}

/**
 * The zero detection that the next node is to have.
 *
 * @globalState
 */
export function blkGetDetectZeroesFromRootState(blk: BlockBackend): DetectZeroes {
  GLOBAL_STATE_CODE('blkGetDetectZeroesFromRootState');
  return blk.rootState.detectZeroes;
}

/**
 * The flags that the next node is to be opened with.
 *
 * @globalState
 */
export function blkGetOpenFlagsFromRootState(blk: BlockBackend): OpenFlags {
  GLOBAL_STATE_CODE('blkGetOpenFlagsFromRootState');
  return blk.rootState.openFlags;
}

/**
 * Lets the node be handed over although the backend may write to it.
 *
 * @globalState
 */
export function blkSetForceAllowInactivate(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('blkSetForceAllowInactivate');
  blk.forceAllowInactivate = true;
}

/**
 * Makes the node ours again, and drops what is cached of it.
 *
 * @throws BlockError `ENOMEDIUM` for an empty backend, or what the activation throws
 * @globalState
 */
export async function blkInvalidateCache(blk: BlockBackend): Promise<void> {
  GLOBAL_STATE_CODE('blkInvalidateCache');
  if (!blk.root?.bs) throw blockError('ENOMEDIUM', `Device '${blk.name}' has no medium`);
  await bdrvActivate(blk.root.bs);
}

/**
 * The flags of the node; without one, those of the next.
 *
 * @globalState
 */
export function blkGetFlags(blk: BlockBackend): OpenFlags {
  GLOBAL_STATE_CODE('blkGetFlags');
  return blk.root?.bs ? bdrvGetFlags(blk.root.bs) : blk.rootState.openFlags;
}
