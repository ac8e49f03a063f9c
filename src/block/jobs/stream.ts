/**
 * The stream job: pulls data of the layers below into an image, and then drops those layers.
 *
 * In: an image, and the base that stays below it (none: everything is pulled). Out: the image does without the layers between. Leaves to
 * others: the copying itself, which a copy-on-read filter above the image does when it is asked to prefetch; the filter freezes the chain.
 *
 * A chain `base <- middle <- top`: after streaming `top` down to `base`, it is `base <- top`, and `top` holds what `middle` held.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkNewWithBs, blkUnref } from '../backend/registry.ts';
import { blkCoPreadv } from '../backend/requests.ts';
import { blkGetlength, blkSetAllowAioContextChange, blkSetDisableRequestQueuing } from '../backend/settings.ts';
import { bdrvCorFilterDrop } from '../drivers/copy-on-read.ts';
import { bdrvFindOverlay } from '../graph/chains.ts';
import { bdrvCowBs, bdrvCowChild, bdrvFilterOrCowBs, bdrvSkipFilters } from '../graph/chain-links.ts';
import { bdrvRef, bdrvUnref } from '../graph/nodes.ts';
import { bdrvInsertNode } from '../graph/insert-node.ts';
import { bdrvSetBackingHd } from '../graph/replace.ts';
import type { BlockBackend, BlockdevOnError } from '../model/backend.ts';
import {
  BDRV_O_RDWR, BDRV_REQ_PREFETCH, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_GRAPH_MOD, BLK_PERM_WRITE, BLK_PERM_WRITE_UNCHANGED,
} from '../model/constants.ts';
import { blockError } from '../model/errors.ts';
import { IoVector } from '../model/io-vector.ts';
import type { BlockJob, BlockJobDriver, StreamOptions } from '../model/jobs.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvChangeBackingFile } from '../open/image.ts';
import { bdrvGetFormatName, bdrvIsReadOnly } from '../open/queries.ts';
import { bdrvReopenSetReadOnly } from '../open/reopen.ts';
import { bdrvIsAllocated, bdrvIsAllocatedAbove } from '../requests/block-status.ts';
import { blockJobErrorAction } from './block-job-errors.ts';
import { blockJobAddBdrv, blockJobCreate, blockJobFree, blockJobRatelimitSleep, blockJobUserResume } from './block-job.ts';
import { jobStart } from './job.ts';
import { jobProgressSetRemaining, jobProgressUpdate } from './job-progress.ts';
import { jobIsCancelled } from './job-states.ts';
import { jobEarlyFail } from './job-completion.ts';

/** Bytes asked for at a time. */
const CHUNK = 512 * 1024;

interface StreamJob extends BlockJob {
  readonly target: BlockDriverState;
  /** The lowest layer that is pulled up, and the node right above the base. */
  readonly baseOverlay: BlockDriverState;
  readonly aboveBase: BlockDriverState;
  readonly backingFileStr: string | null;
  readonly onError: BlockdevOnError;
  /** `null`: taken out already. */
  filter: BlockDriverState | null;
  blk: BlockBackend | null;
  /** The image could not be written before. */
  wasReadOnly: boolean;
}

/**
 * Starts a stream job. Either `base` or `bottom` (the lowest layer to pull) is given.
 *
 * @throws BlockError `EINVAL` where the base is not below the image, and what making the job throws
 * @globalState
 */
export async function streamStart(options: StreamOptions): Promise<void> {
  GLOBAL_STATE_CODE('streamStart');
  const { bs } = options;
  const { baseOverlay, aboveBase } = layersOf(options);
  const wasReadOnly = bdrvIsReadOnly(bs);
  let filter: BlockDriverState | null = null;
  try {
    if (wasReadOnly) await bdrvReopenSetReadOnly(bs, false);
    filter = await insertFilter(bs, baseOverlay, options.filterNodeName ?? null);
    await startOn(filter, options, baseOverlay, aboveBase, wasReadOnly);
  } catch (error) {
    if (filter) await bdrvCorFilterDrop(filter);
    if (wasReadOnly) await bdrvReopenSetReadOnly(bs, true);
    throw error;
  }
}

/** @globalState */
function layersOf(options: StreamOptions): { baseOverlay: BlockDriverState; aboveBase: BlockDriverState } {
  GLOBAL_STATE_CODE('layersOf');
  const { bs, base } = options;
  if (options.bottom) {
    if (base !== null) throw blockError('EINVAL', "'base' and 'bottom' cannot be specified at the same time");
    return { baseOverlay: options.bottom, aboveBase: options.bottom };
  }
  const baseOverlay = bdrvFindOverlay(bs, base);
  if (baseOverlay === null) throw blockError('EINVAL', `'${base?.nodeName ?? ''}' is not in the backing chain of '${bs.nodeName}'`);
  let aboveBase = baseOverlay;
  for (let below = bdrvFilterOrCowBs(aboveBase); below !== base && below !== null; below = bdrvFilterOrCowBs(aboveBase)) aboveBase = below;
  return { baseOverlay, aboveBase };
}

/** @globalState */
async function insertFilter(bs: BlockDriverState, bottom: BlockDriverState, nodeName: string | null): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('insertFilter');
  const named = nodeName === null ? {} : { 'node-name': nodeName };
  const filter = await bdrvInsertNode(bs, { driver: 'copy-on-read', file: bs.nodeName, bottom: bottom.nodeName, ...named }, BDRV_O_RDWR);
  filter.implicit = nodeName === null;
  return filter;
}

