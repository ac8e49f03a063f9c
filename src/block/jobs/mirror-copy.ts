/**
 * The copying of a mirror job: finds what has to be copied, and copies it with several requests in flight.
 *
 * In: flagged chunks. Out: the target has their data. Two operations on one range never run at a time: the later waits. Leaves to others:
 * when the job is ready, and how it ends (`mirror.ts`).
 */
import { CoQueue, aioCoEnter } from '../contexts/coroutine.ts';
import { aioWaitKick } from '../contexts/poll.ts';
import { blkCoPdiscard, blkCoPwriteZeroes, blkCoPwritev } from '../backend/requests.ts';
import { bdrvFilterChild } from '../graph/chain-links.ts';
import { rangesOverlap } from '../model/arithmetic.ts';
import type { BlockBackend } from '../model/backend.ts';
import { BDRV_BLOCK_DATA, BDRV_BLOCK_ZERO, BDRV_REQ_MAY_UNMAP } from '../model/constants.ts';
import { IoVector } from '../model/io-vector.ts';
import { bdrvCanWriteZeroesWithUnmap } from '../open/limits.ts';
import { bdrvBlockStatusAbove, bdrvIsAllocatedAbove } from '../requests/block-status.ts';
import { bdrvCoPreadv } from '../requests/read.ts';
import { blockJobErrorAction } from './block-job-errors.ts';
import { blockJobRatelimitSleep } from './block-job.ts';
import type { MirrorJob, MirrorOperation } from './mirror-state.ts';
import { jobPausePoint } from './job-run.ts';
import { jobProgressUpdate } from './job-progress.ts';
import { jobIsCancelled } from './job-states.ts';

/** Copies in flight at most. */
const MAX_IN_FLIGHT = 16;
/** Bytes of one copy at most. */
const MAX_COPY = 1024 * 1024;
/** Bytes of one request for zeroes at most; they carry no data. */
const MAX_ZEROES = 1024 * 1024 * 1024;

/**
 * Waits until nobody works on the range, and takes it.
 *
 * @io
 * @coroutine
 */
export async function mirrorBegin(job: MirrorJob, offset: number, bytes: number): Promise<MirrorOperation> {
  for (let other = overlapping(job, offset, bytes); other !== undefined; other = overlapping(job, offset, bytes)) await other.waiting.wait();
  return take(job, offset, bytes);
}

/** Gives the range back. @io */
export function mirrorEnd(job: MirrorJob, operation: MirrorOperation): void {
  job.inFlight.delete(operation);
  job.bytesInFlight -= operation.bytes;
  operation.waiting.restartAll();
  job.progressed.restartAll();
  aioWaitKick();
}

/** Waits until none of the job's copies is in flight. @io @coroutine */
export async function mirrorWaitForAll(job: MirrorJob): Promise<void> {
  while (job.inFlight.size > 0) await job.progressed.wait();
}

/**
 * Flags all that the job has to copy at its start.
 *
 * @io
 * @coroutine
 */
export async function mirrorFlagAll(job: MirrorJob, length: number): Promise<void> {
  if (job.zeroTarget && !(await zeroTarget(job, length))) {
    job.dirty.set(0, length);
    return;
  }
  for (let offset = 0; offset < length; ) {
    await jobPausePoint(job);
    if (jobIsCancelled(job)) return;
    const { allocated, pnum } = await bdrvIsAllocatedAbove(job.source, job.base, false, offset, Math.min(length - offset, MAX_ZEROES));
    // The layers that count end before the source does.
    const bytes = pnum === 0 ? length - offset : pnum;
    if (allocated) job.dirty.set(offset, bytes);
    offset += bytes;
  }
}

/**
 * Begins copies while there is room, or waits for one to end.
 *
 * @io
 * @coroutine
 */
export async function mirrorCopySome(job: MirrorJob): Promise<void> {
  const part = job.inFlight.size < MAX_IN_FLIGHT && job.bytesInFlight < job.bufferSize ? job.dirty.next(Math.min(MAX_COPY, job.bufferSize)) : null;
  if (part === null) {
    if (job.inFlight.size > 0) await job.progressed.wait();
    return;
  }
  const operation = await mirrorBegin(job, part.offset, part.bytes);
  // Before the data is read: a write that comes meanwhile flags it again.
  job.dirty.clear(part.offset, part.bytes);
  void aioCoEnter(job.aioContext, () => copyPart(job, operation));
  await blockJobRatelimitSleep(job, part.bytes);
}

