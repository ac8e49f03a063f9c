/**
 * The coroutine of a job: how it sleeps, pauses and goes on.
 *
 * In: requests to pause and to go on, from any thread. Out: the coroutine stops at its pause points only, and goes on in the job's context,
 * which may have changed meanwhile. Leaves to others: start and end (`job.ts`, `job-completion.ts`).
 *
 * A coroutine that waits to be entered is not `busy`: whoever drains its nodes need not wait for it.
 */
import { aioTimerStart, qemuGetCurrentAioContext } from '../contexts/aio-context.ts';
import { aioCoRescheduleSelf } from '../contexts/coroutine.ts';
import { aioWaitKick } from '../contexts/poll.ts';
import { scheduler } from '../contexts/scheduler.ts';
import type { Job } from '../model/jobs.ts';
import { jobIsCancelled, jobStateTransition } from './job-states.ts';

/** The coroutine of the job exists. @common */
export function jobStarted(job: Job): boolean {
  return job.started;
}

/** The user, or an error policy, paused the job. @common */
export function jobUserPaused(job: Job): boolean {
  return job.userPaused;
}

/**
 * Lets the coroutine go on if it waits to be entered and `condition` holds.
 *
 * @common
 * @runs condition caller wait
 */
export function jobEnterCond(job: Job, condition: (job: Job) => boolean): void {
  if (!job.started || job.deferredToMainLoop || job.busy || !condition(job)) return;
  job.cancelTimer?.();
  job.cancelTimer = null;
  job.busy = true;
  const wake = job.wake;
  job.wake = null;
  if (wake) scheduler().post(job.aioContext, wake);
}

/** Lets the coroutine go on if it waits to be entered. @common */
export function jobEnter(job: Job): void {
  jobEnterCond(job, () => true);
}

/** Asks the job to stop at its next pause point. Counted. @common */
export function jobPause(job: Job): void {
  job.pauseCount++;
  // A sleeping coroutine wakes up in order to reach a pause point.
  if (!job.paused) jobEnter(job);
}

/** Takes one {@link jobPause} back. @common */
export function jobResume(job: Job): void {
  job.pauseCount--;
  // A timer that runs goes on: only a coroutine that is paused has to be entered.
  if (job.pauseCount === 0) jobEnterCond(job, (waiting) => waiting.cancelTimer === null);
}

/**
 * Stops here while the job has to pause. A body calls it often: between two calls it can't be paused.
 *
 * @common
 * @coroutine
 */
export async function jobPausePoint(job: Job): Promise<void> {
  if (!shouldPause(job)) return;
  await job.driver.pause?.(job);
  if (shouldPause(job)) {
    const { status } = job;
    jobStateTransition(job, status === 'ready' ? 'standby' : 'paused');
    job.paused = true;
    while (shouldPause(job)) await waitToBeEntered(job, null);
    job.paused = false;
    jobStateTransition(job, status);
  }
  await job.driver.resume?.(job);
}

/**
 * Sleeps, unless the job is cancelled or has to pause; ends early if the job is entered.
 *
 * @common
 * @coroutine
 */
export async function jobSleep(job: Job, milliseconds: number): Promise<void> {
  if (jobIsCancelled(job)) return;
  if (!shouldPause(job)) await waitToBeEntered(job, milliseconds);
  await jobPausePoint(job);
}

/**
 * Waits until the job is entered, unless it is cancelled or has to pause.
 *
 * @common
 * @coroutine
 */
export async function jobYield(job: Job): Promise<void> {
  if (jobIsCancelled(job)) return;
  if (!shouldPause(job)) await waitToBeEntered(job, null);
  await jobPausePoint(job);
}

/** Work is done as far as it can be: the job waits to be completed. @common */
export function jobTransitionToReady(job: Job): void {
  jobStateTransition(job, 'ready');
  job.notifiers.ready?.(job);
}

/** @common */
function shouldPause(job: Job): boolean {
  return job.pauseCount > 0 && !jobIsCancelled(job);
}

/** @coroutine */
async function waitToBeEntered(job: Job, milliseconds: number | null): Promise<void> {
  const entered = new Promise<void>((resolve) => {
    job.wake = resolve;
  });
  job.busy = false;
  if (milliseconds !== null) job.cancelTimer = aioTimerStart(job.aioContext, milliseconds, () => jobEnter(job));
  aioWaitKick();
  await entered;
  // The job may move once more while it waits for its turn in the new context.
  while (qemuGetCurrentAioContext() !== job.aioContext) await aioCoRescheduleSelf(job.aioContext);
}
