/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockSizes, HDGeometry } from '../model/driver.ts';
import type { IoVector } from '../model/io-vector.ts';
import type { BlockDriverState } from '../model/node.ts';
import type { Transaction } from '../model/transaction.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Recomputes BlockLimits from driver and children; undoable when a transaction is given.
 *
 * @globalState
 */
export function bdrvRefreshLimits(bs: BlockDriverState, transaction: Transaction | null): void {
  GLOBAL_STATE_CODE('bdrvRefreshLimits');
  throw notBuilt('bdrvRefreshLimits');
}

/**
 * Constant yes; for drivers whose new images always read as zero.
 *
 * @globalState
 */
export function bdrvHasZeroInit1(bs: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvHasZeroInit1');
  throw notBuilt('bdrvHasZeroInit1');
}

/**
 * Whether a newly created image is known to read as zeroes (asks driver, or the filtered child).
 *
 * @globalState
 */
export function bdrvHasZeroInit(bs: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvHasZeroInit');
  throw notBuilt('bdrvHasZeroInit');
}

/**
 * Memory alignment that avoids a bounce buffer anywhere in the stack.
 *
 * @io
 */
export function bdrvMinMemAlign(bs: BlockDriverState): number {
  throw notBuilt('bdrvMinMemAlign');
}

/**
 * Best alignment for a bounce buffer.
 *
 * @io
 */
export function bdrvOptMemAlign(bs: BlockDriverState): number {
  throw notBuilt('bdrvOptMemAlign');
}

/**
 * Allocates memory aligned for a node; aborts on failure.
 *
 * @io
 */
export function qemuBlockalign(bs: BlockDriverState, size: number): Uint8Array {
  throw notBuilt('qemuBlockalign');
}

/**
 * Same, zeroed.
 *
 * @io
 */
export function qemuBlockalign0(bs: BlockDriverState, size: number): Uint8Array {
  throw notBuilt('qemuBlockalign0');
}

/**
 * Same as qemu_blockalign, may return null.
 *
 * @io
 */
export function qemuTryBlockalign(bs: BlockDriverState, size: number): Uint8Array | null {
  throw notBuilt('qemuTryBlockalign');
}

/**
 * Same, zeroed, may return null.
 *
 * @io
 */
export function qemuTryBlockalign0(bs: BlockDriverState, size: number): Uint8Array | null {
  throw notBuilt('qemuTryBlockalign0');
}

/**
 * Whether all vector elements satisfy a node's memory and length alignment.
 *
 * @io
 */
export function bdrvQiovIsAligned(bs: BlockDriverState, qiov: IoVector): boolean {
  throw notBuilt('bdrvQiovIsAligned');
}

/**
 * Whether zeroing with deallocation works on a node.
 *
 * @io
 */
export function bdrvCanWriteZeroesWithUnmap(bs: BlockDriverState): boolean {
  throw notBuilt('bdrvCanWriteZeroesWithUnmap');
}

/**
 * Asks driver or filtered child for physical and logical block size.
 *
 * @globalState
 */
export function bdrvProbeBlocksizes(bs: BlockDriverState): BlockSizes | null {
  GLOBAL_STATE_CODE('bdrvProbeBlocksizes');
  throw notBuilt('bdrvProbeBlocksizes');
}

/**
 * Asks driver or filtered child for a CHS geometry.
 *
 * @globalState
 */
export function bdrvProbeGeometry(bs: BlockDriverState): HDGeometry | null {
  GLOBAL_STATE_CODE('bdrvProbeGeometry');
  throw notBuilt('bdrvProbeGeometry');
}
