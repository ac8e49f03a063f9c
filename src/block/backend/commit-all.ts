/** The monitor's `commit all`. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvCowChild, bdrvSkipFilters } from '../graph/chain-links.ts';
import { bdrvCommit } from '../open/commit.ts';
import { blkIsInserted } from './device-io.ts';
import { blkAllNext } from './list.ts';
import { blkBs } from './settings.ts';

/**
 * Commits the overlay of each backend that has one into its backing file. The first failure ends it.
 *
 * @throws BlockError
 * @globalState
 */
export async function blkCommitAll(): Promise<void> {
  GLOBAL_STATE_CODE('blkCommitAll');
  for (let blk = blkAllNext(null); blk; blk = blkAllNext(blk)) {
    const bs = bdrvSkipFilters(blkBs(blk));
    if (bs && blkIsInserted(blk) && bdrvCowChild(bs)) await bdrvCommit(bs);
  }
}
