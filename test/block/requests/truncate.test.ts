/** Change of length, and questions about it. */
import { describe, expect, test } from 'vitest';
import { blkSetPerm } from '../../../src/block/backend/root.ts';
import { BDRV_REQ_ZERO_WRITE, BLK_PERM_ALL, BLK_PERM_WRITE } from '../../../src/block/model/constants.ts';
import type { BdrvCheckResult, BlockDriver } from '../../../src/block/model/driver.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import { bdrvCreateDirtyBitmap, bdrvGetDirtyCount } from '../../../src/block/requests/dirty-bitmap.ts';
import { bdrvGetAllocatedFileSize, bdrvGetGeometry, bdrvGetlength, bdrvNbSectors, refreshTotalSectors } from '../../../src/block/requests/length.ts';
import { bdrvCheck, bdrvInvalidateCache, bdrvPwrite, bdrvTruncate, emptyCheckResult } from '../../../src/block/requests/wrappers.ts';
import { driverBackend, memoryBackend, nodeBackend, overlayOptions } from '../support/backend.ts';

describe('a node is made', () => {
  test('longer and shorter; its parents and bitmaps follow', async () => {
    const { blk, root, bs, disk, close } = await memoryBackend(65536);
    let heard = 0;
    blk.devOps = {
      resizeCb() {
        heard++;
      },
    };
    const bitmap = bdrvCreateDirtyBitmap(bs, 4096, 'b');
    await bdrvTruncate(root, 131072, true, 'off', 0);
    expect([disk.data.length, await bdrvGetlength(bs), bitmap.size, bdrvGetDirtyCount(bitmap)]).toEqual([131072, 131072, 131072, 0]);
    await bdrvPwrite(root, 131072 - 512, Buffer.alloc(512, 1));
    await bdrvTruncate(root, 1024, true, 'off', 0);
    expect([disk.data.length, await bdrvNbSectors(bs), bdrvGetDirtyCount(bitmap)]).toEqual([1024, 2, 0]);
    expect(heard).toBe(2);
    blk.devOps = null;
    await close();
  });

  test('longer through a filter', async () => {
    const { bs, disk, close } = await memoryBackend(1024);
    const raw = await nodeBackend({ driver: 'raw', file: bs.nodeName });
    await bdrvTruncate(raw.root, 4096, true, 'off', 0);
    expect(disk.data.length).toBe(4096);
    expect(await bdrvGetlength(raw.bs)).toBe(4096);
    await raw.close();
    await close();
  });

  test('longer with zeroes, where a backing file would show through', async () => {
    const flagsFor = async (backingLength: number): Promise<number | undefined> => {
      const base = await memoryBackend(backingLength);
      const top = await nodeBackend({ ...await overlayOptions(8192), backing: base.bs.nodeName });
      const seen: number[] = [];
      const { drv } = top.bs;
      top.bs.supportedTruncateFlags = BDRV_REQ_ZERO_WRITE;
      top.bs.drv = { ...drv, bdrvCoTruncate: (_bs, _offset, _exact, _prealloc, flags) => Promise.resolve(void seen.push(flags)) } as BlockDriver;
      await bdrvTruncate(top.root, 12288, true, 'off', 0);
      top.bs.drv = drv;
      await top.close();
      await base.close();
      return seen[0];
    };
    expect(await flagsFor(65536)).toBe(BDRV_REQ_ZERO_WRITE);
    expect(await flagsFor(8192)).toBe(0);
  });
});

describe('a change of length is refused', () => {
  test('without permission, to a read-only node, and where the driver can not', async () => {
    const { blk, root, close } = await memoryBackend(1024);
    blkSetPerm(blk, BLK_PERM_WRITE, BLK_PERM_ALL);
    await expect(bdrvTruncate(root, 4096, true, 'off', 0)).rejects.toThrow("does not have the permission 'resize'");
    await close();
    const readOnly = await memoryBackend(1024, {}, { 'read-only': 'on' }, 0);
    await expect(bdrvTruncate(readOnly.root, 4096, true, 'off', 0)).rejects.toMatchObject({ code: 'EACCES', message: 'Image is read-only' });
    await readOnly.close();
    const fixed = await driverBackend({});
    await expect(bdrvTruncate(fixed.root, 4096, true, 'off', 0)).rejects.toMatchObject({ code: 'ENOTSUP', message: 'Image format driver does not support resize' });
    await expect(bdrvTruncate(fixed.root, -1, true, 'off', 0)).rejects.toMatchObject({ code: 'EIO' });
    await fixed.close();
    const plain = await driverBackend({ bdrvCoTruncate: () => Promise.resolve() });
    await expect(bdrvTruncate(plain.root, 4096, true, 'off', BDRV_REQ_ZERO_WRITE)).rejects.toMatchObject({ code: 'ENOTSUP' });
    await plain.close();
  });

  test('where the backing file does not tell its length', async () => {
    const base = await memoryBackend(65536);
    const top = await nodeBackend({ ...await overlayOptions(8192), backing: base.bs.nodeName });
    const { drv } = base.bs;
    base.bs.drv = { ...drv, hasVariableLength: true, bdrvGetlength: () => Promise.reject(blockError('EIO', 'gone')) } as BlockDriver;
    await expect(bdrvTruncate(top.root, 12288, true, 'off', 0)).rejects.toThrow('Could not get backing file size: gone');
    base.bs.drv = drv;
    await top.close();
    await base.close();
  });
});

