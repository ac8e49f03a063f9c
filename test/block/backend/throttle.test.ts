/** Throttling: how long requests wait, and whose turn it is. The clock is a seeded scheduler's. */
import { describe, expect, test } from 'vitest';
import { blkIoLimitsDisable, blkIoLimitsEnable, blkIoLimitsUpdateGroup, blkSetIoLimits } from '../../../src/block/block-backend-global-state.ts';
import { blkCoPwrite, blkPread, blkPwrite } from '../../../src/block/block-backend-io.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { coroutineYield } from '../../../src/block/contexts/coroutine.ts';
import { runCoWrapper } from '../../../src/block/contexts/poll.ts';
import { scheduler } from '../../../src/block/contexts/scheduler.ts';
import { runSeeded } from '../../../src/block/contexts/seeded-scheduler.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd } from '../../../src/block/graph/drain.ts';
import type { ThrottleBucket, ThrottleConfig, ThrottleLimit } from '../../../src/block/model/throttle.ts';
import {
  noLimits, throttleGroupCoIoLimitsIntercept, throttleGroupConfig, throttleGroupDelete, throttleGroupExists, throttleGroupGetConfig, throttleGroupMemberNew, throttleGroupNew,
  throttleGroupRegisterTgm, throttleGroupRestartTgm, throttleGroupSetLimits, throttleGroupUnregisterTgm,
} from '../../../src/block/throttle-group.ts';
import { memoryBackend } from '../support/backend.ts';

function limited(bucket: ThrottleBucket, limit: Partial<ThrottleLimit>, iopsSize = 0): ThrottleConfig {
  const config = noLimits();
  Object.assign(config.limits[bucket], limit);
  return { ...config, iopsSize };
}

const sector = Buffer.alloc(512);
const throttled = (member: ReturnType<typeof throttleGroupMemberNew>, bytes: number, note: () => void): Promise<void> =>
  runCoWrapper(mainContext, () => throttleGroupCoIoLimitsIntercept(member, bytes, 'read')).then(note);

/** Milliseconds that requests of these sizes take, one after the other. */
async function timeOf(config: ThrottleConfig, requests: readonly number[]): Promise<number> {
  return runSeeded(1, async () => {
    const member = throttleGroupMemberNew();
    throttleGroupRegisterTgm(member, 'clock');
    throttleGroupConfig(member, config);
    const start = scheduler().now();
    for (const bytes of requests) await throttled(member, bytes, () => undefined);
    throttleGroupUnregisterTgm(member);
    return scheduler().now() - start;
  });
}

describe('requests wait', () => {
  test('so that bytes and operations keep their average', async () => {
    expect(await timeOf(limited('bpsTotal', { average: 1000 }), [300, 1])).toBeCloseTo(200, 0);
    expect(await timeOf(limited('iopsRead', { average: 100 }), Array.from({ length: 100 }, () => 512))).toBeGreaterThan(850);
    expect(await timeOf(limited('iopsRead', { average: 100 }), Array.from({ length: 100 }, () => 512))).toBeLessThan(1000);
    expect(await timeOf(limited('iopsWrite', { average: 1 }), [1, 1, 1, 1])).toBe(0);
    expect(await timeOf(noLimits(), [1e9, 1e9])).toBe(0);
  });

  test('longer where a large request counts as many', async () => {
    expect(await timeOf(limited('iopsTotal', { average: 10 }, 1000), [5000, 1])).toBeCloseTo(400, 0);
  });

  test('not while a burst lasts, and then all the longer', async () => {
    expect(await timeOf(limited('bpsTotal', { average: 1000, max: 10_000, burstLength: 1 }), [9000, 1000, 1])).toBe(0);
    expect(await timeOf(limited('bpsTotal', { average: 1000, max: 10_000, burstLength: 1 }), [10_000, 1000, 1])).toBeCloseTo(1000, 0);
    // A long burst is even itself: a tenth of a second's worth at once.
    expect(await timeOf(limited('bpsTotal', { average: 1000, max: 10_000, burstLength: 2 }), [6000, 1])).toBeCloseTo(500, 0);
  });
});

describe('limits are refused', () => {
  const refused = (config: ThrottleConfig): string => {
    const member = throttleGroupMemberNew();
    throttleGroupRegisterTgm(member, 'refusing');
    try {
      throttleGroupConfig(member, config);
      return 'taken';
    } catch (error) {
      return (error as Error).message;
    } finally {
      throttleGroupUnregisterTgm(member);
    }
  };

  test('that contradict each other', () => {
    const both = limited('bpsTotal', { average: 1 });
    both.limits.bpsRead.average = 1;
    expect(refused(both)).toContain('total values and read/write values');
    expect(refused(limited('bpsRead', {}, 512))).toBe('iops size requires an iops value to be set');
    expect(refused(limited('bpsRead', { average: -1 }))).toContain('must be within');
    expect(refused(limited('bpsRead', { average: 1, burstLength: 0 }))).toBe('the burst length cannot be 0');
    expect(refused(limited('bpsRead', { average: 1, burstLength: 2 }))).toBe('burst length set without burst rate');
    expect(refused(limited('bpsRead', { average: 1, max: 1e15, burstLength: 2 }))).toContain('too high');
    expect(refused(limited('bpsRead', { max: 1 }))).toContain('require corresponding');
    expect(refused(limited('bpsRead', { average: 2, max: 1 }))).toContain('cannot be lower');
    expect(refused(limited('iopsTotal', { average: 2, max: 3, burstLength: 4 }, 512))).toBe('taken');
  });
});

