/**
 * The reference to a backing file that an image keeps.
 *
 * In: a node, the name and format of its new backing file. Out: the image, and the node's idea of it, say so. Leaves to others: opening
 * and attaching the backing node.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blockError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';

/**
 * Has the driver write the reference into the image. `null` or empty: there is no backing file.
 *
 * @throws BlockError `ENOTSUP` where the format keeps none
 * @globalState
 */
export async function writeBackingReference(bs: BlockDriverState, backingFile: string | null, backingFormat: string | null): Promise<void> {
  GLOBAL_STATE_CODE('writeBackingReference');
  const drv = bs.drv;
  if (!drv) throw blockError('ENOMEDIUM', `Node '${bs.nodeName}' has no medium`);
  if (!drv.bdrvChangeBackingFile) throw blockError('ENOTSUP', `Driver '${drv.formatName}' can't change its backing file`);
  await drv.bdrvChangeBackingFile(bs, backingFile, backingFormat);
  bs.backingFile = backingFile ?? '';
  bs.backingFormat = backingFormat ?? '';
  bs.autoBackingFile = bs.backingFile;
}
