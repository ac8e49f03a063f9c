/**
 * Changes of an image that leave its data where it is: its options, its mention of a backing file, an overlay made empty.
 *
 * In: a node, what to change. Out: the driver has changed it. Leaves to others: everything a format does.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { BLK_PERM_WRITE, BLK_PERM_WRITE_UNCHANGED } from '../model/constants.ts';
import type { BlockDriver, BlockDriverAmendStatusCB } from '../model/driver.ts';
import { blockError, prefixError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { flattenOptions, type BlockOptions } from '../model/options.ts';
import { writeBackingReference } from './backing-reference.ts';

/** @throws BlockError `ENOMEDIUM` where there is no driver */
function driverOf(bs: BlockDriverState): BlockDriver {
  if (!bs.drv) throw blockError('ENOMEDIUM', `Node '${bs.nodeName}' has no medium`);
  return bs.drv;
}

/**
 * Makes an image mention another backing file, or none. The node below stays the same one.
 *
 * @param backingFmt the backing file's format; needed where `warn` says that guessing it is no good
 * @param warn whether a backing file without a format is refused
 * @throws BlockError `EINVAL` for a format without a file, or the reverse; `ENOTSUP` where the driver can't
 * @globalState
 */
export async function bdrvChangeBackingFile(bs: BlockDriverState, backingFile: string | null, backingFmt: string | null, warn: boolean): Promise<void> {
  GLOBAL_STATE_CODE('bdrvChangeBackingFile');
  if (backingFmt !== null && backingFile === null) throw blockError('EINVAL', 'A backing format makes no sense without a backing file');
  if (warn && backingFile !== null && backingFmt === null) throw blockError('EINVAL', 'Backing file specified without backing format');
  await writeBackingReference(bs, backingFile, backingFmt);
}

/**
 * Changes options of an image that it was created with.
 *
 * @param statusCb called with the progress
 * @param force also changes that may make data unreadable
 * @throws BlockError `ENOTSUP` where the driver can't
 * @globalState
 * @runs statusCb globalState
 */
export async function bdrvAmendOptions(bs: BlockDriverState, options: BlockOptions, statusCb: BlockDriverAmendStatusCB | null, force: boolean): Promise<void> {
  GLOBAL_STATE_CODE('bdrvAmendOptions');
  const drv = driverOf(bs);
  if (!drv.bdrvAmendOptions) throw blockError('ENOTSUP', `Block driver '${drv.formatName}' does not support option amendment`);
  await drv.bdrvAmendOptions(bs, flattenOptions(options), statusCb, force);
}

/**
 * Makes the overlay at the end of an edge show nothing but its backing file. The edge has to be allowed to write.
 *
 * @throws BlockError `ENOTSUP` where the driver can't, or why it failed
 * @globalState
 */
export async function bdrvMakeEmpty(child: BdrvChild): Promise<void> {
  GLOBAL_STATE_CODE('bdrvMakeEmpty');
  if (!child.bs) throw blockError('ENOMEDIUM', `There is no node at the end of '${child.name}'`);
  if ((child.perm & (BLK_PERM_WRITE | BLK_PERM_WRITE_UNCHANGED)) === 0) throw blockError('EPERM', `'${child.name}' may not be written`);
  const drv = driverOf(child.bs);
  if (!drv.bdrvMakeEmpty) throw blockError('ENOTSUP', `'${drv.formatName}' does not support emptying block device files`);
  try {
    await drv.bdrvMakeEmpty(child.bs);
  } catch (error) {
    throw prefixError(`Failed to empty ${child.bs.filename}`, error);
  }
}

/**
 * Tells the driver that nobody waits for the results of running requests: they may fail.
 *
 * @globalState
 */
export function bdrvCancelInFlight(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('bdrvCancelInFlight');
  bs.drv?.bdrvCancelInFlight?.(bs);
}
