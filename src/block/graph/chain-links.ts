/** PLACEHOLDER. */
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Child edge with the COW role, if any.
 *
 * @io
 */
export function bdrvCowChild(bs: BlockDriverState | null): BdrvChild | null {
  throw notBuilt('bdrvCowChild');
}

/**
 * Child edge with the filtered role, if any.
 *
 * @io
 */
export function bdrvFilterChild(bs: BlockDriverState | null): BdrvChild | null {
  throw notBuilt('bdrvFilterChild');
}

/**
 * Filter child, else COW child.
 *
 * @io
 */
export function bdrvFilterOrCowChild(bs: BlockDriverState | null): BdrvChild | null {
  throw notBuilt('bdrvFilterOrCowChild');
}

/**
 * Child edge with the primary role.
 *
 * @io
 */
export function bdrvPrimaryChild(bs: BlockDriverState | null): BdrvChild | null {
  throw notBuilt('bdrvPrimaryChild');
}

/**
 * Next non-filter node downwards (the node itself counts).
 *
 * @io
 */
export function bdrvSkipFilters(bs: BlockDriverState | null): BlockDriverState | null {
  throw notBuilt('bdrvSkipFilters');
}

/**
 * Next node of the backing chain, filters skipped on both sides.
 *
 * @io
 */
export function bdrvBackingChainNext(bs: BlockDriverState | null): BlockDriverState | null {
  throw notBuilt('bdrvBackingChainNext');
}

/**
 * Node of the COW child (inline).
 *
 * @io
 */
export function bdrvCowBs(bs: BlockDriverState | null): BlockDriverState | null {
  throw notBuilt('bdrvCowBs');
}

/**
 * Node of the filter child (inline).
 *
 * @io
 */
export function bdrvFilterBs(bs: BlockDriverState | null): BlockDriverState | null {
  throw notBuilt('bdrvFilterBs');
}

/**
 * Node of the filter-or-COW child (inline).
 *
 * @io
 */
export function bdrvFilterOrCowBs(bs: BlockDriverState | null): BlockDriverState | null {
  throw notBuilt('bdrvFilterOrCowBs');
}

/**
 * Node of the primary child (inline).
 *
 * @io
 */
export function bdrvPrimaryBs(bs: BlockDriverState | null): BlockDriverState | null {
  throw notBuilt('bdrvPrimaryBs');
}
