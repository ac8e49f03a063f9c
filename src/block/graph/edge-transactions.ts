/**
 * Changes of edges as steps of a transaction: they are made at once, confirmed or taken back later, and ask for no permission.
 *
 * In: edges, nodes, a transaction. Out: the graph as wanted, and steps that hold on to the nodes until it is sure which ones are needed.
 * Leaves to others: one refresh of permissions before the commit (`permissions.ts`), drains and contexts before the first step
 * (`edges.ts`, `replace.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import {
  BDRV_CHILD_COW, BDRV_CHILD_FILTERED, BDRV_CHILD_PRIMARY, type BdrvChildRole, type Permissions,
} from '../model/constants.ts';
import type { BdrvChildClass } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { tranAdd, tranAfterwards, type Transaction } from '../model/transaction.ts';
import { bdrvRefreshLimits } from '../open/limits.ts';
import { childOfBds } from './child-of-bds.ts';
import { bdrvReplaceChildNoperm } from './edge-link.ts';
import { bdrvRef, bdrvSetInheritsFrom, bdrvUnref, bdrvUnsetInheritsFrom } from './nodes.ts';
import { bdrvChildPerm, bdrvGetCumulativePerm } from './permissions.ts';

/**
 * What the parent of a new edge wants.
 */
export interface NewEdge {
  readonly name: string;
  readonly klass: BdrvChildClass;
  readonly role: BdrvChildRole;
  readonly perm: Permissions;
  readonly sharedPerm: Permissions;
  readonly opaque: unknown;
}

/**
 * An edge that points nowhere yet.
 *
 * @globalState
 */
export function looseEdge(edge: NewEdge): BdrvChild {
  GLOBAL_STATE_CODE('looseEdge');
  return { ...edge, bs: null, frozen: false, parentQuiesceCounter: 0 };
}

/**
 * Attaches a node at a new edge, which holds it. Both ends are in one context already.
 *
 * @globalState
 */
export function bdrvAttachChildCommon(childNode: BlockDriverState, edge: NewEdge, transaction: Transaction): BdrvChild {
  GLOBAL_STATE_CODE('bdrvAttachChildCommon');
  const child = looseEdge(edge);
  bdrvRef(childNode);
  bdrvReplaceChildNoperm(child, childNode);
  tranAdd(transaction, {
    abort: () => {
      bdrvReplaceChildNoperm(child, null);
      tranAfterwards(transaction, () => bdrvUnref(childNode));
    },
  });
  return child;
}

/**
 * Attaches a node below another one.
 *
 * @throws BlockError `EINVAL` where that would make a cycle
 * @globalState
 */
export function bdrvAttachChildNoperm(
  parent: BlockDriverState, childNode: BlockDriverState, name: string, klass: BdrvChildClass, role: BdrvChildRole, transaction: Transaction,
): BdrvChild {
  GLOBAL_STATE_CODE('bdrvAttachChildNoperm');
  if (bdrvRecurseHasChild(childNode, parent)) {
    throw blockError('EINVAL', `Making '${childNode.nodeName}' a ${name} child of '${parent.nodeName}' would create a cycle`);
  }
  const { perm, shared } = bdrvChildPerm(parent, childNode, null, role, null, bdrvGetCumulativePerm(parent));
  return bdrvAttachChildCommon(childNode, { name, klass, role, perm, sharedPerm: shared, opaque: parent }, transaction);
}

/**
 * Points an edge at another node (`null`: removes it), and moves the reference that it holds. Both nodes are drained and in one context.
 *
 * @throws BlockError `EPERM` where the edge is frozen
 * @globalState
 */
export function bdrvReplaceChildTran(child: BdrvChild, newBs: BlockDriverState | null, transaction: Transaction): void {
  GLOBAL_STATE_CODE('bdrvReplaceChildTran');
  const oldBs = child.bs;
  refuseFrozen(child);
  if (newBs) bdrvRef(newBs);
  bdrvReplaceChildNoperm(child, newBs);
  tranAdd(transaction, {
    commit: () => tranAfterwards(transaction, () => bdrvUnref(oldBs)),
    abort: () => {
      bdrvReplaceChildNoperm(child, oldBs);
      tranAfterwards(transaction, () => bdrvUnref(newBs));
    },
  });
}

