/** PLACEHOLDER. */
import type { BdrvRequestFlags } from '../model/constants.ts';
import type { PreallocMode } from '../model/driver.ts';
import type { BdrvChild } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Coroutine: resizes through a child; needs RESIZE.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoTruncate(child: BdrvChild, offset: number, exact: boolean, prealloc: PreallocMode, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('bdrvCoTruncate');
}
