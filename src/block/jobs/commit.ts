/**
 * The commit job of layers that are not in use as the topmost: pushes their data down into a base, and then drops them.
 *
 * In: an active image, a top below it, a base below that. Out: the image stands on the base, which holds what the layers from top down
 * held. Leaves to others: the commit of the active image itself (`mirror.ts`).
 *
 * A chain `base <- middle <- top <- active`: after committing `top` into `base`, it is `base <- active`.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkCoPreadv, blkCoPwritev } from '../backend/requests.ts';
import { blkNewWithBs, blkUnref } from '../backend/registry.ts';
import { blkGetlength, blkSetDisableRequestQueuing } from '../backend/settings.ts';
import { bdrvFilterBs, bdrvFilterOrCowBs, bdrvSkipFilters } from '../graph/chain-links.ts';
import { bdrvFindOverlay, bdrvFreezeBackingChain, bdrvUnfreezeBackingChain } from '../graph/chains.ts';
import { bdrvRef, bdrvUnref } from '../graph/nodes.ts';
import { bdrvDropIntermediate } from '../graph/drop-intermediate.ts';
import { bdrvAppend, bdrvReplaceNode } from '../graph/replace.ts';
import type { BlockBackend, BlockdevOnError } from '../model/backend.ts';
import {
  BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_RESIZE, BLK_PERM_WRITE, BLK_PERM_WRITE_UNCHANGED,
} from '../model/constants.ts';
import { blockError } from '../model/errors.ts';
import { IoVector } from '../model/io-vector.ts';
import type { BlockJob, BlockJobDriver, CommitOptions } from '../model/jobs.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvNewOpenDriver } from '../open/open.ts';
import { bdrvIsReadOnly } from '../open/queries.ts';
import { bdrvReopenSetReadOnly } from '../open/reopen.ts';
import { bdrvIsAllocatedAbove } from '../requests/block-status.ts';
import { bdrvGetlength } from '../requests/length.ts';
import { bdrvCoTruncate } from '../requests/truncate.ts';
import { blockJobErrorAction } from './block-job-errors.ts';
import { blockJobAddBdrv, blockJobCreate, blockJobFree, blockJobRatelimitSleep, blockJobRemoveAllBdrv, blockJobUserResume } from './block-job.ts';
import { bdrvCommitTop } from './commit-filter.ts';
import { jobStart } from './job.ts';
import { jobEarlyFail } from './job-completion.ts';
import { jobProgressSetRemaining, jobProgressUpdate } from './job-progress.ts';
import { jobIsCancelled } from './job-states.ts';

/** Bytes copied at a time. */
const CHUNK = 512 * 1024;

interface CommitJob extends BlockJob {
  readonly topNode: BlockDriverState;
  readonly baseNode: BlockDriverState;
  /** The lowest layer that is pushed down. */
  readonly baseOverlay: BlockDriverState;
  readonly filter: BlockDriverState;
  readonly backingFileStr: string | null;
  readonly onError: BlockdevOnError;
  readonly wasReadOnly: boolean;
  top: BlockBackend | null;
  base: BlockBackend | null;
  chainFrozen: boolean;
}

/**
 * Starts a commit job. `top` is not the active image.
 *
 * @throws BlockError `EINVAL` where top and base are the same or not of one chain, and what making the job throws
 * @globalState
 */
export async function commitStart(options: CommitOptions): Promise<void> {
  GLOBAL_STATE_CODE('commitStart');
  const { bs, top, base } = options;
  if (bs === top) throw new Error('commitStart: the active image is committed by commitActiveStart.');
  if (bdrvSkipFilters(top) === bdrvSkipFilters(base)) throw blockError('EINVAL', 'Invalid files for merge: top and base are the same');
  const baseOverlay = bdrvFindOverlay(top, base);
  if (baseOverlay === null) throw blockError('EINVAL', `'${base.nodeName}' is not in the backing chain of '${top.nodeName}'`);
  const wasReadOnly = bdrvIsReadOnly(base);
  if (wasReadOnly) await bdrvReopenSetReadOnly(base, false);
  let filter: BlockDriverState | null = null;
  try {
    filter = await insertFilter(top, options.filterNodeName ?? null);
    const job = await makeJob(options, filter, baseOverlay, wasReadOnly);
    await jobStart(job);
  } catch (error) {
    if (filter) await removeFilter(filter);
    if (wasReadOnly) await bdrvReopenSetReadOnly(base, true);
    throw error;
  }
}

/** @globalState */
async function insertFilter(top: BlockDriverState, nodeName: string | null): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('insertFilter');
  const filter = await bdrvNewOpenDriver(bdrvCommitTop, nodeName, 0);
  filter.implicit = nodeName === null;
  filter.neverFreeze = true;
  filter.totalSectors = top.totalSectors;
  try {
    await bdrvAppend(filter, top);
  } catch (error) {
    await bdrvUnref(filter);
    throw error;
  }
  return filter;
}

/** @globalState */
async function removeFilter(filter: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('removeFilter');
  const below = bdrvFilterBs(filter);
  if (below) await bdrvReplaceNode(filter, below);
  await bdrvUnref(filter);
}

