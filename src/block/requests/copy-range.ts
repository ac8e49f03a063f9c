/**
 * Offloaded copies: data goes from one node to another without passing through here.
 *
 * In: two edges, two ranges. Out: the request goes down both trees, first to where the source's data is, then to where the target's goes,
 * where a driver has both ends. Leaves to others: reading and writing where that can't be done: the request fails then, with `ENOTSUP`
 * or whatever the host says.
 */
import { BDRV_REQ_ZERO_WRITE, type BdrvRequestFlags } from '../model/constants.ts';
import { blockError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { bdrvIsInserted } from '../open/queries.ts';
import { bdrvCheckRequest, noMedium, requestedNode } from './checks.ts';
import { runTracked, waitSerialisingRequests } from './tracked.ts';
import { finishWriteRequest, prepareWriteRequest } from './write-request.ts';
import { bdrvCoPwriteZeroes } from './write.ts';

/**
 * Copies a range from one child to another, if the drivers can.
 *
 * @throws BlockError `ENOTSUP` where they can't
 * @io
 * @coroutine
 */
export async function bdrvCoCopyRange(
  src: BdrvChild, srcOffset: number, dst: BdrvChild, dstOffset: number, bytes: number, readFlags: BdrvRequestFlags, writeFlags: BdrvRequestFlags,
): Promise<void> {
  await bdrvCoCopyRangeFrom(src, srcOffset, dst, dstOffset, bytes, readFlags, writeFlags);
}

/**
 * The source's side: a driver passes it on to the child that has the data, or on to the target's side.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoCopyRangeFrom(
  src: BdrvChild, srcOffset: number, dst: BdrvChild, dstOffset: number, bytes: number, readFlags: BdrvRequestFlags, writeFlags: BdrvRequestFlags,
): Promise<void> {
  if ((writeFlags & BDRV_REQ_ZERO_WRITE) !== 0) return bdrvCoPwriteZeroes(dst, dstOffset, bytes, writeFlags);
  const { from } = checkCopy(src, srcOffset, dst, dstOffset, bytes);
  await runTracked(from, srcOffset, bytes, 'read', async (req) => {
    await waitSerialisingRequests(req);
    await from.drv?.bdrvCoCopyRangeFrom?.(from, src, srcOffset, dst, dstOffset, bytes, readFlags, writeFlags);
  });
}

/**
 * The target's side: a driver passes it on to the child that gets the data, or copies.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoCopyRangeTo(
  src: BdrvChild, srcOffset: number, dst: BdrvChild, dstOffset: number, bytes: number, readFlags: BdrvRequestFlags, writeFlags: BdrvRequestFlags,
): Promise<void> {
  if ((writeFlags & BDRV_REQ_ZERO_WRITE) !== 0) return bdrvCoPwriteZeroes(dst, dstOffset, bytes, writeFlags);
  const { to } = checkCopy(src, srcOffset, dst, dstOffset, bytes);
  await runTracked(to, dstOffset, bytes, 'write', async (req) => {
    let succeeded = false;
    try {
      await prepareWriteRequest(dst, req, writeFlags);
      await to.drv?.bdrvCoCopyRangeTo?.(to, src, srcOffset, dst, dstOffset, bytes, readFlags, writeFlags);
      succeeded = true;
    } finally {
      finishWriteRequest(req, dstOffset, bytes, succeeded);
    }
  });
}

/**
 * Both nodes, if both can do their part.
 *
 * @io
 */
function checkCopy(src: BdrvChild, srcOffset: number, dst: BdrvChild, dstOffset: number, bytes: number): { from: BlockDriverState; to: BlockDriverState } {
  const from = requestedNode(src);
  const to = requestedNode(dst);
  if (!bdrvIsInserted(from) || !bdrvIsInserted(to)) throw noMedium();
  bdrvCheckRequest(srcOffset, bytes);
  bdrvCheckRequest(dstOffset, bytes);
  if (!from.drv?.bdrvCoCopyRangeFrom || !to.drv?.bdrvCoCopyRangeTo || from.encrypted || to.encrypted) throw blockError('ENOTSUP', 'These nodes have no offloaded copy');
  return { from, to };
}
