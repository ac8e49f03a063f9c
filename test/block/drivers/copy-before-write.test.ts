import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bdrvCbwAppend, bdrvCbwDrop } from '../../../src/block/copy-before-write.ts';
import { blkFlush, blkPdiscard, blkPwrite, blkPwriteZeroes } from '../../../src/block/block-backend-io.ts';
import { bdrvFindNode, bdrvInit, bdrvOpen, bdrvRegister, bdrvUnref } from '../../../src/block/block-global-state.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { aioCoEnter } from '../../../src/block/contexts/coroutine.ts';
import { runSeeded } from '../../../src/block/contexts/seeded-scheduler.ts';
import { scheduler } from '../../../src/block/contexts/scheduler.ts';
import { cbwSnapshotError } from '../../../src/block/drivers/copy-before-write/driver.ts';
import { blkUnref } from '../../../src/block/backend/registry.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import { BDRV_O_RDWR } from '../../../src/block/model/constants.ts';
import { bdrvCreateDirtyBitmap, bdrvSetDirtyBitmap } from '../../../src/block/requests/dirty-bitmap.ts';
import { backends, nodeOf, readAt, READ_WRITE } from '../support/opened.ts';
import { bdrvMemory, forgetMemoryDisks, memoryDisk, memoryDiskOf, type MemoryDisk } from '../support/memory-driver.ts';

const open = backends();
const CLUSTER = 65536;
const LENGTH = 4 * CLUSTER;

beforeAll(() => {
  bdrvInit();
  bdrvRegister(bdrvMemory);
});
let source: MemoryDisk;
let target: MemoryDisk;
beforeEach(() => {
  forgetMemoryDisks();
  source = memoryDisk('source', Buffer.alloc(LENGTH, 1));
  target = memoryDisk('target', LENGTH);
});

const options = { driver: 'copy-before-write', file: { driver: 'memory', filename: 'source' }, target: { driver: 'memory', filename: 'target' } };
const copied = (): number[] => [0, 1, 2, 3].filter((cluster) => target.data[cluster * CLUSTER] === 1);

describe('a write', () => {
  it('copies the clusters it touches before it changes them, once', async () => {
    const blk = await open(options);
    await blkPwrite(blk, CLUSTER - 100, Buffer.alloc(200, 2), 0);
    expect(copied()).toEqual([0, 1]);
    expect(Buffer.from(target.data.subarray(0, 2 * CLUSTER))).toEqual(Buffer.alloc(2 * CLUSTER, 1));
    target.data.fill(9, 0, CLUSTER);
    await blkPwrite(blk, 0, Buffer.alloc(100, 3), 0);
    expect(target.data[0]).toBe(9);
    expect(await readAt(blk, 0, 100)).toEqual(Buffer.alloc(100, 3));
    await blkFlush(blk);
  });

  it('of zeroes, and a discard, copy as well', async () => {
    const blk = await open(options);
    await blkPwriteZeroes(blk, CLUSTER, 512, 0);
    await blkPdiscard(blk, 3 * CLUSTER, CLUSTER);
    expect(copied()).toEqual([1, 3]);
    expect(source.data[CLUSTER]).toBe(0);
  });

  it('of many at once copies every cluster just once', async () => {
    const blk = await open(options);
    await Promise.all(Array.from({ length: 16 }, (_, index) => blkPwrite(blk, index * 4096, Buffer.alloc(4096, 5), 0)));
    expect(target.countOf('write')).toBe(1);
    expect(Buffer.from(target.data.subarray(0, CLUSTER))).toEqual(Buffer.alloc(CLUSTER, 1));
  });

  it('copies only what a bitmap says', async () => {
    const sourceBlk = await open({ driver: 'memory', filename: 'source', 'node-name': 'src' });
    bdrvSetDirtyBitmap(bdrvCreateDirtyBitmap(nodeOf(sourceBlk), CLUSTER, 'changed'), CLUSTER, CLUSTER);
    await blkUnrefLater(sourceBlk, async () => {
      const blk = await open({ driver: 'copy-before-write', file: 'src', target: options.target, bitmap: { node: 'src', name: 'changed' } });
      await blkPwrite(blk, 0, Buffer.alloc(LENGTH, 2), 0);
      expect(copied()).toEqual([1]);
    });
    await expect(open({ ...options, bitmap: { node: 'src' } })).rejects.toThrow("'bitmap' needs both");
  });
});

/** Keeps the node of `blk` while `use` runs, without a backend on it that would conflict with the filter. */
async function blkUnrefLater(blk: BlockBackend, use: () => Promise<void>): Promise<void> {
  const bs = await bdrvOpen(null, nodeOf(blk).nodeName, null, BDRV_O_RDWR);
  await blkUnref(blk);
  try {
    await use();
  } finally {
    await bdrvUnref(bs);
  }
}

