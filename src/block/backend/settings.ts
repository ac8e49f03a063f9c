/** PLACEHOLDER. */
import type { AioContext } from '../contexts/aio-context.ts';
import type { BlockBackend, BlockAcctStats } from '../model/backend.ts';
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Monitor name or empty string.
 *
 * @io
 */
export function blkName(blk: BlockBackend): string {
  throw notBuilt('blkName');
}

/**
 * Root node or null.
 *
 * @io
 */
export function blkBs(blk: BlockBackend): BlockDriverState | null {
  throw notBuilt('blkBs');
}

/**
 * Lets requests go past the end.
 *
 * @io
 */
export function blkSetAllowWriteBeyondEof(blk: BlockBackend, allow: boolean): void {
  throw notBuilt('blkSetAllowWriteBeyondEof');
}

/**
 * Lets others move the backend's context.
 *
 * @io
 */
export function blkSetAllowAioContextChange(blk: BlockBackend, allow: boolean): void {
  throw notBuilt('blkSetAllowAioContextChange');
}

/**
 * Turns off queuing of requests while drained.
 *
 * @io
 */
export function blkSetDisableRequestQueuing(blk: BlockBackend, disable: boolean): void {
  throw notBuilt('blkSetDisableRequestQueuing');
}

/**
 * Length in bytes, error without medium.
 *
 * @io
 * @coroutineMixed
 */
export async function blkGetlength(blk: BlockBackend): Promise<number> {
  throw notBuilt('blkGetlength');
}

/**
 * Length in sectors by reference.
 *
 * @io
 * @coroutineMixed
 */
export async function blkGetGeometry(blk: BlockBackend): Promise<number> {
  throw notBuilt('blkGetGeometry');
}

/**
 * Length in sectors.
 *
 * @io
 * @coroutineMixed
 */
export async function blkNbSectors(blk: BlockBackend): Promise<number> {
  throw notBuilt('blkNbSectors');
}

/**
 * Aligned allocation, may be null.
 *
 * @io
 */
export function blkTryBlockalign(blk: BlockBackend, size: number): Uint8Array | null {
  throw notBuilt('blkTryBlockalign');
}

/**
 * Aligned allocation.
 *
 * @io
 */
export function blkBlockalign(blk: BlockBackend, size: number): Uint8Array {
  throw notBuilt('blkBlockalign');
}

/**
 * Holds WRITE permission.
 *
 * @io
 */
export function blkIsWritable(blk: BlockBackend): boolean {
  throw notBuilt('blkIsWritable');
}

/**
 * Vector length limit.
 *
 * @io
 */
export function blkGetMaxIov(blk: BlockBackend): number {
  throw notBuilt('blkGetMaxIov');
}

/**
 * Hardware vector length limit.
 *
 * @io
 */
export function blkGetMaxHwIov(blk: BlockBackend): number {
  throw notBuilt('blkGetMaxHwIov');
}

/**
 * Request alignment of the node.
 *
 * @io
 */
export function blkGetRequestAlignment(blk: BlockBackend): number {
  throw notBuilt('blkGetRequestAlignment');
}

/**
 * Transfer limit.
 *
 * @io
 */
export function blkGetMaxTransfer(blk: BlockBackend): number {
  throw notBuilt('blkGetMaxTransfer');
}

/**
 * Hardware transfer limit.
 *
 * @io
 */
export function blkGetMaxHwTransfer(blk: BlockBackend): number {
  throw notBuilt('blkGetMaxHwTransfer');
}

/**
 * Context of the backend.
 *
 * @io
 */
export function blkGetAioContext(blk: BlockBackend): AioContext {
  throw notBuilt('blkGetAioContext');
}

/**
 * Accounting object.
 *
 * @io
 */
export function blkGetStats(blk: BlockBackend): BlockAcctStats {
  throw notBuilt('blkGetStats');
}

/**
 * Starts batching.
 *
 * @io
 */
export function blkIoPlug(blk: BlockBackend): void {
  throw notBuilt('blkIoPlug');
}

/**
 * Ends batching.
 *
 * @io
 */
export function blkIoUnplug(blk: BlockBackend): void {
  throw notBuilt('blkIoUnplug');
}
