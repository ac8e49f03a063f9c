/**
 * Moves nodes to another context: a node, and all that it is connected with.
 *
 * In: a node, a context, edges that are not to be followed. Out: all nodes moved, drivers, listeners and parents that are no nodes told; or
 * a refusal before anything has moved. Leaves to others: what a backend or job does when it is moved (slots of the edge's class).
 *
 * While a move lasts, the nodes are drained; all of them move in one stretch, their other parents (backends, jobs) after that.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import {
  aioContextAcquire, aioContextRelease, aioDisableExternal, aioEnableExternal, mainContext, type AioContext,
} from '../contexts/aio-context.ts';
import { pollWhile } from '../contexts/poll.ts';
import type { DrainedEndCounter, IgnoredEdges } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import type { BdrvAioNotifier, BdrvChild, BlockDriverState } from '../model/node.ts';
import { parentNode } from './child-bs.ts';
import { bdrvDoDrainedBeginQuiesce, bdrvDrainPoll, bdrvDrainedEndNoPoll } from './drain.ts';
import { bdrvChildUserDesc, bdrvTopologicalDfs } from './permissions.ts';

/**
 * Moves a node and all that it is connected with.
 *
 * @throws BlockError `EPERM` where a parent can't move; then nothing has
 * @globalState
 */
export async function bdrvTrySetAioContext(bs: BlockDriverState, context: AioContext): Promise<void> {
  GLOBAL_STATE_CODE('bdrvTrySetAioContext');
  await bdrvChildTrySetAioContext(bs, context, null);
}

/**
 * {@link bdrvTrySetAioContext}, without asking or moving the parent at one edge.
 *
 * @throws BlockError `EPERM` where a parent can't move; then nothing has
 * @globalState
 */
export async function bdrvChildTrySetAioContext(bs: BlockDriverState, context: AioContext, ignoreChild: BdrvChild | null): Promise<void> {
  GLOBAL_STATE_CODE('bdrvChildTrySetAioContext');
  const ignored = ignoreChild === null ? [] : [ignoreChild];
  bdrvCanSetAioContext(bs, context, new Set(ignored));
  await bdrvSetAioContextIgnore(bs, context, new Set(ignored));
}

/**
 * Moves a node and all that it is connected with, without asking.
 *
 * @param ignore - edges that are not followed; those that were are added
 * @globalState
 */
export async function bdrvSetAioContextIgnore(bs: BlockDriverState, newContext: AioContext, ignore: IgnoredEdges): Promise<void> {
  GLOBAL_STATE_CODE('bdrvSetAioContextIgnore');
  if (bs.aioContext === newContext) return;
  const drained = await drainConnected(bs, ignore);
  const { nodes, otherParents } = connected(bs, ignore);
  for (const node of nodes) bdrvDetachAioContext(node);
  for (const node of nodes.toReversed()) bdrvAttachAioContext(node, newContext);
  for (const edge of otherParents) await edge.klass.setAioCtx?.(edge, newContext, ignore);
  const counter: DrainedEndCounter = { pending: 0 };
  for (const node of drained) bdrvDrainedEndNoPoll(node, counter);
  await pollWhile(newContext, () => counter.pending > 0);
}

/**
 * Asks the node below an edge.
 *
 * @throws BlockError `EPERM` where a parent of it, or of what it is connected with, can't move
 * @globalState
 */
export function bdrvChildCanSetAioContext(child: BdrvChild, context: AioContext, ignore: IgnoredEdges): void {
  GLOBAL_STATE_CODE('bdrvChildCanSetAioContext');
  if (ignore.has(child)) return;
  ignore.add(child);
  if (child.bs) bdrvCanSetAioContext(child.bs, context, ignore);
}

/**
 * Asks a node's parents and children.
 *
 * @param ignore - edges that are not followed; those that were are added
 * @throws BlockError `EPERM` where one of them can't move
 * @globalState
 */
export function bdrvCanSetAioContext(bs: BlockDriverState, context: AioContext, ignore: IgnoredEdges): void {
  GLOBAL_STATE_CODE('bdrvCanSetAioContext');
  if (bs.aioContext === context) return;
  for (const edge of bs.parents) bdrvParentCanSetAioContext(edge, context, ignore);
  for (const child of bs.children) bdrvChildCanSetAioContext(child, context, ignore);
}

/** @globalState */
function bdrvParentCanSetAioContext(edge: BdrvChild, context: AioContext, ignore: IgnoredEdges): void {
  GLOBAL_STATE_CODE('bdrvParentCanSetAioContext');
  if (ignore.has(edge)) return;
  ignore.add(edge);
  if (!edge.klass.canSetAioCtx) throw blockError('EPERM', `Changing iothreads is not supported by ${bdrvChildUserDesc(edge)}`);
  edge.klass.canSetAioCtx(edge, context, ignore);
}

/**
 * Has `attached` and `detach` called when a node moves: `detach` before, `attached` after.
 *
 * @globalState
 */
export function bdrvAddAioContextNotifier(
  bs: BlockDriverState, attached: (newContext: AioContext, opaque: unknown) => void, detach: (opaque: unknown) => void, opaque: unknown,
): void {
  GLOBAL_STATE_CODE('bdrvAddAioContextNotifier');
  bs.aioNotifiers.push({ attachedAioContext: attached, detachAioContext: detach, opaque, deleted: false });
}

