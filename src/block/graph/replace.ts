/**
 * Moves edges from one node to another.
 *
 * In: nodes in the graph, and nodes that take their place, go above them or below them. Out: the edges moved, all or none, with one refresh
 * of permissions. Leaves to others: shortening chains (`drop-intermediate.ts`), the steps themselves (`edge-transactions.ts`).
 *
 * Each change is made in one stretch, between the begin and the end of a drained section of the nodes that edges are taken from, so that no
 * request is on its way along an edge that moves.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { BlockOpType } from '../model/constants.ts';
import { blockError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { tranRun, type Transaction } from '../model/transaction.ts';
import { bdrvRefreshLimits } from '../open/limits.ts';
import { bdrvTrySetAioContext } from './aio-context-moves.ts';
import { bdrvFilterBs, bdrvFilterOrCowBs, bdrvFilterOrCowChild } from './chain-links.ts';
import { childOfBds } from './child-of-bds.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd, settleGraphChanges } from './drain.ts';
import { bdrvAttachChildNoperm, bdrvBackingRole, bdrvReplaceChildTran, bdrvSetBackingNoperm, looseEdge } from './edge-transactions.ts';
import { alignContexts } from './edges.ts';
import { bdrvFindNode } from './node-lists.ts';
import { bdrvRef, bdrvUnref } from './nodes.ts';
import { bdrvOpIsBlocked } from './op-blockers.ts';
import { bdrvChildUserDesc, bdrvListRefreshPerms, bdrvRefreshPerms, bdrvTopologicalDfs } from './permissions.ts';

/**
 * Puts a new node above an existing one, whose parents move to the new one. The caller keeps its reference to `bsNew`.
 *
 * @throws BlockError `EPERM` where a conflict or a frozen edge is in the way
 * @globalState
 */
export async function bdrvAppend(bsNew: BlockDriverState, bsTop: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvAppend');
  if (bsNew.backing) throw blockError('EINVAL', `Node '${bsNew.nodeName}' has a backing node already`);
  await inOneContext(bsNew, bsTop, () =>
    drained([bsNew, bsTop], () =>
      tranRun((transaction) => {
        bdrvAttachChildNoperm(bsNew, bsTop, 'backing', childOfBds, bdrvBackingRole(bsNew), transaction);
        bdrvReplaceNodeNoperm(bsTop, bsNew, true, transaction);
        bdrvRefreshPerms(bsNew, transaction);
        bdrvRefreshLimits(bsNew, transaction);
      })));
}

/**
 * Moves the parents of one node to another, but for those that stay at their node, and those that would make a cycle.
 *
 * @throws BlockError `EPERM` where a conflict or a frozen edge is in the way
 * @globalState
 */
export async function bdrvReplaceNode(from: BlockDriverState, to: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvReplaceNode');
  await bdrvReplaceNodeCommon(from, to, true, false);
}

/**
 * Points one edge at another node, which moves to the context of the old one. The edge gives up its reference to the old node, and takes one to
 * the new.
 *
 * @throws BlockError `EPERM` where a conflict is in the way, the edge is frozen, or the new node can't move
 * @globalState
 */
export async function bdrvReplaceChildBs(child: BdrvChild, newBs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvReplaceChildBs');
  const oldBs = child.bs;
  if (oldBs === newBs) return;
  if (oldBs) await bdrvTrySetAioContext(newBs, oldBs.aioContext);
  await drained(oldBs ? [oldBs, newBs] : [newBs], () =>
    tranRun((transaction) => {
      bdrvReplaceChildTran(child, newBs, transaction);
      bdrvListRefreshPerms(bdrvTopologicalDfs(oldBs ? [newBs, oldBs] : [newBs]), null, transaction);
    }));
}

/**
 * Takes a filter out of its chain: its parents move to the node below, and its edge to that is gone. The filter lives as long as somebody
 * holds it.
 *
 * @throws BlockError `EPERM` where a conflict or a frozen edge is in the way
 * @globalState
 */
export async function bdrvDropFilter(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvDropFilter');
  const below = bdrvFilterOrCowBs(bs);
  if (!below) throw blockError('EINVAL', `Node '${bs.nodeName}' is no filter above another node`);
  await bdrvReplaceNodeCommon(bs, below, true, true);
}

/**
 * Sets, replaces or (with `null`) removes the backing node. The caller keeps its reference to `backingHd`.
 *
 * @throws BlockError `EPERM` where a conflict is in the way or the edge is frozen, `EINVAL` where the driver has no backing nodes
 * @globalState
 */
export async function bdrvSetBackingHd(bs: BlockDriverState, backingHd: BlockDriverState | null): Promise<void> {
  GLOBAL_STATE_CODE('bdrvSetBackingHd');
  await inOneContext(bs, backingHd, () =>
    drained([bs], () =>
      tranRun((transaction) => {
        bdrvSetBackingNoperm(bs, backingHd, transaction);
        bdrvRefreshPerms(bs, transaction);
      })));
}

/**
 * The node that a mirror of `parentBs` may replace when it completes, by name.
 *
 * @throws BlockError where there is none of that name, where it is busy, or where its data may differ from that of `parentBs`
 * @globalState
 */
