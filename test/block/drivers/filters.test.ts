import fs from 'node:fs';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { throttleGroupDelete, throttleGroupNew } from '../../../src/block/backend/throttle-group.ts';
import { noLimits } from '../../../src/block/backend/leaky-buckets.ts';
import { blkSetPerm, blkUnref } from '../../../src/block/block-backend-global-state.ts';
import { blkSetAllowWriteBeyondEof } from '../../../src/block/backend/settings.ts';
import { blkEject, blkFlush, blkLockMedium, blkPdiscard, blkPwrite, blkPwriteCompressed, blkPwriteZeroes, blkTruncate } from '../../../src/block/block-backend-io.ts';
import {
  bdrvCreate, bdrvDrainAllBegin, bdrvDrainAllEnd, bdrvFindFormat, bdrvInit, bdrvInsertNode, bdrvRegister, bdrvReopen, bdrvReopenSetReadOnly,
} from '../../../src/block/block-global-state.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd, bdrvGetlength, bdrvIsAllocated } from '../../../src/block/block-io.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { aioCoEnter, coroutineYield } from '../../../src/block/contexts/coroutine.ts';
import { scheduler } from '../../../src/block/contexts/scheduler.ts';
import { runSeeded } from '../../../src/block/contexts/seeded-scheduler.ts';
import { bdrvCorFilterDrop } from '../../../src/block/drivers/copy-on-read.ts';
import { BDRV_O_RDWR, BDRV_REQ_PREFETCH, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ } from '../../../src/block/model/constants.ts';
import { IoVector } from '../../../src/block/model/io-vector.ts';
import { bdrvCoPreadv } from '../../../src/block/requests/read.ts';
import { testFolder } from '../support/folder.ts';
import { backends, nodeOf, readAt } from '../support/opened.ts';
import { bdrvMemory, forgetMemoryDisks, memoryDisk } from '../support/memory-driver.ts';

const fileAt = testFolder();
const open = backends();
const MIB = 2 ** 20;
/** Numbers the files: each test has files of its own. */
let files = 0;
const CLUSTER = 65536;

beforeAll(() => {
  bdrvInit();
  bdrvRegister(bdrvMemory);
});
beforeEach(() => forgetMemoryDisks());

