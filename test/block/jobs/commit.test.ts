/** Commits: of layers in the middle of a chain, and of the active image. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blkUnref } from '../../../src/block/backend/registry.ts';
import { blkBs } from '../../../src/block/backend/settings.ts';
import { blkPwrite } from '../../../src/block/backend/wrappers.ts';
import { aioWaitWhile } from '../../../src/block/contexts/poll.ts';
import { bdrvCloseAll } from '../../../src/block/graph/close-all.ts';
import { bdrvFindNode } from '../../../src/block/graph/node-lists.ts';
import { commitStart } from '../../../src/block/jobs/commit.ts';
import { commitActiveStart } from '../../../src/block/jobs/mirror.ts';
import { jobCancelSync, jobCompleteSync, jobGet, jobIsReady, onJobEvent } from '../../../src/block/job.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import type { Job } from '../../../src/block/model/jobs.ts';
import { bdrvRefreshFilename } from '../../../src/block/open/filenames.ts';
import { LENGTH, chainOf, createImages, nodeOf, openChain, readAll, readImage, writeInto } from '../support/chains.ts';
import { forgetMemoryDisks, memoryDiskOf } from '../support/memory-driver.ts';

const K64 = 64 * 1024;
const NAMES = ['base', 'middle', 'top', 'active'];
let blk: BlockBackend;
let before: Uint8Array;

beforeEach(async () => {
  await createImages(NAMES);
  await writeInto('base', 1, 0, LENGTH);
  await writeInto('middle', 2, K64, K64);
  await writeInto('top', 3, 2 * K64, K64 / 2);
  await writeInto('active', 4, 3 * K64, 4096);
  blk = await openChain(NAMES);
  before = await readAll(blk);
});

afterEach(async () => {
  await blkUnref(blk);
  await bdrvCloseAll();
  forgetMemoryDisks();
});

const until = (condition: () => boolean): Promise<void> => aioWaitWhile(null, () => !condition());

function theJob(): Job {
  const job = jobGet('job');
  if (job === null) throw new Error('There is no job.');
  return job;
}

describe('layers in the middle', () => {
  test('are pushed into the base and dropped; what the chain shows stays the same', async () => {
    await commitStart({ jobId: 'job', bs: nodeOf('active'), top: nodeOf('top'), base: nodeOf('base') });
    const job = theJob();
    await until(() => job.status === 'null');
    expect(job.error).toBe(null);
    expect(chainOf(blk)).toEqual(['active', 'base']);
    expect([bdrvFindNode('top'), bdrvFindNode('middle')]).toEqual([null, null]);
    expect(Buffer.compare(await readAll(blk), before)).toBe(0);
    await blkUnref(blk);
    blk = await openChain(['base']);
    const base = await readAll(blk);
    expect([base[K64], base[2 * K64], base[3 * K64]]).toEqual([2, 3, 1]);
    expect(Buffer.compare(await readImage('active'), before)).toBe(0);
  });

  test('keep their places when the job is cancelled', async () => {
    await commitStart({ jobId: 'job', bs: nodeOf('active'), top: nodeOf('top'), base: nodeOf('base'), speed: 1 });
    const job = theJob();
    await until(() => !job.busy && job.progress.current > 0);
    expect(chainOf(blk)[1]).toMatch(/^#block/);
    const filter = blkBs(blk)?.backing?.bs;
    if (filter) bdrvRefreshFilename(filter);
    expect(filter?.filename).toBe('memory:top.img');
    expect(Buffer.compare(await readAll(blk), before)).toBe(0);
    expect(await jobCancelSync(job, true)).toMatchObject({ code: 'ECANCELED' });
    await until(() => job.status === 'null');
    expect(chainOf(blk)).toEqual(['active', 'top', 'middle', 'base']);
    expect(Buffer.compare(await readAll(blk), before)).toBe(0);
  });

  test('stay when the base fails, after the policy has let the user try again', async () => {
    const actions: string[] = [];
    const stop = onJobEvent((event) => {
      if (event.event === 'BLOCK_JOB_ERROR') actions.push(`${event.data.operation} ${event.data.action}`);
    });
    memoryDiskOf('base.img').failNext('write', 'EIO');
    await commitStart({ jobId: 'job', bs: nodeOf('active'), top: nodeOf('top'), base: nodeOf('base') });
    const job = theJob();
    await until(() => job.status === 'null');
    stop();
    expect(actions).toEqual(['write report']);
    expect(job.error).toMatchObject({ code: 'EIO' });
    expect(Buffer.compare(await readAll(blk), before)).toBe(0);
  });

  test('are refused where they are no layers', async () => {
    await expect(commitStart({ jobId: 'job', bs: nodeOf('active'), top: nodeOf('top'), base: nodeOf('top') })).rejects.toThrow('top and base are the same');
    await expect(commitStart({ jobId: 'job', bs: nodeOf('active'), top: nodeOf('middle'), base: nodeOf('top') })).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(commitStart({ jobId: '1', bs: nodeOf('active'), top: nodeOf('top'), base: nodeOf('base') })).rejects.toThrow("Invalid job ID '1'");
    await expect(commitActiveStart({ jobId: '1', bs: nodeOf('active'), base: nodeOf('base'), autoComplete: false })).rejects.toThrow("Invalid job ID '1'");
    expect(chainOf(blk)).toEqual(['active', 'top', 'middle', 'base']);
  });
});

describe('the active image', () => {
  test('is pushed into a base, which takes its place when the job is completed', async () => {
    const job = await commitActiveStart({ jobId: 'job', bs: nodeOf('active'), base: nodeOf('base'), autoComplete: false });
    await until(() => jobIsReady(job));
    await blkPwrite(blk, 0, new Uint8Array(4096).fill(9), 0);
    expect(await jobCompleteSync(job)).toBe(null);
    await until(() => job.status === 'null');
    expect(job.error).toBe(null);
    before.fill(9, 0, 4096);
    expect(chainOf(blk)).toEqual(['base']);
    expect(Buffer.compare(await readAll(blk), before)).toBe(0);
  });

  test('stays the active one when the job is cancelled', async () => {
    const job = await commitActiveStart({ jobId: 'job', bs: nodeOf('active'), base: nodeOf('middle'), autoComplete: false });
    await until(() => jobIsReady(job));
    await jobCancelSync(job, true);
    await until(() => job.status === 'null');
    expect(chainOf(blk)).toEqual(['active', 'top', 'middle', 'base']);
    expect(Buffer.compare(await readAll(blk), before)).toBe(0);
  });

  test('completes by itself where it was told to', async () => {
    const job = await commitActiveStart({ jobId: 'job', bs: nodeOf('active'), base: nodeOf('top'), autoComplete: true });
    await until(() => job.status === 'null');
    expect(chainOf(blk)).toEqual(['top', 'middle', 'base']);
    expect(Buffer.compare(await readAll(blk), before)).toBe(0);
  });
});
