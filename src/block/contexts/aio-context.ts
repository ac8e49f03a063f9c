/**
 * Event loops. Each thread that does I/O runs one: the main loop (`mainContext`), or an iothread's.
 *
 * In: bottom halves and timers. Out: they run in the loop they were given to, by turns of the scheduler. Leaves to others: which code
 * runs where (`execution.ts`), coroutines (`coroutine.ts`), waiting (`poll.ts`).
 *
 * All loops share one JavaScript thread: code of two contexts interleaves where it awaits, and nowhere else.
 */
import { runIn, currentThread, type Thread } from './execution.ts';
import { scheduler, type CancelTimer } from './scheduler.ts';

/** Work for one turn of a loop. What it returns is not awaited. */
export type BottomHalf = () => void;

/** An event loop with its lock. Made by `iothreadNew`; the main loop's is {@link mainContext}. */
export class AioContext {
  readonly name: string;
  /** How often external events (new requests of clients) are switched off; see `aioDisableExternal`. */
  externalDisabled = 0;
  /** The thread that holds the lock, and how often. */
  lockHolder: Thread | null = null;
  lockDepth = 0;
  /** Turns that wait until another thread lets go of the lock, and threads that wait to take it. */
  readonly deferredTurns: (() => void)[] = [];
  /** Events of clients that came while they were switched off. */
  readonly deferredEvents: (() => void)[] = [];
  readonly lockWaiters: (() => void)[] = [];
  /** The thread that runs this loop. */
  readonly thread: Thread;

  constructor(name: string) {
    this.name = name;
    this.thread = { name, context: this, holdsBigLock: false };
  }
}

/** The main loop's context. */
export const mainContext = new AioContext('main');

/**
 * The context whose loop runs the calling code. Code outside of any loop counts as the main loop's.
 *
 * @common
 */
export function qemuGetCurrentAioContext(): AioContext {
  return currentThread()?.context ?? mainContext;
}

/**
 * Runs `callback` once, soon, in the loop of `context`.
 *
 * @common
 * @runs callback io
 */
export function aioBhScheduleOneshot(context: AioContext, callback: BottomHalf): void {
  scheduler().post(context, () => takeTurn(context, () => runIn(context.thread, callback)));
}

/**
 * Runs `callback` once in the main loop: where Global State work of another thread has to go.
 *
 * @common
 * @runs callback globalState
 */
export function aioBhScheduleMain(callback: BottomHalf): void {
  scheduler().post(mainContext, () => takeTurn(mainContext, () => runIn(mainContext.thread, callback)));
}

/**
 * Runs `callback` in the loop of `context`, no earlier than after `milliseconds`.
 *
 * @common
 * @runs callback io
 */
export function aioTimerStart(context: AioContext, milliseconds: number, callback: BottomHalf): CancelTimer {
  return scheduler().startTimer(context, milliseconds, () => takeTurn(context, () => runIn(context.thread, callback)));
}

/**
 * Takes the lock of `context`, once more if the thread has it already. Until it is released, the loop of `context` takes no turn.
 *
 * @common
 */
export async function aioContextAcquire(context: AioContext): Promise<void> {
  const thread = currentThread() ?? mainContext.thread;
  while (context.lockHolder !== null && context.lockHolder !== thread) {
    await new Promise<void>((resolve) => context.lockWaiters.push(resolve));
  }
  context.lockHolder = thread;
  context.lockDepth++;
}

/**
 * Gives the lock of `context` back, as often as it was taken.
 *
 * @throws {@link Error} where the calling thread does not hold it
 * @common
 */
export function aioContextRelease(context: AioContext): void {
  if (context.lockHolder !== (currentThread() ?? mainContext.thread)) {
    throw new Error(`aioContextRelease: the lock of the context ${context.name} is not held by this thread.`);
  }
  if (--context.lockDepth > 0) return;
  context.lockHolder = null;
  for (const turn of context.deferredTurns.splice(0)) scheduler().post(context, turn);
  context.lockWaiters.shift()?.();
}

/**
 * Stops the clients of a context from starting requests; counted.
 *
 * @common
 */
export function aioDisableExternal(context: AioContext): void {
  context.externalDisabled++;
}

/**
 * Takes one {@link aioDisableExternal} back; after the last, the events that have come meanwhile are handled.
 *
 * @common
 */
export function aioEnableExternal(context: AioContext): void {
  if (--context.externalDisabled > 0) return;
  for (const event of context.deferredEvents.splice(0)) event();
}

function takeTurn(context: AioContext, turn: () => void): void {
  if (context.lockHolder !== null && context.lockHolder !== context.thread) {
    context.deferredTurns.push(() => takeTurn(context, turn));
  } else {
    turn();
  }
}
