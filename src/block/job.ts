/**
 * Jobs of any kind. Re-exports only (seed patches 26 to 29).
 */
export { jobCreate, jobStart, type JobOptions } from './jobs/job.ts';
export {
  jobCancel, jobCancelSync, jobCancelSyncAll, jobComplete, jobCompleteSync, jobDismiss, jobFinalize, jobFinishSync, jobUnref, jobUserCancel, jobUserPause, jobUserResume,
} from './jobs/job-completion.ts';
export { onJobEvent, type BlockJobEventData, type JobEvent, type JobEventListener } from './jobs/job-events.ts';
export { jobGet, jobNext, jobRef } from './jobs/job-list.ts';
export { jobProgressIncreaseRemaining, jobProgressSetRemaining, jobProgressTotal, jobProgressUpdate } from './jobs/job-progress.ts';
export { jobEnter, jobPause, jobPausePoint, jobResume, jobSleep, jobStarted, jobTransitionToReady, jobUserPaused, jobYield } from './jobs/job-run.ts';
export { jobApplyVerb, jobCancelRequested, jobIsCancelled, jobIsCompleted, jobIsInternal, jobIsReady } from './jobs/job-states.ts';
export { jobTxnNew } from './jobs/job-transactions.ts';
