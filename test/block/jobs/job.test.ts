/** Jobs through their public functions, with drivers that need no nodes. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { iothreadDestroy, iothreadNew } from '../../../src/block/contexts/iothread.ts';
import { mainContext, qemuGetCurrentAioContext } from '../../../src/block/contexts/aio-context.ts';
import { qemuInMainThread } from '../../../src/block/contexts/main-loop.ts';
import { aioWaitKick, aioWaitWhile } from '../../../src/block/contexts/poll.ts';
import {
  jobApplyVerb, jobCancel, jobCancelRequested, jobCancelSync, jobCancelSyncAll, jobComplete, jobCompleteSync, jobCreate, jobDismiss, jobEnter, jobFinalize, jobFinishSync, jobGet,
  jobIsCancelled, jobIsCompleted, jobIsInternal, jobIsReady, jobNext, jobPause, jobPausePoint, jobProgressIncreaseRemaining, jobProgressSetRemaining, jobProgressTotal,
  jobProgressUpdate, jobResume, jobSleep, jobStart, jobStarted, jobTransitionToReady, jobTxnNew, jobUserCancel, jobUserPause, jobUserPaused, jobUserResume, jobYield, onJobEvent,
  type JobOptions,
} from '../../../src/block/job.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import { JOB_INTERNAL, JOB_MANUAL_DISMISS, JOB_MANUAL_FINALIZE, type Job, type JobDriver } from '../../../src/block/model/jobs.ts';

let log: string[];
let stopListening: () => void;

beforeEach(() => {
  log = [];
  stopListening = onJobEvent((event) => {
    if (event.event === 'JOB_STATUS_CHANGE') log.push(`${event.data.id} ${event.data.status}`);
  });
});

afterEach(async () => {
  await jobCancelSyncAll();
  stopListening();
  expect(jobNext(null)).toBe(null);
});

/** A driver that logs every slot. */
function driver(overrides: Partial<JobDriver> = {}): JobDriver {
  const say = (slot: string) => (job: Job) => {
    log.push(`${job.id ?? '-'}.${slot}`);
    return Promise.resolve();
  };
  return { jobType: 'create', run: say('run'), prepare: say('prepare'), commit: say('commit'), abort: say('abort'), clean: say('clean'), free: say('free'), ...overrides };
}

function create(id: string | null, overrides: Partial<JobDriver> = {}, options: Partial<JobOptions> = {}): Job {
  return jobCreate({ jobId: id, driver: driver(overrides), context: mainContext, ...options }, {});
}

/** Sleeps until it is cancelled. */
async function endless(job: Job): Promise<void> {
  while (!jobIsCancelled(job)) await jobSleep(job, 60_000);
}

const until = (condition: () => boolean): Promise<void> => aioWaitWhile(null, () => !condition());

