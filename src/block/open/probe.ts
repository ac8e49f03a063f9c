/**
 * Guessing the format of an image by its first bytes.
 *
 * In: the node of its file. Out: a driver; `raw` for what is empty or has no bytes to look at. Leaves to others: the drivers' own tests.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvRootAttachChild } from '../graph/edges.ts';
import { bdrvRef, bdrvRootUnrefChild } from '../graph/nodes.ts';
import { BDRV_CHILD_FILTERED, BDRV_CHILD_PRIMARY, BLK_PERM_ALL, BLOCK_PROBE_BUF_SIZE } from '../model/constants.ts';
import type { BdrvChildClass, BlockDriver } from '../model/driver.ts';
import { blockError, prefixError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { bdrvGetlength } from '../requests/length.ts';
import { bdrvPread } from '../requests/wrappers.ts';
import { bdrvFindFormat, bdrvProbeAll } from './drivers.ts';
import { bdrvIsInserted, bdrvIsSg } from './queries.ts';

/** The prober as a parent: it asks for nothing, not even for a consistent view, and is gone before anything else happens. */
const childOfProber: BdrvChildClass = { stayAtNode: true };

/**
 * The driver for an image whose file is `file`.
 *
 * @throws BlockError `ENOENT` where no driver knows it, or why it can't be read
 * @globalState
 */
export async function findImageFormat(file: BlockDriverState): Promise<BlockDriver> {
  GLOBAL_STATE_CODE('findImageFormat');
  const drv = bdrvIsSg(file) || !bdrvIsInserted(file) || (await bdrvGetlength(file)) === 0 ? bdrvFindFormat('raw') : bdrvProbeAll(await firstBytes(file), file.filename);
  if (!drv) throw blockError('ENOENT', 'Could not determine image format: No compatible driver found');
  return drv;
}

/** @globalState */
async function firstBytes(file: BlockDriverState): Promise<Uint8Array> {
  GLOBAL_STATE_CODE('firstBytes');
  bdrvRef(file);
  const edge: BdrvChild = await bdrvRootAttachChild(file, 'probe', childOfProber, BDRV_CHILD_FILTERED | BDRV_CHILD_PRIMARY, 0, BLK_PERM_ALL, null);
  try {
    const buffer = new Uint8Array(BLOCK_PROBE_BUF_SIZE);
    await bdrvPread(edge, 0, buffer);
    return buffer;
  } catch (error) {
    throw prefixError('Could not read image for determining its format', error);
  } finally {
    await bdrvRootUnrefChild(edge);
  }
}
