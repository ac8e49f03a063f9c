/**
 * Coroutines: async functions that run in the context they were entered in, and can be moved to another one.
 *
 * In: an entry function and a context. Out: its result, as a promise. Leaves to others: waiting of plain code for a coroutine (`poll.ts`),
 * moving to a node's context (`requests/`).
 */
import { aioTimerStart, qemuGetCurrentAioContext, type AioContext } from './aio-context.ts';
import { qemuCoroutineSelf, qemuInCoroutine, runCoroutineIn } from './execution.ts';
import { scheduler } from './scheduler.ts';

/**
 * Starts a coroutine in `context`: at once where that is the current one and no coroutine runs, else in a later turn of it.
 *
 * @common
 * @runs entry coroutine
 */
export function aioCoEnter<T>(context: AioContext, entry: () => Promise<T>): Promise<T> {
  if (context === qemuGetCurrentAioContext() && !qemuInCoroutine()) return runCoroutineIn(context.thread, entry);
  return new Promise((resolve, reject) => {
    scheduler().post(context, () => {
      runCoroutineIn(context.thread, entry).then(resolve, reject);
    });
  });
}

/**
 * Moves the running coroutine to `context`; it goes on in a turn of that loop.
 *
 * @common
 * @coroutine
 */
export async function aioCoRescheduleSelf(context: AioContext): Promise<void> {
  const self = qemuCoroutineSelf();
  if (self === null) throw new Error('aioCoRescheduleSelf: no coroutine runs here.');
  if (self.thread === context.thread) return;
  await new Promise<void>((resolve) => scheduler().post(context, resolve));
  self.thread = context.thread;
}

/**
 * Lets other work of the current context have its turn.
 *
 * @common
 * @coroutine
 */
export async function coroutineYield(): Promise<void> {
  await new Promise<void>((resolve) => scheduler().post(qemuGetCurrentAioContext(), resolve));
}

/**
 * Sleeps for `milliseconds` without holding its context up.
 *
 * @common
 * @coroutine
 */
export async function qemuCoSleep(milliseconds: number): Promise<void> {
  await new Promise<void>((resolve) => aioTimerStart(qemuGetCurrentAioContext(), milliseconds, resolve));
}

/**
 * Waits for an operation of the host, and goes on in a turn of the current context.
 *
 * @common
 * @coroutineMixed
 */
export function hostOperation<T>(operation: Promise<T>): Promise<T> {
  return scheduler().settle(qemuGetCurrentAioContext(), operation);
}

/** Coroutines that wait for something to change, in the order in which they came. */
export class CoQueue {
  readonly #waiting: (() => void)[] = [];

  /** Whether nobody waits. @common */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /**
   * Waits to be restarted. The mutex, if given, is not held while it waits.
   *
   * @common
   * @coroutine
   */
  async wait(mutex?: CoMutex): Promise<void> {
    const context = qemuGetCurrentAioContext();
    const restarted = new Promise<void>((resolve) => this.#waiting.push(() => scheduler().post(context, resolve)));
    mutex?.unlock();
    await restarted;
    if (mutex) await mutex.lock();
  }

  /** Restarts the first; says whether there was one. @common */
  next(): boolean {
    const restart = this.#waiting.shift();
    restart?.();
    return restart !== undefined;
  }

  /** Restarts all that wait now. @common */
  restartAll(): void {
    for (const restart of this.#waiting.splice(0)) restart();
  }
}

/** A lock among coroutines, fair: who asked first gets it first. */
export class CoMutex {
  #locked = false;
  readonly #waiting: (() => void)[] = [];

  /** Whether somebody holds it. @common */
  get isLocked(): boolean {
    return this.#locked;
  }

  /**
   * @common
   * @coroutine
   */
  async lock(): Promise<void> {
    if (!this.#locked) {
      this.#locked = true;
      return;
    }
    const context = qemuGetCurrentAioContext();
    // The lock is handed over: it stays locked between the one who lets go and the one who waited.
    await new Promise<void>((resolve) => this.#waiting.push(() => scheduler().post(context, resolve)));
  }

  /** @common */
  unlock(): void {
    const handOver = this.#waiting.shift();
    if (handOver) handOver();
    else this.#locked = false;
  }

  /**
   * Runs `section` with the lock held.
   *
   * @common
   * @coroutine
   */
  async run<T>(section: () => Promise<T>): Promise<T> {
    await this.lock();
    try {
      return await section();
    } finally {
      this.unlock();
    }
  }
}
