/** PLACEHOLDER. */
import type { BdrvCheckMode, BdrvRequestFlags } from '../model/constants.ts';
import type { BdrvCheckResult, PreallocMode } from '../model/driver.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Writes zeroes to a range through a child.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvPwriteZeroes(child: BdrvChild, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('bdrvPwriteZeroes');
}

/**
 * Reads a range through a child into a plain buffer.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvPread(child: BdrvChild, offset: number, buffer: Uint8Array): Promise<void> {
  throw notBuilt('bdrvPread');
}

/**
 * Writes a plain buffer through a child.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvPwrite(child: BdrvChild, offset: number, buffer: Uint8Array): Promise<void> {
  throw notBuilt('bdrvPwrite');
}

/**
 * Write followed by a flush.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvPwriteSync(child: BdrvChild, offset: number, buffer: Uint8Array): Promise<void> {
  throw notBuilt('bdrvPwriteSync');
}

/**
 * Synchronous wrapper of bdrv_co_truncate.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvTruncate(child: BdrvChild, offset: number, exact: boolean, prealloc: PreallocMode, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('bdrvTruncate');
}

/**
 * Synchronous wrapper of bdrv_co_check: image consistency check, optionally repairing.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvCheck(bs: BlockDriverState, result: BdrvCheckResult, fix: BdrvCheckMode): Promise<void> {
  throw notBuilt('bdrvCheck');
}

/**
 * Synchronous wrapper of bdrv_co_invalidate_cache: runs it as a coroutine in the NODE's AioContext, which is why a main-thread caller still ends up in an iothread.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvInvalidateCache(bs: BlockDriverState): Promise<void> {
  throw notBuilt('bdrvInvalidateCache');
}

/**
 * Synchronous wrapper of bdrv_co_flush.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvFlush(bs: BlockDriverState): Promise<void> {
  throw notBuilt('bdrvFlush');
}

/**
 * Synchronous wrapper of bdrv_co_pdiscard.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvPdiscard(child: BdrvChild, offset: number, bytes: number): Promise<void> {
  throw notBuilt('bdrvPdiscard');
}

/**
 * Coroutine behind bdrv_check.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoCheck(bs: BlockDriverState, result: BdrvCheckResult, fix: BdrvCheckMode): Promise<void> {
  throw notBuilt('bdrvCoCheck');
}

/**
 * Coroutine behind bdrv_invalidate_cache: error without medium, then children first; if inactive also the flag, the permissions and the driver's slot; then the parents' activate callbacks. Patch 28 calls it I/O but asserts main thread OR already active (the one compound assertion; not counted as asserted). Header inferred.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoInvalidateCache(bs: BlockDriverState): Promise<void> {
  throw notBuilt('bdrvCoInvalidateCache');
}
