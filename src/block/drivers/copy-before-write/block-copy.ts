/**
 * Copies what has not been copied yet from one node to another: each cluster once, by whoever needs it first.
 *
 * In: two edges, ranges. Out: the ranges are on the target; their bits are cleared. Leaves to others: what is to be copied when (a filter
 * before writes, a job in the background), speed limits.
 *
 * A bit stands for a cluster that is still to be copied. Who copies a cluster clears its bit first and keeps the range on a list until it
 * is done; who finds the bit clear, but the range on the list, waits. A failure sets the bits again.
 */
import { CoQueue } from '../../contexts/coroutine.ts';
import { alignDown, alignUp, rangesOverlap } from '../../model/arithmetic.ts';
import { BDRV_BLOCK_ZERO, BDRV_REQ_SERIALISING, BDRV_REQ_WRITE_COMPRESSED, type BdrvRequestFlags } from '../../model/constants.ts';
import type { BdrvDirtyBitmap } from '../../model/dirty-bitmap.ts';
import { errnoOf } from '../../model/errors.ts';
import { IoVector } from '../../model/io-vector.ts';
import type { BdrvChild } from '../../model/node.ts';
import { bdrvBlockStatusAbove, bdrvIsAllocated } from '../../requests/block-status.ts';
import { bdrvCoCopyRange } from '../../requests/copy-range.ts';
import { bdrvDirtyBitmapNextDirtyArea, bdrvGetDirtyCount, bdrvReleaseDirtyBitmap, bdrvResetDirtyBitmap, bdrvSetDirtyBitmap } from '../../requests/dirty-bitmap.ts';
import { bdrvCoPreadv } from '../../requests/read.ts';
import { bdrvCoPwriteZeroes, bdrvCoPwritev } from '../../requests/write.ts';
import { nodeOf } from '../children.ts';

/** How copying is done. */
export interface BlockCopySettings {
  /** The bits: what is still to be copied. */
  readonly bitmap: BdrvDirtyBitmap;
  /** The target sees the source through its backing chain: writes to it are kept apart from reads of it. */
  readonly isFleecing: boolean;
  /** Lengths of both nodes. */
  readonly length: number;
}

interface CopyTask {
  readonly offset: number;
  readonly bytes: number;
  readonly waiting: CoQueue;
}

/** Longest run that is copied through a buffer, and by the host. */
const LONGEST_BUFFERED = 2 ** 20;
const LONGEST_BY_HOST = 16 * 2 ** 20;
/** Runs of one call that are copied at the same time. */
const MOST_WORKERS = 64;

/** Errors of reads from a source. */
const readFailures = new WeakSet<Error>();

/** Whether a copy failed because its source could not be read. @common */
export function blockCopyFailedReading(error: unknown): boolean {
  return error instanceof Error && readFailures.has(error);
}

/** Copying between two nodes. */
export class BlockCopyState {
  readonly source: BdrvChild;
  readonly target: BdrvChild;
  readonly clusterSize: number;
  readonly bitmap: BdrvDirtyBitmap;
  readonly length: number;
  /** Told how many bytes of clusters have been copied. */
  onProgress: ((bytes: number) => void) | null = null;
  /** Copies only what the source itself has, not what it has from its backing chain. */
  skipUnallocated = false;
  #writeFlags: BdrvRequestFlags;
  #byHost = false;
  readonly #isFleecing: boolean;
  #tasks: CopyTask[] = [];

  constructor(source: BdrvChild, target: BdrvChild, settings: BlockCopySettings) {
    this.source = source;
    this.target = target;
    this.bitmap = settings.bitmap;
    this.clusterSize = settings.bitmap.granularity;
    this.length = settings.length;
    this.#isFleecing = settings.isFleecing;
    this.#writeFlags = settings.isFleecing ? BDRV_REQ_SERIALISING : 0;
  }

  /** Bytes still to be copied. @io */
  get dirtyBytes(): number {
    return Math.min(bdrvGetDirtyCount(this.bitmap), this.length);
  }

