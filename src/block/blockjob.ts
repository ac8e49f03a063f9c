/**
 * Block jobs, for their users. Re-exports only (seed patch 14).
 */
export {
  blockJobAddBdrv, blockJobDriver, blockJobGet, blockJobHasBdrv, blockJobIostatusReset, blockJobIsInternal, blockJobNext, blockJobQuery, blockJobRemoveAllBdrv,
  blockJobSetSpeed, type BlockJobInfo,
} from './jobs/block-job.ts';
