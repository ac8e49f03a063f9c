/**
 * The life of a job as tables: which state may follow which, and what a user may ask for in which state.
 *
 * In: a job and a new state, or a verb. Out: the state is changed and told, or the verb refused. Leaves to others: when a job changes its
 * state (`job-run.ts`, `job-completion.ts`).
 */
import { aioWaitKick } from '../contexts/poll.ts';
import { blockError } from '../model/errors.ts';
import type { Job, JobStatus, JobVerb } from '../model/jobs.ts';
import { jobEvent } from './job-events.ts';

const FOLLOWERS: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  undefined: ['created'],
  created: ['running', 'aborting', 'null'],
  running: ['paused', 'ready', 'waiting', 'aborting'],
  paused: ['running'],
  ready: ['standby', 'waiting', 'aborting'],
  standby: ['ready'],
  waiting: ['pending', 'aborting'],
  pending: ['aborting', 'concluded'],
  aborting: ['aborting', 'concluded'],
  concluded: ['null'],
  null: [],
};

const WHILE_IT_RUNS: readonly JobStatus[] = ['created', 'running', 'paused', 'ready', 'standby'];

const ALLOWED: Readonly<Record<JobVerb, readonly JobStatus[]>> = {
  cancel: [...WHILE_IT_RUNS, 'waiting', 'pending'],
  pause: WHILE_IT_RUNS,
  resume: WHILE_IT_RUNS,
  'set-speed': WHILE_IT_RUNS,
  complete: ['ready'],
  finalize: ['pending'],
  dismiss: ['concluded'],
};

/**
 * Changes the state of a job, and tells who listens.
 *
 * @throws Error where no job may do that: a broken invariant
 * @common
 */
export function jobStateTransition(job: Job, next: JobStatus): void {
  const before = job.status;
  if (!FOLLOWERS[before].includes(next)) throw new Error(`jobStateTransition: a job that is ${before} can't become ${next}.`);
  job.status = next;
  if (before !== next) jobEvent(job, { event: 'JOB_STATUS_CHANGE', data: { id: job.id ?? '', status: next } });
  aioWaitKick();
}

/**
 * Checks that a job may be asked for `verb` now.
 *
 * @throws BlockError `EPERM` if not
 * @common
 */
export function jobApplyVerb(job: Job, verb: JobVerb): void {
  if (ALLOWED[verb].includes(job.status)) return;
  throw blockError('EPERM', `Job '${job.id ?? ''}' in state '${job.status}' cannot accept command verb '${verb}'`);
}

/** The body of the job has ended, well or not. @common */
export function jobIsCompleted(job: Job): boolean {
  return ['waiting', 'pending', 'aborting', 'concluded', 'null'].includes(job.status);
}

/** The job could be completed: it waits for the user to say so. @common */
export function jobIsReady(job: Job): boolean {
  return job.status === 'ready' || job.status === 'standby';
}

/** It was asked to stop at once. @common */
export function jobIsCancelled(job: Job): boolean {
  return job.forceCancel;
}

/** It was asked to stop, at once or softly. @common */
export function jobCancelRequested(job: Job): boolean {
  return job.cancelled;
}

/** The monitor does not see it. @common */
export function jobIsInternal(job: Job): boolean {
  return job.id === null;
}
