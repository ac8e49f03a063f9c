/** The filter that a commit puts above the nodes it writes to: it asks for nothing, and lets everything pass that reads. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { BLK_PERM_ALL } from '../model/constants.ts';
import type { BlockDriver } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import { bdrvGetlength } from '../requests/length.ts';
import { bdrvCoPreadv } from '../requests/read.ts';

/** Not registered: nobody opens it by name. */
export const bdrvCommitTop: BlockDriver = {
  formatName: 'commit_top',
  isFilter: true,
  supportsBacking: true,

  bdrvRefreshFilename(bs) {
    GLOBAL_STATE_CODE('bdrvCommitTop.bdrvRefreshFilename');
    bs.exactFilename = bs.backing?.bs?.filename ?? '';
  },
  bdrvChildPerm: () => ({ perm: 0, shared: BLK_PERM_ALL }),
  bdrvCoPreadv(bs, offset, bytes, qiov, flags) {
    if (!bs.backing) throw blockError('ENOMEDIUM', 'The filter is not in place');
    return bdrvCoPreadv(bs.backing, offset, bytes, qiov, flags);
  },
  bdrvGetlength(bs) {
    return bs.backing?.bs ? bdrvGetlength(bs.backing.bs) : Promise.resolve(0);
  },
};
