/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * New after review: asserts the main thread, clears the inactive flag, handles permissions and parents' activate callbacks, and calls bdrv_invalidate_cache only for the driver part. Return type and parameters inferred from its predecessor.
 *
 * @globalState
 */
export async function bdrvActivate(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvActivate');
  throw notBuilt('bdrvActivate');
}

/**
 * Re-activates every node after incoming migration. After review it must go through bdrv_activate.
 *
 * @globalState
 */
export async function bdrvInvalidateCacheAll(): Promise<void> {
  GLOBAL_STATE_CODE('bdrvInvalidateCacheAll');
  throw notBuilt('bdrvInvalidateCacheAll');
}

/**
 * Inactivates every node before handing the images to the migration target.
 *
 * @globalState
 */
export async function bdrvInactivateAll(): Promise<void> {
  GLOBAL_STATE_CODE('bdrvInactivateAll');
  throw notBuilt('bdrvInactivateAll');
}
