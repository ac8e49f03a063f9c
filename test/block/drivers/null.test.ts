import { beforeAll, describe, expect, it } from 'vitest';
import { blkAioFlush, blkAioPreadv, blkAioPwritev, blkFlush, blkPwrite } from '../../../src/block/block-backend-io.ts';
import { bdrvInit, bdrvRefreshFilename, bdrvReopen } from '../../../src/block/block-global-state.ts';
import { bdrvAioCancelAsync, bdrvBlockStatus, bdrvGetAllocatedFileSize, bdrvGetlength } from '../../../src/block/block-io.ts';
import { scheduler } from '../../../src/block/contexts/scheduler.ts';
import { runSeeded } from '../../../src/block/contexts/seeded-scheduler.ts';
import { blkUnref } from '../../../src/block/backend/registry.ts';
import { BDRV_BLOCK_ZERO, BDRV_O_PROTOCOL, BDRV_O_RDWR } from '../../../src/block/model/constants.ts';
import { IoVector } from '../../../src/block/model/io-vector.ts';
import { backends, nodeOf, readAt } from '../support/opened.ts';

const open = backends();
const FLAGS = BDRV_O_RDWR | BDRV_O_PROTOCOL;
beforeAll(() => bdrvInit());

describe.each(['null-co', 'null-aio'])('%s', (driver) => {
  it('forgets what is written, and leaves buffers as they are', async () => {
    const blk = await open({ driver, size: 65536 }, FLAGS);
    await blkPwrite(blk, 0, Buffer.alloc(4096, 7), 0);
    await blkFlush(blk);
    expect(await readAt(blk, 0, 512)).toEqual(Buffer.alloc(512, 0xee));
    expect(await bdrvGetlength(nodeOf(blk))).toBe(65536);
    expect(await bdrvGetAllocatedFileSize(nodeOf(blk))).toBe(0);
  });

  it('reads zeroes where asked to', async () => {
    const blk = await open({ driver, 'read-zeroes': 'on' }, FLAGS);
    expect(await readAt(blk, 12345, 512)).toEqual(Buffer.alloc(512));
    expect(await bdrvGetlength(nodeOf(blk))).toBe(2 ** 30);
    const status = await bdrvBlockStatus(nodeOf(blk), 0, 65536);
    expect(status.flags & BDRV_BLOCK_ZERO).toBe(BDRV_BLOCK_ZERO);
  });

  it('takes as long as it is told to', async () => {
    const took = await runSeeded(5, async () => {
      const blk = await open({ driver, 'latency-ns': 2_000_000_000 }, FLAGS);
      const start = scheduler().now();
      await readAt(blk, 0, 512);
      const end = scheduler().now();
      await blkUnref(blk);
      return end - start;
    });
    expect(took).toBe(2000);
  });

  it('is named by its prefix, and by options if it has any', async () => {
    const named = await open({}, FLAGS, `${driver}://`);
    expect(nodeOf(named).drv?.formatName).toBe(driver);
    bdrvRefreshFilename(nodeOf(named));
    expect(nodeOf(named).filename).toBe(`${driver}://`);
    await bdrvReopen(nodeOf(named), {}, true);
    await expect(open({}, FLAGS, `${driver}://more`)).rejects.toThrow(`The only allowed filename for this driver is '${driver}://'`);
  });
});

it('requests of the callback kind complete by callback', async () => {
  const blk = await open({ driver: 'null-aio', 'read-zeroes': true }, FLAGS);
  const buffer = Buffer.alloc(512, 1);
  const done = (start: (cb: (error: Error | null) => void) => void): Promise<Error | null> => new Promise((resolve) => start(resolve));
  expect(await done((cb) => blkAioPreadv(blk, 0, IoVector.of(buffer), 0, cb))).toBeNull();
  expect(buffer).toEqual(Buffer.alloc(512));
  expect(await done((cb) => blkAioPwritev(blk, 0, IoVector.of(buffer), 0, cb))).toBeNull();
  expect(await done((cb) => blkAioFlush(blk, cb))).toBeNull();
  const acb = nodeOf(blk).drv?.bdrvAioFlush?.(nodeOf(blk), () => undefined);
  // There is nothing to end early: the callback comes anyway.
  if (acb) bdrvAioCancelAsync(acb);
});