describe('a group', () => {
  test('lets its members take turns, and each keeps its order', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      await runSeeded(seed, async () => {
        const members = ['a', 'b', 'c'].map((name) => ({ name, member: throttleGroupMemberNew() }));
        for (const { member } of members) throttleGroupRegisterTgm(member, 'shared');
        throttleGroupSetLimits('shared', limited('iopsTotal', { average: 10 }));
        const done: string[] = [];
        await throttled(members[0]?.member ?? throttleGroupMemberNew(), 1, () => undefined);
        await Promise.all(members.flatMap(({ name, member }) => [1, 2, 3].map((index) => throttled(member, 1, () => done.push(`${name}${index}`)))));
        for (const { name } of members) expect(done.filter((one) => one.startsWith(name))).toEqual([1, 2, 3].map((index) => `${name}${index}`));
        // The first may go at once, and the second set the clock; from then on one of each in every round.
        expect(new Set(done.slice(2, 5).map((one) => one[0]))).toEqual(new Set(['a', 'b', 'c']));
        for (const { member } of members) throttleGroupUnregisterTgm(member);
        expect(throttleGroupExists('shared')).toBe(false);
      });
    }
  });

  test('goes on when the member whose turn it is leaves, is let go, or the limits change', async () => {
    await runSeeded(3, async () => {
      const [leaving, staying] = [throttleGroupMemberNew(), throttleGroupMemberNew()];
      for (const member of [leaving, staying]) throttleGroupRegisterTgm(member, 'shrinking');
      throttleGroupConfig(leaving, limited('iopsRead', { average: 1 }));
      const done: string[] = [];
      const all = [throttled(leaving, 1, () => done.push('at once')), throttled(leaving, 1, () => done.push('leaving')), throttled(staying, 1, () => done.push('staying'))];
      await runCoWrapper(mainContext, coroutineYield);
      expect(done).toEqual(['at once']);
      leaving.ioLimitsDisabled++;
      throttleGroupRestartTgm(leaving);
      await all[1];
      expect(() => throttleGroupRegisterTgm(leaving, 'other')).toThrow('is put into');
      expect(() => throttleGroupUnregisterTgm(staying)).toThrow('waiting requests');
      throttleGroupUnregisterTgm(leaving);
      throttleGroupUnregisterTgm(leaving);
      throttleGroupConfig(staying, noLimits());
      await all[2];
      expect(done).toEqual(['at once', 'leaving', 'staying']);
      throttleGroupUnregisterTgm(staying);
    });
  });

  test('that a user made stays until it is deleted', () => {
    const config = limited('bpsTotal', { average: 5 });
    throttleGroupNew('made', config);
    expect(() => throttleGroupNew('made', config)).toThrow("A throttle group named 'made' already exists");
    const member = throttleGroupMemberNew();
    throttleGroupRegisterTgm(member, 'made');
    expect(throttleGroupGetConfig(member)).toEqual(config);
    throttleGroupUnregisterTgm(member);
    expect(throttleGroupExists('made')).toBe(true);
    throttleGroupDelete('made');
    expect(throttleGroupExists('made')).toBe(false);
    expect(() => throttleGroupDelete('made')).toThrow("There is no throttle group named 'made'");
  });
});

describe('a throttled backend', () => {
  test('waits, moves between groups, and is free again', async () => {
    await runSeeded(1, async () => {
      const { blk, close } = await memoryBackend(65536);
      blkIoLimitsEnable(blk, 'one');
      blkSetIoLimits(blk, limited('iopsTotal', { average: 10 }));
      const start = scheduler().now();
      for (let count = 0; count < 5; count++) await blkPwrite(blk, 0, sector, 0);
      expect(scheduler().now() - start).toBeGreaterThan(250);
      await blkIoLimitsUpdateGroup(blk, 'two');
      expect([throttleGroupExists('one'), throttleGroupExists('two')]).toEqual([false, true]);
      await blkIoLimitsUpdateGroup(blk, 'two');
      const moved = scheduler().now();
      for (let count = 0; count < 5; count++) await blkPread(blk, 0, sector);
      expect(scheduler().now()).toBe(moved);
      await blkIoLimitsDisable(blk);
      await blkIoLimitsUpdateGroup(blk, 'one');
      expect(blk.public.throttleGroupMember.group).toBeNull();
      await close();
    });
  });

  test('is not held up by its limits while it is drained', async () => {
    await runSeeded(1, async () => {
      const { blk, bs, close } = await memoryBackend(65536);
      blkIoLimitsEnable(blk, 'slow');
      blkSetIoLimits(blk, limited('iopsTotal', { average: 0.001 }));
      const writes = Array.from({ length: 5 }, () => runCoWrapper(mainContext, () => blkCoPwrite(blk, 0, sector, 0)));
      await runCoWrapper(mainContext, coroutineYield);
      const start = scheduler().now();
      await bdrvDrainedBegin(bs);
      await Promise.all(writes);
      await bdrvDrainedEnd(bs);
      expect(scheduler().now() - start).toBeLessThan(1000);
      await blkIoLimitsDisable(blk);
      await close();
    });
  });
});
