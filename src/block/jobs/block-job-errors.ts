/**
 * What a block job does when one of its requests fails.
 *
 * In: the policy and the error. Out: report, ignore, or stop; when it stops, the job is paused and its I/O status set. Leaves to others:
 * carrying the decision out (the kinds of jobs).
 */
import type { BlockdevOnError, BlockErrorAction } from '../model/backend.ts';
import { errnoOf } from '../model/errors.ts';
import type { BlockJob } from '../model/jobs.ts';
import { jobEvent } from './job-events.ts';
import { jobPause } from './job-run.ts';

/**
 * Decides what happens for an error, and tells the monitor.
 *
 * @io
 */
export function blockJobErrorAction(job: BlockJob, onError: BlockdevOnError, isRead: boolean, error: unknown): BlockErrorAction {
  const action = actionFor(onError, error);
  jobEvent(job, { event: 'BLOCK_JOB_ERROR', data: { device: job.id ?? '', operation: isRead ? 'read' : 'write', action } });
  if (action === 'stop') {
    if (!job.userPaused) {
      job.userPaused = true;
      jobPause(job);
    }
    // The first error counts until the user resumes the job.
    if (job.iostatus === 'ok') job.iostatus = errnoOf(error) === 'ENOSPC' ? 'nospace' : 'failed';
  }
  return action;
}

/** @common */
function actionFor(onError: BlockdevOnError, error: unknown): BlockErrorAction {
  switch (onError) {
    case 'enospc':
    case 'auto':
      return errnoOf(error) === 'ENOSPC' ? 'stop' : 'report';
    default:
      return onError;
  }
}