/** @globalState */
async function makeJob(options: CommitOptions, filter: BlockDriverState, baseOverlay: BlockDriverState, wasReadOnly: boolean): Promise<CommitJob> {
  GLOBAL_STATE_CODE('makeJob');
  const { top, base } = options;
  const state: Omit<CommitJob, keyof BlockJob> = {
    topNode: top, baseNode: base, baseOverlay, filter, backingFileStr: options.backingFileStr ?? null, onError: options.onError ?? 'report', wasReadOnly,
    top: null, base: null, chainFrozen: false,
  };
  const job: CommitJob = await blockJobCreate(commitJobDriver, options, 0, BLK_PERM_ALL, state);
  try {
    await attachLayers(job);
    await attachBase(job);
    bdrvFreezeBackingChain(filter, base);
    job.chainFrozen = true;
    job.top = await blkNewWithBs(top, 0, BLK_PERM_ALL);
    blkSetDisableRequestQueuing(job.top, true);
  } catch (error) {
    await letGo(job);
    await jobEarlyFail(job);
    throw error;
  }
  return job;
}

/** The layers from top down disappear at the end: no other job may use them. @globalState */
async function attachLayers(job: CommitJob): Promise<void> {
  GLOBAL_STATE_CODE('attachLayers');
  const unfilteredBase = bdrvSkipFilters(job.baseNode);
  let shared = BLK_PERM_WRITE_UNCHANGED | BLK_PERM_WRITE;
  for (let layer: BlockDriverState | null = job.topNode; layer !== null && layer !== job.baseNode; layer = bdrvFilterOrCowBs(layer)) {
    // From here on all are filters on the base, whose view is consistent.
    if (bdrvSkipFilters(layer) === unfilteredBase) shared |= BLK_PERM_CONSISTENT_READ;
    await blockJobAddBdrv(job, 'intermediate node', layer, 0, shared);
  }
}

/** @globalState */
async function attachBase(job: CommitJob): Promise<void> {
  GLOBAL_STATE_CODE('attachBase');
  const grows = (await bdrvGetlength(job.topNode)) > (await bdrvGetlength(job.baseNode));
  const perm = BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE | (grows ? BLK_PERM_RESIZE : 0);
  const shared = BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE_UNCHANGED;
  await blockJobAddBdrv(job, 'base', job.baseNode, 0, BLK_PERM_ALL);
  job.base = await blkNewWithBs(job.baseNode, perm, shared);
  blkSetDisableRequestQueuing(job.base, true);
}

/**
 * Copies what the layers above the base have.
 *
 * @io
 * @coroutine
 */
async function run(job: CommitJob): Promise<void> {
  const { top, base } = job;
  if (top === null || base === null) return;
  const length = await blkGetlength(top);
  jobProgressSetRemaining(job, length);
  if (base.root && length > (await blkGetlength(base))) await bdrvCoTruncate(base.root, length, false, 'off', 0);
  const buffer = Buffer.allocUnsafe(CHUNK);
  let delayFor = 0;
  for (let offset = 0; offset < length; ) {
    await blockJobRatelimitSleep(job, delayFor);
    if (jobIsCancelled(job)) return;
    delayFor = 0;
    const { allocated, pnum } = await bdrvIsAllocatedAbove(job.topNode, job.baseOverlay, true, offset, Math.min(CHUNK, length - offset));
    const bytes = pnum === 0 ? length - offset : pnum;
    if (allocated) {
      if (!(await copyPart(job, top, base, offset, buffer.subarray(0, bytes)))) continue;
      delayFor = bytes;
    }
    offset += bytes;
    jobProgressUpdate(job, bytes);
  }
}

/** False: the job has stopped, and tries again when it goes on. @io @coroutine */
async function copyPart(job: CommitJob, top: BlockBackend, base: BlockBackend, offset: number, data: Uint8Array): Promise<boolean> {
  let isRead = true;
  try {
    await blkCoPreadv(top, offset, data.length, IoVector.of(data), 0);
    isRead = false;
    await blkCoPwritev(base, offset, data.length, IoVector.of(data), 0);
    return true;
  } catch (error) {
    // A layer that was not copied must not be dropped: an ignored error would lose data, it is reported.
    if (blockJobErrorAction(job, job.onError, isRead, error) === 'stop') return false;
    throw error;
  }
}

/** @globalState */
async function prepare(job: CommitJob): Promise<void> {
  GLOBAL_STATE_CODE('commitJob.prepare');
  bdrvRef(job.baseNode);
  try {
    // The job's permissions would stand against the new place of the base.
    await letGo(job);
    await blockJobRemoveAllBdrv(job);
    await bdrvDropIntermediate(job.filter, job.baseNode, job.backingFileStr);
    await bdrvUnref(job.filter);
  } finally {
    await bdrvUnref(job.baseNode);
  }
}

/** @globalState */
async function abort(job: CommitJob): Promise<void> {
  GLOBAL_STATE_CODE('commitJob.abort');
  await letGo(job);
  await blockJobRemoveAllBdrv(job);
  await removeFilter(job.filter);
}

/** @globalState */
async function clean(job: CommitJob): Promise<void> {
  GLOBAL_STATE_CODE('commitJob.clean');
  if (job.wasReadOnly) await bdrvReopenSetReadOnly(job.baseNode, true);
}

/** Unfreezes the chain and lets the backends go. @globalState */
async function letGo(job: CommitJob): Promise<void> {
  GLOBAL_STATE_CODE('letGo');
  if (job.chainFrozen) bdrvUnfreezeBackingChain(job.filter, job.baseNode);
  job.chainFrozen = false;
  const { top, base } = job;
  job.top = null;
  job.base = null;
  if (top) await blkUnref(top);
  if (base) await blkUnref(base);
}

const commitJobDriver: BlockJobDriver = { jobType: 'commit', run, prepare, abort, clean, free: blockJobFree, userResume: blockJobUserResume };