export function checkToReplaceNode(parentBs: BlockDriverState, nodeName: string): BlockDriverState {
  GLOBAL_STATE_CODE('checkToReplaceNode');
  const bs = bdrvFindNode(nodeName);
  if (!bs) throw blockError('ENOENT', `Failed to find node with node-name='${nodeName}'`);
  const reason = bdrvOpIsBlocked(bs, BlockOpType.REPLACE);
  if (reason) throw blockError('EBUSY', reason.message);
  if (!bdrvRecurseCanReplace(parentBs, bs)) {
    throw blockError('EPERM', `Cannot replace '${nodeName}' by a node mirrored from '${parentBs.nodeName}': the visible data might change at once`);
  }
  return bs;
}

/**
 * Whether a node can be swapped for one with the data of `bs` without the parents of `bs` seeing a difference. Drivers know best; a
 * filter shows what is below.
 *
 * @globalState
 */
export function bdrvRecurseCanReplace(bs: BlockDriverState, toReplace: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvRecurseCanReplace');
  if (!bs.drv) return false;
  if (bs === toReplace) return true;
  if (bs.drv.bdrvRecurseCanReplace) return bs.drv.bdrvRecurseCanReplace(bs, toReplace);
  const filtered = bdrvFilterBs(bs);
  return filtered !== null && bdrvRecurseCanReplace(filtered, toReplace);
}

/**
 * Moves the parents of `from` to `to`.
 *
 * @param autoSkip - leave parents that can't move; else they are an error
 * @param detachSubchain - also cut the chain from `from` down to `to` above `to`
 * @throws BlockError `EPERM` where a conflict or a frozen edge is in the way
 * @globalState
 */
export async function bdrvReplaceNodeCommon(from: BlockDriverState, to: BlockDriverState, autoSkip: boolean, detachSubchain: boolean): Promise<void> {
  GLOBAL_STATE_CODE('bdrvReplaceNodeCommon');
  if (from.aioContext !== to.aioContext) throw blockError('EPERM', `The nodes '${from.nodeName}' and '${to.nodeName}' are in different iothreads`);
  await drained([from], () =>
    tranRun((transaction) => {
      bdrvReplaceNodeNoperm(from, to, autoSkip, transaction);
      if (detachSubchain) cutAbove(from, to, transaction);
      bdrvListRefreshPerms(bdrvTopologicalDfs([to, from]), null, transaction);
    }));
}

/** @globalState */
function bdrvReplaceNodeNoperm(from: BlockDriverState, to: BlockDriverState, autoSkip: boolean, transaction: Transaction): void {
  GLOBAL_STATE_CODE('bdrvReplaceNodeNoperm');
  for (const edge of [...from.parents]) {
    if (shouldMove(edge, to)) bdrvReplaceChildTran(edge, to, transaction);
    else if (!autoSkip) throw blockError('EINVAL', `Should not change '${edge.name}' link of ${bdrvChildUserDesc(edge)} to '${from.nodeName}'`);
  }
}

/**
 * An edge stays where its class says so, and where it is part of what hangs below `to`: there it would make a cycle. Example: `to` is a
 * new overlay of `from`, whose own backing edge points at `from`.
 *
 * @globalState
 */
function shouldMove(edge: BdrvChild, to: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('shouldMove');
  return edge.klass.stayAtNode !== true && !bdrvTopologicalDfs([to]).some((bs) => bs.children.includes(edge));
}

/** @globalState */
function cutAbove(from: BlockDriverState, to: BlockDriverState, transaction: Transaction): void {
  GLOBAL_STATE_CODE('cutAbove');
  let edge = bdrvFilterOrCowChild(from);
  while (edge && edge.bs !== to) edge = bdrvFilterOrCowChild(edge.bs);
  if (!edge) throw new Error(`The node '${to.nodeName}' is not in the chain below '${from.nodeName}'.`);
  bdrvReplaceChildTran(edge, null, transaction);
}

/**
 * Does `change` once `below` is in the context of `above`, or the other way round; where it fails, they are back where they were.
 *
 * @globalState
 * @runs change globalState wait
 */
async function inOneContext(above: BlockDriverState, below: BlockDriverState | null, change: () => Promise<void>): Promise<void> {
  GLOBAL_STATE_CODE('inOneContext');
  if (!below) return change();
  const edge = looseEdge({ name: 'backing', klass: childOfBds, role: bdrvBackingRole(above), perm: 0, sharedPerm: 0, opaque: above });
  const undo = await alignContexts(below, edge);
  try {
    await change();
  } catch (error) {
    await undo();
    throw error;
  }
}

/**
 * Does `change` while nodes are drained and held.
 *
 * @globalState
 * @runs change globalState wait
 */
async function drained(nodes: readonly BlockDriverState[], change: () => Promise<void>): Promise<void> {
  GLOBAL_STATE_CODE('drained');
  const [first, ...others] = nodes;
  if (!first) return change();
  bdrvRef(first);
  await bdrvDrainedBegin(first);
  try {
    await drained(others, change);
    await settleGraphChanges();
  } finally {
    await bdrvDrainedEnd(first);
    await bdrvUnref(first);
  }
}
