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
import { bdrvGetlength } from '../requests/length.ts';
import { bdrvCoPreadv } from '../requests/read.ts';

/** The driver of the filter. It is made by the job, never opened by a user. */
export const bdrvCommitTop: BlockDriver = {
  formatName: 'commit_top',
  isFilter: true,

  bdrvCoPreadv(bs, offset, bytes, qiov, flags) {
    const child = bdrvFilterChild(bs);
    if (child === null) throw blockError('ENOMEDIUM', 'The filter of a commit job has no layer below it');
    return bdrvCoPreadv(child, offset, bytes, qiov, flags);
  },

  bdrvGetlength: async (bs) => {
    const layer = bdrvFilterBs(bs);
    // Before it is put above its layer it has no length of its own.
    return layer === null ? 0 : bdrvGetlength(layer);
  },

  bdrvRefreshFilename(bs) {
    GLOBAL_STATE_CODE('bdrvCommitTop.bdrvRefreshFilename');
    const layer = bdrvFilterBs(bs);
    if (layer) bs.exactFilename = layer.filename;
  },

  // What the job needs it takes by its own edges.
  bdrvChildPerm: () => ({ perm: 0, shared: BLK_PERM_ALL }),
};

