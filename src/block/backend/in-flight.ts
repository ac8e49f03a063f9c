/**
 * Requests of a backend in flight, and waiting for them.
 *
 * In: requests that start and end, the device's own included. Out: the count; while the backend is drained, new requests wait. Leaves to
 * others: when it is drained (`child-root.ts`).
 */
import { aioWaitKick, pollWhile } from '../contexts/poll.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd } from '../graph/drain.ts';
import type { BlockBackend } from '../model/backend.ts';
import { blkBs, blkGetAioContext } from './settings.ts';

/**
 * Counts a request in.
 *
 * @io
 */
export function blkIncInFlight(blk: BlockBackend): void {
  blk.inFlight++;
}

/**
 * Counts a request out, and has everyone who waits look again.
 *
 * @io
 */
export function blkDecInFlight(blk: BlockBackend): void {
  blk.inFlight--;
  aioWaitKick();
}

/**
 * Makes a request that is counted in wait until the backend is not drained. It does not count meanwhile: the drain would wait for it.
 *
 * @io
 * @coroutine
 */
export async function blkWaitWhileDrained(blk: BlockBackend): Promise<void> {
  while (blk.quiesceCounter > 0 && !blk.disableRequestQueuing) {
    blkDecInFlight(blk);
    await blk.queuedRequests.wait();
    blkIncInFlight(blk);
  }
}

/**
 * Waits until no request of the backend is in flight.
 *
 * @io
 * @coroutineMixed
 */
export async function blkDrain(blk: BlockBackend): Promise<void> {
  const bs = blkBs(blk);
  if (bs) await bdrvDrainedBegin(bs);
  try {
    // Without a node there may still be requests that are about to fail.
    await pollWhile(blkGetAioContext(blk), () => blk.inFlight > 0);
  } finally {
    if (bs) await bdrvDrainedEnd(bs);
  }
}
