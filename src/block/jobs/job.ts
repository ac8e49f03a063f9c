/**
 * Jobs from creation to the end of their bodies.
 *
 * In: a driver, an id, a context. Out: a job; once started, its body runs as a coroutine in the job's context. Leaves to others: what
 * comes after the body (`job-completion.ts`), nodes (`block-job.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { aioBhScheduleMain, type AioContext } from '../contexts/aio-context.ts';
import { aioCoEnter } from '../contexts/coroutine.ts';
import { blockError } from '../model/errors.ts';
import { JOB_INTERNAL, JOB_MANUAL_DISMISS, JOB_MANUAL_FINALIZE, type Job, type JobCreateFlags, type JobDriver, type JobNotifiers, type JobTxn } from '../model/jobs.ts';
import { jobCompleted, jobUnref } from './job-completion.ts';
import { jobGet, jobListAdd, jobRef } from './job-list.ts';
import { jobPausePoint } from './job-run.ts';
import { jobStateTransition } from './job-states.ts';
import { jobTxnAddJob, jobTxnNew } from './job-transactions.ts';

/** What a job is made of. */
export interface JobOptions {
  readonly jobId: string | null;
  readonly driver: JobDriver;
  /** Jobs that end together; without it the job ends by itself. */
  readonly txn?: JobTxn | null;
  readonly context: AioContext;
  readonly flags?: JobCreateFlags;
  readonly cb?: ((error: Error | null) => void) | null;
  readonly notifiers?: JobNotifiers;
}

/**
 * Makes a job, with `state` as further fields of its record. It starts with {@link jobStart}.
 *
 * @throws BlockError `EINVAL` for a bad id, `EEXIST` if the id is taken
 * @globalState
 */
export function jobCreate<State extends object>(options: JobOptions, state: State): Job & State {
  GLOBAL_STATE_CODE('jobCreate');
  const flags = options.flags ?? 0;
  checkId(options.jobId, (flags & JOB_INTERNAL) !== 0);
  const job: Job & State = Object.assign(
    {
      id: options.jobId, driver: options.driver, refcnt: 1, aioContext: options.context, status: 'undefined' as const, started: false, busy: false,
      paused: true, userPaused: false, pauseCount: 1, cancelled: false, forceCancel: false, deferredToMainLoop: false,
      autoFinalize: (flags & JOB_MANUAL_FINALIZE) === 0, autoDismiss: (flags & JOB_MANUAL_DISMISS) === 0,
      progress: { current: 0, remaining: 0 }, error: null, txn: null, cb: options.cb ?? null, notifiers: options.notifiers ?? {}, wake: null, cancelTimer: null,
    },
    state,
  );
  jobListAdd(job);
  jobStateTransition(job, 'created');
  jobTxnAddJob(options.txn ?? jobTxnNew(), job);
  return job;
}

/**
 * Starts a job: its preparation here, then its body in its context. A failed preparation is the job's failure: the body never runs, the
 * job is aborted and cleaned.
 *
 * @globalState
 */
export async function jobStart(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('jobStart');
  if (job.started) throw new Error('jobStart: the job was started before.');
  try {
    await jobPreRun(job);
  } catch (error) {
    job.error = error as Error;
    await jobCompleted(job);
    return;
  }
  // Cancelled meanwhile: nothing is left to start.
  if (job.status !== 'created') return;
  job.started = true;
  job.pauseCount--;
  job.busy = true;
  job.paused = false;
  jobStateTransition(job, 'running');
  void aioCoEnter(job.aioContext, () => jobCoEntry(job));
}

/** @globalState */
async function jobPreRun(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('jobPreRun');
  await job.driver.preRun?.(job);
}

/**
 * The coroutine of every job.
 *
 * @io
 * @coroutine
 */
async function jobCoEntry(job: Job): Promise<void> {
  await jobPausePoint(job);
  try {
    await job.driver.run(job);
  } catch (error) {
    job.error = error as Error;
  }
  job.deferredToMainLoop = true;
  job.busy = true;
  aioBhScheduleMain(() => void jobExit(job));
}

/** @globalState */
async function jobExit(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('jobExit');
  jobRef(job);
  // Not quite idle yet; but what ends the job drains its nodes, and would wait for a busy job forever.
  job.busy = false;
  await jobCompleted(job);
  await jobUnref(job);
}

/** @globalState */
function checkId(id: string | null, internal: boolean): void {
  GLOBAL_STATE_CODE('checkId');
  if (internal) {
    if (id !== null) throw blockError('EINVAL', 'Cannot specify job ID for internal job');
  } else if (id === null || id === '') {
    throw blockError('EINVAL', 'An explicit job ID is required');
  } else if (!/^[A-Za-z][-A-Za-z0-9._]*$/.test(id)) {
    throw blockError('EINVAL', `Invalid job ID '${id}'`);
  } else if (jobGet(id) !== null) {
    throw blockError('EEXIST', `Job ID '${id}' already in use`);
  }
}
