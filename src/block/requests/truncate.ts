/**
 * Change of a node's length.
 *
 * In: an edge with the permission to resize, the new length, how the new area is to be allocated. Out: the driver's slot, the node's
 * records. Leaves to others: preallocation (the drivers).
 */
import { bdrvCowBs, bdrvFilterChild } from '../graph/chain-links.ts';
import { BDRV_REQ_ZERO_WRITE, BDRV_SECTOR_SIZE, type BdrvRequestFlags } from '../model/constants.ts';
import type { PreallocMode } from '../model/driver.ts';
import { blockError, prefixError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { bdrvIsReadOnly } from '../open/queries.ts';
import { bdrvBscInvalidateRange } from './block-status-cache.ts';
import { bdrvCheckRequest, noMedium, requestedNode } from './checks.ts';
import { bdrvGetlength, refreshTotalSectors } from './length.ts';
import { bdrvMakeRequestSerialising, runTracked } from './tracked.ts';
import { finishWriteRequest, prepareWriteRequest } from './write-request.ts';

/**
 * Makes a node `offset` bytes long.
 *
 * @param exact - whether a longer node won't do
 * @throws BlockError `ENOMEDIUM`, `EACCES` where it is read-only, `EPERM` without permission, `ENOTSUP`, or what the driver has
 * @io
 * @coroutine
 */
export async function bdrvCoTruncate(child: BdrvChild, offset: number, exact: boolean, prealloc: PreallocMode, flags: BdrvRequestFlags): Promise<void> {
  const bs = requestedNode(child);
  if (!bs.drv) throw noMedium();
  bdrvCheckRequest(offset, 0);
  const oldLength = await bdrvGetlength(bs);
  if (bdrvIsReadOnly(bs)) throw blockError('EACCES', 'Image is read-only');
  const added = Math.max(0, offset - oldLength);
  await runTracked(bs, offset - added, added, 'truncate', async (req) => {
    // What allocates the new area must not run over writes that come to it meanwhile.
    if (added > 0) await bdrvMakeRequestSerialising(req, 1);
    await prepareWriteRequest(child, req, 0);
    if (offset < oldLength) bdrvBscInvalidateRange(bs, offset, oldLength - offset);
    await resizeNode(bs, offset, exact, prealloc, flags | await flagsOfNewArea(bs, oldLength, added));
    const newLength = await lengthAfter(bs, offset);
    finishWriteRequest(req, newLength - added, added, true);
  });
}

/**
 * Where a longer backing file would show through in the new area, that has to be zeroed.
 *
 * @io
 * @coroutine
 */
async function flagsOfNewArea(bs: BlockDriverState, oldLength: number, added: number): Promise<BdrvRequestFlags> {
  const backing = bdrvCowBs(bs);
  if (added === 0 || !backing) return 0;
  try {
    return await bdrvGetlength(backing) > oldLength ? BDRV_REQ_ZERO_WRITE : 0;
  } catch (error) {
    throw prefixError('Could not get backing file size', error);
  }
}

/**
 * @io
 * @coroutine
 */
async function resizeNode(bs: BlockDriverState, offset: number, exact: boolean, prealloc: PreallocMode, flags: BdrvRequestFlags): Promise<void> {
  if (bs.drv?.bdrvCoTruncate) {
    if ((flags & ~bs.supportedTruncateFlags) !== 0) throw blockError('ENOTSUP', 'Block driver does not support requested flags');
    return bs.drv.bdrvCoTruncate(bs, offset, exact, prealloc, flags);
  }
  const filtered = bdrvFilterChild(bs);
  if (!filtered) throw blockError('ENOTSUP', 'Image format driver does not support resize');
  return bdrvCoTruncate(filtered, offset, exact, prealloc, flags);
}

/**
 * @io
 * @coroutine
 */
async function lengthAfter(bs: BlockDriverState, hint: number): Promise<number> {
  try {
    await refreshTotalSectors(bs, Math.ceil(hint / BDRV_SECTOR_SIZE));
    return bs.totalSectors * BDRV_SECTOR_SIZE;
  } catch {
    // The node has been resized, whatever it says of its length now: its records have to follow.
    return hint;
  }
}
