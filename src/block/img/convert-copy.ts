/**
 * Copies the data of images into another one, by several coroutines.
 *
 * In: sources one after the other, a target, what is to be kept. Out: the target shows the same data; what reads as zero is not written
 * where that can be spared. Leaves to others: opening, creating, options (`convert.ts`).
 *
 * Each worker takes the next chunk, reads it, and, unless order does not matter, waits until all chunks before it are written. A chunk of
 * data is looked through for zeroes, in granules: `DD0D` with a granule as least hole becomes write, zero, write.
 */
import { CoMutex, CoQueue } from '../contexts/coroutine.ts';
import { blkBs } from '../backend/settings.ts';
import { blkCoCopyRange, blkCoPreadv, blkCoPwriteZeroes, blkCoPwritev } from '../backend/requests.ts';
import { bdrvCowBs, bdrvSkipFilters } from '../graph/chain-links.ts';
import { alignDown, alignUp } from '../model/arithmetic.ts';
import type { BlockBackend } from '../model/backend.ts';
import { BDRV_BLOCK_DATA, BDRV_BLOCK_ZERO, BDRV_REQ_MAY_UNMAP, BDRV_REQ_WRITE_COMPRESSED, BDRV_REQUEST_MAX_BYTES } from '../model/constants.ts';
import { IoVector, isZero } from '../model/io-vector.ts';
import { bdrvBlockStatusAbove } from '../requests/block-status.ts';
import { messageOf } from './failure.ts';

/** A source, and where its data lies in the target. */
export interface CopySource {
  readonly name: string;
  readonly blk: BlockBackend;
  readonly start: number;
  readonly length: number;
}

/** What is copied, and how. Bytes. */
export interface CopyPlan {
  readonly sources: readonly CopySource[];
  readonly total: number;
  readonly target: BlockBackend;
  /** What the source's top layer has not is left to the target's backing file. */
  readonly targetHasBacking: boolean;
  /** Length of that backing file. */
  readonly targetBackingLength: number;
  /** What is not written reads as zero. */
  readonly hasZeroInit: boolean;
  /** Least run of zeroes that is not written as data; 0: all is written. */
  readonly minSparse: number;
  /** Runs of zeroes begin and end at multiples of it. */
  readonly granule: number;
  readonly compressed: boolean;
  /** Unit of compressed writes. */
  readonly clusterSize: number;
  readonly bufferSize: number;
  readonly inOrder: boolean;
  readonly copyRange: boolean;
  /** Unreadable data becomes zeroes; told of each. */
  readonly salvage: ((message: string) => void) | null;
  readonly workers: number;
  readonly showProgress: (done: number, total: number) => void;
}

type Kind = 'data' | 'zero' | 'backing';

interface Chunk {
  readonly offset: number;
  readonly bytes: number;
  readonly kind: Kind;
}

interface Copy {
  readonly plan: CopyPlan;
  readonly lock: CoMutex;
  readonly turns: CoQueue;
  next: number;
  /** The stretch of one kind that was found last. */
  known: { kind: Kind; end: number };
  written: number;
  copyRange: boolean;
  failure: Error | null;
}

/**
 * Copies.
 *
 * @throws BlockError where data can't be read or written
 * @io
 * @coroutine
 */
export async function copyImages(plan: CopyPlan): Promise<void> {
  const copy: Copy = {
    plan, lock: new CoMutex(), turns: new CoQueue(), next: 0, known: { kind: 'data', end: 0 }, written: 0, copyRange: plan.copyRange, failure: null,
  };
  await Promise.all(Array.from({ length: plan.workers }, () => work(copy)));
  if (copy.failure !== null) throw copy.failure;
}

/**
 * One worker, until nothing is left or one has failed.
 *
 * @io
 * @coroutine
 */
async function work(copy: Copy): Promise<void> {
  const buffer = Buffer.allocUnsafe(copy.plan.bufferSize);
  try {
    for (let chunk = await nextChunk(copy); chunk !== null && copy.failure === null; chunk = await nextChunk(copy)) {
      await copyChunk(copy, chunk, buffer);
    }
  } catch (error) {
    copy.failure ??= error as Error;
  }
  copy.turns.restartAll();
}

