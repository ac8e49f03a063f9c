/**
 * Reopening: nodes get other options and flags, all of them or none.
 *
 * In: nodes with new options. Out: they are open as wanted, with permissions that suit; or as they were. Leaves to others: what a driver
 * does with its file (its slots), which options there are, edges and permissions (`graph/`).
 *
 * Three phases. Prepare: the drivers get ready and may wait or refuse; nothing is visible from outside. Then, in one stretch of the main
 * thread: children are replaced, permissions are refreshed once for all nodes, and all commit; what fails there takes all of it back.
 * Last: what drivers have to write after that.
 *
 * Options of a node, the first that is given counts: the new ones; those that were given when it was opened (where old ones are kept);
 * what it inherits from its parent; those that it had (where old ones are kept).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { mainContext, qemuGetCurrentAioContext } from '../contexts/aio-context.ts';
import { childBs } from '../graph/child-bs.ts';
import { bdrvSkipImplicitFilters } from '../graph/chains.ts';
import { bdrvSubtreeDrainedBegin, bdrvSubtreeDrainedEnd } from '../graph/drain.ts';
import { bdrvSetFileOrBackingNoperm } from '../graph/edge-transactions.ts';
import { bdrvLookupBs } from '../graph/node-queries.ts';
import { bdrvListRefreshPerms, bdrvTopologicalDfs } from '../graph/permissions.ts';
import { BDRV_O_ALLOW_RDWR, BDRV_O_PROTOCOL, BDRV_O_RDWR, BDRV_O_UNMAP, type OpenFlags } from '../model/constants.ts';
import type { BDRVReopenState, BlockDriver, BlockReopenQueue, BlockReopenQueueEntry } from '../model/driver.ts';
import { blockError, prefixError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { defaultOption, flattenOptions, OptionBag, optionOf, stringOption, type BlockOptions } from '../model/options.ts';
import { tranAbort, tranCommit, tranNew, tranSettle, type Transaction } from '../model/transaction.ts';
import { bdrvFlush } from '../requests/wrappers.ts';
import { bdrvRefreshLimits } from './limits.ts';
import { bdrvCanSetReadOnly, bdrvGetFlags, bdrvParseDetectZeroes, bdrvParseDiscardFlags } from './open-flags.ts';
import { takeFlagOptions } from './open-options.ts';

/** Options whose absence sets them back to their default; all others have to be given again. */
const RESETTABLE = ['node-name', 'discard', 'cache.direct', 'cache.no-flush', 'read-only', 'auto-read-only', 'detect-zeroes'];

/** Settles with the last reopen that was asked for. */
let lastReopen: Promise<void> = Promise.resolve();

/** What a child takes from the parent that is reopened with it. */
interface Inheritance {
  readonly edge: BdrvChild;
  readonly parentIsFormat: boolean;
  readonly flags: OpenFlags;
  readonly options: BlockOptions;
}

/**
 * Puts a node into a queue (a new one for `null`), and with it the children that inherit from it. The nodes have to be drained until the
 * queue has been run.
 *
 * @param keepOldOpts whether options that are not given stay as they are; else they go back to their defaults
 * @throws BlockError `EINVAL` for options that can't be read
 * @globalState
 */
export function bdrvReopenQueue(queue: BlockReopenQueue | null, bs: BlockDriverState, options: BlockOptions | null, keepOldOpts: boolean): BlockReopenQueue {
  GLOBAL_STATE_CODE('bdrvReopenQueue');
  const target = queue ?? { entries: [] };
  queueNode(target, bs, flattenOptions(options ?? {}), null, keepOldOpts);
  return target;
}

/** @globalState */
function queueNode(queue: BlockReopenQueue, bs: BlockDriverState, options: BlockOptions, inheritance: Inheritance | null, keepOldOpts: boolean): void {
  GLOBAL_STATE_CODE('queueNode');
  if (bs.quiesceCounter === 0) throw new Error(`bdrvReopenQueue: the node '${bs.nodeName}' is not drained.`);
  const queued = queue.entries.find((entry) => entry.state.bs === bs);
  if (queued || keepOldOpts) joinOptions(bs, options, queued?.state.explicitOptions ?? bs.explicitOptions);
  const explicitOptions = { ...options };
  const inherited = inheritOrKeep(bs, options, inheritance);
  if (keepOldOpts) joinOptions(bs, options, bs.options);
  const flags = writableIfAllowed(takeFlagOptions(inherited, new OptionBag({ ...options })));
  const backingMissing = !keepOldOpts && optionOf(options, 'backing') === undefined && optionOf(options, 'backing.driver') === undefined;
  const state: BDRVReopenState = queued?.state ?? newState(queue, bs);
  Object.assign(state, { options, explicitOptions, flags, backingMissing });
  for (const child of bs.children) queueChild(queue, bs, state, child, keepOldOpts);
}

