/**
 * Requests with a callback, while they are in flight.
 *
 * In: what starts them. Out: a handle that can be cancelled and waited for. Leaves to others: what is requested
 * (`backend/aio.ts`), drivers' own requests of this kind.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { aioWaitKick, aioWaitWhile } from '../contexts/poll.ts';
import type { BlockAIOCB, BlockCompletionFunc } from '../model/driver.ts';
import type { BlockDriverState } from '../model/node.ts';

const inFlight = new Set<BlockAIOCB>();

/** The handle of a request, for whoever carries the request out. */
export interface AioRequest extends BlockAIOCB {
  /** Somebody asked for an early end. */
  readonly isCancelled: boolean;
  /** Calls the callback; the request is over then. @io */
  complete(error: Error | null): void;
}

/**
 * The handle of a new request.
 *
 * @io
 */
export function qemuAioGet(bs: BlockDriverState | null, cb: BlockCompletionFunc): AioRequest {
  let isCancelled = false;
  const acb: AioRequest = {
    bs,
    get isCancelled() {
      return isCancelled;
    },
    cancelAsync() {
      isCancelled = true;
    },
    complete(error) {
      try {
        cb(error);
      } finally {
        inFlight.delete(acb);
        aioWaitKick();
      }
    },
  };
  inFlight.add(acb);
  return acb;
}

/**
 * Cancels a request, and waits until its callback has run: early if it could be cancelled, else when it is done.
 *
 * @globalState
 */
export async function bdrvAioCancel(acb: BlockAIOCB): Promise<void> {
  GLOBAL_STATE_CODE('bdrvAioCancel');
  acb.cancelAsync();
  await aioWaitWhile(acb.bs?.aioContext ?? null, () => inFlight.has(acb));
}

/**
 * Asks a request to end early, and does not wait. Its callback is called all the same.
 *
 * @io
 */
export function bdrvAioCancelAsync(acb: BlockAIOCB): void {
  acb.cancelAsync();
}
