/**
 * The records of jobs, the tables of functions that a kind of job plugs in, and the options of the jobs that other modules start.
 *
 * Types only. The functions are in `jobs/`.
 */
import type { AioContext } from '../contexts/aio-context.ts';
import type { CancelTimer } from '../contexts/scheduler.ts';
import type { BlockDeviceIoStatus, BlockdevOnError } from './backend.ts';
import type { BdrvDirtyBitmap } from './dirty-bitmap.ts';
import type { BdrvChild, BlockDriverState, BlockReason } from './node.ts';

/** Where a job is in its life. */
export type JobStatus =
  | 'undefined' | 'created' | 'running' | 'paused' | 'ready' | 'standby' | 'waiting' | 'pending' | 'aborting' | 'concluded' | 'null';

/** What a user may ask of a job. */
export type JobVerb = 'cancel' | 'pause' | 'resume' | 'set-speed' | 'complete' | 'finalize' | 'dismiss';

export type JobType = 'commit' | 'stream' | 'mirror' | 'backup' | 'create' | 'amend' | 'snapshot-load' | 'snapshot-save' | 'snapshot-delete';

/** How a job is created: a set of the bits below. */
export type JobCreateFlags = number;

/** The monitor does not see it; it has no id. */
export const JOB_INTERNAL = 1;
/** Waits for `jobFinalize` once all of its transaction is pending. */
export const JOB_MANUAL_FINALIZE = 2;
/** Stays in the list once it is concluded, until `jobDismiss`. */
export const JOB_MANUAL_DISMISS = 4;

/**
 * What a kind of job does. The slots take the job as the kind made it: a kind may write its own record type for the parameter.
 *
 * A slot fails by throwing.
 */
export interface JobDriver {
  readonly jobType: JobType;
  /** The body. Runs in the job's context, whichever that is. @io @coroutine */
  run(job: Job): Promise<void>;
  /** The job is about to pause: it must do nothing until it resumes. One thread at a time. @io @coroutine */
  pause?(job: Job): Promise<void>;
  /** The job goes on. One thread at a time. @io @coroutine */
  resume?(job: Job): Promise<void>;
  /** Before the coroutine starts: what needs the main thread, such as permissions. A failure ends the job as failed. @globalState */
  preRun?(job: Job): Promise<void>;
  /** The user resumes the job. @globalState */
  userResume?(job: Job): void;
  /** The user wants a ready job to finish. @globalState */
  complete?(job: Job): Promise<void>;
  /** The last step that may fail; only if nothing failed before. @globalState */
  prepare?(job: Job): Promise<void>;
  /** The whole transaction succeeded. @globalState */
  commit?(job: Job): Promise<void>;
  /** The job, or its transaction, failed. @globalState */
  abort?(job: Job): Promise<void>;
  /** After commit or abort. @globalState */
  clean?(job: Job): Promise<void>;
  /** The job is cancelled; returns whether by force. Without the slot every cancellation is. @globalState */
  cancel?(job: Job, force: boolean): boolean;
  /** The last reference is gone. @globalState */
  free?(job: Job): Promise<void>;
}

/** Work done and left, in units of the job's choice. */
export interface JobProgress {
  current: number;
  remaining: number;
}

/** Jobs that succeed or fail together. */
export interface JobTxn {
  readonly jobs: Job[];
  aborting: boolean;
  /** The end of the transaction while it is under way. */
  finishing: Promise<void> | null;
}

/** Told of a job's steps; block jobs send their events from here. */
export interface JobNotifiers {
  /** @globalState */
  completed?(job: Job): void;
  /** @globalState */
  cancelled?(job: Job): void;
  /** @globalState */
  pending?(job: Job): void;
  /** @common */
  ready?(job: Job): void;
}

