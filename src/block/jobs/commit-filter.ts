/**
 * The filter that a commit job puts above its top layer: it keeps others from asking for a consistent view of what is being committed.
 *
 * In: reads. Out: the same reads of the layer below. Leaves to others: the copying (`commit.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvFilterBs, bdrvFilterChild } from '../graph/chain-links.ts';
import { BLK_PERM_ALL } from '../model/constants.ts';
import type { BlockDriver } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvGetlength } from '../requests/length.ts';
import { bdrvCoPreadv } from '../requests/read.ts';

/** The driver of the filter. It is made by the job, never opened by a user. */
export const bdrvCommitTop: BlockDriver = {
  formatName: 'commit_top',
  isFilter: true,

  bdrvCoPreadv(bs, offset, bytes, qiov, flags) {
    const child = bdrvFilterChild(bs);
    if (child === null) throw noLayer();
    return bdrvCoPreadv(child, offset, bytes, qiov, flags);
  },

  bdrvGetlength(bs) {
    return bdrvGetlength(layerOf(bs));
  },

  bdrvRefreshFilename(bs) {
    GLOBAL_STATE_CODE('bdrvCommitTop.bdrvRefreshFilename');
    bs.exactFilename = layerOf(bs).filename;
  },

  // What the job needs it takes by its own edges.
  bdrvChildPerm: () => ({ perm: 0, shared: BLK_PERM_ALL }),
};

/** @io */
function layerOf(bs: BlockDriverState): BlockDriverState {
  const layer = bdrvFilterBs(bs);
  if (layer === null) throw noLayer();
  return layer;
}

/** @common */
function noLayer(): Error {
  return blockError('ENOMEDIUM', 'The filter of a commit job has no layer below it');
}
