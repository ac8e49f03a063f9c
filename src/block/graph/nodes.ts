/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockDriverState } from '../model/node.ts';
import type { BlockDeviceInfo, XDbgBlockGraph, BdrvNextIterator } from '../model/queries.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Allocates an empty node: reference count 1, empty lists, registered in the all-states list.
 *
 * @globalState
 */
export function bdrvNew(): BlockDriverState {
  GLOBAL_STATE_CODE('bdrvNew');
  throw notBuilt('bdrvNew');
}

/**
 * Takes a reference on a node.
 *
 * @globalState
 */
export function bdrvRef(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('bdrvRef');
  throw notBuilt('bdrvRef');
}

/**
 * Drops a reference; the last one closes and deletes the node.
 *
 * @globalState
 */
export async function bdrvUnref(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvUnref');
  throw notBuilt('bdrvUnref');
}

/**
 * Finds a node by node name.
 *
 * @globalState
 */
export function bdrvFindNode(nodeName: string): BlockDriverState | null {
  GLOBAL_STATE_CODE('bdrvFindNode');
  throw notBuilt('bdrvFindNode');
}

/**
 * Finds a node by backend name or node name.
 *
 * @globalState
 */
export function bdrvLookupBs(device: string | null, nodeName: string | null): BlockDriverState {
  GLOBAL_STATE_CODE('bdrvLookupBs');
  throw notBuilt('bdrvLookupBs');
}

/**
 * Next node in the named-node list (first one for null).
 *
 * @globalState
 */
export function bdrvNextNode(bs: BlockDriverState | null): BlockDriverState | null {
  GLOBAL_STATE_CODE('bdrvNextNode');
  throw notBuilt('bdrvNextNode');
}

/**
 * Next node in the list of all nodes (first one for null).
 *
 * @globalState
 */
export function bdrvNextAllStates(bs: BlockDriverState | null): BlockDriverState | null {
  GLOBAL_STATE_CODE('bdrvNextAllStates');
  throw notBuilt('bdrvNextAllStates');
}

/**
 * QAPI description of all named nodes.
 *
 * @globalState
 */
export function bdrvNamedNodesList(flat: boolean): BlockDeviceInfo[] {
  GLOBAL_STATE_CODE('bdrvNamedNodesList');
  throw notBuilt('bdrvNamedNodesList');
}

/**
 * Debug dump of backends, jobs, nodes and edges with permissions.
 *
 * @globalState
 */
export function bdrvGetXdbgBlockGraph(): XDbgBlockGraph {
  GLOBAL_STATE_CODE('bdrvGetXdbgBlockGraph');
  throw notBuilt('bdrvGetXdbgBlockGraph');
}

/**
 * Next node owned by the monitor. Defined in blockdev.c.
 *
 * @globalState
 */
export function bdrvNextMonitorOwned(bs: BlockDriverState | null): BlockDriverState | null {
  GLOBAL_STATE_CODE('bdrvNextMonitorOwned');
  throw notBuilt('bdrvNextMonitorOwned');
}

/**
 * Adds a node to the monitor-owned list.
 *
 * @globalState
 */
export function bdrvSetMonitorOwned(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('bdrvSetMonitorOwned');
  throw notBuilt('bdrvSetMonitorOwned');
}

/**
 * Drops the monitor's references at exit.
 *
 * @globalState
 */
export async function blockdevCloseAllBdrvStates(): Promise<void> {
  GLOBAL_STATE_CODE('blockdevCloseAllBdrvStates');
  throw notBuilt('blockdevCloseAllBdrvStates');
}

/**
 * Tears the whole graph down at exit; no job may exist.
 *
 * @globalState
 */
export async function bdrvCloseAll(): Promise<void> {
  GLOBAL_STATE_CODE('bdrvCloseAll');
  throw notBuilt('bdrvCloseAll');
}

/**
 * Starts an iteration over root nodes: those of backends first, then monitor-owned ones. Defined beside the backend code.
 *
 * @globalState
 */
export function bdrvFirst(it: BdrvNextIterator): BlockDriverState | null {
  GLOBAL_STATE_CODE('bdrvFirst');
  throw notBuilt('bdrvFirst');
}

/**
 * Advances that iteration, holding references. v5 gives it no assertion (its wrapper bdrv_first has one).
 *
 * @globalState
 */
export function bdrvNext(it: BdrvNextIterator): BlockDriverState | null {
  GLOBAL_STATE_CODE('bdrvNext');
  throw notBuilt('bdrvNext');
}

/**
 * Drops the references of an iteration that is left early. v5 gives it no assertion.
 *
 * @globalState
 */
export function bdrvNextCleanup(it: BdrvNextIterator): void {
  GLOBAL_STATE_CODE('bdrvNextCleanup');
  throw notBuilt('bdrvNextCleanup');
}

/**
 * Flushes every node; returns the first error.
 *
 * @globalState
 */
export async function bdrvFlushAll(): Promise<void> {
  GLOBAL_STATE_CODE('bdrvFlushAll');
  throw notBuilt('bdrvFlushAll');
}
