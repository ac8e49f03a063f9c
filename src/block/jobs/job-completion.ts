/**
 * The end of jobs, in the main thread: results, transactions, cancellation, and what the user decides (complete, finalize, dismiss).
 *
 * In: jobs whose body has ended, and wishes of users. Out: prepare, commit or abort, and clean are called in that order, once; the job is
 * concluded, and dismissed if nobody wants to look at it. Leaves to others: the body (`job-run.ts`), the start (`job.ts`).
 *
 * Two jobs A and B in one transaction: A's body succeeds, A waits; B's succeeds, both become pending; both prepare, both commit, both are
 * cleaned and concluded. If B fails instead, A is cancelled, and both abort.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { aioWaitWhile } from '../contexts/poll.ts';
import { blockError } from '../model/errors.ts';
import type { Job, JobTxn } from '../model/jobs.ts';
import { jobListRemove, jobNext, jobRef } from './job-list.ts';
import { jobEnter, jobPause, jobResume } from './job-run.ts';
import { jobApplyVerb, jobCancelRequested, jobIsCancelled, jobIsCompleted, jobIsInternal, jobStateTransition } from './job-states.ts';
import { jobTxnDelJob } from './job-transactions.ts';

/**
 * Lets go of a job; the last one frees it.
 *
 * @globalState
 */
export async function jobUnref(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('jobUnref');
  if (--job.refcnt > 0) return;
  if (job.status !== 'null') throw new Error('jobUnref: the last reference goes while the job lives.');
  jobListRemove(job);
  await job.driver.free?.(job);
}

/**
 * The body has ended, or was never begun: decides how the job's transaction goes on.
 *
 * @globalState
 */
export async function jobCompleted(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('jobCompleted');
  updateResult(job);
  if (job.error === null) await completedWell(job);
  else await transactionAbort(job);
}

/**
 * Asks a job to stop. A job that was never started, or whose body has ended, is aborted at once; else it ends at its next pause point.
 *
 * @globalState
 */
export async function jobCancel(job: Job, force: boolean): Promise<void> {
  GLOBAL_STATE_CODE('jobCancel');
  if (job.status === 'concluded') {
    await dismiss(job);
    return;
  }
  if (job.txn?.finishing) {
    // Too late: some jobs of the transaction may have committed.
    await job.txn.finishing;
    return;
  }
  jobCancelAsync(job, force);
  if (!job.started) await jobCompleted(job);
  else if (!job.deferredToMainLoop) jobEnter(job);
  // A soft request comes too late for a job whose body has ended.
  else if (jobCancelRequested(job)) await transactionAbort(job);
}

/**
 * What `block-job-cancel` and `job-cancel` do.
 *
 * @throws BlockError `EPERM` where the state of the job forbids it
 * @globalState
 */
export async function jobUserCancel(job: Job, force: boolean): Promise<void> {
  GLOBAL_STATE_CODE('jobUserCancel');
  jobApplyVerb(job, 'cancel');
  await jobCancel(job, force);
}

/**
 * Cancels a job and waits for its end.
 *
 * @returns its error; `null` if it could not be stopped any more and succeeded
 * @globalState
 */
export async function jobCancelSync(job: Job, force: boolean): Promise<Error | null> {
  GLOBAL_STATE_CODE('jobCancelSync');
  return jobFinishSync(job, () => jobCancel(job, force));
}

/**
 * Cancels all jobs and waits for their ends.
 *
 * @globalState
 */
export async function jobCancelSyncAll(): Promise<void> {
  GLOBAL_STATE_CODE('jobCancelSyncAll');
  for (let job = jobNext(null); job !== null; job = jobNext(null)) await jobCancelSync(job, true);
}

/**
 * Asks a ready job to finish.
 *
 * @throws BlockError `EPERM` where the state of the job forbids it, `EINVAL` where its kind can't be completed by hand
 * @globalState
 */
export async function jobComplete(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('jobComplete');
  if (jobIsInternal(job)) throw new Error('jobComplete: the job is internal.');
  jobApplyVerb(job, 'complete');
  if (jobCancelRequested(job) || !job.driver.complete) {
    throw blockError('EINVAL', `The active block job '${job.id}' cannot be completed`);
  }
  await job.driver.complete(job);
}

/**
 * Asks a ready job to finish, and waits for its end.
 *
 * @returns its error, if it failed
 * @globalState
 */
export async function jobCompleteSync(job: Job): Promise<Error | null> {
  GLOBAL_STATE_CODE('jobCompleteSync');
  return jobFinishSync(job, () => jobComplete(job));
}

/**
 * Waits for the end of a job's body, after `begin`.
 *
 * @returns the job's error, if it failed
 * @runs begin caller wait
 * @globalState
 */
export async function jobFinishSync(job: Job, begin: (() => Promise<void>) | null): Promise<Error | null> {
  GLOBAL_STATE_CODE('jobFinishSync');
  jobRef(job);
  try {
    if (begin) await begin();
    await aioWaitWhile(job.aioContext, () => {
      jobEnter(job);
      return !jobIsCompleted(job);
    });
    return job.error;
  } finally {
    await jobUnref(job);
  }
}

/**
 * Ends the transaction of a job that waits for it.
 *
 * @throws BlockError `EPERM` where the job does not wait
 * @globalState
 */
export async function jobFinalize(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('jobFinalize');
  jobApplyVerb(job, 'finalize');
  await finalizeTransaction(job);
}

/**
 * Forgets a concluded job.
 *
 * @throws BlockError `EPERM` where the job lives
 * @globalState
 */