function newState(queue: BlockReopenQueue, bs: BlockDriverState): BDRVReopenState {
  const state: BDRVReopenState = {
    bs, flags: 0, detectZeroes: 'off', backingMissing: false, oldBackingBs: null, oldFileBs: null, options: {}, explicitOptions: {}, opaque: null,
  };
  queue.entries.push({ prepared: false, permsChecked: false, state });
  return state;
}

/** Flags of a node that is opened again: whatever is writable may stay so. */
function writableIfAllowed(flags: OpenFlags): OpenFlags {
  const plain = flags & ~(BDRV_O_PROTOCOL | BDRV_O_ALLOW_RDWR);
  return (plain & BDRV_O_RDWR) === 0 ? plain : plain | BDRV_O_ALLOW_RDWR;
}

/** @globalState */
function inheritOrKeep(bs: BlockDriverState, options: BlockOptions, inheritance: Inheritance | null): OpenFlags {
  GLOBAL_STATE_CODE('inheritOrKeep');
  if (!inheritance) return bdrvGetFlags(bs);
  const { edge, parentIsFormat, flags, options: parentOptions } = inheritance;
  const inherited = { flags: 0, options };
  edge.klass.inheritOptions?.(edge.role, parentIsFormat, inherited, flags, parentOptions);
  return inherited.flags;
}

/** @globalState */
function joinOptions(bs: BlockDriverState, options: BlockOptions, oldOptions: BlockOptions): void {
  GLOBAL_STATE_CODE('joinOptions');
  if (bs.drv?.bdrvJoinOptions) {
    bs.drv.bdrvJoinOptions(options, { ...oldOptions });
    return;
  }
  for (const [name, value] of Object.entries(oldOptions)) defaultOption(options, name, value as string);
}

/**
 * A child that was opened with its parent is reopened with it. Not one that somebody else opened, nor one that is about to be replaced.
 *
 * @globalState
 */
function queueChild(queue: BlockReopenQueue, bs: BlockDriverState, state: BDRVReopenState, edge: BdrvChild, keepOldOpts: boolean): void {
  GLOBAL_STATE_CODE('queueChild');
  if (!edge.bs || edge.bs.inheritsFrom !== bs) return;
  const reference = optionOf(state.options, edge.name);
  if (reference !== undefined && reference !== edge.bs.nodeName) return;
  new OptionBag(state.explicitOptions).takeSubtree(edge.name);
  const own = new OptionBag(state.options).takeSubtree(edge.name);
  const inheritance = { edge, parentIsFormat: bs.drv?.isFormat === true, flags: state.flags, options: state.options };
  queueNode(queue, edge.bs, own, inheritance, keepOldOpts || reference !== undefined);
}

/**
 * Forgets a queue that is not run, or has been.
 *
 * @globalState
 */
export function bdrvReopenQueueFree(bsQueue: BlockReopenQueue): void {
  GLOBAL_STATE_CODE('bdrvReopenQueueFree');
  bsQueue.entries.length = 0;
}

/**
 * Reopens all nodes of a queue, or none, and forgets the queue.
 *
 * @throws BlockError why it can't be done
 * @globalState
 */
export async function bdrvReopenMultiple(bsQueue: BlockReopenQueue): Promise<void> {
  GLOBAL_STATE_CODE('bdrvReopenMultiple');
  if (qemuGetCurrentAioContext() !== mainContext) throw new Error('bdrvReopenMultiple: only the main context reopens nodes.');
  await oneAtATime(() => runQueue(bsQueue));
}

/**
 * Waits for the reopen that is under way, if any: drivers know of one at a time.
 *
 * @globalState
 * @runs reopen globalState wait
 */