/** @io @coroutine */
async function nextChunk(copy: Copy): Promise<Chunk | null> {
  return copy.lock.run(async () => {
    const { plan, next: offset } = copy;
    if (offset >= plan.total || copy.failure !== null) return null;
    if (offset >= copy.known.end) copy.known = await stretchAt(plan, offset);
    let { kind } = copy.known;
    let bytes = copy.known.end - offset;
    if (plan.compressed) {
      // Compressed clusters are written whole: a hole that is shorter is data.
      const cluster = Math.min(plan.clusterSize, plan.total - offset);
      if (bytes < cluster) {
        kind = 'data';
        bytes = cluster;
      } else {
        bytes = offset + bytes === plan.total ? bytes : alignDown(bytes, plan.clusterSize);
      }
    }
    if (kind === 'data' || plan.minSparse === 0) bytes = Math.min(bytes, plan.bufferSize);
    copy.next = offset + bytes;
    return { offset, bytes, kind };
  });
}

/** @io @coroutine */
async function stretchAt(plan: CopyPlan, offset: number): Promise<Copy['known']> {
  const source = sourceAt(plan, offset);
  const bs = blkBs(source.blk);
  let most = Math.min(source.start + source.length - offset, BDRV_REQUEST_MAX_BYTES);
  const afterBacking = plan.targetHasBacking && offset >= plan.targetBackingLength;
  if (plan.targetHasBacking && !afterBacking) most = Math.min(most, plan.targetBackingLength - offset);
  if (bs === null) return { kind: 'zero', end: offset + most };
  const base = plan.targetHasBacking ? bdrvCowBs(bdrvSkipFilters(bs)) : null;
  try {
    const { flags, pnum } = await bdrvBlockStatusAbove(bs, base, offset - source.start, most);
    const end = offset + pnum;
    if ((flags & BDRV_BLOCK_ZERO) !== 0) return { kind: afterBacking && plan.hasZeroInit ? 'backing' : 'zero', end };
    if ((flags & BDRV_BLOCK_DATA) !== 0) return { kind: 'data', end };
    return { kind: plan.targetHasBacking ? 'backing' : 'data', end };
  } catch (error) {
    if (plan.salvage === null) throw error;
    plan.salvage(`error while reading block status at offset ${offset - source.start}: ${messageOf(error)}`);
    return { kind: 'data', end: Math.min(offset + plan.bufferSize, source.start + source.length) };
  }
}

/** @io */
function sourceAt(plan: CopyPlan, offset: number): CopySource {
  const source = plan.sources.find((one) => offset < one.start + one.length);
  if (!source) throw new Error('sourceAt: no source has this offset.');
  return source;
}

/** @io @coroutine */
async function copyChunk(copy: Copy, chunk: Chunk, buffer: Uint8Array): Promise<void> {
  const { plan } = copy;
  const asData = chunk.kind === 'data' || (chunk.kind === 'zero' && plan.minSparse === 0);
  const offloaded = chunk.kind === 'data' && copy.copyRange;
  const data = buffer.subarray(0, chunk.bytes);
  if (asData && !offloaded) {
    if (chunk.kind === 'zero') data.fill(0);
    else await readChunk(plan, chunk.offset, data);
  }
  if (plan.inOrder) {
    while (copy.written !== chunk.offset && copy.failure === null) await copy.turns.wait();
    if (copy.failure !== null) return;
  }
  if (!offloaded || !(await offload(copy, chunk))) {
    if (offloaded) await readChunk(plan, chunk.offset, data);
    if (asData) await writeData(plan, chunk.offset, data);
    else if (chunk.kind === 'zero') await writeZero(plan, chunk.offset, chunk.bytes);
  }
  copy.written += chunk.bytes;
  plan.showProgress(copy.written, plan.total);
  if (plan.inOrder) copy.turns.restartAll();
}