describe('the life of a job', () => {
  test('that succeeds: every state and slot in its order, then it is forgotten', async () => {
    const job = create('j');
    expect(jobStarted(job)).toBe(false);
    await jobStart(job);
    expect(await jobFinishSync(job, null)).toBe(null);
    await until(() => job.status === 'null');
    expect(log).toEqual(['j created', 'j running', 'j.run', 'j waiting', 'j pending', 'j.prepare', 'j.commit', 'j.clean', 'j concluded', 'j null', 'j.free']);
    expect(jobGet('j')).toBe(null);
  });

  test('that fails: aborted and cleaned, with its error told to the callback', async () => {
    let told: Error | null | undefined;
    const job = create('j', { run: () => Promise.reject(blockError('EIO', 'disk gone')) }, { cb: (error) => (told = error) });
    await jobStart(job);
    await until(() => job.status === 'null');
    expect(told).toMatchObject({ code: 'EIO', message: 'disk gone' });
    expect(log).toEqual(['j created', 'j running', 'j aborting', 'j.abort', 'j.clean', 'j concluded', 'j null', 'j.free']);
  });

  test('whose prepare fails: nothing is committed', async () => {
    const job = create('j', { prepare: () => Promise.reject(blockError('EPERM', 'no')) });
    await jobStart(job);
    await until(() => job.status === 'null');
    expect(job.error).toMatchObject({ code: 'EPERM' });
    expect(log).toEqual(['j created', 'j running', 'j.run', 'j waiting', 'j pending', 'j aborting', 'j.abort', 'j.clean', 'j concluded', 'j null', 'j.free']);
  });

  test('whose preRun fails: the body never runs, and the job is cleaned up with its error', async () => {
    const job = create('j', { preRun: () => Promise.reject(blockError('EACCES', 'locked')) }, { flags: JOB_MANUAL_DISMISS });
    await jobStart(job);
    expect(job.error).toMatchObject({ code: 'EACCES' });
    expect(log).toEqual(['j created', 'j aborting', 'j.abort', 'j.clean', 'j concluded', 'j null', 'j.free']);
  });

  test('in an iothread: preRun and the end in the main thread, the body in the thread', async () => {
    const context = iothreadNew('jobs-io');
    try {
      const where: string[] = [];
      const note = (slot: string) => () => {
        where.push(`${slot} ${qemuGetCurrentAioContext().name} ${qemuInMainThread()}`);
        return Promise.resolve();
      };
      const job = create('j', { preRun: note('preRun'), run: note('run'), prepare: note('prepare'), clean: note('clean') }, { context });
      await jobStart(job);
      await until(() => job.status === 'null');
      expect(where).toEqual(['preRun main true', 'run jobs-io false', 'prepare main true', 'clean main true']);
    } finally {
      iothreadDestroy('jobs-io');
    }
  });

  test('waits for finalize and dismiss where it was told to', async () => {
    const job = create('j', {}, { flags: JOB_MANUAL_FINALIZE | JOB_MANUAL_DISMISS });
    await jobStart(job);
    await expect(jobFinalize(job)).rejects.toMatchObject({ code: 'EPERM' });
    await until(() => job.status === 'pending');
    await jobFinalize(job);
    expect(job.status).toBe('concluded');
    expect(() => jobApplyVerb(job, 'cancel')).toThrow("Job 'j' in state 'concluded' cannot accept command verb 'cancel'");
    await jobDismiss(job);
    expect(jobGet('j')).toBe(null);
  });

  test('a concluded job that is cancelled is forgotten', async () => {
    const job = create('j', {}, { flags: JOB_MANUAL_DISMISS });
    await jobStart(job);
    await until(() => job.status === 'concluded');
    await jobCancel(job, false);
    expect(job.status).toBe('null');
  });
});

describe('ids', () => {
  test('are unique, well formed, and only internal jobs have none', async () => {
    const job = create('j');
    const internal = create(null, {}, { flags: JOB_INTERNAL });
    expect(jobIsInternal(internal)).toBe(true);
    expect(jobIsInternal(job)).toBe(false);
    expect(jobNext(null)).toBe(internal);
    expect(jobNext(internal)).toBe(job);
    expect(() => create('j')).toThrow("Job ID 'j' already in use");
    expect(() => create('1x')).toThrow("Invalid job ID '1x'");
    expect(() => create(null)).toThrow('An explicit job ID is required');
    expect(() => create('k', {}, { flags: JOB_INTERNAL })).toThrow('Cannot specify job ID for internal job');
    await jobCancelSync(internal, true);
    expect(log.filter((line) => line.startsWith('-') || line.startsWith(' '))).toEqual(['-.abort', '-.clean', '-.free']);
  });
});

