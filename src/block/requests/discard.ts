/**
 * Discard: a node is told that nobody needs a range any more. Advice: what can't be done is left.
 *
 * In: an edge, a range. Out: calls of the driver that keep its limits. Leaves to others: what is read there afterwards (the driver).
 */
import { alignDown, isAligned } from '../model/arithmetic.ts';
import { BDRV_O_UNMAP } from '../model/constants.ts';
import type { BlockDriver } from '../model/driver.ts';
import { blockError, errnoOf } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { bdrvIsInserted } from '../open/queries.ts';
import { bdrvBscInvalidateRange } from './block-status-cache.ts';
import { callbackRequest } from './callback-request.ts';
import { bdrvCheckRequest, noMedium, requestedNode } from './checks.ts';
import { bdrvHasReadonlyBitmaps } from './dirty-bitmap.ts';
import { runTracked } from './tracked.ts';
import { finishWriteRequest, prepareWriteRequest } from './write-request.ts';

/**
 * Discards a range; nodes that do not pass discards on, or whose driver has none, do nothing.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoPdiscard(child: BdrvChild, offset: number, bytes: number): Promise<void> {
  const bs = requestedNode(child);
  const { drv } = bs;
  if (!drv || !bdrvIsInserted(bs)) throw noMedium();
  if (bdrvHasReadonlyBitmaps(bs)) throw blockError('EPERM', `Node '${bs.nodeName}' has read-only bitmaps that a discard would have to change`);
  bdrvCheckRequest(offset, bytes);
  if ((bs.openFlags & BDRV_O_UNMAP) === 0 || bytes === 0 || (!drv.bdrvCoPdiscard && !drv.bdrvAioPdiscard)) return;
  bdrvBscInvalidateRange(bs, offset, bytes);
  await runTracked(bs, offset, bytes, 'discard', async (req) => {
    let succeeded = false;
    try {
      await prepareWriteRequest(child, req, 0);
      await discardPieces(bs, drv, offset, bytes);
      succeeded = true;
    } finally {
      finishWriteRequest(req, offset, bytes, succeeded);
    }
  });
}

/**
 * @io
 * @coroutine
 */
async function discardPieces(bs: BlockDriverState, drv: BlockDriver, offset: number, bytes: number): Promise<void> {
  let position = offset;
  while (position < offset + bytes) {
    const length = discardPiece(bs, position, offset + bytes - position);
    // A part of a block can't be discarded, and what a piece of the request does not need is no failure of the rest.
    if (isAligned(position, bs.bl.requestAlignment) && isAligned(length, bs.bl.requestAlignment)) await discardPart(bs, drv, position, length);
    position += length;
  }
}

/**
 * How much of a range one call of the driver takes: the rest of a block, the rest of a unit of discard, then whole units.
 *
 * @io
 */
function discardPiece(bs: BlockDriverState, offset: number, bytes: number): number {
  const { requestAlignment, pdiscardAlignment, maxPdiscard } = bs.bl;
  const align = Math.max(pdiscardAlignment, requestAlignment);
  for (const unit of [requestAlignment, align]) {
    const head = offset % unit;
    if (head !== 0) return Math.min(bytes, unit - head);
  }
  const whole = [align, requestAlignment].map((unit) => alignDown(bytes, unit)).find((length) => length > 0) ?? bytes;
  return maxPdiscard > 0 ? Math.min(whole, Math.max(alignDown(maxPdiscard, align), requestAlignment)) : whole;
}

/**
 * @io
 * @coroutine
 */
async function discardPart(bs: BlockDriverState, drv: BlockDriver, offset: number, bytes: number): Promise<void> {
  try {
    if (drv.bdrvCoPdiscard) await drv.bdrvCoPdiscard(bs, offset, bytes);
    else await callbackRequest((cb) => drv.bdrvAioPdiscard?.(bs, offset, bytes, cb));
  } catch (error) {
    if (errnoOf(error) !== 'ENOTSUP') throw error;
  }
}
