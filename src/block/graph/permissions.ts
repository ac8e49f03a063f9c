/**
 * Permissions: what the parent of an edge may do with the node below, and what it lets others do.
 *
 * In: edges whose masks, or whose ends, have changed. Out: the masks of all edges below, checked and told to the drivers, as steps of a
 * transaction. Leaves to others: the rules by role (`permission-rules.ts`), and what drivers make of it (file locks). All of it is one
 * stretch of the main thread: a graph whose masks contradict each other is never seen from outside.
 *
 * Example of a refresh: a backend asks for WRITE on a qcow2 node above a file. The list is qcow2, file. Of qcow2 the parents' masks are
 * compared and summed up, and its edge to the file gets what the storage rule makes of the sum; then the same for the file, whose driver
 * may refuse. If it does, the abort puts both edges back.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import {
  BDRV_SECTOR_SIZE, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_GRAPH_MOD, BLK_PERM_RESIZE, BLK_PERM_WRITE, BLK_PERM_WRITE_UNCHANGED,
  type BdrvChildRole, type Permissions,
} from '../model/constants.ts';
import type { BlockDriver, BlockReopenQueue, ChildPermissions } from '../model/driver.ts';
import { blockError, type BlockError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { tranAbort, tranAdd, tranCommit, tranNew, type Transaction } from '../model/transaction.ts';
import { bdrvDefaultPerms, bdrvIsWritableAfterReopen } from './permission-rules.ts';

/** Each bit with its name for people and its name for the monitor. */
const NAMES = [
  [BLK_PERM_CONSISTENT_READ, 'consistent read', 'consistent-read'],
  [BLK_PERM_WRITE, 'write', 'write'],
  [BLK_PERM_WRITE_UNCHANGED, 'write unchanged', 'write-unchanged'],
  [BLK_PERM_RESIZE, 'resize', 'resize'],
  [BLK_PERM_GRAPH_MOD, 'change children', 'graph-mod'],
] as const;

/**
 * The names of permissions, for people, with commas between.
 *
 * @globalState
 */
export function bdrvPermNames(perm: Permissions): string {
  GLOBAL_STATE_CODE('bdrvPermNames');
  return NAMES.filter(([bit]) => (perm & bit) !== 0).map(([, name]) => name).join(', ');
}

/**
 * The names of permissions, as the monitor has them.
 *
 * @globalState
 */
export function monitorPermNames(perm: Permissions): string[] {
  GLOBAL_STATE_CODE('monitorPermNames');
  return NAMES.filter(([bit]) => (perm & bit) !== 0).map(([, , name]) => name);
}

/**
 * The permission of a monitor's name.
 *
 * @throws BlockError `EINVAL` where there is none of that name
 * @globalState
 */
export function bdrvQapiPermToBlkPerm(perm: string): Permissions {
  GLOBAL_STATE_CODE('bdrvQapiPermToBlkPerm');
  const found = NAMES.find(([, , name]) => name === perm);
  if (!found) throw blockError('EINVAL', `There is no permission '${perm}'`);
  return found[0];
}

/**
 * What the parents of a node may do, taken together, and what all of them share.
 *
 * @globalState
 */
export function bdrvGetCumulativePerm(bs: BlockDriverState): ChildPermissions {
  GLOBAL_STATE_CODE('bdrvGetCumulativePerm');
  let perm = 0;
  let shared = BLK_PERM_ALL;
  for (const edge of bs.parents) {
    perm |= edge.perm;
    shared &= edge.sharedPerm;
  }
  return { perm, shared };
}

/**
 * Sets the masks of an edge whose parent is no node, and refreshes what is below. A failure changes nothing; it is only told to a caller
 * who asked for more than the edge had.
 *
 * @throws BlockError `EPERM` where another parent, or a driver, is against it
 * @globalState
 * @permissionApi
 */
export function bdrvChildTrySetPerm(child: BdrvChild, perm: Permissions, shared: Permissions): void {
  GLOBAL_STATE_CODE('bdrvChildTrySetPerm');
  const tightens = (perm & ~child.perm) !== 0 || (child.sharedPerm & ~shared) !== 0;
  try {
    refreshWith((transaction) => {
      bdrvChildSetPerm(child, perm, shared, transaction);
      if (child.bs) bdrvRefreshPerms(child.bs, transaction);
    });
  } catch (error) {
    if (tightens) throw error;
  }
}

