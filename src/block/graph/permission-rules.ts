/**
 * What a node asks of its children by default, by the role of the child.
 *
 * In: what the node's parents may do and share, its flags (as they will be after a reopen that is under way), the role. Out: the masks of
 * the edge. Leaves to others: conflicts, and the refresh of the graph (`permissions.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import {
  BDRV_CHILD_COW, BDRV_CHILD_DATA, BDRV_CHILD_FILTERED, BDRV_CHILD_METADATA, BDRV_O_INACTIVE, BDRV_O_NO_IO, BDRV_O_RDWR, BLK_PERM_CONSISTENT_READ,
  BLK_PERM_GRAPH_MOD, BLK_PERM_RESIZE, BLK_PERM_WRITE, BLK_PERM_WRITE_UNCHANGED, DEFAULT_PERM_PASSTHROUGH, DEFAULT_PERM_UNCHANGED,
  type BdrvChildRole, type OpenFlags, type Permissions,
} from '../model/constants.ts';
import type { BlockReopenQueue, ChildPermissions } from '../model/driver.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';

/**
 * The default of the driver slot `bdrvChildPerm`: chooses the rule of the role.
 *
 * @globalState
 */
export function bdrvDefaultPerms(
  bs: BlockDriverState, _child: BdrvChild | null, role: BdrvChildRole, queue: BlockReopenQueue | null, perm: Permissions, shared: Permissions,
): ChildPermissions {
  GLOBAL_STATE_CODE('bdrvDefaultPerms');
  if ((role & BDRV_CHILD_FILTERED) !== 0) return bdrvFilterDefaultPerms(perm, shared);
  if ((role & BDRV_CHILD_COW) !== 0) return bdrvDefaultPermsForCow(bs, perm, shared);
  if ((role & (BDRV_CHILD_DATA | BDRV_CHILD_METADATA)) !== 0) return bdrvDefaultPermsForStorage(bs, role, queue, perm, shared);
  throw new Error(`A child of the node '${bs.nodeName}' has the role ${role}, which has no rule.`);
}

/**
 * Whether a node will be writable once the reopen is through; without `queue`: whether it is.
 *
 * @globalState
 */
export function bdrvIsWritableAfterReopen(bs: BlockDriverState, queue: BlockReopenQueue | null): boolean {
  GLOBAL_STATE_CODE('bdrvIsWritableAfterReopen');
  return (flagsAfterReopen(bs, queue) & (BDRV_O_RDWR | BDRV_O_INACTIVE)) === BDRV_O_RDWR;
}

/** @globalState */
function flagsAfterReopen(bs: BlockDriverState, queue: BlockReopenQueue | null): OpenFlags {
  GLOBAL_STATE_CODE('flagsAfterReopen');
  return queue?.entries.find((entry) => entry.state.bs === bs)?.state.flags ?? bs.openFlags;
}

/**
 * A filter passes on what it is asked, and shares all that has nothing to do with data.
 *
 * @globalState
 */
function bdrvFilterDefaultPerms(perm: Permissions, shared: Permissions): ChildPermissions {
  GLOBAL_STATE_CODE('bdrvFilterDefaultPerms');
  return { perm: perm & DEFAULT_PERM_PASSTHROUGH, shared: (shared & DEFAULT_PERM_PASSTHROUGH) | DEFAULT_PERM_UNCHANGED };
}

/**
 * A backing node is only read. It may change below if the parents can bear that.
 *
 * @globalState
 */
function bdrvDefaultPermsForCow(bs: BlockDriverState, perm: Permissions, shared: Permissions): ChildPermissions {
  GLOBAL_STATE_CODE('bdrvDefaultPermsForCow');
  const mayChange = (shared & BLK_PERM_WRITE) !== 0 || (bs.openFlags & BDRV_O_INACTIVE) !== 0;
  return {
    perm: perm & BLK_PERM_CONSISTENT_READ,
    shared: BLK_PERM_CONSISTENT_READ | BLK_PERM_GRAPH_MOD | BLK_PERM_WRITE_UNCHANGED | (mayChange ? BLK_PERM_WRITE | BLK_PERM_RESIZE : 0),
  };
}

/**
 * Storage: what holds data, metadata, or both. The order matters: metadata adds to what data then widens.
 *
 * @globalState
 */
function bdrvDefaultPermsForStorage(
  bs: BlockDriverState, role: BdrvChildRole, queue: BlockReopenQueue | null, parentPerm: Permissions, parentShared: Permissions,
): ChildPermissions {
  GLOBAL_STATE_CODE('bdrvDefaultPermsForStorage');
  let { perm, shared } = bdrvFilterDefaultPerms(parentPerm, parentShared);
  if ((role & BDRV_CHILD_METADATA) !== 0) {
    // A format may write metadata although nobody writes data, and it reads metadata always.
    if (bdrvIsWritableAfterReopen(bs, queue)) perm |= BLK_PERM_WRITE | BLK_PERM_RESIZE;
    if ((flagsAfterReopen(bs, queue) & BDRV_O_NO_IO) === 0) perm |= BLK_PERM_CONSISTENT_READ;
    shared &= ~(BLK_PERM_WRITE | BLK_PERM_RESIZE);
  }
  if ((role & BDRV_CHILD_DATA) !== 0) {
    shared &= ~BLK_PERM_RESIZE;
    // What is no change for the guest can be one in the file, and a write may make the file longer.
    if ((perm & BLK_PERM_WRITE_UNCHANGED) !== 0) perm |= BLK_PERM_WRITE;
    if ((perm & BLK_PERM_WRITE) !== 0) perm |= BLK_PERM_RESIZE;
  }
  if ((bs.openFlags & BDRV_O_INACTIVE) !== 0) shared |= BLK_PERM_WRITE | BLK_PERM_RESIZE;
  return { perm, shared };
}
