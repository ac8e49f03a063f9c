/**
 * How long nodes live.
 *
 * In: references that are taken and dropped, edges that are detached. Out: a node that nobody holds any more is closed, with its
 * children. Leaves to others: the lists of nodes (`node-lists.ts`), attaching (`edges.ts`), what a driver does to close its image.
 *
 * Every edge holds the node below it. The functions that wait may let other code change the graph meanwhile.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { mainContext } from '../contexts/aio-context.ts';
import { errnoOf } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import type { Transaction } from '../model/transaction.ts';
import { tranAdd } from '../model/transaction.ts';
import { bdrvFlush } from '../requests/wrappers.ts';
import { bdrvTrySetAioContext } from './aio-context-moves.ts';
import { bdrvDrainAllEndQuiesce } from './drain-all.ts';
import { bdrvDrain, bdrvDrainedBegin, bdrvDrainedEnd, settleGraphChanges } from './drain.ts';
import { bdrvReplaceChildNoperm } from './edge-link.ts';
import { bdrvClearMonitorOwned, bdrvNextMonitorOwned, unlistNode } from './node-lists.ts';
import { bdrvOpBlockerIsEmpty } from './op-blockers.ts';
import { bdrvRefreshPerms } from './permissions.ts';

/**
 * Takes a reference.
 *
 * @globalState
 */
export function bdrvRef(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('bdrvRef');
  bs.refcnt++;
}

/**
 * Drops a reference. The last one closes the node: it is off the lists at once, and its image is closed when the promise is fulfilled.
 *
 * @throws what the driver's close slot throws; the node is gone all the same
 * @globalState
 */
export async function bdrvUnref(bs: BlockDriverState | null): Promise<void> {
  GLOBAL_STATE_CODE('bdrvUnref');
  if (bs === null) return;
  if (bs.refcnt <= 0) throw new Error(`The node '${bs.nodeName}' is held by nobody.`);
  if (--bs.refcnt === 0) await bdrvDelete(bs);
}

/**
 * Detaches a child of a node and drops the reference that the edge held.
 *
 * @throws BlockError `EPERM` where the edge is frozen
 * @globalState
 */
export async function bdrvUnrefChild(parent: BlockDriverState, child: BdrvChild | null): Promise<void> {
  GLOBAL_STATE_CODE('bdrvUnrefChild');
  if (child === null) return;
  bdrvUnsetInheritsFrom(parent, child, null);
  await bdrvRootUnrefChild(child);
}

/**
 * Detaches an edge, whoever the parent is, and drops the reference that the edge held.
 *
 * @globalState
 */
export async function bdrvRootUnrefChild(child: BdrvChild): Promise<void> {
  GLOBAL_STATE_CODE('bdrvRootUnrefChild');
  const bs = child.bs;
  await bdrvDetachChild(child);
  await bdrvUnref(bs);
}

/**
 * Drops the references of the monitor, at the end of the program.
 *
 * @globalState
 */
export async function blockdevCloseAllBdrvStates(): Promise<void> {
  GLOBAL_STATE_CODE('blockdevCloseAllBdrvStates');
  for (let bs = bdrvNextMonitorOwned(null); bs !== null; bs = bdrvNextMonitorOwned(null)) {
    bdrvClearMonitorOwned(bs);
    await bdrvUnref(bs);
  }
}

/**
 * A child that `root` leaves, and what is below it, no longer inherit options from `root`; unless another edge still leads there.
 *
 * @globalState
 */
export function bdrvUnsetInheritsFrom(root: BlockDriverState, child: BdrvChild, transaction: Transaction | null): void {
  GLOBAL_STATE_CODE('bdrvUnsetInheritsFrom');
  const bs = child.bs;
  if (bs === null) return;
  const isLastEdge = !root.children.some((other) => other !== child && other.bs === bs);
  if (bs.inheritsFrom === root && isLastEdge) bdrvSetInheritsFrom(bs, null, transaction);
  for (const below of bs.children) bdrvUnsetInheritsFrom(root, below, transaction);
}

/**
 * Makes a node inherit its options from another one on, at a reopen.
 *
 * @globalState
 */
export function bdrvSetInheritsFrom(bs: BlockDriverState, from: BlockDriverState | null, transaction: Transaction | null): void {
  GLOBAL_STATE_CODE('bdrvSetInheritsFrom');
  const before = bs.inheritsFrom;
  bs.inheritsFrom = from;
  if (transaction) {
    tranAdd(transaction, {
      abort: () => {
        bs.inheritsFrom = before;
      },
    });
  }
}

/**
 * Detaches an edge. That loosens what was asked of the node below, and lets it go home to the main context; neither can matter to the caller.
 *
 * @globalState
 */
async function bdrvDetachChild(child: BdrvChild): Promise<void> {
  GLOBAL_STATE_CODE('bdrvDetachChild');
  const bs = child.bs;
  if (bs === null) return;
  bdrvReplaceChildNoperm(child, null);
  try {
    bdrvRefreshPerms(bs);
  } catch (error) {
    ignoreFailure(error);
  }
  await settleGraphChanges();
  await bdrvTrySetAioContext(bs, mainContext).catch(ignoreFailure);
}

/** @globalState */
async function bdrvDelete(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvDelete');
  if (!bdrvOpBlockerIsEmpty(bs)) throw new Error(`The node '${bs.nodeName}' is closed although operations are blocked on it.`);
  unlistNode(bs);
  const failures = await bdrvClose(bs);
  if (failures.length > 0) throw failures[0];
}

/**
 * Closes a node that nobody holds: what is in flight is finished, flushed and drained, then the driver closes its image, then the
 * children are let go of. What fails on the way does not stop it.
 *
 * @returns what failed
 * @globalState
 */
async function bdrvClose(bs: BlockDriverState): Promise<unknown[]> {
  GLOBAL_STATE_CODE('bdrvClose');
  const failures: unknown[] = [];
  const note = (error: unknown): void => void failures.push(error);
  await bdrvDrainedBegin(bs);
  await flushLast(bs).catch(note);
  await bs.drv?.bdrvClose?.(bs).catch(note);
  bs.drv = null;
  bs.opaque = null;
  for (const child of [...bs.children]) await bdrvUnrefChild(bs, child).catch(note);
  bs.dirtyBitmaps = [];
  bs.aioNotifiers = [];
  bs.copyOnRead = 0;
  await bdrvDrainedEnd(bs);
  // Sections of all nodes that are open now will end without this node.
  bdrvDrainAllEndQuiesce(bs);
  return failures;
}

/** Nobody is left who could be told that the flush failed; a writer who cares has flushed before. @globalState */
async function flushLast(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('flushLast');
  if (!bs.drv) return;
  await bdrvFlush(bs).catch(ignoreFailure);
  await bdrvDrain(bs);
}

/** Lets a failure of an operation pass, but no fault of the program. @common */
function ignoreFailure(error: unknown): void {
  if ((error as { code?: unknown }).code !== errnoOf(error)) throw error;
}
