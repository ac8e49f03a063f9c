/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BdrvChildRole, Permissions } from '../model/constants.ts';
import type { BlockReopenQueue, ChildPermissions } from '../model/driver.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Human-readable, comma-joined names of a permission mask.
 *
 * @globalState
 */
export function bdrvPermNames(perm: Permissions): string {
  GLOBAL_STATE_CODE('bdrvPermNames');
  throw notBuilt('bdrvPermNames');
}

/**
 * Maps one QAPI permission enum value to its BLK_PERM_* bit.
 *
 * @globalState
 */
export function bdrvQapiPermToBlkPerm(perm: string): Permissions {
  GLOBAL_STATE_CODE('bdrvQapiPermToBlkPerm');
  throw notBuilt('bdrvQapiPermToBlkPerm');
}

/**
 * OR of all parents' permissions and AND of all parents' shared masks (starting from all bits).
 *
 * @globalState
 */
export function bdrvGetCumulativePerm(bs: BlockDriverState): ChildPermissions {
  GLOBAL_STATE_CODE('bdrvGetCumulativePerm');
  throw notBuilt('bdrvGetCumulativePerm');
}

/**
 * Sets an edge's permission masks in a transaction, undone on conflict. Node parents should use bdrv_child_refresh_perms instead.
 *
 * @globalState
 * @permissionApi
 */
export function bdrvChildTrySetPerm(child: BdrvChild, perm: Permissions, shared: Permissions): void {
  GLOBAL_STATE_CODE('bdrvChildTrySetPerm');
  throw notBuilt('bdrvChildTrySetPerm');
}

/**
 * Recomputes an edge's masks through the parent driver's child-perm callback and applies them. Drivers call it when that callback would now answer differently.
 *
 * @globalState
 * @permissionApi
 */
export function bdrvChildRefreshPerms(bs: BlockDriverState, child: BdrvChild): void {
  GLOBAL_STATE_CODE('bdrvChildRefreshPerms');
  throw notBuilt('bdrvChildRefreshPerms');
}

/**
 * Default child-perm implementation: dispatches on the role to filter, COW or storage rules.
 *
 * @globalState
 */
export function bdrvDefaultPerms(bs: BlockDriverState, child: BdrvChild | null, role: BdrvChildRole, queue: BlockReopenQueue | null, perm: Permissions, shared: Permissions): ChildPermissions {
  GLOBAL_STATE_CODE('bdrvDefaultPerms');
  throw notBuilt('bdrvDefaultPerms');
}