/**
 * Copies all that is flagged; for the end of the job, while the source is drained.
 *
 * @io
 * @coroutine
 * @throws Error the first failure that the policies do not ignore
 */
export async function mirrorCopyRest(job: MirrorJob): Promise<void> {
  await mirrorWaitForAll(job);
  for (let part = job.dirty.next(MAX_COPY); part !== null && job.failure === null; part = job.dirty.next(MAX_COPY)) {
    job.dirty.clear(part.offset, part.bytes);
    await copyPart(job, take(job, part.offset, part.bytes));
  }
  if (job.failure !== null) throw job.failure;
}

/** @io @coroutine */
async function copyPart(job: MirrorJob, operation: MirrorOperation): Promise<void> {
  const { offset, bytes } = operation;
  try {
    for (let at = offset; at < offset + bytes; ) at += await copyStretch(job, at, offset + bytes - at);
    jobProgressUpdate(job, bytes);
  } catch (error) {
    const { isRead, cause } = error instanceof CopyFailure ? error : { isRead: false, cause: error };
    const action = blockJobErrorAction(job, isRead ? job.onSourceError : job.onTargetError, isRead, cause);
    if (action === 'report') job.failure ??= cause as Error;
    // Ignored: the target keeps what it had. Stopped: the chunk is copied when the job goes on.
    if (action !== 'ignore') job.dirty.set(offset, bytes);
  } finally {
    mirrorEnd(job, operation);
  }
}

/** Which side failed. */
class CopyFailure extends Error {
  readonly isRead: boolean;

  constructor(isRead: boolean, cause: unknown) {
    super('', { cause });
    this.isRead = isRead;
  }
}

/** One kind of data: read and written, or zeroes, or nothing. Returns its length. @io @coroutine */
async function copyStretch(job: MirrorJob, offset: number, most: number): Promise<number> {
  const target = job.target as BlockBackend;
  const { flags, pnum: bytes } = await fromSource(() => bdrvBlockStatusAbove(job.source, null, offset, most));
  if ((flags & BDRV_BLOCK_ZERO) !== 0) {
    await toTarget(() => blkCoPwriteZeroes(target, offset, bytes, job.unmap ? BDRV_REQ_MAY_UNMAP : 0));
  } else if ((flags & BDRV_BLOCK_DATA) === 0) {
    await toTarget(() => blkCoPdiscard(target, offset, bytes));
  } else {
    const child = bdrvFilterChild(job.filter);
    if (child === null) throw new Error('copyStretch: the filter of the job has no source.');
    const data = IoVector.of(Buffer.allocUnsafe(bytes));
    await fromSource(() => bdrvCoPreadv(child, offset, bytes, data, 0));
    await toTarget(() => blkCoPwritev(target, offset, bytes, data, 0));
  }
  return bytes;
}

/** @io @coroutine @runs request caller wait */
async function fromSource<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw new CopyFailure(true, error);
  }
}

/** @io @coroutine @runs request caller wait */
async function toTarget(request: () => Promise<void>): Promise<void> {
  try {
    await request();
  } catch (error) {
    throw new CopyFailure(false, error);
  }
}

/** Makes the target read as zero; false where that would be slow: then zeroes are copied like data. @io @coroutine */
async function zeroTarget(job: MirrorJob, length: number): Promise<boolean> {
  if (!bdrvCanWriteZeroesWithUnmap(job.targetNode)) return false;
  for (let offset = 0; offset < length; ) {
    await jobPausePoint(job);
    if (jobIsCancelled(job)) return true;
    const bytes = Math.min(length - offset, MAX_ZEROES);
    await blkCoPwriteZeroes(job.target as BlockBackend, offset, bytes, job.unmap ? BDRV_REQ_MAY_UNMAP : 0);
    offset += bytes;
  }
  return true;
}

/** @io */
function take(job: MirrorJob, offset: number, bytes: number): MirrorOperation {
  const operation = { offset, bytes, waiting: new CoQueue() };
  job.inFlight.add(operation);
  job.bytesInFlight += bytes;
  return operation;
}

/** @io */
function overlapping(job: MirrorJob, offset: number, bytes: number): MirrorOperation | undefined {
  return [...job.inFlight].find((other) => rangesOverlap(other.offset, other.bytes, offset, bytes));
}
