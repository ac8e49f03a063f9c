/**
 * What drivers ask of the nodes below them.
 *
 * In: a node. Out: its child, or a `BlockError` where there is none. Leaves to others: attaching children.
 */
import { blockError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';

/** The edge to a node's main child: `file`, or `backing` for filters that sit on a backing edge. @io */
export function childOf(bs: BlockDriverState): BdrvChild {
  const child = bs.file ?? bs.backing;
  if (child === null) throw blockError('ENOMEDIUM', `Node '${bs.nodeName}' has no file`);
  return child;
}

/** The node below {@link childOf}. @io */
export function nodeBelow(bs: BlockDriverState): BlockDriverState {
  return nodeOf(childOf(bs));
}

/** The node below an edge that is attached. @io */
export function nodeOf(child: BdrvChild): BlockDriverState {
  if (child.bs === null) throw blockError('ENOMEDIUM', `The edge '${child.name}' leads to no node`);
  return child.bs;
}
