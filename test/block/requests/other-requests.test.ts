/** Requests beside reading and writing: VM state, ioctls, plugging, offloaded copies, write thresholds. */
import { describe, expect, test } from 'vitest';
import { blkCoCopyRange } from '../../../src/block/backend/requests.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { coroutineYield } from '../../../src/block/contexts/coroutine.ts';
import { runCoWrapper } from '../../../src/block/contexts/poll.ts';
import { onBlockEvent, type BlockEvent } from '../../../src/block/events.ts';
import { BDRV_REQ_ZERO_WRITE } from '../../../src/block/model/constants.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import { IoVector } from '../../../src/block/model/io-vector.ts';
import { bdrvCoCopyRange, bdrvCoCopyRangeTo } from '../../../src/block/requests/copy-range.ts';
import { bdrvCoIoctl } from '../../../src/block/requests/ioctl.ts';
import { bdrvIoPlug, bdrvIoUnplug } from '../../../src/block/requests/plug.ts';
import { bdrvLoadVmstate, bdrvReadvVmstate, bdrvSaveVmstate, bdrvWritevVmstate } from '../../../src/block/requests/vmstate.ts';
import { bdrvPwrite } from '../../../src/block/requests/wrappers.ts';
import { bdrvWriteThresholdGet, bdrvWriteThresholdSet } from '../../../src/block/write-threshold.ts';
import { driverBackend, memoryBackend, nodeBackend } from '../support/backend.ts';

const inCoroutine = <T>(entry: () => Promise<T>): Promise<T> => runCoWrapper(mainContext, entry);

describe('VM state', () => {
  const state = Buffer.alloc(4096);
  const slots: Partial<BlockDriver> = {
    bdrvSaveVmstate: (_bs, qiov, pos) => Promise.resolve(state.set(qiov.flatten(), pos)),
    bdrvLoadVmstate: (_bs, qiov, pos) => Promise.resolve(qiov.copyFrom(state.subarray(pos, pos + qiov.size))),
  };

  test('goes to the first node below that keeps it', async () => {
    const keeper = await driverBackend(slots);
    const raw = await nodeBackend({ driver: 'raw', file: keeper.bs.nodeName });
    await bdrvSaveVmstate(raw.bs, Buffer.from('state'), 100);
    await inCoroutine(() => bdrvSaveVmstate(raw.bs, Buffer.from('more'), 200));
    await bdrvWritevVmstate(raw.bs, new IoVector([Buffer.from('a'), Buffer.from('b')]), 300);
    const back = Buffer.alloc(5);
    await bdrvLoadVmstate(raw.bs, back, 100);
    expect(back.toString()).toBe('state');
    await inCoroutine(() => bdrvLoadVmstate(raw.bs, back.subarray(0, 4), 200));
    expect(back.toString()).toBe('moree');
    await bdrvReadvVmstate(raw.bs, IoVector.of(back.subarray(0, 2)), 300);
    expect(back.toString()).toBe('abree');
    await raw.close();
    await keeper.close();
  });

  test('is refused where nobody keeps it', async () => {
    const { bs, close } = await memoryBackend(1024);
    await expect(bdrvSaveVmstate(bs, Buffer.alloc(1), 0)).rejects.toMatchObject({ code: 'ENOTSUP' });
    await expect(bdrvLoadVmstate(bs, Buffer.alloc(1), 0)).rejects.toMatchObject({ code: 'ENOTSUP' });
    await expect(bdrvLoadVmstate(bs, Buffer.alloc(1), -1)).rejects.toMatchObject({ code: 'EIO' });
    expect(bs.inFlight).toBe(0);
    await close();
  });
});

test('ioctls go to drivers of either form, or fail', async () => {
  const direct = await driverBackend({ bdrvCoIoctl: (_bs, request, buffer) => Promise.resolve(request + buffer.length) });
  expect(await inCoroutine(() => bdrvCoIoctl(direct.bs, 40, Buffer.alloc(2)))).toBe(42);
  await direct.close();
  const callback = await driverBackend({
    bdrvAioIoctl(bs, request, _buffer, cb) {
      setImmediate(() => cb(request === 1 ? null : blockError('EIO', 'failed')));
      return { bs, cancelAsync: () => undefined };
    },
  });
  expect(await inCoroutine(() => bdrvCoIoctl(callback.bs, 1, Buffer.alloc(2)))).toBe(0);
  await expect(inCoroutine(() => bdrvCoIoctl(callback.bs, 2, Buffer.alloc(2)))).rejects.toMatchObject({ code: 'EIO' });
  await callback.close();
  const none = await driverBackend({});
  await expect(inCoroutine(() => bdrvCoIoctl(none.bs, 1, Buffer.alloc(2)))).rejects.toMatchObject({ code: 'ENOTSUP' });
  await none.close();
});