async function oneAtATime(reopen: () => Promise<void>): Promise<void> {
  GLOBAL_STATE_CODE('oneAtATime');
  const before = lastReopen;
  const running = before.then(reopen);
  lastReopen = running.catch(() => undefined);
  await running;
}

/** @globalState */
async function runQueue(bsQueue: BlockReopenQueue): Promise<void> {
  GLOBAL_STATE_CODE('runQueue');
  try {
    await prepareAll(bsQueue);
    await switchAll(bsQueue);
    for (const { state } of bsQueue.entries.toReversed()) await state.bs.drv?.bdrvReopenCommitPost?.(state);
  } finally {
    bdrvReopenQueueFree(bsQueue);
  }
}

/** @globalState */
async function prepareAll(queue: BlockReopenQueue): Promise<void> {
  GLOBAL_STATE_CODE('prepareAll');
  try {
    for (const { state } of queue.entries) await flushBefore(state.bs);
    for (const entry of queue.entries) await prepareNode(entry, queue);
  } catch (error) {
    abortPrepared(queue);
    throw error;
  }
}

/** @globalState */
async function flushBefore(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('flushBefore');
  try {
    await bdrvFlush(bs);
  } catch (error) {
    throw prefixError('Error flushing drive', error);
  }
}

/** @globalState */
function abortPrepared(queue: BlockReopenQueue): void {
  GLOBAL_STATE_CODE('abortPrepared');
  for (const entry of queue.entries) {
    if (entry.prepared) entry.state.bs.drv?.bdrvReopenAbort?.(entry.state);
    entry.prepared = false;
  }
}

/** Checks the options that every node has, and lets the driver get ready. @globalState */
async function prepareNode(entry: BlockReopenQueueEntry, queue: BlockReopenQueue): Promise<void> {
  GLOBAL_STATE_CODE('prepareNode');
  const { state } = entry;
  const drv = driverOf(state.bs);
  const wanted = { ...state.options };
  const bag = new OptionBag(state.options);
  takeFlagOptions(state.flags, bag);
  const discard = bag.takeString('discard');
  if (discard !== undefined) state.flags = (state.flags & ~BDRV_O_UNMAP) | bdrvParseDiscardFlags(discard);
  state.detectZeroes = bdrvParseDetectZeroes(bag.takeString('detect-zeroes'), state.flags);
  bdrvCanSetReadOnly(state.bs, (state.flags & BDRV_O_RDWR) === 0, true);
  if (!drv.bdrvReopenPrepare) {
    throw blockError('ENOTSUP', `Block format '${drv.formatName}' used by node '${state.bs.nodeName}' does not support reopening files`);
  }
  checkResets(state, wanted, drv);
  await drv.bdrvReopenPrepare(state, queue);
  entry.prepared = true;
  if (drv.supportsBacking === true && state.backingMissing) throw blockError('EINVAL', `backing is missing for '${state.bs.nodeName}'`);
  checkUnchanged(state);
  state.options = wanted;
}

function driverOf(bs: BlockDriverState): BlockDriver {
  if (!bs.drv) throw blockError('ENOMEDIUM', `Node '${bs.nodeName}' has no medium`);
  return bs.drv;
}

/** An option that is missing now goes back to its default, which few drivers can do for theirs. */
function checkResets(state: BDRVReopenState, wanted: BlockOptions, drv: BlockDriver): void {
  const resettable = [...RESETTABLE, ...(drv.mutableOpts ?? [])];
  const stuck = Object.keys(state.bs.options).find((name) => !Object.hasOwn(wanted, name) && !resettable.includes(name));
  if (stuck !== undefined) throw blockError('EINVAL', `Option '${stuck}' cannot be reset to its default value`);
}

/** What the driver has not taken has to be as it was; `backing` and `file` are looked at later. */
function checkUnchanged(state: BDRVReopenState): void {
  for (const [name, value] of Object.entries(state.options)) {
    if (name === 'backing' || name === 'file') continue;
    const child = state.bs.children.find((edge) => edge.name === name);
    if (child?.bs && child.bs.nodeName === value) continue;
    if (!isSameValue(value, optionOf(state.bs.options, name))) throw blockError('EINVAL', `Cannot change the option '${name}'`);
  }
}

