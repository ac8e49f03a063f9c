/**
 * Requests that complete by callback, for coroutines.
 *
 * In: what starts such a request. Out: a promise. Leaves to others: cancelling (`aio.ts`).
 */
import { hostOperation } from '../contexts/coroutine.ts';
import type { BlockAIOCB, BlockCompletionFunc } from '../model/driver.ts';

/**
 * Starts a request, and waits until its callback has run.
 *
 * @io
 * @coroutine
 * @runs start caller
 */
export async function callbackRequest(start: (cb: BlockCompletionFunc) => BlockAIOCB | undefined): Promise<void> {
  await hostOperation(new Promise<void>((resolve, reject) => {
    start((error) => (error ? reject(error) : resolve()));
  }));
}
