/**
 * Attaches nodes: below other nodes, and below parents that are no nodes.
 *
 * In: two ends and what the edge between them is for. Out: the edge, with permissions refreshed, or a refusal that leaves the graph as it
 * was. Leaves to others: detaching (`nodes.ts`), moving edges (`replace.ts`), the steps themselves (`edge-transactions.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { AioContext } from '../contexts/aio-context.ts';
import type { BdrvChildRole, Permissions } from '../model/constants.ts';
import type { BdrvChildClass } from '../model/driver.ts';
import { blockError, errnoOf } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { tranRun, type Transaction } from '../model/transaction.ts';
import { bdrvChildGetParentAioContext, bdrvTrySetAioContext } from './aio-context-moves.ts';
import { settleGraphChanges } from './drain.ts';
import { bdrvAttachChildCommon, bdrvAttachChildNoperm, looseEdge, type NewEdge } from './edge-transactions.ts';
import { bdrvUnref } from './nodes.ts';
import { bdrvRefreshPerms } from './permissions.ts';

/**
 * Attaches a node below another one. Takes over the caller's reference to `childBs`, also where it fails.
 *
 * @throws BlockError `EINVAL` for a cycle, `EPERM` for a conflict of permissions or contexts
 * @globalState
 */
export async function bdrvAttachChild(
  parentBs: BlockDriverState, childBs: BlockDriverState, childName: string, childClass: BdrvChildClass, childRole: BdrvChildRole,
): Promise<BdrvChild> {
  GLOBAL_STATE_CODE('bdrvAttachChild');
  const ends = { name: childName, klass: childClass, role: childRole, perm: 0, sharedPerm: 0, opaque: parentBs };
  return attach(childBs, ends, (transaction) => {
    const child = bdrvAttachChildNoperm(parentBs, childBs, childName, childClass, childRole, transaction);
    bdrvRefreshPerms(parentBs, transaction);
    return child;
  });
}

/**
 * Attaches a node below a parent that is no node: a backend, a job. Takes over the caller's reference to `childBs`, also where it fails.
 *
 * @throws BlockError `EPERM` for a conflict of permissions or contexts
 * @globalState
 */
export async function bdrvRootAttachChild(
  childBs: BlockDriverState, childName: string, childClass: BdrvChildClass, childRole: BdrvChildRole, perm: Permissions, sharedPerm: Permissions, opaque: unknown,
): Promise<BdrvChild> {
  GLOBAL_STATE_CODE('bdrvRootAttachChild');
  const ends = { name: childName, klass: childClass, role: childRole, perm, sharedPerm, opaque };
  return attach(childBs, ends, (transaction) => {
    const child = bdrvAttachChildCommon(childBs, ends, transaction);
    bdrvRefreshPerms(childBs, transaction);
    return child;
  });
}

/**
 * Adds a child to a node whose driver can have any number.
 *
 * @throws BlockError `ENOTSUP` where the driver can't, `EBUSY` where the child has a parent already
 * @globalState
 */
export async function bdrvAddChild(parent: BlockDriverState, child: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvAddChild');
  if (!parent.drv?.bdrvAddChild) throw blockError('ENOTSUP', `The node ${parent.nodeName} does not support adding a child`);
  if (child.parents.length > 0) throw blockError('EBUSY', `The node ${child.nodeName} already has a parent`);
  await parent.drv.bdrvAddChild(parent, child);
}

/**
 * Takes a child away from a node whose driver can have any number.
 *
 * @throws BlockError `ENOTSUP` where the driver can't, `ENOENT` where it is no child of the node
 * @globalState
 */
export async function bdrvDelChild(parent: BlockDriverState, child: BdrvChild): Promise<void> {
  GLOBAL_STATE_CODE('bdrvDelChild');
  if (!parent.drv?.bdrvDelChild) throw blockError('ENOTSUP', `The node ${parent.nodeName} does not support removing a child`);
  if (!parent.children.includes(child)) {
    throw blockError('ENOENT', `The node ${parent.nodeName} does not have a child named ${child.bs?.nodeName ?? child.name}`);
  }
  await parent.drv.bdrvDelChild(parent, child);
}

/**
 * Brings a node and the parent of an edge into one context before the edge is there: the node moves if it can, else the parent.
 *
 * @returns undoes it
 * @throws BlockError `EPERM` where neither can move
 * @globalState
 */
export async function alignContexts(childNode: BlockDriverState, edge: BdrvChild): Promise<() => Promise<void>> {
  GLOBAL_STATE_CODE('alignContexts');
  const nodeContext = childNode.aioContext;
  const parentContext = bdrvChildGetParentAioContext(edge);
  if (nodeContext === parentContext) return () => Promise.resolve();
  try {
    await bdrvTrySetAioContext(childNode, parentContext);
    return () => bdrvTrySetAioContext(childNode, nodeContext);
  } catch (error) {
    if (!(await parentMoves(edge, nodeContext))) throw error;
    return async () => {
      await edge.klass.setAioCtx?.(edge, parentContext, new Set([edge]));
    };
  }
}

/**
 * Moves the parent of an edge, if that can be.
 *
 * @globalState
 */
async function parentMoves(edge: BdrvChild, context: AioContext): Promise<boolean> {
  GLOBAL_STATE_CODE('parentMoves');
  if (!edge.klass.canSetAioCtx) return false;
  try {
    edge.klass.canSetAioCtx(edge, context, new Set([edge]));
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error;
    return false;
  }
  await edge.klass.setAioCtx?.(edge, context, new Set([edge]));
  return true;
}

/**
 * Aligns contexts, makes the edge, and drops the reference that the caller handed over: the edge has its own.
 *
 * @globalState
 * @runs change globalState wait
 */
async function attach(childNode: BlockDriverState, ends: NewEdge, change: (transaction: Transaction) => BdrvChild): Promise<BdrvChild> {
  GLOBAL_STATE_CODE('attach');
  try {
    const undo = await alignContexts(childNode, looseEdge(ends));
    try {
      return await tranRun(change);
    } catch (error) {
      await undo();
      throw error;
    }
  } finally {
    await settleGraphChanges();
    await bdrvUnref(childNode);
  }
}
