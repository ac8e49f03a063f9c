/**
 * The one place that writes the lists of edges: points an edge at another node.
 *
 * In: an edge, and the node that it is to point at from now on. Out: both nodes' `parents`, the edge's `bs`, the drained sections carried
 * over, and the parent told (slots `attach` and `detach` of the edge's class, which keep the parent's `children`). All in one stretch.
 * Leaves to others: permissions, references, contexts, cycles, and draining what is in flight to the old node before.
 */
import { GLOBAL_STATE_CODE, assertGraphWritable } from '../../runtime/index.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { quiesceParent, unquiesceParent } from './drain.ts';
import { openDrainAllSections } from './node-lists.ts';

/**
 * Asserts that the lists of edges of a node may be written: for now, that the main thread runs.
 *
 * @asserts graphWritable
 * @globalState
 */
// eslint-disable-next-line @typescript-eslint/no-unused-vars -- the assertion is about this node, once it asks for more than the thread
export function assertBdrvGraphWritable(_bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('assertBdrvGraphWritable');
  // Writers also need the node drained, against readers. That part of the assertion waits until all of them do it.
  assertGraphWritable('assertBdrvGraphWritable');
}

/**
 * Points `child` at `newBs`; `null`: at nothing, so that the edge is gone.
 *
 * The parent stops before the old node is left, if the new one is quiesced more often; it goes on after the new one is reached, if it is
 * quiesced less often. So no request meets a node that must not get one.
 *
 * @globalState
 */
export function bdrvReplaceChildNoperm(child: BdrvChild, newBs: BlockDriverState | null): void {
  GLOBAL_STATE_CODE('bdrvReplaceChildNoperm');
  const oldBs = child.bs;
  if (child.frozen) throw new Error(`The edge '${child.name}' is frozen; whoever changes it has to ask first.`);
  if (oldBs === newBs) throw new Error(`The edge '${child.name}' points at its new node already.`);
  if (oldBs && newBs && oldBs.aioContext !== newBs.aioContext) throw new Error(`The nodes '${oldBs.nodeName}' and '${newBs.nodeName}' differ in context.`);
  while (sectionsOf(child, newBs) > child.parentQuiesceCounter) quiesceParent(child);
  if (oldBs) {
    child.klass.detach?.(child);
    assertBdrvGraphWritable(oldBs);
    oldBs.parents.splice(oldBs.parents.indexOf(child), 1);
  }
  child.bs = newBs;
  if (newBs) {
    assertBdrvGraphWritable(newBs);
    newBs.parents.push(child);
  }
  // Asked again: leaving the old node may have ended sections of the new one, where that is below it.
  const sections = sectionsOf(child, newBs);
  while (sections > child.parentQuiesceCounter) quiesceParent(child);
  if (newBs) child.klass.attach?.(child);
  while (sections < child.parentQuiesceCounter) unquiesceParent(child);
}

/**
 * How often the parent of `child` has to be stopped because of `bs`, before its own subtree sections come to `bs`.
 *
 * @globalState
 */
function sectionsOf(child: BdrvChild, bs: BlockDriverState | null): number {
  GLOBAL_STATE_CODE('sectionsOf');
  if (bs === null) return 0;
  return bs.quiesceCounter - (child.klass.parentIsBds === true ? openDrainAllSections.count : 0);
}
