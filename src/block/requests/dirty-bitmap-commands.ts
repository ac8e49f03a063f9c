/**
 * Commands of a management program about dirty bitmaps.
 *
 * In: names of nodes and bitmaps. Out: the bitmaps, made, merged, removed. Leaves to others: the bitmaps themselves (`dirty-bitmap.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd } from '../graph/drain.ts';
import { bdrvLookupBs } from '../graph/node-queries.ts';
import type { BdrvDirtyBitmap } from '../model/dirty-bitmap.ts';
import { blockError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import {
  bdrvClearDirtyBitmap, bdrvCreateDirtyBitmap, bdrvDirtyBitmapCheck, bdrvDirtyBitmapMergeInternal, bdrvFindDirtyBitmap, bdrvCanStoreNewDirtyBitmap,
  bdrvGetDefaultBitmapGranularity, bdrvMergeDirtyBitmap, bdrvReleaseDirtyBitmap, bdrvRemovePersistentDirtyBitmap, BDRV_BITMAP_ALLOW_RO, BDRV_BITMAP_BUSY, BDRV_BITMAP_DEFAULT,
  BDRV_BITMAP_RO,
} from './dirty-bitmap.ts';

/** A bitmap on its node. */
export interface FoundBitmap {
  readonly bs: BlockDriverState;
  readonly bitmap: BdrvDirtyBitmap;
}

/** What {@link blockDirtyBitmapAdd} can be told. */
export interface DirtyBitmapOptions {
  /** Bytes; absent: what suits the node. */
  readonly granularity?: number;
  /** Stored with the image when the node closes. */
  readonly persistent?: boolean;
  /** Does not record until it is enabled. */
  readonly disabled?: boolean;
}

/**
 * The bitmap of a name on a node.
 *
 * @throws BlockError `ENOENT` where there is none, and what `bdrvLookupBs` throws
 * @globalState
 */
export function blockDirtyBitmapLookup(node: string, name: string): FoundBitmap {
  GLOBAL_STATE_CODE('blockDirtyBitmapLookup');
  const bs = bdrvLookupBs(node, node);
  const bitmap = bdrvFindDirtyBitmap(bs, name);
  if (!bitmap) throw blockError('ENOENT', `Dirty bitmap '${name}' not found`);
  return { bs, bitmap };
}

/**
 * Makes a bitmap.
 *
 * @throws BlockError `EEXIST`, `EINVAL`, or why the format can't store it
 * @globalState
 */
export async function blockDirtyBitmapAdd(node: string, name: string, options: DirtyBitmapOptions): Promise<BdrvDirtyBitmap> {
  GLOBAL_STATE_CODE('blockDirtyBitmapAdd');
  if (name === '') throw blockError('EINVAL', 'Bitmap name cannot be empty');
  const bs = bdrvLookupBs(node, node);
  const granularity = options.granularity ?? bdrvGetDefaultBitmapGranularity(bs);
  if (options.persistent === true) await bdrvCanStoreNewDirtyBitmap(bs, name, granularity);
  const bitmap = bdrvCreateDirtyBitmap(bs, granularity, name);
  bitmap.disabled = options.disabled === true;
  bitmap.persistent = options.persistent === true;
  return bitmap;
}

/**
 * Unmarks everything in a bitmap.
 *
 * @throws BlockError where it is in no state for that
 * @globalState
 */
export function blockDirtyBitmapClear(node: string, name: string): void {
  GLOBAL_STATE_CODE('blockDirtyBitmapClear');
  const { bitmap } = blockDirtyBitmapLookup(node, name);
  bdrvDirtyBitmapCheck(bitmap, BDRV_BITMAP_DEFAULT);
  bdrvClearDirtyBitmap(bitmap);
}

/**
 * Has a bitmap record writes, or no longer.
 *
 * @throws BlockError where it is in no state for that
 * @globalState
 */
export function blockDirtyBitmapRecord(node: string, name: string, record: boolean): void {
  GLOBAL_STATE_CODE('blockDirtyBitmapRecord');
  const { bitmap } = blockDirtyBitmapLookup(node, name);
  bdrvDirtyBitmapCheck(bitmap, BDRV_BITMAP_ALLOW_RO);
  bitmap.disabled = !record;
}

/**
 * Marks in one bitmap what is marked in any of the others: all of them, or none.
 *
 * @param sources - names on the same node, or on others
 * @returns the bitmap, and what was marked in it before
 * @throws BlockError where one of them is in no state for that, or of another length
 * @globalState
 */
export function blockDirtyBitmapMerge(node: string, target: string, sources: readonly (string | { node: string; name: string })[]): { bitmap: BdrvDirtyBitmap; backup: Uint8Array } {
  GLOBAL_STATE_CODE('blockDirtyBitmapMerge');
  const { bs, bitmap } = blockDirtyBitmapLookup(node, target);
  // Gathered beside the target, so that a failure leaves it as it was.
  const gathered = bdrvCreateDirtyBitmap(bs, bitmap.granularity, null);
  gathered.disabled = true;
  try {
    bdrvDirtyBitmapCheck(bitmap, BDRV_BITMAP_DEFAULT);
    for (const source of sources) {
      const found = typeof source === 'string' ? blockDirtyBitmapLookup(node, source) : blockDirtyBitmapLookup(source.node, source.name);
      bdrvMergeDirtyBitmap(gathered, found.bitmap);
    }
    return { bitmap, backup: bdrvDirtyBitmapMergeInternal(bitmap, gathered) };
  } finally {
    bdrvReleaseDirtyBitmap(gathered);
  }
}

/**
 * Removes a bitmap, also from where it is stored.
 *
 * @param release - whether it is also taken off the node; otherwise that is up to the caller
 * @throws BlockError where it is in use
 * @globalState
 */
export async function blockDirtyBitmapRemove(node: string, name: string, release: boolean): Promise<FoundBitmap> {
  GLOBAL_STATE_CODE('blockDirtyBitmapRemove');
  const { bs, bitmap } = blockDirtyBitmapLookup(node, name);
  bdrvDirtyBitmapCheck(bitmap, BDRV_BITMAP_BUSY | BDRV_BITMAP_RO);
  if (bitmap.persistent) await removeStored(bs, name);
  if (release) bdrvReleaseDirtyBitmap(bitmap);
  return { bs, bitmap };
}

/** @globalState */
async function removeStored(bs: BlockDriverState, name: string): Promise<void> {
  GLOBAL_STATE_CODE('removeStored');
  await bdrvDrainedBegin(bs);
  try {
    await bdrvRemovePersistentDirtyBitmap(bs, name);
  } finally {
    await bdrvDrainedEnd(bs);
  }
}
