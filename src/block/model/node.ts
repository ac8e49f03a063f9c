/**
 * The records of the graph: nodes, edges, and what hangs on them.
 *
 * Types only, and the function that makes an empty node. Who may write which field: `children` and `parents` only the graph functions,
 * under the graph-writable assertion; counters whoever owns the counted thing.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { mainContext, type AioContext } from '../contexts/aio-context.ts';
import { CoMutex, CoQueue } from '../contexts/coroutine.ts';
import type { Coroutine } from '../contexts/execution.ts';
import type { BdrvDirtyBitmap } from './dirty-bitmap.ts';
import { BLOCK_OP_TYPE_MAX, type BdrvChildRole, type BdrvRequestFlags, type OpenFlags, type Permissions } from './constants.ts';
import type { BdrvChildClass, BlockDriver } from './driver.ts';
import type { BlockOptions } from './options.ts';

/** What a driver or its children ask of requests. Bytes; 0 stands for "no limit" or "no preference". */
export interface BlockLimits {
  /** Offset and length of every request are multiples of it; a power of two. */
  requestAlignment: number;
  maxPdiscard: number;
  pdiscardAlignment: number;
  maxPwriteZeroes: number;
  pwriteZeroesAlignment: number;
  optTransfer: number;
  maxTransfer: number;
  /** Where the host's scheduler is bypassed. */
  maxHwTransfer: number;
  maxHwIov: number;
  minMemAlignment: number;
  optMemAlignment: number;
  /** Buffers of one request. */
  maxIov: number;
}

export const DetectZeroes = { OFF: 'off', ON: 'on', UNMAP: 'unmap' } as const;
export type DetectZeroes = (typeof DetectZeroes)[keyof typeof DetectZeroes];

export type TrackedRequestType = 'read' | 'write' | 'discard' | 'truncate';

/** A request in flight. Offsets and lengths in bytes, checked before it is tracked. */
export interface BdrvTrackedRequest {
  readonly bs: BlockDriverState;
  readonly offset: number;
  readonly bytes: number;
  readonly type: TrackedRequestType;
  serialising: boolean;
  /** The range that others wait for; grows when the request is made serialising. */
  overlapOffset: number;
  overlapBytes: number;
  /** Who does it: a coroutine never waits for itself. */
  readonly coroutine: Coroutine | null;
  readonly waitQueue: CoQueue;
  waitingFor: BdrvTrackedRequest | null;
}

/** Told when a node moves to another context. */
export interface BdrvAioNotifier {
  /** After the move. @globalState */
  readonly attachedAioContext: (newContext: AioContext, opaque: unknown) => void;
  /** Before the move. @globalState */
  readonly detachAioContext: (opaque: unknown) => void;
  readonly opaque: unknown;
  /** Taken away while the list is walked. */
  deleted: boolean;
}

/** Why a node may not be used for an operation. Compared by identity. */
export interface BlockReason {
  readonly message: string;
}

/** A range of the protocol node known to hold data; what follows may be a hole or more data. */
export interface BlockStatusCache {
  readonly valid: boolean;
  readonly dataStart: number;
  readonly dataEnd: number;
}

/** An edge: from a parent (a node, a backend, a block job) to the node below. */
export interface BdrvChild {
  /** The node below; `null` only within a transaction. */
  bs: BlockDriverState | null;
  readonly name: string;
  readonly klass: BdrvChildClass;
  role: BdrvChildRole;
  /** The parent. Only functions of the class may look at it. */
  readonly opaque: unknown;
  /** The monitor's name for the parent, written by the parent, so that I/O code can name it; empty or absent: it has none. */
  parentName?: string;
  perm: Permissions;
  sharedPerm: Permissions;
  /** May neither be replaced nor detached. */
  frozen: boolean;
  /** How often the parent was drained through this edge. */
  parentQuiesceCounter: number;
}

