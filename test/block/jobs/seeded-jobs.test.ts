/**
 * Jobs against a guest that writes, drains and pauses, in orders that seeds choose: the data is always what a plain model says. A failure
 * names its seed.
 */
import { expect, test } from 'vitest';
import { blkNewOpen } from '../../../src/block/backend/open.ts';
import { blkUnref } from '../../../src/block/backend/registry.ts';
import { blkBs } from '../../../src/block/backend/settings.ts';
import { blkPwrite } from '../../../src/block/backend/wrappers.ts';
import { aioTimerStart, mainContext } from '../../../src/block/contexts/aio-context.ts';
import { aioWaitWhile } from '../../../src/block/contexts/poll.ts';
import { runSeeded, seededRandom } from '../../../src/block/contexts/seeded-scheduler.ts';
import { bdrvCloseAll } from '../../../src/block/graph/close-all.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd } from '../../../src/block/graph/drain.ts';
import { bdrvRef, bdrvUnref } from '../../../src/block/graph/nodes.ts';
import { backupJobCreate } from '../../../src/block/jobs/backup.ts';
import { mirrorStart } from '../../../src/block/jobs/mirror.ts';
import { jobComplete, jobGet, jobIsCompleted, jobIsReady, jobPause, jobResume, jobStart } from '../../../src/block/job.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import { BDRV_O_RDWR, BDRV_O_UNMAP } from '../../../src/block/model/constants.ts';
import type { Job } from '../../../src/block/model/jobs.ts';
import { bdrvOpen } from '../../../src/block/open/open.ts';
import { registerDrivers } from '../support/backend.ts';
import { nodeOf } from '../support/chains.ts';
import { forgetMemoryDisks, memoryDisk, type MemoryDisk } from '../support/memory-driver.ts';

const SIZE = 256 * 1024;
const SEEDS = 60;

interface Disks {
  readonly blk: BlockBackend;
  readonly source: MemoryDisk;
  readonly target: MemoryDisk;
  /** What the guest has written. */
  readonly model: Uint8Array;
  readonly random: () => number;
}

/** Runs `scenario` with two disks once for each seed. */
async function forSeeds(scenario: (disks: Disks) => Promise<void>): Promise<void> {
  registerDrivers();
  for (let seed = 1; seed <= SEEDS; seed++) {
    await runSeeded(seed, async () => {
      const random = seededRandom(seed);
      const model = Uint8Array.from({ length: SIZE }, (_, index) => index >> 11);
      const source = memoryDisk('source', model.slice(), { delay: 0 });
      const target = memoryDisk('target', new Uint8Array(SIZE).fill(0xee), { delay: 0 });
      const blk = await blkNewOpen(null, null, { driver: 'memory', filename: 'source', 'node-name': 'src' }, BDRV_O_RDWR | BDRV_O_UNMAP);
      const node = await bdrvOpen(null, null, { driver: 'memory', filename: 'target', 'node-name': 'dst' }, BDRV_O_RDWR | BDRV_O_UNMAP);
      try {
        await scenario({ blk, source, target, model, random });
      } finally {
        await blkUnref(blk);
        await bdrvUnref(node);
        await bdrvCloseAll();
        forgetMemoryDisks();
      }
    });
  }
}

const until = (condition: () => boolean): Promise<void> => aioWaitWhile(null, () => !condition());
const pick = (random: () => number, below: number): number => Math.floor(random() * below);

/** A guest that writes, and a user that drains the disk and pauses the job meanwhile. */
async function disturb({ blk, model, random }: Disks, job: Job): Promise<void> {
  for (let step = 0; step < 6; step++) {
    await new Promise<void>((resolve) => aioTimerStart(mainContext, pick(random, 3), resolve));
    switch (pick(random, 4)) {
      case 0:
        jobPause(job);
        jobResume(job);
        break;
      case 1: {
        const bs = blkBs(blk);
        if (bs === null) break;
        bdrvRef(bs);
        await bdrvDrainedBegin(bs);
        await bdrvDrainedEnd(bs);
        await bdrvUnref(bs);
        break;
      }
      default: {
        const offset = pick(random, SIZE);
        const data = new Uint8Array(Math.min(1 + pick(random, 90_000), SIZE - offset)).fill(pick(random, 256));
        model.set(data, offset);
        await blkPwrite(blk, offset, data, 0);
      }
    }
  }
}

test.each(['background', 'write-blocking'] as const)('a mirror in copy mode %s ends with both disks equal', async (copyMode) => {
  await forSeeds(async (disks) => {
    const { blk, source, target, model } = disks;
    await mirrorStart({ jobId: 'job', bs: nodeOf('src'), target: nodeOf('dst'), mode: 'full', backingMode: 'leave-chain', copyMode });
    const job = jobGet('job');
    if (job === null) throw new Error('There is no job.');
    const disturbed = disturb(disks, job);
    await until(() => jobIsReady(job) || jobIsCompleted(job));
    await disturbed;
    await until(() => job.status === 'ready' || jobIsCompleted(job));
    await jobComplete(job);
    await until(() => job.status === 'null');
    expect(job.error).toBe(null);
    expect(blkBs(blk)?.nodeName).toBe('dst');
    expect([Buffer.compare(source.data, model), Buffer.compare(target.data, model)]).toEqual([0, 0]);
  });
});

test('a backup holds the disk of its beginning', async () => {
  await forSeeds(async (disks) => {
    const before = disks.model.slice();
    const job = await backupJobCreate({ jobId: 'job', bs: nodeOf('src'), target: nodeOf('dst'), syncMode: 'full', maxWorkers: 2 });
    await jobStart(job);
    await disturb(disks, job);
    await until(() => job.status === 'null');
    expect(job.error).toBe(null);
    expect([Buffer.compare(disks.source.data, disks.model), Buffer.compare(disks.target.data, before)]).toEqual([0, 0]);
  });
});
