/**
 * What every request that changes a node has around it: the permission and the order before, the node's records after.
 *
 * In: a tracked request and the edge it came by. Out: write generation, length, highest write, dirty bitmaps, the write threshold.
 * Leaves to others: the change itself (`write.ts`, `discard.ts`, `truncate.ts`, `copy-range.ts`).
 */
import {
  BDRV_REQ_NO_WAIT, BDRV_REQ_SERIALISING, BDRV_REQ_WRITE_UNCHANGED, BDRV_SECTOR_SIZE, BLK_PERM_RESIZE, BLK_PERM_WRITE, BLK_PERM_WRITE_UNCHANGED, type BdrvRequestFlags,
} from '../model/constants.ts';
import { alignUp, divideUp } from '../model/arithmetic.ts';
import { blockError } from '../model/errors.ts';
import type { BdrvChild, BdrvTrackedRequest, BlockDriverState } from '../model/node.ts';
import { bdrvIsReadOnly, bdrvIsWritable } from '../open/queries.ts';
import { allocationUnit } from './checks.ts';
import { bdrvDirtyBitmapTruncate, bdrvSetDirty } from './dirty-bitmap.ts';
import { cachedLength } from './length.ts';
import { conflictingRequest, setSerialising, waitSerialisingRequests } from './tracked.ts';
import { writeThresholdCheckWrite } from './write-threshold.ts';

/**
 * Waits for the requests that this one may not overlap, and checks what the edge allows.
 *
 * @throws BlockError `EPERM` where the node or the edge does not allow it, `EBUSY` where it would wait and must not
 * @io
 * @coroutine
 */
export async function prepareWriteRequest(child: BdrvChild, req: BdrvTrackedRequest, flags: BdrvRequestFlags): Promise<void> {
  const { bs } = req;
  if (bdrvIsReadOnly(bs)) throw blockError('EPERM', `Node '${bs.nodeName}' is read-only`);
  if (!bdrvIsWritable(bs)) throw blockError('EPERM', `Node '${bs.nodeName}' is inactive`);
  if ((flags & BDRV_REQ_SERIALISING) !== 0) {
    setSerialising(req, allocationUnit(bs));
    if ((flags & BDRV_REQ_NO_WAIT) !== 0 && conflictingRequest(req)) throw blockError('EBUSY', `Node '${bs.nodeName}' is busy there`);
  }
  if (bs.serialisingInFlight > 0) await waitSerialisingRequests(req);
  checkPermission(child, req, flags);
  if (req.type !== 'truncate') writeThresholdCheckWrite(bs, req.offset, req.bytes);
}

/** @io */
function checkPermission(child: BdrvChild, req: BdrvTrackedRequest, flags: BdrvRequestFlags): void {
  // The block in which the node ends may be written as a whole.
  const growsNode = req.type !== 'discard' && req.offset + req.bytes > alignUp(cachedLength(req.bs), req.bs.bl.requestAlignment);
  if ((req.type === 'truncate' || growsNode) && (child.perm & BLK_PERM_RESIZE) === 0) throw notPermitted(child, req, 'resize');
  if (req.type === 'truncate') return;
  const enough = (flags & BDRV_REQ_WRITE_UNCHANGED) !== 0 ? BLK_PERM_WRITE | BLK_PERM_WRITE_UNCHANGED : BLK_PERM_WRITE;
  if ((child.perm & enough) === 0) throw notPermitted(child, req, 'write');
}

/** @common */
function notPermitted(child: BdrvChild, req: BdrvTrackedRequest, permission: string): Error {
  return blockError('EPERM', `The edge '${child.name}' to node '${req.bs.nodeName}' does not have the permission '${permission}'`);
}

/**
 * Records a change that was tried. A failed one counts as well: parts of it may have been written.
 *
 * @io
 */
export function finishWriteRequest(req: BdrvTrackedRequest, offset: number, bytes: number, succeeded: boolean): void {
  const { bs } = req;
  const endSector = divideUp(offset + bytes, BDRV_SECTOR_SIZE);
  bs.writeGen++;
  if (succeeded && (req.type === 'truncate' || (endSector > bs.totalSectors && req.type !== 'discard'))) {
    bs.totalSectors = endSector;
    for (const parent of bs.parents) parent.klass.resize?.(parent);
    bdrvDirtyBitmapTruncate(bs, endSector * BDRV_SECTOR_SIZE);
  }
  if (req.bytes === 0) return;
  if (req.type === 'write') raiseHighestOffset(bs, offset + bytes);
  if (req.type === 'write' || req.type === 'discard') bdrvSetDirty(bs, offset, bytes);
}

/** @io */
function raiseHighestOffset(bs: BlockDriverState, end: number): void {
  bs.wrHighestOffset = Math.max(bs.wrHighestOffset, end);
}