/**
 * Asks the driver of `bs` anew what it needs of `child`, and sets that. For a driver whose answer has changed.
 *
 * @throws BlockError as {@link bdrvChildTrySetPerm}
 * @globalState
 * @permissionApi
 */
export function bdrvChildRefreshPerms(bs: BlockDriverState, child: BdrvChild): void {
  GLOBAL_STATE_CODE('bdrvChildRefreshPerms');
  const cumulative = bdrvGetCumulativePerm(bs);
  const needed = bdrvChildPerm(bs, child.bs, child, child.role, null, cumulative);
  bdrvChildTrySetPerm(child, needed.perm, needed.shared);
}

/**
 * Refreshes a node and all below it, in a transaction or by itself.
 *
 * @throws BlockError `EPERM` where masks contradict each other or a driver refuses
 * @globalState
 * @permissionApi
 */
export function bdrvRefreshPerms(bs: BlockDriverState, transaction: Transaction | null = null): void {
  GLOBAL_STATE_CODE('bdrvRefreshPerms');
  const nodes = bdrvTopologicalDfs([bs]);
  if (transaction) bdrvListRefreshPerms(nodes, null, transaction);
  else refreshWith((own) => bdrvListRefreshPerms(nodes, null, own));
}

/**
 * Refreshes nodes in the order given, which has parents before children; see {@link bdrvTopologicalDfs}.
 *
 * @param queue - a reopen that is under way: flags count as they will be
 * @throws BlockError `EPERM` where masks contradict each other or a driver refuses
 * @globalState
 * @permissionApi
 */
export function bdrvListRefreshPerms(nodes: readonly BlockDriverState[], queue: BlockReopenQueue | null, transaction: Transaction): void {
  GLOBAL_STATE_CODE('bdrvListRefreshPerms');
  for (const bs of nodes) {
    bdrvParentPermsConflict(bs);
    bdrvNodeRefreshPerm(bs, queue, transaction);
  }
}

/**
 * The given nodes and all below them, parents before children, each once.
 *
 * @globalState
 */
export function bdrvTopologicalDfs(roots: readonly BlockDriverState[]): BlockDriverState[] {
  GLOBAL_STATE_CODE('bdrvTopologicalDfs');
  const found = new Set<BlockDriverState>();
  const childrenFirst: BlockDriverState[] = [];
  const visit = (bs: BlockDriverState): void => {
    if (found.has(bs)) return;
    found.add(bs);
    for (const child of bs.children) if (child.bs) visit(child.bs);
    childrenFirst.push(bs);
  };
  roots.forEach(visit);
  return childrenFirst.reverse();
}

/**
 * What `bs` needs of a child, by its driver.
 *
 * @param child - `null`: one that is about to be attached
 * @globalState
 */
export function bdrvChildPerm(
  bs: BlockDriverState, childNode: BlockDriverState | null, child: BdrvChild | null, role: BdrvChildRole, queue: BlockReopenQueue | null, parents: ChildPermissions,
): ChildPermissions {
  GLOBAL_STATE_CODE('bdrvChildPerm');
  const needed = bs.drv?.bdrvChildPerm?.(bs, child, role, queue, parents.perm, parents.shared)
    ?? bdrvDefaultPerms(bs, child, role, queue, parents.perm, parents.shared);
  return childNode?.forceShare === true ? { perm: needed.perm, shared: BLK_PERM_ALL } : needed;
}

/** @globalState */
function refreshWith(change: (transaction: Transaction) => void): void {
  GLOBAL_STATE_CODE('refreshWith');
  const transaction = tranNew();
  try {
    change(transaction);
  } catch (error) {
    tranAbort(transaction);
    throw error;
  }
  tranCommit(transaction);
}

/** @globalState */
function bdrvNodeRefreshPerm(bs: BlockDriverState, queue: BlockReopenQueue | null, transaction: Transaction): void {
  GLOBAL_STATE_CODE('bdrvNodeRefreshPerm');
  const cumulative = bdrvGetCumulativePerm(bs);
  refuseWritersOfReadOnly(bs, queue, cumulative);
  refuseUnalignedEnd(bs, cumulative);
  if (!bs.drv) return;
  bdrvDrvSetPerm(bs, bs.drv, cumulative, transaction);
  for (const child of bs.children) {
    const needed = bdrvChildPerm(bs, child.bs, child, child.role, queue, cumulative);
    bdrvChildSetPerm(child, needed.perm, needed.shared, transaction);
  }
}

