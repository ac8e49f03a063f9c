/**
 * Requests of a backend with a callback, as device models make them.
 *
 * In: a backend, a range, a vector, a callback. Out: the callback is called in the backend's context, never before the function has
 * returned. Leaves to others: the requests themselves (`requests.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { aioBhScheduleOneshot } from '../contexts/aio-context.ts';
import { aioCoEnter } from '../contexts/coroutine.ts';
import type { BlockBackend } from '../model/backend.ts';
import type { BdrvRequestFlags } from '../model/constants.ts';
import type { BlockCompletionFunc, BlockAIOCB } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import type { IoVector } from '../model/io-vector.ts';
import { bdrvAioCancel, bdrvAioCancelAsync, qemuAioGet, type AioRequest } from '../requests/aio.ts';
import { blkDecInFlight, blkIncInFlight } from './in-flight.ts';
import { blkCoDoIoctl, blkCoFlush, blkCoPdiscard, blkCoPreadv, blkCoPwriteZeroes, blkCoPwritev } from './requests.ts';
import { blkBs, blkGetAioContext } from './settings.ts';

/**
 * Starts a coroutine, and has the callback told how it ends. Cancelled before it began, it does not begin.
 *
 * @io
 * @runs entry coroutine
 */
function startAio(blk: BlockBackend, entry: () => Promise<unknown>, cb: BlockCompletionFunc): BlockAIOCB {
  const acb = qemuAioGet(blkBs(blk), cb);
  blkIncInFlight(blk);
  const run = async (): Promise<void> => {
    if (acb.isCancelled) throw blockError('ECANCELED', 'The request was cancelled before it began');
    await entry();
  };
  aioCoEnter(blkGetAioContext(blk), run).then(() => completeInContext(blk, acb, null), (error: unknown) => completeInContext(blk, acb, error as Error));
  return acb;
}

/** @io */
function completeInContext(blk: BlockBackend, acb: AioRequest, error: Error | null): void {
  aioBhScheduleOneshot(blkGetAioContext(blk), () => {
    try {
      acb.complete(error);
    } finally {
      // Counted until the callback is through: a drain waits for what it does as well.
      blkDecInFlight(blk);
    }
  });
}

/**
 * Makes a range read as zero.
 *
 * @io
 */
export function blkAioPwriteZeroes(blk: BlockBackend, offset: number, bytes: number, flags: BdrvRequestFlags, cb: BlockCompletionFunc): BlockAIOCB {
  return startAio(blk, () => blkCoPwriteZeroes(blk, offset, bytes, flags), cb);
}

/**
 * Fills a vector.
 *
 * @io
 */
export function blkAioPreadv(blk: BlockBackend, offset: number, qiov: IoVector, flags: BdrvRequestFlags, cb: BlockCompletionFunc): BlockAIOCB {
  return startAio(blk, () => blkCoPreadv(blk, offset, qiov.size, qiov, flags), cb);
}

/**
 * Writes a vector.
 *
 * @io
 */
export function blkAioPwritev(blk: BlockBackend, offset: number, qiov: IoVector, flags: BdrvRequestFlags, cb: BlockCompletionFunc): BlockAIOCB {
  return startAio(blk, () => blkCoPwritev(blk, offset, qiov.size, qiov, flags), cb);
}

/**
 * Makes everything written before stable.
 *
 * @io
 */
export function blkAioFlush(blk: BlockBackend, cb: BlockCompletionFunc): BlockAIOCB {
  return startAio(blk, () => blkCoFlush(blk), cb);
}

/**
 * Tells the node that nobody needs a range any more.
 *
 * @io
 */
export function blkAioPdiscard(blk: BlockBackend, offset: number, bytes: number, cb: BlockCompletionFunc): BlockAIOCB {
  return startAio(blk, () => blkCoPdiscard(blk, offset, bytes), cb);
}

/**
 * Sends an ioctl to the driver; what it says is in the buffer.
 *
 * @io
 */
export function blkAioIoctl(blk: BlockBackend, request: number, buffer: Uint8Array, cb: BlockCompletionFunc): BlockAIOCB {
  return startAio(blk, () => blkCoDoIoctl(blk, request, buffer), cb);
}

/**
 * Asks a request to end early, and does not wait. Its callback is called all the same.
 *
 * @io
 */
export function blkAioCancelAsync(acb: BlockAIOCB): void {
  bdrvAioCancelAsync(acb);
}

/**
 * A handle for a request that the caller carries out by itself, and completes.
 *
 * @io
 */
export function blkAioGet(blk: BlockBackend, cb: BlockCompletionFunc): AioRequest {
  return qemuAioGet(blkBs(blk), cb);
}

/**
 * A request that fails with `error`, as soon as the caller is ready for that.
 *
 * @io
 */
export function blkAbortAioRequest(blk: BlockBackend, cb: BlockCompletionFunc, error: Error): BlockAIOCB {
  const acb = blkAioGet(blk, cb);
  blkIncInFlight(blk);
  completeInContext(blk, acb, error);
  return acb;
}

/**
 * Cancels a request, and waits until its callback has run.
 *
 * @globalState
 */
export async function blkAioCancel(acb: BlockAIOCB): Promise<void> {
  GLOBAL_STATE_CODE('blkAioCancel');
  await bdrvAioCancel(acb);
}
