/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BdrvDirtyBitmap } from '../model/dirty-bitmap.ts';
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Finds a bitmap by node and name.
 *
 * @globalState
 */
export function blockDirtyBitmapLookup(node: string, name: string): { bs: BlockDriverState; bitmap: BdrvDirtyBitmap } {
  GLOBAL_STATE_CODE('blockDirtyBitmapLookup');
  throw notBuilt('blockDirtyBitmapLookup');
}

/**
 * Merges several bitmaps into one, optionally keeping a backup.
 *
 * @globalState
 */
export function blockDirtyBitmapMerge(node: string, target: string, sources: readonly (string | { node: string; name: string })[]): { bitmap: BdrvDirtyBitmap; backup: Uint8Array } {
  GLOBAL_STATE_CODE('blockDirtyBitmapMerge');
  throw notBuilt('blockDirtyBitmapMerge');
}

/**
 * Removes a bitmap, optionally releasing it.
 *
 * @globalState
 */
export async function blockDirtyBitmapRemove(node: string, name: string, release: boolean): Promise<{ bs: BlockDriverState; bitmap: BdrvDirtyBitmap }> {
  GLOBAL_STATE_CODE('blockDirtyBitmapRemove');
  throw notBuilt('blockDirtyBitmapRemove');
}
