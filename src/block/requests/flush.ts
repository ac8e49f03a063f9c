/**
 * Flush: what was written before is on the disk after.
 *
 * In: a node. Out: the driver's caches go to the node below, the host's to the disk, then the same for the nodes below that are written
 * to. Leaves to others: when to flush.
 *
 * One flush at a time runs on a node; others queue. Writes are counted (`writeGen`): a flush that comes to its turn after another has made
 * all stable that was written before it was asked for (`flushedGen`) asks the disk for nothing, so that of many in the queue one does the work.
 */
import { bdrvPrimaryChild } from '../graph/chain-links.ts';
import { bdrvDecInFlight, bdrvIncInFlight } from '../graph/in-flight.ts';
import { BDRV_O_NO_FLUSH, BLK_PERM_WRITE, BLK_PERM_WRITE_UNCHANGED } from '../model/constants.ts';
import type { BlockDriver } from '../model/driver.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { bdrvDebugEvent } from '../open/debug.ts';
import { bdrvIsInserted, bdrvIsReadOnly, bdrvIsSg } from '../open/queries.ts';
import { callbackRequest } from './callback-request.ts';

/**
 * Flushes a node and what is below it. A node without medium, or opened for reading only, has nothing to flush.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoFlush(bs: BlockDriverState): Promise<void> {
  if (!bdrvIsInserted(bs) || bdrvIsReadOnly(bs) || bdrvIsSg(bs)) return;
  bdrvIncInFlight(bs);
  try {
    const wanted = bs.writeGen;
    while (bs.activeFlushReq) await bs.flushQueue.wait();
    // Set until this flush has really ended: a second one must not take for flushed what is still on its way.
    bs.activeFlushReq = true;
    try {
      await flushNode(bs, wanted);
    } finally {
      bs.activeFlushReq = false;
      bs.flushQueue.next();
    }
  } finally {
    bdrvDecInFlight(bs);
  }
}

/**
 * Flushes a node whose turn it is.
 *
 * @param wanted - the count of writes that have to be stable afterwards; those that came since then are as well
 * @io
 * @coroutine
 */
async function flushNode(bs: BlockDriverState, wanted: number): Promise<void> {
  const { drv, writeGen } = bs;
  if (!drv) return;
  const isFlushed = bs.flushedGen >= wanted;
  if (drv.bdrvCoFlush) await drv.bdrvCoFlush(bs);
  else await flushInSteps(bs, drv, isFlushed);
  if (!isFlushed) bs.flushedGen = writeGen;
}

/**
 * @io
 * @coroutine
 */
async function flushInSteps(bs: BlockDriverState, drv: BlockDriver, isFlushed: boolean): Promise<void> {
  const primary = bdrvPrimaryChild(bs);
  if (drv.bdrvCoFlushToOs) {
    if (primary?.bs) await bdrvDebugEvent(primary.bs, 'flush_to_os');
    await drv.bdrvCoFlushToOs(bs);
  }
  if ((bs.openFlags & BDRV_O_NO_FLUSH) === 0 && !isFlushed) {
    if (primary?.bs) await bdrvDebugEvent(primary.bs, 'flush_to_disk');
    await flushToDisk(bs, drv);
  }
  await flushChildren(bs.children.filter(isWritten));
}

/**
 * @io
 * @coroutine
 */
async function flushToDisk(bs: BlockDriverState, drv: BlockDriver): Promise<void> {
  if (drv.bdrvCoFlushToDisk) await drv.bdrvCoFlushToDisk(bs);
  else if (drv.bdrvAioFlush) await callbackRequest((cb) => drv.bdrvAioFlush?.(bs, cb));
  // A driver without either relies on the nodes below, or works without cache.
}

/** @io */
function isWritten(child: BdrvChild): boolean {
  return (child.perm & (BLK_PERM_WRITE | BLK_PERM_WRITE_UNCHANGED)) !== 0;
}

/**
 * Flushes all, even after one has failed; the first failure counts.
 *
 * @io
 * @coroutine
 */
async function flushChildren(children: readonly BdrvChild[]): Promise<void> {
  const failures: unknown[] = [];
  for (const { bs } of children) {
    try {
      if (bs) await bdrvCoFlush(bs);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