/**
 * Sets, replaces or removes the backing node.
 *
 * @throws BlockError `EPERM` where the edge is frozen, `EINVAL` where the driver has no backing nodes or a cycle would come about
 * @globalState
 */
export function bdrvSetBackingNoperm(bs: BlockDriverState, backing: BlockDriverState | null, transaction: Transaction): void {
  GLOBAL_STATE_CODE('bdrvSetBackingNoperm');
  bdrvSetFileOrBackingNoperm(bs, backing, true, transaction);
}

/**
 * Sets, replaces or removes the node at `backing` or `file`.
 *
 * @throws BlockError as {@link bdrvSetBackingNoperm}
 * @globalState
 */
export function bdrvSetFileOrBackingNoperm(parent: BlockDriverState, childNode: BlockDriverState | null, isBacking: boolean, transaction: Transaction): void {
  GLOBAL_STATE_CODE('bdrvSetFileOrBackingNoperm');
  const child = isBacking ? parent.backing : parent.file;
  const role = roleOfFileOrBacking(parent, child, isBacking);
  const inherits = childNode !== null && bdrvInheritsFromRecursive(childNode, parent);
  if (child) {
    refuseFrozen(child);
    bdrvUnsetInheritsFrom(parent, child, transaction);
    bdrvReplaceChildTran(child, null, transaction);
  }
  if (childNode) {
    bdrvAttachChildNoperm(parent, childNode, isBacking ? 'backing' : 'file', childOfBds, role, transaction);
    // It inherited from the parent by way of nodes that may be gone now: from here on directly.
    if (inherits) bdrvSetInheritsFrom(childNode, parent, transaction);
  }
  bdrvRefreshLimits(parent, transaction);
}

/**
 * The role of a child at `backing`.
 *
 * @globalState
 */
export function bdrvBackingRole(bs: BlockDriverState): BdrvChildRole {
  GLOBAL_STATE_CODE('bdrvBackingRole');
  return bs.drv?.isFilter === true ? BDRV_CHILD_FILTERED | BDRV_CHILD_PRIMARY : BDRV_CHILD_COW;
}

/**
 * Whether `bs` inherits its options from `from`, directly or by way of others.
 *
 * @globalState
 */
export function bdrvInheritsFromRecursive(bs: BlockDriverState, from: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvInheritsFromRecursive');
  let node: BlockDriverState | null = bs;
  while (node !== null && node !== from) node = node.inheritsFrom;
  return node !== null;
}

/** @globalState */
function roleOfFileOrBacking(parent: BlockDriverState, child: BdrvChild | null, isBacking: boolean): BdrvChildRole {
  GLOBAL_STATE_CODE('roleOfFileOrBacking');
  const drv = parent.drv;
  if (!drv) throw blockError('EINVAL', `Node '${parent.nodeName}' has no driver`);
  if (isBacking && drv.isFilter !== true && drv.supportsBacking !== true) {
    throw blockError('EINVAL', `Driver '${drv.formatName}' of node '${parent.nodeName}' does not support backing files`);
  }
  if (isBacking || drv.isFilter === true) return bdrvBackingRole(parent);
  // What a file is to a format, only its driver knows: the role stays that of the file until now.
  if (!child) throw blockError('EINVAL', `Node '${parent.nodeName}' has no file child that could be replaced`);
  return child.role;
}

/** @globalState */
function refuseFrozen(child: BdrvChild): void {
  GLOBAL_STATE_CODE('refuseFrozen');
  if (!child.frozen) return;
  const parent = child.klass.getParentDesc?.(child) ?? 'its parent';
  throw blockError('EPERM', `Cannot change frozen '${child.name}' link from ${parent} to '${child.bs?.nodeName ?? ''}'`);
}

/** @globalState */
function bdrvRecurseHasChild(bs: BlockDriverState, below: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvRecurseHasChild');
  return bs === below || bs.children.some((child) => child.bs !== null && bdrvRecurseHasChild(child.bs, below));
}
