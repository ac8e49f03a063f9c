/** Dirty bitmaps: what they record, against a plain set, and what jobs do with them. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blockDirtyBitmapLookup, blockDirtyBitmapMerge, blockDirtyBitmapRemove } from '../../../src/block/block-int-global-state.ts';
import { bdrvDirtyBitmapMergeInternal, bdrvSetDirty } from '../../../src/block/block-int-io.ts';
import {
  bdrvCanStoreNewDirtyBitmap, bdrvClearDirtyBitmap, bdrvCreateDirtyBitmap, bdrvDirtyBitmapAbdicate, bdrvDirtyBitmapCheck, bdrvDirtyBitmapCreateSuccessor,
  bdrvDirtyBitmapDeserializeFinish, bdrvDirtyBitmapDeserializeOnes, bdrvDirtyBitmapDeserializePart, bdrvDirtyBitmapDeserializeZeroes, bdrvDirtyBitmapGet,
  bdrvDirtyBitmapNextDirty, bdrvDirtyBitmapNextDirtyArea, bdrvDirtyBitmapNextZero, bdrvDirtyBitmapSerializationAlign, bdrvDirtyBitmapSerializationCoverage,
  bdrvDirtyBitmapSerializationSize, bdrvDirtyBitmapSerializePart, bdrvDirtyBitmapStatus, bdrvDisableDirtyBitmap, bdrvEnableDirtyBitmap, bdrvFindDirtyBitmap,
  bdrvGetDefaultBitmapGranularity, bdrvGetDirtyCount, bdrvMergeDirtyBitmap, bdrvQueryDirtyBitmaps, bdrvReclaimDirtyBitmap, bdrvReleaseDirtyBitmap,
  bdrvRemovePersistentDirtyBitmap, bdrvResetDirtyBitmap, bdrvSetDirtyBitmap, blockDirtyBitmapAdd, blockDirtyBitmapClear, blockDirtyBitmapRecord, BDRV_BITMAP_DEFAULT,
} from '../../../src/block/dirty-bitmap.ts';
import type { BdrvDirtyBitmap } from '../../../src/block/model/dirty-bitmap.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { runCoWrapper } from '../../../src/block/contexts/poll.ts';
import { bdrvRestoreDirtyBitmap } from '../../../src/block/requests/dirty-bitmap.ts';
import { bdrvPdiscard, bdrvPwrite, bdrvPwriteZeroes } from '../../../src/block/requests/wrappers.ts';
import { driverBackend, memoryBackend, type TestBackend } from '../support/backend.ts';

const LENGTH = 1024 * 1024;
const UNIT = 4096;
let disk: TestBackend;

beforeEach(async () => {
  disk = await memoryBackend(LENGTH);
});

afterEach(async () => {
  for (const bitmap of [...disk.bs.dirtyBitmaps]) bdrvReleaseDirtyBitmap(bitmap);
  await disk.close();
});

const create = (name: string | null = 'b', granularity = UNIT): BdrvDirtyBitmap => bdrvCreateDirtyBitmap(disk.bs, granularity, name);

/** All marked ranges, from the bitmap's own searches. */
function areas(bitmap: BdrvDirtyBitmap): string[] {
  const found: string[] = [];
  for (let at = bdrvDirtyBitmapNextDirtyArea(bitmap, 0, bitmap.size, bitmap.size); at; at = bdrvDirtyBitmapNextDirtyArea(bitmap, at.offset + at.bytes, bitmap.size, bitmap.size)) {
    found.push(`${at.offset}+${at.bytes}`);
  }
  return found;
}

