import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bigLockProvider, GLOBAL_STATE_CODE, setContextProvider } from '../../../src/runtime/index.ts';
import {
  aioBhScheduleMain, aioBhScheduleOneshot, aioContextAcquire, aioContextRelease, aioDisableExternal, aioEnableExternal, aioTimerStart, mainContext, qemuGetCurrentAioContext,
  type AioContext,
} from '../../../src/block/contexts/aio-context.ts';
import { aioCoEnter, aioCoRescheduleSelf, CoMutex, CoQueue, coroutineYield, hostOperation, qemuCoSleep } from '../../../src/block/contexts/coroutine.ts';
import { aioSetFdHandler } from '../../../src/block/contexts/event-sources.ts';
import { currentThread, qemuCoroutineSelf, qemuInCoroutine, runIn } from '../../../src/block/contexts/execution.ts';
import { iothreadById, iothreadDestroy, iothreadNew, vcpuThreadNew } from '../../../src/block/contexts/iothread.ts';
import {
  iohandlerGetAioContext, qemuGetAioContext, qemuInMainThread, qemuMutexIothreadLocked, qemuMutexLockIothread, qemuMutexUnlockIothread, selectMainThreadTest,
} from '../../../src/block/contexts/main-loop.ts';
import { aioWaitKick, aioWaitWhile, runCoWrapper } from '../../../src/block/contexts/poll.ts';
import { scheduler } from '../../../src/block/contexts/scheduler.ts';

let io: AioContext;

beforeEach(() => {
  io = iothreadNew('io');
});