/** A chunk may reach from one source into the next. @io @coroutine */
async function readChunk(plan: CopyPlan, offset: number, data: Uint8Array): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const source = sourceAt(plan, offset + done);
    const within = offset + done - source.start;
    const part = data.subarray(done, done + Math.min(data.length - done, source.length - within));
    await readPart(plan, source, within, part);
    done += part.length;
  }
}

/** @io @coroutine */
async function readPart(plan: CopyPlan, source: CopySource, offset: number, part: Uint8Array): Promise<void> {
  try {
    await blkCoPreadv(source.blk, offset, part.length, IoVector.of(part), 0);
  } catch (error) {
    if (plan.salvage === null) throw error;
    if (part.length > 512) {
      for (let at = 0; at < part.length; at += 512) await readPart(plan, source, offset + at, part.subarray(at, at + 512));
    } else {
      plan.salvage(`error while reading offset ${offset}: ${messageOf(error)}`);
      part.fill(0);
    }
  }
}

/** Lets the host copy; false once it can't. @io @coroutine */
async function offload(copy: Copy, chunk: Chunk): Promise<boolean> {
  try {
    for (let done = 0; done < chunk.bytes; ) {
      const source = sourceAt(copy.plan, chunk.offset + done);
      const within = chunk.offset + done - source.start;
      const bytes = Math.min(chunk.bytes - done, source.length - within);
      await blkCoCopyRange(source.blk, within, copy.plan.target, chunk.offset + done, bytes, 0, 0);
      done += bytes;
    }
    return true;
  } catch {
    copy.copyRange = false;
    return false;
  }
}

/** @io @coroutine */
async function writeData(plan: CopyPlan, offset: number, data: Uint8Array): Promise<void> {
  if (plan.compressed) {
    if (plan.minSparse > 0 && isZero(data)) await writeZero(plan, offset, data.length);
    else await write(plan, offset, data, BDRV_REQ_WRITE_COMPRESSED);
    return;
  }
  for (const run of runsOf(plan, offset, data)) {
    if (run.zero) await writeZero(plan, offset + run.start, run.end - run.start);
    else await write(plan, offset + run.start, data.subarray(run.start, run.end), 0);
  }
}

/** @io @coroutine */
async function write(plan: CopyPlan, offset: number, data: Uint8Array, flags: number): Promise<void> {
  await blkCoPwritev(plan.target, offset, data.length, IoVector.of(data), flags);
}

/** @io @coroutine */
async function writeZero(plan: CopyPlan, offset: number, bytes: number): Promise<void> {
  if (plan.hasZeroInit && !plan.targetHasBacking) return;
  await blkCoPwriteZeroes(plan.target, offset, bytes, BDRV_REQ_MAY_UNMAP);
}

interface Run {
  readonly start: number;
  end: number;
  readonly zero: boolean;
}

/** Data and zeroes in turn. A run of zeroes that is shorter than the least hole belongs to the data around it. @common */
function runsOf(plan: CopyPlan, offset: number, data: Uint8Array): Run[] {
  if (plan.minSparse === 0) return [{ start: 0, end: data.length, zero: false }];
  const runs: Run[] = [];
  for (let start = 0; start < data.length; ) {
    const end = Math.min(alignUp(offset + start + 1, plan.granule) - offset, data.length);
    const zero = data[start] === 0 && isZero(data.subarray(start, end));
    const last = runs.at(-1);
    if (last?.zero === zero) last.end = end;
    else runs.push({ start, end, zero });
    start = end;
  }
  return joinShortHoles(runs, plan.minSparse);
}

/** @common */
function joinShortHoles(runs: readonly Run[], minSparse: number): Run[] {
  const joined: Run[] = [];
  for (const run of runs) {
    const last = joined.at(-1);
    const zero = run.zero && run.end - run.start >= minSparse;
    if (last?.zero === zero) last.end = run.end;
    else joined.push({ ...run, zero });
  }
  return joined;
}
