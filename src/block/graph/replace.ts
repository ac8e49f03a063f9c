/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { OpenFlags } from '../model/constants.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import type { BlockOptions } from '../model/options.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Puts a new node on top of an existing one and moves the old node's parents to it, in one transaction. Requires that the new node has no backing child.
 *
 * @globalState
 */
export async function bdrvAppend(bsNew: BlockDriverState, bsTop: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvAppend');
  throw notBuilt('bdrvAppend');
}

/**
 * Moves all movable parents of one node to another, updating permissions transactionally.
 *
 * @globalState
 */
export async function bdrvReplaceNode(from: BlockDriverState, to: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvReplaceNode');
  throw notBuilt('bdrvReplaceNode');
}

/**
 * Makes one child edge point to another node, with both nodes drained and references handled.
 *
 * @globalState
 */
export async function bdrvReplaceChildBs(child: BdrvChild, newBs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvReplaceChildBs');
  throw notBuilt('bdrvReplaceChildBs');
}

/**
 * Creates a node from options and puts it above an existing node.
 *
 * @globalState
 */
export async function bdrvInsertNode(bs: BlockDriverState, options: BlockOptions, flags: OpenFlags): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('bdrvInsertNode');
  throw notBuilt('bdrvInsertNode');
}

/**
 * Removes a filter from a chain by moving its parents to the filtered (or COW) child.
 *
 * @globalState
 */
export async function bdrvDropFilter(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvDropFilter');
  throw notBuilt('bdrvDropFilter');
}

/**
 * Sets, replaces or clears the backing child in a transaction, then refreshes permissions.
 *
 * @globalState
 */
export async function bdrvSetBackingHd(bs: BlockDriverState, backingHd: BlockDriverState | null): Promise<void> {
  GLOBAL_STATE_CODE('bdrvSetBackingHd');
  throw notBuilt('bdrvSetBackingHd');
}

/**
 * Removes the chain part between an overlay and a base and updates the overlays' backing references.
 *
 * @globalState
 */
export async function bdrvDropIntermediate(top: BlockDriverState, base: BlockDriverState, backingFileStr: string | null): Promise<void> {
  GLOBAL_STATE_CODE('bdrvDropIntermediate');
  throw notBuilt('bdrvDropIntermediate');
}

/**
 * Checks that a named node may be replaced when a mirror completes.
 *
 * @globalState
 */
export function checkToReplaceNode(parentBs: BlockDriverState, nodeName: string): BlockDriverState {
  GLOBAL_STATE_CODE('checkToReplaceNode');
  throw notBuilt('checkToReplaceNode');
}

/**
 * Whether a node below can be swapped for one with the same data without parents noticing.
 *
 * @globalState
 */
export function bdrvRecurseCanReplace(bs: BlockDriverState, toReplace: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvRecurseCanReplace');
  throw notBuilt('bdrvRecurseCanReplace');
}
