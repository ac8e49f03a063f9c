/**
 * A whole node made zero.
 *
 * In: an edge. Out: zero writes for all that does not read as zero yet. Leaves to others: the zero writes.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { BDRV_BLOCK_ZERO, BDRV_REQUEST_MAX_BYTES, type BdrvRequestFlags } from '../model/constants.ts';
import type { BdrvChild } from '../model/node.ts';
import { bdrvBlockStatus } from './block-status.ts';
import { requestedNode } from './checks.ts';
import { bdrvGetlength } from './length.ts';
import { bdrvPwriteZeroes } from './wrappers.ts';

/**
 * Makes the whole child read as zero, and leaves alone what does.
 *
 * @param flags - for the zero writes
 * @globalState
 */
export async function bdrvMakeZero(child: BdrvChild, flags: BdrvRequestFlags): Promise<void> {
  GLOBAL_STATE_CODE('bdrvMakeZero');
  const bs = requestedNode(child);
  const length = await bdrvGetlength(bs);
  let offset = 0;
  while (offset < length) {
    const status = await bdrvBlockStatus(bs, offset, Math.min(length - offset, BDRV_REQUEST_MAX_BYTES));
    if ((status.flags & BDRV_BLOCK_ZERO) === 0) await bdrvPwriteZeroes(child, offset, status.pnum, flags);
    offset += status.pnum;
  }
}
