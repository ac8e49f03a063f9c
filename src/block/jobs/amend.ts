/**
 * The amend job: changes options of an image that is open (`x-blockdev-amend`).
 *
 * In: a node, its driver's options. Out: the image has them. Permissions that the driver needs are taken before the body runs and given
 * back after it, both in the main thread: the body itself asks for none (seed patch 30, as reviewed).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockdevAmendOptions } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import { JOB_MANUAL_DISMISS, type Job, type JobDriver } from '../model/jobs.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvRef, bdrvUnref } from '../graph/nodes.ts';
import { bdrvFindFormat } from '../open/drivers.ts';
import { bdrvGetAioContext } from '../requests/node-context.ts';
import { jobCreate, jobStart } from './job.ts';
import { jobProgressSetRemaining, jobProgressUpdate } from './job-progress.ts';

interface AmendJob extends Job {
  readonly bs: BlockDriverState;
  readonly options: BlockdevAmendOptions;
  readonly force: boolean;
  /** The driver was told that the job runs, and has to be told of its end. */
  prepared: boolean;
}

/**
 * Starts an amend job. It stays in the list until it is dismissed.
 *
 * @throws BlockError where the driver is not the node's, or can't amend
 * @globalState
 */
export async function blockdevAmendStart(jobId: string, bs: BlockDriverState, options: BlockdevAmendOptions, force: boolean): Promise<Job> {
  GLOBAL_STATE_CODE('blockdevAmendStart');
  const drv = bdrvFindFormat(options.driver);
  if (drv === null) throw blockError('EINVAL', `Block driver '${options.driver}' not found or not supported`);
  if (bs.drv !== drv) throw blockError('EINVAL', 'x-blockdev-amend doesn\'t support changing the block driver');
  if (!drv.bdrvCoAmend) throw blockError('ENOTSUP', `Driver does not support x-blockdev-amend`);
  const state: Omit<AmendJob, keyof Job> = { bs, options, force, prepared: false };
  const job: AmendJob = jobCreate({ jobId, driver: amendJobDriver, context: bdrvGetAioContext(bs), flags: JOB_MANUAL_DISMISS }, state);
  bdrvRef(bs);
  await jobStart(job);
  return job;
}

/** @globalState */
// eslint-disable-next-line @typescript-eslint/require-await -- the slot is asynchronous: other kinds of jobs wait here
async function preRun(job: AmendJob): Promise<void> {
  GLOBAL_STATE_CODE('amendJob.preRun');
  job.prepared = true;
  job.bs.drv?.bdrvAmendPreRun?.(job.bs);
}

/** @io @coroutine */
async function run(job: AmendJob): Promise<void> {
  jobProgressSetRemaining(job, 1);
  await job.bs.drv?.bdrvCoAmend?.(job.bs, job.options, job.force);
  jobProgressUpdate(job, 1);
}

/** @globalState */
// eslint-disable-next-line @typescript-eslint/require-await -- the slot is asynchronous: other kinds of jobs wait here
async function clean(job: AmendJob): Promise<void> {
  GLOBAL_STATE_CODE('amendJob.clean');
  if (job.prepared) job.bs.drv?.bdrvAmendClean?.(job.bs);
}

/** @globalState */
async function free(job: AmendJob): Promise<void> {
  GLOBAL_STATE_CODE('amendJob.free');
  await bdrvUnref(job.bs);
}

const amendJobDriver: JobDriver = { jobType: 'amend', preRun, run, clean, free };
