/** Mirror jobs: sync modes, copy modes, replacing, cancelling, errors. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blkNewOpen } from '../../../src/block/backend/open.ts';
import { blkNewWithBs, blkUnref } from '../../../src/block/backend/registry.ts';
import { blkSetPerm } from '../../../src/block/backend/root.ts';
import { blkBs } from '../../../src/block/backend/settings.ts';
import { blkFlush, blkPdiscard, blkPread, blkPwrite, blkPwriteZeroes } from '../../../src/block/backend/wrappers.ts';
import { aioWaitWhile } from '../../../src/block/contexts/poll.ts';
import { bdrvCloseAll } from '../../../src/block/graph/close-all.ts';
import { bdrvFindNode } from '../../../src/block/graph/node-lists.ts';
import { bdrvRef, bdrvUnref } from '../../../src/block/graph/nodes.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd } from '../../../src/block/graph/drain.ts';
import { DirtyMap } from '../../../src/block/jobs/dirty-map.ts';
import { mirrorStart } from '../../../src/block/jobs/mirror.ts';
import { blockJobGet, blockJobQuery } from '../../../src/block/blockjob.ts';
import { jobCancel, jobCancelSync, jobComplete, jobCompleteSync, jobIsReady, jobUserResume } from '../../../src/block/job.ts';
import { BDRV_O_RDWR, BDRV_O_UNMAP, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ } from '../../../src/block/model/constants.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import type { BlockJob, MirrorOptions } from '../../../src/block/model/jobs.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import { bdrvRefreshFilename } from '../../../src/block/open/filenames.ts';
import { bdrvOpen } from '../../../src/block/open/open.ts';
import { driverBackend, registerDrivers } from '../support/backend.ts';
import { LENGTH, chainOf, createImages, nodeOf, openChain, readAll, readImage, writeInto } from '../support/chains.ts';
import { forgetMemoryDisks, memoryDisk, type MemoryDisk } from '../support/memory-driver.ts';

const SIZE = 512 * 1024;
let source: MemoryDisk;
let target: MemoryDisk;
let blk: BlockBackend;
let targetNode: BlockDriverState;

beforeEach(async () => {
  source = memoryDisk('source', Uint8Array.from({ length: SIZE }, (_, index) => (index % (128 * 1024) < 64 * 1024 ? (index >> 10) + 1 : 0)), { delay: 0 });
  target = memoryDisk('target', new Uint8Array(SIZE).fill(0xee), { delay: 0 });
  registerDrivers();
  blk = await blkNewOpen(null, null, { driver: 'memory', filename: 'source', 'node-name': 'src' }, BDRV_O_RDWR | BDRV_O_UNMAP);
  targetNode = await bdrvOpen(null, null, { driver: 'memory', filename: 'target', 'node-name': 'dst' }, BDRV_O_RDWR | BDRV_O_UNMAP);
});

afterEach(async () => {
  await blkUnref(blk);
  await bdrvUnref(targetNode);
  await bdrvCloseAll();
  forgetMemoryDisks();
});

const until = (condition: () => boolean): Promise<void> => aioWaitWhile(null, () => !condition());
const same = (): boolean => Buffer.compare(source.data, target.data) === 0;

async function start(options: Partial<MirrorOptions> = {}): Promise<BlockJob> {
  await mirrorStart({ jobId: 'job', bs: nodeOf('src'), target: targetNode, mode: 'full', backingMode: 'leave-chain', ...options });
  const job = blockJobGet('job');
  if (job === null) throw new Error('There is no job.');
  return job;
}

async function ready(options: Partial<MirrorOptions> = {}): Promise<BlockJob> {
  const job = await start(options);
  await until(() => jobIsReady(job));
  return job;
}

describe('a full mirror', () => {
  test('copies all, follows the source, and takes its place when it is completed', async () => {
    const job = await ready();
    expect(same()).toBe(true);
    expect(blockJobQuery(job)).toMatchObject({ type: 'mirror', ready: true, status: 'ready' });
    await blkPwrite(blk, 1000, new Uint8Array(70_000).fill(7), 0);
    await blkPwriteZeroes(blk, 200_000, 5000, 0);
    await blkPdiscard(blk, 262_144, 65_536);
    await blkFlush(blk);
    expect(source.countOf('flush')).toBeGreaterThan(0);
    const filter = blkBs(blk);
    if (filter) bdrvRefreshFilename(filter);
    expect(filter?.filename).toBe('memory:source');
    expect(await jobCompleteSync(job)).toBe(null);
    await until(() => job.status === 'null');
    expect(job.error).toBe(null);
    expect(same()).toBe(true);
    expect(blkBs(blk)?.nodeName).toBe('dst');
    expect(bdrvFindNode('src')).toBe(null);
    await blkPwrite(blk, 0, Uint8Array.of(5), 0);
    expect(target.data[0]).toBe(5);
  });

  test('cancelled when it is ready: the target stays a copy, the source in use', async () => {
    const job = await ready();
    await blkPwrite(blk, 0, new Uint8Array(4096).fill(9), 0);
    await jobCancel(job, false);
    await until(() => job.status === 'null');
    expect(job.error).toBe(null);
    expect(same()).toBe(true);
    expect(chainOf(blk)).toEqual(['src']);
    expect(targetNode.parents).toEqual([]);
  });

  test('cancelled before: it fails, and the source stays in use', async () => {
    const job = await start({ speed: 1 });
    await until(() => !job.busy);
    expect(await jobCancelSync(job, false)).toMatchObject({ code: 'ECANCELED' });
    await until(() => job.status === 'null');
    expect(chainOf(blk)).toEqual(['src']);
    expect(blkBs(blk)?.parents).toHaveLength(1);
  });

  test('an empty disk is ready at once', async () => {
    memoryDisk('none', 0);
    const empty = await blkNewOpen(null, null, { driver: 'memory', filename: 'none', 'node-name': 'none' }, BDRV_O_RDWR);
    const job = await ready({ bs: nodeOf('none') });
    expect(await jobCompleteSync(job)).toBe(null);
    await until(() => job.status === 'null');
    await blkUnref(empty);
  });

  test('zeroes a target that is not known to be empty', async () => {
    const job = await ready({ zeroTarget: true });
    expect(same()).toBe(true);
    expect(target.countOf('zero')).toBeGreaterThan(0);
    await jobCancelSync(job, true);
    await until(() => job.status === 'null');
  });
});

test('what the source knows nothing about is discarded at the target', async () => {
  const { blk: above, bs, close } = await driverBackend({
    bdrvCoBlockStatus: (_bs, _wantZero, _offset, bytes) => Promise.resolve({ flags: 0, pnum: bytes, map: 0, file: null }),
  });
  blkSetPerm(above, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL);
  target = memoryDisk('small', new Uint8Array(65_536).fill(0xee));
  // Zeroes would cost as much as data there: so everything is looked at.
  const small = await bdrvOpen(null, null, { driver: 'memory', filename: 'small' }, BDRV_O_RDWR);
  small.openFlags |= BDRV_O_UNMAP;
  small.supportedZeroFlags = 0;
  const job = await start({ bs, target: small, zeroTarget: true });
  await until(() => jobIsReady(job));
  expect(target.countOf('discard')).toBe(1);
  expect(target.countOf('write') + target.countOf('zero')).toBe(0);
  await jobCancelSync(job, true);
  await until(() => job.status === 'null');
  await close();
  await bdrvUnref(small);
});

describe('other modes', () => {
  test('none: only what is written from now on', async () => {
    const job = await ready({ mode: 'none' });
    expect(target.data.every((byte) => byte === 0xee)).toBe(true);
    await blkPwrite(blk, 65_536, new Uint8Array(65_536).fill(3), 0);
    await jobCompleteSync(job);
    await until(() => job.status === 'null');
    expect([target.data[65_535], target.data[65_536], target.data[131_072]]).toEqual([0xee, 3, 0xee]);
  });

  test('those that need a bitmap are refused; so is the source as its own target', async () => {
    await expect(start({ mode: 'incremental' })).rejects.toThrow("Sync mode 'incremental' not supported");
    await expect(start({ bufSize: -1 })).rejects.toThrow("Invalid parameter 'buf-size'");
    await expect(start({ target: nodeOf('src') })).rejects.toThrow("Can't mirror node into itself");
    await expect(start({ jobId: '1' })).rejects.toThrow("Invalid job ID '1'");
    const reader = await blkNewWithBs(targetNode, BLK_PERM_CONSISTENT_READ, BLK_PERM_CONSISTENT_READ);
    await expect(start()).rejects.toMatchObject({ code: 'EPERM' });
    await blkUnref(reader);
    expect(chainOf(blk)).toEqual(['src']);
  });

  test('top: only the topmost image; the target gets the source\'s backing file', async () => {
    const names = ['base', 'top'];
    await createImages([...names, 'copy']);
    await writeInto('base', 1, 0, LENGTH);
    await writeInto('top', 2, 65_536, 4096);
    const chain = await openChain(names);
    const before = await readAll(chain);
    const copy = await bdrvOpen(null, null, { driver: 'overlay', 'node-name': 'copy', file: { driver: 'memory', filename: 'copy.img' }, backing: null }, BDRV_O_RDWR);
    const job = await ready({ bs: nodeOf('top'), target: copy, mode: 'top', backingMode: 'source-chain' });
    expect(await jobCompleteSync(job)).toBe(null);
    await until(() => job.status === 'null');
    expect(job.error).toBe(null);
    expect(chainOf(chain)).toEqual(['copy', 'base']);
    expect(Buffer.compare(await readAll(chain), before)).toBe(0);
    await blkUnref(chain);
    await bdrvUnref(copy);
    expect((await readImage('copy', { backing: null }))[65_536]).toBe(2);
    expect((await readImage('copy', { backing: null }))[0]).toBe(0);
  });
});

describe('write-blocking', () => {
  test('a write is done when the target has it too', async () => {
    const job = await ready({ copyMode: 'write-blocking' });
    await blkPwrite(blk, 12_345, new Uint8Array(30_000).fill(8), 0);
    expect(same()).toBe(true);
    await blkPwriteZeroes(blk, 65_536, 4096, 0);
    await blkPdiscard(blk, 0, 4096);
    expect([source.countOf('discard'), target.countOf('discard')]).toEqual([1, 1]);
    expect(same()).toBe(true);
    target.failNext('write', 'ENOSPC');
    await blkPwrite(blk, 0, new Uint8Array(512).fill(1), 0);
    await until(() => job.status === 'null');
    expect(job.error).toMatchObject({ code: 'ENOSPC' });
    expect(chainOf(blk)).toEqual(['src']);
  });

  test('a write that fails at the source fails for the guest alone', async () => {
    const job = await ready({ copyMode: 'write-blocking' });
    source.failNext('write', 'EIO');
    await expect(blkPwrite(blk, 0, new Uint8Array(512).fill(1), 0)).rejects.toMatchObject({ code: 'EIO' });
    expect(await jobCompleteSync(job)).toBe(null);
    await until(() => job.status === 'null');
    expect(job.error).toBe(null);
  });
});

describe('replaces', () => {
  test('a named node gives its place to the target', async () => {
    const job = await ready({ replaces: 'src' });
    await jobComplete(job);
    await until(() => job.status === 'null');
    expect(blkBs(blk)).toBe(targetNode);
  });

  test('an unknown node is told when the job is completed', async () => {
    const job = await ready({ replaces: 'nowhere' });
    await expect(jobComplete(job)).rejects.toThrow("Node name 'nowhere' not found");
    await jobCancelSync(job, true);
    await until(() => job.status === 'null');
  });
});

describe('errors', () => {
  test('report: the job fails', async () => {
    source.failNext('read', 'EIO');
    const job = await start();
    await until(() => job.status === 'null');
    expect(job.error).toMatchObject({ code: 'EIO' });
    expect(chainOf(blk)).toEqual(['src']);
  });

  test('ignore: the job goes on without the chunk', async () => {
    target.failNext('write', 'EIO');
    const job = await ready({ onTargetError: 'ignore' });
    expect(same()).toBe(false);
    await jobCancelSync(job, true);
    await until(() => job.status === 'null');
  });

  test('stop: the job pauses, and copies the chunk when the user resumes it', async () => {
    target.failNext('write', 'ENOSPC');
    const job = await start({ onTargetError: 'enospc' });
    await until(() => job.paused);
    expect(job.iostatus).toBe('nospace');
    jobUserResume(job);
    await until(() => jobIsReady(job));
    expect(same()).toBe(true);
    await jobCancelSync(job, true);
    await until(() => job.status === 'null');
  });
});

test('drained sections of the source hold the job', async () => {
  const job = await ready();
  const src = nodeOf('src');
  bdrvRef(src);
  await bdrvDrainedBegin(src);
  const requests = target.log.length;
  expect(job.status).toBe('standby');
  await bdrvDrainedEnd(src);
  await bdrvUnref(src);
  await until(() => job.status === 'ready');
  expect(target.log).toHaveLength(requests);
  await jobCancelSync(job, true);
  await until(() => job.status === 'null');
});

test('random writes while the job runs: the target is equal in the end', async () => {
  const write = fc.record({ offset: fc.integer({ min: 0, max: SIZE - 1 }), bytes: fc.integer({ min: 1, max: 100_000 }), value: fc.integer({ min: 0, max: 255 }) });
  await fc.assert(fc.asyncProperty(fc.array(write, { maxLength: 12 }), fc.constantFrom('background' as const, 'write-blocking' as const), async (writes, copyMode) => {
    target.data.fill(0xee);
    const job = await start({ copyMode });
    await Promise.all(writes.map(({ offset, bytes, value }) => blkPwrite(blk, offset, new Uint8Array(Math.min(bytes, SIZE - offset)).fill(value), 0)));
    await until(() => jobIsReady(job));
    const guest = new Uint8Array(SIZE);
    await blkPread(blk, 0, guest);
    await jobCancel(job, false);
    await until(() => job.status === 'null');
    expect(same()).toBe(true);
    expect(Buffer.compare(guest, target.data)).toBe(0);
  }), { numRuns: 15 });
});

test('the map of dirty chunks goes round, and clears only whole chunks', () => {
  const map = new DirtyMap(10_000, 4096);
  map.set(4000, 200);
  map.set(9000, 10);
  expect(map.bytes).toBe(10_000);
  map.clear(0, 4095);
  expect(map.bytes).toBe(10_000);
  map.clear(4096, 10_000);
  expect(map.next(1 << 20)).toEqual({ offset: 0, bytes: 4096 });
  map.set(8192, 1);
  expect(map.next(1 << 20)).toEqual({ offset: 8192, bytes: 1808 });
  expect(map.next(1 << 20)).toEqual({ offset: 0, bytes: 4096 });
  map.clear(0, 10_000);
  expect(map.next(1 << 20)).toBe(null);
});
