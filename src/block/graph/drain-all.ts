/**
 * The drained section of all nodes.
 *
 * In: begins and ends. Out: every node quiesced, also those made while it lasts, and nothing in flight when it starts. Leaves to others:
 * sections of single nodes and subtrees (`drain.ts`).
 *
 * Every node is drained by itself; so parents that are nodes are not told through their edges.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { aioBhScheduleMain } from '../contexts/aio-context.ts';
import { qemuInCoroutine } from '../contexts/execution.ts';
import { aioWaitWhile } from '../contexts/poll.ts';
import type { DrainedEndCounter } from '../model/driver.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvDoDrainedBeginQuiesce, bdrvDrainPoll, unquiesceNode } from './drain.ts';
import { allNodes, openDrainAllSections } from './node-lists.ts';

/**
 * Stops requests to all nodes, and waits until nothing is in flight anywhere. No node is opened, closed or moved by it.
 *
 * @globalState
 * @coroutineMixed
 * @drainBegin all
 */
export async function bdrvDrainAllBegin(): Promise<void> {
  GLOBAL_STATE_CODE('bdrvDrainAllBegin');
  await outsideOfCoroutine(async () => {
    openDrainAllSections.count++;
    for (const bs of allNodes()) bdrvDoDrainedBeginQuiesce(bs, null, true);
    await waitWhile(bdrvDrainAllPoll);
  });
}

/**
 * Ends a section of {@link bdrvDrainAllBegin}, and waits until all go on.
 *
 * @globalState
 * @coroutineMixed
 * @drainEnd all
 */
export async function bdrvDrainAllEnd(): Promise<void> {
  GLOBAL_STATE_CODE('bdrvDrainAllEnd');
  await outsideOfCoroutine(async () => {
    const counter: DrainedEndCounter = { pending: 0 };
    for (const bs of allNodes()) unquiesceNode(bs, null, true, counter);
    openDrainAllSections.count--;
    await waitWhile(() => counter.pending > 0);
  });
}

/**
 * Waits once until nothing is in flight anywhere.
 *
 * @globalState
 * @coroutineMixed
 */
export async function bdrvDrainAll(): Promise<void> {
  GLOBAL_STATE_CODE('bdrvDrainAll');
  await bdrvDrainAllBegin();
  await bdrvDrainAllEnd();
}

/**
 * Ends all sections that a node is still in when it is closed: the end of the section of all nodes won't find it any more.
 *
 * @globalState
 */
export function bdrvDrainAllEndQuiesce(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('bdrvDrainAllEndQuiesce');
  if (bs.refcnt > 0) throw new Error(`The node '${bs.nodeName}' is in use; its drained sections end by themselves.`);
  while (bs.quiesceCounter > 0) unquiesceNode(bs, null, true, { pending: 0 });
}

/**
 * Whether something is in flight in any node.
 *
 * @globalState
 */
function bdrvDrainAllPoll(): boolean {
  GLOBAL_STATE_CODE('bdrvDrainAllPoll');
  return allNodes().some((bs) => bdrvDrainPoll(bs, false, null, true));
}

/**
 * @globalState
 * @runs condition globalState wait
 */
async function waitWhile(condition: () => boolean): Promise<void> {
  GLOBAL_STATE_CODE('waitWhile');
  await aioWaitWhile(null, condition);
}

/**
 * @globalState
 * @coroutineMixed
 * @runs work globalState wait
 */
async function outsideOfCoroutine(work: () => Promise<void>): Promise<void> {
  GLOBAL_STATE_CODE('outsideOfCoroutine');
  if (!qemuInCoroutine()) return work();
  await new Promise<void>((resolve, reject) => {
    aioBhScheduleMain(() => void work().then(resolve, reject));
  });
}
