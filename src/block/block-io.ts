/**
 * I/O functions of nodes: any thread that the node belongs to runs them. Re-exports only (seed patch 2).
 */
export { childOfBdsGetParentAioContext } from './graph/aio-context-moves.ts';
export { bdrvCoDrain, bdrvDoDrainedBeginQuiesce, bdrvDrain, bdrvDrainPoll, bdrvDrainedBegin, bdrvDrainedEnd, bdrvDrainedEndNoPoll, bdrvParentDrainedBeginSingle, bdrvParentDrainedEndSingle, bdrvSubtreeDrainedBegin, bdrvSubtreeDrainedEnd } from './graph/drain.ts';
export { bdrvCoDeleteFile, bdrvCoDeleteFileNoerr } from './open/create.ts';
export { bdrvDebugEvent, blkdbgEvent } from './open/debug.ts';
export { bdrvGetBackingFilename } from './open/filenames.ts';
export { bdrvCanWriteZeroesWithUnmap, bdrvMinMemAlign, bdrvOptMemAlign, bdrvQiovIsAligned, qemuBlockalign, qemuBlockalign0, qemuTryBlockalign, qemuTryBlockalign0 } from './open/limits.ts';
export { bdrvEject, bdrvGetDeviceName, bdrvGetDeviceOrNodeName, bdrvGetFormatName, bdrvGetInfo, bdrvGetNodeName, bdrvGetSpecificInfo, bdrvGetSpecificStats, bdrvIsInserted, bdrvIsReadOnly, bdrvIsSg, bdrvIsWritable, bdrvLockMedium, bdrvMeasure, bdrvSupportsCompressedWrites } from './open/queries.ts';
export { bdrvAioCancelAsync } from './requests/aio.ts';
export { bdrvBlockStatus, bdrvBlockStatusAbove, bdrvCoIsZeroFast, bdrvIsAllocated, bdrvIsAllocatedAbove } from './requests/block-status.ts';
export { bdrvRoundToClusters } from './requests/checks.ts';
export { bdrvDisableCopyOnRead, bdrvEnableCopyOnRead } from './requests/copy-on-read.ts';
export { bdrvCoCopyRange } from './requests/copy-range.ts';
export { bdrvCanStoreNewDirtyBitmap } from './requests/dirty-bitmap.ts';
export { bdrvCoPdiscard } from './requests/discard.ts';
export { bdrvCoFlush } from './requests/flush.ts';
export { bdrvCoIoctl } from './requests/ioctl.ts';
export { bdrvGetAllocatedFileSize, bdrvGetGeometry, bdrvGetlength, bdrvNbSectors } from './requests/length.ts';
export { bdrvCoEnter, bdrvCoLeave, bdrvCoroutineEnter, bdrvGetAioContext } from './requests/node-context.ts';
export { bdrvIoPlug, bdrvIoUnplug } from './requests/plug.ts';
export { bdrvCoTruncate } from './requests/truncate.ts';
export { bdrvLoadVmstate, bdrvReadvVmstate, bdrvSaveVmstate, bdrvWritevVmstate } from './requests/vmstate.ts';
export { bdrvCheck, bdrvFlush, bdrvInvalidateCache, bdrvPdiscard, bdrvPread, bdrvPwrite, bdrvPwriteSync, bdrvPwriteZeroes, bdrvTruncate } from './requests/wrappers.ts';
export { bdrvCoPwriteZeroes } from './requests/write.ts';

// The review gave these the other class; they also stay reachable here, where their header had them.
// gsio-allow misfiled-api -- the class is the review's, the place is the header's
export { bdrvChildGetParentAioContext } from './graph/aio-context-moves.ts';
