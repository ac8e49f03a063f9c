/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { AioContext } from '../contexts/aio-context.ts';
import type { BlockBackend, BlockBackendPublic } from '../model/backend.ts';
import type { OpenFlags, Permissions } from '../model/constants.ts';
import type { BlockDriverState } from '../model/node.ts';
import type { BlockOptions } from '../model/options.ts';
import { notBuilt } from '../not-built.ts';

/**
 * New backend with requested and shared permissions in a context, without a node.
 *
 * @globalState
 */
export function blkNew(context: AioContext, perm: Permissions, sharedPerm: Permissions): BlockBackend {
  GLOBAL_STATE_CODE('blkNew');
  throw notBuilt('blkNew');
}

/**
 * New backend with a node inserted.
 *
 * @globalState
 */
export async function blkNewWithBs(bs: BlockDriverState, perm: Permissions, sharedPerm: Permissions): Promise<BlockBackend> {
  GLOBAL_STATE_CODE('blkNewWithBs');
  throw notBuilt('blkNewWithBs');
}

/**
 * Opens a node and a backend on it, permissions derived from the flags.
 *
 * @globalState
 */
export async function blkNewOpen(filename: string | null, reference: string | null, options: BlockOptions | null, flags: OpenFlags): Promise<BlockBackend> {
  GLOBAL_STATE_CODE('blkNewOpen');
  throw notBuilt('blkNewOpen');
}

/**
 * Reference count, 0 for null.
 *
 * @globalState
 */
export function blkGetRefcnt(blk: BlockBackend): number {
  GLOBAL_STATE_CODE('blkGetRefcnt');
  throw notBuilt('blkGetRefcnt');
}

/**
 * Takes a reference; the backend must be alive.
 *
 * @globalState
 */
export function blkRef(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('blkRef');
  throw notBuilt('blkRef');
}

/**
 * Drops a reference; the last one drains and deletes the backend.
 *
 * @globalState
 */
export async function blkUnref(blk: BlockBackend): Promise<void> {
  GLOBAL_STATE_CODE('blkUnref');
  throw notBuilt('blkUnref');
}

/**
 * Empties every backend.
 *
 * @globalState
 */
export async function blkRemoveAllBs(): Promise<void> {
  GLOBAL_STATE_CODE('blkRemoveAllBs');
  throw notBuilt('blkRemoveAllBs');
}

/**
 * Finds a monitor-known backend by name.
 *
 * @globalState
 */
export function blkByName(name: string): BlockBackend | null {
  GLOBAL_STATE_CODE('blkByName');
  throw notBuilt('blkByName');
}

/**
 * Next monitor-known backend.
 *
 * @globalState
 */
export function blkNext(blk: BlockBackend | null): BlockBackend | null {
  GLOBAL_STATE_CODE('blkNext');
  throw notBuilt('blkNext');
}

/**
 * Next backend of all.
 *
 * @globalState
 */
export function blkAllNext(blk: BlockBackend | null): BlockBackend | null {
  GLOBAL_STATE_CODE('blkAllNext');
  throw notBuilt('blkAllNext');
}

/**
 * Gives a backend its monitor name; the name must be well formed and unused.
 *
 * @globalState
 */
export function monitorAddBlk(blk: BlockBackend, name: string): void {
  GLOBAL_STATE_CODE('monitorAddBlk');
  throw notBuilt('monitorAddBlk');
}

/**
 * Takes a backend out of the monitor's list.
 *
 * @globalState
 */
export function monitorRemoveBlk(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('monitorRemoveBlk');
  throw notBuilt('monitorRemoveBlk');
}

/**
 * Public part of a backend (throttling member).
 *
 * @globalState
 */
export function blkGetPublic(blk: BlockBackend): BlockBackendPublic {
  GLOBAL_STATE_CODE('blkGetPublic');
  throw notBuilt('blkGetPublic');
}

/**
 * Backend from its public part.
 *
 * @globalState
 */
export function blkByPublic(publicState: BlockBackendPublic): BlockBackend | null {
  GLOBAL_STATE_CODE('blkByPublic');
  throw notBuilt('blkByPublic');
}

/**
 * Commits every backend's overlay.
 *
 * @globalState
 */
export async function blkCommitAll(): Promise<void> {
  GLOBAL_STATE_CODE('blkCommitAll');
  throw notBuilt('blkCommitAll');
}

/**
 * Drains everything, then each backend.
 *
 * @globalState
 */
export async function blkDrainAll(): Promise<void> {
  GLOBAL_STATE_CODE('blkDrainAll');
  throw notBuilt('blkDrainAll');
}