describe('copy-on-read', () => {
  /** Names of images of a chain: `base` has data in its first three clusters, `mid` in none, `top` in none. */
  async function chain(): Promise<Record<'base' | 'mid' | 'top', string>> {
    const qcow2 = bdrvFindFormat('qcow2');
    if (qcow2 === null) throw new Error('There is no qcow2 format.');
    const names = { base: fileAt(`base-${++files}`), mid: fileAt(`mid-${++files}`), top: fileAt(`top-${++files}`) };
    await bdrvCreate(qcow2, names.base, { size: MIB });
    await bdrvCreate(qcow2, names.mid, { size: MIB, backing_file: names.base, backing_fmt: 'qcow2' });
    await bdrvCreate(qcow2, names.top, { size: MIB, backing_file: names.mid, backing_fmt: 'qcow2' });
    const blk = await open({ driver: 'qcow2', file: { driver: 'file', filename: names.base } });
    await blkPwrite(blk, 0, Buffer.alloc(3 * CLUSTER, 7), 0);
    await blkUnref(blk);
    return names;
  }
  const allocated = (blk: Awaited<ReturnType<typeof open>>, offset: number): Promise<boolean> =>
    bdrvIsAllocated(nodeOf(blk).file?.bs ?? nodeOf(blk), offset, 512).then((status) => status.allocated);

  it('copies what is read, and only that', async () => {
    const { top } = await chain();
    const blk = await open({ driver: 'copy-on-read', file: { driver: 'qcow2', file: { driver: 'file', filename: top } } });
    expect(await readAt(blk, CLUSTER, 512)).toEqual(Buffer.alloc(512, 7));
    expect(await allocated(blk, CLUSTER)).toBe(true);
    expect(await allocated(blk, 0)).toBe(false);
    expect(await bdrvGetlength(nodeOf(blk))).toBe(MIB);
  });

  it('passes other requests on', async () => {
    const { top } = await chain();
    const blk = await open({ driver: 'copy-on-read', file: { driver: 'qcow2', file: { driver: 'file', filename: top } } });
    await blkPwriteCompressed(blk, 4 * CLUSTER, Buffer.alloc(CLUSTER, 5));
    await blkPwriteZeroes(blk, 5 * CLUSTER, CLUSTER, 0);
    await blkPwrite(blk, 6 * CLUSTER, Buffer.alloc(512, 6), 0);
    await blkPdiscard(blk, 6 * CLUSTER, CLUSTER);
    blkLockMedium(blk, false);
    blkEject(blk, false);
    expect(await readAt(blk, 4 * CLUSTER, 512)).toEqual(Buffer.alloc(512, 5));
    await bdrvReopen(nodeOf(blk), {}, true);
  });

  it('leaves out what is below its bottom, and prefetches without a copy of its own', async () => {
    const { top } = await chain();
    const layer = (name: string, more: object): object => ({ driver: 'qcow2', 'node-name': name, ...more });
    const blk = await open({
      driver: 'copy-on-read', bottom: 'mid',
      file: layer('top', {
        file: { driver: 'file', filename: top },
        backing: layer('mid', { file: { driver: 'file', filename: (await chain()).mid } }),
      }),
    } as never);
    await readAt(blk, 0, CLUSTER);
    expect(await allocated(blk, 0)).toBe(false);
    const root = blk.root;
    if (root === null) throw new Error('The backend is empty.');
    await aioCoEnter(mainContext, () => bdrvCoPreadv(root, 0, CLUSTER, IoVector.of(Buffer.alloc(CLUSTER)), BDRV_REQ_PREFETCH));
    await blkPwrite(blk, 0, Buffer.alloc(CLUSTER, 1), 0);
    expect(await readAt(blk, 0, 512)).toEqual(Buffer.alloc(512, 1));
    // The chain can't change above the bottom.
    expect(nodeOf(blk).file?.frozen).toBe(true);
  });

  it('has a bottom that is there and no filter', async () => {
    const { top } = await chain();
    const file = { driver: 'qcow2', file: { driver: 'file', filename: top } };
    await expect(open({ driver: 'copy-on-read', bottom: 'nowhere', file })).rejects.toThrow("Bottom node 'nowhere' not found");
    memoryDisk('disk', MIB);
    await open({ driver: 'throttle', 'node-name': 'filter', 'throttle-group': group(), file: { driver: 'memory', filename: 'disk' } });
    await expect(open({ driver: 'copy-on-read', bottom: 'filter', file })).rejects.toThrow("Bottom node 'filter' is a filter");
  });

  it('is taken out of the graph', async () => {
    const { top } = await chain();
    const blk = await open({ driver: 'qcow2', 'node-name': 'image', file: { driver: 'file', filename: top }, backing: { driver: 'qcow2', 'node-name': 'below', file: { driver: 'file', filename: (await chain()).mid } } });
    const filter = await bdrvInsertNode(nodeOf(blk), { driver: 'copy-on-read', file: 'image', bottom: 'below' }, BDRV_O_RDWR);
    expect(nodeOf(blk)).toBe(filter);
    await bdrvCorFilterDrop(filter);
    expect(nodeOf(blk).nodeName).toBe('image');
    expect(nodeOf(blk).backing?.frozen).toBe(false);
    await readAt(blk, 0, 512);
    expect((await bdrvIsAllocated(nodeOf(blk), 0, 512)).allocated).toBe(false);
  });
});

let groups = 0;

/** Makes a throttle group of a thousand bytes a second. */
function group(average = 1000): string {
  const name = `group${++groups}`;
  const config = noLimits();
  config.limits.bpsTotal.average = average;
  throttleGroupNew(name, config);
  return name;
}

