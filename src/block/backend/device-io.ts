/**
 * What a device asks of its backend while it runs, and what it tells when it is asked: write cache, tray, medium, block size.
 *
 * In: a backend. Out: the answer of its node or device. May run in any thread: SCSI emulation calls it with its requests.
 */
import { emitBlockEvent } from '../events.ts';
import type { BlockBackend } from '../model/backend.ts';
import { bdrvEject, bdrvIsInserted, bdrvLockMedium } from '../open/queries.ts';

/**
 * The id of the device, else where it sits; empty without one.
 *
 * @io
 */
export function blkGetAttachedDevId(blk: BlockBackend): string {
  return blk.dev === null ? '' : blk.dev.id || blk.dev.path;
}

/**
 * Whether completed writes may still be in a cache. If not, each is flushed.
 *
 * @io
 */
export function blkEnableWriteCache(blk: BlockBackend): boolean {
  return blk.enableWriteCache;
}

/**
 * Locks or unlocks the tray of the drive behind the node.
 *
 * @io
 */
export function blkLockMedium(blk: BlockBackend, locked: boolean): void {
  const bs = blk.root?.bs;
  if (bs) bdrvLockMedium(bs, locked);
}

/**
 * Opens or closes the tray of the drive behind the node. Whether there is such a drive or not, the guest's tray has moved.
 *
 * @io
 */
export function blkEject(blk: BlockBackend, ejectFlag: boolean): void {
  const bs = blk.root?.bs;
  if (bs) bdrvEject(bs, ejectFlag);
  emitTrayMoved(blk, ejectFlag);
}

/**
 * Tells management that the tray has moved.
 *
 * @io
 */
export function emitTrayMoved(blk: BlockBackend, trayOpen: boolean): void {
  emitBlockEvent('DEVICE_TRAY_MOVED', { device: blk.name, id: blkGetAttachedDevId(blk), 'tray-open': trayOpen });
}

/**
 * Notes the block size that the guest uses.
 *
 * @io
 */
export function blkSetGuestBlockSize(blk: BlockBackend, align: number): void {
  blk.guestBlockSize = align;
}

/**
 * Whether the device has a tray.
 *
 * @io
 */
export function blkDevHasTray(blk: BlockBackend): boolean {
  return blk.devOps?.isTrayOpen !== undefined;
}

/**
 * Whether the tray of the device is open.
 *
 * @io
 */
export function blkDevIsTrayOpen(blk: BlockBackend): boolean {
  return blk.devOps?.isTrayOpen?.(blk.devOpaque) ?? false;
}

/**
 * Whether there is a node with a medium inside.
 *
 * @io
 */
export function blkIsInserted(blk: BlockBackend): boolean {
  const bs = blk.root?.bs;
  return bs ? bdrvIsInserted(bs) : false;
}

/**
 * Whether the guest can reach the medium: there is one, and the tray is closed.
 *
 * @io
 */
export function blkIsAvailable(blk: BlockBackend): boolean {
  return blkIsInserted(blk) && !blkDevIsTrayOpen(blk);
}
