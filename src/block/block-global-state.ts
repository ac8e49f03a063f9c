/**
 * Global State functions of the graph: the main thread with the big lock runs them. Re-exports only (seed patch 2).
 */
export { bdrvInactivateAll, bdrvInvalidateCacheAll } from './graph/activation-of-all.ts';
export { bdrvActivate } from './graph/activation.ts';
export { bdrvCanSetAioContext, bdrvChildCanSetAioContext, bdrvChildGetParentAioContext, bdrvChildTrySetAioContext, bdrvCoLock, bdrvCoUnlock, bdrvSetAioContextIgnore, bdrvTrySetAioContext } from './graph/aio-context-moves.ts';
export { bdrvChainContains, bdrvFindBackingImage, bdrvFindBase, bdrvFindOverlay, bdrvFreezeBackingChain, bdrvIsBackingChainFrozen, bdrvUnfreezeBackingChain } from './graph/chains.ts';
export { bdrvDrainAll, bdrvDrainAllBegin, bdrvDrainAllEnd } from './graph/drain-all.ts';
export { bdrvAddChild, bdrvAttachChild, bdrvDelChild } from './graph/edges.ts';
export { bdrvUnrefChild, bdrvRef, bdrvUnref } from './graph/nodes.ts';
export { bdrvPollWhile } from './graph/in-flight.ts';
export { bdrvCloseAll } from './graph/close-all.ts';
export { bdrvFirst, bdrvFlushAll, bdrvNext, bdrvNextCleanup } from './graph/node-iteration.ts';
export { bdrvFindNode, bdrvNew, bdrvNextAllStates, bdrvNextMonitorOwned, bdrvNextNode } from './graph/node-lists.ts';
export { bdrvGetXdbgBlockGraph, bdrvLookupBs, bdrvNamedNodesList } from './graph/node-queries.ts';
export { bdrvOpBlock, bdrvOpBlockAll, bdrvOpBlockerIsEmpty, bdrvOpIsBlocked, bdrvOpUnblock, bdrvOpUnblockAll } from './graph/op-blockers.ts';
export { bdrvPermNames, bdrvQapiPermToBlkPerm } from './graph/permissions.ts';
export { bdrvDropIntermediate } from './graph/drop-intermediate.ts';
export { bdrvInsertNode } from './graph/insert-node.ts';
export { bdrvAppend, bdrvDropFilter, bdrvReplaceChildBs, bdrvReplaceNode, bdrvSetBackingHd, checkToReplaceNode } from './graph/replace.ts';
export { bdrvRegisterBuf, bdrvUnregisterBuf } from './open/buffers.ts';
export { bdrvCommit } from './open/commit.ts';
export { bdrvCreate, bdrvCreateFile } from './open/create.ts';
export { bdrvDebugBreakpoint, bdrvDebugIsSuspended, bdrvDebugRemoveBreakpoint, bdrvDebugResume } from './open/debug.ts';
export { bdrvFindFormat, bdrvFindProtocol, bdrvIsWhitelisted, bdrvIterateFormat, bdrvRegister, bdrvUsesWhitelist } from './open/drivers.ts';
export { bdrvInit, bdrvInitWithWhitelist } from './open/init.ts';
export { bdrvImgCreate } from './open/img-create.ts';
export { bdrvDirname, bdrvRefreshFilename } from './open/filenames.ts';
export { bdrvAmendOptions, bdrvCancelInFlight, bdrvChangeBackingFile, bdrvMakeEmpty } from './open/image.ts';
export { bdrvHasZeroInit, bdrvHasZeroInit1, bdrvProbeBlocksizes, bdrvProbeGeometry, bdrvRefreshLimits } from './open/limits.ts';
export { bdrvApplyAutoReadOnly, bdrvCanSetReadOnly, bdrvGetFlags, bdrvParseCacheMode, bdrvParseDiscardFlags } from './open/open-flags.ts';
export { bdrvNewOpenDriver, bdrvNewOpenDriverOpts, bdrvOpen, bdrvOpenBackingFile, bdrvOpenBlockdevRef, bdrvOpenChild } from './open/open.ts';
export { bdrvReopen, bdrvReopenMultiple, bdrvReopenQueue, bdrvReopenQueueFree, bdrvReopenSetReadOnly } from './open/reopen.ts';
export { bdrvAioCancel } from './requests/aio.ts';
export { bdrvMakeZero } from './requests/make-zero.ts';

// The review gave these the other class; they also stay reachable here, where their header had them.
// gsio-allow misfiled-api -- the class is the review's, the place is the header's
export { bdrvEject } from './open/queries.ts';
// gsio-allow misfiled-api -- the class is the review's, the place is the header's
export { bdrvLockMedium } from './open/queries.ts';
