/**
 * The class of edges whose parent is a node.
 *
 * In: what happens below. Out: it is passed on to the parent node. Leaves to others: the two other kinds of parents (`backend/`,
 * `jobs/`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { BDRV_CHILD_COW, BDRV_CHILD_PRIMARY, BDRV_O_INACTIVE, BDRV_O_NO_BACKING, BlockOpType } from '../model/constants.ts';
import type { BdrvChildClass } from '../model/driver.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { writeBackingReference } from '../open/backing-reference.ts';
import { bdrvInheritedOptions } from '../open/inherit-options.ts';
import { bdrvCanSetAioContext, bdrvSetAioContextIgnore, childOfBdsGetParentAioContext } from './aio-context-moves.ts';
import { bdrvDoDrainedBeginQuiesce, bdrvDrainPoll, bdrvDrainedEndNoPoll, quiesceBelowEdge, unquiesceBelowEdge } from './drain.ts';
import { assertBdrvGraphWritable } from './edge-link.ts';
import { bdrvOpBlockAll, bdrvOpUnblock, bdrvOpUnblockAll } from './op-blockers.ts';

/** What an overlay leaves allowed on its backing node: else it could be neither committed, nor streamed, nor backed up. */
const ALLOWED_ON_BACKING = [BlockOpType.COMMIT_TARGET, BlockOpType.STREAM, BlockOpType.BACKUP_SOURCE, BlockOpType.BACKUP_TARGET];

/** Edges between nodes. */
export const childOfBds: BdrvChildClass = {
  parentIsBds: true,

  inheritOptions: bdrvInheritedOptions,
  getParentDesc: (child) => `node '${parentOf(child).nodeName}'`,
  inactivate: bdrvChildCbInactivate,
  attach: bdrvChildCbAttach,
  detach: bdrvChildCbDetach,
  async updateFilename(child, newBase, filename) {
    if ((child.role & BDRV_CHILD_COW) !== 0) await writeBackingReference(parentOf(child), filename, newBase.drv?.formatName ?? '');
  },
  canSetAioCtx(child, context, ignore) {
    bdrvCanSetAioContext(parentOf(child), context, ignore);
  },
  setAioCtx: (child, context, ignore) => bdrvSetAioContextIgnore(parentOf(child), context, ignore),
  getParentAioContext: childOfBdsGetParentAioContext,

  drainedBegin(child) {
    bdrvDoDrainedBeginQuiesce(parentOf(child), null, false);
  },
  drainedEnd(child, counter) {
    bdrvDrainedEndNoPoll(parentOf(child), counter);
  },
  drainedPoll: (child) => bdrvDrainPoll(parentOf(child), false, null, false),
};

/** @common */
function parentOf(child: BdrvChild): BlockDriverState {
  return child.opaque as BlockDriverState;
}

/**
 * The parents of an inactive node are inactive: node parents come before their children.
 *
 * @globalState
 */
// eslint-disable-next-line @typescript-eslint/require-await -- a slot that may wait
async function bdrvChildCbInactivate(child: BdrvChild): Promise<void> {
  GLOBAL_STATE_CODE('bdrvChildCbInactivate');
  const parent = parentOf(child);
  if ((parent.openFlags & BDRV_O_INACTIVE) === 0) throw new Error(`The node '${parent.nodeName}' is active above one that is inactivated.`);
}

/** @globalState */
function bdrvChildCbAttach(child: BdrvChild): void {
  GLOBAL_STATE_CODE('bdrvChildCbAttach');
  const parent = parentOf(child);
  assertBdrvGraphWritable(parent);
  parent.children.push(child);
  if (child.name === 'backing') parent.backing = child;
  else if ((child.role & BDRV_CHILD_PRIMARY) !== 0) parent.file = child;
  if ((child.role & BDRV_CHILD_COW) !== 0) bdrvBackingAttach(child);
  quiesceBelowEdge(child, parent);
}

/** @globalState */
function bdrvChildCbDetach(child: BdrvChild): void {
  GLOBAL_STATE_CODE('bdrvChildCbDetach');
  const parent = parentOf(child);
  if ((child.role & BDRV_CHILD_COW) !== 0) bdrvBackingDetach(child);
  unquiesceBelowEdge(child, parent);
  assertBdrvGraphWritable(parent);
  parent.children.splice(parent.children.indexOf(child), 1);
  if (parent.backing === child) parent.backing = null;
  if (parent.file === child) parent.file = null;
}

/**
 * Blocks the backing node for most operations of its own.
 *
 * @globalState
 */
function bdrvBackingAttach(child: BdrvChild): void {
  GLOBAL_STATE_CODE('bdrvBackingAttach');
  const parent = parentOf(child);
  const backing = child.bs;
  if (backing === null || parent.backingBlocker !== null) throw new Error(`The node '${parent.nodeName}' has a backing node already.`);
  const blocker = { message: `node is used as backing hd of '${parent.nodeName}'` };
  parent.backingBlocker = blocker;
  parent.openFlags &= ~BDRV_O_NO_BACKING;
  bdrvOpBlockAll(backing, blocker);
  for (const op of ALLOWED_ON_BACKING) bdrvOpUnblock(backing, op, blocker);
}

/** @globalState */
function bdrvBackingDetach(child: BdrvChild): void {
  GLOBAL_STATE_CODE('bdrvBackingDetach');
  const parent = parentOf(child);
  if (child.bs && parent.backingBlocker) bdrvOpUnblockAll(child.bs, parent.backingBlocker);
  parent.backingBlocker = null;
}
