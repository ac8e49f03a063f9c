/**
 * Requests of a backend for code outside of coroutines: each runs its coroutine in the backend's context, and the caller waits.
 *
 * In: a backend, plain buffers. Out: the request is done. Leaves to others: the requests themselves (`requests.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { runCoWrapper } from '../contexts/poll.ts';
import type { BlockBackend } from '../model/backend.ts';
import { BDRV_REQ_WRITE_COMPRESSED, type BdrvRequestFlags } from '../model/constants.ts';
import type { PreallocMode } from '../model/driver.ts';
import type { BdrvChild } from '../model/node.ts';
import { bdrvMakeEmpty } from '../open/image.ts';
import { noMedium } from '../requests/checks.ts';
import { bdrvMakeZero } from '../requests/make-zero.ts';
import { bdrvCoTruncate } from '../requests/truncate.ts';
import { bdrvLoadVmstate, bdrvSaveVmstate } from '../requests/vmstate.ts';
import { bdrvFlush } from '../requests/wrappers.ts';
import { blkCoDoIoctl, blkCoFlush, blkCoPdiscard, blkCoPread, blkCoPwrite, blkCoPwriteZeroes, counted } from './requests.ts';
import { availableNode, blkGetAioContext } from './settings.ts';

/**
 * Fills a buffer from `offset` on.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkPread(blk: BlockBackend, offset: number, buffer: Uint8Array): Promise<void> {
  await runCoWrapper(blkGetAioContext(blk), () => blkCoPread(blk, offset, buffer, 0));
}

/**
 * Writes a buffer.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkPwrite(blk: BlockBackend, offset: number, buffer: Uint8Array, flags: BdrvRequestFlags): Promise<void> {
  await runCoWrapper(blkGetAioContext(blk), () => blkCoPwrite(blk, offset, buffer, flags));
}

/**
 * Makes everything written before stable.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkFlush(blk: BlockBackend): Promise<void> {
  await runCoWrapper(blkGetAioContext(blk), () => blkCoFlush(blk));
}

/**
 * Writes a buffer compressed: one cluster, or the image's rest. No bytes at all end a sequence of them.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkPwriteCompressed(blk: BlockBackend, offset: number, buffer: Uint8Array): Promise<void> {
  await runCoWrapper(blkGetAioContext(blk), () => blkCoPwrite(blk, offset, buffer, BDRV_REQ_WRITE_COMPRESSED));
}

/**
 * Tells the node that nobody needs a range any more.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkPdiscard(blk: BlockBackend, offset: number, bytes: number): Promise<void> {
  await runCoWrapper(blkGetAioContext(blk), () => blkCoPdiscard(blk, offset, bytes));
}

/**
 * Makes a range read as zero.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkPwriteZeroes(blk: BlockBackend, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<void> {
  await runCoWrapper(blkGetAioContext(blk), () => blkCoPwriteZeroes(blk, offset, bytes, flags));
}

/**
 * Makes the node `offset` bytes long; see `bdrvCoTruncate`.
 *
 * @throws BlockError `ENOMEDIUM`, `EPERM` without the permission to resize, or what the node has
 * @io
 * @coroutineWrapper
 */
export async function blkTruncate(blk: BlockBackend, offset: number, exact: boolean, prealloc: PreallocMode, flags: BdrvRequestFlags): Promise<void> {
  availableNode(blk);
  await runCoWrapper(blkGetAioContext(blk), () => counted(blk, () => bdrvCoTruncate(rootOf(blk), offset, exact, prealloc, flags)));
}

/**
 * Sends an ioctl to the driver: SCSI generic.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkDoIoctl(blk: BlockBackend, request: number, buffer: Uint8Array): Promise<number> {
  return runCoWrapper(blkGetAioContext(blk), () => blkCoDoIoctl(blk, request, buffer));
}

/**
 * {@link blkDoIoctl}, for devices.
 *
 * @io
 * @coroutineWrapper
 */
export async function blkIoctl(blk: BlockBackend, request: number, buffer: Uint8Array): Promise<number> {
  return blkDoIoctl(blk, request, buffer);
}

/**
 * Makes the whole node read as zero.
 *
 * @globalState
 */
export async function blkMakeZero(blk: BlockBackend, flags: BdrvRequestFlags): Promise<void> {
  GLOBAL_STATE_CODE('blkMakeZero');
  await bdrvMakeZero(rootOf(blk), flags);
}

/**
 * Drops what the node has allocated, so that the backing file shows.
 *
 * @globalState
 */
export async function blkMakeEmpty(blk: BlockBackend): Promise<void> {
  GLOBAL_STATE_CODE('blkMakeEmpty');
  availableNode(blk);
  await bdrvMakeEmpty(rootOf(blk));
}

/**
 * Writes VM state, and makes it stable where the guest knows no write cache.
 *
 * @globalState
 */
export async function blkSaveVmstate(blk: BlockBackend, buffer: Uint8Array, pos: number): Promise<void> {
  GLOBAL_STATE_CODE('blkSaveVmstate');
  const bs = availableNode(blk);
  await bdrvSaveVmstate(bs, buffer, pos);
  if (!blk.enableWriteCache) await bdrvFlush(bs);
}

/**
 * Reads VM state.
 *
 * @globalState
 */
export async function blkLoadVmstate(blk: BlockBackend, buffer: Uint8Array, pos: number): Promise<void> {
  GLOBAL_STATE_CODE('blkLoadVmstate');
  await bdrvLoadVmstate(availableNode(blk), buffer, pos);
}

/** @io */
function rootOf(blk: BlockBackend): BdrvChild {
  if (!blk.root) throw noMedium();
  return blk.root;
}