  /** Bytes being copied. @io */
  get inFlightBytes(): number {
    return this.#tasks.reduce((sum, task) => sum + task.bytes, 0);
  }

  /**
   * How what is copied is written.
   *
   * @param byHost - lets the host copy where it can; compressed data never is
   * @io
   */
  setOptions(byHost: boolean, compress: boolean): void {
    this.#writeFlags = (this.#isFleecing ? BDRV_REQ_SERIALISING : 0) | (compress ? BDRV_REQ_WRITE_COMPRESSED : 0);
    this.#byHost = byHost && !compress;
  }

  /** What of a range need not be copied. @io */
  skip(offset: number, bytes: number): void {
    bdrvResetDirtyBitmap(this.bitmap, offset, bytes);
  }

  /** Frees the bits. @io */
  release(): void {
    bdrvReleaseDirtyBitmap(this.bitmap);
  }

  /**
   * Copies what is still to be copied of a range, and waits for what others are copying of it.
   *
   * @throws BlockError of the source or the target; what failed is still to be copied
   * @io
   * @coroutine
   */
  async copy(offset: number, bytes: number): Promise<void> {
    const start = alignDown(offset, this.clusterSize);
    const end = Math.min(alignUp(offset + bytes, this.clusterSize), this.length);
    for (;;) {
      await this.#copyDirty(start, end);
      const other = this.#tasks.find((task) => rangesOverlap(task.offset, task.bytes, start, end - start));
      if (other === undefined) return;
      await other.waiting.wait();
    }
  }

  /**
   * Takes clusters at `offset` off the list of those to be copied, where the source itself has nothing there.
   *
   * @returns how many bytes from `offset` on were looked at, and whether the source has them
   * @io
   * @coroutine
   */
  async resetUnallocated(offset: number): Promise<{ readonly bytes: number; readonly allocated: boolean }> {
    const { allocated, bytes } = await this.#clustersAllocated(offset, this.length - offset);
    if (!allocated) {
      bdrvResetDirtyBitmap(this.bitmap, offset, bytes);
      this.onProgress?.(0);
    }
    return { bytes, allocated };
  }

