/**
 * The backup job: copies a disk as it was when the job began, while it is in use.
 *
 * In: a source, a target of the same length, what to copy: all, the top layer, what a bitmap says, or nothing but what is about to be
 * overwritten. Out: the target holds that. Leaves to others: a filter above the source keeps old data safe before a write changes it, and
 * copies (`drivers/copy-before-write/`); the job walks through the rest.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { CoQueue, aioCoEnter } from '../contexts/coroutine.ts';
import { blockCopyFailedReading, type BlockCopyState } from '../drivers/copy-before-write/block-copy.ts';
import { bdrvCbwAppend, bdrvCbwDrop } from '../drivers/copy-before-write/driver.ts';
import { bdrvOpIsBlocked } from '../graph/op-blockers.ts';
import { alignUp } from '../model/arithmetic.ts';
import type { BlockdevOnError } from '../model/backend.ts';
import { BLK_PERM_ALL, BlockOpType } from '../model/constants.ts';
import type { BdrvDirtyBitmap } from '../model/dirty-bitmap.ts';
import { blockError } from '../model/errors.ts';
import type { BackupOptions, BitmapSyncMode, BlockJob, BlockJobDriver, MirrorSyncMode } from '../model/jobs.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvCancelInFlight } from '../open/image.ts';
import { bdrvIsInserted, bdrvSupportsCompressedWrites } from '../open/queries.ts';
import {
  bdrvClearDirtyBitmap, bdrvDirtyBitmapAbdicate, bdrvDirtyBitmapCheck, bdrvDirtyBitmapCreateSuccessor, bdrvDirtyBitmapMergeInternal, bdrvDirtyBitmapNextDirtyArea,
  bdrvReclaimDirtyBitmap, BDRV_BITMAP_ALLOW_RO, BDRV_BITMAP_DEFAULT,
} from '../requests/dirty-bitmap.ts';
import { bdrvGetlength } from '../requests/length.ts';
import { blockJobErrorAction } from './block-job-errors.ts';
import { blockJobAddBdrv, blockJobCreate, blockJobFree, blockJobRatelimitSleep, blockJobRemoveAllBdrv, blockJobUserResume } from './block-job.ts';
import { jobEarlyFail } from './job-completion.ts';
import { jobProgressSetRemaining, jobProgressUpdate } from './job-progress.ts';
import { jobPausePoint, jobYield } from './job-run.ts';
import { jobIsCancelled } from './job-states.ts';

const DEFAULT_WORKERS = 64;
/** Bytes of one copy at most. */
const MAX_COPY = 1024 * 1024;

interface BackupJob extends BlockJob {
  readonly source: BlockDriverState;
  readonly targetNode: BlockDriverState;
  readonly filter: BlockDriverState;
  readonly copying: BlockCopyState;
  readonly syncMode: MirrorSyncMode;
  /** Which clusters to copy; frozen while the job runs. */
  readonly syncBitmap: BdrvDirtyBitmap | null;
  readonly bitmapMode: BitmapSyncMode;
  readonly onSourceError: BlockdevOnError;
  readonly onTargetError: BlockdevOnError;
  readonly maxWorkers: number;
  readonly maxChunk: number;
  /** Copies in flight, and who waits for one to end. */
  running: number;
  readonly progressed: CoQueue;
  failure: unknown;
}

/**
 * Makes a backup job; it is started by `jobStart`.
 *
 * @throws BlockError `EINVAL` for options that contradict each other, `EBUSY` where a node is in use, and what making the job throws
 * @globalState
 */
export async function backupJobCreate(options: BackupOptions): Promise<BlockJob> {
  GLOBAL_STATE_CODE('backupJobCreate');
  refuseNodes(options);
  refuseNumbers(options);
  if ((await bdrvGetlength(options.bs)) !== (await bdrvGetlength(options.target))) throw blockError('EINVAL', 'Source and target image have different sizes');
  const syncBitmap = freezeBitmap(options);
  try {
    return await makeJob(options, syncBitmap);
  } catch (error) {
    if (syncBitmap) bdrvReclaimDirtyBitmap(syncBitmap);
    throw error;
  }
}

/** @globalState */
function refuseNodes({ bs, target, compress }: BackupOptions): void {
  GLOBAL_STATE_CODE('refuseNodes');
  if (bs === target) throw blockError('EINVAL', 'Source and target cannot be the same');
  for (const node of [bs, target]) if (!bdrvIsInserted(node)) throw blockError('ENOMEDIUM', `Device is not inserted: ${node.nodeName}`);
  if (compress && !bdrvSupportsCompressedWrites(target)) throw blockError('ENOTSUP', `Compression is not supported for this drive ${target.nodeName}`);
  const blocked = bdrvOpIsBlocked(bs, BlockOpType.BACKUP_SOURCE) ?? bdrvOpIsBlocked(target, BlockOpType.BACKUP_TARGET);
  if (blocked) throw blockError('EBUSY', blocked.message);
}

