/**
 * The mirror job: copies a disk to a target while it is in use, and then, when asked to, lets the target take its place. The commit of
 * an active image is such a job, whose target is the image's base.
 *
 * In: a source, a target. Out: once ready, the target follows the source; completed, it replaces it; cancelled when ready, it stays a copy
 * of that moment. Leaves to others: the copying (`mirror-copy.ts`), the filter (`mirror-filter.ts`), the end (`mirror-end.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkNewWithBs, blkUnref } from '../backend/registry.ts';
import { blkSetForceAllowInactivate } from '../backend/root.ts';
import { blkCoFlush } from '../backend/requests.ts';
import { blkSetAllowAioContextChange, blkSetDisableRequestQueuing } from '../backend/settings.ts';
import { CoQueue } from '../contexts/coroutine.ts';
import { bdrvBackingChainNext, bdrvFilterOrCowBs, bdrvSkipFilters } from '../graph/chain-links.ts';
import { bdrvChainContains, bdrvFreezeBackingChain } from '../graph/chains.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd } from '../graph/drain.ts';
import { bdrvFindNode } from '../graph/node-lists.ts';
import { bdrvRef, bdrvUnref } from '../graph/nodes.ts';
import { bdrvOpBlockAll } from '../graph/op-blockers.ts';
import { bdrvAppend } from '../graph/replace.ts';
import { alignUp } from '../model/arithmetic.ts';
import {
  BDRV_O_RDWR, BDRV_O_UNMAP, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_RESIZE, BLK_PERM_WRITE, BLK_PERM_WRITE_UNCHANGED, type Permissions,
} from '../model/constants.ts';
import { blockError } from '../model/errors.ts';
import {
  type BlockJob, type BlockJobDriver, type CommitActiveOptions, type CommonJobOptions, type MirrorBackingMode, type MirrorCopyMode, type MirrorOptions,
} from '../model/jobs.ts';
import type { BlockdevOnError } from '../model/backend.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvNewOpenDriver } from '../open/open.ts';
import { bdrvCancelInFlight } from '../open/image.ts';
import { bdrvGetInfo, bdrvIsReadOnly } from '../open/queries.ts';
import { bdrvReopenSetReadOnly } from '../open/reopen.ts';
import { bdrvGetlength } from '../requests/length.ts';
import { bdrvCoTruncate } from '../requests/truncate.ts';
import { blockJobAddBdrv, blockJobCreate, blockJobFree, blockJobUserResume } from './block-job.ts';
import { DirtyMap } from './dirty-map.ts';
import { jobStart } from './job.ts';
import { jobEarlyFail } from './job-completion.ts';
import { jobProgressSetRemaining } from './job-progress.ts';
import { jobEnter, jobPausePoint, jobSleep, jobTransitionToReady } from './job-run.ts';
import { jobCancelRequested, jobIsCancelled, jobIsReady } from './job-states.ts';
import { mirrorCopySome, mirrorFlagAll, mirrorWaitForAll } from './mirror-copy.ts';
import { mirrorAbort, mirrorPrepare, mirrorRemoveFilter } from './mirror-end.ts';
import { MIRROR_TOP_WRITE_FLAGS, MIRROR_TOP_ZERO_FLAGS, bdrvMirrorTop, mirrorTopOf } from './mirror-filter.ts';
import type { MirrorJob, MirrorTop } from './mirror-state.ts';

const DEFAULT_GRANULARITY = 64 * 1024;
const DEFAULT_BUFFER = 10 * 1024 * 1024;
/** Milliseconds between two looks at a source that is in sync. */
const IDLE = 100;

/** What the two public functions have in common. */
interface MirrorSetup {
  readonly driver: BlockJobDriver;
  readonly target: BlockDriverState;
  readonly base: BlockDriverState | null;
  readonly isNoneMode: boolean;
  readonly isCommit: boolean;
  readonly backingMode: MirrorBackingMode;
  readonly zeroTarget: boolean;
  readonly copyMode: MirrorCopyMode;
  readonly unmap: boolean;
  readonly granularity: number;
  readonly bufferSize: number;
  readonly autoComplete: boolean;
  readonly replaces: string | null;
  readonly onTargetError: BlockdevOnError;
}