afterEach(() => {
  iothreadDestroy('io');
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const here = (): string => qemuGetCurrentAioContext().name;

describe('iothreads', () => {
  test('are known by name', () => {
    expect(iothreadById('io')).toBe(io);
    expect(() => iothreadNew('io')).toThrow('An iothread named "io" exists already');
    expect(() => iothreadById('other')).toThrow('There is no iothread named "other"');
  });

  test('are made by the main thread only', () => {
    expect(() => runIn(io.thread, () => iothreadNew('second'))).toThrow('iothreadNew needs the main thread (GLOBAL_STATE_CODE), but runs in the iothread io.');
  });
});

describe('loops', () => {
  test('run bottom halves in their own context, in the order of posting', async () => {
    const log: string[] = [];
    aioBhScheduleOneshot(io, () => log.push(`first in ${here()}`));
    aioBhScheduleMain(() => log.push(`second in ${here()}`));
    expect(log).toEqual([]);
    await turn();
    expect(log).toEqual(['first in io', 'second in main']);
    expect([qemuGetAioContext(), iohandlerGetAioContext()]).toEqual([mainContext, mainContext]);
  });

  test('have timers, that can be taken back', async () => {
    const log: string[] = [];
    const fired = new Promise<void>((resolve) => aioTimerStart(io, 1, () => {
      log.push(here());
      resolve();
    }));
    const cancel = aioTimerStart(io, 0, () => log.push('never'));
    cancel();
    await fired;
    expect(log).toEqual(['io']);
    expect(scheduler().now()).toBeGreaterThan(0);
  });

  test('keep their clients off, counted', () => {
    aioDisableExternal(io);
    aioDisableExternal(io);
    aioEnableExternal(io);
    expect(io.externalDisabled).toBe(1);
  });

  test('take no turn while another thread has their lock', async () => {
    const log: string[] = [];
    await aioContextAcquire(io);
    await aioContextAcquire(io);
    aioBhScheduleOneshot(io, () => log.push('turn'));
    await turn();
    aioContextRelease(io);
    await turn();
    expect(log).toEqual([]);
    aioContextRelease(io);
    await turn();
    expect(log).toEqual(['turn']);
    expect(() => aioContextRelease(io)).toThrow('is not held by this thread');
  });

  test('give their lock to who waits for it', async () => {
    const vcpu = vcpuThreadNew('cpu0');
    await aioContextAcquire(io);
    const log: string[] = [];
    const taken = runIn(vcpu, async () => {
      await aioContextAcquire(io);
      log.push(currentThread()?.name ?? '');
      aioContextRelease(io);
    });
    await turn();
    expect(log).toEqual([]);
    aioContextRelease(io);
    await taken;
    expect(log).toEqual(['cpu0']);
  });
});

describe('events of the host', () => {
  test('are handled in the loop that they were given to, with their details', async () => {
    const source = new EventEmitter();
    const log: string[] = [];
    const end = aioSetFdHandler(io, source, false, { readable: (bytes: number) => log.push(`${bytes} bytes in ${here()}`) });
    source.emit('readable', 3);
    expect(log).toEqual([]);
    await turn();
    aioDisableExternal(io);
    source.emit('readable', 4);
    await turn();
    aioEnableExternal(io);
    end();
    source.emit('readable', 5);
    await turn();
    expect(log).toEqual(['3 bytes in io', '4 bytes in io']);
  });

  test('of clients wait while they are switched off', async () => {
    const source = new EventEmitter();
    const log: string[] = [];
    const end = aioSetFdHandler(io, source, true, { readable: () => log.push('readable') });
    aioDisableExternal(io);
    source.emit('readable');
    await turn();
    expect(log).toEqual([]);
    aioEnableExternal(io);
    await turn();
    expect(log).toEqual(['readable']);
    source.emit('readable');
    end();
    await turn();
    expect(log).toEqual(['readable']);
  });
});

describe('coroutines', () => {
  test('start at once in their own context, and in a later turn elsewhere', async () => {
    const log: string[] = [];
    const first = aioCoEnter(mainContext, () => Promise.resolve(log.push(here())));
    const second = aioCoEnter(io, () => Promise.resolve(log.push(here())));
    expect(log).toEqual(['main']);
    await Promise.all([first, second]);
    expect(log).toEqual(['main', 'io']);
  });

  test('know themselves, keep their context over waits, and can change it', async () => {
    const log: unknown[] = [];
    await aioCoEnter(mainContext, async () => {
      log.push(qemuInCoroutine(), here());
      await coroutineYield();
      await hostOperation(Promise.resolve());
      await qemuCoSleep(1);
      log.push(here());
      await aioCoRescheduleSelf(io);
      await coroutineYield();
      log.push(here(), qemuCoroutineSelf()?.thread.name);
      await aioCoRescheduleSelf(io);
    });
    expect(log).toEqual([true, 'main', 'main', 'io', 'io']);
    expect([qemuInCoroutine(), here()]).toEqual([false, 'main']);
    await expect(aioCoRescheduleSelf(io)).rejects.toThrow('no coroutine runs here');
  });

  test('fail as their entry does', async () => {
    await expect(aioCoEnter(io, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  });

  test('wait in queues, in order', async () => {
    const queue = new CoQueue();
    const log: string[] = [];
    const wait = (name: string) => aioCoEnter(mainContext, async () => {
      await queue.wait();
      log.push(name);
    });
    const all = [wait('a'), wait('b'), wait('c')];
    expect(queue.isEmpty).toBe(false);
    expect(queue.next()).toBe(true);
    await all[0];
    expect(log).toEqual(['a']);
    queue.restartAll();
    await Promise.all(all);
    expect([log, queue.next(), queue.isEmpty]).toEqual([['a', 'b', 'c'], false, true]);
  });

  test('take turns at a lock, which a queue gives up meanwhile', async () => {
    const mutex = new CoMutex();
    const queue = new CoQueue();
    const log: string[] = [];
    const waiting = aioCoEnter(mainContext, () => mutex.run(async () => {
      log.push('waits');
      await queue.wait(mutex);
      log.push(`woken, lock ${mutex.isLocked ? 'held' : 'free'}`);
    }));
    const other = aioCoEnter(mainContext, () => mutex.run(() => {
      log.push('other');
      queue.restartAll();
      return Promise.resolve();
    }));
    await Promise.all([waiting, other]);
    expect([...log, mutex.isLocked]).toEqual(['waits', 'other', 'woken, lock held', false]);
  });
});

describe('polling', () => {
  test('goes on at each kick, until the condition no longer holds', async () => {
    let busy = true;
    let looked = 0;
    const waited = aioWaitWhile(null, () => {
      looked++;
      return busy;
    });
    aioWaitKick();
    await turn();
    busy = false;
    aioWaitKick();
    await waited;
    expect(looked).toBeGreaterThanOrEqual(3);
    await expect(aioCoEnter(mainContext, () => aioWaitWhile(null, () => false))).rejects.toThrow('a coroutine must not poll');
  });

  test('lets go of the lock of the context it waits for, and takes it back', async () => {
    let busy = true;
    await aioContextAcquire(io);
    aioBhScheduleOneshot(io, () => {
      busy = false;
      aioWaitKick();
    });
    await aioWaitWhile(io, () => busy);
    expect([io.lockHolder, io.lockDepth]).toEqual([mainContext.thread, 1]);
    aioContextRelease(io);
  });

  test('takes the lock back only when another thread is through with it', async () => {
    let busy = true;
    const log: string[] = [];
    const vcpu = vcpuThreadNew('cpu0');
    await aioContextAcquire(io);
    const waited = aioWaitWhile(io, () => busy).then(() => log.push('back'));
    await runIn(vcpu, () => aioContextAcquire(io));
    busy = false;
    aioWaitKick();
    await turn();
    expect(log).toEqual([]);
    runIn(vcpu, () => aioContextRelease(io));
    await waited;
    expect(log).toEqual(['back']);
    aioContextRelease(io);
  });

  test('a wrapper enters a coroutine outside of one, and calls directly inside', async () => {
    await aioContextAcquire(io);
    const outside = await runCoWrapper(io, () => Promise.resolve([here(), qemuInCoroutine(), io.lockHolder]));
    expect(outside).toEqual(['io', true, null]);
    expect(io.lockHolder).toBe(mainContext.thread);
    aioContextRelease(io);
    const inside = await aioCoEnter(mainContext, () => runCoWrapper(io, () => Promise.resolve(here())));
    expect(inside).toBe('main');
  });
});

describe('the main-thread test', () => {
  afterEach(() => {
    selectMainThreadTest('stub');
  });

  test('of tools: the main context is the main thread, and the big lock does not exist', async () => {
    expect([qemuInMainThread(), runIn(io.thread, qemuInMainThread), runIn(vcpuThreadNew('cpu0'), qemuInMainThread)]).toEqual([true, false, false]);
    await qemuMutexLockIothread();
    expect(qemuMutexIothreadLocked()).toBe(false);
    expect(() => runIn(vcpuThreadNew('cpu0'), () => GLOBAL_STATE_CODE('here'))).toThrow('runs in the vCPU thread cpu0');
  });

  test('of the emulator: whoever holds the big lock is the main thread', async () => {
    expect(selectMainThreadTest('emulator')).toBe('stub');
    const [first, second] = [vcpuThreadNew('cpu0'), vcpuThreadNew('cpu1')];
    expect([qemuInMainThread(), qemuMutexIothreadLocked()]).toEqual([true, true]);
    expect(runIn(io.thread, qemuInMainThread)).toBe(false);
    const log: string[] = [];
    await runIn(first, async () => {
      log.push(`before: ${String(qemuInMainThread())}`);
      await qemuMutexLockIothread();
      log.push(`with the lock: ${String(qemuInMainThread())}`);
    });
    expect(qemuMutexIothreadLocked(), 'the main loop, while another thread has the lock').toBe(false);
    const waiting = runIn(second, async () => {
      await qemuMutexLockIothread();
      log.push('second');
      qemuMutexUnlockIothread();
    });
    await turn();
    runIn(second, qemuMutexUnlockIothread);
    expect(log).toEqual(['before: false', 'with the lock: true']);
    runIn(first, qemuMutexUnlockIothread);
    await waiting;
    expect(log.at(-1)).toBe('second');
    expect(qemuMutexIothreadLocked()).toBe(true);
  });

  test('a program of its own can answer instead', () => {
    const before = setContextProvider(bigLockProvider({ holdsBigLock: () => false }));
    expect(() => GLOBAL_STATE_CODE('here')).toThrow('here needs the main thread');
    setContextProvider(before);
  });
});
