/** PLACEHOLDER. */
import type { BlockBackend } from '../model/backend.ts';
import type { BdrvRequestFlags } from '../model/constants.ts';
import type { IoVector } from '../model/io-vector.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Coroutine: vectored read.
 *
 * @io
 * @coroutine
 */
export async function blkCoPreadv(blk: BlockBackend, offset: number, bytes: number, qiov: IoVector, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('blkCoPreadv');
}

/**
 * Coroutine: vectored write from an offset inside the vector.
 *
 * @io
 * @coroutine
 */
export async function blkCoPwritevPart(blk: BlockBackend, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('blkCoPwritevPart');
}

/**
 * Coroutine: vectored write.
 *
 * @io
 * @coroutine
 */
export async function blkCoPwritev(blk: BlockBackend, offset: number, bytes: number, qiov: IoVector, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('blkCoPwritev');
}

/**
 * Coroutine, inline: plain-buffer read; length must fit size_t.
 *
 * @io
 * @coroutine
 */
export async function blkCoPread(blk: BlockBackend, offset: number, buffer: Uint8Array, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('blkCoPread');
}

/**
 * Coroutine, inline: plain-buffer write; length must fit size_t.
 *
 * @io
 * @coroutine
 */
export async function blkCoPwrite(blk: BlockBackend, offset: number, buffer: Uint8Array, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('blkCoPwrite');
}

/**
 * Coroutine: discard.
 *
 * @io
 * @coroutine
 */
export async function blkCoPdiscard(blk: BlockBackend, offset: number, bytes: number): Promise<void> {
  throw notBuilt('blkCoPdiscard');
}

/**
 * Coroutine: flush.
 *
 * @io
 * @coroutine
 */
export async function blkCoFlush(blk: BlockBackend): Promise<void> {
  throw notBuilt('blkCoFlush');
}

/**
 * Coroutine: zero write.
 *
 * @io
 * @coroutine
 */
export async function blkCoPwriteZeroes(blk: BlockBackend, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('blkCoPwriteZeroes');
}

/**
 * Coroutine: offloaded copy between backends.
 *
 * @io
 * @coroutine
 */
export async function blkCoCopyRange(blkIn: BlockBackend, offIn: number, blkOut: BlockBackend, offOut: number, bytes: number, readFlags: BdrvRequestFlags, writeFlags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('blkCoCopyRange');
}

/**
 * Coroutine behind blk_do_ioctl. The v4-to-v5 notes suspect it is GS, the header marks everything I/O: contradiction. Header inferred.
 *
 * @io
 * @coroutine
 */
export async function blkCoDoIoctl(blk: BlockBackend, request: number, buffer: Uint8Array): Promise<number> {
  throw notBuilt('blkCoDoIoctl');
}
