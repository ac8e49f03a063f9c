/** PLACEHOLDER. */
import type { DriverBlockStatus } from '../model/driver.ts';
import type { BlockDriverState } from '../model/node.ts';
import type { AllocationStatus } from '../model/queries.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Status of a range in this node (see the BDRV_BLOCK_* truth table).
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvBlockStatus(bs: BlockDriverState, offset: number, bytes: number): Promise<DriverBlockStatus> {
  throw notBuilt('bdrvBlockStatus');
}

/**
 * Same, looking down the chain to but not including a base.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvBlockStatusAbove(bs: BlockDriverState, base: BlockDriverState | null, offset: number, bytes: number): Promise<DriverBlockStatus> {
  throw notBuilt('bdrvBlockStatusAbove');
}

/**
 * Whether a range is allocated in this node.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvIsAllocated(bs: BlockDriverState, offset: number, bytes: number): Promise<AllocationStatus> {
  throw notBuilt('bdrvIsAllocated');
}

/**
 * Whether a range is allocated between two nodes of a chain.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvIsAllocatedAbove(top: BlockDriverState, base: BlockDriverState | null, includeBase: boolean, offset: number, bytes: number): Promise<AllocationStatus & { readonly depth: number }> {
  throw notBuilt('bdrvIsAllocatedAbove');
}

/**
 * Coroutine: whether a range is known to read as zero without reading it.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoIsZeroFast(bs: BlockDriverState, offset: number, bytes: number): Promise<boolean> {
  throw notBuilt('bdrvCoIsZeroFast');
}

/**
 * Block-status cache lookup: is an offset in the known data region, and for how many bytes.
 *
 * @io
 */
export function bdrvBscIsData(bs: BlockDriverState, offset: number): number | null {
  throw notBuilt('bdrvBscIsData');
}

/**
 * Drops the cached region if it overlaps a range.
 *
 * @io
 */
export function bdrvBscInvalidateRange(bs: BlockDriverState, offset: number, bytes: number): void {
  throw notBuilt('bdrvBscInvalidateRange');
}

/**
 * Stores a data region in the cache.
 *
 * @io
 */
export function bdrvBscFill(bs: BlockDriverState, offset: number, bytes: number): void {
  throw notBuilt('bdrvBscFill');
}
