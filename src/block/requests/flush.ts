/** PLACEHOLDER. */
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Coroutine: flushes a node and what is below it.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoFlush(bs: BlockDriverState): Promise<void> {
  throw notBuilt('bdrvCoFlush');
}
