/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BdrvDirtyBitmap } from '../model/dirty-bitmap.ts';
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Marks a range in the node's enabled bitmaps.
 *
 * @io
 */
export function bdrvSetDirty(bs: BlockDriverState, offset: number, bytes: number): void {
  throw notBuilt('bdrvSetDirty');
}

/**
 * Clears a bitmap, optionally handing out the old content.
 *
 * @io
 */
export function bdrvClearDirtyBitmap(bitmap: BdrvDirtyBitmap): Uint8Array {
  throw notBuilt('bdrvClearDirtyBitmap');
}

/**
 * Merge of two bitmaps with optional backup and locking.
 *
 * @io
 */
export function bdrvDirtyBitmapMergeInternal(dest: BdrvDirtyBitmap, src: BdrvDirtyBitmap): Uint8Array {
  throw notBuilt('bdrvDirtyBitmapMergeInternal');
}

/**
 * Puts a saved bitmap back; the bitmap must not be read-only.
 *
 * @globalState
 */
export function bdrvRestoreDirtyBitmap(bitmap: BdrvDirtyBitmap, backup: Uint8Array): void {
  GLOBAL_STATE_CODE('bdrvRestoreDirtyBitmap');
  throw notBuilt('bdrvRestoreDirtyBitmap');
}

/**
 * Whether a format can persist one more dirty bitmap.
 *
 * @io
 */
export async function bdrvCanStoreNewDirtyBitmap(bs: BlockDriverState, name: string, granularity: number): Promise<boolean> {
  throw notBuilt('bdrvCanStoreNewDirtyBitmap');
}
