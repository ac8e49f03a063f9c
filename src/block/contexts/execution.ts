/**
 * Where the calling code runs: which thread, which coroutine. The answer travels with the code through its awaits.
 *
 * In: a thread or coroutine to run code in. Out: the answers to "where am I". Leaves to others: loops and turns (`aio-context.ts`),
 * what a run-time assertion asks (`main-loop.ts` of the API).
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { AioContext } from './aio-context.ts';

/** A thread: one that runs a loop, or one of the emulator's that runs none and may hold the big lock. */
export interface Thread {
  readonly name: string;
  /** The loop it runs; `null` for a vCPU thread. */
  readonly context: AioContext | null;
  /** Whether it holds the big lock, where the emulator's main-thread test is in force. */
  holdsBigLock: boolean;
}

/** A coroutine while it lives. `thread` changes when it moves to another context. */
export interface Coroutine {
  readonly id: number;
  thread: Thread;
}

/** The place of code outside of coroutines, or inside one. */
interface Place {
  readonly thread: Thread;
  readonly coroutine: Coroutine | null;
}

const place = new AsyncLocalStorage<Place>();
let coroutines = 0;

/**
 * The thread that runs the calling code; `undefined` outside of all loops, which is the main thread's code.
 *
 * @common
 */
export function currentThread(): Thread | undefined {
  const here = place.getStore();
  return here?.coroutine?.thread ?? here?.thread;
}

/**
 * The coroutine that runs the calling code.
 *
 * @common
 */
export function qemuCoroutineSelf(): Coroutine | null {
  return place.getStore()?.coroutine ?? null;
}

/**
 * @coroutineCheck
 * @common
 */
export function qemuInCoroutine(): boolean {
  return qemuCoroutineSelf() !== null;
}

/**
 * Runs `code`, and all that it awaits, as plain code of `thread`.
 *
 * @common
 */
export function runIn<T>(thread: Thread, code: () => T): T {
  return place.run({ thread, coroutine: null }, code);
}

/**
 * Runs `entry`, and all that it awaits, as a new coroutine that starts in `thread`.
 *
 * @common
 * @runs entry coroutine
 */
export function runCoroutineIn<T>(thread: Thread, entry: () => Promise<T>): Promise<T> {
  return place.run({ thread, coroutine: { id: ++coroutines, thread } }, entry);
}
