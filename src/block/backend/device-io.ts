/** PLACEHOLDER. */
import type { BlockBackend } from '../model/backend.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Id or path of the bound device, empty if none. Called by blk_eject, hence reached from I/O (SCSI).
 *
 * @io
 */
export function blkGetAttachedDevId(blk: BlockBackend): string {
  throw notBuilt('blkGetAttachedDevId');
}

/**
 * Reads the write cache setting. Reached from I/O by SCSI disk emulation.
 *
 * @io
 */
export function blkEnableWriteCache(blk: BlockBackend): boolean {
  throw notBuilt('blkEnableWriteCache');
}

/**
 * Locks the tray through the node. Reached from I/O by SCSI CD emulation.
 *
 * @io
 */
export function blkLockMedium(blk: BlockBackend, locked: boolean): void {
  throw notBuilt('blkLockMedium');
}

/**
 * Moves the tray through the node and emits the tray event. Reached from I/O by SCSI CD emulation.
 *
 * @io
 */
export function blkEject(blk: BlockBackend, ejectFlag: boolean): void {
  throw notBuilt('blkEject');
}

/**
 * Stores the guest's block size. Reached from I/O by SCSI generic emulation.
 *
 * @io
 */
export function blkSetGuestBlockSize(blk: BlockBackend, align: number): void {
  throw notBuilt('blkSetGuestBlockSize');
}

/**
 * Device has a tray callback.
 *
 * @io
 */
export function blkDevHasTray(blk: BlockBackend): boolean {
  throw notBuilt('blkDevHasTray');
}

/**
 * Asks the device whether the tray is open.
 *
 * @io
 */
export function blkDevIsTrayOpen(blk: BlockBackend): boolean {
  throw notBuilt('blkDevIsTrayOpen');
}

/**
 * Medium present.
 *
 * @io
 */
export function blkIsInserted(blk: BlockBackend): boolean {
  throw notBuilt('blkIsInserted');
}

/**
 * Medium present and tray closed.
 *
 * @io
 */
export function blkIsAvailable(blk: BlockBackend): boolean {
  throw notBuilt('blkIsAvailable');
}
