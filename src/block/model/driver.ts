/**
 * The tables of functions: what a driver, a kind of parent and a device plug into the block layer.
 *
 * Types only. Each slot has its class: a Global State slot is called from Global State code only, what is put into an I/O slot has to be
 * I/O code. Constant fields are set once, before the driver is registered. Failures are thrown as `BlockError`.
 *
 * Source: seed patches 21 (BlockDriver), 23 (BdrvChildClass), 25 (BlockDevOps), 30 (amend slots).
 */
import type { AioContext } from '../contexts/aio-context.ts';
import type { BdrvCheckMode, BdrvChildRole, BdrvRequestFlags, BlockStatusFlags, OpenFlags, Permissions } from './constants.ts';
import type { IoVector } from './io-vector.ts';
import type { BdrvChild, BlockDriverState, DetectZeroes } from './node.ts';
import type { BlockOptions, OptionDescription } from './options.ts';

export type PreallocMode = 'off' | 'metadata' | 'falloc' | 'full';

/** What a format says about an image. Bytes. */
export interface BlockDriverInfo {
  /** 0: does not matter. */
  clusterSize: number;
  /** Where VM state can go; 0: nowhere. */
  vmStateOffset: number;
  /** The image was not closed cleanly. */
  isDirty: boolean;
  needsCompressedWrites: boolean;
}

/** Clusters, counted. */
export interface BlockFragInfo {
  allocatedClusters: number;
  totalClusters: number;
  fragmentedClusters: number;
  compressedClusters: number;
}

export interface BdrvCheckResult {
  corruptions: number;
  leaks: number;
  /** Errors of the check itself. */
  checkErrors: number;
  corruptionsFixed: number;
  leaksFixed: number;
  imageEndOffset: number;
  bfi: BlockFragInfo;
}

export interface BlockSizes {
  readonly phys: number;
  readonly log: number;
}

export interface HDGeometry {
  readonly heads: number;
  readonly sectors: number;
  readonly cylinders: number;
}

/** Bytes that a new image would take. */
export interface BlockMeasureInfo {
  readonly required: number;
  readonly fullyAllocated: number;
  readonly bitmaps?: number;
}

/** An internal snapshot. */
export interface SnapshotInfo {
  idStr: string;
  name: string;
  /** Bytes of VM state. */
  vmStateSize: number;
  dateSec: number;
  dateNsec: number;
  vmClockNsec: bigint;
  /** Record and replay step; `null` where unknown. */
  icount: bigint | null;
}

/** What `bdrvCoBlockStatus` says of the first `pnum` bytes asked for. */
export interface DriverBlockStatus {
  readonly flags: BlockStatusFlags;
  readonly pnum: number;
  /** Offset in `file`; meaningful with BDRV_BLOCK_OFFSET_VALID. */
  readonly map: number;
  readonly file: BlockDriverState | null;
}

/** Progress of an amend: units are the driver's choice, and the total may change. */
export type BlockDriverAmendStatusCB = (bs: BlockDriverState, offset: number, totalWorkSize: number) => void;

/** Options of image creation, by the names of `BlockDriver.createOpts`, all given as text, number or boolean. */
export type CreationOptions = BlockOptions;

/** Options of `blockdev-create`: `driver`, and what it takes. */
export type BlockdevCreateOptions = BlockOptions & { readonly driver: string };

/** Options of `blockdev-amend`. */
export type BlockdevAmendOptions = BlockOptions & { readonly driver: string };

/** A node in a reopen: what it will be. */
export interface BDRVReopenState {
  readonly bs: BlockDriverState;
  flags: OpenFlags;
  detectZeroes: DetectZeroes;
  backingMissing: boolean;
  oldBackingBs: BlockDriverState | null;
  oldFileBs: BlockDriverState | null;
  /** All new options, flat. */
  options: BlockOptions;
  explicitOptions: BlockOptions;
  /** The driver's own, from prepare to commit or abort. */
  opaque: unknown;
}

export interface BlockReopenQueueEntry {
  prepared: boolean;
  permsChecked: boolean;
  readonly state: BDRVReopenState;
}

/** Nodes that are reopened together. */
export interface BlockReopenQueue {
  readonly entries: BlockReopenQueueEntry[];
}

export interface ChildPermissions {
  readonly perm: Permissions;
  readonly shared: Permissions;
}

/** Called once, with the error if the request failed. */
export type BlockCompletionFunc = (error: Error | null) => void;