describe('a bitmap', () => {
  test('records what is written, zeroed and discarded, while it is enabled', async () => {
    const bitmap = create();
    await bdrvPwrite(disk.root, 5000, Buffer.alloc(100));
    await bdrvPwriteZeroes(disk.root, 16384, 8192, 0);
    await bdrvPdiscard(disk.root, 40960, 512);
    expect(areas(bitmap)).toEqual(['4096+4096', '16384+8192', '40960+4096']);
    bdrvDisableDirtyBitmap(bitmap);
    await bdrvPwrite(disk.root, 0, Buffer.alloc(100));
    expect(bdrvDirtyBitmapGet(bitmap, 0)).toBe(false);
    bdrvEnableDirtyBitmap(bitmap);
    bdrvSetDirty(disk.bs, 0, 1);
    expect(bdrvDirtyBitmapGet(bitmap, 4095)).toBe(true);
    expect(bdrvGetDirtyCount(bitmap)).toBe(5 * UNIT);
  });

  test('answers as a plain set of units does', () => {
    fc.assert(fc.property(
      fc.array(fc.record({ set: fc.boolean(), offset: fc.nat(LENGTH - 1), bytes: fc.nat(LENGTH / 2) }), { maxLength: 12 }),
      fc.nat(LENGTH - 1), fc.nat(LENGTH),
      (steps, offset, wanted) => {
        const bitmap = create(null);
        const model = new Set<number>();
        for (const { set, offset: from, bytes: length } of steps) {
          const bytes = Math.min(length, LENGTH - from);
          (set ? bdrvSetDirtyBitmap : bdrvResetDirtyBitmap)(bitmap, from, bytes);
          for (let unit = Math.floor(from / UNIT); bytes > 0 && unit * UNIT < from + bytes; unit++) {
            if (set) model.add(unit);
            else model.delete(unit);
          }
        }
        const bytes = Math.min(wanted, LENGTH - offset);
        const search = (dirty: boolean): number | null => {
          for (let at = offset; at < offset + bytes; at = (Math.floor(at / UNIT) + 1) * UNIT) if (model.has(Math.floor(at / UNIT)) === dirty) return at;
          return null;
        };
        expect(bdrvGetDirtyCount(bitmap)).toBe(model.size * UNIT);
        expect(bdrvDirtyBitmapNextDirty(bitmap, offset, bytes)).toBe(search(true));
        expect(bdrvDirtyBitmapNextZero(bitmap, offset, bytes)).toBe(search(false));
        const isDirty = model.has(Math.floor(offset / UNIT));
        if (bytes > 0) expect(bdrvDirtyBitmapStatus(bitmap, offset, bytes)).toEqual({ dirty: isDirty, count: (search(!isDirty) ?? offset + bytes) - offset });
        bdrvReleaseDirtyBitmap(bitmap);
      },
    ), { numRuns: 200 });
  });

  test('has a name of its own, and a granularity that can be', () => {
    const bitmap = create();
    expect(bdrvFindDirtyBitmap(disk.bs, 'b')).toBe(bitmap);
    expect(() => create()).toThrow('Bitmap already exists: b');
    expect(() => create('c', 3000)).toThrow('power of 2');
    expect(() => create('c', 256)).toThrow('at least 512');
    expect(() => create('x'.repeat(1024))).toThrow('too long');
    expect(bdrvGetDefaultBitmapGranularity(disk.bs)).toBe(65536);
    bdrvReleaseDirtyBitmap(bitmap);
    bdrvReleaseDirtyBitmap(bitmap);
    expect(bdrvFindDirtyBitmap(disk.bs, 'b')).toBeNull();
  });

  test('is cleared, and has its marks back', () => {
    const bitmap = create();
    bdrvSetDirtyBitmap(bitmap, 0, 2 * UNIT);
    const backup = bdrvClearDirtyBitmap(bitmap);
    expect(areas(bitmap)).toEqual([]);
    bdrvRestoreDirtyBitmap(bitmap, backup);
    expect(areas(bitmap)).toEqual(['0+8192']);
    bitmap.readonly = true;
    expect(() => bdrvRestoreDirtyBitmap(bitmap, backup)).toThrow('readonly');
    bitmap.readonly = false;
  });

  test('that can not be changed keeps the node from being written', async () => {
    const bitmap = create();
    bitmap.readonly = true;
    await expect(bdrvPwrite(disk.root, 0, Buffer.alloc(512))).rejects.toMatchObject({ code: 'EPERM' });
    await expect(bdrvPdiscard(disk.root, 0, 512)).rejects.toMatchObject({ code: 'EPERM' });
    expect(() => bdrvDirtyBitmapCheck(bitmap, BDRV_BITMAP_DEFAULT)).toThrow("Bitmap 'b' is readonly and cannot be modified");
    bitmap.readonly = false;
    bitmap.inconsistent = true;
    expect(() => bdrvDirtyBitmapCheck(bitmap, BDRV_BITMAP_DEFAULT)).toThrow("Bitmap 'b' is inconsistent and cannot be used");
    bitmap.inconsistent = false;
    bitmap.busy = true;
    expect(() => bdrvDirtyBitmapCheck(bitmap, BDRV_BITMAP_DEFAULT)).toThrow("Bitmap 'b' is currently in use");
    bitmap.busy = false;
  });
});