function refuseNumbers(options: BackupOptions): void {
  const workers = options.maxWorkers ?? DEFAULT_WORKERS;
  if (!Number.isInteger(workers) || workers < 1) throw blockError('EINVAL', 'max-workers must be 1 or more');
  if ((options.maxChunk ?? 0) < 0) throw blockError('EINVAL', 'max-chunk must be zero (which means no limit) or positive');
}

/** The bitmap of the options, with a successor that takes the writes from now on. @globalState */
function freezeBitmap(options: BackupOptions): BdrvDirtyBitmap | null {
  GLOBAL_STATE_CODE('freezeBitmap');
  const bitmap = options.syncBitmap ?? null;
  if (options.syncMode === 'incremental') throw blockError('EINVAL', "Sync mode 'incremental' is mode 'bitmap' with bitmap mode 'on-success'");
  if (options.syncMode === 'bitmap' && bitmap === null) throw blockError('EINVAL', "must provide a valid bitmap name for 'bitmap' sync mode");
  if (bitmap === null) return null;
  if (options.syncMode === 'none') throw blockError('EINVAL', "sync mode 'none' does not produce meaningful bitmap outputs");
  const mode = modeOf(options);
  if (mode === 'never' && options.syncMode !== 'bitmap') throw blockError('EINVAL', "Bitmap sync mode 'never' has no meaningful effect when combined with sync mode");
  bdrvDirtyBitmapCheck(bitmap, mode === 'never' ? BDRV_BITMAP_ALLOW_RO : BDRV_BITMAP_DEFAULT);
  bdrvDirtyBitmapCreateSuccessor(bitmap);
  return bitmap;
}

function modeOf(options: BackupOptions): BitmapSyncMode {
  return options.bitmapMode ?? 'on-success';
}

/** @globalState */
async function makeJob(options: BackupOptions, syncBitmap: BdrvDirtyBitmap | null): Promise<BackupJob> {
  GLOBAL_STATE_CODE('makeJob');
  const { bs, target } = options;
  const { node: filter, copying } = await bdrvCbwAppend(bs, target, options.filterNodeName ?? null);
  try {
    const { clusterSize } = copying;
    if (options.maxChunk && options.maxChunk < clusterSize) {
      throw blockError('EINVAL', `Required max-chunk (${options.maxChunk}) is less than backup cluster size (${clusterSize})`);
    }
    filter.implicit = !options.filterNodeName;
    copying.setOptions(false, options.compress ?? false);
    const state: Omit<BackupJob, keyof BlockJob> = {
      source: bs, targetNode: target, filter, copying, syncMode: options.syncMode, syncBitmap, bitmapMode: modeOf(options), onSourceError: options.onError ?? 'report',
      onTargetError: options.onTargetError ?? 'report', maxWorkers: options.maxWorkers ?? DEFAULT_WORKERS,
      maxChunk: Math.max(Math.min(options.maxChunk || MAX_COPY, MAX_COPY), clusterSize), running: 0, progressed: new CoQueue(), failure: null,
    };
    return await attach(await blockJobCreate(backupJobDriver, { ...options, bs: filter }, 0, BLK_PERM_ALL, state));
  } catch (error) {
    await bdrvCbwDrop(filter);
    throw error;
  }
}

/** @globalState */
async function attach(job: BackupJob): Promise<BackupJob> {
  GLOBAL_STATE_CODE('attach');
  try {
    await blockJobAddBdrv(job, 'target', job.targetNode, 0, BLK_PERM_ALL);
  } catch (error) {
    await jobEarlyFail(job);
    throw error;
  }
  job.copying.onProgress = (bytes) => {
    jobProgressUpdate(job, bytes);
    jobProgressSetRemaining(job, job.copying.dirtyBytes + job.copying.inFlightBytes);
  };
  return job;
}

/**
 * Copies what has to be copied and was not yet.
 *
 * @io
 * @coroutine
 */