/** A request of the callback kind, while it is in flight. */
export interface BlockAIOCB {
  readonly bs: BlockDriverState | null;
  /** Asks for an early end; the completion function is called all the same. @io */
  cancelAsync(): void;
}

/** Points of a format's code that tests can break at or let fail: `l2_update`, `cluster_alloc`, … */
export type BlkdebugEvent = string;

/** A format, a protocol or a filter. */
export interface BlockDriver {
  // Constant fields.
  readonly formatName: string;
  readonly isFilter?: boolean;
  /** Its children are not probed for formats, except the backing file. */
  readonly isFormat?: boolean;
  readonly bdrvNeedsFilename?: boolean;
  readonly supportsBacking?: boolean;
  /** The length may change underneath. */
  readonly hasVariableLength?: boolean;
  /** Prefix of file names: `nbd` in `nbd:…`. */
  readonly protocolName?: string;
  readonly createOpts?: readonly OptionDescription[];
  readonly amendOpts?: readonly OptionDescription[];
  /** Options that a reopen may change. */
  readonly mutableOpts?: readonly string[];
  /** Options that change the data; file name and driver always do. A name that ends in `.` stands for all that start so. */
  readonly strongRuntimeOpts?: readonly string[];

  // Global State slots.
  /** May `toReplace` be swapped for a node of equal data without this node's parents noticing? @globalState */
  bdrvRecurseCanReplace?(bs: BlockDriverState, toReplace: BlockDriverState): boolean;
  /** Score of a host device, 0 to 100. @globalState */
  bdrvProbeDevice?(filename: string): number;
  /** Puts what the file name says into `options` (flat). @globalState */
  bdrvParseFilename?(filename: string, options: BlockOptions): void;
  /** @globalState */
  bdrvReopenPrepare?(state: BDRVReopenState, queue: BlockReopenQueue | null): Promise<void>;
  /** @globalState */
  bdrvReopenCommit?(state: BDRVReopenState): void;
  /** After all nodes have committed. @globalState */
  bdrvReopenCommitPost?(state: BDRVReopenState): Promise<void>;
  /** @globalState */
  bdrvReopenAbort?(state: BDRVReopenState): void;
  /** Merges `oldOptions` into `options` for a reopen. @globalState */
  bdrvJoinOptions?(options: BlockOptions, oldOptions: BlockOptions): void;
  /** Opens a format or filter; takes its options out of `options` (flat), and opens its children. @globalState */
  bdrvOpen?(bs: BlockDriverState, options: BlockOptions, flags: OpenFlags): Promise<void>;
  /** Opens a protocol. @globalState */
  bdrvFileOpen?(bs: BlockDriverState, options: BlockOptions, flags: OpenFlags): Promise<void>;
  /** @globalState */
  bdrvClose?(bs: BlockDriverState): Promise<void>;
  /** Makes an image on nodes that exist. @globalState @coroutine */
  bdrvCoCreate?(options: BlockdevCreateOptions): Promise<void>;
  /** Makes an image, and the file below it, by name. @globalState @coroutine */
  bdrvCoCreateOpts?(drv: BlockDriver, filename: string, options: CreationOptions): Promise<void>;
  /** @globalState */
  bdrvAmendOptions?(bs: BlockDriverState, options: BlockOptions, statusCb: BlockDriverAmendStatusCB | null, force: boolean): Promise<void>;
  /** Before an amend job runs; may ask for permissions. @globalState */
  bdrvAmendPreRun?(bs: BlockDriverState): void;
  /** After an amend job has run or failed. @globalState */
  bdrvAmendClean?(bs: BlockDriverState): void;
  /** @globalState */
  bdrvMakeEmpty?(bs: BlockDriverState): Promise<void>;
  /** Sets `exactFilename`. @globalState */
  bdrvRefreshFilename?(bs: BlockDriverState): void;
  /** @globalState */
  bdrvGatherChildOptions?(bs: BlockDriverState, target: BlockOptions, backingOverridden: boolean): void;
  /** The folder that relative names start from. @globalState */
  bdrvDirname?(bs: BlockDriverState): string;
  /** @globalState */
  bdrvCancelInFlight?(bs: BlockDriverState): void;
  /** @globalState */
  bdrvInactivate?(bs: BlockDriverState): Promise<void>;
  /** Fills in `idStr` where it is empty. @globalState */
  bdrvSnapshotCreate?(bs: BlockDriverState, info: SnapshotInfo): Promise<void>;
  /** @globalState */
  bdrvSnapshotGoto?(bs: BlockDriverState, snapshotId: string): Promise<void>;
  /** @globalState */
  bdrvSnapshotDelete?(bs: BlockDriverState, snapshotId: string | null, name: string | null): Promise<void>;
  /** @globalState */
  bdrvSnapshotList?(bs: BlockDriverState): Promise<SnapshotInfo[]>;
  /** @globalState */
  bdrvSnapshotLoadTmp?(bs: BlockDriverState, snapshotId: string | null, name: string | null): Promise<void>;
  /** `null`: no backing file. @globalState */
  bdrvChangeBackingFile?(bs: BlockDriverState, backingFile: string | null, backingFormat: string | null): Promise<void>;
  /** @globalState */
  bdrvDebugBreakpoint?(bs: BlockDriverState, event: BlkdebugEvent, tag: string): void;
  /** @globalState */
  bdrvDebugRemoveBreakpoint?(bs: BlockDriverState, tag: string): void;
  /** @globalState */
  bdrvDebugResume?(bs: BlockDriverState, tag: string): void;
  /** @globalState */
  bdrvDebugIsSuspended?(bs: BlockDriverState, tag: string): boolean;
  /** Writes `bs.bl`. @globalState */
  bdrvRefreshLimits?(bs: BlockDriverState): void;
  /** Does a new image read as zero? @globalState */
  bdrvHasZeroInit?(bs: BlockDriverState): boolean;
  /** @globalState */
  bdrvDetachAioContext?(bs: BlockDriverState): void;
  /** @globalState */
  bdrvAttachAioContext?(bs: BlockDriverState, newContext: AioContext): void;
  /** @globalState */
  bdrvProbeBlocksizes?(bs: BlockDriverState): BlockSizes;
  /** @globalState */
  bdrvProbeGeometry?(bs: BlockDriverState): HDGeometry;
  /** @globalState */
  bdrvAddChild?(parent: BlockDriverState, child: BlockDriverState): Promise<void>;
  /** @globalState */
  bdrvDelChild?(parent: BlockDriverState, child: BdrvChild): Promise<void>;
  /** May refuse by throwing; what it takes is kept by the set slot or given back by the abort slot. @globalState */
  bdrvCheckPerm?(bs: BlockDriverState, perm: Permissions, shared: Permissions): void;
  /** @globalState */
  bdrvSetPerm?(bs: BlockDriverState, perm: Permissions, shared: Permissions): void;
  /** @globalState */
  bdrvAbortPermUpdate?(bs: BlockDriverState): void;
  /** What this node needs of child `c` (`null`: one about to be attached). @globalState */
  bdrvChildPerm?(
    bs: BlockDriverState, c: BdrvChild | null, role: BdrvChildRole, queue: BlockReopenQueue | null, parentPerm: Permissions, parentShared: Permissions,
  ): ChildPermissions;
  /** @globalState */
  bdrvRegisterBuf?(bs: BlockDriverState, host: Uint8Array): void;
  /** @globalState */
  bdrvUnregisterBuf?(bs: BlockDriverState, host: Uint8Array): void;