/** A long operation with a life cycle. */
export interface Job {
  /** `null`: internal. */
  readonly id: string | null;
  readonly driver: JobDriver;
  refcnt: number;
  /** Where the body runs. */
  aioContext: AioContext;
  status: JobStatus;
  /** The coroutine exists. */
  started: boolean;
  /** The coroutine runs, or waits for something other than being entered. */
  busy: boolean;
  /** The coroutine has stopped at a pause point. */
  paused: boolean;
  /** The user, or an error policy, paused it. */
  userPaused: boolean;
  /** How often it was asked to pause; a job starts with one, which `jobStart` takes away. */
  pauseCount: number;
  /** It was asked to stop, perhaps softly. */
  cancelled: boolean;
  /** It was asked to stop at once. */
  forceCancel: boolean;
  /** The body is done; what is left happens in the main loop. */
  deferredToMainLoop: boolean;
  readonly autoFinalize: boolean;
  readonly autoDismiss: boolean;
  readonly progress: JobProgress;
  /** Why it failed; `null`: it has not. */
  error: Error | null;
  txn: JobTxn | null;
  /** Told of the end, with the error if there is one. */
  readonly cb: ((error: Error | null) => void) | null;
  readonly notifiers: JobNotifiers;
  /** Lets the coroutine go on, while it waits to be entered. */
  wake: (() => void) | null;
  cancelTimer: CancelTimer | null;
}

/** What a kind of block job does besides. */
export interface BlockJobDriver extends JobDriver {
  /** Has the job requests pending, or will it start some before its next pause point? @io */
  drainedPoll?(job: BlockJob): boolean;
  /** The job's nodes have moved to another context, before it goes on there. @globalState */
  attachedAioContext?(job: BlockJob, newContext: AioContext): void;
  /** The speed limit changed. @globalState */
  setSpeed?(job: BlockJob, speed: number): void;
}

/** A limit on the bytes of a stretch of time. */
export interface RateLimit {
  sliceStart: number;
  sliceEnd: number;
  sliceQuota: number;
  dispatched: number;
}

/** A job on nodes. */
export interface BlockJob extends Job {
  readonly driver: BlockJobDriver;
  /** The edges to its nodes. */
  readonly nodes: BdrvChild[];
  /** Why other operations on its nodes are refused. */
  readonly blocker: BlockReason;
  /** Bytes a second; 0: unlimited. */
  speed: number;
  readonly limit: RateLimit;
  iostatus: BlockDeviceIoStatus;
}

export type MirrorSyncMode = 'top' | 'full' | 'none' | 'incremental' | 'bitmap';
export type BitmapSyncMode = 'on-success' | 'never' | 'always';
export type MirrorCopyMode = 'background' | 'write-blocking';
export type MirrorBackingMode = 'source-chain' | 'open-chain' | 'leave-chain';

/** What every job takes. */
export interface CommonJobOptions {
  /** `null`: internal, not seen by the monitor. */
  readonly jobId: string | null;
  readonly bs: BlockDriverState;
  readonly creationFlags?: JobCreateFlags;
  /** Jobs that succeed or fail together with it. */
  readonly txn?: JobTxn | null;
  readonly cb?: ((error: Error | null) => void) | null;
  /** Bytes a second; 0: unlimited. */
  readonly speed?: number;
  readonly onError?: BlockdevOnError;
  readonly filterNodeName?: string | null;
}

export interface StreamOptions extends CommonJobOptions {
  readonly base: BlockDriverState | null;
  readonly backingFileStr?: string | null;
  readonly bottom?: BlockDriverState | null;
}

export interface CommitOptions extends CommonJobOptions {
  readonly base: BlockDriverState;
  readonly top: BlockDriverState;
  readonly backingFileStr?: string | null;
}

export interface CommitActiveOptions extends CommonJobOptions {
  readonly base: BlockDriverState;
  readonly autoComplete: boolean;
}

export interface MirrorOptions extends CommonJobOptions {
  readonly target: BlockDriverState;
  readonly replaces?: string | null;
  readonly granularity?: number;
  readonly bufSize?: number;
  readonly mode: MirrorSyncMode;
  readonly backingMode: MirrorBackingMode;
  readonly zeroTarget?: boolean;
  readonly onTargetError?: BlockdevOnError;
  readonly unmap?: boolean;
  readonly copyMode?: MirrorCopyMode;
}

export interface BackupOptions extends CommonJobOptions {
  readonly target: BlockDriverState;
  readonly syncMode: MirrorSyncMode;
  readonly syncBitmap?: BdrvDirtyBitmap | null;
  readonly bitmapMode?: BitmapSyncMode;
  readonly compress?: boolean;
  readonly onTargetError?: BlockdevOnError;
  readonly maxWorkers?: number;
  readonly maxChunk?: number;
}
