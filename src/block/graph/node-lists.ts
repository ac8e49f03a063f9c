/**
 * The lists of nodes: all, those with a name, those that the monitor owns.
 *
 * In: new nodes, names. Out: nodes by name or in turn. Leaves to others: which names are good, and how long a node lives (`nodes.ts`). The
 * lists belong to the main thread.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { emptyNode, type BlockDriverState } from '../model/node.ts';
import { bdrvDoDrainedBeginQuiesce } from './drain.ts';

/** In the order in which the nodes were made, named, or taken over by the monitor. */
const all: BlockDriverState[] = [];
const named: BlockDriverState[] = [];
const monitorOwned: BlockDriverState[] = [];

/** How many sections of `bdrvDrainAllBegin` are open. Kept here because a new node is born into them. */
export const openDrainAllSections = { count: 0 };

/**
 * A new node: without driver, held once, in the list of all nodes, and quiesced as often as all nodes are.
 *
 * @globalState
 */
export function bdrvNew(): BlockDriverState {
  GLOBAL_STATE_CODE('bdrvNew');
  const bs = emptyNode();
  for (let sections = openDrainAllSections.count; sections > 0; sections--) bdrvDoDrainedBeginQuiesce(bs, null, true);
  all.push(bs);
  return bs;
}

/**
 * Puts a node with a name into the list of named nodes.
 *
 * @globalState
 */
export function listNamedNode(bs: BlockDriverState, nodeName: string): void {
  GLOBAL_STATE_CODE('listNamedNode');
  bs.nodeName = nodeName;
  named.push(bs);
}

/**
 * The node of a name.
 *
 * @globalState
 */
export function bdrvFindNode(nodeName: string): BlockDriverState | null {
  GLOBAL_STATE_CODE('bdrvFindNode');
  return named.find((bs) => bs.nodeName === nodeName) ?? null;
}

/**
 * The named node after `bs`; the first one for `null`.
 *
 * @globalState
 */
export function bdrvNextNode(bs: BlockDriverState | null): BlockDriverState | null {
  GLOBAL_STATE_CODE('bdrvNextNode');
  return after(named, bs);
}

/**
 * The node after `bs`, of all nodes; the first one for `null`.
 *
 * @globalState
 */
export function bdrvNextAllStates(bs: BlockDriverState | null): BlockDriverState | null {
  GLOBAL_STATE_CODE('bdrvNextAllStates');
  return after(all, bs);
}

/**
 * All nodes, as they are now.
 *
 * @globalState
 */
export function allNodes(): BlockDriverState[] {
  GLOBAL_STATE_CODE('allNodes');
  return [...all];
}

/**
 * The node after `bs` of those that the monitor owns; the first one for `null`.
 *
 * @globalState
 */
export function bdrvNextMonitorOwned(bs: BlockDriverState | null): BlockDriverState | null {
  GLOBAL_STATE_CODE('bdrvNextMonitorOwned');
  return after(monitorOwned, bs);
}

/**
 * Gives the caller's reference to the monitor.
 *
 * @globalState
 */
export function bdrvSetMonitorOwned(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('bdrvSetMonitorOwned');
  bs.monitorOwned = true;
  monitorOwned.push(bs);
}

/**
 * Takes the monitor's reference back; the caller drops it.
 *
 * @globalState
 */
export function bdrvClearMonitorOwned(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('bdrvClearMonitorOwned');
  bs.monitorOwned = false;
  remove(monitorOwned, bs);
}

/**
 * Takes a node that is about to be closed off all lists.
 *
 * @globalState
 */
export function unlistNode(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('unlistNode');
  for (const list of [all, named, monitorOwned]) remove(list, bs);
}

/** @common */
function after(list: readonly BlockDriverState[], bs: BlockDriverState | null): BlockDriverState | null {
  return list[bs === null ? 0 : list.indexOf(bs) + 1] ?? null;
}

/** @common */
function remove(list: BlockDriverState[], bs: BlockDriverState): void {
  const at = list.indexOf(bs);
  if (at >= 0) list.splice(at, 1);
}
