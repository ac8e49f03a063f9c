/**
 * Drained sections: a quiesced node gets no new requests from outside, and the section starts once nothing is in flight.
 *
 * In: begins and ends, nested as one likes. Out: counters on nodes and edges, parents and drivers that are told to stop and go on, and
 * waits. Leaves to others: the section of all nodes (`drain-all.ts`), what parents do when they are told (slots `drainedBegin`,
 * `drainedEnd`, `drainedPoll` of the edge's class).
 *
 * What always holds for an edge, between two waits:
 *
 *     edge.parentQuiesceCounter = edge.bs.quiesceCounter
 *                               - (the parent is a node ? open sections of all nodes : 0)
 *                               - (the parent is a node ? its recursiveQuiesceCounter : 0)
 *
 * because a section of all nodes, and one that came down from the parent, tell the parent by another way. Example: a filter F above a
 * node N. A section of N counts N 1, the edge 1 and thereby F 1. A subtree section of F counts F 1, N 1, and the edge 0.
 */
import { aioBhScheduleOneshot, aioDisableExternal, aioEnableExternal, qemuGetCurrentAioContext } from '../contexts/aio-context.ts';
import { aioCoEnter } from '../contexts/coroutine.ts';
import { qemuInCoroutine } from '../contexts/execution.ts';
import { pollWhile } from '../contexts/poll.ts';
import type { DrainedEndCounter } from '../model/driver.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { bdrvDecInFlight, bdrvIncInFlight } from './in-flight.ts';

/** What is still to do for ends that nobody waits for by themselves: those of graph changes. */
const endsOfGraphChanges: DrainedEndCounter = { pending: 0 };

/**
 * A drained section around nothing: waits until what is in flight on a node is done.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvDrain(bs: BlockDriverState): Promise<void> {
  await bdrvDrainedBegin(bs);
  await bdrvDrainedEnd(bs);
}

/**
 * {@link bdrvDrain} for coroutines.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoDrain(bs: BlockDriverState): Promise<void> {
  await bdrvDrainedBegin(bs);
  await bdrvDrainedEnd(bs);
}

/**
 * Starts a drained section of a node, and of its parents. Ends with {@link bdrvDrainedEnd}.
 *
 * @io
 * @coroutineMixed
 * @drainBegin drained
 */
export async function bdrvDrainedBegin(bs: BlockDriverState): Promise<void> {
  await outsideOfCoroutine(() => {
    bdrvDoDrainedBeginQuiesce(bs, null, false);
    return pollWhile(bs.aioContext, () => bdrvDrainPoll(bs, false, null, false));
  });
}

/**
 * Ends a drained section, and waits until drivers and parents go on. The graph may change meanwhile. For the main loop, or a caller that
 * shares the context of all nodes concerned.
 *
 * @io
 * @coroutineMixed
 * @drainEnd drained
 */
export async function bdrvDrainedEnd(bs: BlockDriverState): Promise<void> {
  await outsideOfCoroutine(() => {
    const counter: DrainedEndCounter = { pending: 0 };
    bdrvDrainedEndNoPoll(bs, counter);
    return pollWhile(bs.aioContext, () => counter.pending > 0);
  });
}

/**
 * Starts a drained section of a node, its parents, and all nodes below. Nodes attached below while it lasts are in it too.
 *
 * @io
 * @coroutineMixed
 * @drainBegin subtree
 */
export async function bdrvSubtreeDrainedBegin(bs: BlockDriverState): Promise<void> {
  await outsideOfCoroutine(() => {
    quiesceSubtree(bs, null);
    return pollWhile(bs.aioContext, () => bdrvDrainPoll(bs, true, null, false));
  });
}

/**
 * Ends a section of {@link bdrvSubtreeDrainedBegin}.
 *
 * @io
 * @coroutineMixed
 * @drainEnd subtree
 */
export async function bdrvSubtreeDrainedEnd(bs: BlockDriverState): Promise<void> {
  await outsideOfCoroutine(() => {
    const counter: DrainedEndCounter = { pending: 0 };
    unquiesceSubtree(bs, null, counter);
    return pollWhile(bs.aioContext, () => counter.pending > 0);
  });
}

/**
 * Starts a drained section without waiting for what is in flight.
 *
 * @param parent - an edge whose parent knows already
 * @param ignoreBdsParents - whether parents that are nodes are told by another way
 * @io
 */
