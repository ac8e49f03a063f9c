/**
 * Whether a request can be right at all: its range, its vector, the node's cluster around it.
 *
 * In: offsets, lengths, vectors. Out: nothing, or an error. Leaves to others: whether the node is that long (`backend/requests.ts` for
 * guests), whether the parent may do it (`write-request.ts`).
 */
import { bdrvFilterBs } from '../graph/chain-links.ts';
import { alignDown, alignUp } from '../model/arithmetic.ts';
import { BDRV_MAX_LENGTH, BDRV_REQUEST_MAX_BYTES } from '../model/constants.ts';
import type { BlockDriver } from '../model/driver.ts';
import { blockError, errnoOf, type BlockError } from '../model/errors.ts';
import type { IoVector } from '../model/io-vector.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';

/** @common */
export function noMedium(): BlockError {
  return blockError('ENOMEDIUM', 'No medium found');
}

/**
 * The node below an edge that a request is for.
 *
 * @throws BlockError `ENOMEDIUM` where there is none
 * @io
 */
export function requestedNode(child: BdrvChild): BlockDriverState {
  if (!child.bs) throw noMedium();
  return child.bs;
}

/**
 * Refuses a range that no node can have.
 *
 * @throws BlockError `EIO`
 * @common
 */
export function bdrvCheckRequest(offset: number, bytes: number): void {
  // Written so that NaN is refused too.
  if (!(offset >= 0)) throw blockError('EIO', `offset is negative: ${offset}`);
  if (!(bytes >= 0)) throw blockError('EIO', `bytes is negative: ${bytes}`);
  if (offset + bytes > BDRV_MAX_LENGTH) throw blockError('EIO', `the range ${offset}+${bytes} ends above the largest length ${BDRV_MAX_LENGTH}`);
}

/**
 * Refuses a range that no node can have, or that does not lie within the vector from `qiovOffset` on.
 *
 * @throws BlockError `EIO`
 * @common
 */
export function bdrvCheckQiovRequest(offset: number, bytes: number, qiov: IoVector | null, qiovOffset: number): void {
  bdrvCheckRequest(offset, bytes);
  if (qiov === null) return;
  if (!(qiovOffset >= 0) || qiovOffset + bytes > qiov.size) {
    throw blockError('EIO', `${bytes} bytes at ${qiovOffset} do not lie within a vector of ${qiov.size} bytes`);
  }
}

/**
 * {@link bdrvCheckQiovRequest} for requests with data, which are shorter than 2 GiB.
 *
 * @throws BlockError `EIO`
 * @common
 */
export function checkDataRequest(offset: number, bytes: number, qiov: IoVector, qiovOffset: number): void {
  bdrvCheckQiovRequest(offset, bytes, qiov, qiovOffset);
  if (bytes > BDRV_REQUEST_MAX_BYTES) throw blockError('EIO', `a request of ${bytes} bytes is longer than ${BDRV_REQUEST_MAX_BYTES}`);
}

/**
 * The size of a node's clusters; 0 where it has none.
 *
 * @io
 */
function clusterSize(bs: BlockDriverState): number {
  // Not through `bdrvGetInfo`: that answers a driver which knows nothing by throwing, and requests ask often.
  for (let node: BlockDriverState | null = bs; node; node = bdrvFilterBs(node)) {
    if (node.drv?.bdrvGetInfo) return clusterSizeBy(node.drv, node);
  }
  return 0;
}

/** A driver that passes the question on finds out only then that nobody below has an answer. @io */
function clusterSizeBy(drv: BlockDriver, node: BlockDriverState): number {
  try {
    return drv.bdrvGetInfo?.(node).clusterSize ?? 0;
  } catch (error) {
    if (errnoOf(error) === 'ENOTSUP') return 0;
    throw error;
  }
}

/**
 * What requests that change the allocation of a node are widened to: its clusters, or its alignment.
 *
 * @io
 */
export function allocationUnit(bs: BlockDriverState): number {
  return clusterSize(bs) || bs.bl.requestAlignment;
}

/**
 * Widens a range to whole clusters of a node; a node without clusters leaves it as it is.
 *
 * @io
 */
export function bdrvRoundToClusters(bs: BlockDriverState, offset: number, bytes: number): { clusterOffset: number; clusterBytes: number } {
  const size = clusterSize(bs);
  if (size === 0) return { clusterOffset: offset, clusterBytes: bytes };
  const clusterOffset = alignDown(offset, size);
  return { clusterOffset, clusterBytes: alignUp(offset + bytes, size) - clusterOffset };
}
