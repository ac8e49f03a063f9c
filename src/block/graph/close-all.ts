/**
 * The end of the program: everything is closed.
 *
 * In: nothing. Out: no backend has a node, the monitor owns none, and so none is left. Leaves to others: jobs, which have to be gone
 * before.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkRemoveAllBs } from '../backend/registry.ts';
import { bdrvDrainAll } from './drain-all.ts';
import { allNodes } from './node-lists.ts';
import { blockdevCloseAllBdrvStates } from './nodes.ts';

/**
 * Closes all nodes.
 *
 * @throws Error where a node is left: somebody still holds it
 * @globalState
 */
export async function bdrvCloseAll(): Promise<void> {
  GLOBAL_STATE_CODE('bdrvCloseAll');
  await bdrvDrainAll();
  await blkRemoveAllBs();
  await blockdevCloseAllBdrvStates();
  const left = allNodes().map((bs) => `'${bs.nodeName}'`);
  if (left.length > 0) throw new Error(`Nodes are still held after all was closed: ${left.join(', ')}.`);
}
