/** PLACEHOLDER. */
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Counts up the copy-on-read users of a node (atomic).
 *
 * @io
 */
export function bdrvEnableCopyOnRead(bs: BlockDriverState): void {
  throw notBuilt('bdrvEnableCopyOnRead');
}

/**
 * Counts down the copy-on-read users (atomic).
 *
 * @io
 */
export function bdrvDisableCopyOnRead(bs: BlockDriverState): void {
  throw notBuilt('bdrvDisableCopyOnRead');
}