/** A node of the graph. */
export interface BlockDriverState {
  openFlags: OpenFlags;
  encrypted: boolean;
  /** A SCSI generic device. */
  sg: boolean;
  /** The format was guessed: a raw node then guards its first bytes. */
  probed: boolean;
  forceShare: boolean;
  /** A filter that was put in by itself. */
  implicit: boolean;
  /** `null`: no medium. */
  drv: BlockDriver | null;
  /** The driver's own data. */
  opaque: unknown;
  aioContext: AioContext;
  aioNotifiers: BdrvAioNotifier[];
  walkingAioNotifiers: boolean;
  filename: string;
  /** The backing file's name as the image has it; relative to the overlay. */
  backingFile: string;
  /** What the image's name leads to; replaced by the real name once the backing file is open. */
  autoBackingFile: string;
  backingFormat: string;
  /** Options that reproduce the node. */
  fullOpenOptions: BlockOptions | null;
  /** A plain file name that reproduces the node; empty if there is none. */
  exactFilename: string;
  backing: BdrvChild | null;
  file: BdrvChild | null;
  bl: BlockLimits;
  supportedReadFlags: BdrvRequestFlags;
  supportedWriteFlags: BdrvRequestFlags;
  supportedZeroFlags: BdrvRequestFlags;
  supportedTruncateFlags: BdrvRequestFlags;
  /** Unique; starts with `#` where it was made up. */
  nodeName: string;
  monitorOwned: boolean;
  refcnt: number;
  /** Lists of reasons, by operation. */
  opBlockers: BlockReason[][];
  /** The parent that the options are inherited from. */
  inheritsFrom: BlockDriverState | null;
  /** Edges to the nodes below. @graphState */
  children: BdrvChild[];
  /** Edges from the parents. @graphState */
  parents: BdrvChild[];
  options: BlockOptions;
  explicitOptions: BlockOptions;
  detectZeroes: DetectZeroes;
  /** Why operations on the backing node are blocked. */
  backingBlocker: BlockReason | null;
  /** Length in sectors, as last asked of the driver. */
  totalSectors: number;
  /** An event is sent once a write ends above it; 0: never. */
  writeThresholdOffset: number;
  dirtyBitmaps: BdrvDirtyBitmap[];
  /** End of the highest write. */
  wrHighestOffset: number;
  /** Users of copy-on-read. */
  copyOnRead: number;
  inFlight: number;
  serialisingInFlight: number;
  ioPlugged: number;
  enableWriteCache: boolean;
  quiesceCounter: number;
  recursiveQuiesceCounter: number;
  /** Counts writes; what is on disk is `flushedGen`. */
  writeGen: number;
  readonly reqsLock: CoMutex;
  trackedRequests: BdrvTrackedRequest[];
  readonly flushQueue: CoQueue;
  activeFlushReq: boolean;
  flushedGen: number;
  neverFreeze: boolean;
  readonly bscModifyLock: CoMutex;
  blockStatusCache: BlockStatusCache;
}

/** Limits that ask for nothing. @common */
export function defaultLimits(): BlockLimits {
  return {
    requestAlignment: 1, maxPdiscard: 0, pdiscardAlignment: 0, maxPwriteZeroes: 0, pwriteZeroesAlignment: 0, optTransfer: 0, maxTransfer: 0,
    maxHwTransfer: 0, maxHwIov: 0, minMemAlignment: 512, optMemAlignment: 4096, maxIov: 1024,
  };
}

/**
 * A node that no list knows, without driver, held once.
 *
 * @globalState
 */
export function emptyNode(): BlockDriverState {
  GLOBAL_STATE_CODE('emptyNode');
  return {
    openFlags: 0, encrypted: false, sg: false, probed: false, forceShare: false, implicit: false, drv: null, opaque: null,
    aioContext: mainContext, aioNotifiers: [], walkingAioNotifiers: false,
    filename: '', backingFile: '', autoBackingFile: '', backingFormat: '', fullOpenOptions: null, exactFilename: '', backing: null, file: null,
    bl: defaultLimits(), supportedReadFlags: 0, supportedWriteFlags: 0, supportedZeroFlags: 0, supportedTruncateFlags: 0,
    nodeName: '', monitorOwned: false, refcnt: 1, opBlockers: Array.from({ length: BLOCK_OP_TYPE_MAX }, () => []), inheritsFrom: null,
    children: [], parents: [], options: {}, explicitOptions: {}, detectZeroes: 'off', backingBlocker: null, totalSectors: 0,
    writeThresholdOffset: 0, dirtyBitmaps: [], wrHighestOffset: 0, copyOnRead: 0, inFlight: 0, serialisingInFlight: 0, ioPlugged: 0,
    enableWriteCache: true, quiesceCounter: 0, recursiveQuiesceCounter: 0, writeGen: 0, reqsLock: new CoMutex(), trackedRequests: [],
    flushQueue: new CoQueue(), activeFlushReq: false, flushedGen: 0, neverFreeze: false, bscModifyLock: new CoMutex(),
    blockStatusCache: { valid: false, dataStart: 0, dataEnd: 0 },
  };
}
