/**
 * The guest device on a backend, as management and emulation set it up.
 *
 * In: a device with its callbacks. Out: it is bound, told of media, asked for its tray. Leaves to others: what it asks while it runs
 * (`device-io.ts`), requests.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvOpBlockAll, bdrvOpIsBlocked, bdrvOpUnblock, bdrvOpUnblockAll } from '../graph/op-blockers.ts';
import type { BlockBackend, DeviceState } from '../model/backend.ts';
import type { BlockOpType } from '../model/constants.ts';
import type { BlockDevOps, BlockSizes, HDGeometry } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import type { BlockReason } from '../model/node.ts';
import { bdrvRegisterBuf, bdrvUnregisterBuf } from '../open/buffers.ts';
import { bdrvProbeBlocksizes, bdrvProbeGeometry } from '../open/limits.ts';
import { bdrvIsSg } from '../open/queries.ts';
import { blkDevIsTrayOpen, emitTrayMoved } from './device-io.ts';
import { blkIostatusReset } from './iostatus.ts';
import { blkAllNext } from './list.ts';
import { blkBs } from './settings.ts';

/**
 * Binds a device to a backend, and holds the backend for it.
 *
 * @throws BlockError `EBUSY` where it has one
 * @globalState
 */
export function blkAttachDev(blk: BlockBackend, dev: DeviceState): void {
  GLOBAL_STATE_CODE('blkAttachDev');
  if (blk.dev) throw blockError('EBUSY', `Drive '${blk.name}' is already in use by another device`);
  blk.refcnt++;
  blk.dev = dev;
  blkIostatusReset(blk);
}

/**
 * The device on a backend.
 *
 * @globalState
 */
export function blkGetAttachedDev(blk: BlockBackend): DeviceState | null {
  GLOBAL_STATE_CODE('blkGetAttachedDev');
  return blk.dev;
}

/**
 * The backend of a device.
 *
 * @globalState
 */
export function blkByDev(dev: DeviceState): BlockBackend | null {
  GLOBAL_STATE_CODE('blkByDev');
  return findBackend((blk) => blk.dev === dev);
}

/**
 * The backend of the device with that id, or at that path.
 *
 * @throws BlockError `ENODEV` where there is no such device
 * @globalState
 */
export function blkByQdevId(id: string): BlockBackend {
  GLOBAL_STATE_CODE('blkByQdevId');
  const found = id === '' ? null : findBackend((blk) => blk.dev?.id === id || blk.dev?.path === id);
  if (!found) throw blockError('ENODEV', `Device '${id}' not found`);
  return found;
}

/** @globalState */
function findBackend(matches: (blk: BlockBackend) => boolean): BlockBackend | null {
  GLOBAL_STATE_CODE('findBackend');
  for (let blk = blkAllNext(null); blk; blk = blkAllNext(blk)) if (matches(blk)) return blk;
  return null;
}

/**
 * Sets the callbacks of the device. Where the backend is drained already, the device is told so at once.
 *
 * @globalState
 */
export function blkSetDevOps(blk: BlockBackend, ops: BlockDevOps | null, opaque: unknown): void {
  GLOBAL_STATE_CODE('blkSetDevOps');
  blk.devOps = ops;
  blk.devOpaque = opaque;
  if (blk.quiesceCounter > 0) ops?.drainedBegin?.(opaque);
}

/**
 * Tells the device that a medium was loaded or taken out, and management if that moved the tray.
 *
 * @globalState
 */
export function blkDevChangeMediaCb(blk: BlockBackend, load: boolean): void {
  GLOBAL_STATE_CODE('blkDevChangeMediaCb');
  if (!blk.devOps?.changeMediaCb) return;
  const wasOpen = blkDevIsTrayOpen(blk);
  blk.devOps.changeMediaCb(blk.devOpaque, load);
  const isOpen = blkDevIsTrayOpen(blk);
  if (wasOpen !== isOpen) emitTrayMoved(blk, isOpen);
}

/**
 * Whether media can be changed: there is no device, or one that can be told.
 *
 * @globalState
 */
export function blkDevHasRemovableMedia(blk: BlockBackend): boolean {
  GLOBAL_STATE_CODE('blkDevHasRemovableMedia');
  return blk.dev === null || blk.devOps?.changeMediaCb !== undefined;
}