describe('throttle', () => {
  it('lets requests wait for the limits of its group', async () => {
    memoryDisk('disk', 65536);
    const took = await runSeeded(1, async () => {
      const blk = await open({ driver: 'throttle', 'throttle-group': group(), file: { driver: 'memory', filename: 'disk' } });
      const start = scheduler().now();
      for (let index = 0; index < 4; index++) await blkPwrite(blk, 0, Buffer.alloc(1000), 0);
      await readAt(blk, 0, 1000);
      await blkPwriteZeroes(blk, 0, 1000, 0);
      await blkPdiscard(blk, 0, 512);
      await blkFlush(blk);
      const end = scheduler().now();
      await blkUnref(blk);
      return end - start;
    });
    // A little may burst through; the rest waits.
    expect(took).toBeGreaterThan(4000);
    expect(took).toBeLessThan(7000);
  });

  it('lets everything go when it is drained', async () => {
    memoryDisk('disk', 65536);
    await runSeeded(2, async () => {
      const blk = await open({ driver: 'throttle', 'throttle-group': group(1), file: { driver: 'memory', filename: 'disk' } });
      const writes = Promise.all([0, 1, 2].map((index) => blkPwrite(blk, index * 512, Buffer.alloc(512, 1), 0)));
      await aioCoEnter(mainContext, coroutineYield);
      const before = scheduler().now();
      await bdrvDrainedBegin(nodeOf(blk));
      expect(scheduler().now() - before).toBeLessThan(1000);
      await bdrvDrainedEnd(nodeOf(blk));
      await writes;
      await blkUnref(blk);
    });
  });

  it('changes its group in a reopen, and needs one that exists', async () => {
    memoryDisk('disk', 65536);
    const [first, second] = [group(), group(2 ** 40)];
    const blk = await open({ driver: 'throttle', 'throttle-group': first, file: { driver: 'memory', filename: 'disk' } });
    await bdrvReopen(nodeOf(blk), { 'throttle-group': second }, true);
    throttleGroupDelete(first);
    await blkPwrite(blk, 0, Buffer.alloc(65536), 0);
    await expect(bdrvReopen(nodeOf(blk), { 'throttle-group': first }, true)).rejects.toThrow(`Throttle group '${first}' does not exist`);
    await expect(open({ driver: 'throttle', file: { driver: 'memory', filename: 'disk' } })).rejects.toThrow('Please specify a throttle group');
    await bdrvDrainAllBegin();
    await bdrvDrainAllEnd();
    await bdrvReopen(nodeOf(blk), { 'throttle-group': second }, true);
  });
});

