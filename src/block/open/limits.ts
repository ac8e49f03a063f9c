/**
 * What a node asks of requests and buffers: limits, alignments, zero guarantees, geometry.
 *
 * In: a driver's wishes and the limits of the children. Out: `bs.bl`, and answers made from it. Leaves to others: cutting requests to
 * size (`requests/`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvCowChild, bdrvFilterBs } from '../graph/chain-links.ts';
import { BDRV_CHILD_COW, BDRV_CHILD_DATA, BDRV_CHILD_FILTERED, BDRV_MAX_ALIGNMENT, BDRV_O_UNMAP, BDRV_REQ_MAY_UNMAP } from '../model/constants.ts';
import type { BlockDriver, BlockSizes, HDGeometry } from '../model/driver.ts';
import { blockError, errnoOf } from '../model/errors.ts';
import type { IoVector } from '../model/io-vector.ts';
import { defaultLimits, type BlockDriverState, type BlockLimits } from '../model/node.ts';
import { tranAdd, type Transaction } from '../model/transaction.ts';

/** Memory alignment that suits a node without a medium. */
const PAGE_SIZE = 4096;

/**
 * Works out the limits of a node anew: of its children, then its driver's own. With a transaction the old ones come back if it aborts.
 *
 * @throws BlockError `EINVAL` where the driver asks for an alignment above `BDRV_MAX_ALIGNMENT`
 * @globalState
 */
export function bdrvRefreshLimits(bs: BlockDriverState, transaction: Transaction | null): void {
  GLOBAL_STATE_CODE('bdrvRefreshLimits');
  const before = bs.bl;
  if (transaction) tranAdd(transaction, { abort: () => void (bs.bl = before) });
  bs.bl = defaultLimits();
  if (!bs.drv) return;
  bs.bl.requestAlignment = hasByteReads(bs.drv) ? 1 : 512;
  const limiting = bs.children.filter((child) => (child.role & (BDRV_CHILD_DATA | BDRV_CHILD_FILTERED | BDRV_CHILD_COW)) !== 0);
  for (const child of limiting) if (child.bs) mergeLimits(bs.bl, child.bs.bl);
  bs.drv.bdrvRefreshLimits?.(bs);
  if (bs.bl.requestAlignment > BDRV_MAX_ALIGNMENT) throw blockError('EINVAL', 'Driver requires too large request alignment');
}

function hasByteReads(drv: BlockDriver): boolean {
  return drv.bdrvCoPreadv !== undefined || drv.bdrvCoPreadvPart !== undefined || drv.bdrvAioPreadv !== undefined;
}

function mergeLimits(own: BlockLimits, child: BlockLimits): void {
  own.optTransfer = Math.max(own.optTransfer, child.optTransfer);
  own.maxTransfer = smallerLimit(own.maxTransfer, child.maxTransfer);
  own.maxHwTransfer = smallerLimit(own.maxHwTransfer, child.maxHwTransfer);
  own.optMemAlignment = Math.max(own.optMemAlignment, child.optMemAlignment);
  own.minMemAlignment = Math.max(own.minMemAlignment, child.minMemAlignment);
  own.maxIov = smallerLimit(own.maxIov, child.maxIov);
  own.maxHwIov = smallerLimit(own.maxHwIov, child.maxHwIov);
}

/** The smaller of two limits, where 0 is none. */
function smallerLimit(a: number, b: number): number {
  return a === 0 || b === 0 ? Math.max(a, b) : Math.min(a, b);
}

/**
 * Yes: for drivers whose new images read as zero, whatever they are made on.
 *
 * @globalState
 */
export function bdrvHasZeroInit1(bs: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvHasZeroInit1');
  return bs.drv !== null;
}

/**
 * Whether an image that was just made reads as zero. No where it shows a backing file, or where nobody knows.
 *
 * @globalState
 */
export function bdrvHasZeroInit(bs: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvHasZeroInit');
  if (!bs.drv || bdrvCowChild(bs)) return false;
  if (bs.drv.bdrvHasZeroInit) return bs.drv.bdrvHasZeroInit(bs);
  const filtered = bdrvFilterBs(bs);
  return filtered !== null && bdrvHasZeroInit(filtered);
}

