/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Quiesces all nodes and waits until nothing is in flight anywhere. If called in a coroutine it first yields to a bottom half.
 *
 * @globalState
 * @drainBegin all
 */
export async function bdrvDrainAllBegin(): Promise<void> {
  GLOBAL_STATE_CODE('bdrvDrainAllBegin');
  throw notBuilt('bdrvDrainAllBegin');
}

/**
 * Ends bdrv_drain_all_begin and waits for scheduled ends to settle.
 *
 * @globalState
 * @drainEnd all
 */
export async function bdrvDrainAllEnd(): Promise<void> {
  GLOBAL_STATE_CODE('bdrvDrainAllEnd');
  throw notBuilt('bdrvDrainAllEnd');
}

/**
 * begin followed by end: waits for everything once.
 *
 * @globalState
 */
export async function bdrvDrainAll(): Promise<void> {
  GLOBAL_STATE_CODE('bdrvDrainAll');
  throw notBuilt('bdrvDrainAll');
}

/**
 * Ends the drain-all sections of a node that is deleted inside one; only bdrv_close may call it.
 *
 * @globalState
 */
export function bdrvDrainAllEndQuiesce(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('bdrvDrainAllEndQuiesce');
  throw notBuilt('bdrvDrainAllEndQuiesce');
}