  /** @coroutine */
  async #copyDirty(start: number, end: number): Promise<void> {
    const failures: unknown[] = [];
    const running = new Set<Promise<void>>();
    for (let position = start; position < end && failures.length === 0; ) {
      const task = this.#nextTask(position, end);
      if (task === null) break;
      position = task.offset + task.bytes;
      const run = this.#runTask(task).catch((error: unknown) => void failures.push(error));
      running.add(run);
      void run.then(() => running.delete(run));
      if (running.size >= MOST_WORKERS) await Promise.race(running);
    }
    await Promise.all(running);
    if (failures.length > 0) throw failures[0];
  }

  /** The next run of bits in a range, taken: from now on it is this task's to copy. */
  #nextTask(start: number, end: number): CopyTask | null {
    const area = bdrvDirtyBitmapNextDirtyArea(this.bitmap, start, end, this.#longestRun());
    if (area === null) return null;
    const offset = alignDown(area.offset, this.clusterSize);
    const bytes = Math.min(alignUp(area.offset + area.bytes, this.clusterSize), this.length) - offset;
    bdrvResetDirtyBitmap(this.bitmap, offset, bytes);
    const task = { offset, bytes, waiting: new CoQueue() };
    this.#tasks.push(task);
    return task;
  }

  #longestRun(): number {
    // A compressed write is one cluster.
    if ((this.#writeFlags & BDRV_REQ_WRITE_COMPRESSED) !== 0) return this.clusterSize;
    return Math.max(this.clusterSize, this.#byHost ? LONGEST_BY_HOST : LONGEST_BUFFERED);
  }

  /** @coroutine */
  async #runTask(task: CopyTask): Promise<void> {
    try {
      for (let done = 0; done < task.bytes; ) done += await this.#copyRun(task.offset + done, task.bytes - done);
      this.onProgress?.(task.bytes);
    } catch (error) {
      bdrvSetDirtyBitmap(this.bitmap, task.offset, task.bytes);
      throw error;
    } finally {
      this.#tasks = this.#tasks.filter((one) => one !== task);
      task.waiting.restartAll();
    }
  }

  /** Copies the first run of one kind: data, zeroes, or nothing to copy. @io @coroutine */
  async #copyRun(offset: number, bytes: number): Promise<number> {
    if (this.skipUnallocated) {
      const own = await this.#clustersAllocated(offset, bytes);
      if (!own.allocated) return own.bytes;
      return this.#copyAllocated(offset, own.bytes);
    }
    return this.#copyAllocated(offset, bytes);
  }

  /** @coroutine */
  async #copyAllocated(offset: number, bytes: number): Promise<number> {
    const status = await bdrvBlockStatusAbove(nodeOf(this.source), null, offset, bytes);
    const isZero = (status.flags & BDRV_BLOCK_ZERO) !== 0 && (this.#writeFlags & BDRV_REQ_WRITE_COMPRESSED) === 0;
    const whole = alignDown(status.pnum, this.clusterSize);
    // What ends within a cluster is copied as data up to its end.
    const run = status.pnum === bytes ? bytes : whole === 0 ? Math.min(this.clusterSize, bytes) : whole;
    if (isZero && run <= status.pnum) await bdrvCoPwriteZeroes(this.target, offset, run, this.#writeFlags);
    else await this.#copyData(offset, run);
    return run;
  }

  /** @coroutine */
  async #copyData(offset: number, bytes: number): Promise<void> {
    if (this.#byHost && (await this.#copyByHost(offset, bytes))) return;
    for (let done = 0; done < bytes; done += LONGEST_BUFFERED) {
      const length = Math.min(bytes - done, Math.max(LONGEST_BUFFERED, this.#isCompressed() ? this.clusterSize : 0));
      const buffer = IoVector.of(new Uint8Array(length));
      await this.#read(offset + done, length, buffer);
      await bdrvCoPwritev(this.target, offset + done, length, buffer, this.#writeFlags);
    }
  }

  /** @io @coroutine */
  async #read(offset: number, bytes: number, buffer: IoVector): Promise<void> {
    try {
      await bdrvCoPreadv(this.source, offset, bytes, buffer, 0);
    } catch (error) {
      readFailures.add(error as Error);
      throw error;
    }
  }

  #isCompressed(): boolean {
    return (this.#writeFlags & BDRV_REQ_WRITE_COMPRESSED) !== 0;
  }

  /** Whether the host has copied; if it can't, it is not asked again. @coroutine */
  async #copyByHost(offset: number, bytes: number): Promise<boolean> {
    try {
      await bdrvCoCopyRange(this.source, offset, this.target, offset, bytes, 0, this.#writeFlags);
      return true;
    } catch (error) {
      if (errnoOf(error) !== 'ENOTSUP' && errnoOf(error) !== 'EINVAL') throw error;
      this.#byHost = false;
      return false;
    }
  }

  /** Whether the source itself has any of the clusters from `offset` on, and how many are alike. */
  async #clustersAllocated(offset: number, bytes: number): Promise<{ allocated: boolean; bytes: number }> {
    let known = 0;
    while (known < bytes) {
      const { allocated, pnum } = await bdrvIsAllocated(nodeOf(this.source), offset + known, bytes - known);
      if (pnum === 0) return { allocated: false, bytes };
      if (allocated && known < this.clusterSize) {
        // A cluster of which a part is there is there as a whole.
        return { allocated: true, bytes: Math.min(alignUp(known + pnum, this.clusterSize), bytes) };
      }
      if (allocated) break;
      known += pnum;
    }
    return { allocated: false, bytes: known >= bytes ? bytes : alignDown(known, this.clusterSize) };
  }
}
