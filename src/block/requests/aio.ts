/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockAIOCB } from '../model/driver.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Cancels an AIO request and waits until its callback has run; hence not thread-safe.
 *
 * @globalState
 */
export async function bdrvAioCancel(acb: BlockAIOCB): Promise<void> {
  GLOBAL_STATE_CODE('bdrvAioCancel');
  throw notBuilt('bdrvAioCancel');
}

/**
 * Asks for cancellation of an AIO request without waiting.
 *
 * @io
 */
export function bdrvAioCancelAsync(acb: BlockAIOCB): void {
  throw notBuilt('bdrvAioCancelAsync');
}
