/**
 * The create job: makes an image on nodes that exist (`blockdev-create`).
 *
 * In: a driver and its options. Out: the image is made; always in the main loop (seed patch 22).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { mainContext } from '../contexts/aio-context.ts';
import type { BlockDriver, BlockdevCreateOptions } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import { JOB_MANUAL_DISMISS, type Job, type JobDriver } from '../model/jobs.ts';
import { bdrvFindFormat } from '../open/drivers.ts';
import { jobCreate, jobStart } from './job.ts';
import { jobProgressSetRemaining, jobProgressUpdate } from './job-progress.ts';

interface CreateJob extends Job {
  readonly drv: BlockDriver;
  readonly options: BlockdevCreateOptions;
}

/**
 * Starts a create job. It stays in the list until it is dismissed.
 *
 * @throws BlockError where there is no such driver, or it makes no images
 * @globalState
 */
export async function blockdevCreateStart(jobId: string, options: BlockdevCreateOptions): Promise<Job> {
  GLOBAL_STATE_CODE('blockdevCreateStart');
  const drv = bdrvFindFormat(options.driver);
  if (drv === null) throw blockError('EINVAL', `Block driver '${options.driver}' not found or not supported`);
  if (!drv.bdrvCoCreate) throw blockError('ENOTSUP', 'Driver does not support blockdev-create');
  const state: Omit<CreateJob, keyof Job> = { drv, options };
  const job = jobCreate({ jobId, driver: createJobDriver, context: mainContext, flags: JOB_MANUAL_DISMISS }, state);
  await jobStart(job);
  return job;
}

/**
 * Global State although it is a job's body: the job never leaves the main loop.
 *
 * @globalState
 * @coroutine
 */
async function blockdevCreateRun(job: CreateJob): Promise<void> {
  GLOBAL_STATE_CODE('blockdevCreateRun');
  jobProgressSetRemaining(job, 1);
  await job.drv.bdrvCoCreate?.(job.options);
  jobProgressUpdate(job, 1);
}

const createJobDriver: JobDriver = {
  jobType: 'create',
  // gsio-allow callback-class -- a create job's context is always the main loop's: its body runs in the main thread
  run: blockdevCreateRun,
};