export async function jobDismiss(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('jobDismiss');
  jobApplyVerb(job, 'dismiss');
  await dismiss(job);
}

/**
 * Forgets a job of which only its creation is done, since the rest failed.
 *
 * @globalState
 */
export async function jobEarlyFail(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('jobEarlyFail');
  await dismiss(job);
}

/**
 * Pauses a job for the user.
 *
 * @throws BlockError `EPERM` where the state of the job forbids it, `EINVAL` if the user has paused it already
 * @globalState
 */
export function jobUserPause(job: Job): void {
  GLOBAL_STATE_CODE('jobUserPause');
  jobApplyVerb(job, 'pause');
  if (job.userPaused) throw blockError('EINVAL', 'Job is already paused');
  job.userPaused = true;
  jobPause(job);
}

/**
 * Resumes a job that the user paused.
 *
 * @throws BlockError `EPERM` where the state of the job forbids it, `EINVAL` if the user has not paused it
 * @globalState
 */
export function jobUserResume(job: Job): void {
  GLOBAL_STATE_CODE('jobUserResume');
  if (!job.userPaused || job.pauseCount <= 0) throw blockError('EINVAL', "Can't resume a job that was not paused");
  jobApplyVerb(job, 'resume');
  job.driver.userResume?.(job);
  job.userPaused = false;
  jobResume(job);
}

/** @globalState */
function updateResult(job: Job): void {
  GLOBAL_STATE_CODE('updateResult');
  if (job.error === null && jobIsCancelled(job)) job.error = blockError('ECANCELED', 'Operation canceled');
  if (job.error !== null) jobStateTransition(job, 'aborting');
}

/** @globalState */
async function completedWell(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('completedWell');
  jobStateTransition(job, 'waiting');
  const { jobs } = transactionOf(job);
  if (!jobs.every(jobIsCompleted)) return;
  for (const member of jobs) {
    jobStateTransition(member, 'pending');
    if (!member.autoFinalize) member.notifiers.pending?.(member);
  }
  if (jobs.every((member) => member.autoFinalize)) await finalizeTransaction(job);
}

/** @globalState */
async function finalizeTransaction(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('finalizeTransaction');
  const txn = transactionOf(job);
  await endOnce(txn, async () => {
    for (const member of [...txn.jobs]) {
      await jobPrepare(member);
      if (member.error !== null) {
        await abortAll(txn, member);
        return;
      }
    }
    for (const member of [...txn.jobs]) await finalizeSingle(member);
  });
}

/** @globalState */
async function transactionAbort(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('transactionAbort');
  const { txn } = job;
  if (txn === null || txn.aborting) return;
  await endOnce(txn, () => abortAll(txn, job));
}

/** Prepare and finalize wait here and there: whoever comes meanwhile waits for the end that is under way. @globalState */
async function endOnce(txn: JobTxn, end: () => Promise<void>): Promise<void> {
  GLOBAL_STATE_CODE('endOnce');
  txn.finishing ??= end();
  await txn.finishing;
}

/** @globalState */
async function abortAll(txn: JobTxn, failed: Job): Promise<void> {
  GLOBAL_STATE_CODE('abortAll');
  txn.aborting = true;
  for (const other of txn.jobs) if (other !== failed) jobCancelAsync(other, true);
  for (const member of [...txn.jobs]) {
    // The body of a cancelled job ends soon; its own completion stops at `txn.aborting`.
    if (!jobIsCompleted(member)) {
      if (member.started) await jobFinishSync(member, null);
      else updateResult(member);
    }
    await finalizeSingle(member);
  }
}

/** @globalState */
function jobCancelAsync(job: Job, wantsForce: boolean): void {
  GLOBAL_STATE_CODE('jobCancelAsync');
  const force = job.driver.cancel ? job.driver.cancel(job, wantsForce) : true;
  if (job.userPaused) {
    job.driver.userResume?.(job);
    job.userPaused = false;
    job.pauseCount--;
  }
  if (!force && job.deferredToMainLoop) return;
  job.cancelled = true;
  job.forceCancel ||= force;
}

/** @globalState */
async function jobPrepare(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('jobPrepare');
  if (job.error === null) {
    try {
      await job.driver.prepare?.(job);
    } catch (error) {
      job.error = error as Error;
    }
  }
  updateResult(job);
}

/** @globalState */
async function finalizeSingle(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('finalizeSingle');
  updateResult(job);
  if (job.error === null) await jobCommit(job);
  else await jobAbort(job);
  await jobClean(job);
  job.cb?.(job.error);
  if (job.started) {
    if (jobIsCancelled(job)) job.notifiers.cancelled?.(job);
    else job.notifiers.completed?.(job);
  }
  jobTxnDelJob(job);
  jobStateTransition(job, 'concluded');
  if (job.autoDismiss || !job.started) await dismiss(job);
}

/** @globalState */
async function jobCommit(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('jobCommit');
  await job.driver.commit?.(job);
}

/** @globalState */
async function jobAbort(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('jobAbort');
  await job.driver.abort?.(job);
}

/** @globalState */
async function jobClean(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('jobClean');
  await job.driver.clean?.(job);
}

/** @globalState */
async function dismiss(job: Job): Promise<void> {
  GLOBAL_STATE_CODE('dismiss');
  job.busy = false;
  job.paused = false;
  job.deferredToMainLoop = true;
  jobTxnDelJob(job);
  jobStateTransition(job, 'null');
  await jobUnref(job);
}

/** @globalState */
function transactionOf(job: Job): JobTxn {
  GLOBAL_STATE_CODE('transactionOf');
  if (job.txn === null) throw new Error('A job that has not ended is in no transaction.');
  return job.txn;
}
