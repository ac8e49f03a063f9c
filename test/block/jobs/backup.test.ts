/** Backup jobs: the target holds the disk as it was when the job began. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blkNewOpen } from '../../../src/block/backend/open.ts';
import { blkUnref } from '../../../src/block/backend/registry.ts';
import { blkPwrite } from '../../../src/block/backend/wrappers.ts';
import { aioWaitWhile } from '../../../src/block/contexts/poll.ts';
import { bdrvCloseAll } from '../../../src/block/graph/close-all.ts';
import { bdrvUnref } from '../../../src/block/graph/nodes.ts';
import { backupJobCreate } from '../../../src/block/jobs/backup.ts';
import { jobCancel, jobCancelSync, jobStart, jobTxnNew, jobUserResume } from '../../../src/block/job.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import { BDRV_O_RDWR, BDRV_O_UNMAP } from '../../../src/block/model/constants.ts';
import type { BitmapSyncMode, BackupOptions, BlockJob } from '../../../src/block/model/jobs.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import { bdrvOpen } from '../../../src/block/open/open.ts';
import { bdrvCreateDirtyBitmap, bdrvFindDirtyBitmap, bdrvGetDirtyCount } from '../../../src/block/requests/dirty-bitmap.ts';
import { registerDrivers } from '../support/backend.ts';
import { LENGTH, createImages, nodeOf, openChain, readImage, writeInto } from '../support/chains.ts';
import { forgetMemoryDisks, memoryDisk, type MemoryDisk } from '../support/memory-driver.ts';

const K64 = 64 * 1024;
const SIZE = 8 * K64;
let source: MemoryDisk;
let target: MemoryDisk;
let before: Uint8Array;
let blk: BlockBackend;
let targetNode: BlockDriverState;

beforeEach(async () => {
  registerDrivers();
  source = memoryDisk('source', Uint8Array.from({ length: SIZE }, (_, index) => (index < 6 * K64 ? (index >> 10) + 1 : 0)), { delay: 0 });
  target = memoryDisk('target', new Uint8Array(SIZE).fill(0xee), { delay: 0 });
  before = source.data.slice();
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
const isBackup = (): boolean => Buffer.compare(before, target.data) === 0;

function create(options: Partial<BackupOptions> = {}): Promise<BlockJob> {
  return backupJobCreate({ jobId: 'job', bs: nodeOf('src'), target: targetNode, syncMode: 'full', ...options });
}

async function finished(job: BlockJob): Promise<void> {
  await until(() => job.status === 'null');
}

describe('a full backup', () => {
  test('holds the data of its beginning, whatever the guest writes', async () => {
    const job = await create({ speed: K64 });
    await jobStart(job);
    await until(() => !job.busy);
    await blkPwrite(blk, 3 * K64 + 10, new Uint8Array(2 * K64).fill(9), 0);
    expect(target.data[4 * K64]).toBe(before[4 * K64]);
    await jobCancelSync(job, true);
    await finished(job);
    expect(source.data[4 * K64]).toBe(9);

    source.data.set(before);
    const again = await create();
    await jobStart(again);
    await blkPwrite(blk, 100, new Uint8Array(3 * K64).fill(7), 0);
    await finished(again);
    expect(again.error).toBe(null);
    expect(isBackup()).toBe(true);
    expect(nodeOf('src').parents).toHaveLength(1);
  });

  test('random writes at random times', async () => {
    const write = fc.record({ offset: fc.integer({ min: 0, max: SIZE - 1 }), bytes: fc.integer({ min: 1, max: 2 * K64 }), value: fc.integer({ min: 0, max: 255 }) });
    await fc.assert(fc.asyncProperty(fc.array(write, { maxLength: 10 }), fc.integer({ min: 1, max: 4 }), async (writes, maxWorkers) => {
      before = source.data.slice();
      target.data.fill(0xee);
      const job = await create({ maxWorkers, maxChunk: K64 });
      await jobStart(job);
      for (const { offset, bytes, value } of writes) await blkPwrite(blk, offset, new Uint8Array(Math.min(bytes, SIZE - offset)).fill(value), 0);
      await finished(job);
      expect(job.error).toBe(null);
      expect(isBackup()).toBe(true);
    }), { numRuns: 15 });
  });

  test('several disks in one transaction: one failure undoes all', async () => {
    memoryDisk('second', SIZE);
    memoryDisk('copy', SIZE);
    const second = await bdrvOpen(null, null, { driver: 'memory', filename: 'second', 'node-name': 'second' }, BDRV_O_RDWR);
    const copy = await bdrvOpen(null, null, { driver: 'memory', filename: 'copy', 'node-name': 'copy' }, BDRV_O_RDWR);
    const txn = jobTxnNew();
    const bitmap = bdrvCreateDirtyBitmap(second, K64, 'map');
    const bad = await create({ txn });
    const good = await create({ jobId: 'good', txn, bs: second, target: copy, syncBitmap: bitmap, bitmapMode: 'on-success' });
    target.failNext('write', 'EIO');
    await jobStart(bad);
    await jobStart(good);
    await until(() => bad.status === 'null' && good.status === 'null');
    expect([bad.error, good.error]).toMatchObject([{ code: 'EIO' }, { code: 'ECANCELED' }]);
    expect(bdrvFindDirtyBitmap(second, 'map')).toBe(bitmap);
    await bdrvUnref(second);
    await bdrvUnref(copy);
  });
});

test('mode none: only what is overwritten, until it is cancelled', async () => {
  const job = await create({ syncMode: 'none' });
  await jobStart(job);
  await blkPwrite(blk, K64 + 5, new Uint8Array(10).fill(9), 0);
  expect([target.data[0], target.data[K64], target.data[2 * K64 - 1], target.data[2 * K64]]).toEqual([0xee, before[K64], before[2 * K64 - 1], 0xee]);
  await jobCancel(job, false);
  await finished(job);
  expect(job.error).toMatchObject({ code: 'ECANCELED' });
});

test('mode top: what the topmost image has', async () => {
  await createImages(['base', 'top', 'copy']);
  await writeInto('base', 1, 0, LENGTH);
  await writeInto('top', 2, K64, 4096);
  const chain = await openChain(['base', 'top']);
  const copy = await bdrvOpen(null, null, { driver: 'overlay', 'node-name': 'copy', file: { driver: 'memory', filename: 'copy.img' }, backing: null }, BDRV_O_RDWR);
  const job = await create({ bs: nodeOf('top'), target: copy, syncMode: 'top' });
  await jobStart(job);
  await finished(job);
  expect(job.error).toBe(null);
  await blkUnref(chain);
  await bdrvUnref(copy);
  const data = await readImage('copy', { backing: null });
  // Clusters of the copy are 64 KiB: the one of the written cluster is there as a whole.
  expect([data[0], data[K64], data[K64 + 4096], data[2 * K64]]).toEqual([0, 2, 1, 0]);
});

describe('with a bitmap', () => {
  async function run(bitmapMode: BitmapSyncMode, fail: boolean): Promise<{ copied: boolean[]; left: number | undefined; same: boolean }> {
    const bs = nodeOf('src');
    const bitmap = bdrvCreateDirtyBitmap(bs, K64, 'map');
    await blkPwrite(blk, K64, new Uint8Array(10).fill(5), 0);
    await blkPwrite(blk, 4 * K64, new Uint8Array(10).fill(6), 0);
    const job = await create({ syncMode: 'bitmap', syncBitmap: bitmap, bitmapMode });
    if (fail) target.failNext('write', 'EIO');
    await jobStart(job);
    await blkPwrite(blk, 7 * K64, new Uint8Array(10).fill(7), 0);
    await finished(job);
    expect(job.error === null).toBe(!fail);
    const now = bdrvFindDirtyBitmap(bs, 'map');
    return { copied: [0, 1, 4, 7].map((cluster) => target.data[cluster * K64] !== 0xee), left: now ? bdrvGetDirtyCount(now) / K64 : undefined, same: now === bitmap };
  }

  test.each([
    ['on-success', 1, false],
    ['never', 3, true],
    ['always', 1, false],
  ] as const)('%s: copies what it marks; afterwards %i clusters are marked', async (mode, left, same) => {
    expect(await run(mode, false)).toEqual({ copied: [false, true, true, false], left, same });
  });

  test.each([
    ['on-success', 3, true],
    ['never', 3, true],
    ['always', 3, false],
  ] as const)('%s, and the job fails: nothing is forgotten', async (mode, least, same) => {
    const result = await run(mode, true);
    expect(result.same).toBe(same);
    expect(result.left).toBeGreaterThanOrEqual(mode === 'always' ? 2 : least);
  });
});

describe('errors', () => {
  test('of the source and of the target have their own policies', async () => {
    source.failNext('read', 'EIO');
    const ignoring = await create({ onError: 'ignore' });
    await jobStart(ignoring);
    await finished(ignoring);
    expect(ignoring.error).toBe(null);
    target.failNext('write', 'EIO');
    const failing = await create({ onError: 'ignore' });
    await jobStart(failing);
    await finished(failing);
    expect(failing.error).toMatchObject({ code: 'EIO' });
  });

  test('stop: what failed is copied when the user resumes the job', async () => {
    target.failNext('write', 'ENOSPC');
    const job = await create({ onTargetError: 'stop' });
    await jobStart(job);
    await until(() => job.paused);
    jobUserResume(job);
    await finished(job);
    expect(job.error).toBe(null);
    expect(isBackup()).toBe(true);
  });
});

describe('is refused', () => {
  test.each([
    [{ syncMode: 'bitmap' }, 'must provide a valid bitmap name'],
    [{ syncMode: 'incremental' }, "Sync mode 'incremental'"],
    [{ maxWorkers: 0 }, 'max-workers must be 1 or more'],
    [{ maxChunk: -1 }, 'max-chunk must be zero'],
    [{ maxChunk: 512 }, 'is less than backup cluster size'],
    [{ compress: true }, 'Compression is not supported for this drive dst'],
    [{ jobId: '1' }, "Invalid job ID '1'"],
  ] as const)('%o', async (options, message) => {
    await expect(create(options)).rejects.toThrow(message);
    expect(nodeOf('src').parents).toHaveLength(1);
  });

  test('for nodes that can not be backed up to, and bitmaps that have no use', async () => {
    const bitmap = bdrvCreateDirtyBitmap(nodeOf('src'), K64, 'map');
    await expect(create({ target: nodeOf('src') })).rejects.toThrow('Source and target cannot be the same');
    await expect(create({ syncMode: 'none', syncBitmap: bitmap })).rejects.toThrow("sync mode 'none' does not produce meaningful bitmap outputs");
    await expect(create({ syncBitmap: bitmap, bitmapMode: 'never' })).rejects.toThrow("Bitmap sync mode 'never'");
    memoryDisk('short', K64);
    const short = await bdrvOpen(null, null, { driver: 'memory', filename: 'short' }, BDRV_O_RDWR);
    await expect(create({ target: short })).rejects.toThrow('Source and target image have different sizes');
    await bdrvUnref(short);
    const job = await create();
    await expect(create({ jobId: 'other' })).rejects.toMatchObject({ code: 'EBUSY' });
    await jobCancelSync(job, true);
  });
});
