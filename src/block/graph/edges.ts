/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BdrvChildRole, Permissions } from '../model/constants.ts';
import type { BdrvChildClass } from '../model/driver.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Attaches a node as child of another under a role, computing permissions in a transaction.
 *
 * @globalState
 */
export async function bdrvAttachChild(parentBs: BlockDriverState, childBs: BlockDriverState, childName: string, childClass: BdrvChildClass, childRole: BdrvChildRole): Promise<BdrvChild> {
  GLOBAL_STATE_CODE('bdrvAttachChild');
  throw notBuilt('bdrvAttachChild');
}

/**
 * Detaches a child edge of a node and drops the reference. The edge must not be frozen.
 *
 * @globalState
 */
export async function bdrvUnrefChild(parent: BlockDriverState, child: BdrvChild): Promise<void> {
  GLOBAL_STATE_CODE('bdrvUnrefChild');
  throw notBuilt('bdrvUnrefChild');
}

/**
 * Attaches a node under a parent that is not a node (backend, job) with explicit permissions.
 *
 * @globalState
 */
export async function bdrvRootAttachChild(childBs: BlockDriverState, childName: string, childClass: BdrvChildClass, childRole: BdrvChildRole, perm: Permissions, sharedPerm: Permissions, opaque: unknown): Promise<BdrvChild> {
  GLOBAL_STATE_CODE('bdrvRootAttachChild');
  throw notBuilt('bdrvRootAttachChild');
}

/**
 * Detaches such an edge and drops the reference.
 *
 * @globalState
 */
export async function bdrvRootUnrefChild(child: BdrvChild): Promise<void> {
  GLOBAL_STATE_CODE('bdrvRootUnrefChild');
  throw notBuilt('bdrvRootUnrefChild');
}

/**
 * Adds a child at run time (quorum-like drivers).
 *
 * @globalState
 */
export async function bdrvAddChild(parent: BlockDriverState, child: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvAddChild');
  throw notBuilt('bdrvAddChild');
}

/**
 * Removes a child at run time.
 *
 * @globalState
 */
export async function bdrvDelChild(parent: BlockDriverState, child: BdrvChild): Promise<void> {
  GLOBAL_STATE_CODE('bdrvDelChild');
  throw notBuilt('bdrvDelChild');
}

/**
 * Asserts that graph lists may be written. v5 checks only the main thread; the planned full check is main thread and a quiesce counter above 0.
 *
 * @globalState
 */
export function assertBdrvGraphWritable(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('assertBdrvGraphWritable');
  throw notBuilt('assertBdrvGraphWritable');
}

/**
 * Node below an edge, null for a null edge (inline).
 *
 * @common
 */
export function childBs(child: BdrvChild | null): BlockDriverState | null {
  throw notBuilt('childBs');
}