async function run(job: BackupJob): Promise<void> {
  const { copying } = job;
  if (job.syncMode === 'bitmap' && job.syncBitmap) {
    bdrvClearDirtyBitmap(copying.bitmap);
    bdrvDirtyBitmapMergeInternal(copying.bitmap, job.syncBitmap);
  }
  if (job.syncMode === 'top') await leaveOutWhatIsBelow(job);
  jobProgressSetRemaining(job, copying.dirtyBytes);
  if (job.syncMode === 'none') {
    // Every write of the guest is copied before; nothing else is.
    while (!jobIsCancelled(job)) await jobYield(job);
    return;
  }
  await copyAll(job);
}

/** A write that comes before a cluster was looked at does not copy it either, where the top layer has it not. @io @coroutine */
async function leaveOutWhatIsBelow(job: BackupJob): Promise<void> {
  const { copying } = job;
  copying.skipUnallocated = true;
  for (let offset = 0; offset < copying.length && !jobIsCancelled(job); ) {
    await jobPausePoint(job);
    const { bytes } = await copying.resetUnallocated(offset);
    offset += bytes;
  }
  copying.skipUnallocated = false;
}

/** @io @coroutine */
async function copyAll(job: BackupJob): Promise<void> {
  const { copying } = job;
  for (let offset = 0; ; ) {
    await jobPausePoint(job);
    if (jobIsCancelled(job) || job.failure !== null) break;
    const area = bdrvDirtyBitmapNextDirtyArea(copying.bitmap, offset, copying.length, job.maxChunk);
    if (area === null) {
      // What failed and is to be tried again lies anywhere: round again, once all are done.
      if (job.running > 0) await job.progressed.wait();
      else if (offset === 0) break;
      offset = 0;
      continue;
    }
    while (job.running >= job.maxWorkers) await job.progressed.wait();
    job.running++;
    void aioCoEnter(job.aioContext, () => copyPart(job, area.offset, area.bytes));
    offset = alignUp(area.offset + area.bytes, copying.clusterSize);
    await blockJobRatelimitSleep(job, area.bytes);
  }
  while (job.running > 0) await job.progressed.wait();
  if (job.failure !== null) throw job.failure as Error;
}

/** @io @coroutine */
async function copyPart(job: BackupJob, offset: number, bytes: number): Promise<void> {
  try {
    await job.copying.copy(offset, bytes);
  } catch (error) {
    const isRead = blockCopyFailedReading(error);
    const action = blockJobErrorAction(job, isRead ? job.onSourceError : job.onTargetError, isRead, error);
    if (action === 'report') job.failure ??= error;
    // Stopped: the clusters are still to be copied, and the job finds them when it goes on.
    if (action === 'ignore') job.copying.skip(offset, bytes);
  } finally {
    job.running--;
    job.progressed.restartAll();
  }
}

/** @globalState */
// eslint-disable-next-line @typescript-eslint/require-await -- the slot is asynchronous: other kinds of jobs wait here
async function commit(job: BackupJob): Promise<void> {
  GLOBAL_STATE_CODE('backupJob.commit');
  thawBitmap(job, true);
}

/** @globalState */
// eslint-disable-next-line @typescript-eslint/require-await -- the slot is asynchronous: other kinds of jobs wait here
async function abort(job: BackupJob): Promise<void> {
  GLOBAL_STATE_CODE('backupJob.abort');
  thawBitmap(job, false);
}

/** After a success the bitmap holds what was written since the job began; after a failure also what was to be copied. @globalState */
function thawBitmap(job: BackupJob, succeeded: boolean): void {
  GLOBAL_STATE_CODE('thawBitmap');
  const { syncBitmap: bitmap, bitmapMode } = job;
  if (bitmap === null) return;
  if (bitmapMode === 'always' || (succeeded && bitmapMode === 'on-success')) {
    const since = bdrvDirtyBitmapAbdicate(bitmap);
    if (!succeeded) bdrvDirtyBitmapMergeInternal(since, job.copying.bitmap);
  } else {
    bdrvReclaimDirtyBitmap(bitmap);
  }
}

/** @globalState */
async function clean(job: BackupJob): Promise<void> {
  GLOBAL_STATE_CODE('backupJob.clean');
  await blockJobRemoveAllBdrv(job);
  job.copying.onProgress = null;
  await bdrvCbwDrop(job.filter);
}

/** @globalState */
function cancel(job: BackupJob): boolean {
  GLOBAL_STATE_CODE('backupJob.cancel');
  bdrvCancelInFlight(job.targetNode);
  return true;
}

/** Until it is paused, the job may begin copies. @io */
function drainedPoll(job: BackupJob): boolean {
  return !job.paused || job.running > 0;
}

const backupJobDriver: BlockJobDriver = {
  jobType: 'backup', run, commit, abort, clean, cancel, free: blockJobFree, userResume: blockJobUserResume, drainedPoll,
};
