/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockBackend, DeviceState } from '../model/backend.ts';
import type { BlockOpType } from '../model/constants.ts';
import type { BlockDevOps, BlockSizes, HDGeometry } from '../model/driver.ts';
import type { BlockReason } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Binds a device model; busy if one is bound.
 *
 * @globalState
 */
export function blkAttachDev(blk: BlockBackend, dev: DeviceState): void {
  GLOBAL_STATE_CODE('blkAttachDev');
  throw notBuilt('blkAttachDev');
}

/**
 * Unbinds the device model.
 *
 * @globalState
 */
export function blkDetachDev(blk: BlockBackend, dev: DeviceState): void {
  GLOBAL_STATE_CODE('blkDetachDev');
  throw notBuilt('blkDetachDev');
}

/**
 * Bound device.
 *
 * @globalState
 */
export function blkGetAttachedDev(blk: BlockBackend): DeviceState | null {
  GLOBAL_STATE_CODE('blkGetAttachedDev');
  throw notBuilt('blkGetAttachedDev');
}

/**
 * Backend of a device.
 *
 * @globalState
 */
export function blkByDev(dev: Uint8Array): BlockBackend | null {
  GLOBAL_STATE_CODE('blkByDev');
  throw notBuilt('blkByDev');
}

/**
 * Backend of a device given by id. Defined in softmmu/qdev-monitor.c.
 *
 * @globalState
 */
export function blkByQdevId(id: string): BlockBackend {
  GLOBAL_STATE_CODE('blkByQdevId');
  throw notBuilt('blkByQdevId');
}

/**
 * Sets the device callbacks.
 *
 * @globalState
 */
export function blkSetDevOps(blk: BlockBackend, ops: BlockDevOps | null, opaque: unknown): void {
  GLOBAL_STATE_CODE('blkSetDevOps');
  throw notBuilt('blkSetDevOps');
}

/**
 * Tells the device that a medium was loaded or ejected and emits tray events.
 *
 * @globalState
 */
export function blkDevChangeMediaCb(blk: BlockBackend, load: boolean): void {
  GLOBAL_STATE_CODE('blkDevChangeMediaCb');
  throw notBuilt('blkDevChangeMediaCb');
}

/**
 * No device, or a device that has a change-media callback.
 *
 * @globalState
 */
export function blkDevHasRemovableMedia(blk: BlockBackend): boolean {
  GLOBAL_STATE_CODE('blkDevHasRemovableMedia');
  throw notBuilt('blkDevHasRemovableMedia');
}

/**
 * Passes a monitor eject request on to the device.
 *
 * @globalState
 */
export function blkDevEjectRequest(blk: BlockBackend, force: boolean): void {
  GLOBAL_STATE_CODE('blkDevEjectRequest');
  throw notBuilt('blkDevEjectRequest');
}

/**
 * Asks the device whether the tray is locked.
 *
 * @globalState
 */
export function blkDevIsMediumLocked(blk: BlockBackend): boolean {
  GLOBAL_STATE_CODE('blkDevIsMediumLocked');
  throw notBuilt('blkDevIsMediumLocked');
}

/**
 * Node is SCSI generic.
 *
 * @globalState
 */
export function blkIsSg(blk: BlockBackend): boolean {
  GLOBAL_STATE_CODE('blkIsSg');
  throw notBuilt('blkIsSg');
}

/**
 * Sets the write cache setting.
 *
 * @globalState
 */
export function blkSetEnableWriteCache(blk: BlockBackend, wce: boolean): void {
  GLOBAL_STATE_CODE('blkSetEnableWriteCache');
  throw notBuilt('blkSetEnableWriteCache');
}

/**
 * Op blocker query on the root node.
 *
 * @globalState
 */
export function blkOpIsBlocked(blk: BlockBackend, op: BlockOpType): BlockReason | null {
  GLOBAL_STATE_CODE('blkOpIsBlocked');
  throw notBuilt('blkOpIsBlocked');
}

/**
 * Op unblock on the root node.
 *
 * @globalState
 */
export function blkOpUnblock(blk: BlockBackend, op: BlockOpType, reason: BlockReason): void {
  GLOBAL_STATE_CODE('blkOpUnblock');
  throw notBuilt('blkOpUnblock');
}

/**
 * Blocks all operations on the root node.
 *
 * @globalState
 */
export function blkOpBlockAll(blk: BlockBackend, reason: BlockReason): void {
  GLOBAL_STATE_CODE('blkOpBlockAll');
  throw notBuilt('blkOpBlockAll');
}

/**
 * Unblocks all operations on the root node.
 *
 * @globalState
 */
export function blkOpUnblockAll(blk: BlockBackend, reason: BlockReason): void {
  GLOBAL_STATE_CODE('blkOpUnblockAll');
  throw notBuilt('blkOpUnblockAll');
}

/**
 * Block size probe through the backend.
 *
 * @globalState
 */
export function blkProbeBlocksizes(blk: BlockBackend): BlockSizes | null {
  GLOBAL_STATE_CODE('blkProbeBlocksizes');
  throw notBuilt('blkProbeBlocksizes');
}

/**
 * Geometry probe through the backend.
 *
 * @globalState
 */
export function blkProbeGeometry(blk: BlockBackend): HDGeometry | null {
  GLOBAL_STATE_CODE('blkProbeGeometry');
  throw notBuilt('blkProbeGeometry');
}

/**
 * Buffer registration on the root node.
 *
 * @globalState
 */
export function blkRegisterBuf(blk: BlockBackend, host: Uint8Array): void {
  GLOBAL_STATE_CODE('blkRegisterBuf');
  throw notBuilt('blkRegisterBuf');
}

/**
 * Undoes it.
 *
 * @globalState
 */
export function blkUnregisterBuf(blk: BlockBackend, host: Uint8Array): void {
  GLOBAL_STATE_CODE('blkUnregisterBuf');
  throw notBuilt('blkUnregisterBuf');
}
