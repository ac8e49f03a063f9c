/**
 * Both ends of an edge.
 *
 * In: an edge. Out: the node below, or the parent if it is a node. Leaves to others: everything else about edges (`edges.ts`).
 */
import type { BdrvChild, BlockDriverState } from '../model/node.ts';

/**
 * The node below an edge; `null` where there is no edge.
 *
 * @common
 */
export function childBs(child: BdrvChild | null): BlockDriverState | null {
  return child?.bs ?? null;
}

/**
 * The parent of an edge, if it is a node. The one place outside of the edge's class that knows what a node's edge keeps in `opaque`.
 *
 * @common
 */
export function parentNode(child: BdrvChild): BlockDriverState | null {
  return child.klass.parentIsBds === true ? (child.opaque as BlockDriverState) : null;
}
