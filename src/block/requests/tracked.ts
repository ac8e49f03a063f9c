/**
 * Requests in flight on a node, and the order among those that must not overlap.
 *
 * In: requests that begin and end. Out: a serialising request waits for all that overlap it, and everything that overlaps it waits for
 * it. Leaves to others: which requests are serialising (`write.ts`: read-modify-write; `read.ts`: copy on read; `truncate.ts`).
 *
 * A request that waits does not count for others: the one it waits for would otherwise wait for it in turn.
 *
 *     A writes 0..512 (serialising), B writes 256..768 (serialising): B waits for A, and A never for B, which waits.
 */
import { CoQueue } from '../contexts/coroutine.ts';
import { qemuCoroutineSelf } from '../contexts/execution.ts';
import { bdrvDecInFlight, bdrvIncInFlight } from '../graph/in-flight.ts';
import { alignDown, alignUp, rangesOverlap } from '../model/arithmetic.ts';
import type { BdrvTrackedRequest, BlockDriverState, TrackedRequestType } from '../model/node.ts';

/**
 * Makes a request known to others. Ends with {@link trackedRequestEnd}.
 *
 * @io
 */
function trackedRequestBegin(bs: BlockDriverState, offset: number, bytes: number, type: TrackedRequestType): BdrvTrackedRequest {
  const req: BdrvTrackedRequest = {
    bs, offset, bytes, type, serialising: false, overlapOffset: offset, overlapBytes: bytes, coroutine: qemuCoroutineSelf(), waitQueue: new CoQueue(), waitingFor: null,
  };
  bs.trackedRequests.push(req);
  return req;
}

/**
 * Ends a request, and lets those go on that wait for it.
 *
 * @io
 */
function trackedRequestEnd(req: BdrvTrackedRequest): void {
  const { trackedRequests } = req.bs;
  if (req.serialising) req.bs.serialisingInFlight--;
  trackedRequests.splice(trackedRequests.lastIndexOf(req), 1);
  req.waitQueue.restartAll();
}

/**
 * Runs `section` as a request in flight.
 *
 * @io
 * @coroutine
 * @runs section coroutine
 */
export async function runTracked(bs: BlockDriverState, offset: number, bytes: number, type: TrackedRequestType, section: (req: BdrvTrackedRequest) => Promise<void>): Promise<void> {
  bdrvIncInFlight(bs);
  const req = trackedRequestBegin(bs, offset, bytes, type);
  try {
    await section(req);
  } finally {
    trackedRequestEnd(req);
    bdrvDecInFlight(bs);
  }
}

/**
 * The first request that `self` would have to wait for.
 *
 * @io
 */
export function conflictingRequest(self: BdrvTrackedRequest): BdrvTrackedRequest | null {
  if (self.bs.serialisingInFlight === 0) return null;
  return self.bs.trackedRequests.find((other) => other !== self && (other.serialising || self.serialising) && other.waitingFor === null
    && rangesOverlap(other.overlapOffset, other.overlapBytes, self.overlapOffset, self.overlapBytes)) ?? null;
}

/**
 * Waits until no request conflicts with `self`.
 *
 * @returns whether it had to wait
 * @io
 * @coroutine
 */
export async function waitSerialisingRequests(self: BdrvTrackedRequest): Promise<boolean> {
  let waited = false;
  for (let other = conflictingRequest(self); other; other = conflictingRequest(self)) {
    self.waitingFor = other;
    await other.waitQueue.wait();
    self.waitingFor = null;
    waited = true;
  }
  return waited;
}

/**
 * Makes a request serialising, and its range whole multiples of `align`. Does not wait yet.
 *
 * @io
 */
export function setSerialising(req: BdrvTrackedRequest, align: number): void {
  const start = Math.min(req.overlapOffset, alignDown(req.offset, align));
  const end = Math.max(req.overlapOffset + req.overlapBytes, alignUp(req.offset + req.bytes, align));
  if (!req.serialising) req.bs.serialisingInFlight++;
  req.serialising = true;
  req.overlapOffset = start;
  req.overlapBytes = end - start;
}

/**
 * Makes a request serialising, its range whole multiples of `align`, and waits until nothing overlaps it.
 *
 * @returns whether it had to wait
 * @io
 * @coroutine
 */
export async function bdrvMakeRequestSerialising(req: BdrvTrackedRequest, align: number): Promise<boolean> {
  setSerialising(req, align);
  return waitSerialisingRequests(req);
}

/**
 * The request on `bs` that the running coroutine does; the last one it began, if there are more.
 *
 * @io
 */
export function bdrvCoGetSelfRequest(bs: BlockDriverState): BdrvTrackedRequest | null {
  const self = qemuCoroutineSelf();
  return bs.trackedRequests.findLast((req) => req.coroutine === self) ?? null;
}
