/**
 * What a backend is and what its node can do, for devices and exports.
 *
 * In: a backend. Out: its name, node, limits, length; switches for how it treats requests. Leaves to others: inserting nodes (`root.ts`),
 * permissions (`root.ts`).
 */
import type { AioContext } from '../contexts/aio-context.ts';
import { alignDown } from '../model/arithmetic.ts';
import type { BlockBackend, BlockAcctStats } from '../model/backend.ts';
import { BDRV_REQUEST_MAX_BYTES, BDRV_SECTOR_SIZE, BLK_PERM_WRITE } from '../model/constants.ts';
import type { BlockDriverState } from '../model/node.ts';
import { qemuBlockalign, qemuTryBlockalign } from '../open/limits.ts';
import { noMedium } from '../requests/checks.ts';
import { bdrvGetGeometry, bdrvGetlength, bdrvNbSectors } from '../requests/length.ts';
import { bdrvIoPlug, bdrvIoUnplug } from '../requests/plug.ts';
import { blkIsAvailable } from './device-io.ts';

/** What one request of a host may have in buffers, where nobody says less. */
const HOST_MAX_IOV = 1024;

/**
 * The monitor's name; empty where it has none.
 *
 * @io
 */
export function blkName(blk: BlockBackend): string {
  return blk.name;
}

/**
 * The node; `null` while none is inserted.
 *
 * @io
 */
export function blkBs(blk: BlockBackend): BlockDriverState | null {
  return blk.root?.bs ?? null;
}

/**
 * Lets requests go above the end, as a format under construction needs it.
 *
 * @io
 */
export function blkSetAllowWriteBeyondEof(blk: BlockBackend, allow: boolean): void {
  blk.allowWriteBeyondEof = allow;
}

/**
 * Lets others move the backend to another context along with its node.
 *
 * @io
 */
export function blkSetAllowAioContextChange(blk: BlockBackend, allow: boolean): void {
  blk.allowAioContextChange = allow;
}

/**
 * Lets requests through while the backend is drained, as the owner of the drained section needs it.
 *
 * @io
 */
export function blkSetDisableRequestQueuing(blk: BlockBackend, disable: boolean): void {
  blk.disableRequestQueuing = disable;
}

/**
 * The node, if there is a medium in it and the tray is closed.
 *
 * @throws BlockError `ENOMEDIUM`
 * @io
 */
export function availableNode(blk: BlockBackend): BlockDriverState {
  const bs = blkBs(blk);
  if (!bs || !blkIsAvailable(blk)) throw noMedium();
  return bs;
}

/**
 * The length in bytes.
 *
 * @throws BlockError `ENOMEDIUM`
 * @io
 * @coroutineMixed
 */
export async function blkGetlength(blk: BlockBackend): Promise<number> {
  return bdrvGetlength(availableNode(blk));
}

/**
 * The length in sectors; 0 where it can't be told.
 *
 * @io
 * @coroutineMixed
 */
export async function blkGetGeometry(blk: BlockBackend): Promise<number> {
  const bs = blkBs(blk);
  return bs ? bdrvGetGeometry(bs) : 0;
}

/**
 * The length in sectors.
 *
 * @throws BlockError `ENOMEDIUM`
 * @io
 * @coroutineMixed
 */
export async function blkNbSectors(blk: BlockBackend): Promise<number> {
  return bdrvNbSectors(availableNode(blk));
}

/**
 * A buffer that suits the node's requests; `null` where there is no memory for it.
 *
 * @io
 */
export function blkTryBlockalign(blk: BlockBackend, size: number): Uint8Array | null {
  return qemuTryBlockalign(nodeWithMedium(blk), size);
}

/**
 * A buffer that suits the node's requests.
 *
 * @io
 */
export function blkBlockalign(blk: BlockBackend, size: number): Uint8Array {
  return qemuBlockalign(nodeWithMedium(blk), size);
}

/** @io */
function nodeWithMedium(blk: BlockBackend): BlockDriverState {
  const bs = blkBs(blk);
  if (!bs) throw noMedium();
  return bs;
}

/**
 * Whether the backend asks for the right to write.
 *
 * @io
 */
export function blkIsWritable(blk: BlockBackend): boolean {
  return (blk.perm & BLK_PERM_WRITE) !== 0;
}

/**
 * How many buffers one request can have.
 *
 * @io
 */
export function blkGetMaxIov(blk: BlockBackend): number {
  return nodeWithMedium(blk).bl.maxIov;
}

/**
 * How many buffers one request can have that goes past the host's scheduler.
 *
 * @io
 */
export function blkGetMaxHwIov(blk: BlockBackend): number {
  const { maxHwIov, maxIov } = nodeWithMedium(blk).bl;
  return Math.min(maxHwIov || HOST_MAX_IOV, maxIov || HOST_MAX_IOV);
}

/**
 * What offset and length of the node's requests are multiples of; 512 without a node.
 *
 * @io
 */
export function blkGetRequestAlignment(blk: BlockBackend): number {
  return blkBs(blk)?.bl.requestAlignment ?? BDRV_SECTOR_SIZE;
}

/** @io */
function wholeBlocks(blk: BlockBackend, bytes: number): number {
  return alignDown(Math.min(bytes || BDRV_REQUEST_MAX_BYTES, BDRV_REQUEST_MAX_BYTES), blkGetRequestAlignment(blk));
}

/**
 * How long a request should be at most. Longer ones are split.
 *
 * @io
 */
export function blkGetMaxTransfer(blk: BlockBackend): number {
  return wholeBlocks(blk, blkBs(blk)?.bl.maxTransfer ?? 0);
}

/**
 * How long a request can be that goes past the host's scheduler.
 *
 * @io
 */
export function blkGetMaxHwTransfer(blk: BlockBackend): number {
  const limits = blkBs(blk)?.bl;
  return Math.min(wholeBlocks(blk, limits?.maxHwTransfer ?? 0), wholeBlocks(blk, limits?.maxTransfer ?? 0));
}

/**
 * The context that the backend's requests run in.
 *
 * @io
 */
export function blkGetAioContext(blk: BlockBackend): AioContext {
  return blkBs(blk)?.aioContext ?? blk.context;
}

/**
 * What the backend's device did.
 *
 * @io
 */
export function blkGetStats(blk: BlockBackend): BlockAcctStats {
  return blk.stats;
}

/**
 * Lets requests gather, until {@link blkIoUnplug}.
 *
 * @io
 */
export function blkIoPlug(blk: BlockBackend): void {
  const bs = blkBs(blk);
  if (bs) bdrvIoPlug(bs);
}

/**
 * Sends off what has gathered.
 *
 * @io
 */
export function blkIoUnplug(blk: BlockBackend): void {
  const bs = blkBs(blk);
  if (bs) bdrvIoUnplug(bs);
}
