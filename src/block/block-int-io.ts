/**
 * I/O functions for drivers and jobs. Re-exports only (seed patch 7).
 */
export { blkDevHasTray, blkDevIsTrayOpen } from './backend/device-io.ts';
export { bdrvBackingChainNext, bdrvCowBs, bdrvCowChild, bdrvFilterBs, bdrvFilterChild, bdrvFilterOrCowBs, bdrvFilterOrCowChild, bdrvPrimaryBs, bdrvPrimaryChild, bdrvSkipFilters } from './graph/chain-links.ts';
export { bdrvApplySubtreeDrain, bdrvUnapplySubtreeDrain } from './graph/drain.ts';
export { bdrvDecInFlight, bdrvIncInFlight, bdrvWakeup } from './graph/in-flight.ts';
export { bdrvProbeAll } from './open/drivers.ts';
export { bdrvGetParentName } from './open/queries.ts';
export { bdrvBscFill, bdrvBscInvalidateRange, bdrvBscIsData } from './requests/block-status.ts';
export { bdrvCoCopyRangeFrom, bdrvCoCopyRangeTo } from './requests/copy-range.ts';
export { bdrvClearDirtyBitmap, bdrvDirtyBitmapMergeInternal, bdrvSetDirty } from './requests/dirty-bitmap.ts';
export { refreshTotalSectors } from './requests/length.ts';
export { bdrvCoPread, bdrvCoPreadv, bdrvCoPreadvPart } from './requests/read.ts';
export { bdrvCoGetSelfRequest, bdrvMakeRequestSerialising } from './requests/tracked.ts';
export { bdrvCoPwrite, bdrvCoPwritev, bdrvCoPwritevPart } from './requests/write.ts';