export function bdrvDoDrainedBeginQuiesce(bs: BlockDriverState, parent: BdrvChild | null, ignoreBdsParents: boolean): void {
  if (bs.quiesceCounter++ === 0) aioDisableExternal(bs.aioContext);
  for (const edge of parentsToTell(bs, parent, ignoreBdsParents)) quiesceParent(edge);
  if (bs.quiesceCounter === 1) quiesceDriver(bs);
}

/**
 * Ends a drained section without waiting: the caller waits until `counter` is back at 0, where it may poll.
 *
 * @io
 */
export function bdrvDrainedEndNoPoll(bs: BlockDriverState, counter: DrainedEndCounter): void {
  unquiesceNode(bs, null, false, counter);
}

/**
 * Ends a drained section of one node; the reverse of {@link bdrvDoDrainedBeginQuiesce}.
 *
 * @io
 */
export function unquiesceNode(bs: BlockDriverState, parent: BdrvChild | null, ignoreBdsParents: boolean, counter: DrainedEndCounter): void {
  if (bs.quiesceCounter === 0) throw new Error(`A drained section of the node '${bs.nodeName}' ends that never began.`);
  // From the child to the parents, so that what they send finds a driver that goes on already.
  if (bs.quiesceCounter === 1) unquiesceDriver(bs, counter);
  for (const edge of parentsToTell(bs, parent, ignoreBdsParents)) unquiesceParent(edge, counter);
  if (--bs.quiesceCounter === 0) aioEnableExternal(bs.aioContext);
}

/**
 * Whether something is still in flight on a node, in its parents, or (`recursive`) below it.
 *
 * @param ignoreParent - an edge whose parent does not count
 * @param ignoreBdsParents - whether parents that are nodes do not count
 * @io
 */
export function bdrvDrainPoll(bs: BlockDriverState, recursive: boolean, ignoreParent: BdrvChild | null, ignoreBdsParents: boolean): boolean {
  if (bs.inFlight > 0) return true;
  for (const edge of bs.parents) {
    if (edge === ignoreParent || (ignoreBdsParents && edge.klass.parentIsBds === true)) continue;
    if (edge.klass.drainedPoll?.(edge) === true) return true;
  }
  return recursive && bs.children.some((child) => child.bs !== null && bdrvDrainPoll(child.bs, true, child, ignoreBdsParents));
}

/**
 * Tells the parent of one edge to stop.
 *
 * @param poll - whether to wait until it has
 * @io
 * @coroutineMixed
 */
export async function bdrvParentDrainedBeginSingle(child: BdrvChild, poll: boolean): Promise<void> {
  quiesceParent(child);
  if (poll) await pollWhile(child.bs?.aioContext ?? null, () => child.klass.drainedPoll?.(child) === true);
}

/**
 * Tells the parent of one edge to go on, and waits until it does. The graph may change meanwhile.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvParentDrainedEndSingle(child: BdrvChild): Promise<void> {
  const counter: DrainedEndCounter = { pending: 0 };
  unquiesceParent(child, counter);
  await pollWhile(child.bs?.aioContext ?? null, () => counter.pending > 0);
}

/**
 * Applies the subtree sections of a parent to a node that was attached to it, and waits for what is in flight there.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvApplySubtreeDrain(child: BdrvChild, newParent: BlockDriverState): Promise<void> {
  quiesceBelowEdge(child, newParent);
  const node = child.bs;
  if (node !== null && newParent.recursiveQuiesceCounter > 0) await pollWhile(node.aioContext, () => bdrvDrainPoll(node, true, child, false));
}

/**
 * Takes the subtree sections of a parent off a node that is detached from it, and waits until that node goes on.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvUnapplySubtreeDrain(child: BdrvChild, oldParent: BlockDriverState): Promise<void> {
  const counter: DrainedEndCounter = { pending: 0 };
  unquiesceBelowEdge(child, oldParent, counter);
  await pollWhile(child.bs?.aioContext ?? null, () => counter.pending > 0);
}

/**
 * {@link bdrvApplySubtreeDrain} without waiting: for a graph change, which is one stretch.
 *
 * @io
 */
