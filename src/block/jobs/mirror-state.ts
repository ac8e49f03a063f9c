/** The records of a mirror job, and of the filter that it puts above its source. Types only. */
import type { CoQueue } from '../contexts/coroutine.ts';
import type { BlockBackend, BlockdevOnError } from '../model/backend.ts';
import type { BlockJob, MirrorBackingMode, MirrorCopyMode } from '../model/jobs.ts';
import type { BlockDriverState, BlockReason } from '../model/node.ts';
import type { DirtyMap } from './dirty-map.ts';

/** A range that is being copied; whoever needs it waits in the queue. */
export interface MirrorOperation {
  readonly offset: number;
  readonly bytes: number;
  readonly waiting: CoQueue;
}

/** What the filter keeps as its own. */
export interface MirrorTop {
  /** The job; `null` before it starts and after it has ended. */
  job: MirrorJob | null;
  /** The job is over: the filter needs nothing of its child. */
  stopped: boolean;
  readonly isCommit: boolean;
}

export interface MirrorJob extends BlockJob {
  readonly source: BlockDriverState;
  readonly filter: BlockDriverState;
  readonly targetNode: BlockDriverState;
  /** `null`: let go. */
  target: BlockBackend | null;
  /** Layers from here on down are not copied. */
  readonly base: BlockDriverState | null;
  readonly isNoneMode: boolean;
  /** The target is below the source: a commit. */
  readonly targetIsBacking: boolean;
  readonly backingMode: MirrorBackingMode;
  readonly zeroTarget: boolean;
  readonly copyMode: MirrorCopyMode;
  readonly unmap: boolean;
  readonly onSourceError: BlockdevOnError;
  readonly onTargetError: BlockdevOnError;
  /** Bytes in flight at most. */
  readonly bufferSize: number;
  /** Completes by itself once it is ready. */
  readonly autoComplete: boolean;
  /** Name of the node that the target takes the place of; `null`: the source. */
  readonly replaces: string | null;
  readonly dirty: DirtyMap;
  readonly inFlight: Set<MirrorOperation>;
  bytesInFlight: number;
  /** Copying workers that wait for one of {@link inFlight} to end. */
  readonly progressed: CoQueue;
  /** The first error that the policies do not ignore. */
  failure: Error | null;
  shouldComplete: boolean;
  toReplace: BlockDriverState | null;
  readonly replaceBlocker: BlockReason;
  chainFrozen: boolean;
}
