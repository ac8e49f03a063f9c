/** Makes the source of a command show one of its internal snapshots. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvSnapshotLoadTmp, bdrvSnapshotLoadTmpByIdOrName } from '../snapshot/snapshot.ts';
import { ImgFailure, messageOf } from './failure.ts';
import { parseOptionList } from './options.ts';

/**
 * Loads a snapshot that is given as `snapshot.id=ID,snapshot.name=NAME`, or as one word that is either.
 *
 * @throws ImgFailure where there is no such snapshot
 * @globalState
 */
export async function loadSnapshot(bs: BlockDriverState, text: string): Promise<void> {
  GLOBAL_STATE_CODE('loadSnapshot');
  try {
    if (!text.startsWith('snapshot.')) {
      await bdrvSnapshotLoadTmpByIdOrName(bs, text);
      return;
    }
    const { 'snapshot.id': id, 'snapshot.name': name } = parseOptionList(text);
    await bdrvSnapshotLoadTmp(bs, typeof id === 'string' ? id : null, typeof name === 'string' ? name : null);
  } catch (error) {
    throw new ImgFailure(`Failed to load snapshot: ${messageOf(error)}`);
  }
}