/**
 * Starts a mirror job.
 *
 * @throws BlockError `EINVAL` for a sync mode that needs a bitmap, or a target that can't be one; and what making the job throws
 * @globalState
 */
export async function mirrorStart(options: MirrorOptions): Promise<void> {
  GLOBAL_STATE_CODE('mirrorStart');
  if (options.mode === 'incremental' || options.mode === 'bitmap') throw blockError('EINVAL', `Sync mode '${options.mode}' not supported`);
  if ((options.bufSize ?? 0) < 0) throw blockError('EINVAL', "Invalid parameter 'buf-size'");
  await startMirror(options, {
    driver: mirrorJobDriver, target: options.target, base: options.mode === 'top' ? bdrvBackingChainNext(options.bs) : null,
    isNoneMode: options.mode === 'none', isCommit: false, backingMode: options.backingMode, zeroTarget: options.zeroTarget ?? false,
    copyMode: options.copyMode ?? 'background', unmap: options.unmap ?? true, granularity: options.granularity ?? 0, bufferSize: options.bufSize ?? 0,
    autoComplete: false, replaces: options.replaces ?? null, onTargetError: options.onTargetError ?? 'report',
  });
}

/**
 * Starts the commit of an active image into one of its chain; when it completes, the base takes the place of the image.
 *
 * @throws BlockError where the base can't be written, and what making the job throws
 * @globalState
 */
export async function commitActiveStart(options: CommitActiveOptions): Promise<BlockJob> {
  GLOBAL_STATE_CODE('commitActiveStart');
  const { base } = options;
  const wasReadOnly = bdrvIsReadOnly(base);
  if (wasReadOnly) await bdrvReopenSetReadOnly(base, false);
  try {
    return await startMirror(options, {
      driver: commitActiveJobDriver, target: base, base, isNoneMode: false, isCommit: true, backingMode: 'leave-chain', zeroTarget: false,
      copyMode: 'background', unmap: true, granularity: 0, bufferSize: 0, autoComplete: options.autoComplete, replaces: null, onTargetError: options.onError ?? 'report',
    });
  } catch (error) {
    if (wasReadOnly) await bdrvReopenSetReadOnly(base, true);
    throw error;
  }
}

/** @globalState */
async function startMirror(options: CommonJobOptions, setup: MirrorSetup): Promise<MirrorJob> {
  GLOBAL_STATE_CODE('startMirror');
  const { bs } = options;
  if (bs === setup.target) throw blockError('EINVAL', "Can't mirror node into itself");
  const targetIsBacking = bdrvChainContains(bs, setup.target);
  if (!targetIsBacking && bdrvChainContains(bs, bdrvSkipFilters(setup.target))) {
    throw blockError('EINVAL', "Cannot mirror to a filter on top of a node in the source's backing chain");
  }
  const filter = await insertFilter(bs, options.filterNodeName ?? null, setup.isCommit);
  try {
    const job = await makeJob(options, setup, filter, targetIsBacking);
    mirrorTopOf(filter).job = job;
    await jobStart(job);
    return job;
  } catch (error) {
    await mirrorRemoveFilter(filter);
    throw error;
  }
}