/** Options come as text from command lines, and with types from JSON. */
function isSameValue(a: BlockOptions[string], b: BlockOptions[string] | undefined): boolean {
  const plain = (value: unknown): string => (value === true ? 'on' : value === false ? 'off' : String(value));
  return b !== undefined && plain(a) === plain(b);
}

/** Replaces children, refreshes permissions, commits: in one stretch. @globalState */
async function switchAll(queue: BlockReopenQueue): Promise<void> {
  GLOBAL_STATE_CODE('switchAll');
  const transaction = tranNew();
  try {
    for (const { state } of queue.entries) replaceChildren(state, transaction);
    const roots = queue.entries.flatMap(({ state }) => [state.bs, state.oldBackingBs, state.oldFileBs]).filter((bs) => bs !== null);
    bdrvListRefreshPerms(bdrvTopologicalDfs(roots), queue, transaction);
  } catch (error) {
    tranAbort(transaction);
    abortPrepared(queue);
    await tranSettle(transaction);
    throw error;
  }
  // Children first: a format may write to them when it commits.
  for (const { state } of queue.entries.toReversed()) commitNode(state);
  tranCommit(transaction);
  await tranSettle(transaction);
}

/** @globalState */
function replaceChildren(state: BDRVReopenState, transaction: Transaction): void {
  GLOBAL_STATE_CODE('replaceChildren');
  const drv = driverOf(state.bs);
  replaceChild(state, drv, 'backing', transaction);
  replaceChild(state, drv, 'file', transaction);
}

/** The option `backing` or `file`: the name of the node that is to be there, or null. @globalState */
function replaceChild(state: BDRVReopenState, drv: BlockDriver, name: 'backing' | 'file', transaction: Transaction): void {
  GLOBAL_STATE_CODE('replaceChild');
  const value = optionOf(state.options, name);
  if (value === undefined) return;
  const { bs } = state;
  const isBacking = name === 'backing';
  const old = childBs(isBacking ? bs.backing : bs.file);
  if (!isBacking && value === null) throw blockError('EINVAL', "The option 'file' needs a node");
  const wanted = value === null ? null : bdrvLookupBs(null, stringOption(state.options, name) ?? '');
  if (old === wanted || (old && bdrvSkipImplicitFilters(old) === wanted)) return;
  if (old?.implicit === true) throw blockError('EPERM', `Cannot replace implicit ${name} child of ${bs.nodeName}`);
  if (drv.isFilter === true && !old) {
    throw blockError('EINVAL', `'${bs.nodeName}' is a ${drv.formatName} filter node that does not support a ${name} child`);
  }
  if (isBacking) state.oldBackingBs = old;
  else state.oldFileBs = old;
  bdrvSetFileOrBackingNoperm(bs, wanted, isBacking, transaction);
}

/** @globalState */
function commitNode(state: BDRVReopenState): void {
  GLOBAL_STATE_CODE('commitNode');
  const { bs } = state;
  bs.drv?.bdrvReopenCommit?.(state);
  for (const name of ['backing', ...bs.children.map((child) => child.name)]) {
    Reflect.deleteProperty(state.options, name);
    Reflect.deleteProperty(state.explicitOptions, name);
  }
  bs.explicitOptions = state.explicitOptions;
  bs.options = state.options;
  bs.openFlags = state.flags;
  bs.detectZeroes = state.detectZeroes;
  bdrvRefreshLimits(bs, null);
}

/**
 * Drains a node and all below it, and reopens it.
 *
 * @throws BlockError why it can't be done
 * @globalState
 */
export async function bdrvReopen(bs: BlockDriverState, options: BlockOptions, keepOldOpts: boolean): Promise<void> {
  GLOBAL_STATE_CODE('bdrvReopen');
  await oneAtATime(async () => {
    await bdrvSubtreeDrainedBegin(bs);
    try {
      await runQueue(bdrvReopenQueue(null, bs, options, keepOldOpts));
    } finally {
      await bdrvSubtreeDrainedEnd(bs);
    }
  });
}

/**
 * Makes a node read-only, or writable, and leaves everything else as it is.
 *
 * @throws BlockError why it can't be done
 * @globalState
 */
export async function bdrvReopenSetReadOnly(bs: BlockDriverState, readOnly: boolean): Promise<void> {
  GLOBAL_STATE_CODE('bdrvReopenSetReadOnly');
  await bdrvReopen(bs, { 'read-only': readOnly }, true);
}
