/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BdrvRequestFlags } from '../model/constants.ts';
import type { BdrvChild } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Makes the whole child read as zeroes; works through the image in pieces.
 *
 * @globalState
 */
export async function bdrvMakeZero(child: BdrvChild, flags: BdrvRequestFlags): Promise<void> {
  GLOBAL_STATE_CODE('bdrvMakeZero');
  throw notBuilt('bdrvMakeZero');
}
