/**
 * Creation for protocols that can only open what exists already: the target is opened, set to its size and wiped at its start.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkNewOpen } from '../backend/open.ts';
import { blkUnref } from '../backend/registry.ts';
import { blkRoot } from '../backend/root.ts';
import { blkGetlength } from '../backend/settings.ts';
import { BDRV_O_RDWR, BDRV_O_RESIZE, BDRV_SECTOR_SIZE } from '../model/constants.ts';
import type { BlockBackend } from '../model/backend.ts';
import type { BlockDriver, CreationOptions } from '../model/driver.ts';
import { blockError, errnoOf, prefixError } from '../model/errors.ts';
import { OptionBag } from '../model/options.ts';
import { bdrvCoTruncate } from '../requests/truncate.ts';
import { bdrvCoPwriteZeroes } from '../requests/write.ts';

/**
 * The slot `bdrvCoCreateOpts` of such protocols.
 *
 * @throws BlockError `ENOTSUP` for any preallocation, `EINVAL` where the target is too small and can't grow, or why it can't be opened
 * @globalState
 * @coroutine
 */
export async function bdrvCoCreateOptsSimple(drv: BlockDriver, filename: string, opts: CreationOptions): Promise<void> {
  GLOBAL_STATE_CODE('bdrvCoCreateOptsSimple');
  const bag = new OptionBag({ ...opts });
  const size = bag.takeSize('size') ?? 0;
  const preallocation = bag.takeString('preallocation') ?? 'off';
  if (preallocation !== 'off') throw blockError('ENOTSUP', `Unsupported preallocation mode '${preallocation}'`);
  const blk = await openTarget(drv, filename);
  try {
    await setSize(blk, size);
    const length = await blkGetlength(blk);
    const root = blkRoot(blk);
    if (root && length > 0) await bdrvCoPwriteZeroes(root, 0, Math.min(length, BDRV_SECTOR_SIZE), 0);
  } finally {
    await blkUnref(blk);
  }
}

/** @globalState */
async function openTarget(drv: BlockDriver, filename: string): Promise<BlockBackend> {
  GLOBAL_STATE_CODE('openTarget');
  try {
    return await blkNewOpen(filename, null, { driver: drv.formatName }, BDRV_O_RDWR | BDRV_O_RESIZE);
  } catch (error) {
    throw prefixError(
      `Protocol driver '${drv.formatName}' does not support creating new images, so an existing image must be selected as the target; `
      + 'however, opening the given target as an existing image failed', error,
    );
  }
}

/** A target of a fixed length will do, if it is long enough. @globalState @coroutine */
async function setSize(blk: BlockBackend, size: number): Promise<void> {
  GLOBAL_STATE_CODE('setSize');
  const root = blkRoot(blk);
  if (!root) return;
  try {
    await bdrvCoTruncate(root, size, false, 'off', 0);
  } catch (error) {
    if (errnoOf(error) !== 'ENOTSUP') throw error;
    const length = await blkGetlength(blk);
    if (length < size) throw blockError('EINVAL', `Image is ${length} bytes long and can't grow to ${size} bytes`);
  }
}
