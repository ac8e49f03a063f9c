/**
 * Requests for code outside of coroutines: each runs its coroutine in the node's context, and the caller waits. Inside a coroutine the
 * coroutine is called directly.
 *
 * In: an edge or a node, plain buffers. Out: the request is done. Leaves to others: the requests themselves.
 */
import { runCoWrapper } from '../contexts/poll.ts';
import type { BdrvCheckMode, BdrvRequestFlags } from '../model/constants.ts';
import type { BdrvCheckResult, PreallocMode } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { noMedium, requestedNode } from './checks.ts';
import { bdrvCoPdiscard } from './discard.ts';
import { bdrvCoFlush } from './flush.ts';
import { bdrvCoPread } from './read.ts';
import { bdrvCoTruncate } from './truncate.ts';
import { bdrvCoPwrite, bdrvCoPwriteZeroes } from './write.ts';

/**
 * Makes a range read as zero.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvPwriteZeroes(child: BdrvChild, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<void> {
  await runCoWrapper(requestedNode(child).aioContext, () => bdrvCoPwriteZeroes(child, offset, bytes, flags));
}

/**
 * Fills a buffer from `offset` on.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvPread(child: BdrvChild, offset: number, buffer: Uint8Array): Promise<void> {
  await runCoWrapper(requestedNode(child).aioContext, () => bdrvCoPread(child, offset, buffer, 0));
}

/**
 * Writes a buffer.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvPwrite(child: BdrvChild, offset: number, buffer: Uint8Array): Promise<void> {
  await runCoWrapper(requestedNode(child).aioContext, () => bdrvCoPwrite(child, offset, buffer, 0));
}

/**
 * Writes a buffer, and flushes.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvPwriteSync(child: BdrvChild, offset: number, buffer: Uint8Array): Promise<void> {
  await bdrvPwrite(child, offset, buffer);
  await bdrvFlush(requestedNode(child));
}

/**
 * Makes a node `offset` bytes long; see `bdrvCoTruncate`.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvTruncate(child: BdrvChild, offset: number, exact: boolean, prealloc: PreallocMode, flags: BdrvRequestFlags): Promise<void> {
  await runCoWrapper(requestedNode(child).aioContext, () => bdrvCoTruncate(child, offset, exact, prealloc, flags));
}

/**
 * Checks an image, and repairs it if asked to; what was found is in `result`, even after a failure.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvCheck(bs: BlockDriverState, result: BdrvCheckResult, fix: BdrvCheckMode): Promise<void> {
  await runCoWrapper(bs.aioContext, () => bdrvCoCheck(bs, result, fix));
}

/**
 * Has the driver drop what it caches of the image.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvInvalidateCache(bs: BlockDriverState): Promise<void> {
  await runCoWrapper(bs.aioContext, () => bdrvCoInvalidateCache(bs));
}

/**
 * Flushes a node and what is below it.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvFlush(bs: BlockDriverState): Promise<void> {
  await runCoWrapper(bs.aioContext, () => bdrvCoFlush(bs));
}

/**
 * Discards a range.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvPdiscard(child: BdrvChild, offset: number, bytes: number): Promise<void> {
  await runCoWrapper(requestedNode(child).aioContext, () => bdrvCoPdiscard(child, offset, bytes));
}

/**
 * The coroutine behind {@link bdrvCheck}.
 *
 * @throws BlockError `ENOMEDIUM`, `ENOTSUP` where the format has no check
 * @io
 * @coroutine
 */
export async function bdrvCoCheck(bs: BlockDriverState, result: BdrvCheckResult, fix: BdrvCheckMode): Promise<void> {
  if (!bs.drv) throw noMedium();
  if (!bs.drv.bdrvCoCheck) throw blockError('ENOTSUP', 'This image format does not support checks');
  Object.assign(result, emptyCheckResult());
  await bs.drv.bdrvCoCheck(bs, result, fix);
}

/**
 * What a check has found before it begins.
 *
 * @common
 */
export function emptyCheckResult(): BdrvCheckResult {
  return {
    corruptions: 0, leaks: 0, checkErrors: 0, corruptionsFixed: 0, leaksFixed: 0, imageEndOffset: 0,
    bfi: { allocatedClusters: 0, totalClusters: 0, fragmentedClusters: 0, compressedClusters: 0 },
  };
}

/**
 * The coroutine behind {@link bdrvInvalidateCache}: the driver's part of making a node active, and nothing else of it.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoInvalidateCache(bs: BlockDriverState): Promise<void> {
  await bs.drv?.bdrvCoInvalidateCache?.(bs);
}
