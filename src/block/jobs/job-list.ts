/**
 * All jobs, newest first, and who holds them.
 *
 * In: jobs as they are created and freed. Out: jobs by id or one after the other. Leaves to others: creation and freeing (`job.ts`).
 */
import type { Job } from '../model/jobs.ts';

const jobs: Job[] = [];

/** The job after `job`; the first for `null`. @common */
export function jobNext(job: Job | null): Job | null {
  return jobs[job === null ? 0 : jobs.indexOf(job) + 1] ?? null;
}

/** The job of that id. @common */
export function jobGet(id: string): Job | null {
  return jobs.find((job) => job.id === id) ?? null;
}

/** Holds a job. @common */
export function jobRef(job: Job): void {
  job.refcnt++;
}

/** Puts a new job into the list. @common */
export function jobListAdd(job: Job): void {
  jobs.unshift(job);
}

/** Takes a job out of the list. @common */
export function jobListRemove(job: Job): void {
  jobs.splice(jobs.indexOf(job), 1);
}
