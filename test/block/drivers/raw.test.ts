import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { blkProbeBlocksizes, blkProbeGeometry } from '../../../src/block/block-backend-global-state.ts';
import { blkCoCopyRange, blkEject, blkFlush, blkIoctl, blkLockMedium, blkPdiscard, blkPwrite, blkPwriteZeroes, blkTruncate } from '../../../src/block/block-backend-io.ts';
import { bdrvCancelInFlight, bdrvCreate, bdrvFindFormat, bdrvHasZeroInit, bdrvInit, bdrvRegister, bdrvReopen } from '../../../src/block/block-global-state.ts';
import { bdrvBlockStatus, bdrvGetInfo, bdrvGetlength, bdrvMeasure } from '../../../src/block/block-io.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { aioCoEnter } from '../../../src/block/contexts/coroutine.ts';
import { BDRV_BLOCK_DATA, BDRV_O_RDWR, BDRV_O_RESIZE } from '../../../src/block/model/constants.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import { backends, nodeOf, readAt } from '../support/opened.ts';
import { bdrvMemory, forgetMemoryDisks, memoryDisk, memoryDiskOf } from '../support/memory-driver.ts';

const open = backends();
const calls: string[] = [];

/** A disk in memory with the slots of a device. */
const bdrvDevice: BlockDriver = {
  ...bdrvMemory,
  formatName: 'memory-device',
  protocolName: 'memory-device',
  bdrvGetInfo: () => ({ clusterSize: 4096, vmStateOffset: 0, isDirty: false, needsCompressedWrites: false }),
  bdrvProbeBlocksizes: () => ({ phys: 4096, log: 512 }),
  bdrvProbeGeometry: () => ({ heads: 16, sectors: 63, cylinders: 100 }),
  bdrvCancelInFlight: () => void calls.push('cancel'),
  bdrvEject: (_bs, flag) => void calls.push(`eject ${flag}`),
  bdrvLockMedium: (_bs, locked) => void calls.push(`lock ${locked}`),
  bdrvCoIoctl: (_bs, request) => Promise.resolve(request + 1),
  bdrvCoCopyRangeFrom: (_bs, src, srcOffset, dst, dstOffset, bytes, readFlags, writeFlags) => {
    const target = dst.bs;
    return target?.drv?.bdrvCoCopyRangeTo?.(target, src, srcOffset, dst, dstOffset, bytes, readFlags, writeFlags) ?? Promise.reject(new Error('no target'));
  },
  bdrvCoCopyRangeTo: (_bs, _src, srcOffset, _dst, dstOffset, bytes) => Promise.resolve(void calls.push(`copy ${srcOffset} ${dstOffset} ${bytes}`)),
};

beforeAll(() => {
  bdrvInit();
  bdrvRegister(bdrvMemory);
  bdrvRegister(bdrvDevice);
});
beforeEach(() => {
  forgetMemoryDisks();
  calls.length = 0;
});

const raw = (options: object = {}, driver = 'memory'): ReturnType<typeof open> => open({ driver: 'raw', file: { driver, filename: 'disk' }, ...options });

describe('a raw node', () => {
  it('passes requests through', async () => {
    const disk = memoryDisk('disk', 65536);
    const blk = await raw();
    await blkPwrite(blk, 4096, Buffer.from('data'), 0);
    expect(Buffer.from(disk.data.subarray(4096, 4100)).toString()).toBe('data');
    expect((await readAt(blk, 4096, 4)).toString()).toBe('data');
    await blkPwriteZeroes(blk, 4096, 4, 0);
    await blkPdiscard(blk, 8192, 512);
    await blkFlush(blk);
    expect(disk.log.map((one) => one.type)).toEqual(expect.arrayContaining(['zero', 'discard', 'flush']));
    await blkTruncate(blk, 131072, true, 'off', 0);
    expect(await bdrvGetlength(nodeOf(blk))).toBe(131072);
    expect(bdrvHasZeroInit(nodeOf(blk))).toBe(true);
  });

  it('has the block status of its file', async () => {
    memoryDisk('disk', Buffer.concat([Buffer.alloc(4096, 1), Buffer.alloc(4096)]));
    const blk = await raw();
    const status = await bdrvBlockStatus(nodeOf(blk), 512, 7680);
    expect(status).toMatchObject({ pnum: 3584, map: 512 });
    expect(status.flags & BDRV_BLOCK_DATA).toBe(BDRV_BLOCK_DATA);
  });

  it('is as long as a measured image would be', async () => {
    memoryDisk('disk', 65536);
    const blk = await raw();
    const drv = bdrvFindFormat('raw');
    if (drv === null) throw new Error('There is no raw format.');
    expect(await bdrvMeasure(drv, {}, nodeOf(blk))).toEqual({ required: 65536, fullyAllocated: 65536 });
    expect(await bdrvMeasure(drv, { size: 1000 }, null)).toEqual({ required: 1024, fullyAllocated: 1024 });
  });

  it('is created as its file', async () => {
    const drv = bdrvFindFormat('raw');
    if (drv === null) throw new Error('There is no raw format.');
    await bdrvCreate(drv, 'memory:fresh', { size: 8192 });
    expect(memoryDiskOf('fresh').data.length).toBe(8192);
  });

  it('passes on what concerns a device', async () => {
    memoryDisk('disk', 65536);
    const blk = await raw({}, 'memory-device');
    expect(bdrvGetInfo(nodeOf(blk)).clusterSize).toBe(4096);
    expect(blkProbeBlocksizes(blk)).toEqual({ phys: 4096, log: 512 });
    expect(blkProbeGeometry(blk)).toEqual({ heads: 16, sectors: 63, cylinders: 100 });
    expect(await blkIoctl(blk, 41, Buffer.alloc(4))).toBe(42);
    bdrvCancelInFlight(nodeOf(blk));
    blkLockMedium(blk, true);
    blkEject(blk, true);
    expect(calls).toEqual(expect.arrayContaining(['cancel', 'lock true', 'eject true']));
  });

  it('copies within a device', async () => {
    memoryDisk('disk', 65536);
    const blk = await raw({}, 'memory-device');
    await aioCoEnter(mainContext, () => blkCoCopyRange(blk, 0, blk, 8192, 4096, 0, 0));
    expect(calls).toEqual(['copy 0 8192 4096']);
  });
});

