/**
 * When a step of an event loop takes its turn: the one place where the block layer waits.
 *
 * In: steps and host operations, each with the context it belongs to. Out: the steps run, one at a time. Leaves to others: what a
 * step does, and which context is current while it runs (`execution.ts`). The scheduler can be replaced: `seeded-scheduler.ts` has
 * one for tests that choose the order themselves.
 */
import type { AioContext } from './aio-context.ts';

/** Takes a timer back; calling it after the timer fired does nothing. */
export type CancelTimer = () => void;

/** Decides the order of everything that waits for its turn. */
export interface Scheduler {
  /** Runs `step` soon, in its turn, never before the stretch of code that posts it has ended. */
  post(context: AioContext, step: () => void): void;
  /** Runs `step` once, no earlier than after `milliseconds`. */
  startTimer(context: AioContext, milliseconds: number, step: () => void): CancelTimer;
  /** Settles as `operation` (of the host: a file, a socket) does, in a turn of `context`. */
  settle<T>(context: AioContext, operation: Promise<T>): Promise<T>;
  /** Milliseconds since an arbitrary start; never goes back. */
  now(): number;
}

/** Steps in the order in which they were posted, a batch for each turn of the host's event loop. */
class HostScheduler implements Scheduler {
  #queue: (() => void)[] = [];

  post(_context: AioContext, step: () => void): void {
    if (this.#queue.push(step) === 1) setImmediate(() => this.#drain());
  }

  /** @common */
  startTimer(_context: AioContext, milliseconds: number, step: () => void): CancelTimer {
    const timer = setTimeout(step, milliseconds);
    return () => clearTimeout(timer);
  }

  /** @common */
  settle<T>(_context: AioContext, operation: Promise<T>): Promise<T> {
    return operation;
  }

  /** @common */
  now(): number {
    return performance.now();
  }

  #drain(): void {
    const batch = this.#queue;
    this.#queue = [];
    for (const step of batch) step();
  }
}

let current: Scheduler = new HostScheduler();

/** @common */
export function scheduler(): Scheduler {
  return current;
}

/**
 * Makes `replacement` decide from now on. Nothing may be waiting in the scheduler that it replaces.
 *
 * @returns the scheduler that decided until now, so that a test can put it back
 * @common
 */
export function replaceScheduler(replacement: Scheduler): Scheduler {
  const before = current;
  current = replacement;
  return before;
}
