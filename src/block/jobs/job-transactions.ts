/** Groups of jobs that end together. In: jobs. Out: the group that a job is in. Leaves to others: the end itself (`job-completion.ts`). */
import type { Job, JobTxn } from '../model/jobs.ts';

/** A transaction without jobs. @common */
export function jobTxnNew(): JobTxn {
  return { jobs: [], aborting: false, finishing: null };
}

/** Makes a job succeed or fail together with those in `txn`. @common */
export function jobTxnAddJob(txn: JobTxn, job: Job): void {
  if (job.txn !== null) throw new Error('jobTxnAddJob: the job is in a transaction already.');
  job.txn = txn;
  txn.jobs.push(job);
}

/** The job has ended: its transaction forgets it. @common */
export function jobTxnDelJob(job: Job): void {
  const { txn } = job;
  if (txn === null) return;
  txn.jobs.splice(txn.jobs.indexOf(job), 1);
  job.txn = null;
}
