/**
 * The record of a backend: a parent outside of the graph, through which a guest device, an export or a job uses a node.
 *
 * Types only. Its functions are in `backend/`.
 */
import type { AioContext } from '../contexts/aio-context.ts';
import type { CoQueue } from '../contexts/coroutine.ts';
import type { OpenFlags, Permissions } from './constants.ts';
import type { BlockDevOps } from './driver.ts';
import type { BdrvAioNotifier, BdrvChild, DetectZeroes } from './node.ts';
import type { ThrottleGroupMember } from './throttle.ts';

export type { ThrottleConfig } from './throttle.ts';

export type BlockDeviceIoStatus = 'ok' | 'nospace' | 'failed';

/** What happens when a request fails. */
export type BlockdevOnError = 'report' | 'ignore' | 'enospc' | 'stop' | 'auto';

/** What happens for one error: given to the guest, ignored, or the VM stops. */
export type BlockErrorAction = 'report' | 'ignore' | 'stop';

/** A guest device, as far as the block layer knows it. */
export interface DeviceState {
  /** Empty: has none. */
  readonly id: string;
  /** Where it sits; names the device where it has no id. */
  readonly path: string;
}

/** Settings kept while no node is inserted. */
export interface BlockBackendRootState {
  openFlags: OpenFlags;
  detectZeroes: DetectZeroes;
}

/** What code outside of the block layer may see of a backend. */
export interface BlockBackendPublic {
  readonly throttleGroupMember: ThrottleGroupMember;
}

export type AccountedType = 'read' | 'write' | 'flush' | 'unmap';

/** Counts of one type of request. Times in nanoseconds. */
export interface AccountedRequests {
  bytes: number;
  operations: number;
  failed: number;
  invalid: number;
  merged: number;
  totalTimeNs: number;
}

/** What a device did, for `query-blockstats`. */
export interface BlockAcctStats {
  readonly byType: Record<AccountedType, AccountedRequests>;
  /** Milliseconds of the scheduler's clock; 0: never. */
  lastAccess: number;
  accountInvalid: boolean;
  accountFailed: boolean;
}

/** A backend. */
export interface BlockBackend {
  /** The monitor's name for it; empty: the monitor doesn't know it. */
  name: string;
  refcnt: number;
  /** The edge to its node; `null` while empty. */
  root: BdrvChild | null;
  /** The context while it has no node. */
  context: AioContext;
  readonly public: BlockBackendPublic;
  dev: DeviceState | null;
  devOps: BlockDevOps | null;
  devOpaque: unknown;
  readonly rootState: BlockBackendRootState;
  enableWriteCache: boolean;
  readonly stats: BlockAcctStats;
  guestBlockSize: number;
  onReadError: BlockdevOnError;
  onWriteError: BlockdevOnError;
  iostatusEnabled: boolean;
  iostatus: BlockDeviceIoStatus;
  perm: Permissions;
  sharedPerm: Permissions;
  /** Permissions are off while inactive. */
  disablePerm: boolean;
  allowAioContextChange: boolean;
  allowWriteBeyondEof: boolean;
  forceAllowInactivate: boolean;
  removeBsNotifiers: ((blk: BlockBackend) => void)[];
  insertBsNotifiers: ((blk: BlockBackend) => void)[];
  aioNotifiers: BdrvAioNotifier[];
  /** How often it is drained; requests wait in the queue meanwhile. */
  quiesceCounter: number;
  readonly queuedRequests: CoQueue;
  disableRequestQueuing: boolean;
  /** Requests not yet finished, the device's own included. */
  inFlight: number;
}