/**
 * Asks the device to let go of its medium; with `force` whatever the guest says.
 *
 * @globalState
 */
export function blkDevEjectRequest(blk: BlockBackend, force: boolean): void {
  GLOBAL_STATE_CODE('blkDevEjectRequest');
  blk.devOps?.ejectRequestCb?.(blk.devOpaque, force);
}

/**
 * Whether the guest has locked the medium in.
 *
 * @globalState
 */
export function blkDevIsMediumLocked(blk: BlockBackend): boolean {
  GLOBAL_STATE_CODE('blkDevIsMediumLocked');
  return blk.devOps?.isMediumLocked?.(blk.devOpaque) ?? false;
}

/**
 * Whether the node inside is a SCSI generic device.
 *
 * @globalState
 */
export function blkIsSg(blk: BlockBackend): boolean {
  GLOBAL_STATE_CODE('blkIsSg');
  const bs = blkBs(blk);
  return bs !== null && bdrvIsSg(bs);
}

/**
 * Says whether completed writes may still be in a cache.
 *
 * @globalState
 */
export function blkSetEnableWriteCache(blk: BlockBackend, wce: boolean): void {
  GLOBAL_STATE_CODE('blkSetEnableWriteCache');
  blk.enableWriteCache = wce;
}

/**
 * Why the node inside may not be used for an operation; `null` where it may, or where there is none.
 *
 * @globalState
 */
export function blkOpIsBlocked(blk: BlockBackend, op: BlockOpType): BlockReason | null {
  GLOBAL_STATE_CODE('blkOpIsBlocked');
  const bs = blkBs(blk);
  return bs && bdrvOpIsBlocked(bs, op);
}

/**
 * Takes a reason back against one operation on the node inside.
 *
 * @globalState
 */
export function blkOpUnblock(blk: BlockBackend, op: BlockOpType, reason: BlockReason): void {
  GLOBAL_STATE_CODE('blkOpUnblock');
  const bs = blkBs(blk);
  if (bs) bdrvOpUnblock(bs, op, reason);
}

/**
 * Adds a reason against all operations on the node inside.
 *
 * @globalState
 */
export function blkOpBlockAll(blk: BlockBackend, reason: BlockReason): void {
  GLOBAL_STATE_CODE('blkOpBlockAll');
  const bs = blkBs(blk);
  if (bs) bdrvOpBlockAll(bs, reason);
}

/**
 * Takes a reason back against all operations on the node inside.
 *
 * @globalState
 */
export function blkOpUnblockAll(blk: BlockBackend, reason: BlockReason): void {
  GLOBAL_STATE_CODE('blkOpUnblockAll');
  const bs = blkBs(blk);
  if (bs) bdrvOpUnblockAll(bs, reason);
}

/**
 * Block sizes of the host's device behind the node; `null` where nobody knows.
 *
 * @globalState
 */
export function blkProbeBlocksizes(blk: BlockBackend): BlockSizes | null {
  GLOBAL_STATE_CODE('blkProbeBlocksizes');
  const bs = blkBs(blk);
  return bs && bdrvProbeBlocksizes(bs);
}

/**
 * Geometry of the host's device behind the node; `null` where nobody knows.
 *
 * @globalState
 */
export function blkProbeGeometry(blk: BlockBackend): HDGeometry | null {
  GLOBAL_STATE_CODE('blkProbeGeometry');
  const bs = blkBs(blk);
  return bs && bdrvProbeGeometry(bs);
}

/**
 * Tells the drivers below of memory that requests will use.
 *
 * @globalState
 */
export function blkRegisterBuf(blk: BlockBackend, host: Uint8Array): void {
  GLOBAL_STATE_CODE('blkRegisterBuf');
  const bs = blkBs(blk);
  if (bs) bdrvRegisterBuf(bs, host);
}

/**
 * Ends that.
 *
 * @globalState
 */
export function blkUnregisterBuf(blk: BlockBackend, host: Uint8Array): void {
  GLOBAL_STATE_CODE('blkUnregisterBuf');
  const bs = blkBs(blk);
  if (bs) bdrvUnregisterBuf(bs, host);
}