test('plugging tells each driver once, nested', async () => {
  const told: string[] = [];
  const below = await driverBackend({ bdrvIoPlug: () => void told.push('plug'), bdrvIoUnplug: () => void told.push('unplug') });
  const raw = await nodeBackend({ driver: 'raw', file: below.bs.nodeName });
  bdrvIoPlug(raw.bs);
  bdrvIoPlug(raw.bs);
  bdrvIoUnplug(raw.bs);
  expect(told).toEqual(['plug']);
  bdrvIoUnplug(raw.bs);
  expect(told).toEqual(['plug', 'unplug']);
  expect(() => bdrvIoUnplug(raw.bs)).toThrow('more often than plugged');
  await raw.close();
  await below.close();
});

describe('an offloaded copy', () => {
  const slots: Partial<BlockDriver> = {
    bdrvCoCopyRangeFrom: (_bs, src, srcOffset, dst, dstOffset, bytes, readFlags, writeFlags) => bdrvCoCopyRangeTo(src, srcOffset, dst, dstOffset, bytes, readFlags, writeFlags),
    bdrvCoCopyRangeTo: (_bs, _src, srcOffset, _dst, dstOffset) => (srcOffset === 512 ? Promise.reject(blockError('EIO', 'failed')) : Promise.resolve(void copied.push(`${srcOffset}>${dstOffset}`))),
    bdrvCoPwriteZeroes: (_bs, offset, bytes) => Promise.resolve(void copied.push(`zero ${offset}+${bytes}`)),
  };
  const copied: string[] = [];

  test('goes from source to target, where the drivers can', async () => {
    const [from, to] = [await driverBackend(slots), await driverBackend(slots)];
    await inCoroutine(() => bdrvCoCopyRange(from.root, 0, to.root, 4096, 512, 0, 0));
    await inCoroutine(() => blkCoCopyRange(from.blk, 1024, to.blk, 0, 512, 0, 0));
    await inCoroutine(() => bdrvCoCopyRange(from.root, 0, to.root, 4096, 512, 0, BDRV_REQ_ZERO_WRITE));
    await inCoroutine(() => bdrvCoCopyRangeTo(from.root, 0, to.root, 0, 512, 0, BDRV_REQ_ZERO_WRITE));
    expect(copied.splice(0)).toEqual(['0>4096', '1024>0', 'zero 4096+512', 'zero 0+512']);
    expect(to.bs.wrHighestOffset).toBe(4608);
    await expect(inCoroutine(() => bdrvCoCopyRange(from.root, 512, to.root, 0, 512, 0, 0))).rejects.toMatchObject({ code: 'EIO' });
    await expect(inCoroutine(() => blkCoCopyRange(from.blk, 65536, to.blk, 0, 512, 0, 0))).rejects.toMatchObject({ code: 'EIO' });
    from.bs.encrypted = true;
    await expect(inCoroutine(() => bdrvCoCopyRange(from.root, 0, to.root, 0, 512, 0, 0))).rejects.toMatchObject({ code: 'ENOTSUP' });
    expect([from.bs.inFlight, to.bs.inFlight, to.bs.trackedRequests.length]).toEqual([0, 0, 0]);
    await from.close();
    await to.close();
  });

  test('is refused where they can not, or have no medium', async () => {
    const [from, to] = [await memoryBackend(1024), await memoryBackend(1024)];
    await expect(inCoroutine(() => bdrvCoCopyRange(from.root, 0, to.root, 0, 512, 0, 0))).rejects.toMatchObject({ code: 'ENOTSUP' });
    const { drv } = to.bs;
    to.bs.drv = null;
    await expect(inCoroutine(() => bdrvCoCopyRange(from.root, 0, to.root, 0, 512, 0, 0))).rejects.toMatchObject({ code: 'ENOMEDIUM' });
    to.bs.drv = drv;
    await from.close();
    await to.close();
  });
});

test('the write threshold is told once, by the first write above it', async () => {
  const events: BlockEvent[] = [];
  const stop = onBlockEvent((event) => events.push(event));
  const { root, bs, close } = await memoryBackend(65536);
  bdrvWriteThresholdSet(bs, 4096);
  await bdrvPwrite(root, 0, Buffer.alloc(4096));
  expect(bdrvWriteThresholdGet(bs)).toBe(4096);
  await bdrvPwrite(root, 4000, Buffer.alloc(512));
  await bdrvPwrite(root, 8192, Buffer.alloc(512));
  expect(bdrvWriteThresholdGet(bs)).toBe(0);
  await close();
  await inCoroutine(coroutineYield);
  expect(events.filter(({ event }) => event === 'BLOCK_WRITE_THRESHOLD')).toEqual([
    { event: 'BLOCK_WRITE_THRESHOLD', data: { 'node-name': bs.nodeName, 'amount-exceeded': 416, 'write-threshold': 4096 } },
  ]);
  stop();
});