/** @globalState */
function refuseWritersOfReadOnly(bs: BlockDriverState, queue: BlockReopenQueue | null, cumulative: ChildPermissions): void {
  GLOBAL_STATE_CODE('refuseWritersOfReadOnly');
  if ((cumulative.perm & (BLK_PERM_WRITE | BLK_PERM_WRITE_UNCHANGED)) === 0 || bdrvIsWritableAfterReopen(bs, queue)) return;
  throw bdrvIsWritableAfterReopen(bs, null)
    ? blockError('EPERM', `Read-only block node '${bs.nodeName}' cannot have users that write`)
    : blockError('EPERM', 'Block node is read-only');
}

/**
 * Requests are widened to the node's alignment; where the node ends in between, a write at its end makes it longer.
 *
 * @globalState
 */
function refuseUnalignedEnd(bs: BlockDriverState, cumulative: ChildPermissions): void {
  GLOBAL_STATE_CODE('refuseUnalignedEnd');
  if ((cumulative.perm & (BLK_PERM_WRITE | BLK_PERM_RESIZE)) !== BLK_PERM_WRITE) return;
  if ((bs.totalSectors * BDRV_SECTOR_SIZE) % bs.bl.requestAlignment === 0) return;
  throw blockError('EPERM', "Cannot get 'write' permission without 'resize': Image size is not a multiple of request alignment");
}

/** @globalState */
function bdrvDrvSetPerm(bs: BlockDriverState, drv: BlockDriver, cumulative: ChildPermissions, transaction: Transaction): void {
  GLOBAL_STATE_CODE('bdrvDrvSetPerm');
  drv.bdrvCheckPerm?.(bs, cumulative.perm, cumulative.shared);
  tranAdd(transaction, {
    commit: () => {
      const { perm, shared } = bdrvGetCumulativePerm(bs);
      drv.bdrvSetPerm?.(bs, perm, shared);
    },
    abort: () => drv.bdrvAbortPermUpdate?.(bs),
  });
}

/** @globalState */
function bdrvChildSetPerm(child: BdrvChild, perm: Permissions, shared: Permissions, transaction: Transaction): void {
  GLOBAL_STATE_CODE('bdrvChildSetPerm');
  const { perm: oldPerm, sharedPerm: oldShared } = child;
  child.perm = perm;
  child.sharedPerm = shared;
  tranAdd(transaction, {
    abort: () => {
      child.perm = oldPerm;
      child.sharedPerm = oldShared;
    },
  });
}

/**
 * Compares each two parents of a node.
 *
 * @throws BlockError `EPERM` that names the permissions, who needs them and who does not share them
 * @globalState
 */
function bdrvParentPermsConflict(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('bdrvParentPermsConflict');
  for (const a of bs.parents) {
    for (const b of bs.parents) {
      if (a !== b && !bdrvAAllowB(a, b)) throw conflict(bs, a, b);
    }
  }
}

/** Whether `a` shares what `b` may do. @globalState */
function bdrvAAllowB(a: BdrvChild, b: BdrvChild): boolean {
  GLOBAL_STATE_CODE('bdrvAAllowB');
  return (b.perm & ~a.sharedPerm) === 0;
}

/** @globalState */
function conflict(bs: BlockDriverState, a: BdrvChild, b: BdrvChild): BlockError {
  GLOBAL_STATE_CODE('conflict');
  const names = bdrvPermNames(b.perm & ~a.sharedPerm);
  return blockError(
    'EPERM',
    `Permission conflict on node '${bs.nodeName}': permissions '${names}' are needed by ${bdrvChildUserDesc(b)} (as '${b.name}' child) and not shared by ${bdrvChildUserDesc(a)} (as '${a.name}' child)`,
  );
}

/**
 * The parent of an edge, for messages.
 *
 * @globalState
 */
export function bdrvChildUserDesc(child: BdrvChild): string {
  GLOBAL_STATE_CODE('bdrvChildUserDesc');
  return child.klass.getParentDesc?.(child) ?? 'another user';
}
