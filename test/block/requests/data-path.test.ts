/** Reads and writes of any shape, against a plain buffer, and what drivers see of them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blkFlush, blkPdiscard, blkPread, blkPwrite, blkPwriteZeroes } from '../../../src/block/backend/wrappers.ts';
import { runCoWrapper } from '../../../src/block/contexts/poll.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { coroutineYield } from '../../../src/block/contexts/coroutine.ts';
import { runSeeded } from '../../../src/block/contexts/seeded-scheduler.ts';
import {
  BDRV_O_RDWR, BDRV_REQ_FUA, BDRV_REQ_MAY_UNMAP, BDRV_REQ_NO_FALLBACK, BDRV_REQ_NO_WAIT, BDRV_REQ_SERIALISING, BDRV_REQ_WRITE_COMPRESSED, BDRV_SECTOR_SIZE, BLK_PERM_CONSISTENT_READ,
  BLK_PERM_WRITE_UNCHANGED, BDRV_REQ_WRITE_UNCHANGED, BLK_PERM_WRITE, BDRV_O_INACTIVE, BDRV_REQ_ZERO_WRITE,
} from '../../../src/block/model/constants.ts';
import type { BlockAIOCB, BlockCompletionFunc } from '../../../src/block/model/driver.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import { IoVector } from '../../../src/block/model/io-vector.ts';
import { bdrvCheckQiovRequest, bdrvCheckRequest, bdrvRoundToClusters } from '../../../src/block/requests/checks.ts';
import { bdrvCoPread, bdrvCoPreadv } from '../../../src/block/requests/read.ts';
import { bdrvCoGetSelfRequest, bdrvMakeRequestSerialising } from '../../../src/block/requests/tracked.ts';
import { bdrvCoPwrite, bdrvCoPwritev, bdrvCoPwritevPart, bdrvCoPwriteZeroes } from '../../../src/block/requests/write.ts';
import { bdrvPread, bdrvPwrite, bdrvPwriteSync, bdrvPwriteZeroes } from '../../../src/block/requests/wrappers.ts';
import { blkSetPerm } from '../../../src/block/backend/root.ts';
import { driverBackend, memoryBackend } from '../support/backend.ts';

const DISK = 32 * 1024;

type Step =
  | { readonly kind: 'read' | 'zero' | 'discard'; readonly offset: number; readonly bytes: number }
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: number; readonly value: number }
  | { readonly kind: 'flush' };

const range = fc.nat(DISK).chain((offset) => fc.nat(Math.min(DISK - offset, 9000)).map((bytes) => ({ offset, bytes })));
const step: fc.Arbitrary<Step> = fc.oneof(
  range.map((where) => ({ kind: 'read' as const, ...where })),
  range.map((where) => ({ kind: 'zero' as const, ...where })),
  fc.tuple(range, fc.integer({ min: 1, max: 255 })).map(([where, value]) => ({ kind: 'write' as const, ...where, value })),
  fc.constant({ kind: 'flush' as const }),
);

const inCoroutine = <T>(entry: () => Promise<T>): Promise<T> => runCoWrapper(mainContext, entry);

describe('requests of any shape equal a plain buffer', () => {
  test('over disks of any alignment and transfer limit', async () => {
    await fc.assert(fc.asyncProperty(
      fc.record({ shift: fc.integer({ min: 0, max: 12 }), blocks: fc.nat(3), canWriteZeroes: fc.boolean(), hasFua: fc.boolean() }),
      fc.array(step, { maxLength: 20 }),
      async ({ shift, blocks, canWriteZeroes, hasFua }, steps) => {
        const align = 2 ** shift;
        const model = Buffer.alloc(DISK).map((_, index) => index % 251);
        const { blk, disk, close } = await memoryBackend(Uint8Array.from(model), { requestAlignment: align, maxTransfer: blocks * Math.max(align, 512), canWriteZeroes, hasFua });
        for (const one of steps) {
          if (one.kind === 'read') {
            const buffer = Buffer.alloc(one.bytes, 0xee);
            await blkPread(blk, one.offset, buffer);
            expect(buffer.equals(model.subarray(one.offset, one.offset + one.bytes))).toBe(true);
          } else if (one.kind === 'write') {
            await blkPwrite(blk, one.offset, Buffer.alloc(one.bytes, one.value), 0);
            model.fill(one.value, one.offset, one.offset + one.bytes);
          } else if (one.kind === 'zero') {
            await blkPwriteZeroes(blk, one.offset, one.bytes, 0);
            model.fill(0, one.offset, one.offset + one.bytes);
          } else if (one.kind === 'flush') {
            await blkFlush(blk);
          }
        }
        expect(Buffer.from(disk.data).equals(model)).toBe(true);
        await close();
      },
    ), { numRuns: 150 });
  });

  test('with many buffers, scattered or too many for the node', async () => {
    const { root, disk, bs, close } = await memoryBackend(DISK, { requestAlignment: 512 });
    bs.bl.maxIov = 4;
    const data = Buffer.alloc(3000).map((_, index) => index % 253);
    const parts = Array.from({ length: 30 }, (_, index) => data.subarray(index * 100, index * 100 + 100));
    await inCoroutine(() => bdrvCoPwritev(root, 1000, 3000, new IoVector(parts), 0));
    expect(Buffer.from(disk.data.subarray(1000, 4000)).equals(data)).toBe(true);
    const back = Array.from({ length: 30 }, () => Buffer.alloc(100));
    await inCoroutine(() => bdrvCoPreadv(root, 1000, 3000, new IoVector(back), 0));
    expect(Buffer.concat(back).equals(data)).toBe(true);
    // A part of a vector that has few enough buffers goes to the driver as it is.
    const before = disk.log.length;
    await inCoroutine(() => bdrvCoPwritevPart(root, 0, 512, new IoVector([...parts.slice(0, 8), Buffer.alloc(512, 7)]), 800, 0));
    expect(disk.log.slice(before)).toMatchObject([{ type: 'write', offset: 0, bytes: 512 }]);
    expect(disk.data[511]).toBe(7);
    await close();
  });

  test('in one call of the driver, without a copy, where they are aligned', async () => {
    const seen: Uint8Array[] = [];
    const { root, close } = await driverBackend({
      bdrvGetlength: () => Promise.resolve(4 << 20),
      bdrvCoPreadv: (_bs, _offset, _bytes, qiov) => Promise.resolve(void seen.push(...qiov.segments)),
      bdrvCoPwritev: (_bs, _offset, _bytes, qiov) => Promise.resolve(void seen.push(...qiov.segments)),
    });
    const buffer = Buffer.alloc(1 << 20);
    await bdrvPread(root, 0, buffer);
    await bdrvPwrite(root, 1 << 20, buffer);
    expect(seen.length).toBe(2);
    expect(seen[0]).toBe(buffer);
    expect(seen[1]).toBe(buffer);
    await close();
  });
});

describe('requests that overlap', () => {
  test('and share a block lose nothing, in any order of events', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      await runSeeded(seed, async () => {
        const { root, disk, close } = await memoryBackend(DISK, { requestAlignment: 4096, delay: 1 });
        const writes = Array.from({ length: 64 }, (_, index) => inCoroutine(() => bdrvCoPwrite(root, index * 100, Buffer.alloc(100, index + 1), 0)));
        await Promise.all(writes);
        for (let index = 0; index < 64; index++) expect(disk.data.subarray(index * 100, index * 100 + 100).every((byte) => byte === index + 1)).toBe(true);
        await close();
      });
    }
  });

  test('and are serialising go one after the other: each byte is of one of them', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      await runSeeded(seed, async () => {
        const { root, disk, bs, close } = await memoryBackend(DISK, { maxTransfer: 512, delay: 1 });
        const writes = Array.from({ length: 8 }, (_, index) => inCoroutine(() => bdrvCoPwrite(root, 0, Buffer.alloc(4096, index + 1), BDRV_REQ_SERIALISING)));
        await Promise.all(writes);
        expect(new Set(disk.data.subarray(0, 4096)).size).toBe(1);
        expect(bs.serialisingInFlight).toBe(0);
        expect(bs.trackedRequests).toEqual([]);
        expect(bs.inFlight).toBe(0);
        await close();
      });
    }
  });

  test('fail at once where they must not wait', async () => {
    const { root, disk, close } = await memoryBackend(DISK, { delay: 0 });
    let release = (): void => undefined;
    disk.beforeRequest = () => new Promise((resolve) => (release = resolve));
    const first = inCoroutine(() => bdrvCoPwrite(root, 0, Buffer.alloc(512, 1), 0));
    await inCoroutine(coroutineYield);
    await expect(inCoroutine(() => bdrvCoPwrite(root, 0, Buffer.alloc(512, 2), BDRV_REQ_SERIALISING | BDRV_REQ_NO_WAIT))).rejects.toMatchObject({ code: 'EBUSY' });
    disk.beforeRequest = null;
    release();
    await first;
    await inCoroutine(() => bdrvCoPwrite(root, 0, Buffer.alloc(512, 2), BDRV_REQ_SERIALISING | BDRV_REQ_NO_WAIT));
    await close();
  });

  test('can be made serialising by the driver that carries them out', async () => {
    const waits: boolean[] = [];
    const { root, bs, close } = await driverBackend({
      async bdrvCoPwritev(node) {
        const request = bdrvCoGetSelfRequest(node);
        if (request) waits.push(await bdrvMakeRequestSerialising(request, 4096));
        expect(request).toMatchObject({ overlapOffset: 0, overlapBytes: 4096, serialising: true });
      },
    });
    await inCoroutine(() => bdrvCoPwrite(root, 512, Buffer.alloc(512), 0));
    expect(waits).toEqual([false]);
    expect(bdrvCoGetSelfRequest(bs)).toBeNull();
    await close();
  });
});

describe('zero writes', () => {
  const zeroLog = async (limits: { pwriteZeroesAlignment: number; maxPwriteZeroes: number }, offset: number, bytes: number): Promise<string[]> => {
    const { root, bs, disk, close } = await memoryBackend(Buffer.alloc(DISK, 5), { requestAlignment: 512 });
    Object.assign(bs.bl, limits);
    await bdrvPwriteZeroes(root, offset, bytes, 0);
    const seen = disk.log.map((request) => `${request.type} ${request.offset}+${request.bytes}`);
    expect(disk.data.subarray(offset, offset + bytes).every((byte) => byte === 0)).toBe(true);
    expect(disk.data.filter((byte) => byte === 0).length).toBe(bytes);
    await close();
    return seen;
  };

  test('come to the driver along its alignment', async () => {
    expect(await zeroLog({ pwriteZeroesAlignment: 4096, maxPwriteZeroes: 0 }, 512, 12288)).toEqual(['zero 512+3584', 'zero 4096+8192', 'zero 12288+512']);
  });

  test('come to the driver in pieces no longer than it takes', async () => {
    expect(await zeroLog({ pwriteZeroesAlignment: 0, maxPwriteZeroes: 5000 }, 0, 12288)).toEqual(['zero 0+4608', 'zero 4608+4608', 'zero 9216+3072']);
  });

  test('read and change the blocks at their ends', async () => {
    expect(await zeroLog({ pwriteZeroesAlignment: 0, maxPwriteZeroes: 0 }, 100, 2000)).toEqual([
      'read 0+512', 'read 2048+512', 'write 0+512', 'zero 512+1536', 'write 2048+512',
    ]);
    expect(await zeroLog({ pwriteZeroesAlignment: 0, maxPwriteZeroes: 0 }, 600, 100)).toEqual(['read 512+512', 'write 512+512']);
    expect(await zeroLog({ pwriteZeroesAlignment: 0, maxPwriteZeroes: 0 }, 1024, 600)).toEqual(['read 1536+512', 'zero 1024+512', 'write 1536+512']);
  });

  test('are written where the driver has none, unless that is too slow for the caller', async () => {
    const { root, disk, bs, close } = await memoryBackend(Buffer.alloc(DISK, 5), { canWriteZeroes: false, maxTransfer: 1024 });
    await bdrvPwriteZeroes(root, 0, 3000, 0);
    expect(disk.log.map((request) => request.bytes)).toEqual([1024, 1024, 952]);
    expect(disk.data.subarray(0, 3000).every((byte) => byte === 0)).toBe(true);
    await expect(bdrvPwriteZeroes(root, 0, 512, BDRV_REQ_NO_FALLBACK)).rejects.toMatchObject({ code: 'ENOTSUP' });
    bs.supportedZeroFlags |= BDRV_REQ_NO_FALLBACK;
    await expect(bdrvPwriteZeroes(root, 0, 512, BDRV_REQ_NO_FALLBACK)).rejects.toMatchObject({ code: 'ENOTSUP' });
    bs.bl.requestAlignment = 512;
    await expect(bdrvPwriteZeroes(root, 0, 500, BDRV_REQ_NO_FALLBACK)).rejects.toMatchObject({ code: 'ENOTSUP' });
    await close();
  });

  test('give space back only where the node may', async () => {
    const plain = await memoryBackend(DISK, {}, {}, BDRV_O_RDWR);
    await bdrvPwriteZeroes(plain.root, 0, 512, BDRV_REQ_MAY_UNMAP);
    expect(plain.disk.log).toMatchObject([{ type: 'zero', flags: 0 }]);
    await plain.close();
    const unmapping = await memoryBackend(DISK);
    await bdrvPwriteZeroes(unmapping.root, 0, 512, BDRV_REQ_MAY_UNMAP);
    expect(unmapping.disk.log).toMatchObject([{ type: 'zero', flags: BDRV_REQ_MAY_UNMAP }]);
    await unmapping.close();
  });

  test('are made of writes of zeroes where the node looks for them', async () => {
    for (const [mode, flags] of [['on', 0], ['unmap', BDRV_REQ_MAY_UNMAP]] as const) {
      const { root, disk, close } = await memoryBackend(Buffer.alloc(DISK, 5), {}, { 'detect-zeroes': mode, discard: 'unmap' });
      await bdrvPwrite(root, 0, Buffer.alloc(1024));
      await bdrvPwrite(root, 1024, Buffer.alloc(1024, 1));
      expect(disk.log.map((request) => request.type)).toEqual(['zero', 'write']);
      expect(disk.log[0]?.flags).toBe(flags);
      await close();
    }
  });

  test('fail as the driver does', async () => {
    const { root, disk, close } = await memoryBackend(DISK);
    disk.failNext('zero');
    await expect(bdrvPwriteZeroes(root, 0, 512, 0)).rejects.toMatchObject({ code: 'EIO' });
    await bdrvPwriteZeroes(root, 0, 0, 0);
    await close();
  });
});

describe('writes that have to be stable', () => {
  test('are so natively, or by a flush after the last part', async () => {
    const native = await memoryBackend(DISK, { hasFua: true, maxTransfer: 512 });
    await inCoroutine(() => bdrvCoPwrite(native.root, 0, Buffer.alloc(1024, 1), BDRV_REQ_FUA));
    await inCoroutine(() => bdrvCoPwriteZeroes(native.root, 0, 1024, BDRV_REQ_FUA));
    expect(native.disk.log.map(({ type, flags }) => `${type} ${flags}`)).toEqual([`write ${BDRV_REQ_FUA}`, `write ${BDRV_REQ_FUA}`, `zero ${BDRV_REQ_FUA}`]);
    await native.close();
    const emulated = await memoryBackend(DISK, { maxTransfer: 512 });
    await inCoroutine(() => bdrvCoPwrite(emulated.root, 0, Buffer.alloc(1024, 1), BDRV_REQ_FUA));
    await inCoroutine(() => bdrvCoPwriteZeroes(emulated.root, 0, 1024, BDRV_REQ_FUA));
    expect(emulated.disk.log.map(({ type, flags }) => `${type} ${flags}`)).toEqual(['write 0', 'write 0', 'flush 0', 'zero 0', 'flush 0']);
    await bdrvPwriteSync(emulated.root, 0, Buffer.alloc(512, 1));
    expect(emulated.disk.log.at(-1)?.type).toBe('flush');
    await emulated.close();
  });

  test('without zero writes need one flush for all buffers', async () => {
    const { root, disk, close } = await memoryBackend(DISK, { canWriteZeroes: false, maxTransfer: 512 });
    await bdrvPwrite(root, 0, Buffer.alloc(512));
    await inCoroutine(() => bdrvCoPwriteZeroes(root, 0, 2048, BDRV_REQ_FUA));
    expect(disk.log.map(({ type }) => type)).toEqual(['write', 'write', 'write', 'write', 'write', 'flush']);
    await close();
  });
});

describe('discards', () => {
  const discardLog = async (limits: { pdiscardAlignment: number; maxPdiscard: number }, offset: number, bytes: number): Promise<string[]> => {
    const { blk, bs, disk, close } = await memoryBackend(DISK, { requestAlignment: 512 });
    Object.assign(bs.bl, limits);
    await blkPdiscard(blk, offset, bytes);
    await close();
    return disk.log.filter((request) => request.type === 'discard').map((request) => `${request.offset}+${request.bytes}`);
  };

  test('come to the driver in pieces that it can take', async () => {
    expect(await discardLog({ pdiscardAlignment: 0, maxPdiscard: 0 }, 100, 2000)).toEqual(['512+1536']);
    expect(await discardLog({ pdiscardAlignment: 4096, maxPdiscard: 0 }, 512, 12288)).toEqual(['512+3584', '4096+8192', '12288+512']);
    expect(await discardLog({ pdiscardAlignment: 0, maxPdiscard: 4608 }, 0, 10240)).toEqual(['0+4608', '4608+4608', '9216+1024']);
    expect(await discardLog({ pdiscardAlignment: 0, maxPdiscard: 0 }, 100, 200)).toEqual([]);
    expect(await discardLog({ pdiscardAlignment: 4096, maxPdiscard: 0 }, 4096, 4596)).toEqual(['4096+4096']);
  });

  test('are left where the node does not pass them on, or the driver refuses', async () => {
    const closed = await memoryBackend(DISK, {}, {}, BDRV_O_RDWR);
    await blkPdiscard(closed.blk, 0, 512);
    expect(closed.disk.log).toEqual([]);
    await closed.close();
    const refusing = await memoryBackend(DISK);
    refusing.disk.failNext('discard', 'ENOTSUP');
    await blkPdiscard(refusing.blk, 0, 512);
    refusing.disk.failNext('discard', 'EIO');
    await expect(blkPdiscard(refusing.blk, 0, 512)).rejects.toMatchObject({ code: 'EIO' });
    await refusing.close();
    const unable = await driverBackend({ bdrvCoPreadv: () => Promise.resolve() });
    await blkPdiscard(unable.blk, 0, 512);
    await unable.close();
  });
});

describe('a request is refused', () => {
  test('that can not be', async () => {
    expect(() => bdrvCheckRequest(-1, 0)).toThrow('offset is negative');
    expect(() => bdrvCheckRequest(0, -1)).toThrow('bytes is negative');
    expect(() => bdrvCheckRequest(Number.NaN, 0)).toThrow('offset is negative');
    expect(() => bdrvCheckRequest(2 ** 53, 512)).toThrow('largest length');
    expect(() => bdrvCheckQiovRequest(0, 512, IoVector.of(Buffer.alloc(512)), 1)).toThrow('do not lie within a vector');
    const { root, close } = await memoryBackend(DISK);
    await expect(inCoroutine(() => bdrvCoPreadv(root, 0, 1024, IoVector.of(Buffer.alloc(512)), 0))).rejects.toMatchObject({ code: 'EIO' });
    const huge = { size: 2 ** 31, segments: [] } as unknown as IoVector;
    await expect(inCoroutine(() => bdrvCoPreadv(root, 0, 2 ** 31, huge, 0))).rejects.toThrow('longer than');
    await close();
  });

  test('that the edge does not allow', async () => {
    const { blk, root, disk, bs, close } = await memoryBackend(DISK);
    blkSetPerm(blk, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE_UNCHANGED, 31);
    await expect(bdrvPwrite(root, 0, Buffer.alloc(512))).rejects.toThrow("does not have the permission 'write'");
    await inCoroutine(() => bdrvCoPwrite(root, 0, Buffer.alloc(512), BDRV_REQ_WRITE_UNCHANGED));
    blkSetPerm(blk, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE, 31);
    await expect(bdrvPwrite(root, DISK, Buffer.alloc(512))).rejects.toThrow("does not have the permission 'resize'");
    expect(disk.data.length).toBe(DISK);
    bs.openFlags |= BDRV_O_INACTIVE;
    await expect(bdrvPwrite(root, 0, Buffer.alloc(512))).rejects.toMatchObject({ code: 'EPERM' });
    bs.openFlags &= ~BDRV_O_INACTIVE;
    await close();
    const readOnly = await memoryBackend(DISK, {}, { 'read-only': 'on' }, 0);
    await expect(bdrvPwrite(readOnly.root, 0, Buffer.alloc(512))).rejects.toMatchObject({ code: 'EPERM' });
    await readOnly.close();
  });

  test('that fails at the end of the medium, or without one', async () => {
    let inserted = true;
    const { root, close } = await driverBackend({ bdrvIsInserted: () => inserted, bdrvCoPreadv: () => Promise.resolve(), bdrvCoPwritev: () => Promise.resolve() });
    inserted = false;
    await expect(bdrvPread(root, 0, Buffer.alloc(512))).rejects.toMatchObject({ code: 'ENOMEDIUM' });
    await expect(bdrvPwrite(root, 0, Buffer.alloc(512))).rejects.toMatchObject({ code: 'ENOMEDIUM' });
    await expect(bdrvPwriteZeroes(root, 0, 512, 0)).rejects.toMatchObject({ code: 'ENOMEDIUM' });
    await close();
  });
});

describe('writes above the end', () => {
  test('do not include those of the last block, of which a part is above it', async () => {
    const { blk, root, disk, close } = await memoryBackend(4096 + 512, { requestAlignment: 4096 });
    blkSetPerm(blk, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE, 31);
    await bdrvPwrite(root, 4096, Buffer.alloc(512, 1));
    expect(disk.data.subarray(4096, 4608).every((byte) => byte === 1)).toBe(true);
    await close();
  });

  test('make the node longer, and parents hear of it', async () => {
    const { blk, root, bs, close } = await memoryBackend(1024);
    const heard: string[] = [];
    blk.devOps = { resizeCb: () => void heard.push('resize') };
    await bdrvPwrite(root, 2048, Buffer.alloc(512, 1));
    expect(bs.totalSectors * BDRV_SECTOR_SIZE).toBe(2560);
    expect(bs.wrHighestOffset).toBe(2560);
    expect(heard).toEqual(['resize']);
    const beyond = Buffer.alloc(1024, 9);
    await bdrvPread(root, 2304, beyond);
    expect(beyond.subarray(0, 256).every((byte) => byte === 1)).toBe(true);
    expect(beyond.subarray(256).every((byte) => byte === 0)).toBe(true);
    blk.devOps = null;
    await close();
  });
});

describe('drivers of every form', () => {
  const later = (cb: BlockCompletionFunc, error: Error | null = null): BlockAIOCB => {
    setImmediate(() => cb(error));
    return { bs: null, cancelAsync: () => undefined };
  };

  test('with parts of vectors', async () => {
    const seen: number[] = [];
    const { root, close } = await driverBackend({
      bdrvCoPreadvPart: (_bs, _offset, _bytes, _qiov, qiovOffset) => Promise.resolve(void seen.push(qiovOffset)),
      bdrvCoPwritevPart: (_bs, _offset, _bytes, _qiov, qiovOffset) => Promise.resolve(void seen.push(qiovOffset)),
      bdrvCoPwritevCompressedPart: (_bs, _offset, _bytes, _qiov, qiovOffset) => Promise.resolve(void seen.push(qiovOffset)),
    });
    const qiov = IoVector.of(Buffer.alloc(2048));
    await inCoroutine(() => bdrvCoPwritevPart(root, 0, 512, qiov, 512, 0));
    await inCoroutine(() => bdrvCoPwritevPart(root, 0, 512, qiov, 1024, BDRV_REQ_WRITE_COMPRESSED));
    await inCoroutine(() => bdrvCoPread(root, 0, Buffer.alloc(512), 0));
    expect(seen).toEqual([512, 1024, 0]);
    await close();
  });

  test('with callbacks', async () => {
    const data = Buffer.alloc(65536, 3);
    const { root, blk, close } = await driverBackend({
      bdrvAioPreadv(_bs, offset, bytes, qiov, _flags, cb) {
        qiov.copyFrom(data.subarray(offset, offset + bytes));
        return later(cb);
      },
      bdrvAioPwritev(_bs, offset, _bytes, qiov, _flags, cb) {
        data.set(qiov.flatten(), offset);
        return later(cb, offset === 4096 ? blockError('ENOSPC', 'full') : null);
      },
      bdrvAioFlush: (_bs, cb) => later(cb),
      bdrvAioPdiscard(_bs, offset, bytes, cb) {
        data.fill(0, offset, offset + bytes);
        return later(cb);
      },
    });
    await bdrvPwrite(root, 512, Buffer.alloc(512, 9));
    await expect(bdrvPwrite(root, 4096, Buffer.alloc(512, 9))).rejects.toMatchObject({ code: 'ENOSPC' });
    await blkFlush(blk);
    await blkPdiscard(blk, 1024, 512);
    const back = Buffer.alloc(1536);
    await bdrvPread(root, 0, back);
    expect([back[0], back[512], back[1024]]).toEqual([3, 9, 0]);
    await close();
  });

  test('with sectors only', async () => {
    const data = Buffer.alloc(65536, 3);
    const { root, bs, close } = await driverBackend({
      bdrvCoReadv: (_bs, sector, count, qiov) => Promise.resolve(qiov.copyFrom(data.subarray(sector * 512, (sector + count) * 512))),
      bdrvCoWritev: (_bs, sector, _count, qiov) => Promise.resolve(data.set(qiov.flatten(), sector * 512)),
    });
    expect(bs.bl.requestAlignment).toBe(512);
    await bdrvPwrite(root, 700, Buffer.alloc(512, 9));
    const back = Buffer.alloc(512);
    await bdrvPread(root, 700, back);
    expect(back.every((byte) => byte === 9)).toBe(true);
    expect(data[699]).toBe(3);
    await close();
  });

  test('or of none', async () => {
    const { root, close } = await driverBackend({});
    await expect(bdrvPread(root, 0, Buffer.alloc(512))).rejects.toMatchObject({ code: 'ENOTSUP' });
    await expect(bdrvPwrite(root, 0, Buffer.alloc(512))).rejects.toMatchObject({ code: 'ENOTSUP' });
    await expect(inCoroutine(() => bdrvCoPwrite(root, 0, Buffer.alloc(512), BDRV_REQ_WRITE_COMPRESSED))).rejects.toMatchObject({ code: 'ENOTSUP' });
    await close();
    const compressing = await driverBackend({ bdrvCoPwritevCompressed: () => Promise.resolve() });
    await inCoroutine(() => bdrvCoPwrite(compressing.root, 0, Buffer.alloc(512), BDRV_REQ_WRITE_COMPRESSED));
    await inCoroutine(() => bdrvCoPwrite(compressing.root, 512, Buffer.alloc(0), BDRV_REQ_WRITE_COMPRESSED));
    await compressing.close();
  });

  test('whose debug events are told what a write does', async () => {
    const events: string[] = [];
    const { root, close } = await driverBackend({
      bdrvDebugEvent: (_bs, event) => Promise.resolve(void events.push(event)),
      bdrvRefreshLimits: (bs) => void (bs.bl.requestAlignment = 512),
      bdrvCoPreadv: () => Promise.resolve(),
      bdrvCoPwritev: () => Promise.resolve(),
      bdrvCoPwriteZeroes: () => Promise.resolve(),
    });
    await bdrvPwrite(root, 100, Buffer.alloc(100));
    expect(events.splice(0)).toEqual(['pwritev_rmw_head', 'pwritev_rmw_tail', 'pwritev_rmw_after_head', 'pwritev_rmw_after_tail', 'pwritev', 'pwritev_done']);
    await inCoroutine(() => bdrvCoPwritev(root, 0, 512, new IoVector([]), BDRV_REQ_ZERO_WRITE));
    expect(events).toEqual(['pwritev_zero', 'pwritev_done']);
    await close();
  });
});

test('ranges are widened to clusters, where a node has any', async () => {
  const { bs, close } = await driverBackend({ bdrvGetInfo: () => ({ clusterSize: 4096, vmStateOffset: 0, isDirty: false, needsCompressedWrites: false }) });
  expect(bdrvRoundToClusters(bs, 5000, 5000)).toEqual({ clusterOffset: 4096, clusterBytes: 8192 });
  await close();
  const plain = await memoryBackend(DISK);
  expect(bdrvRoundToClusters(plain.bs, 5000, 5000)).toEqual({ clusterOffset: 5000, clusterBytes: 5000 });
  await plain.close();
});