/**
 * The alignment of memory below which a driver would have to copy.
 *
 * @io
 */
export function bdrvMinMemAlign(bs: BlockDriverState): number {
  return bs.drv ? bs.bl.minMemAlignment : PAGE_SIZE;
}

/**
 * The alignment of memory that is best for a node.
 *
 * @io
 */
export function bdrvOptMemAlign(bs: BlockDriverState): number {
  return bs.drv ? bs.bl.optMemAlignment : PAGE_SIZE;
}

/**
 * Memory for requests of a node, with whatever it held before: at the start of a block of its own, no shorter than the alignment.
 *
 * @throws RangeError where there is not that much
 * @io
 */
export function qemuBlockalign(bs: BlockDriverState, size: number): Uint8Array {
  return Buffer.allocUnsafeSlow(Math.max(size, bs.bl.minMemAlignment)).subarray(0, size);
}

/**
 * The same, zeroed.
 *
 * @throws RangeError where there is not that much
 * @io
 */
export function qemuBlockalign0(bs: BlockDriverState, size: number): Uint8Array {
  return qemuBlockalign(bs, size).fill(0);
}

/**
 * Memory for requests of a node, or `null` where there is not that much.
 *
 * @io
 */
export function qemuTryBlockalign(bs: BlockDriverState, size: number): Uint8Array | null {
  try {
    return qemuBlockalign(bs, size);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/**
 * The same, zeroed.
 *
 * @io
 */
export function qemuTryBlockalign0(bs: BlockDriverState, size: number): Uint8Array | null {
  return qemuTryBlockalign(bs, size)?.fill(0) ?? null;
}

/**
 * Whether each buffer of a vector starts and ends where the node's memory alignment wants it, within the memory it is a part of.
 *
 * @io
 */
export function bdrvQiovIsAligned(bs: BlockDriverState, qiov: IoVector): boolean {
  const alignment = bdrvMinMemAlign(bs);
  return qiov.segments.every((segment) => segment.byteOffset % alignment === 0 && segment.length % alignment === 0);
}

/**
 * Whether a zero write may give space back and still read as zero.
 *
 * @io
 */
export function bdrvCanWriteZeroesWithUnmap(bs: BlockDriverState): boolean {
  return (bs.openFlags & BDRV_O_UNMAP) !== 0 && (bs.supportedZeroFlags & BDRV_REQ_MAY_UNMAP) !== 0;
}

/**
 * Block sizes of the host's device, from the driver or through filters; `null` where nobody knows.
 *
 * @globalState
 */
export function bdrvProbeBlocksizes(bs: BlockDriverState): BlockSizes | null {
  GLOBAL_STATE_CODE('bdrvProbeBlocksizes');
  const { drv } = bs;
  if (drv?.bdrvProbeBlocksizes) return nullIfUnknown(() => drv.bdrvProbeBlocksizes?.(bs) ?? null);
  const filtered = drv && bdrvFilterBs(bs);
  return filtered ? bdrvProbeBlocksizes(filtered) : null;
}

/**
 * Geometry of the host's device, from the driver or through filters; `null` where nobody knows.
 *
 * @globalState
 */
export function bdrvProbeGeometry(bs: BlockDriverState): HDGeometry | null {
  GLOBAL_STATE_CODE('bdrvProbeGeometry');
  const { drv } = bs;
  if (drv?.bdrvProbeGeometry) return nullIfUnknown(() => drv.bdrvProbeGeometry?.(bs) ?? null);
  const filtered = drv && bdrvFilterBs(bs);
  return filtered ? bdrvProbeGeometry(filtered) : null;
}

/** A driver that can't tell throws `ENOTSUP`. @globalState */
function nullIfUnknown<Answer>(ask: () => Answer): Answer | null {
  GLOBAL_STATE_CODE('nullIfUnknown');
  try {
    return ask();
  } catch (error) {
    if (errnoOf(error) === 'ENOTSUP') return null;
    throw error;
  }
}
