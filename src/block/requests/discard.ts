/** PLACEHOLDER. */
import type { BdrvChild } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Discards a range through a child. Coroutine by name and by its wrapper; the header lacks the marker.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoPdiscard(child: BdrvChild, offset: number, bytes: number): Promise<void> {
  throw notBuilt('bdrvCoPdiscard');
}
