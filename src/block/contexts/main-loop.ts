/**
 * The main thread, the big lock, and the two tests of "is this the main thread" (seed patch 1).
 *
 * In: the place of the calling code. Out: the answers that the run-time assertions use: importing this module makes the block layer's
 * contexts the provider of `gsio/runtime`. Leaves to others: loops (`aio-context.ts`).
 */
import { bigLockProvider, mainContextProvider, setContextProvider, type ContextProvider } from '../../runtime/index.ts';
import { mainContext, type AioContext } from './aio-context.ts';
import { currentThread, qemuInCoroutine, type Thread } from './execution.ts';

/** `emulator`: whoever holds the big lock is the main thread. `stub`: whoever runs in the main context is; the lock does not exist. */
export type MainThreadTest = 'emulator' | 'stub';

const bigLock: { holder: Thread | null; readonly waiters: (() => void)[] } = { holder: null, waiters: [] };
let test: MainThreadTest = 'stub';

/** @common */
function describeHere(): string {
  const thread = currentThread();
  if (thread === undefined || thread === mainContext.thread) return 'the main context';
  return thread.context === null ? `the vCPU thread ${thread.name}` : `the iothread ${thread.name}`;
}

const providers: Record<MainThreadTest, ContextProvider> = {
  stub: mainContextProvider({
    currentContext: () => currentThread()?.context ?? (currentThread() === undefined ? mainContext : null),
    mainContext: () => mainContext,
    inCoroutine: qemuInCoroutine,
    nameOf: describeHere,
  }),
  emulator: bigLockProvider({ holdsBigLock: qemuMutexIothreadLocked, inCoroutine: qemuInCoroutine, describe: describeHere }),
};

/**
 * Chooses the main-thread test: that of the full emulator, or that of tools, the storage daemon and tests.
 *
 * @returns the choice until now, so that a test can put it back
 * @common
 */
export function selectMainThreadTest(choice: MainThreadTest): MainThreadTest {
  const before = test;
  test = choice;
  setContextProvider(providers[choice]);
  return before;
}

/**
 * Whether the calling code runs in the main thread.
 *
 * @common
 * @mainThreadCheck
 */
export function qemuInMainThread(): boolean {
  return providers[test].inMainThread();
}

/**
 * Whether the calling thread holds the big lock. The main loop's thread holds it while it runs; with the stub test the answer is always no.
 *
 * @common
 */
export function qemuMutexIothreadLocked(): boolean {
  if (test === 'stub') return false;
  const thread = currentThread();
  return thread === undefined || thread === mainContext.thread ? bigLock.holder === null : thread.holdsBigLock;
}

/**
 * Takes the big lock for the calling thread, as a vCPU thread does for device emulation. Does nothing with the stub test, and in the main
 * loop's thread.
 *
 * @common
 * @switchesTo globalState
 */
export async function qemuMutexLockIothread(): Promise<void> {
  const thread = currentThread();
  if (test === 'stub' || thread === undefined || thread === mainContext.thread) return;
  while (bigLock.holder !== null) await new Promise<void>((resolve) => bigLock.waiters.push(resolve));
  bigLock.holder = thread;
  thread.holdsBigLock = true;
}

/**
 * Gives the big lock back.
 *
 * @common
 */
export function qemuMutexUnlockIothread(): void {
  const thread = currentThread();
  if (thread === undefined || bigLock.holder !== thread) return;
  thread.holdsBigLock = false;
  bigLock.holder = null;
  bigLock.waiters.shift()?.();
}

/**
 * The context for file descriptors that the main loop watches, apart from the block layer's: here the main loop's own.
 *
 * @common
 */
export function iohandlerGetAioContext(): AioContext {
  return mainContext;
}

/**
 * The main loop's context.
 *
 * @common
 */
export function qemuGetAioContext(): AioContext {
  return mainContext;
}

selectMainThreadTest('stub');
