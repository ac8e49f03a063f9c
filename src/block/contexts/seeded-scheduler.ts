/**
 * A scheduler for tests: a seed decides what runs next, so that an order of events that breaks something can be had again.
 *
 * In: a seed, and code. Out: the code's result; or an error that names the seed, if the code fails or waits for something that can't
 * happen any more. Leaves to others: what the steps do.
 *
 * Steps run one at a time; all code that can go on by itself does so before the next is chosen. Time is virtual: it moves on when nothing
 * else can run, and now and then before that. Operations of the host are waited for, and then finish in an order that the seed chooses,
 * so a seed gives the same order with real files as well.
 */
import { AsyncResource } from 'node:async_hooks';
import type { AioContext } from './aio-context.ts';
import { replaceScheduler, type CancelTimer, type Scheduler } from './scheduler.ts';

/** One in so many steps lets time pass although other steps could run. */
const EARLY_TIMERS = 16;
/** Milliseconds of real time. */
const LONGEST_HOST_OPERATION = 10_000;

interface Timer {
  readonly deadline: number;
  readonly step: () => void;
}

/** Numbers from 0 up to, not including, 1: always the same for a seed (mulberry32). @common */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Chooses among all steps that could run. */
export class SeededScheduler implements Scheduler {
  readonly seed: number;
  readonly #random: () => number;
  readonly #runnable: (() => void)[] = [];
  readonly #timers = new Set<Timer>();
  /** Steps start outside of the place of whoever posted them. */
  readonly #outside = new AsyncResource('SeededScheduler');
  readonly #longestHostOperation: number;
  readonly #outstanding = new Set<Promise<unknown>>();
  #now = 0;

  constructor(seed: number, longestHostOperation = LONGEST_HOST_OPERATION) {
    this.seed = seed;
    this.#longestHostOperation = longestHostOperation;
    this.#random = seededRandom(seed);
  }

  /** @common */
  post(_context: AioContext, step: () => void): void {
    this.#runnable.push(step);
  }

  /** @common */
  startTimer(_context: AioContext, milliseconds: number, step: () => void): CancelTimer {
    const timer = { deadline: this.#now + milliseconds, step };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** @common */
  settle<T>(_context: AioContext, operation: Promise<T>): Promise<T> {
    const done = operation.then(
      () => undefined,
      () => undefined,
    );
    this.#outstanding.add(done);
    void done.then(() => this.#outstanding.delete(done));
    return new Promise((resolve) => this.#runnable.push(() => resolve(operation)));
  }

  /** @common */
  now(): number {
    return this.#now;
  }

  /**
   * Runs `body` to its end, and then all steps that are left.
   *
   * @throws {@link Error} with the seed, if `body` fails or can't go on
   * @runs body caller wait
   */
  async run<T>(body: () => Promise<T>): Promise<T> {
    let finished = false;
    const main = body().finally(() => (finished = true));
    const steps = this.#runSteps(() => finished);
    try {
      const [result] = await Promise.all([main, steps]);
      return result;
    } catch (error) {
      throw new Error(`With seed ${this.seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }

  async #runSteps(isFinished: () => boolean): Promise<void> {
    for (;;) {
      await codeHasRun();
      while (this.#outstanding.size > 0) {
        await endOf(Promise.all(this.#outstanding), this.#longestHostOperation);
        await codeHasRun();
      }
      const step = this.#choose(isFinished());
      if (step !== undefined) this.#outside.runInAsyncScope(step);
      else if (isFinished()) return;
      else throw new Error('Everything waits: no step can run, no timer and no operation of the host is left.');
    }
  }

  #choose(isFinished: boolean): (() => void) | undefined {
    const timeMayPass = !isFinished && this.#timers.size > 0;
    if (timeMayPass && (this.#runnable.length === 0 || this.#random() * EARLY_TIMERS < 1)) return this.#nextTimer();
    if (this.#runnable.length === 0) return undefined;
    return this.#runnable.splice(this.#index(this.#runnable.length), 1)[0];
  }

  #nextTimer(): (() => void) | undefined {
    const deadline = Math.min(...[...this.#timers].map((timer) => timer.deadline));
    const due = [...this.#timers].filter((timer) => timer.deadline === deadline);
    const timer = due[this.#index(due.length)];
    if (timer === undefined) return undefined;
    this.#timers.delete(timer);
    this.#now = deadline;
    return timer.step;
  }

  #index(length: number): number {
    return Math.floor(this.#random() * length);
  }
}

/** Until operations of the host have ended; they do so by themselves, without any step, and soon. */
async function endOf(operations: Promise<unknown>, longest: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('An operation of the host does not end: does it wait for a step of the scheduler?')), longest);
  });
  try {
    await Promise.race([operations, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}

/** Until all code that needs no step to go on has gone on. */
function codeHasRun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Runs `body` with the order of events that `seed` gives. Nothing of the block layer may be waiting when it starts.
 *
 * @throws {@link Error} with the seed, if `body` fails or can't go on
 * @runs body caller wait
 */
export async function runSeeded<T>(seed: number, body: () => Promise<T>): Promise<T> {
  const seeded = new SeededScheduler(seed);
  const before = replaceScheduler(seeded);
  try {
    return await seeded.run(body);
  } finally {
    replaceScheduler(before);
  }
}
