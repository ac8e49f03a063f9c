/** Stream jobs: data is pulled up, and the chain gets shorter. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { blkUnref } from '../../../src/block/backend/registry.ts';
import { blkPwrite } from '../../../src/block/backend/wrappers.ts';
import { aioWaitWhile } from '../../../src/block/contexts/poll.ts';
import { bdrvCloseAll } from '../../../src/block/graph/close-all.ts';
import { bdrvFindNode } from '../../../src/block/graph/node-lists.ts';
import { streamStart } from '../../../src/block/jobs/stream.ts';
import { jobCancelSync, jobGet, jobUserResume } from '../../../src/block/job.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import type { Job, StreamOptions } from '../../../src/block/model/jobs.ts';
import { LENGTH, chainOf, createImages, nodeOf, openChain, readAll, readImage, writeInto } from '../support/chains.ts';
import { forgetMemoryDisks, memoryDiskOf } from '../support/memory-driver.ts';

const K64 = 64 * 1024;
const NAMES = ['base', 'middle', 'upper', 'top'];
let blk: BlockBackend;
let before: Uint8Array;

beforeEach(async () => {
  await createImages(NAMES);
  await writeInto('base', 1, 0, LENGTH);
  await writeInto('middle', 2, K64, K64);
  await writeInto('upper', 3, 2 * K64, K64 / 2);
  await writeInto('top', 4, 3 * K64, 4096);
  blk = await openChain(NAMES);
  before = await readAll(blk);
});

afterEach(async () => {
  await blkUnref(blk);
  await bdrvCloseAll();
  forgetMemoryDisks();
});

const until = (condition: () => boolean): Promise<void> => aioWaitWhile(null, () => !condition());

async function start(options: Partial<StreamOptions> = {}): Promise<Job> {
  await streamStart({ jobId: 'job', bs: nodeOf('top'), base: null, ...options });
  const job = jobGet('job');
  if (job === null) throw new Error('There is no job.');
  return job;
}

async function finished(options: Partial<StreamOptions>): Promise<Job> {
  const job = await start(options);
  await until(() => job.status === 'null');
  return job;
}

test('all data: the image stands alone', async () => {
  const job = await finished({});
  expect(job.error).toBe(null);
  expect(chainOf(blk)).toEqual(['top']);
  expect(bdrvFindNode('base')).toBe(null);
  expect(Buffer.compare(await readAll(blk), before)).toBe(0);
  await blkUnref(blk);
  blk = await openChain(['base']);
  expect(Buffer.compare(await readImage('top', { backing: null }), before)).toBe(0);
});

test.each([
  ['down to a base', { base: 'base' }, ['top', 'base']],
  ['down to a bottom layer, which goes too', { bottom: 'upper' }, ['top', 'middle', 'base']],
  ['nothing, as the base is the next layer', { base: 'upper' }, ['top', 'upper', 'middle', 'base']],
])('%s', async (_what, { base, bottom }: { base?: string; bottom?: string }, chain) => {
  const job = await finished({ base: base === undefined ? null : nodeOf(base), bottom: bottom === undefined ? null : nodeOf(bottom) });
  expect(job.error).toBe(null);
  expect(chainOf(blk)).toEqual(chain);
  expect(Buffer.compare(await readAll(blk), before)).toBe(0);
  await blkUnref(blk);
  blk = await openChain(['base']);
  expect(Buffer.compare(await readImage('top'), before)).toBe(0);
});

test('into a layer in the middle of the chain, which is read-only to others', async () => {
  const job = await finished({ bs: nodeOf('upper'), base: nodeOf('base') });
  expect(job.error).toBe(null);
  expect(chainOf(blk)).toEqual(['top', 'upper', 'base']);
  expect(Buffer.compare(await readAll(blk), before)).toBe(0);
});

test('while the guest writes: the guest\'s data stays', async () => {
  const job = await start({ speed: 64 * 1024 });
  await until(() => !job.busy);
  expect(chainOf(blk)).toHaveLength(1);
  await blkPwrite(blk, 1000, new Uint8Array(5000).fill(9), 0);
  before.fill(9, 1000, 6000);
  await jobCancelSync(job, true);
  await until(() => job.status === 'null');
  expect(chainOf(blk)).toEqual(['top', 'upper', 'middle', 'base']);
  expect(Buffer.compare(await readAll(blk), before)).toBe(0);
});

test('errors: reported, or the job waits for the user', async () => {
  memoryDiskOf('base.img').failNext('read');
  const failed = await finished({});
  expect(failed.error).toMatchObject({ code: 'EIO' });
  expect(chainOf(blk)).toEqual(['top', 'upper', 'middle', 'base']);
  memoryDiskOf('top.img').failNext('write', 'ENOSPC');
  const job = await start({ onError: 'stop' });
  await until(() => job.paused);
  jobUserResume(job);
  await until(() => job.status === 'null');
  expect(job.error).toBe(null);
  expect(chainOf(blk)).toEqual(['top']);
  expect(Buffer.compare(await readAll(blk), before)).toBe(0);
});

test('is refused where the base is not below, or base and bottom are both given', async () => {
  await expect(start({ bs: nodeOf('middle'), base: nodeOf('top') })).rejects.toMatchObject({ code: 'EINVAL' });
  await expect(start({ base: nodeOf('base'), bottom: nodeOf('middle') })).rejects.toThrow("'base' and 'bottom' cannot be specified at the same time");
  await expect(start({ jobId: '1' })).rejects.toThrow("Invalid job ID '1'");
  expect(chainOf(blk)).toEqual(['top', 'upper', 'middle', 'base']);
});
