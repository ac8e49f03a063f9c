/** How far a job is. In: work done and work found. Out: the counts of `Job.progress`. */
import type { Job } from '../model/jobs.ts';

/** `done` more units are done. @common */
export function jobProgressUpdate(job: Job, done: number): void {
  job.progress.current += done;
  job.progress.remaining = Math.max(job.progress.remaining - done, 0);
}

/** Sets what is left. @common */
export function jobProgressSetRemaining(job: Job, remaining: number): void {
  job.progress.remaining = remaining;
}

/** More work was found. @common */
export function jobProgressIncreaseRemaining(job: Job, delta: number): void {
  job.progress.remaining += delta;
}

/** All work, done and left. @common */
export function jobProgressTotal(job: Job): number {
  return job.progress.current + job.progress.remaining;
}