describe('a frozen bitmap', () => {
  test('is replaced by its successor when the job is done', () => {
    const bitmap = create();
    bitmap.persistent = true;
    bdrvSetDirtyBitmap(bitmap, 0, 1);
    const successor = bdrvDirtyBitmapCreateSuccessor(bitmap);
    expect(() => bdrvDirtyBitmapCreateSuccessor(bitmap)).toThrow('in use');
    expect(bdrvQueryDirtyBitmaps(disk.bs)).toEqual([
      { name: 'b', count: UNIT, granularity: UNIT, recording: true, busy: true, persistent: true },
      { count: 0, granularity: UNIT, recording: true, busy: false, persistent: false },
    ]);
    bdrvSetDirty(disk.bs, UNIT, 1);
    expect(bdrvDirtyBitmapAbdicate(bitmap)).toBe(successor);
    expect(bdrvFindDirtyBitmap(disk.bs, 'b')).toBe(successor);
    expect(successor.persistent).toBe(true);
    expect(areas(successor)).toEqual(['4096+4096']);
    expect(() => bdrvDirtyBitmapAbdicate(successor)).toThrow('has no successor');
  });

  test('takes its successor in when the job fails', () => {
    const bitmap = create();
    bdrvSetDirtyBitmap(bitmap, 0, 1);
    bdrvDirtyBitmapCreateSuccessor(bitmap);
    bitmap.busy = false;
    expect(() => bdrvDirtyBitmapCreateSuccessor(bitmap)).toThrow('already has one');
    bdrvSetDirty(disk.bs, UNIT, 1);
    bdrvReclaimDirtyBitmap(bitmap);
    expect(areas(bitmap)).toEqual(['0+8192']);
    expect([bitmap.busy, bitmap.disabled, disk.bs.dirtyBitmaps.length]).toEqual([false, false, 1]);
  });
});

describe('bitmaps', () => {
  test('are merged, whatever their granularities', () => {
    const [one, coarse, fine] = [create('one'), create('coarse', 65536), create('fine', 512)];
    bdrvSetDirtyBitmap(one, 0, 1);
    bdrvSetDirtyBitmap(coarse, 65536, 1);
    bdrvSetDirtyBitmap(fine, 8192 + 512, 512);
    const backup = bdrvMergeDirtyBitmap(one, fine);
    bdrvDirtyBitmapMergeInternal(one, coarse);
    expect(areas(one)).toEqual(['0+4096', '8192+4096', '65536+65536']);
    bdrvRestoreDirtyBitmap(one, backup);
    expect(areas(one)).toEqual(['0+4096']);
    fine.size = 512;
    expect(() => bdrvMergeDirtyBitmap(one, fine)).toThrow("Bitmaps are of different sizes (destination size is 1048576, source size is 512) and can't be merged");
  });

  test('are stored and read back in parts', () => {
    const bitmap = create('stored', 512);
    bdrvSetDirtyBitmap(bitmap, 100_000, 200_000);
    expect(bdrvDirtyBitmapSerializationAlign(bitmap)).toBe(512 * 64);
    const part = bdrvDirtyBitmapSerializationCoverage(64, 512);
    const copy = create('copy', 512);
    for (let offset = 0; offset < LENGTH; offset += part) {
      const bytes = bdrvDirtyBitmapSerializePart(bitmap, offset, part);
      expect(bytes.length).toBe(bdrvDirtyBitmapSerializationSize(bitmap, offset, part));
      bdrvDirtyBitmapDeserializePart(copy, bytes, offset, part);
    }
    bdrvDirtyBitmapDeserializeFinish(copy);
    expect(areas(copy)).toEqual(areas(bitmap));
    bdrvDirtyBitmapDeserializeOnes(copy, 0, LENGTH);
    bdrvDirtyBitmapDeserializeZeroes(copy, 0, part);
    bdrvDirtyBitmapDeserializeFinish(copy);
    expect(areas(copy)).toEqual([`${part}+${LENGTH - part}`]);
  });

  test('of a node whose end lies within a unit end with it', async () => {
    const short = await memoryBackend(10_000);
    const bitmap = bdrvCreateDirtyBitmap(short.bs, UNIT, 'short');
    bdrvDirtyBitmapDeserializeOnes(bitmap, 0, 10_240);
    bdrvDirtyBitmapDeserializeFinish(bitmap);
    expect(areas(bitmap)).toEqual(['0+10240']);
    expect(bdrvGetDirtyCount(bitmap)).toBe(3 * UNIT);
    await short.close();
  });
});

