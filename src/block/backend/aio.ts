/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockBackend } from '../model/backend.ts';
import type { BdrvRequestFlags } from '../model/constants.ts';
import type { BlockCompletionFunc, BlockAIOCB } from '../model/driver.ts';
import type { IoVector } from '../model/io-vector.ts';
import { notBuilt } from '../not-built.ts';

/**
 * AIO zero write.
 *
 * @io
 */
export function blkAioPwriteZeroes(blk: BlockBackend, offset: number, bytes: number, flags: BdrvRequestFlags, cb: BlockCompletionFunc): BlockAIOCB {
  throw notBuilt('blkAioPwriteZeroes');
}

/**
 * AIO vectored read.
 *
 * @io
 */
export function blkAioPreadv(blk: BlockBackend, offset: number, qiov: IoVector, flags: BdrvRequestFlags, cb: BlockCompletionFunc): BlockAIOCB {
  throw notBuilt('blkAioPreadv');
}

/**
 * AIO vectored write.
 *
 * @io
 */
export function blkAioPwritev(blk: BlockBackend, offset: number, qiov: IoVector, flags: BdrvRequestFlags, cb: BlockCompletionFunc): BlockAIOCB {
  throw notBuilt('blkAioPwritev');
}

/**
 * AIO flush.
 *
 * @io
 */
export function blkAioFlush(blk: BlockBackend, cb: BlockCompletionFunc): BlockAIOCB {
  throw notBuilt('blkAioFlush');
}

/**
 * AIO discard.
 *
 * @io
 */
export function blkAioPdiscard(blk: BlockBackend, offset: number, bytes: number, cb: BlockCompletionFunc): BlockAIOCB {
  throw notBuilt('blkAioPdiscard');
}

/**
 * Asks for cancellation without waiting.
 *
 * @io
 */
export function blkAioCancelAsync(acb: BlockAIOCB): void {
  throw notBuilt('blkAioCancelAsync');
}

/**
 * AIO ioctl; the path SCSI devices mostly use.
 *
 * @io
 */
export function blkAioIoctl(blk: BlockBackend, request: number, buffer: Uint8Array, cb: BlockCompletionFunc): BlockAIOCB {
  throw notBuilt('blkAioIoctl');
}

/**
 * Allocates an AIO control block tied to a backend.
 *
 * @io
 */
export function blkAioGet(blk: BlockBackend, cb: BlockCompletionFunc): BlockAIOCB {
  throw notBuilt('blkAioGet');
}

/**
 * AIO request that completes with an error code.
 *
 * @io
 */
export function blkAbortAioRequest(blk: BlockBackend, cb: BlockCompletionFunc, error: Error): BlockAIOCB {
  throw notBuilt('blkAbortAioRequest');
}

/**
 * bdrv_aio_cancel on a request.
 *
 * @globalState
 */
export async function blkAioCancel(acb: BlockAIOCB): Promise<void> {
  GLOBAL_STATE_CODE('blkAioCancel');
  throw notBuilt('blkAioCancel');
}