describe('a window', () => {
  const window = { offset: 8192, size: 4096 };

  it('shows a part of the file', async () => {
    const disk = memoryDisk('disk', 65536);
    const blk = await raw(window);
    expect(await bdrvGetlength(nodeOf(blk))).toBe(4096);
    await blkPwrite(blk, 100, Buffer.from('data'), 0);
    expect(Buffer.from(disk.data.subarray(8292, 8296)).toString()).toBe('data');
    expect((await readAt(blk, 100, 4)).toString()).toBe('data');
    expect((await bdrvBlockStatus(nodeOf(blk), 0, 4096)).map).toBe(8192);
  });

  it('keeps its size', async () => {
    memoryDisk('disk', 65536);
    const blk = await raw(window);
    await expect(blkTruncate(blk, 8192, true, 'off', 0)).rejects.toThrow('Cannot resize fixed-size raw disks');
  });

  it('of an offset only goes to the end of the file, and grows', async () => {
    const disk = memoryDisk('disk', 65536);
    const blk = await raw({ offset: 32768 });
    expect(await bdrvGetlength(nodeOf(blk))).toBe(32768);
    await blkTruncate(blk, 65536, true, 'off', 0);
    expect(disk.data.length).toBe(98304);
  });

  it.each([
    [{ size: 1000 }, 'Specified size is not multiple of 512'],
    [{ offset: 131072 }, 'Offset (131072) cannot be greater than size of the containing file (65536)'],
    [{ offset: 61440, size: 8192 }, /has to be smaller or equal to the actual size of the containing file \(65536\)/],
  ])('of %j is refused', async (options, message) => {
    memoryDisk('disk', 65536);
    await expect(raw(options)).rejects.toThrow(message);
  });

  it('of a device takes no ioctl, has no geometry, and block sizes only where it starts at one', async () => {
    memoryDisk('disk', 65536);
    const blk = await raw({ offset: 8192, size: 8192 }, 'memory-device');
    await expect(blkIoctl(blk, 41, Buffer.alloc(4))).rejects.toMatchObject({ code: 'ENOTSUP' });
    expect(blkProbeGeometry(blk)).toBeNull();
    expect(blkProbeBlocksizes(blk)).toEqual({ phys: 4096, log: 512 });
    const odd = await raw({ offset: 512, size: 8192 }, 'memory-device');
    expect(blkProbeBlocksizes(odd)).toBeNull();
  });

  it('moves in a reopen, which a node without window can not become', async () => {
    const disk = memoryDisk('disk', 65536);
    const blk = await raw(window);
    await bdrvReopen(nodeOf(blk), { offset: 0, size: 8192 }, true);
    await blkPwrite(blk, 0, Buffer.from('moved'), 0);
    expect(Buffer.from(disk.data.subarray(0, 5)).toString()).toBe('moved');
    expect(await bdrvGetlength(nodeOf(blk))).toBe(8192);
    await expect(bdrvReopen(nodeOf(blk), { offset: 65536, size: 8192 }, true)).rejects.toThrow();
    const whole = await raw();
    await expect(bdrvReopen(nodeOf(whole), window, true)).rejects.toMatchObject({ code: 'ENOTSUP' });
  });
});

describe('a node whose format was guessed', () => {
  const header = Buffer.concat([Buffer.from('LUKS\xba\xbe\0\x01', 'latin1'), Buffer.alloc(504)]);
  const guessed = (): ReturnType<typeof open> => open({}, BDRV_O_RDWR | BDRV_O_RESIZE, 'memory:disk');

  it('refuses a first sector of another format, however it is written', async () => {
    const disk = memoryDisk('disk', 65536);
    const blk = await guessed();
    expect(nodeOf(blk).drv?.formatName).toBe('raw');
    await expect(blkPwrite(blk, 0, header, 0)).rejects.toMatchObject({ code: 'EPERM' });
    await expect(blkPwrite(blk, 0, header.subarray(0, 8), 0)).rejects.toMatchObject({ code: 'EPERM' });
    expect(disk.data.every((byte) => byte === 0)).toBe(true);
  });

  it('takes all other writes', async () => {
    const disk = memoryDisk('disk', 65536);
    const blk = await guessed();
    await blkPwrite(blk, 3, Buffer.alloc(2000, 7), 0);
    await blkPwrite(blk, 512, header, 0);
    expect(Buffer.from(disk.data.subarray(512, 520))).toEqual(header.subarray(0, 8));
    expect((await readAt(blk, 0, 4))).toEqual(Buffer.from([0, 0, 0, 7]));
  });

  it('named raw by its user takes a header', async () => {
    const disk = memoryDisk('disk', 65536);
    await blkPwrite(await raw(), 0, header, 0);
    expect(Buffer.from(disk.data.subarray(0, 512))).toEqual(header);
  });
});
