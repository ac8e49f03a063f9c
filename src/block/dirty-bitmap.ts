/**
 * Dirty bitmaps. Re-exports only.
 */
export {
  bdrvCanStoreNewDirtyBitmap, bdrvClearDirtyBitmap, bdrvCreateDirtyBitmap, bdrvDirtyBitmapAbdicate, bdrvDirtyBitmapCheck, bdrvDirtyBitmapCreateSuccessor, bdrvDirtyBitmapGet,
  bdrvDirtyBitmapNextDirty, bdrvDirtyBitmapNextDirtyArea, bdrvDirtyBitmapNextZero, bdrvDirtyBitmapStatus, bdrvDisableDirtyBitmap, bdrvEnableDirtyBitmap, bdrvFindDirtyBitmap,
  bdrvGetDefaultBitmapGranularity, bdrvGetDirtyCount, bdrvMergeDirtyBitmap, bdrvQueryDirtyBitmaps, bdrvReclaimDirtyBitmap, bdrvReleaseDirtyBitmap,
  bdrvRemovePersistentDirtyBitmap, bdrvResetDirtyBitmap, bdrvSetDirtyBitmap, BDRV_BITMAP_ALLOW_RO, BDRV_BITMAP_BUSY, BDRV_BITMAP_DEFAULT, BDRV_BITMAP_INCONSISTENT,
  BDRV_BITMAP_RO,
} from './requests/dirty-bitmap.ts';
export { blockDirtyBitmapAdd, blockDirtyBitmapClear, blockDirtyBitmapRecord, type DirtyBitmapOptions, type FoundBitmap } from './requests/dirty-bitmap-commands.ts';
export {
  bdrvDirtyBitmapDeserializeFinish, bdrvDirtyBitmapDeserializeOnes, bdrvDirtyBitmapDeserializePart, bdrvDirtyBitmapDeserializeZeroes, bdrvDirtyBitmapSerializationAlign,
  bdrvDirtyBitmapSerializationCoverage, bdrvDirtyBitmapSerializationSize, bdrvDirtyBitmapSerializePart,
} from './requests/dirty-bitmap-serialization.ts';
