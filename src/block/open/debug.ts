/**
 * Breakpoints of tests in a format's code, and the events that reach them.
 *
 * In: the name of a point, a tag for what stops there. Out: the request waits, or fails with an injected error. Leaves to others: the
 * points (the formats), what happens at them (`blkdebug`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvPrimaryBs } from '../graph/chain-links.ts';
import type { BlkdebugEvent, BlockDriver } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';

/** The first node from `bs` down its primary children that `knows` accepts. @globalState */
function findDebugNode(bs: BlockDriverState, knows: (drv: BlockDriver) => boolean): BlockDriverState {
  GLOBAL_STATE_CODE('findDebugNode');
  for (let node: BlockDriverState | null = bs; node; node = bdrvPrimaryBs(node)) {
    if (node.drv && knows(node.drv)) return node;
  }
  throw blockError('ENOTSUP', `Node '${bs.nodeName}' has no debug node below`);
}

/**
 * Makes the next request that reaches `event` wait there, until the tag is resumed.
 *
 * @throws BlockError `ENOTSUP` where no node below knows breakpoints
 * @globalState
 */
export function bdrvDebugBreakpoint(bs: BlockDriverState, event: string, tag: string): void {
  GLOBAL_STATE_CODE('bdrvDebugBreakpoint');
  const node = findDebugNode(bs, (drv) => drv.bdrvDebugBreakpoint !== undefined);
  node.drv?.bdrvDebugBreakpoint?.(node, event, tag);
}

/**
 * Takes the breakpoints of a tag away, and resumes what waits there.
 *
 * @throws BlockError `ENOTSUP` where no node below knows breakpoints
 * @globalState
 */
export function bdrvDebugRemoveBreakpoint(bs: BlockDriverState, tag: string): void {
  GLOBAL_STATE_CODE('bdrvDebugRemoveBreakpoint');
  const node = findDebugNode(bs, (drv) => drv.bdrvDebugRemoveBreakpoint !== undefined);
  node.drv?.bdrvDebugRemoveBreakpoint?.(node, tag);
}

/**
 * Lets the request go on that waits under a tag.
 *
 * @throws BlockError `ENOTSUP` where no node below knows breakpoints
 * @globalState
 */
export function bdrvDebugResume(bs: BlockDriverState, tag: string): void {
  GLOBAL_STATE_CODE('bdrvDebugResume');
  const node = findDebugNode(bs, (drv) => drv.bdrvDebugResume !== undefined);
  node.drv?.bdrvDebugResume?.(node, tag);
}

/**
 * Whether a request waits under a tag.
 *
 * @globalState
 */
export function bdrvDebugIsSuspended(bs: BlockDriverState, tag: string): boolean {
  GLOBAL_STATE_CODE('bdrvDebugIsSuspended');
  for (let node: BlockDriverState | null = bs; node; node = bdrvPrimaryBs(node)) {
    if (node.drv?.bdrvDebugIsSuspended) return node.drv.bdrvDebugIsSuspended(node, tag);
  }
  return false;
}

/**
 * Tells a node that a format above reached `event`.
 *
 * @throws the error that a test injects there
 * @io
 * @coroutine
 */
export async function bdrvDebugEvent(bs: BlockDriverState, event: BlkdebugEvent): Promise<void> {
  await bs.drv?.bdrvDebugEvent?.(bs, event);
}

/**
 * The same for the node below an edge; nothing without an edge.
 *
 * @io
 * @coroutine
 */
export async function blkdbgEvent(child: BdrvChild | null, event: BlkdebugEvent): Promise<void> {
  if (child?.bs?.drv?.bdrvDebugEvent) await bdrvDebugEvent(child.bs, event);
}
