/** Options of the jobs that other modules start, and the record of a block job as they see it. Owned by `jobs/`. */
import type { BlockdevOnError } from './backend.ts';
import type { BdrvDirtyBitmap } from './dirty-bitmap.ts';
import type { BlockDriverState } from './node.ts';

export type MirrorSyncMode = 'top' | 'full' | 'none' | 'incremental' | 'bitmap';
export type BitmapSyncMode = 'on-success' | 'never' | 'always';
export type MirrorCopyMode = 'background' | 'write-blocking';
export type MirrorBackingMode = 'source-chain' | 'open-chain' | 'leave-chain';

/** What every job takes. */
export interface CommonJobOptions {
  /** `null`: internal, not seen by the monitor. */
  readonly jobId: string | null;
  readonly bs: BlockDriverState;
  /** JobCreateFlags: INTERNAL 1, MANUAL_FINALIZE 2, MANUAL_DISMISS 4. */
  readonly creationFlags?: number;
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
  readonly cb?: ((error: Error | null) => void) | null;
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
  readonly cb?: ((error: Error | null) => void) | null;
}

/** A block job. Extended by `jobs/block-job.ts`. */
export interface BlockJob {
  readonly id: string | null;
}
