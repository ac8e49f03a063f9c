/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { AioContext } from '../contexts/aio-context.ts';
import type { BlockBackend, BlockBackendRootState } from '../model/backend.ts';
import type { OpenFlags, Permissions } from '../model/constants.ts';
import type { ChildPermissions } from '../model/driver.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Takes the node out of a backend, notifying listeners and throttling first.
 *
 * @globalState
 */
export async function blkRemoveBs(blk: BlockBackend): Promise<void> {
  GLOBAL_STATE_CODE('blkRemoveBs');
  throw notBuilt('blkRemoveBs');
}

/**
 * Attaches a node as the backend's root edge (filtered and primary role).
 *
 * @globalState
 */
export async function blkInsertBs(blk: BlockBackend, bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('blkInsertBs');
  throw notBuilt('blkInsertBs');
}

/**
 * Swaps the backend's node.
 *
 * @globalState
 */
export async function blkReplaceBs(blk: BlockBackend, newBs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('blkReplaceBs');
  throw notBuilt('blkReplaceBs');
}

/**
 * Whether a node is a backend's root.
 *
 * @globalState
 */
export function bdrvHasBlk(bs: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvHasBlk');
  throw notBuilt('bdrvHasBlk');
}

/**
 * Whether all parents of a node are backends.
 *
 * @globalState
 */
export function bdrvIsRootNode(bs: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvIsRootNode');
  throw notBuilt('bdrvIsRootNode');
}

/**
 * Changes the root edge's permission masks. v5: assertion commented out because of fuse (patch 5), so it is GS in the header but unchecked; the review wants the assertion.
 *
 * @globalState
 * @permissionApi
 */
export function blkSetPerm(blk: BlockBackend, perm: Permissions, sharedPerm: Permissions): void {
  GLOBAL_STATE_CODE('blkSetPerm');
  throw notBuilt('blkSetPerm');
}

/**
 * Reads the backend's masks. v5: assertion commented out as for blk_set_perm.
 *
 * @globalState
 * @permissionApi
 */
export function blkGetPerm(blk: BlockBackend): ChildPermissions {
  GLOBAL_STATE_CODE('blkGetPerm');
  throw notBuilt('blkGetPerm');
}

/**
 * Whether the node, or the remembered root state, is writable.
 *
 * @globalState
 */
export function blkSupportsWritePerm(blk: BlockBackend): boolean {
  GLOBAL_STATE_CODE('blkSupportsWritePerm');
  throw notBuilt('blkSupportsWritePerm');
}

/**
 * The root edge, read-only view.
 *
 * @globalState
 */
export function blkRoot(blk: BlockBackend): BdrvChild | null {
  GLOBAL_STATE_CODE('blkRoot');
  throw notBuilt('blkRoot');
}

/**
 * Moves backend and node to a context.
 *
 * @globalState
 */
export async function blkSetAioContext(blk: BlockBackend, newContext: AioContext): Promise<void> {
  GLOBAL_STATE_CODE('blkSetAioContext');
  throw notBuilt('blkSetAioContext');
}

/**
 * Context change callbacks on the backend and its node.
 *
 * @globalState
 */
export function blkAddAioContextNotifier(blk: BlockBackend, attached: (newContext: AioContext, opaque: unknown) => void, detach: (opaque: unknown) => void, opaque: unknown): void {
  GLOBAL_STATE_CODE('blkAddAioContextNotifier');
  throw notBuilt('blkAddAioContextNotifier');
}

/**
 * Removes them.
 *
 * @globalState
 */
export function blkRemoveAioContextNotifier(blk: BlockBackend, attached: (newContext: AioContext, opaque: unknown) => void, detach: (opaque: unknown) => void, opaque: unknown): void {
  GLOBAL_STATE_CODE('blkRemoveAioContextNotifier');
  throw notBuilt('blkRemoveAioContextNotifier');
}

/**
 * Listener for node removal.
 *
 * @globalState
 */
export function blkAddRemoveBsNotifier(blk: BlockBackend, notify: (blk: BlockBackend) => void): void {
  GLOBAL_STATE_CODE('blkAddRemoveBsNotifier');
  throw notBuilt('blkAddRemoveBsNotifier');
}

/**
 * Listener for node insertion.
 *
 * @globalState
 */
export function blkAddInsertBsNotifier(blk: BlockBackend, notify: (blk: BlockBackend) => void): void {
  GLOBAL_STATE_CODE('blkAddInsertBsNotifier');
  throw notBuilt('blkAddInsertBsNotifier');
}

/**
 * Remembered settings of an emptied backend.
 *
 * @globalState
 */
export function blkGetRootState(blk: BlockBackend): BlockBackendRootState {
  GLOBAL_STATE_CODE('blkGetRootState');
  throw notBuilt('blkGetRootState');
}

/**
 * Stores the node's settings before it is removed.
 *
 * @globalState
 */
export function blkUpdateRootState(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('blkUpdateRootState');
  throw notBuilt('blkUpdateRootState');
}

/**
 * Remembered detect-zeroes setting.
 *
 * @globalState
 */
export function blkGetDetectZeroesFromRootState(blk: BlockBackend): boolean {
  GLOBAL_STATE_CODE('blkGetDetectZeroesFromRootState');
  throw notBuilt('blkGetDetectZeroesFromRootState');
}

/**
 * Remembered open flags.
 *
 * @globalState
 */
export function blkGetOpenFlagsFromRootState(blk: BlockBackend): OpenFlags {
  GLOBAL_STATE_CODE('blkGetOpenFlagsFromRootState');
  throw notBuilt('blkGetOpenFlagsFromRootState');
}

/**
 * Lets the backend be inactivated although it has write permission.
 *
 * @globalState
 */
export function blkSetForceAllowInactivate(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('blkSetForceAllowInactivate');
  throw notBuilt('blkSetForceAllowInactivate');
}

/**
 * Backend form of node re-activation. In the I/O header; needs the permission machinery, so it must follow bdrv_activate into GS after review.
 *
 * @globalState
 */
export async function blkInvalidateCache(blk: BlockBackend): Promise<void> {
  GLOBAL_STATE_CODE('blkInvalidateCache');
  throw notBuilt('blkInvalidateCache');
}

/**
 * Open flags of the node or of the remembered root state.
 *
 * @globalState
 */
export function blkGetFlags(blk: BlockBackend): OpenFlags {
  GLOBAL_STATE_CODE('blkGetFlags');
  throw notBuilt('blkGetFlags');
}
