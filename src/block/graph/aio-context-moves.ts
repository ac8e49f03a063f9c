/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { AioContext } from '../contexts/aio-context.ts';
import type { IgnoredEdges } from '../model/driver.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Moves a node with its parents and children to another AioContext; the list holds edges already visited. v5 adds its assertion only in patch 24.
 *
 * @globalState
 */
export async function bdrvSetAioContextIgnore(bs: BlockDriverState, newContext: AioContext, ignore: IgnoredEdges): Promise<void> {
  GLOBAL_STATE_CODE('bdrvSetAioContextIgnore');
  throw notBuilt('bdrvSetAioContextIgnore');
}

/**
 * Moves a node's connected graph to a context if every parent and child agrees.
 *
 * @globalState
 */
export async function bdrvTrySetAioContext(bs: BlockDriverState, context: AioContext): Promise<void> {
  GLOBAL_STATE_CODE('bdrvTrySetAioContext');
  throw notBuilt('bdrvTrySetAioContext');
}

/**
 * Same, leaving one edge out of the check.
 *
 * @globalState
 */
export async function bdrvChildTrySetAioContext(bs: BlockDriverState, context: AioContext, ignoreChild: BdrvChild | null): Promise<void> {
  GLOBAL_STATE_CODE('bdrvChildTrySetAioContext');
  throw notBuilt('bdrvChildTrySetAioContext');
}

/**
 * Whether the node below an edge can move to a context.
 *
 * @globalState
 */
export function bdrvChildCanSetAioContext(child: BdrvChild, context: AioContext, ignore: IgnoredEdges): void {
  GLOBAL_STATE_CODE('bdrvChildCanSetAioContext');
  throw notBuilt('bdrvChildCanSetAioContext');
}

/**
 * Whether a node and all it is connected to can move to a context. v5 puts the assertion after the early return for 'already there'.
 *
 * @globalState
 */
export function bdrvCanSetAioContext(bs: BlockDriverState, context: AioContext, ignore: IgnoredEdges): void {
  GLOBAL_STATE_CODE('bdrvCanSetAioContext');
  throw notBuilt('bdrvCanSetAioContext');
}

/**
 * Registers callbacks for a node's context changes (attached after, detach before the move).
 *
 * @globalState
 */
export function bdrvAddAioContextNotifier(bs: BlockDriverState, attached: (newContext: AioContext, opaque: unknown) => void, detach: (opaque: unknown) => void, opaque: unknown): void {
  GLOBAL_STATE_CODE('bdrvAddAioContextNotifier');
  throw notBuilt('bdrvAddAioContextNotifier');
}

/**
 * Unregisters them; the arguments must match.
 *
 * @globalState
 */
export function bdrvRemoveAioContextNotifier(bs: BlockDriverState, attached: (newContext: AioContext, opaque: unknown) => void, detach: (opaque: unknown) => void, opaque: unknown): void {
  GLOBAL_STATE_CODE('bdrvRemoveAioContextNotifier');
  throw notBuilt('bdrvRemoveAioContextNotifier');
}

/**
 * AioContext of an edge's parent, through the child class. v5 contradiction: declared in the I/O header yet patch 24 asserts the main thread in it.
 *
 * @globalState
 */
export function bdrvChildGetParentAioContext(child: BdrvChild): AioContext {
  GLOBAL_STATE_CODE('bdrvChildGetParentAioContext');
  throw notBuilt('bdrvChildGetParentAioContext');
}

/**
 * Class callback: context of the parent node of a node-to-node edge.
 *
 * @io
 */
export function childOfBdsGetParentAioContext(child: BdrvChild): AioContext {
  throw notBuilt('childOfBdsGetParentAioContext');
}

/**
 * Coroutine: takes the node's context lock unless the node is already in the current context. Main thread only. v5 gives it no assertion.
 *
 * @globalState
 * @coroutine
 */
export async function bdrvCoLock(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvCoLock');
  throw notBuilt('bdrvCoLock');
}

/**
 * Coroutine: counterpart of bdrv_co_lock. v5 gives it no assertion.
 *
 * @globalState
 * @coroutine
 */
export async function bdrvCoUnlock(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvCoUnlock');
  throw notBuilt('bdrvCoUnlock');
}
