/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Finds the node directly above another in a chain, filters skipped.
 *
 * @globalState
 */
export function bdrvFindOverlay(active: BlockDriverState, bs: BlockDriverState | null): BlockDriverState | null {
  GLOBAL_STATE_CODE('bdrvFindOverlay');
  throw notBuilt('bdrvFindOverlay');
}

/**
 * Finds the bottom node of a chain (overlay of nothing).
 *
 * @globalState
 */
export function bdrvFindBase(bs: BlockDriverState): BlockDriverState {
  GLOBAL_STATE_CODE('bdrvFindBase');
  throw notBuilt('bdrvFindBase');
}

/**
 * True (with an error) if any link between two nodes of a chain is frozen.
 *
 * @globalState
 */
export function bdrvIsBackingChainFrozen(bs: BlockDriverState, base: BlockDriverState | null): boolean {
  GLOBAL_STATE_CODE('bdrvIsBackingChainFrozen');
  throw notBuilt('bdrvIsBackingChainFrozen');
}

/**
 * Freezes each link of a chain part; refuses if one is frozen already or belongs to a node that never freezes.
 *
 * @globalState
 */
export function bdrvFreezeBackingChain(bs: BlockDriverState, base: BlockDriverState | null): void {
  GLOBAL_STATE_CODE('bdrvFreezeBackingChain');
  throw notBuilt('bdrvFreezeBackingChain');
}

/**
 * Undoes the freeze of a chain part.
 *
 * @globalState
 */
export function bdrvUnfreezeBackingChain(bs: BlockDriverState, base: BlockDriverState | null): void {
  GLOBAL_STATE_CODE('bdrvUnfreezeBackingChain');
  throw notBuilt('bdrvUnfreezeBackingChain');
}

/**
 * Whether one node is in the filter-or-COW chain below another.
 *
 * @globalState
 */
export function bdrvChainContains(top: BlockDriverState | null, base: BlockDriverState | null): boolean {
  GLOBAL_STATE_CODE('bdrvChainContains');
  throw notBuilt('bdrvChainContains');
}

/**
 * Skips automatically inserted filters.
 *
 * @globalState
 */
export function bdrvSkipImplicitFilters(bs: BlockDriverState | null): BlockDriverState | null {
  GLOBAL_STATE_CODE('bdrvSkipImplicitFilters');
  throw notBuilt('bdrvSkipImplicitFilters');
}

/**
 * Walks the backing chain for the node whose file matches a name.
 *
 * @globalState
 */
export function bdrvFindBackingImage(bs: BlockDriverState, backingFile: string): BlockDriverState | null {
  GLOBAL_STATE_CODE('bdrvFindBackingImage');
  throw notBuilt('bdrvFindBackingImage');
}