describe('a copy that fails', () => {
  it('makes the write fail, and is tried again by the next one', async () => {
    const blk = await open(options);
    target.failNext('write', 'ENOSPC');
    await expect(blkPwrite(blk, 0, Buffer.alloc(512, 2), 0)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(source.data[0]).toBe(1);
    await blkPwrite(blk, 0, Buffer.alloc(512, 2), 0);
    expect(copied()).toEqual([0]);
    expect(cbwSnapshotError(nodeOf(blk))).toBeNull();
  });

  it('breaks the snapshot where that was asked for', async () => {
    const blk = await open({ ...options, 'on-cbw-error': 'break-snapshot' });
    target.failNext('write', 'ENOSPC');
    await blkPwrite(blk, 0, Buffer.alloc(512, 2), 0);
    expect(source.data[0]).toBe(2);
    expect(cbwSnapshotError(nodeOf(blk))).toMatchObject({ code: 'ENOSPC' });
    await blkPwrite(blk, CLUSTER, Buffer.alloc(512, 2), 0);
    expect(copied()).toEqual([]);
  });

  it('for time is no longer waited for', async () => {
    const waited = await runSeeded(3, async () => {
      target.delay = 60_000;
      const blk = await open({ ...options, 'cbw-timeout': 10 });
      const start = scheduler().now();
      await expect(blkPwrite(blk, 0, Buffer.alloc(512, 2), 0)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
      const end = scheduler().now();
      // Closing waits for the copy, which goes on.
      await blkUnref(blk);
      return end - start;
    });
    expect(waited).toBe(10_000);
    expect(copied()).toEqual([0]);
    expect(source.data[0]).toBe(1);
  });
});

describe('put in and taken out', () => {
  it('stands between a node and its parents meanwhile', async () => {
    const blk = await open({ driver: 'memory', filename: 'source' });
    const targetNode = await bdrvOpen('memory:target', null, { driver: 'memory' }, READ_WRITE);
    const filter = await bdrvCbwAppend(nodeOf(blk), targetNode, 'cbw');
    expect(nodeOf(blk)).toBe(filter.node);
    expect(bdrvFindNode('cbw')).toBe(filter.node);
    await blkPwrite(blk, 0, Buffer.alloc(512, 2), 0);
    expect(filter.copying.dirtyBytes).toBe(3 * CLUSTER);
    await bdrvCbwDrop(filter.node);
    await bdrvUnref(targetNode);
    expect(nodeOf(blk).drv?.formatName).toBe('memory');
    await blkPwrite(blk, CLUSTER, Buffer.alloc(512, 2), 0);
    expect(copied()).toEqual([0]);
  });

  it('is refused for nodes of different lengths', async () => {
    memoryDisk('short', CLUSTER);
    const blk = await open({ driver: 'memory', filename: 'source' });
    const short = await bdrvOpen('memory:short', null, { driver: 'memory' }, READ_WRITE);
    await expect(bdrvCbwAppend(nodeOf(blk), short, null)).rejects.toThrow('Source and target image have different sizes');
    await bdrvUnref(short);
  });
});

describe('copying in the background', () => {
  it('copies the rest, tells its progress, and writes zeroes as such', async () => {
    source.data.fill(0, 2 * CLUSTER, 3 * CLUSTER);
    const blk = await open({ driver: 'memory', filename: 'source' });
    const targetNode = await bdrvOpen('memory:target', null, { driver: 'memory' }, READ_WRITE);
    const { node, copying } = await bdrvCbwAppend(nodeOf(blk), targetNode, null);
    let progress = 0;
    copying.onProgress = (bytes) => (progress += bytes);
    copying.skip(3 * CLUSTER, CLUSTER);
    await aioCoEnter(mainContext, () => copying.copy(0, LENGTH));
    expect(progress).toBe(3 * CLUSTER);
    expect(copied()).toEqual([0, 1]);
    expect(target.countOf('zero')).toBe(1);
    expect(copying.dirtyBytes).toBe(0);
    expect(copying.inFlightBytes).toBe(0);
    await bdrvCbwDrop(node);
    await bdrvUnref(targetNode);
  });

  it('of the top layer leaves out what only its backing file has', async () => {
    memoryDisk('overlay', LENGTH);
    const blk = await open({ driver: 'memory', filename: 'source' });
    const targetNode = await bdrvOpen('memory:target', null, { driver: 'memory' }, READ_WRITE);
    const { node, copying } = await bdrvCbwAppend(nodeOf(blk), targetNode, null);
    // A protocol node has all of its content itself.
    expect(await aioCoEnter(mainContext, () => copying.resetUnallocated(0))).toEqual({ bytes: LENGTH, allocated: true });
    copying.skipUnallocated = true;
    copying.setOptions(true, false);
    await aioCoEnter(mainContext, () => copying.copy(0, LENGTH));
    expect(copied()).toEqual([0, 1, 2, 3]);
    expect(memoryDiskOf('target')).toBe(target);
    await bdrvCbwDrop(node);
    await bdrvUnref(targetNode);
  });
});