describe('pausing', () => {
  test('stops the body at its next pause point, between the pause and resume slots', async () => {
    let rounds = 0;
    const say = (slot: string) => () => {
      log.push(slot);
      return Promise.resolve();
    };
    const job = create('j', {
      async run(running) {
        while (rounds < 2) {
          rounds++;
          await jobSleep(running, 60_000);
        }
      },
      pause: say('pause'),
      resume: say('resume'),
    });
    await jobStart(job);
    await until(() => rounds === 1);
    jobPause(job);
    jobPause(job);
    await until(() => job.paused);
    jobResume(job);
    expect(job.paused).toBe(true);
    jobEnter(job);
    jobResume(job);
    await until(() => rounds === 2);
    jobEnter(job);
    await until(() => job.status === 'null');
    expect(log.slice(0, 6)).toEqual(['j created', 'j running', 'pause', 'j paused', 'j running', 'resume']);
  });

  test('before the start: the body waits', async () => {
    const job = create('j');
    jobPause(job);
    await jobStart(job);
    await until(() => job.paused);
    expect(log).not.toContain('j.run');
    jobResume(job);
    await until(() => job.status === 'null');
    expect(log).toContain('j.run');
  });

  test('by the user: once, and only the user resumes', async () => {
    let resumedByUser = 0;
    const job = create('j', { run: endless, userResume: () => (resumedByUser += 1) });
    await jobStart(job);
    expect(() => jobUserResume(job)).toThrow("Can't resume a job that was not paused");
    jobUserPause(job);
    expect(jobUserPaused(job)).toBe(true);
    expect(() => jobUserPause(job)).toThrow('Job is already paused');
    await until(() => job.paused);
    jobUserResume(job);
    await until(() => !job.paused);
    expect(resumedByUser).toBe(1);
    expect(await jobCancelSync(job, true)).toMatchObject({ code: 'ECANCELED' });
  });

  test('a paused job can be cancelled', async () => {
    const job = create('j', { run: endless });
    await jobStart(job);
    jobUserPause(job);
    await until(() => job.paused);
    await jobUserCancel(job, false);
    await until(() => job.status === 'null');
    expect(log.slice(-7)).toEqual(['j running', 'j aborting', 'j.abort', 'j.clean', 'j concluded', 'j null', 'j.free']);
  });

  test('the body goes on in the context that the job has moved to', async () => {
    const context = iothreadNew('jobs-move');
    try {
      const where: string[] = [];
      const job = create('j', {
        async run(running) {
          where.push(qemuGetCurrentAioContext().name);
          await jobYield(running);
          where.push(qemuGetCurrentAioContext().name);
        },
      });
      await jobStart(job);
      await until(() => where.length === 1);
      jobPause(job);
      await until(() => job.paused);
      job.aioContext = context;
      jobResume(job);
      await until(() => job.status === 'null');
      expect(where).toEqual(['main', 'jobs-move']);
    } finally {
      iothreadDestroy('jobs-move');
    }
  });
});

describe('cancelling', () => {
  test('a job that was never started aborts it', async () => {
    const job = create('j', {}, { flags: JOB_MANUAL_DISMISS });
    await jobCancel(job, false);
    expect(jobCancelRequested(job)).toBe(true);
    expect(log).toEqual(['j created', 'j aborting', 'j.abort', 'j.clean', 'j concluded', 'j null', 'j.free']);
  });

  test('softly: a kind may go on and succeed', async () => {
    const job = create('j', {
      cancel: (_job, force) => force,
      async run(running) {
        while (!jobCancelRequested(running)) await jobSleep(running, 60_000);
      },
    });
    await jobStart(job);
    expect(await jobCancelSync(job, false)).toBe(null);
    expect(jobIsCancelled(job)).toBe(false);
    await until(() => job.status === 'null');
    expect(log).toContain('j.commit');
  });

  test('a body that has ended, while its job waits to be finalized', async () => {
    const job = create('j', {}, { flags: JOB_MANUAL_FINALIZE });
    await jobStart(job);
    await until(() => job.status === 'pending');
    await jobUserCancel(job, false);
    expect(log.slice(-6)).toEqual(['j aborting', 'j.abort', 'j.clean', 'j concluded', 'j null', 'j.free']);
  });

  test('comes too late while the transaction ends', async () => {
    let goOn: () => void = () => undefined;
    const preparing = new Promise<void>((resolve) => (goOn = resolve));
    let inPrepare = false;
    const job = create('j', {
      prepare: async () => {
        inPrepare = true;
        aioWaitKick();
        await preparing;
      },
    });
    await jobStart(job);
    await until(() => inPrepare);
    const late = jobCancel(job, true);
    goOn();
    await late;
    expect(job.error).toBe(null);
    expect(log).toContain('j.commit');
  });
});