describe('preallocate', () => {
  const filter = async (name: string, more: object = {}): ReturnType<typeof open> => {
    const blk = await open({ driver: 'preallocate', 'prealloc-size': '1M', 'prealloc-align': '64K', file: { driver: 'file', filename: name }, ...more });
    blkSetAllowWriteBeyondEof(blk, true);
    return blk;
  };
  const lengthOf = (name: string): number => fs.statSync(name).size;
  let file = '';
  beforeEach(() => {
    file = fileAt(`grows-${++files}`);
    fs.writeFileSync(file, '');
  });

  it('reserves space ahead of writers, and gives it back at the end', async () => {
    const blk = await filter(file);
    await blkPwrite(blk, 0, Buffer.alloc(4096, 1), 0);
    expect(lengthOf(file)).toBe(MIB + CLUSTER);
    expect(await bdrvGetlength(nodeOf(blk))).toBe(4096);
    await blkPwrite(blk, 4096, Buffer.alloc(4096, 2), 0);
    expect(lengthOf(file)).toBe(MIB + CLUSTER);
    await blkFlush(blk);
    await blkPdiscard(blk, 0, 4096);
    await blkUnref(blk);
    expect(fs.readFileSync(file)).toEqual(Buffer.concat([Buffer.alloc(4096), Buffer.alloc(4096, 2)]));
  });

  it('answers zero writes with the reservation', async () => {
    const blk = await filter(file);
    await blkPwriteZeroes(blk, 0, 8192, 0);
    await blkPwriteZeroes(blk, 8192, 8192, 0);
    expect(await bdrvGetlength(nodeOf(blk))).toBe(16384);
    expect(await readAt(blk, 0, 16384)).toEqual(Buffer.alloc(16384));
  });

  it('gives its space to a truncate that asks for some, and cuts it off for others', async () => {
    const blk = await filter(file);
    await blkPwrite(blk, 0, Buffer.alloc(4096, 1), 0);
    await blkTruncate(blk, 65536, true, 'falloc', 0);
    expect(lengthOf(file)).toBe(MIB + CLUSTER);
    expect(await bdrvGetlength(nodeOf(blk))).toBe(65536);
    await blkTruncate(blk, 131072, true, 'off', 0);
    expect(lengthOf(file)).toBe(131072);
    await blkTruncate(blk, 512, true, 'off', 0);
    expect(lengthOf(file)).toBe(512);
  });

  it('cuts the rest off when nobody may write any more', async () => {
    const blk = await filter(file);
    await blkPwrite(blk, 0, Buffer.alloc(4096, 1), 0);
    blkSetPerm(blk, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL);
    await bdrvDrainedBegin(nodeOf(blk));
    await bdrvDrainedEnd(nodeOf(blk));
    expect(lengthOf(file)).toBe(4096);
    expect(await bdrvGetlength(nodeOf(blk))).toBe(4096);
    await bdrvReopenSetReadOnly(nodeOf(blk), true);
  });

  it('takes other sizes in a reopen', async () => {
    const blk = await filter(file);
    await bdrvReopen(nodeOf(blk), { 'prealloc-size': '2M' }, true);
    await blkPwrite(blk, 0, Buffer.alloc(512, 1), 0);
    expect(lengthOf(file)).toBe(2 * MIB + CLUSTER);
    await expect(bdrvReopen(nodeOf(blk), { 'prealloc-align': 1000 }, true)).rejects.toThrow('is not aligned to 512');
  });

  it('goes on without where the file can not reserve', async () => {
    memoryDisk('plain', 4096, { canWriteZeroes: false });
    const blk = await open({ driver: 'preallocate', file: { driver: 'memory', filename: 'plain' } });
    blkSetAllowWriteBeyondEof(blk, true);
    await blkPwrite(blk, 4096, Buffer.alloc(512, 1), 0);
    expect(await bdrvGetlength(nodeOf(blk))).toBe(4608);
    await expect(filter(file, { 'prealloc-align': 1000 })).rejects.toThrow('is not aligned to 512');
  });
});

it.each([
  ['raw', {}, { offset: 512, size: 512 }],
  ['raw', { offset: 0, size: 1024 }, { offset: 512, size: 512 }],
  ['preallocate', {}, { 'prealloc-size': '2M' }],
  ['throttle', { 'throttle-group': 'stays' }, { 'throttle-group': 'stays' }],
])('a reopen of %s with %j that fails further down changes nothing', async (driver, before, after) => {
  throttleGroupNew('stays', noLimits());
  const file = fileAt(`kept-${++files}`);
  fs.writeFileSync(file, Buffer.alloc(4096, 1));
  const blk = await open({ driver, ...before, file: { driver: 'file', filename: file } });
  const length = await bdrvGetlength(nodeOf(blk));
  await expect(bdrvReopen(nodeOf(blk), { ...after, 'file.aio': 'carrier pigeons' }, true)).rejects.toThrow();
  expect(await bdrvGetlength(nodeOf(blk))).toBe(length);
  expect(await readAt(blk, 0, 512)).toEqual(Buffer.alloc(512, 1));
  throttleGroupDelete('stays');
});

it('throttle passes compressed writes on', async () => {
  const qcow2 = bdrvFindFormat('qcow2');
  if (qcow2 === null) throw new Error('There is no qcow2 format.');
  await bdrvCreate(qcow2, fileAt('compressed'), { size: MIB });
  const blk = await open({ driver: 'throttle', 'throttle-group': group(2 ** 40), file: { driver: 'qcow2', file: { driver: 'file', filename: fileAt('compressed') } } });
  await blkPwriteCompressed(blk, 0, Buffer.alloc(CLUSTER, 5));
  expect(await readAt(blk, 0, CLUSTER)).toEqual(Buffer.alloc(CLUSTER, 5));
});