/** @globalState */
async function insertFilter(bs: BlockDriverState, nodeName: string | null, isCommit: boolean): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('insertFilter');
  const filter = await bdrvNewOpenDriver(bdrvMirrorTop, nodeName, BDRV_O_RDWR | (bs.openFlags & BDRV_O_UNMAP));
  const top: MirrorTop = { job: null, stopped: false, isCommit };
  filter.opaque = top;
  filter.implicit = nodeName === null;
  filter.neverFreeze = true;
  filter.totalSectors = bs.totalSectors;
  filter.supportedWriteFlags = MIRROR_TOP_WRITE_FLAGS;
  filter.supportedZeroFlags = MIRROR_TOP_ZERO_FLAGS;
  await bdrvDrainedBegin(bs);
  try {
    await bdrvAppend(filter, bs);
  } catch (error) {
    await bdrvUnref(filter);
    throw error;
  } finally {
    await bdrvDrainedEnd(bs);
  }
  return filter;
}

/** @globalState */
async function makeJob(options: CommonJobOptions, setup: MirrorSetup, filter: BlockDriverState, targetIsBacking: boolean): Promise<MirrorJob> {
  GLOBAL_STATE_CODE('makeJob');
  const { bs } = options;
  const { target } = setup;
  const length = await bdrvGetlength(bs);
  const granularity = granularityFor(setup.granularity, target);
  const state: Omit<MirrorJob, keyof BlockJob> = {
    source: bs, filter, targetNode: target, target: null, base: setup.base, isNoneMode: setup.isNoneMode, targetIsBacking, backingMode: setup.backingMode,
    zeroTarget: setup.zeroTarget, copyMode: setup.copyMode, unmap: setup.unmap, onSourceError: options.onError ?? 'report', onTargetError: setup.onTargetError,
    bufferSize: alignUp(setup.bufferSize === 0 ? DEFAULT_BUFFER : setup.bufferSize, granularity), autoComplete: setup.autoComplete, replaces: setup.replaces,
    dirty: new DirtyMap(length, granularity), inFlight: new Set(), bytesInFlight: 0, progressed: new CoQueue(), failure: null,
    shouldComplete: setup.autoComplete, toReplace: null, replaceBlocker: { message: 'block device is in use by block-job-complete' }, chainFrozen: false,
  };
  const shared = BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE_UNCHANGED | BLK_PERM_WRITE;
  const job: MirrorJob = await blockJobCreate(setup.driver, { ...options, bs: filter }, BLK_PERM_CONSISTENT_READ, shared, state);
  try {
    await attachTarget(job, length, setup.isCommit);
    if (targetIsBacking) await attachIntermediates(job);
  } catch (error) {
    if (job.target) await blkUnref(job.target);
    await jobEarlyFail(job);
    throw error;
  }
  return job;
}

/** @globalState */
async function attachTarget(job: MirrorJob, length: number, isCommit: boolean): Promise<void> {
  GLOBAL_STATE_CODE('attachTarget');
  const { targetNode } = job;
  let perm: Permissions = BLK_PERM_WRITE;
  let shared: Permissions = BLK_PERM_WRITE_UNCHANGED;
  if (job.targetIsBacking) {
    if (length > (await bdrvGetlength(targetNode))) perm |= BLK_PERM_RESIZE;
    shared |= BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE;
  }
  job.target = await blkNewWithBs(targetNode, perm, shared);
  if (!isCommit) blkSetForceAllowInactivate(job.target);
  blkSetAllowAioContextChange(job.target, true);
  // The job's own requests must pass while the target is drained.
  blkSetDisableRequestQueuing(job.target, true);
  await blockJobAddBdrv(job, 'target', targetNode, 0, BLK_PERM_ALL);
}

/** The layers between disappear at the end: no other job may use them. @globalState */
async function attachIntermediates(job: MirrorJob): Promise<void> {
  GLOBAL_STATE_CODE('attachIntermediates');
  const unfilteredTarget = bdrvSkipFilters(job.targetNode);
  let shared = BLK_PERM_WRITE_UNCHANGED | BLK_PERM_WRITE;
  for (let layer = bdrvFilterOrCowBs(job.source); layer !== null && layer !== job.targetNode; layer = bdrvFilterOrCowBs(layer)) {
    // From here on all are filters on the base, whose view is consistent.
    if (bdrvSkipFilters(layer) === unfilteredTarget) shared |= BLK_PERM_CONSISTENT_READ;
    await blockJobAddBdrv(job, 'intermediate node', layer, 0, shared);
  }
  bdrvFreezeBackingChain(job.filter, job.targetNode);
  job.chainFrozen = true;
}

