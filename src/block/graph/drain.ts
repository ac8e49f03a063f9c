/** PLACEHOLDER. */
import type { DrainedEndCounter } from '../model/driver.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * One drained section: waits for the node's requests.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvDrain(bs: BlockDriverState): Promise<void> {
  throw notBuilt('bdrvDrain');
}

/**
 * Coroutine form of bdrv_drain.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoDrain(bs: BlockDriverState): Promise<void> {
  throw notBuilt('bdrvCoDrain');
}

/**
 * Quiesces one parent of an edge; waits when asked to poll.
 *
 * @io
 */
export async function bdrvParentDrainedBeginSingle(child: BdrvChild, poll: boolean): Promise<void> {
  throw notBuilt('bdrvParentDrainedBeginSingle');
}

/**
 * Ends that; polls the node's context until scheduled ends settle, so the graph may change meanwhile.
 *
 * @io
 */
export async function bdrvParentDrainedEndSingle(child: BdrvChild): Promise<void> {
  throw notBuilt('bdrvParentDrainedEndSingle');
}

/**
 * Whether a node (and parents, and children when recursive) still has activity; may leave out one parent, or all node parents for drain-all.
 *
 * @io
 */
export function bdrvDrainPoll(bs: BlockDriverState, recursive: boolean, ignoreParent: BdrvChild | null, ignoreBdsParents: boolean): boolean {
  throw notBuilt('bdrvDrainPoll');
}

/**
 * Starts a quiesced section of a node: no new external requests (devices, NBD, jobs), waits for running ones. Nestable.
 *
 * @io
 * @coroutineMixed
 * @drainBegin drained
 */
export async function bdrvDrainedBegin(bs: BlockDriverState): Promise<void> {
  throw notBuilt('bdrvDrainedBegin');
}

/**
 * Same without waiting for running requests.
 *
 * @io
 */
export function bdrvDoDrainedBeginQuiesce(bs: BlockDriverState, parent: BdrvChild | null, ignoreBdsParents: boolean): void {
  throw notBuilt('bdrvDoDrainedBeginQuiesce');
}

/**
 * Quiesced section of a node and all its children.
 *
 * @io
 * @coroutineMixed
 * @drainBegin subtree
 */
export async function bdrvSubtreeDrainedBegin(bs: BlockDriverState): Promise<void> {
  throw notBuilt('bdrvSubtreeDrainedBegin');
}

/**
 * Ends a quiesced section and polls until scheduled ends settle, so the graph may change; caller must be in the main loop or share the context of all nodes involved.
 *
 * @io
 * @coroutineMixed
 * @drainEnd drained
 */
export async function bdrvDrainedEnd(bs: BlockDriverState): Promise<void> {
  throw notBuilt('bdrvDrainedEnd');
}

/**
 * Ends a quiesced section without polling, so no graph change; the caller must wait until the given (atomic) counter is 0.
 *
 * @io
 */
export function bdrvDrainedEndNoPoll(bs: BlockDriverState, counter: DrainedEndCounter): void {
  throw notBuilt('bdrvDrainedEndNoPoll');
}

/**
 * Ends a subtree section.
 *
 * @io
 * @coroutineMixed
 * @drainEnd subtree
 */
export async function bdrvSubtreeDrainedEnd(bs: BlockDriverState): Promise<void> {
  throw notBuilt('bdrvSubtreeDrainedEnd');
}

/**
 * When an edge is attached: applies the new parent's subtree drains to the child.
 *
 * @io
 */
export async function bdrvApplySubtreeDrain(child: BdrvChild, newParent: BlockDriverState): Promise<void> {
  throw notBuilt('bdrvApplySubtreeDrain');
}

/**
 * When an edge is detached: takes the old parent's subtree drains off the child.
 *
 * @io
 */
export async function bdrvUnapplySubtreeDrain(child: BdrvChild, oldParent: BlockDriverState): Promise<void> {
  throw notBuilt('bdrvUnapplySubtreeDrain');
}