describe('a management program', () => {
  test('makes, switches, clears, merges and removes bitmaps by name', async () => {
    const node = disk.bs.nodeName;
    const one = await blockDirtyBitmapAdd(node, 'one', { disabled: true });
    const two = await blockDirtyBitmapAdd(node, 'two', { granularity: UNIT });
    expect([one.granularity, one.disabled, two.disabled]).toEqual([65536, true, false]);
    blockDirtyBitmapRecord(node, 'one', true);
    blockDirtyBitmapRecord(node, 'two', false);
    bdrvSetDirty(disk.bs, 0, 1);
    const target = await blockDirtyBitmapAdd(node, 'target', {});
    expect(blockDirtyBitmapMerge(node, 'target', ['two', { node, name: 'one' }]).bitmap).toBe(target);
    expect(areas(target)).toEqual(['0+65536']);
    blockDirtyBitmapClear(node, 'one');
    expect(areas(one)).toEqual([]);
    expect(await blockDirtyBitmapRemove(node, 'two', false)).toEqual({ bs: disk.bs, bitmap: two });
    await blockDirtyBitmapRemove(node, 'two', true);
    expect(() => blockDirtyBitmapLookup(node, 'two')).toThrow("Dirty bitmap 'two' not found");
    await expect(blockDirtyBitmapAdd(node, '', {})).rejects.toThrow('Bitmap name cannot be empty');
  });

  test('gets all of a merge, or nothing', () => {
    const [one, target] = [create('one'), create('target')];
    bdrvSetDirtyBitmap(one, 0, 1);
    expect(() => blockDirtyBitmapMerge(disk.bs.nodeName, 'target', ['one', 'nobody'])).toThrow("Dirty bitmap 'nobody' not found");
    expect(areas(target)).toEqual([]);
    expect(disk.bs.dirtyBitmaps.length).toBe(2);
  });

  test('has bitmaps stored only where the format can', async () => {
    await expect(bdrvCanStoreNewDirtyBitmap(disk.bs, 'b', UNIT)).rejects.toMatchObject({ code: 'ENOTSUP' });
    await expect(bdrvRemovePersistentDirtyBitmap(disk.bs, 'b')).rejects.toMatchObject({ code: 'ENOTSUP' });
    const removed: string[] = [];
    const { bs, close } = await driverBackend({
      bdrvCoCanStoreNewDirtyBitmap: (_bs, name) => (name === 'full' ? Promise.reject(blockError('ENOSPC', 'No room for a bitmap')) : Promise.resolve(true)),
      bdrvCoRemovePersistentDirtyBitmap: (_bs, name) => Promise.resolve(void removed.push(name)),
    });
    await expect(blockDirtyBitmapAdd(bs.nodeName, 'full', { persistent: true })).rejects.toThrow('No room for a bitmap');
    expect((await blockDirtyBitmapAdd(bs.nodeName, 'kept', { persistent: true })).persistent).toBe(true);
    expect(await runCoWrapper(mainContext, () => bdrvCanStoreNewDirtyBitmap(bs, 'b', UNIT))).toBe(true);
    await blockDirtyBitmapRemove(bs.nodeName, 'kept', true);
    await runCoWrapper(mainContext, () => bdrvRemovePersistentDirtyBitmap(bs, 'again'));
    expect(removed).toEqual(['kept', 'again']);
    await close();
  });
});
