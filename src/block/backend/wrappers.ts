/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockBackend } from '../model/backend.ts';
import type { BdrvRequestFlags } from '../model/constants.ts';
import type { PreallocMode } from '../model/driver.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Read into a plain buffer.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkPread(blk: BlockBackend, offset: number, buffer: Uint8Array): Promise<void> {
  throw notBuilt('blkPread');
}

/**
 * Write from a plain buffer.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkPwrite(blk: BlockBackend, offset: number, buffer: Uint8Array, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('blkPwrite');
}

/**
 * Synchronous flush.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkFlush(blk: BlockBackend): Promise<void> {
  throw notBuilt('blkFlush');
}

/**
 * Compressed write.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkPwriteCompressed(blk: BlockBackend, offset: number, buffer: Uint8Array): Promise<void> {
  throw notBuilt('blkPwriteCompressed');
}

/**
 * Synchronous discard.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkPdiscard(blk: BlockBackend, offset: number, bytes: number): Promise<void> {
  throw notBuilt('blkPdiscard');
}

/**
 * Synchronous zero write.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkPwriteZeroes(blk: BlockBackend, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('blkPwriteZeroes');
}

/**
 * Resize; needs RESIZE on the root edge.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkTruncate(blk: BlockBackend, offset: number, exact: boolean, prealloc: PreallocMode, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('blkTruncate');
}

/**
 * Wrapper used by blk_ioctl. Same contradiction as blk_co_do_ioctl. Header and wrapper kind inferred.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkDoIoctl(blk: BlockBackend, request: number, buffer: Uint8Array): Promise<number> {
  throw notBuilt('blkDoIoctl');
}

/**
 * Synchronous ioctl. GS in v5 (moved there with v4 to v5); the reviewer sees no reason, since blk_aio_ioctl and bdrv_co_ioctl are I/O.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkIoctl(blk: BlockBackend, request: number, buffer: Uint8Array): Promise<number> {
  throw notBuilt('blkIoctl');
}

/**
 * bdrv_make_zero on the root.
 *
 * @globalState
 */
export async function blkMakeZero(blk: BlockBackend, flags: BdrvRequestFlags): Promise<void> {
  GLOBAL_STATE_CODE('blkMakeZero');
  throw notBuilt('blkMakeZero');
}

/**
 * bdrv_make_empty on the root.
 *
 * @globalState
 */
export async function blkMakeEmpty(blk: BlockBackend): Promise<void> {
  GLOBAL_STATE_CODE('blkMakeEmpty');
  throw notBuilt('blkMakeEmpty');
}

/**
 * VM state write through the backend; flushes when the write cache is off.
 *
 * @globalState
 */
export async function blkSaveVmstate(blk: BlockBackend, buffer: Uint8Array, pos: number): Promise<void> {
  GLOBAL_STATE_CODE('blkSaveVmstate');
  throw notBuilt('blkSaveVmstate');
}

/**
 * VM state read through the backend.
 *
 * @globalState
 */
export async function blkLoadVmstate(blk: BlockBackend, buffer: Uint8Array, pos: number): Promise<void> {
  GLOBAL_STATE_CODE('blkLoadVmstate');
  throw notBuilt('blkLoadVmstate');
}