/** @globalState */
async function startOn(
  filter: BlockDriverState, options: StreamOptions, baseOverlay: BlockDriverState, aboveBase: BlockDriverState, wasReadOnly: boolean,
): Promise<void> {
  GLOBAL_STATE_CODE('startOn');
  const { bs } = options;
  const shared = BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE_UNCHANGED;
  const state: Omit<StreamJob, keyof BlockJob> = {
    target: bs, baseOverlay, aboveBase, backingFileStr: options.backingFileStr ?? null, onError: options.onError ?? 'report', filter: null, blk: null, wasReadOnly,
  };
  const job: StreamJob = await blockJobCreate(streamJobDriver, { ...options, bs: filter }, 0, BLK_PERM_ALL, state);
  try {
    job.blk = await blkNewWithBs(filter, BLK_PERM_CONSISTENT_READ, shared | BLK_PERM_WRITE | BLK_PERM_GRAPH_MOD);
    // The job's own requests must pass while the node is drained, or the drain would wait for them forever.
    blkSetDisableRequestQueuing(job.blk, true);
    blkSetAllowAioContextChange(job.blk, true);
    await blockJobAddBdrv(job, 'active node', bs, 0, shared | BLK_PERM_WRITE);
    for (let layer = bdrvFilterOrCowBs(bs); layer !== null && bdrvFilterOrCowBs(aboveBase) !== layer; layer = bdrvFilterOrCowBs(layer)) {
      await blockJobAddBdrv(job, 'intermediate node', layer, 0, shared);
    }
  } catch (error) {
    if (job.blk) await blkUnref(job.blk);
    await jobEarlyFail(job);
    throw error;
  }
  job.filter = filter;
  await jobStart(job);
}

/**
 * Reads all that the image does not have itself.
 *
 * @io
 * @coroutine
 */
async function run(job: StreamJob): Promise<void> {
  const { blk } = job;
  const unfiltered = bdrvSkipFilters(job.target);
  if (blk === null || unfiltered === null || unfiltered === job.baseOverlay) return;
  const length = await blkGetlength(blk);
  jobProgressSetRemaining(job, length);
  // A prefetch puts nothing into it; requests want a place for their data all the same.
  const unread = Buffer.allocUnsafe(CHUNK);
  let failure: unknown = null;
  let delayFor = 0;
  for (let offset = 0; offset < length; ) {
    await blockJobRatelimitSleep(job, delayFor);
    if (jobIsCancelled(job)) return;
    delayFor = 0;
    const { bytes, copy } = await nextPart(job, unfiltered, offset, Math.min(CHUNK, length - offset));
    if (copy) {
      try {
        await blkCoPreadv(blk, offset, bytes, IoVector.of(unread.subarray(0, bytes)), BDRV_REQ_PREFETCH);
        delayFor = bytes;
      } catch (error) {
        const action = blockJobErrorAction(job, job.onError, true, error);
        if (action === 'stop') continue;
        failure ??= error;
        if (action === 'report') break;
      }
    }
    offset += bytes;
    jobProgressUpdate(job, bytes);
  }
  if (failure !== null) throw failure as Error;
}

/** Whether the layers between have the part, and the image itself has not. @io @coroutine */
async function nextPart(job: StreamJob, unfiltered: BlockDriverState, offset: number, most: number): Promise<{ bytes: number; copy: boolean }> {
  const own = await bdrvIsAllocated(unfiltered, offset, most);
  if (own.allocated) return { bytes: own.pnum, copy: false };
  const below = bdrvCowBs(unfiltered);
  if (below === null) return { bytes: own.pnum, copy: false };
  const above = await bdrvIsAllocatedAbove(below, job.baseOverlay, true, offset, own.pnum);
  // No bytes at all: the layers below end here.
  return above.pnum === 0 ? { bytes: most, copy: false } : { bytes: above.pnum, copy: above.allocated };
}

/** Drops the layers between: the image gets the base as its backing file. @globalState */
async function prepare(job: StreamJob): Promise<void> {
  GLOBAL_STATE_CODE('streamJob.prepare');
  // The filter holds the chain.
  await takeFilterOut(job);
  const unfiltered = bdrvSkipFilters(job.target);
  if (unfiltered === null || bdrvCowChild(unfiltered) === null) return;
  const base = bdrvFilterOrCowBs(job.aboveBase);
  const unfilteredBase = bdrvSkipFilters(base);
  if (base) bdrvRef(base);
  try {
    await bdrvSetBackingHd(unfiltered, base);
    const name = unfilteredBase === null ? null : (job.backingFileStr ?? unfilteredBase.filename);
    await bdrvChangeBackingFile(unfiltered, name, unfilteredBase === null ? null : bdrvGetFormatName(unfilteredBase), false);
  } finally {
    if (base) await bdrvUnref(base);
  }
}

/** @globalState */
async function clean(job: StreamJob): Promise<void> {
  GLOBAL_STATE_CODE('streamJob.clean');
  await takeFilterOut(job);
  if (job.wasReadOnly) await bdrvReopenSetReadOnly(job.target, true);
}

/** @globalState */
async function takeFilterOut(job: StreamJob): Promise<void> {
  GLOBAL_STATE_CODE('takeFilterOut');
  const { filter, blk } = job;
  if (filter === null) return;
  job.filter = null;
  job.blk = null;
  if (blk) await blkUnref(blk);
  await bdrvCorFilterDrop(filter);
}

const streamJobDriver: BlockJobDriver = { jobType: 'stream', run, prepare, clean, free: blockJobFree, userResume: blockJobUserResume };
