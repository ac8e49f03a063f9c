/**
 * Requests that complete by callback, for coroutines.
 *
 * In: what starts such a request. Out: a promise. Leaves to others: cancelling (`aio.ts`).
 */
import { qemuGetCurrentAioContext } from '../contexts/aio-context.ts';
import { scheduler } from '../contexts/scheduler.ts';
import type { BlockAIOCB, BlockCompletionFunc } from '../model/driver.ts';

/**
 * Starts a request, and waits until its callback has run.
 *
 * @io
 * @coroutine
 * @runs start caller
 */
export async function callbackRequest(start: (cb: BlockCompletionFunc) => BlockAIOCB | undefined): Promise<void> {
  const context = qemuGetCurrentAioContext();
  await new Promise<void>((resolve, reject) => {
    // No operation of the host: the driver may itself wait for a turn or a timer before it calls back.
    start((error) => scheduler().post(context, () => (error ? reject(error) : resolve())));
  });
}
