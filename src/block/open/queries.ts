/**
 * Questions about a node that its record or its driver answers.
 *
 * In: a node. Out: the answer; asked of the filtered node where a filter does not know. Leaves to others: lengths and allocation
 * (`requests/`), names of files (`filenames.ts`).
 */
import { bdrvFilterBs } from '../graph/chain-links.ts';
import { BDRV_MAX_ALIGNMENT, BDRV_O_INACTIVE, BDRV_O_RDWR } from '../model/constants.ts';
import type { BlockDriver, BlockDriverInfo, BlockMeasureInfo, CreationOptions } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { blockDriverCanCompress } from './drivers.ts';

/**
 * Whether a node was opened for reading only.
 *
 * @io
 */
export function bdrvIsReadOnly(bs: BlockDriverState): boolean {
  return (bs.openFlags & BDRV_O_RDWR) === 0;
}

/**
 * Whether a node can be written now: opened for writing, and not inactive.
 *
 * @io
 */
export function bdrvIsWritable(bs: BlockDriverState): boolean {
  return !bdrvIsReadOnly(bs) && (bs.openFlags & BDRV_O_INACTIVE) === 0;
}

/**
 * Whether a node is a SCSI generic device.
 *
 * @io
 */
export function bdrvIsSg(bs: BlockDriverState): boolean {
  return bs.sg;
}

/**
 * Whether there is a medium in a node and in all below.
 *
 * @io
 */
export function bdrvIsInserted(bs: BlockDriverState): boolean {
  if (!bs.drv) return false;
  if (bs.drv.bdrvIsInserted) return bs.drv.bdrvIsInserted(bs);
  return bs.children.every((child) => child.bs !== null && bdrvIsInserted(child.bs));
}

/**
 * The driver's name; `null` for a node without driver.
 *
 * @io
 */
export function bdrvGetFormatName(bs: BlockDriverState): string | null {
  return bs.drv?.formatName ?? null;
}

/**
 * Whether compressed writes work on a node.
 *
 * @io
 */
export function bdrvSupportsCompressedWrites(bs: BlockDriverState): boolean {
  if (!bs.drv || !blockDriverCanCompress(bs.drv)) return false;
  const filtered = bdrvFilterBs(bs);
  return filtered === null || bdrvSupportsCompressedWrites(filtered);
}

/**
 * The node's name.
 *
 * @io
 */
export function bdrvGetNodeName(bs: BlockDriverState): string {
  return bs.nodeName;
}

/**
 * The name of the first parent that the monitor knows by one; empty where there is none.
 *
 * The edge bears it: asking the parent itself is Global State.
 *
 * @io
 */
export function bdrvGetParentName(bs: BlockDriverState): string {
  return bs.parents.find((parent) => (parent.parentName ?? '') !== '')?.parentName ?? '';
}

/**
 * The name of the backend on a node; empty where there is none.
 *
 * @io
 */
export function bdrvGetDeviceName(bs: BlockDriverState): string {
  return bdrvGetParentName(bs);
}

/**
 * The name of the backend on a node, else the node's own.
 *
 * @io
 */
export function bdrvGetDeviceOrNodeName(bs: BlockDriverState): string {
  return bdrvGetParentName(bs) || bs.nodeName;
}

/**
 * What the driver says about its image.
 *
 * @throws BlockError `ENOMEDIUM` without a driver, `ENOTSUP` where it says nothing, `EINVAL` where it can't be right
 * @io
 */
export function bdrvGetInfo(bs: BlockDriverState): BlockDriverInfo {
  if (!bs.drv) throw blockError('ENOMEDIUM', 'No medium found');
  if (!bs.drv.bdrvGetInfo) {
    const filtered = bdrvFilterBs(bs);
    if (filtered) return bdrvGetInfo(filtered);
    throw blockError('ENOTSUP', `Block driver '${bs.drv.formatName}' has no information about its images`);
  }
  const info = bs.drv.bdrvGetInfo(bs);
  if (info.clusterSize > BDRV_MAX_ALIGNMENT) throw blockError('EINVAL', `Clusters of ${info.clusterSize} bytes are too large`);
  return info;
}

/**
 * What only the format knows of its image; `null` where it tells nothing.
 *
 * @io
 */
export function bdrvGetSpecificInfo(bs: BlockDriverState): Record<string, unknown> | null {
  return bs.drv?.bdrvGetSpecificInfo?.(bs) ?? null;
}

/**
 * What only the driver counts; `null` where it tells nothing.
 *
 * @io
 */
export function bdrvGetSpecificStats(bs: BlockDriverState): Record<string, unknown> | null {
  return bs.drv?.bdrvGetSpecificStats?.(bs) ?? null;
}

/**
 * How long the file of a new image would be, for the options, or for the data of `inBs`.
 *
 * @throws BlockError `ENOTSUP` where the driver can't tell
 * @io
 * @coroutineMixed
 */
export async function bdrvMeasure(drv: BlockDriver, options: CreationOptions, inBs: BlockDriverState | null): Promise<BlockMeasureInfo> {
  if (!drv.bdrvMeasure) throw blockError('ENOTSUP', `Block driver '${drv.formatName}' does not support size measurement`);
  return drv.bdrvMeasure(options, inBs);
}

/**
 * Opens or closes the tray of a drive with removable media.
 *
 * @io
 */
export function bdrvEject(bs: BlockDriverState, ejectFlag: boolean): void {
  bs.drv?.bdrvEject?.(bs, ejectFlag);
}

/**
 * Locks or unlocks the tray of a drive with removable media.
 *
 * @io
 */
export function bdrvLockMedium(bs: BlockDriverState, locked: boolean): void {
  bs.drv?.bdrvLockMedium?.(bs, locked);
}
