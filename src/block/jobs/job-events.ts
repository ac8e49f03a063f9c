/**
 * What jobs tell the outside: changes of state, readiness, ends, errors. Jobs that are internal tell nothing.
 *
 * In: events of jobs, listeners. Out: every listener is called at once, before the job goes on; management programs are told by
 * `events.ts`. Leaves to others: how an event is sent (the monitor).
 */
import { emitBlockEvent } from '../events.ts';
import type { BlockErrorAction } from '../model/backend.ts';
import type { Job, JobStatus, JobType } from '../model/jobs.ts';

/** Where a block job stands. Bytes. */
export interface BlockJobEventData {
  readonly type: JobType;
  readonly device: string;
  readonly len: number;
  readonly offset: number;
  readonly speed: number;
  readonly error?: string;
}

export type JobEvent =
  | { readonly event: 'JOB_STATUS_CHANGE'; readonly data: { readonly id: string; readonly status: JobStatus } }
  | { readonly event: 'BLOCK_JOB_READY' | 'BLOCK_JOB_COMPLETED' | 'BLOCK_JOB_CANCELLED'; readonly data: BlockJobEventData }
  | { readonly event: 'BLOCK_JOB_PENDING'; readonly data: { readonly type: JobType; readonly id: string } }
  | {
      readonly event: 'BLOCK_JOB_ERROR';
      readonly data: { readonly device: string; readonly operation: 'read' | 'write'; readonly action: BlockErrorAction };
    };

export type JobEventListener = (event: JobEvent, job: Job) => void;

const listeners = new Set<JobEventListener>();

/**
 * Calls `listener` for every event of a job that is not internal. A listener must not wait, and must be safe in any context.
 *
 * @returns what ends it
 * @runs listener caller
 * @common
 */
export function onJobEvent(listener: JobEventListener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Tells an event of `job`. @common */
export function jobEvent(job: Job, event: JobEvent): void {
  if (job.id === null) return;
  emitBlockEvent(event.event, { ...event.data });
  for (const listener of [...listeners]) listener(event, job);
}