export function quiesceBelowEdge(child: BdrvChild, parent: BlockDriverState): void {
  for (let sections = parent.recursiveQuiesceCounter; sections > 0 && child.bs !== null; sections--) quiesceSubtree(child.bs, child);
}

/**
 * {@link bdrvUnapplySubtreeDrain} without waiting.
 *
 * @io
 */
export function unquiesceBelowEdge(child: BdrvChild, parent: BlockDriverState, counter: DrainedEndCounter = endsOfGraphChanges): void {
  for (let sections = parent.recursiveQuiesceCounter; sections > 0 && child.bs !== null; sections--) unquiesceSubtree(child.bs, child, counter);
}

/**
 * Tells the parent of an edge to stop, without waiting.
 *
 * @io
 */
export function quiesceParent(child: BdrvChild): void {
  child.parentQuiesceCounter++;
  child.klass.drainedBegin?.(child);
}

/**
 * Tells the parent of an edge to go on, without waiting.
 *
 * @io
 */
export function unquiesceParent(child: BdrvChild, counter: DrainedEndCounter = endsOfGraphChanges): void {
  if (child.parentQuiesceCounter === 0) throw new Error(`A drained section of the parent of the edge '${child.name}' ends that never began.`);
  child.parentQuiesceCounter--;
  child.klass.drainedEnd?.(child, counter);
}

/**
 * Waits for the ends of drained sections that graph changes brought about.
 *
 * @io
 * @coroutineMixed
 */
export async function settleGraphChanges(): Promise<void> {
  if (endsOfGraphChanges.pending > 0) await pollWhile(null, () => endsOfGraphChanges.pending > 0);
}

/**
 * Tells a driver that was just put into a quiesced node.
 *
 * @io
 */
export function quiesceNewDriver(bs: BlockDriverState): void {
  if (bs.quiesceCounter > 0) quiesceDriver(bs);
}

/**
 * In a coroutine, a bottom half does `work` and the coroutine waits for it: the coroutine might be one of those that a drain waits for.
 *
 * @common
 * @coroutineMixed
 * @runs work io wait
 */
async function outsideOfCoroutine(work: () => Promise<void>): Promise<void> {
  if (!qemuInCoroutine()) return work();
  await new Promise<void>((resolve, reject) => {
    aioBhScheduleOneshot(qemuGetCurrentAioContext(), () => void work().then(resolve, reject));
  });
}

/** @common */
function parentsToTell(bs: BlockDriverState, ignored: BdrvChild | null, ignoreBdsParents: boolean): BdrvChild[] {
  return bs.parents.filter((edge) => edge !== ignored && !(ignoreBdsParents && edge.klass.parentIsBds === true));
}

/** @io */
function quiesceSubtree(bs: BlockDriverState, parent: BdrvChild | null): void {
  bdrvDoDrainedBeginQuiesce(bs, parent, false);
  bs.recursiveQuiesceCounter++;
  for (const child of bs.children) if (child.bs !== null) quiesceSubtree(child.bs, child);
}

/** @io */
function unquiesceSubtree(bs: BlockDriverState, parent: BdrvChild | null, counter: DrainedEndCounter): void {
  unquiesceNode(bs, parent, false, counter);
  bs.recursiveQuiesceCounter--;
  for (const child of bs.children) if (child.bs !== null) unquiesceSubtree(child.bs, child, counter);
}

/** @io */
function quiesceDriver(bs: BlockDriverState): void {
  const drv = bs.drv;
  if (drv?.bdrvCoDrainBegin) tellDriver(bs, async () => drv.bdrvCoDrainBegin?.(bs), { pending: 0 });
}

/** @io */
function unquiesceDriver(bs: BlockDriverState, counter: DrainedEndCounter): void {
  const drv = bs.drv;
  if (drv?.bdrvCoDrainEnd) tellDriver(bs, async () => drv.bdrvCoDrainEnd?.(bs), counter);
}

/**
 * Runs a driver's slot as a coroutine of its node. It counts as in flight: a section starts when the driver has stopped.
 *
 * @io
 * @runs slot coroutine
 */
function tellDriver(bs: BlockDriverState, slot: () => Promise<void>, counter: DrainedEndCounter): void {
  bdrvIncInFlight(bs);
  counter.pending++;
  void aioCoEnter(bs.aioContext, slot).finally(() => {
    counter.pending--;
    bdrvDecInFlight(bs);
  });
}
