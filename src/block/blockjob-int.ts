/**
 * Block jobs, for those who write kinds of them. Re-exports only (seed patch 11).
 */
export { blockJobCreate, blockJobFree, blockJobRatelimitGetDelay, blockJobRatelimitSleep, blockJobUserResume } from './jobs/block-job.ts';
export { blockJobErrorAction } from './jobs/block-job-errors.ts';
