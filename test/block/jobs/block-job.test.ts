/** Jobs on nodes, with drivers that copy nothing. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  blockJobAddBdrv, blockJobDriver, blockJobGet, blockJobHasBdrv, blockJobIostatusReset, blockJobIsInternal, blockJobNext, blockJobQuery, blockJobRemoveAllBdrv, blockJobSetSpeed,
} from '../../../src/block/blockjob.ts';
import { blockJobCreate, blockJobErrorAction, blockJobFree, blockJobRatelimitGetDelay, blockJobRatelimitSleep, blockJobUserResume } from '../../../src/block/blockjob-int.ts';
import { mainContext, qemuGetCurrentAioContext, type AioContext } from '../../../src/block/contexts/aio-context.ts';
import { iothreadDestroy, iothreadNew } from '../../../src/block/contexts/iothread.ts';
import { aioWaitWhile } from '../../../src/block/contexts/poll.ts';
import { bdrvTrySetAioContext } from '../../../src/block/graph/aio-context-moves.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd } from '../../../src/block/graph/drain.ts';
import { allNodes } from '../../../src/block/graph/node-lists.ts';
import { bdrvUnref } from '../../../src/block/graph/nodes.ts';
import { bdrvOpIsBlocked, bdrvOpBlockerIsEmpty } from '../../../src/block/graph/op-blockers.ts';
import {
  jobCancelSync, jobEnter, jobIsCancelled, jobPausePoint, jobProgressSetRemaining, jobProgressUpdate, jobSleep, jobStart, jobTransitionToReady, jobUserResume, jobYield, onJobEvent,
  type JobEvent,
} from '../../../src/block/job.ts';
import { BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_WRITE, BlockOpType } from '../../../src/block/model/constants.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import { JOB_INTERNAL, JOB_MANUAL_FINALIZE, type BlockJob, type BlockJobDriver, type CommonJobOptions } from '../../../src/block/model/jobs.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import { plainNode } from '../support/graph.ts';

let events: JobEvent[];
let stopListening: () => void;
let node: BlockDriverState;
let other: BlockDriverState;

beforeEach(() => {
  events = [];
  stopListening = onJobEvent((event) => events.push(event));
  node = plainNode('disk');
  other = plainNode('other');
});

afterEach(async () => {
  for (let job = blockJobNext(null); job !== null; job = blockJobNext(null)) await jobCancelSync(job, true);
  stopListening();
  await bdrvUnref(node);
  await bdrvUnref(other);
  // A job that is over lets go of its nodes in a later turn.
  while (allNodes().length > 0) await new Promise((resolve) => setImmediate(resolve));
});

const until = (condition: () => boolean): Promise<void> => aioWaitWhile(null, () => !condition());

async function sleepUntilCancelled(job: BlockJob): Promise<void> {
  while (!jobIsCancelled(job)) await jobSleep(job, 60_000);
}

function driver(run: (job: BlockJob) => Promise<void> = sleepUntilCancelled, more: Partial<BlockJobDriver> = {}): BlockJobDriver {
  return { jobType: 'backup', run, free: blockJobFree, userResume: blockJobUserResume, ...more };
}

function create(table: BlockJobDriver = driver(), options: Partial<CommonJobOptions> = {}): Promise<BlockJob> {
  return blockJobCreate(table, { jobId: 'job', bs: node, ...options }, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL, {});
}

const namesOf = (): string[] => events.filter(({ event }) => event !== 'JOB_STATUS_CHANGE').map(({ event }) => event);

test('holds its nodes, blocks other operations on them, and lets all go at its end', async () => {
  const job = await create();
  await blockJobAddBdrv(job, 'second', other, 0, BLK_PERM_ALL);
  expect([blockJobHasBdrv(job, node), blockJobHasBdrv(job, other)]).toEqual([true, true]);
  expect(bdrvOpIsBlocked(node, BlockOpType.RESIZE)?.message).toBe("Node 'disk' is busy: block device is in use by block job: backup");
  expect(bdrvOpIsBlocked(node, BlockOpType.DATAPLANE)).toBe(null);
  expect([node.refcnt, other.refcnt]).toEqual([2, 2]);
  await jobStart(job);
  await jobCancelSync(job, true);
  await until(() => job.status === 'null');
  expect([node.refcnt, other.refcnt, bdrvOpBlockerIsEmpty(node)]).toEqual([1, 1, true]);
});

test('is refused where another user excludes what it needs, and leaves nothing behind', async () => {
  const first = await blockJobCreate(driver(), { jobId: 'first', bs: node }, BLK_PERM_WRITE, 0, {});
  await expect(create()).rejects.toMatchObject({ code: 'EPERM' });
  expect(blockJobNext(null)).toBe(first);
  expect(blockJobNext(first)).toBe(null);
  expect(blockJobGet('job')).toBe(null);
  expect(blockJobGet('first')).toBe(first);
});

test('is shown to the monitor, unless it is internal', async () => {
  const job = await create();
  jobProgressSetRemaining(job, 100);
  jobProgressUpdate(job, 30);
  expect(blockJobQuery(job)).toEqual({
    type: 'backup', device: 'job', len: 100, offset: 30, busy: false, paused: true, speed: 0, ioStatus: 'ok', ready: false, status: 'created', autoFinalize: true,
    autoDismiss: true, error: null,
  });
  const internal = await create(driver(), { jobId: null, creationFlags: JOB_INTERNAL });
  expect([blockJobIsInternal(internal), blockJobIsInternal(job)]).toEqual([true, false]);
  expect(blockJobDriver(internal).jobType).toBe('backup');
  expect(() => blockJobQuery(internal)).toThrow('Cannot query QEMU internal jobs');
});

test('all nodes can be taken off it', async () => {
  const job = await create();
  await blockJobRemoveAllBdrv(job);
  expect(blockJobHasBdrv(job, node)).toBe(false);
  expect(bdrvOpBlockerIsEmpty(node)).toBe(true);
});

describe('events', () => {
  test('of a job that becomes ready and succeeds', async () => {
    const job = await create(driver(async (running) => {
      jobProgressUpdate(running, 7);
      jobTransitionToReady(running);
      await jobYield(running);
    }));
    await jobStart(job);
    await until(() => job.status === 'ready' && !job.busy);
    jobEnter(job);
    await until(() => job.status === 'null');
    const data = { type: 'backup', device: 'job', len: 7, offset: 7, speed: 0 };
    expect(events.filter(({ event }) => event !== 'JOB_STATUS_CHANGE')).toEqual([
      { event: 'BLOCK_JOB_READY', data },
      { event: 'BLOCK_JOB_COMPLETED', data },
    ]);
  });

  test('of a job that fails, that waits to be finalized, that is cancelled', async () => {
    const failing = await create(driver(() => Promise.reject(blockError('EIO', 'broken'))));
    await jobStart(failing);
    await until(() => failing.status === 'null');
    expect(events.at(-3)).toMatchObject({ event: 'BLOCK_JOB_COMPLETED', data: { error: 'broken' } });
    const waiting = await create(driver(() => Promise.resolve()), { creationFlags: JOB_MANUAL_FINALIZE });
    await jobStart(waiting);
    await until(() => waiting.status === 'pending');
    await jobCancelSync(waiting, true);
    expect(namesOf()).toEqual(['BLOCK_JOB_COMPLETED', 'BLOCK_JOB_PENDING', 'BLOCK_JOB_CANCELLED']);
  });
});

describe('drains', () => {
  test('pause the job: the drain waits until it has reached a pause point', async () => {
    let goOn: () => void = () => undefined;
    let rounds = 0;
    const job = await create(driver(async (running) => {
      rounds++;
      await new Promise<void>((resolve) => (goOn = resolve));
      await jobPausePoint(running);
      rounds++;
    }));
    await jobStart(job);
    const drained = bdrvDrainedBegin(node);
    goOn();
    await drained;
    expect([job.status, job.paused, rounds]).toEqual(['paused', true, 1]);
    await bdrvDrainedEnd(node);
    await until(() => job.status === 'null');
    expect(rounds).toBe(2);
  });

  test('ask the kind of the job what it still has in flight', async () => {
    let polls = 0;
    const job = await create(driver(async (running) => {
      await new Promise<void>((resolve) => setImmediate(resolve));
      await sleepUntilCancelled(running);
    }, { drainedPoll: (running) => ++polls > 0 && !running.paused }));
    await jobStart(job);
    await bdrvDrainedBegin(node);
    expect(job.paused).toBe(true);
    expect(polls).toBeGreaterThan(0);
    await bdrvDrainedEnd(node);
  });
});

test('moves with its nodes, and takes the other ones along', async () => {
  const context = iothreadNew('block-job');
  const where: string[] = [];
  const told: AioContext[] = [];
  try {
    const job = await create(driver(async (running) => {
      while (!jobIsCancelled(running)) {
        where.push(qemuGetCurrentAioContext().name);
        await jobSleep(running, 60_000);
      }
    }, { attachedAioContext: (_job, newContext) => told.push(newContext) }));
    await blockJobAddBdrv(job, 'second', other, 0, BLK_PERM_ALL);
    await jobStart(job);
    await until(() => where.length === 1 && !job.busy);
    await bdrvTrySetAioContext(node, context);
    expect([node.aioContext, other.aioContext, job.aioContext, ...told]).toEqual([context, context, context, context]);
    jobEnter(job);
    await until(() => where.length === 2);
    expect(where).toEqual(['main', 'block-job']);
    await bdrvTrySetAioContext(other, mainContext);
    expect([node.aioContext, job.aioContext]).toEqual([mainContext, mainContext]);
    await jobCancelSync(job, true);
    await until(() => job.status === 'null');
  } finally {
    iothreadDestroy('block-job');
  }
});

describe('speed', () => {
  test('limits the bytes of a slice; more than that takes the slices after it', async () => {
    const speeds: number[] = [];
    const job = await create(driver(undefined, { setSpeed: (_job, speed) => speeds.push(speed) }), { speed: 1000 });
    expect(blockJobRatelimitGetDelay(job, 50)).toBe(0);
    const delay = blockJobRatelimitGetDelay(job, 250);
    expect(delay).toBeGreaterThan(200);
    expect(delay).toBeLessThanOrEqual(300);
    blockJobSetSpeed(job, 0);
    expect(blockJobRatelimitGetDelay(job, 1_000_000)).toBe(0);
    expect(speeds).toEqual([1000, 0]);
    expect(() => blockJobSetSpeed(job, -1)).toThrow('expects a non-negative value');
  });

  test('a job that sleeps for a low speed goes on when it is raised', async () => {
    let done = false;
    const job = await create(driver(async (running) => {
      await blockJobRatelimitSleep(running, 1_000_000);
      done = true;
    }), { speed: 1 });
    await jobStart(job);
    await until(() => !job.busy);
    blockJobSetSpeed(job, 0);
    await until(() => job.status === 'null');
    expect(done).toBe(true);
  });
});

describe('errors of requests', () => {
  const full = blockError('ENOSPC', 'full');
  const broken = blockError('EIO', 'broken');

  test.each([
    ['report', broken, 'report', 'ok'],
    ['ignore', broken, 'ignore', 'ok'],
    ['enospc', broken, 'report', 'ok'],
    ['auto', broken, 'report', 'ok'],
    ['enospc', full, 'stop', 'nospace'],
    ['stop', broken, 'stop', 'failed'],
  ] as const)('policy %s, error %s: %s', async (policy, error, action, status) => {
    const job = await create();
    expect(blockJobErrorAction(job, policy, true, error)).toBe(action);
    expect(job.iostatus).toBe(status);
    expect(job.userPaused).toBe(action === 'stop');
    expect(events.at(-1)).toEqual({ event: 'BLOCK_JOB_ERROR', data: { device: 'job', operation: 'read', action } });
  });

  test('a stopped job keeps its first status until the user resumes it', async () => {
    const job = await create();
    await jobStart(job);
    blockJobErrorAction(job, 'stop', false, full);
    blockJobErrorAction(job, 'stop', false, broken);
    await until(() => job.paused);
    expect([job.iostatus, job.pauseCount]).toEqual(['nospace', 1]);
    jobUserResume(job);
    expect(job.iostatus).toBe('ok');
    blockJobErrorAction(job, 'stop', false, broken);
    blockJobIostatusReset(job);
    expect(job.iostatus).toBe('ok');
  });
});
