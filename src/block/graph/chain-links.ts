/**
 * The links that backing chains are made of: which child of a node holds what the node itself does not.
 *
 * In: a node, or none. Out: one of its edges, or the node below. Leaves to others: changing the links. Reading them is I/O code: who
 * changes them drains the node first.
 */
import { BDRV_CHILD_COW, BDRV_CHILD_FILTERED, BDRV_CHILD_PRIMARY, type BdrvChildRole } from '../model/constants.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { childBs } from './child-bs.ts';

/** @common */
function childWithRole(bs: BlockDriverState | null, role: BdrvChildRole): BdrvChild | null {
  return bs?.children.find((child) => (child.role & role) !== 0) ?? null;
}

/**
 * The edge to the backing node: the source of what the node has not allocated.
 *
 * @io
 */
export function bdrvCowChild(bs: BlockDriverState | null): BdrvChild | null {
  // Only these two can be it, and data paths ask often.
  const child = bs?.backing ?? null;
  return child !== null && (child.role & BDRV_CHILD_COW) !== 0 ? child : null;
}

/**
 * The edge through which a filter shows the node below.
 *
 * @io
 */
export function bdrvFilterChild(bs: BlockDriverState | null): BdrvChild | null {
  const child = bs?.backing ?? bs?.file ?? null;
  return child !== null && (child.role & BDRV_CHILD_FILTERED) !== 0 ? child : null;
}

/**
 * The edge that leads down the chain: a filter's child, else the backing child.
 *
 * @io
 */
export function bdrvFilterOrCowChild(bs: BlockDriverState | null): BdrvChild | null {
  return bdrvCowChild(bs) ?? bdrvFilterChild(bs);
}

/**
 * The edge to the main child, whose file name suits the node best.
 *
 * @io
 */
export function bdrvPrimaryChild(bs: BlockDriverState | null): BdrvChild | null {
  return childWithRole(bs, BDRV_CHILD_PRIMARY);
}

/**
 * The first node that is no filter, from `bs` itself downwards.
 *
 * @io
 */
export function bdrvSkipFilters(bs: BlockDriverState | null): BlockDriverState | null {
  let node = bs;
  for (let below = bdrvFilterBs(node); below !== null; below = bdrvFilterBs(node)) node = below;
  return node;
}

/**
 * The next node of the backing chain that is no filter.
 *
 * @io
 */
export function bdrvBackingChainNext(bs: BlockDriverState | null): BlockDriverState | null {
  return bdrvSkipFilters(bdrvCowBs(bdrvSkipFilters(bs)));
}

/**
 * The backing node.
 *
 * @io
 */
export function bdrvCowBs(bs: BlockDriverState | null): BlockDriverState | null {
  return childBs(bdrvCowChild(bs));
}

/**
 * The node that a filter shows.
 *
 * @io
 */
export function bdrvFilterBs(bs: BlockDriverState | null): BlockDriverState | null {
  return childBs(bdrvFilterChild(bs));
}

/**
 * The node below in the chain.
 *
 * @io
 */
export function bdrvFilterOrCowBs(bs: BlockDriverState | null): BlockDriverState | null {
  return childBs(bdrvFilterOrCowChild(bs));
}

/**
 * The main child's node.
 *
 * @io
 */
export function bdrvPrimaryBs(bs: BlockDriverState | null): BlockDriverState | null {
  return childBs(bdrvPrimaryChild(bs));
}
