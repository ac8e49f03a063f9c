/**
 * Waiting of plain code: until a condition that I/O makes true holds, or until a coroutine is done.
 *
 * In: conditions, and kicks that say "look again". Out: the wait ends. Leaves to others: what the conditions are about (requests in
 * flight, drains, jobs).
 */
import { aioBhScheduleOneshot, mainContext, qemuGetCurrentAioContext, type AioContext } from './aio-context.ts';
import { aioCoEnter } from './coroutine.ts';
import { currentThread, qemuInCoroutine } from './execution.ts';
import { scheduler } from './scheduler.ts';

const waiters: (() => void)[] = [];

/**
 * Makes every waiting condition be looked at again.
 *
 * @common
 */
export function aioWaitKick(): void {
  if (waiters.length === 0) return;
  for (const wake of waiters.splice(0)) wake();
}

/**
 * Waits while `condition` holds. The lock of `context`, if the thread holds it, is released meanwhile, so that its loop can go on.
 * Not for coroutines: their loop would wait for itself.
 *
 * @common
 * @noCoroutine
 * @runs condition caller wait
 */
export async function aioWaitWhile(context: AioContext | null, condition: () => boolean): Promise<void> {
  if (qemuInCoroutine()) throw new Error('aioWaitWhile: a coroutine must not poll.');
  if (!condition()) return;
  const here = qemuGetCurrentAioContext();
  const released = context === null ? 0 : releaseForPolling(context);
  while (condition()) {
    await new Promise<void>((resolve) => waiters.push(() => scheduler().post(here, resolve)));
  }
  if (context !== null && released > 0) await reacquireAfterPolling(context, released);
}

/**
 * Waits while `condition` holds, wherever it is called. A coroutine does not poll itself: a bottom half of its loop does it, and the
 * coroutine goes on when that is through.
 *
 * @common
 * @coroutineMixed
 * @runs condition caller wait
 */
export async function pollWhile(context: AioContext | null, condition: () => boolean): Promise<void> {
  if (!qemuInCoroutine()) return aioWaitWhile(context, condition);
  if (!condition()) return;
  await new Promise<void>((resolve, reject) => {
    aioBhScheduleOneshot(qemuGetCurrentAioContext(), () => void aioWaitWhile(context, condition).then(resolve, reject));
  });
}

/**
 * What a generated wrapper does: inside a coroutine `entry` is called directly; outside it runs as a coroutine in `context`, and the
 * caller waits until it is done.
 *
 * @common
 * @coroutineWrapper
 * @runs entry coroutine wait
 */
export async function runCoWrapper<T>(context: AioContext, entry: () => Promise<T>): Promise<T> {
  if (qemuInCoroutine()) return entry();
  const released = releaseForPolling(context);
  try {
    return await aioCoEnter(context, entry);
  } finally {
    if (released > 0) await reacquireAfterPolling(context, released);
  }
}

function releaseForPolling(context: AioContext): number {
  const thread = currentThread() ?? mainContext.thread;
  if (context.lockHolder !== thread || context.thread === thread) return 0;
  const depth = context.lockDepth;
  context.lockDepth = 0;
  context.lockHolder = null;
  for (const turn of context.deferredTurns.splice(0)) scheduler().post(context, turn);
  context.lockWaiters.shift()?.();
  return depth;
}

async function reacquireAfterPolling(context: AioContext, depth: number): Promise<void> {
  const thread = currentThread() ?? mainContext.thread;
  while (context.lockHolder !== null && context.lockHolder !== thread) {
    await new Promise<void>((resolve) => context.lockWaiters.push(resolve));
  }
  context.lockHolder = thread;
  context.lockDepth += depth;
}