/**
 * Takes back what {@link bdrvAddAioContextNotifier} was given; the arguments are the same. A listener may do it while it is called.
 *
 * @throws Error where there is no such listener
 * @globalState
 */
export function bdrvRemoveAioContextNotifier(
  bs: BlockDriverState, attached: (newContext: AioContext, opaque: unknown) => void, detach: (opaque: unknown) => void, opaque: unknown,
): void {
  GLOBAL_STATE_CODE('bdrvRemoveAioContextNotifier');
  const notifier = bs.aioNotifiers.find(
    (one) => !one.deleted && one.attachedAioContext === attached && one.detachAioContext === detach && one.opaque === opaque,
  );
  if (!notifier) throw new Error(`The node '${bs.nodeName}' has no such listener for its context.`);
  notifier.deleted = true;
  if (!bs.walkingAioNotifiers) bdrvDoRemoveAioContextNotifier(bs);
}

/**
 * The context of an edge's parent.
 *
 * @globalState
 */
export function bdrvChildGetParentAioContext(child: BdrvChild): AioContext {
  GLOBAL_STATE_CODE('bdrvChildGetParentAioContext');
  return child.klass.getParentAioContext?.(child) ?? mainContext;
}

/**
 * The context of the parent of an edge between nodes.
 *
 * @io
 */
export function childOfBdsGetParentAioContext(child: BdrvChild): AioContext {
  return parentNode(child)?.aioContext ?? mainContext;
}

/**
 * Takes the lock of the node's context for a coroutine of the main thread, which has the main context's already.
 *
 * @globalState
 * @coroutine
 */
export async function bdrvCoLock(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvCoLock');
  if (bs.aioContext !== mainContext) await aioContextAcquire(bs.aioContext);
}

/**
 * Gives back what {@link bdrvCoLock} took.
 *
 * @globalState
 * @coroutine
 */
// eslint-disable-next-line @typescript-eslint/require-await -- a coroutine like its counterpart
export async function bdrvCoUnlock(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvCoUnlock');
  if (bs.aioContext !== mainContext) aioContextRelease(bs.aioContext);
}

/**
 * Quiesces all nodes that would move with `bs`, also those that come in while it waits.
 *
 * @globalState
 */
async function drainConnected(bs: BlockDriverState, ignore: IgnoredEdges): Promise<Set<BlockDriverState>> {
  GLOBAL_STATE_CODE('drainConnected');
  const drained = new Set<BlockDriverState>();
  for (;;) {
    const fresh = connected(bs, new Set(ignore)).nodes.filter((node) => !drained.has(node));
    if (fresh.length === 0) return drained;
    for (const node of fresh) {
      bdrvDoDrainedBeginQuiesce(node, null, false);
      drained.add(node);
    }
    await pollWhile(bs.aioContext, () => [...drained].some((node) => bdrvDrainPoll(node, false, null, false)));
  }
}

/**
 * What moves with `bs`: nodes, parents before children, and edges whose parents are no nodes.
 *
 * @param ignore - edges that are not followed; those that were are added
 * @globalState
 */
function connected(bs: BlockDriverState, ignore: IgnoredEdges): { nodes: BlockDriverState[]; otherParents: BdrvChild[] } {
  GLOBAL_STATE_CODE('connected');
  const found = new Set([bs]);
  const otherParents: BdrvChild[] = [];
  // A set that grows while it is walked: its new members are met, too.
  for (const node of found) {
    for (const edge of [...node.parents, ...node.children]) {
      if (ignore.has(edge)) continue;
      ignore.add(edge);
      const other = edge.bs === node ? parentNode(edge) : edge.bs;
      if (other) found.add(other);
      else otherParents.push(edge);
    }
  }
  return { nodes: bdrvTopologicalDfs([...found]).filter((node) => found.has(node)), otherParents };
}

/** @globalState */
function bdrvDetachAioContext(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('bdrvDetachAioContext');
  tellNotifiers(bs, (notifier) => notifier.detachAioContext(notifier.opaque));
  bs.drv?.bdrvDetachAioContext?.(bs);
  if (bs.quiesceCounter > 0) aioEnableExternal(bs.aioContext);
}

/** @globalState */
function bdrvAttachAioContext(bs: BlockDriverState, newContext: AioContext): void {
  GLOBAL_STATE_CODE('bdrvAttachAioContext');
  if (bs.quiesceCounter > 0) aioDisableExternal(newContext);
  bs.aioContext = newContext;
  bs.drv?.bdrvAttachAioContext?.(bs, newContext);
  tellNotifiers(bs, (notifier) => notifier.attachedAioContext(newContext, notifier.opaque));
}

/**
 * @globalState
 * @runs tell globalState wait
 */
function tellNotifiers(bs: BlockDriverState, tell: (notifier: BdrvAioNotifier) => void): void {
  GLOBAL_STATE_CODE('tellNotifiers');
  bs.walkingAioNotifiers = true;
  for (const notifier of bs.aioNotifiers) if (!notifier.deleted) tell(notifier);
  bs.walkingAioNotifiers = false;
  bdrvDoRemoveAioContextNotifier(bs);
}

/** @globalState */
function bdrvDoRemoveAioContextNotifier(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('bdrvDoRemoveAioContextNotifier');
  bs.aioNotifiers = bs.aioNotifiers.filter((notifier) => !notifier.deleted);
}