/** Copies are whole clusters of the target: it need not copy around them from a backing file that it does not have yet. */
function granularityFor(wanted: number, target: BlockDriverState): number {
  let clusterSize = 0;
  try {
    ({ clusterSize } = bdrvGetInfo(target));
  } catch {
    // A target without clusters takes writes of any size.
  }
  return wanted === 0 ? Math.max(DEFAULT_GRANULARITY, clusterSize) : Math.max(wanted, clusterSize);
}

/**
 * Copies until source and target are the same, and goes on doing so until the job is completed or cancelled.
 *
 * @io
 * @coroutine
 */
async function run(job: MirrorJob): Promise<void> {
  try {
    await copyUntilDone(job);
  } finally {
    await mirrorWaitForAll(job);
  }
}

/** @io @coroutine */
async function copyUntilDone(job: MirrorJob): Promise<void> {
  const length = await bdrvGetlength(job.source);
  if (job.targetIsBacking) await growTarget(job, length);
  if (!job.isNoneMode) await mirrorFlagAll(job, length);
  for (;;) {
    await jobPausePoint(job);
    if (job.failure !== null) throw job.failure;
    if (jobIsCancelled(job)) return;
    jobProgressSetRemaining(job, job.dirty.bytes + job.bytesInFlight);
    if (job.dirty.bytes > 0 || job.inFlight.size > 0) {
      await mirrorCopySome(job);
      continue;
    }
    if (!jobIsReady(job)) {
      if (job.target) await blkCoFlush(job.target);
      jobTransitionToReady(job);
    }
    if (job.shouldComplete || jobCancelRequested(job)) return;
    await jobSleep(job, IDLE);
  }
}

/** @io @coroutine */
async function growTarget(job: MirrorJob, length: number): Promise<void> {
  const child = job.target?.root;
  if (child && length > (await bdrvGetlength(job.targetNode))) await bdrvCoTruncate(child, length, false, 'off', 0);
}

/** @globalState */
// eslint-disable-next-line @typescript-eslint/require-await -- the slot is asynchronous: other kinds of jobs wait here
async function complete(job: MirrorJob): Promise<void> {
  GLOBAL_STATE_CODE('mirrorJob.complete');
  if (!jobIsReady(job)) throw blockError('EINVAL', `The active block job '${job.id ?? ''}' cannot be completed`);
  if (job.replaces !== null) {
    const node = bdrvFindNode(job.replaces);
    if (node === null) throw blockError('ENOENT', `Node name '${job.replaces}' not found`);
    bdrvRef(node);
    bdrvOpBlockAll(node, job.replaceBlocker);
    job.toReplace = node;
  }
  job.shouldComplete = true;
  if (!job.paused) jobEnter(job);
}

/** A job that is not ready yet has nothing to keep: it is stopped at once. @globalState */
function cancel(job: MirrorJob, force: boolean): boolean {
  GLOBAL_STATE_CODE('mirrorJob.cancel');
  const atOnce = force || !jobIsReady(job);
  if (atOnce) bdrvCancelInFlight(job.targetNode);
  return atOnce;
}

/** Until it is paused, the job may begin copies. @io */
function drainedPoll(job: MirrorJob): boolean {
  return (!job.paused && !jobIsCancelled(job)) || job.inFlight.size > 0;
}

const mirrorJobDriver: BlockJobDriver = {
  jobType: 'mirror', run, pause: mirrorWaitForAll, complete, cancel, prepare: mirrorPrepare, abort: mirrorAbort, free: blockJobFree, userResume: blockJobUserResume, drainedPoll,
};

const commitActiveJobDriver: BlockJobDriver = { ...mirrorJobDriver, jobType: 'commit' };
