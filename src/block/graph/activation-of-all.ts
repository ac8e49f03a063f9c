/**
 * Hands all images over in a migration.
 *
 * In: nothing. Out: all nodes active, or all inactive. Leaves to others: single nodes and what is below them (`activation.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvActivate, bdrvInactivateRecurse, hasNodeParent } from './activation.ts';
import { rootNodes } from './node-iteration.ts';
import { bdrvRef, bdrvUnref } from './nodes.ts';

/**
 * Activates all nodes.
 *
 * @throws the first failure; nodes after it stay as they are
 * @globalState
 */
export async function bdrvInvalidateCacheAll(): Promise<void> {
  GLOBAL_STATE_CODE('bdrvInvalidateCacheAll');
  await forEachRoot(bdrvActivate);
}

/**
 * Inactivates all nodes. Those below others are reached from the last of these.
 *
 * @throws the first failure: a driver that can't, or `EPERM` where someone can't do without writing; nodes after it stay as they are
 * @globalState
 */
export async function bdrvInactivateAll(): Promise<void> {
  GLOBAL_STATE_CODE('bdrvInactivateAll');
  await forEachRoot((bs) => (hasNodeParent(bs, false) ? Promise.resolve() : bdrvInactivateRecurse(bs)));
}

/**
 * @globalState
 * @runs visit globalState wait
 */
async function forEachRoot(visit: (bs: BlockDriverState) => Promise<void>): Promise<void> {
  GLOBAL_STATE_CODE('forEachRoot');
  const roots = rootNodes();
  roots.forEach(bdrvRef);
  try {
    for (const bs of roots) await visit(bs);
  } finally {
    for (const bs of roots) await bdrvUnref(bs);
  }
}
