/**
 * Hands an image over in a migration: the source inactivates its node, the target activates it.
 *
 * In: nodes. Out: an inactive node writes nothing and takes no permission that would keep the other side out; an active one has dropped
 * what it had cached. Leaves to others: all nodes at once (`activation-of-all.ts`), what a
 * driver does (slot `bdrvInactivate`, and the cache invalidation, which is I/O code).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { BDRV_O_INACTIVE, BLK_PERM_WRITE, BLK_PERM_WRITE_UNCHANGED } from '../model/constants.ts';
import { blockError, errnoOf, prefixError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { refreshTotalSectors } from '../requests/length.ts';
import { bdrvInvalidateCache } from '../requests/wrappers.ts';
import { parentNode } from './child-bs.ts';
import { bdrvGetCumulativePerm, bdrvRefreshPerms } from './permissions.ts';

/**
 * Activates a node and all below it, children first: the flag is cleared, permissions are taken again, caches are dropped, and parents are
 * told.
 *
 * @throws BlockError where permissions can't be taken again or the image can't be read; the node is inactive then
 * @globalState
 */
export async function bdrvActivate(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvActivate');
  if (!bs.drv) throw blockError('ENOMEDIUM', `Node '${bs.nodeName}' has no medium`);
  for (const child of [...bs.children]) if (child.bs) await bdrvActivate(child.bs);
  try {
    if ((bs.openFlags & BDRV_O_INACTIVE) !== 0) await activateNode(bs);
    for (const edge of [...bs.parents]) await edge.klass.activate?.(edge);
  } catch (error) {
    bs.openFlags |= BDRV_O_INACTIVE;
    throw error;
  }
}

/** @globalState */
async function activateNode(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('activateNode');
  bs.openFlags &= ~BDRV_O_INACTIVE;
  bdrvRefreshPerms(bs);
  await bdrvInvalidateCache(bs);
  for (const bitmap of bs.dirtyBitmaps) bitmap.skipStore = false;
  try {
    await refreshTotalSectors(bs, bs.totalSectors);
  } catch (error) {
    throw prefixError('Could not refresh total sector count', error);
  }
}

/**
 * Inactivates a node whose node parents are inactive, and then those below it that have no other active parent.
 *
 * @globalState
 */
export async function bdrvInactivateRecurse(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvInactivateRecurse');
  if (!bs.drv) throw blockError('ENOMEDIUM', `Node '${bs.nodeName}' has no medium`);
  if (hasNodeParent(bs, true) || (bs.openFlags & BDRV_O_INACTIVE) !== 0) return;
  await bs.drv.bdrvInactivate?.(bs);
  for (const edge of [...bs.parents]) await edge.klass.inactivate?.(edge);
  if ((bdrvGetCumulativePerm(bs).perm & (BLK_PERM_WRITE | BLK_PERM_WRITE_UNCHANGED)) !== 0) {
    throw blockError('EPERM', `Node '${bs.nodeName}' can't be inactivated: a user of it still writes`);
  }
  bs.openFlags |= BDRV_O_INACTIVE;
  loosenPermissions(bs);
  for (const child of [...bs.children]) if (child.bs) await bdrvInactivateRecurse(child.bs);
}

/** An inactive node asks for less; a driver that can't give something back does no harm. @globalState */
function loosenPermissions(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('loosenPermissions');
  try {
    bdrvRefreshPerms(bs);
  } catch (error) {
    if ((error as { code?: unknown }).code !== errnoOf(error)) throw error;
  }
}

/**
 * Whether a parent is a node, and (`onlyActive`) an active one.
 *
 * @common
 */
export function hasNodeParent(bs: BlockDriverState, onlyActive: boolean): boolean {
  return bs.parents.some((edge) => {
    const parent = parentNode(edge);
    return parent !== null && !(onlyActive && (parent.openFlags & BDRV_O_INACTIVE) !== 0);
  });
}