describe('the length', () => {
  test('is that of whole sectors, asked again where it varies', async () => {
    let length = 1000;
    const { bs, close } = await driverBackend({ hasVariableLength: true, bdrvGetlength: () => Promise.resolve(length), bdrvCoTruncate: () => Promise.resolve() });
    expect(await bdrvGetlength(bs)).toBe(1024);
    length = 1025;
    expect(await bdrvNbSectors(bs)).toBe(3);
    expect(await bdrvGetGeometry(bs)).toBe(3);
    length = 2 ** 53;
    await expect(refreshTotalSectors(bs, 0)).rejects.toMatchObject({ code: 'EFBIG' });
    expect(await bdrvGetGeometry(bs)).toBe(0);
    length = 1024;
    await close();
  });

  test('after a change that the driver does not confirm is what was asked for', async () => {
    let fails = false;
    const { root, bs, close } = await driverBackend({ bdrvGetlength: () => (fails ? Promise.reject(blockError('EIO', 'gone')) : Promise.resolve(1024)), bdrvCoTruncate: () => Promise.resolve() });
    fails = true;
    await bdrvTruncate(root, 4096, true, 'off', 0);
    expect(bs.totalSectors).toBe(8);
    fails = false;
    await close();
  });

  test('on the host is that of the file, or of all that store data', async () => {
    const { bs, close } = await memoryBackend(1000);
    expect(await bdrvGetAllocatedFileSize(bs)).toBe(1024);
    const raw = await nodeBackend({ driver: 'raw', file: bs.nodeName });
    expect(await bdrvGetAllocatedFileSize(raw.bs)).toBe(1024);
    await raw.close();
    await close();
    const overlay = await nodeBackend(await overlayOptions(4096));
    expect(await bdrvGetAllocatedFileSize(overlay.bs)).toBe(12288);
    await overlay.close();
    const protocol = await driverBackend({});
    await expect(bdrvGetAllocatedFileSize(protocol.bs)).rejects.toMatchObject({ code: 'ENOTSUP' });
    await protocol.close();
  });

  test('of a node without driver is not there', async () => {
    const { bs, close } = await memoryBackend(1024);
    const { drv } = bs;
    bs.drv = null;
    await expect(bdrvGetlength(bs)).rejects.toMatchObject({ code: 'ENOMEDIUM' });
    await expect(refreshTotalSectors(bs, 0)).rejects.toMatchObject({ code: 'ENOMEDIUM' });
    await expect(bdrvGetAllocatedFileSize(bs)).rejects.toMatchObject({ code: 'ENOMEDIUM' });
    bs.drv = drv;
    await close();
  });
});

describe('an image', () => {
  test('is checked by its format, or not at all', async () => {
    const { bs, close } = await driverBackend({ bdrvCoCheck: (_bs, result, fix) => Promise.resolve(void (result.leaks = 10 + fix)) });
    const result: BdrvCheckResult = { ...emptyCheckResult(), corruptions: 99 };
    await bdrvCheck(bs, result, 1);
    expect(result).toEqual({ ...emptyCheckResult(), leaks: 11 });
    await close();
    const plain = await driverBackend({});
    await expect(bdrvCheck(plain.bs, result, 0)).rejects.toMatchObject({ code: 'ENOTSUP', message: 'This image format does not support checks' });
    await plain.close();
  });

  test('that was changed elsewhere is read anew', async () => {
    let dropped = 0;
    const { bs, close } = await driverBackend({ bdrvCoInvalidateCache: () => Promise.resolve(dropped++).then(() => undefined) });
    await bdrvInvalidateCache(bs);
    expect(dropped).toBe(1);
    await close();
  });
});