  // I/O slots.
  /** Score of an image's first bytes, 0 to 100. @io */
  bdrvProbe?(buffer: Uint8Array, filename: string | null): number;
  /** @io */
  bdrvEject?(bs: BlockDriverState, ejectFlag: boolean): void;
  /** @io */
  bdrvLockMedium?(bs: BlockDriverState, locked: boolean): void;
  /** @io @coroutine */
  bdrvCoAmend?(bs: BlockDriverState, options: BlockdevAmendOptions, force: boolean): Promise<void>;
  /** @io */
  bdrvAioPreadv?(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, flags: BdrvRequestFlags, cb: BlockCompletionFunc): BlockAIOCB;
  /** @io */
  bdrvAioPwritev?(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, flags: BdrvRequestFlags, cb: BlockCompletionFunc): BlockAIOCB;
  /** @io */
  bdrvAioFlush?(bs: BlockDriverState, cb: BlockCompletionFunc): BlockAIOCB;
  /** @io */
  bdrvAioPdiscard?(bs: BlockDriverState, offset: number, bytes: number, cb: BlockCompletionFunc): BlockAIOCB;
  /** Sectors; for drivers without the byte form. @io @coroutine */
  bdrvCoReadv?(bs: BlockDriverState, sectorNum: number, nbSectors: number, qiov: IoVector): Promise<void>;
  /** @io @coroutine */
  bdrvCoPreadv?(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, flags: BdrvRequestFlags): Promise<void>;
  /** @io @coroutine */
  bdrvCoPreadvPart?(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void>;
  /** Sectors. @io @coroutine */
  bdrvCoWritev?(bs: BlockDriverState, sectorNum: number, nbSectors: number, qiov: IoVector, flags: BdrvRequestFlags): Promise<void>;
  /** @io @coroutine */
  bdrvCoPwritev?(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, flags: BdrvRequestFlags): Promise<void>;
  /** @io @coroutine */
  bdrvCoPwritevPart?(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void>;
  /** May fail with `ENOTSUP`: the caller then writes zeroes, unless it asked for no fallback. @io @coroutine */
  bdrvCoPwriteZeroes?(bs: BlockDriverState, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<void>;
  /** @io @coroutine */
  bdrvCoPdiscard?(bs: BlockDriverState, offset: number, bytes: number): Promise<void>;
  /** @io @coroutine */
  bdrvCoCopyRangeFrom?(
    bs: BlockDriverState, src: BdrvChild, srcOffset: number, dst: BdrvChild, dstOffset: number, bytes: number, readFlags: BdrvRequestFlags, writeFlags: BdrvRequestFlags,
  ): Promise<void>;
  /** @io @coroutine */
  bdrvCoCopyRangeTo?(
    bs: BlockDriverState, src: BdrvChild, srcOffset: number, dst: BdrvChild, dstOffset: number, bytes: number, readFlags: BdrvRequestFlags, writeFlags: BdrvRequestFlags,
  ): Promise<void>;
  /** @io @coroutine */
  bdrvCoBlockStatus?(bs: BlockDriverState, wantZero: boolean, offset: number, bytes: number): Promise<DriverBlockStatus>;
  /** Drops what is cached of the image. @io @coroutine */
  bdrvCoInvalidateCache?(bs: BlockDriverState): Promise<void>;
  /** Does all that a flush is; no other flush slot is called then. @io @coroutine */
  bdrvCoFlush?(bs: BlockDriverState): Promise<void>;
  /** @io @coroutine */
  bdrvCoDeleteFile?(bs: BlockDriverState): Promise<void>;
  /** From the host's caches to the disk. @io @coroutine */
  bdrvCoFlushToDisk?(bs: BlockDriverState): Promise<void>;
  /** From the driver's caches to the node below. @io @coroutine */
  bdrvCoFlushToOs?(bs: BlockDriverState): Promise<void>;
  /** @io @coroutine */
  bdrvCoTruncate?(bs: BlockDriverState, offset: number, exact: boolean, prealloc: PreallocMode, flags: BdrvRequestFlags): Promise<void>;
  /** Bytes. @io @coroutineMixed */
  bdrvGetlength?(bs: BlockDriverState): Promise<number>;
  /** Bytes that the file takes on the host. @io @coroutineMixed */
  bdrvGetAllocatedFileSize?(bs: BlockDriverState): Promise<number>;
  /** @io @coroutineMixed */
  bdrvMeasure?(options: CreationOptions, inBs: BlockDriverState | null): Promise<BlockMeasureInfo>;
  /** A whole cluster, or the image's rest; no bytes at all end a sequence of compressed writes. @io @coroutine */
  bdrvCoPwritevCompressed?(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector): Promise<void>;
  /** @io @coroutine */
  bdrvCoPwritevCompressedPart?(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, qiovOffset: number): Promise<void>;
  /** @io */
  bdrvGetInfo?(bs: BlockDriverState): BlockDriverInfo;
  /** What only this format knows, as `qemu-img info --output=json` has it under `format-specific`. @io */
  bdrvGetSpecificInfo?(bs: BlockDriverState): Record<string, unknown> | null;
  /** @io */
  bdrvGetSpecificStats?(bs: BlockDriverState): Record<string, unknown> | null;
  /** @io @coroutine */
  bdrvSaveVmstate?(bs: BlockDriverState, qiov: IoVector, pos: number): Promise<void>;
  /** @io @coroutine */
  bdrvLoadVmstate?(bs: BlockDriverState, qiov: IoVector, pos: number): Promise<void>;
  /** @io */
  bdrvIsInserted?(bs: BlockDriverState): boolean;
  /** @io */
  bdrvAioIoctl?(bs: BlockDriverState, request: number, buffer: Uint8Array, cb: BlockCompletionFunc): BlockAIOCB;
  /** @io @coroutine */
  bdrvCoIoctl?(bs: BlockDriverState, request: number, buffer: Uint8Array): Promise<number>;
  /** @io @coroutine */
  bdrvCoCheck?(bs: BlockDriverState, result: BdrvCheckResult, fix: BdrvCheckMode): Promise<void>;
  /** A format's code reached `event`; may wait, or throw the injected error. @io @coroutine */
  bdrvDebugEvent?(bs: BlockDriverState, event: BlkdebugEvent): Promise<void>;
  /** @io */
  bdrvIoPlug?(bs: BlockDriverState): void;
  /** @io */
  bdrvIoUnplug?(bs: BlockDriverState): void;
  /** @io @coroutine */
  bdrvCoDrainBegin?(bs: BlockDriverState): Promise<void>;
  /** @io @coroutine */
  bdrvCoDrainEnd?(bs: BlockDriverState): Promise<void>;
  /** @io */
  bdrvSupportsPersistentDirtyBitmap?(bs: BlockDriverState): boolean;
  /** Throws where it can't. @io @coroutine */
  bdrvCoCanStoreNewDirtyBitmap?(bs: BlockDriverState, name: string, granularity: number): Promise<boolean>;
  /** @io @coroutine */
  bdrvCoRemovePersistentDirtyBitmap?(bs: BlockDriverState, name: string): Promise<void>;
}

/** Counts what the end of drained sections still has to wait for. */
export interface DrainedEndCounter {
  pending: number;
}

/** Edges that a move to another context has visited. */
export type IgnoredEdges = Set<BdrvChild>;

/** What a child inherits: changed in place. */
export interface InheritedOptions {
  flags: OpenFlags;
  readonly options: BlockOptions;
}

/** A kind of parent: a node, a backend, a block job. */
export interface BdrvChildClass {
  /** `bdrvReplaceNode` leaves such edges where they are. */
  readonly stayAtNode?: boolean;
  /** The parent is a node: drain-all reaches it by itself. */
  readonly parentIsBds?: boolean;

  // Global State slots.
  /** @globalState */
  inheritOptions?(role: BdrvChildRole, parentIsFormat: boolean, child: InheritedOptions, parentFlags: OpenFlags, parentOptions: BlockOptions): void;
  /** @globalState */
  changeMedia?(child: BdrvChild, load: boolean): void;
  /** @globalState */
  getName?(child: BdrvChild): string;
  /** For messages: `node 'n0'`, `block device 'd0'`. @globalState */
  getParentDesc?(child: BdrvChild): string;
  /** @globalState */
  activate?(child: BdrvChild): Promise<void>;
  /** @globalState */
  inactivate?(child: BdrvChild): Promise<void>;
  /** @globalState */
  attach?(child: BdrvChild): void;
  /** @globalState */
  detach?(child: BdrvChild): void;
  /** @globalState */
  updateFilename?(child: BdrvChild, newBase: BlockDriverState, filename: string): Promise<void>;
  /** Throws where the parent can't move. @globalState */
  canSetAioCtx?(child: BdrvChild, context: AioContext, ignore: IgnoredEdges): void;
  /** @globalState */
  setAioCtx?(child: BdrvChild, context: AioContext, ignore: IgnoredEdges): Promise<void>;
  /** @globalState */
  getParentAioContext?(child: BdrvChild): AioContext;

  // I/O slots.
  /** @io */
  resize?(child: BdrvChild): void;
  /** Stops requests; must not poll. @io */
  drainedBegin?(child: BdrvChild): void;
  /** @io */
  drainedEnd?(child: BdrvChild, counter: DrainedEndCounter): void;
  /** Whether the parent still has requests in flight. @io */
  drainedPoll?(child: BdrvChild): boolean;
}

/** What a device tells its backend. */
export interface BlockDevOps {
  // Global State slots.
  /** @globalState */
  changeMediaCb?(opaque: unknown, load: boolean): void;
  /** @globalState */
  ejectRequestCb?(opaque: unknown, force: boolean): void;
  /** @globalState */
  isMediumLocked?(opaque: unknown): boolean;

  // I/O slots.
  /** @io */
  isTrayOpen?(opaque: unknown): boolean;
  /** @io */
  resizeCb?(opaque: unknown): void;
  /** @io */
  drainedBegin?(opaque: unknown): void;
  /** @io */
  drainedEnd?(opaque: unknown): void;
  /** @io */
  drainedPoll?(opaque: unknown): boolean;
}
