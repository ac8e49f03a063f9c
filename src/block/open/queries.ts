/** PLACEHOLDER. */
import type { BlockDriver, BlockDriverInfo, BlockMeasureInfo, CreationOptions } from '../model/driver.ts';
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Node opened without BDRV_O_RDWR.
 *
 * @io
 */
export function bdrvIsReadOnly(bs: BlockDriverState): boolean {
  throw notBuilt('bdrvIsReadOnly');
}

/**
 * Node is read-write and not inactive.
 *
 * @io
 */
export function bdrvIsWritable(bs: BlockDriverState): boolean {
  throw notBuilt('bdrvIsWritable');
}

/**
 * Node is a SCSI generic device.
 *
 * @io
 */
export function bdrvIsSg(bs: BlockDriverState): boolean {
  throw notBuilt('bdrvIsSg');
}

/**
 * A medium is present in the node and its children.
 *
 * @io
 */
export function bdrvIsInserted(bs: BlockDriverState): boolean {
  throw notBuilt('bdrvIsInserted');
}

/**
 * Driver name, null for an empty node.
 *
 * @io
 */
export function bdrvGetFormatName(bs: BlockDriverState): string | null {
  throw notBuilt('bdrvGetFormatName');
}

/**
 * Driver can write compressed clusters.
 *
 * @io
 */
export function bdrvSupportsCompressedWrites(bs: BlockDriverState): boolean {
  throw notBuilt('bdrvSupportsCompressedWrites');
}

/**
 * Node name.
 *
 * @io
 */
export function bdrvGetNodeName(bs: BlockDriverState): string {
  throw notBuilt('bdrvGetNodeName');
}

/**
 * Name of the backend above a node, or empty.
 *
 * @io
 */
export function bdrvGetDeviceName(bs: BlockDriverState): string {
  throw notBuilt('bdrvGetDeviceName');
}

/**
 * Backend name, else node name.
 *
 * @io
 */
export function bdrvGetDeviceOrNodeName(bs: BlockDriverState): string {
  throw notBuilt('bdrvGetDeviceOrNodeName');
}

/**
 * Name given by the first parent that has one. Goes through the GS-classified class slot get_name: see review case.
 *
 * @io
 */
export function bdrvGetParentName(bs: BlockDriverState): string {
  throw notBuilt('bdrvGetParentName');
}

/**
 * Driver facts such as the cluster size.
 *
 * @io
 */
export function bdrvGetInfo(bs: BlockDriverState): BlockDriverInfo {
  throw notBuilt('bdrvGetInfo');
}

/**
 * Format-specific image information.
 *
 * @io
 */
export function bdrvGetSpecificInfo(bs: BlockDriverState): Record<string, unknown> | null {
  throw notBuilt('bdrvGetSpecificInfo');
}

/**
 * Driver-specific statistics.
 *
 * @io
 */
export function bdrvGetSpecificStats(bs: BlockDriverState): Record<string, unknown> | null {
  throw notBuilt('bdrvGetSpecificStats');
}

/**
 * Size a new image would need.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvMeasure(drv: BlockDriver, options: CreationOptions, inBs: BlockDriverState | null): Promise<BlockMeasureInfo> {
  throw notBuilt('bdrvMeasure');
}

/**
 * Opens or closes the tray of a removable medium. v5 gives it no assertion although the header is GS; reachable from I/O through blk_eject (SCSI).
 *
 * @io
 */
export function bdrvEject(bs: BlockDriverState, ejectFlag: boolean): void {
  throw notBuilt('bdrvEject');
}

/**
 * Locks or unlocks the tray of a removable medium. Reachable from I/O through blk_lock_medium (SCSI).
 *
 * @io
 */
export function bdrvLockMedium(bs: BlockDriverState, locked: boolean): void {
  throw notBuilt('bdrvLockMedium');
}
