/**
 * The end of a mirror job, in the main thread: the last copies, the change of the graph, the clean-up.
 *
 * In: a job whose body has ended. Out: the target has all of the source's data, and its place if the job was completed; the filter is gone.
 *
 * The source is drained while the last chunks are copied and the graph changes: its users neither write nor see half of the change.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkUnref } from '../backend/registry.ts';
import { blkFlush } from '../backend/wrappers.ts';
import { runCoWrapper } from '../contexts/poll.ts';
import { bdrvCowBs, bdrvFilterBs, bdrvFilterChild, bdrvSkipFilters } from '../graph/chain-links.ts';
import { bdrvUnfreezeBackingChain } from '../graph/chains.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd } from '../graph/drain.ts';
import { bdrvRef, bdrvUnref } from '../graph/nodes.ts';
import { bdrvOpUnblockAll } from '../graph/op-blockers.ts';
import { bdrvChildRefreshPerms } from '../graph/permissions.ts';
import { bdrvRecurseCanReplace, bdrvReplaceNode, bdrvSetBackingHd } from '../graph/replace.ts';
import { blockError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvOpenBackingFile } from '../open/open.ts';
import { bdrvIsReadOnly } from '../open/queries.ts';
import { bdrvReopenSetReadOnly } from '../open/reopen.ts';
import { blockJobRemoveAllBdrv } from './block-job.ts';
import { mirrorCopyRest } from './mirror-copy.ts';
import { mirrorTopOf } from './mirror-filter.ts';
import type { MirrorJob } from './mirror-state.ts';

/**
 * The job's prepare slot: copies what is left, and lets the target take over if the job was completed.
 *
 * @throws BlockError where data can't be copied, or the target can't replace the node any more
 * @globalState
 */
export async function mirrorPrepare(job: MirrorJob): Promise<void> {
  GLOBAL_STATE_CODE('mirrorPrepare');
  const { source } = job;
  bdrvRef(source);
  await bdrvDrainedBegin(source);
  try {
    await runCoWrapper(job.aioContext, () => mirrorCopyRest(job));
    if (job.target) await blkFlush(job.target);
    await changeGraph(job, true);
  } finally {
    await bdrvDrainedEnd(source);
    await bdrvUnref(source);
  }
}

/**
 * The job's abort slot: source and target stay what they are.
 *
 * @globalState
 */
export async function mirrorAbort(job: MirrorJob): Promise<void> {
  GLOBAL_STATE_CODE('mirrorAbort');
  await changeGraph(job, false);
}

/**
 * Takes the filter of a job out that could not be started.
 *
 * @globalState
 */
export async function mirrorRemoveFilter(filter: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('mirrorRemoveFilter');
  stop(filter);
  const below = bdrvFilterBs(filter);
  if (below) await bdrvReplaceNode(filter, below);
  await bdrvUnref(filter);
}

/** @globalState */
async function changeGraph(job: MirrorJob, succeeded: boolean): Promise<void> {
  GLOBAL_STATE_CODE('changeGraph');
  const { source, filter, targetNode, target } = job;
  // Done by prepare, which failed later on: nothing is left for abort.
  if (target === null) return;
  job.target = null;
  bdrvRef(targetNode);
  bdrvRef(filter);
  if (job.chainFrozen) bdrvUnfreezeBackingChain(filter, targetNode);
  job.chainFrozen = false;
  // The job's write permission would stand against the place that the target is to take.
  await blkUnref(target);
  await bdrvDrainedBegin(filter);
  let failure: Error | null = null;
  try {
    stop(filter);
    if (succeeded) await takeOver(job, source);
  } catch (error) {
    failure = error as Error;
  }
  if (job.toReplace) {
    bdrvOpUnblockAll(job.toReplace, job.replaceBlocker);
    await bdrvUnref(job.toReplace);
    job.toReplace = null;
  }
  await blockJobRemoveAllBdrv(job);
  const below = bdrvFilterBs(filter);
  if (below) await bdrvReplaceNode(filter, below);
  mirrorTopOf(filter).job = null;
  await bdrvDrainedEnd(filter);
  await bdrvUnref(filter);
  await bdrvUnref(filter);
  await bdrvUnref(targetNode);
  if (failure !== null) throw failure;
}

/** From now on the filter needs nothing of what is below it. @globalState */
function stop(filter: BlockDriverState): void {
  GLOBAL_STATE_CODE('stop');
  mirrorTopOf(filter).stopped = true;
  const child = bdrvFilterChild(filter);
  if (child) bdrvChildRefreshPerms(filter, child);
}

/** @globalState */
async function takeOver(job: MirrorJob, source: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('takeOver');
  const { targetNode } = job;
  const unfilteredTarget = bdrvSkipFilters(targetNode);
  if (job.backingMode === 'source-chain' && unfilteredTarget) {
    const backing = job.isNoneMode ? source : job.base;
    if (bdrvCowBs(unfilteredTarget) !== backing) await bdrvSetBackingHd(unfilteredTarget, backing);
  } else if (job.backingMode === 'open-chain') {
    await bdrvOpenBackingFile(targetNode, null, 'backing');
  }
  if (!job.shouldComplete) return;
  const replaced = job.toReplace ?? source;
  if (bdrvIsReadOnly(replaced) !== bdrvIsReadOnly(targetNode)) await bdrvReopenSetReadOnly(targetNode, bdrvIsReadOnly(replaced));
  await bdrvDrainedBegin(targetNode);
  try {
    if (!bdrvRecurseCanReplace(source, replaced)) {
      throw blockError('EPERM', `Can no longer replace '${replaced.nodeName}' by '${targetNode.nodeName}', because it can no longer be guaranteed that doing so would not lead to an abrupt change of visible data`);
    }
    await bdrvReplaceNode(replaced, targetNode);
  } finally {
    await bdrvDrainedEnd(targetNode);
  }
}
