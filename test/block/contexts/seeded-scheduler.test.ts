import fs from 'node:fs/promises';
import { expect, it } from 'vitest';
import { aioBhScheduleOneshot, mainContext } from '../../../src/block/contexts/aio-context.ts';
import { CoMutex, aioCoEnter, coroutineYield, hostOperation, qemuCoSleep } from '../../../src/block/contexts/coroutine.ts';
import { replaceScheduler, scheduler } from '../../../src/block/contexts/scheduler.ts';
import { runSeeded, SeededScheduler } from '../../../src/block/contexts/seeded-scheduler.ts';

/** The order in which three coroutines of three steps each take their turns. */
function orderOf(seed: number): Promise<string> {
  return runSeeded(seed, async () => {
    let order = '';
    const worker = async (name: string): Promise<void> => {
      for (let step = 0; step < 3; step++) {
        await coroutineYield();
        order += name;
      }
    };
    await Promise.all(['a', 'b', 'c'].map((name) => aioCoEnter(mainContext, () => worker(name))));
    return order;
  });
}

it('gives one order for a seed, and many orders for many seeds', async () => {
  expect(await orderOf(7)).toBe(await orderOf(7));
  const orders = new Set<string>();
  for (let seed = 0; seed < 40; seed++) orders.add(await orderOf(seed));
  expect(orders.size).toBeGreaterThan(30);
  for (const order of orders) expect(order.split('').sort().join('')).toBe('aaabbbccc');
});

it('lets virtual time pass without waiting, deadline after deadline', async () => {
  const start = performance.now();
  const times = await runSeeded(1, async () => {
    const seen: number[] = [];
    const sleeper = async (milliseconds: number): Promise<void> => {
      await qemuCoSleep(milliseconds);
      seen.push(scheduler().now());
    };
    await Promise.all([3_600_000, 20, 20, 5].map((time) => aioCoEnter(mainContext, () => sleeper(time))));
    return seen;
  });
  expect(times).toEqual([5, 20, 20, 3_600_000]);
  expect(performance.now() - start).toBeLessThan(10_000);
});

it('forgets a timer that was taken back', async () => {
  const fired = await runSeeded(1, async () => {
    let timerFired = false;
    const cancel = scheduler().startTimer(mainContext, 5, () => (timerFired = true));
    cancel();
    await aioCoEnter(mainContext, () => qemuCoSleep(50));
    return timerFired;
  });
  expect(fired).toBe(false);
});

it('says with the seed that everything waits', async () => {
  const forgotten = runSeeded(42, async () => {
    const mutex = new CoMutex();
    await aioCoEnter(mainContext, () => mutex.lock());
    await aioCoEnter(mainContext, () => mutex.lock());
  });
  await expect(forgotten).rejects.toThrow(/With seed 42: Everything waits/);
});

it('names the seed of code that fails, and keeps the cause', async () => {
  const cause = new Error('lost a request');
  const failed = runSeeded(9, () => Promise.reject(cause));
  await expect(failed).rejects.toMatchObject({ message: 'With seed 9: lost a request', cause });
});

it('passes on what an operation of the host gives or throws', async () => {
  const answers = await runSeeded(3, async () => {
    const folder = await hostOperation(fs.stat('/'));
    const missing = await hostOperation(fs.stat('/no/such/file')).catch((error: unknown) => (error as { code: string }).code);
    return { isFolder: folder.isDirectory(), missing };
  });
  expect(answers).toEqual({ isFolder: true, missing: 'ENOENT' });
});

it('finishes operations of the host in an order that the seed chooses', async () => {
  const orderOfReads = (seed: number): Promise<string> =>
    runSeeded(seed, async () => {
      let order = '';
      const read = async (name: string): Promise<void> => {
        await hostOperation(fs.stat('/'));
        order += name;
      };
      await Promise.all(['a', 'b', 'c', 'd'].map((name) => aioCoEnter(mainContext, () => read(name))));
      return order;
    });
  const orders = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const order = await orderOfReads(seed);
    expect(await orderOfReads(seed)).toBe(order);
    orders.add(order);
  }
  expect(orders.size).toBeGreaterThan(5);
});

it('runs the steps that are left when the code has ended', async () => {
  let ran = false;
  await runSeeded(1, () => {
    aioBhScheduleOneshot(mainContext, () => (ran = true));
    return Promise.resolve();
  });
  expect(ran).toBe(true);
});

it('says that an operation of the host does not end', async () => {
  const seeded = new SeededScheduler(4, 20);
  const before = replaceScheduler(seeded);
  try {
    const stuck = seeded.run(() => hostOperation(new Promise(() => undefined)));
    await expect(stuck).rejects.toThrow('With seed 4: An operation of the host does not end');
  } finally {
    replaceScheduler(before);
  }
});
