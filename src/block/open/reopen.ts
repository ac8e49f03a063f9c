/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockReopenQueue } from '../model/driver.ts';
import type { BlockDriverState } from '../model/node.ts';
import type { BlockOptions } from '../model/options.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Adds a node (and the children that inherit from it) to a reopen queue. The node must be drained.
 *
 * @globalState
 */
export async function bdrvReopenQueue(queue: BlockReopenQueue | null, bs: BlockDriverState, options: BlockOptions | null, keepOldOpts: boolean): Promise<BlockReopenQueue> {
  GLOBAL_STATE_CODE('bdrvReopenQueue');
  throw notBuilt('bdrvReopenQueue');
}

/**
 * Frees a queue and the entries' option dictionaries.
 *
 * @globalState
 */
export function bdrvReopenQueueFree(bsQueue: BlockReopenQueue): void {
  GLOBAL_STATE_CODE('bdrvReopenQueueFree');
  throw notBuilt('bdrvReopenQueueFree');
}

/**
 * Runs the reopen transaction over a queue: prepare all, then commit all or abort all. v5 adds its assertion only in patch 22; it also demands that the current context is the main one.
 *
 * @globalState
 */
export async function bdrvReopenMultiple(bsQueue: BlockReopenQueue): Promise<void> {
  GLOBAL_STATE_CODE('bdrvReopenMultiple');
  throw notBuilt('bdrvReopenMultiple');
}

/**
 * Reopens one node: drains its subtree, queues it and runs bdrv_reopen_multiple, dropping and retaking the node's context lock.
 *
 * @globalState
 */
export async function bdrvReopen(bs: BlockDriverState, options: BlockOptions, keepOldOpts: boolean): Promise<void> {
  GLOBAL_STATE_CODE('bdrvReopen');
  throw notBuilt('bdrvReopen');
}

/**
 * Reopens one node with only the read-only option changed.
 *
 * @globalState
 */
export async function bdrvReopenSetReadOnly(bs: BlockDriverState, readOnly: boolean): Promise<void> {
  GLOBAL_STATE_CODE('bdrvReopenSetReadOnly');
  throw notBuilt('bdrvReopenSetReadOnly');
}