describe('ready jobs', () => {
  test('wait until they are completed', async () => {
    const job = create('j', {
      async run(running) {
        jobTransitionToReady(running);
        await jobYield(running);
        await jobPausePoint(running);
      },
      complete: (running) => {
        jobEnter(running);
        return Promise.resolve();
      },
    });
    await expect(jobComplete(job)).rejects.toMatchObject({ code: 'EPERM' });
    await jobStart(job);
    await until(() => jobIsReady(job));
    jobPause(job);
    await until(() => job.status === 'standby');
    expect(jobIsReady(job)).toBe(true);
    jobResume(job);
    await until(() => job.status === 'null' || (job.status === 'ready' && !job.busy));
    if (!jobIsCompleted(job)) expect(await jobCompleteSync(job)).toBe(null);
  });

  test("can't be completed where the kind has no such step", async () => {
    const job = create('j', {
      async run(running) {
        jobTransitionToReady(running);
        await endless(running);
      },
    });
    await jobStart(job);
    await until(() => jobIsReady(job));
    await expect(jobComplete(job)).rejects.toThrow("The active block job 'j' cannot be completed");
  });
});

describe('transactions', () => {
  test('prepare all before any commits', async () => {
    const txn = jobTxnNew();
    const first = create('a', {}, { txn });
    const second = create('b', {}, { txn });
    await jobStart(first);
    await until(() => first.status === 'waiting');
    await jobStart(second);
    await until(() => first.status === 'null' && second.status === 'null');
    const slots = log.filter((line) => line.includes('.') && !line.endsWith('run') && !line.endsWith('free'));
    expect(slots).toEqual(['a.prepare', 'b.prepare', 'a.commit', 'a.clean', 'b.commit', 'b.clean']);
  });

  test('one failure cancels and aborts all, also those that were not started', async () => {
    const txn = jobTxnNew();
    const bad = create('bad', { run: () => Promise.reject(blockError('EIO', 'broken')) }, { txn });
    const running = create('running', { run: endless }, { txn });
    const idle = create('idle', {}, { txn });
    await jobStart(running);
    await jobStart(bad);
    await until(() => [bad, running, idle].every((job) => job.status === 'null'));
    expect(bad.error).toMatchObject({ code: 'EIO' });
    expect(running.error).toMatchObject({ code: 'ECANCELED' });
    expect(idle.error).toMatchObject({ code: 'ECANCELED' });
    expect(log.filter((line) => line.endsWith('.abort'))).toHaveLength(3);
  });

  test('one that must be finalized by hand makes all wait', async () => {
    const txn = jobTxnNew();
    const auto = create('auto', {}, { txn });
    const manual = create('manual', {}, { txn, flags: JOB_MANUAL_FINALIZE });
    await jobStart(auto);
    await jobStart(manual);
    await until(() => auto.status === 'pending' && manual.status === 'pending');
    await jobFinalize(manual);
    expect([auto.status, manual.status]).toEqual(['null', 'null']);
  });
});

test('progress counts what is done and what is left', () => {
  const job = create('j');
  jobProgressSetRemaining(job, 10);
  jobProgressUpdate(job, 4);
  jobProgressIncreaseRemaining(job, 2);
  expect(job.progress).toEqual({ current: 4, remaining: 8 });
  expect(jobProgressTotal(job)).toBe(12);
});
