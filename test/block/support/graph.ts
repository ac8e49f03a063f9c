/**
 * Graphs for tests: nodes of drivers that store nothing, and parents that note what they are told.
 *
 * In: names and edges. Out: nodes, parents, and a check of what always holds for drained sections.
 */
import type { AioContext } from '../../../src/block/contexts/aio-context.ts';
import { BDRV_CHILD_COW, BDRV_CHILD_FILTERED, BDRV_CHILD_IMAGE, BDRV_CHILD_PRIMARY, BDRV_O_RDWR, BLK_PERM_ALL, type Permissions } from '../../../src/block/model/constants.ts';
import type { BdrvChildClass, BlockDriver } from '../../../src/block/model/driver.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../../../src/block/model/node.ts';
import { childOfBds } from '../../../src/block/graph/child-of-bds.ts';
import { bdrvAttachChild, bdrvRootAttachChild } from '../../../src/block/graph/edges.ts';
import { allNodes, bdrvNew, openDrainAllSections } from '../../../src/block/graph/node-lists.ts';
import { bdrvAssignNodeName } from '../../../src/block/graph/node-names.ts';
import { bdrvRef, bdrvRootUnrefChild } from '../../../src/block/graph/nodes.ts';
import { parentNode } from '../../../src/block/graph/child-bs.ts';

/** A format that may have a file and a backing node. */
export const plainFormat: BlockDriver = { formatName: 'plain', isFormat: true, supportsBacking: true };
/** A filter. */
export const plainFilter: BlockDriver = { formatName: 'pass', isFilter: true };
/** A protocol. */
export const plainProtocol: BlockDriver = { formatName: 'store', protocolName: 'store' };

/** A writable node of that driver, held once. */
export function plainNode(name: string | null, drv: BlockDriver = plainFormat): BlockDriverState {
  const bs = bdrvNew();
  bdrvAssignNodeName(bs, name);
  bs.drv = drv;
  bs.openFlags = BDRV_O_RDWR;
  return bs;
}

/** A format node of that name above a protocol node. */
export async function chain(format: string, file: string): Promise<[BlockDriverState, BlockDriverState]> {
  const top = plainNode(format);
  const bottom = plainNode(file, plainProtocol);
  await bdrvAttachChild(top, bottom, 'file', childOfBds, BDRV_CHILD_IMAGE);
  return [top, bottom];
}

/** Nodes above one another: the first at the top; filters above what is below them, others with it as their backing node. Each holds the next. */
export async function stack(...nodes: BlockDriverState[]): Promise<void> {
  for (const [index, above] of nodes.entries()) {
    const below = nodes[index + 1];
    const role = above.drv?.isFilter === true ? BDRV_CHILD_FILTERED | BDRV_CHILD_PRIMARY : BDRV_CHILD_COW;
    if (below) await bdrvAttachChild(above, below, above.drv?.isFilter === true ? 'file' : 'backing', childOfBds, role);
  }
}

/** A parent that is no node, as a backend is one. */
export interface User {
  readonly name: string;
  /** How often it is drained. */
  drained: number;
  /** Requests that it has under way. */
  busy: number;
  edge: BdrvChild | null;
  canMove: boolean;
  context: AioContext;
}

/** Edges of {@link User}s. */
export const childOfUser: BdrvChildClass = {
  getParentDesc: (child) => `user '${userOf(child).name}'`,
  drainedBegin(child) {
    userOf(child).drained++;
  },
  drainedEnd(child) {
    userOf(child).drained--;
  },
  drainedPoll: (child) => userOf(child).busy > 0,
  canSetAioCtx(child) {
    if (!userOf(child).canMove) throw blockError('EPERM', `user '${userOf(child).name}' can't move`);
  },
  setAioCtx(child, context) {
    userOf(child).context = context;
    return Promise.resolve();
  },
  getParentAioContext: (child) => userOf(child).context,
};

function userOf(child: BdrvChild): User {
  return child.opaque as User;
}

/** Has a user above a node. */
export async function useNode(
  bs: BlockDriverState, name: string, perm: Permissions = 0, shared: Permissions = BLK_PERM_ALL, klass: BdrvChildClass = childOfUser,
): Promise<User> {
  const user: User = { name, drained: 0, busy: 0, edge: null, canMove: true, context: bs.aioContext };
  bdrvRef(bs);
  user.edge = await bdrvRootAttachChild(bs, 'root', klass, BDRV_CHILD_FILTERED | BDRV_CHILD_PRIMARY, perm, shared, user);
  return user;
}

/** Has a user let go of its node. */
export async function stopUsing(user: User): Promise<void> {
  if (user.edge) await bdrvRootUnrefChild(user.edge);
  user.edge = null;
}

/** The edges for which the rule of drained sections (see `drain.ts`) does not hold; empty. */
export function brokenDrainCounts(): string[] {
  return allNodes().flatMap((bs) => bs.parents)
    .filter((edge) => {
      const parent = parentNode(edge);
      const sections = (edge.bs?.quiesceCounter ?? 0) - (parent ? openDrainAllSections.count + parent.recursiveQuiesceCounter : 0);
      return edge.parentQuiesceCounter !== sections;
    })
    .map((edge) => `${edge.name} of ${edge.bs?.nodeName ?? ''}`);
}
