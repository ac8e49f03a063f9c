/**
 * Goes through the nodes that stand at the top: those of backends, then those that only the monitor owns.
 *
 * In: a position. Out: the next node, held while the position is on it. Leaves to others: the lists (`node-lists.ts`, `backend/`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkAllNext } from '../backend/list.ts';
import { blkRef, blkUnref } from '../backend/registry.ts';
import { bdrvHasBlk } from '../backend/root.ts';
import type { BlockBackend } from '../model/backend.ts';
import type { BlockDriverState } from '../model/node.ts';
import type { BdrvNextIterator } from '../model/queries.ts';
import { bdrvFlush } from '../requests/wrappers.ts';
import { bdrvNextMonitorOwned } from './node-lists.ts';
import { bdrvRef, bdrvUnref } from './nodes.ts';

/**
 * Puts a position on the first node.
 *
 * @globalState
 */
export async function bdrvFirst(it: BdrvNextIterator): Promise<BlockDriverState | null> {
  GLOBAL_STATE_CODE('bdrvFirst');
  it.phase = 'backend-roots';
  it.blk = null;
  it.bs = null;
  return bdrvNext(it);
}

/**
 * Puts a position on the next node. `null`: there is none, and the position holds nothing any more.
 *
 * @globalState
 */
export async function bdrvNext(it: BdrvNextIterator): Promise<BlockDriverState | null> {
  GLOBAL_STATE_CODE('bdrvNext');
  const { blk, bs } = it;
  if (it.phase === 'backend-roots') nextBackendRoot(it);
  else nextMonitorOwned(it);
  if (it.blk) blkRef(it.blk);
  if (it.bs) bdrvRef(it.bs);
  if (blk) await blkUnref(blk);
  await bdrvUnref(bs);
  return it.bs;
}

/**
 * Lets go of what a position holds that is left early.
 *
 * @globalState
 */
export async function bdrvNextCleanup(it: BdrvNextIterator): Promise<void> {
  GLOBAL_STATE_CODE('bdrvNextCleanup');
  const { blk, bs } = it;
  it.blk = null;
  it.bs = null;
  if (blk) await blkUnref(blk);
  await bdrvUnref(bs);
}

/**
 * All nodes at the top, as they are now.
 *
 * @globalState
 */
export function rootNodes(): BlockDriverState[] {
  GLOBAL_STATE_CODE('rootNodes');
  const roots: BlockDriverState[] = [];
  const it: BdrvNextIterator = { phase: 'backend-roots', blk: null, bs: null };
  for (nextBackendRoot(it); it.bs !== null; it.phase === 'backend-roots' ? nextBackendRoot(it) : nextMonitorOwned(it)) roots.push(it.bs);
  return roots;
}

/**
 * Flushes all nodes, also where some fail.
 *
 * @throws the first failure
 * @globalState
 */
export async function bdrvFlushAll(): Promise<void> {
  GLOBAL_STATE_CODE('bdrvFlushAll');
  const failures: unknown[] = [];
  const it: BdrvNextIterator = { phase: 'backend-roots', blk: null, bs: null };
  for (let bs = await bdrvFirst(it); bs !== null; bs = await bdrvNext(it)) {
    if (bs.drv) await bdrvFlush(bs).catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}

/**
 * A node with several backends comes once, with the first of them.
 *
 * @globalState
 */
function nextBackendRoot(it: BdrvNextIterator): void {
  GLOBAL_STATE_CODE('nextBackendRoot');
  let blk: BlockBackend | null = it.blk;
  do {
    blk = blkAllNext(blk);
  } while (blk !== null && (!blk.root?.bs || firstBackendOf(blk.root.bs) !== blk));
  it.blk = blk;
  it.bs = blk?.root?.bs ?? null;
  if (blk !== null) return;
  it.phase = 'monitor-owned';
  nextMonitorOwned(it);
}

/** @globalState */
function nextMonitorOwned(it: BdrvNextIterator): void {
  GLOBAL_STATE_CODE('nextMonitorOwned');
  do {
    it.bs = bdrvNextMonitorOwned(it.bs);
  } while (it.bs !== null && bdrvHasBlk(it.bs));
}

/** @globalState */
function firstBackendOf(bs: BlockDriverState): BlockBackend | null {
  GLOBAL_STATE_CODE('firstBackendOf');
  let blk = blkAllNext(null);
  while (blk !== null && blk.root?.bs !== bs) blk = blkAllNext(blk);
  return blk;
}
