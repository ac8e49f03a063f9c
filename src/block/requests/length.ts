/**
 * The length of a node, and what it takes on the host.
 *
 * In: a node. Out: bytes or sectors. The length is kept in the node (`totalSectors`), and asked of the driver again only where it may
 * change underneath. Leaves to others: changing it (`truncate.ts`, writes above the end).
 */
import { bdrvFilterBs } from '../graph/chain-links.ts';
import { divideUp } from '../model/arithmetic.ts';
import { BDRV_CHILD_DATA, BDRV_CHILD_FILTERED, BDRV_CHILD_METADATA, BDRV_MAX_LENGTH, BDRV_SECTOR_SIZE } from '../model/constants.ts';
import { blockError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvIsSg } from '../open/queries.ts';
import { noMedium } from './checks.ts';

/**
 * Takes a node's length from its driver, or from `hint` where the driver does not know.
 *
 * @param hint - in sectors
 * @throws BlockError `EFBIG` where it is longer than a node can be
 * @io
 * @coroutineMixed
 */
export async function refreshTotalSectors(bs: BlockDriverState, hint: number): Promise<void> {
  if (!bs.drv) throw noMedium();
  // A SCSI generic device has no length in sectors that would mean anything.
  if (bdrvIsSg(bs)) return;
  const sectors = bs.drv.bdrvGetlength ? divideUp(await bs.drv.bdrvGetlength(bs), BDRV_SECTOR_SIZE) : hint;
  if (sectors * BDRV_SECTOR_SIZE > BDRV_MAX_LENGTH) throw blockError('EFBIG', `The length of node '${bs.nodeName}' is above the largest length`);
  bs.totalSectors = sectors;
}

/**
 * The length that the node's record holds, in bytes.
 *
 * @throws BlockError `ENOMEDIUM`
 * @io
 */
export function cachedLength(bs: BlockDriverState): number {
  if (!bs.drv) throw noMedium();
  return bs.totalSectors * BDRV_SECTOR_SIZE;
}

/**
 * The length in bytes, where it is known without asking the driver; `null` where it may have changed underneath. Requests ask this before
 * `bdrvGetlength`, to do without a wait.
 *
 * @throws BlockError `ENOMEDIUM`
 * @io
 */
export function lengthIfKnown(bs: BlockDriverState): number | null {
  return bs.drv?.hasVariableLength === true ? null : cachedLength(bs);
}

/**
 * The length in sectors of 512 bytes; the last one may be there in part only.
 *
 * @throws BlockError `ENOMEDIUM`
 * @io
 * @coroutineMixed
 */
export async function bdrvNbSectors(bs: BlockDriverState): Promise<number> {
  if (!bs.drv) throw noMedium();
  if (bs.drv.hasVariableLength === true) await refreshTotalSectors(bs, bs.totalSectors);
  return bs.totalSectors;
}

/**
 * The length in bytes, rounded up to whole sectors.
 *
 * @throws BlockError `ENOMEDIUM`
 * @io
 * @coroutineMixed
 */
export async function bdrvGetlength(bs: BlockDriverState): Promise<number> {
  return await bdrvNbSectors(bs) * BDRV_SECTOR_SIZE;
}

/**
 * The length in sectors; 0 where it can't be told.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvGetGeometry(bs: BlockDriverState): Promise<number> {
  try {
    return await bdrvNbSectors(bs);
  } catch {
    return 0;
  }
}

/**
 * Bytes that a node takes on the host: of its own file, or of all nodes that store its data.
 *
 * @throws BlockError `ENOMEDIUM`, `ENOTSUP` where a protocol does not know
 * @io
 * @coroutineMixed
 */
export async function bdrvGetAllocatedFileSize(bs: BlockDriverState): Promise<number> {
  const { drv } = bs;
  if (!drv) throw noMedium();
  if (drv.bdrvGetAllocatedFileSize) return drv.bdrvGetAllocatedFileSize(bs);
  if (drv.bdrvFileOpen) throw blockError('ENOTSUP', `Block driver '${drv.formatName}' does not know how much its files take`);
  if (drv.isFilter === true) {
    const filtered = bdrvFilterBs(bs);
    return filtered ? bdrvGetAllocatedFileSize(filtered) : 0;
  }
  let sum = 0;
  for (const child of bs.children) {
    if (child.bs && (child.role & (BDRV_CHILD_DATA | BDRV_CHILD_METADATA | BDRV_CHILD_FILTERED)) !== 0) sum += await bdrvGetAllocatedFileSize(child.bs);
  }
  return sum;
}
