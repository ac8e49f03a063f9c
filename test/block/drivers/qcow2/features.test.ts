/** Each feature of the format, against qemu-img and qemu-io where they have it too. */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blkSetPerm } from '../../../../src/block/backend/root.ts';
import { blkLoadVmstate, blkSaveVmstate, blkTruncate } from '../../../../src/block/backend/wrappers.ts';
import { secretAdd } from '../../../../src/block/drivers/crypto/secrets.ts';
import { bdrvQcow2 } from '../../../../src/block/drivers/qcow2/driver.ts';
import { mainContext } from '../../../../src/block/contexts/aio-context.ts';
import { runCoWrapper } from '../../../../src/block/contexts/poll.ts';
import { onBlockEvent } from '../../../../src/block/events.ts';
import { bdrvActivate } from '../../../../src/block/graph/activation.ts';
import { bdrvInactivateAll } from '../../../../src/block/graph/activation-of-all.ts';
import { BDRV_FIX_ERRORS, BDRV_FIX_LEAKS, BDRV_O_CHECK, BDRV_O_NO_IO, BDRV_O_RDWR, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_WRITE } from '../../../../src/block/model/constants.ts';
import type { BlockOptions, OptionValue } from '../../../../src/block/model/options.ts';
import { bdrvAmendOptions, bdrvChangeBackingFile, bdrvMakeEmpty } from '../../../../src/block/open/image.ts';
import { bdrvGetInfo, bdrvGetSpecificInfo, bdrvMeasure } from '../../../../src/block/open/queries.ts';
import { bdrvReopenSetReadOnly } from '../../../../src/block/open/reopen.ts';
import { bdrvBlockStatus } from '../../../../src/block/requests/block-status.ts';
import {
  bdrvCanStoreNewDirtyBitmap, bdrvCreateDirtyBitmap, bdrvDirtyBitmapGet, bdrvFindDirtyBitmap, bdrvRemovePersistentDirtyBitmap,
} from '../../../../src/block/requests/dirty-bitmap.ts';
import { bdrvSnapshotCreate, bdrvSnapshotGoto, bdrvSnapshotList, bdrvSnapshotLoadTmp } from '../../../../src/block/snapshot/snapshot.ts';
import { registerDrivers } from '../../support/backend.ts';
import { forgetMemoryDisk, memoryDisk, memoryDiskOf } from '../../support/memory-driver.ts';
import { hasQemuImg, qemuImg, qemuIo } from '../../support/qemu.ts';
import { createImage, openImage, TestFolder } from '../../support/qcow2.ts';

const folder = new TestFolder();
beforeAll(() => {
  registerDrivers();
  secretAdd({ id: 'key', data: 'open sesame' });
  secretAdd({ id: 'new-key', data: 'close sesame' });
});
afterAll(() => folder.remove());

const MIB = 2 ** 20;
const snapshotInfo = (name: string, vmStateSize = 0) => ({ idStr: '', name, vmStateSize, dateSec: 1700000000, dateNsec: 5, vmClockNsec: 7n, icount: null });

function infoOf(path: string): Record<string, unknown> {
  return JSON.parse(qemuImg('info', '--output=json', path)) as Record<string, unknown>;
}

/** Options as words of qemu-img. */
function optionWords(options: Readonly<Record<string, OptionValue>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${String(value)}`]);
}

const creations: Record<string, OptionValue>[] = [
  {}, { compat: '0.10' }, { cluster_size: 512 }, { cluster_size: 2 * MIB }, { refcount_bits: 1 }, { refcount_bits: 64 }, { lazy_refcounts: true },
  { extended_l2: true }, { preallocation: 'metadata' }, { preallocation: 'falloc' }, { preallocation: 'full' }, { preallocation: 'metadata', extended_l2: true },
];

describe.skipIf(!hasQemuImg)('creation', () => {
  test.each(creations)('%o', async (options) => {
    const ours = folder.file('ours.qcow2');
    const theirs = folder.file('theirs.qcow2');
    await createImage(ours, { size: 5 * MIB + 512, ...options });
    qemuImg('create', '-q', '-f', 'qcow2', ...optionWords(options), theirs, String(5 * MIB + 512));
    qemuImg('check', ours);
    const [our, their] = [infoOf(ours), infoOf(theirs)];
    expect(our['format-specific']).toEqual(their['format-specific']);
    expect(our['virtual-size']).toEqual(their['virtual-size']);
    const image = await openImage(theirs);
    expect(bdrvGetSpecificInfo(image.bs)).toEqual(their['format-specific']);
    expect(bdrvGetInfo(image.bs)).toMatchObject({ clusterSize: their['cluster-size'], isDirty: false });
    await image.write(MIB, Buffer.alloc(MIB, 5));
    await image.close();
    qemuImg('check', theirs);
    qemuIo('-r', '-c', `read -P 5 ${MIB} ${MIB}`, '-c', `read -P 0 0 ${MIB}`, theirs);
  });

  test.each([
    [{ cluster_size: 1000 }], [{ cluster_size: 256 }], [{ refcount_bits: 3 }], [{ compat: '0.10', lazy_refcounts: true }], [{ compat: '0.10', refcount_bits: 8 }],
    [{ compat: '2.0' }], [{ extended_l2: true, cluster_size: 4096 }], [{ data_file_raw: true }], [{ backing_fmt: 'raw' }], [{ size: '10000T', cluster_size: 512 }],
    [{ 'encrypt.format': 'luks' }], [{ 'encrypt.format': 'aes' }], [{ encryption: true }], [{ compression_type: 'zstd' }], [{ compat: '0.10', extended_l2: true }],
  ])('refuses %o', async (options: BlockOptions) => {
    if ('compression_type' in options && 'zstdCompress' in (await import('node:zlib'))) return;
    await expect(createImage('memory:refused', { size: MIB, ...options })).rejects.toMatchObject({ name: 'BlockError' });
  });
});

describe.skipIf(!hasQemuImg)('measure', () => {
  test.each([{}, { cluster_size: 512 }, { cluster_size: 2 * MIB }, { refcount_bits: 64 }, { preallocation: 'full' }, { extended_l2: true }])('%o', async (options: Record<string, OptionValue>) => {
    const words = optionWords(options);
    for (const size of [0, 512, 10 * MIB + 512, 3 * 2 ** 40 / 4096]) {
      const theirs = JSON.parse(qemuImg('measure', '--output=json', '-O', 'qcow2', ...words, '--size', String(size))) as Record<string, number>;
      expect(await bdrvMeasure(bdrvQcow2, { size, ...options }, null)).toEqual({ required: theirs['required'], fullyAllocated: theirs['fully-allocated'] });
    }
    const source = folder.file('source.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', source, '20M');
    qemuIo('-c', 'write 1M 3M', '-c', 'write 7M 100k', source);
    const image = await openImage(source);
    const theirs = JSON.parse(qemuImg('measure', '-U', '--output=json', '-O', 'qcow2', ...words, source)) as Record<string, number>;
    expect(await bdrvMeasure(bdrvQcow2, options, image.bs)).toEqual({ required: theirs['required'], fullyAllocated: theirs['fully-allocated'], bitmaps: theirs['bitmaps'] ?? 0 });
    await image.close();
  });
});

describe.skipIf(!hasQemuImg)('LUKS', () => {
  const secret = ['--object', 'secret,id=key,data=open sesame'];
  const opts = (path: string, key = 'key') => ['--image-opts', `driver=qcow2,file.filename=${path},encrypt.key-secret=${key}`];

  test('images of both sides open on the other, and keys change', async () => {
    const path = folder.file('luks.qcow2');
    await createImage(path, { size: 4 * MIB, 'encrypt.format': 'luks', 'encrypt.key-secret': 'key', 'encrypt.iter-time': 10 });
    const image = await openImage(path, { 'encrypt.key-secret': 'key' });
    await image.write(100000, Buffer.alloc(200000, 0x5a));
    expect((await image.read(100000, 200000)).every((byte) => byte === 0x5a)).toBe(true);
    await bdrvAmendOptions(image.bs, { 'encrypt.state': 'active', 'encrypt.new-secret': 'new-key', 'encrypt.iter-time': 10 }, null, false);
    await image.close();
    qemuIo(...secret, '-c', 'read -P 0x5a 100000 200000', '-c', 'read -P 0 0 100000', ...opts(path));
    qemuIo('--object', 'secret,id=key,data=close sesame', '-c', 'write -P 0x77 1M 1M', ...opts(path));
    const again = await openImage(path, { 'encrypt.key-secret': 'new-key' });
    expect((await again.read(MIB, MIB)).every((byte) => byte === 0x77)).toBe(true);
    expect(bdrvGetSpecificInfo(again.bs)).toMatchObject({ data: { encrypt: { format: 'luks' } } });
    expect(await again.check()).toMatchObject({ corruptions: 0, leaks: 0 });
    await again.close();
    await expect(openImage(path)).rejects.toThrow(/key-secret/);
    const unlocked = await openImage(path, {}, BDRV_O_NO_IO);
    await expect(unlocked.read(MIB, 512)).rejects.toMatchObject({ code: 'EIO' });
    await unlocked.close();
  });
});

describe('snapshots', () => {
  test('come back with their VM state, and can be shown by a reader', async () => {
    const path = folder.file('snapshots.qcow2');
    await createImage(path, { size: MIB });
    const image = await openImage(path);
    await image.write(0, Buffer.alloc(MIB, 1));
    await blkSaveVmstate(image.blk, Buffer.alloc(70000, 0xee), 0);
    await bdrvSnapshotCreate(image.bs, snapshotInfo('first', 70000));
    await image.write(0, Buffer.alloc(MIB, 2));
    await bdrvSnapshotGoto(image.bs, 'first');
    const state = Buffer.alloc(70000);
    await blkLoadVmstate(image.blk, state, 0);
    expect(state.every((byte) => byte === 0xee)).toBe(true);
    expect((await image.read(0, MIB)).every((byte) => byte === 1)).toBe(true);
    await image.write(0, Buffer.alloc(512, 3));
    expect(await bdrvSnapshotList(image.bs)).toMatchObject([{ idStr: '1', name: 'first', vmStateSize: 70000, vmClockNsec: 7n, dateSec: 1700000000 }]);
    await image.close();
    if (hasQemuImg) {
      qemuImg('check', path);
      expect(qemuImg('snapshot', '-l', path)).toContain('first');
    }
    const reader = await openImage(path, {}, 0);
    expect((await reader.read(0, 1))[0]).toBe(3);
    await bdrvSnapshotLoadTmp(reader.bs, null, 'first');
    expect((await reader.read(0, 1))[0]).toBe(1);
    await reader.close();
  });
});

describe('amend', () => {
  const stillGood = async (path: string): Promise<void> => {
    if (hasQemuImg) qemuImg('check', path);
    const image = await openImage(path);
    expect((await image.read(0, 70000)).every((byte) => byte === 0)).toBe(true);
    expect((await image.read(70000, 30000)).every((byte) => byte === 8)).toBe(true);
    expect(await image.check()).toMatchObject({ corruptions: 0, leaks: 0 });
    await image.close();
  };

  test('changes version, refcounts, laziness, length and backing file', async () => {
    const base = folder.file('base.raw');
    const path = folder.file('amend.qcow2');
    await createImage(path, { size: MIB, cluster_size: 4096 });
    const image = await openImage(path);
    await image.write(0, Buffer.alloc(100000, 8));
    await bdrvSnapshotCreate(image.bs, snapshotInfo('kept'));
    await image.writeZeroes(0, 70000);
    const steps: number[] = [];
    const amend = (options: BlockOptions) => bdrvAmendOptions(image.bs, options, (_bs, done, total) => steps.push(done / total), false);
    await amend({ refcount_bits: 64 });
    expect(image.state.refcountBits).toBe(64);
    await amend({ refcount_bits: 2, lazy_refcounts: 'on' });
    expect(bdrvGetSpecificInfo(image.bs)).toMatchObject({ data: { 'refcount-bits': 2, 'lazy-refcounts': true } });
    await expect(amend({ refcount_bits: 1 })).rejects.toMatchObject({ code: 'EINVAL' });
    await amend({ compat: '0.10', lazy_refcounts: 'off', refcount_bits: 16 });
    expect(bdrvGetSpecificInfo(image.bs)).toMatchObject({ data: { compat: '0.10', 'refcount-bits': 16 } });
    await image.close();
    await stillGood(path);
    const again = await openImage(path);
    await bdrvAmendOptions(again.bs, { compat: '1.1', size: 2 * MIB }, null, false);
    await bdrvAmendOptions(again.bs, { backing_file: base, backing_fmt: 'raw' }, null, false);
    expect(again.state.header.size).toBe(2 * MIB);
    await bdrvAmendOptions(again.bs, { backing_file: '' }, null, false);
    await expect(bdrvAmendOptions(again.bs, { nonsense: 1 }, null, false)).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(bdrvAmendOptions(again.bs, { data_file: 'x' }, null, false)).rejects.toMatchObject({ code: 'EINVAL' });
    await again.close();
    expect(steps.at(-1)).toBe(1);
    await stillGood(path);
  });

  test('expands zero clusters where a backing file would show', async () => {
    memoryDisk('amend-base', Buffer.alloc(MIB, 0xbb));
    await createImage('memory:amend', { size: MIB, cluster_size: 4096 });
    const backing = { 'backing.driver': 'memory', 'backing.filename': 'amend-base' };
    const image = await openImage('memory:amend', backing);
    await image.write(0, Buffer.alloc(8192, 1));
    await bdrvSnapshotCreate(image.bs, snapshotInfo('kept'));
    await image.writeZeroes(4096, 65536);
    await bdrvAmendOptions(image.bs, { compat: '0.10' }, null, false);
    expect((await image.read(4096, 65536)).every((byte) => byte === 0)).toBe(true);
    await bdrvSnapshotGoto(image.bs, 'kept');
    expect((await image.read(4096, 4096)).every((byte) => byte === 1)).toBe(true);
    expect(await image.check()).toMatchObject({ corruptions: 0, leaks: 0 });
    await image.close();
  });
});

describe('persistent bitmaps', () => {
  /** Makes an image that has stored an empty bitmap. */
  async function createImageWithBitmap(filename: string, name: string): Promise<void> {
    await createImage(filename, { size: MIB });
    const image = await openImage(filename);
    bdrvCreateDirtyBitmap(image.bs, 65536, name).persistent = true;
    await image.close();
  }

  test('are stored, loaded and removed', async () => {
    const path = folder.file('bitmaps.qcow2');
    await createImage(path, { size: 8 * MIB });
    const image = await openImage(path);
    expect(await bdrvCanStoreNewDirtyBitmap(image.bs, 'changes', 65536)).toBe(true);
    const bitmap = bdrvCreateDirtyBitmap(image.bs, 65536, 'changes');
    bitmap.persistent = true;
    await expect(bdrvCanStoreNewDirtyBitmap(image.bs, 'changes', 65536)).rejects.toMatchObject({ code: 'EEXIST' });
    await image.write(3 * MIB, Buffer.alloc(100, 1));
    await image.close();
    if (hasQemuImg) {
      qemuImg('check', path);
      expect(infoOf(path)).toMatchObject({ 'format-specific': { data: { bitmaps: [{ name: 'changes', granularity: 65536, flags: ['auto'] }] } } });
      qemuImg('bitmap', '--add', path, 'other');
    }
    const again = await openImage(path);
    const loaded = bdrvFindDirtyBitmap(again.bs, 'changes');
    expect(loaded).toMatchObject({ persistent: true, disabled: false, inconsistent: false, count: 1 });
    expect(loaded && bdrvDirtyBitmapGet(loaded, 3 * MIB)).toBe(true);
    await again.write(0, Buffer.alloc(100, 1));
    await bdrvReopenSetReadOnly(again.bs, true).catch(() => undefined);
    await bdrvReopenSetReadOnly(again.bs, false).catch(() => undefined);
    expect(loaded?.count).toBe(2);
    await bdrvRemovePersistentDirtyBitmap(again.bs, 'nothing');
    if (hasQemuImg) await bdrvRemovePersistentDirtyBitmap(again.bs, 'other');
    expect(await again.check()).toMatchObject({ corruptions: 0, leaks: 0 });
    await again.close();
    if (hasQemuImg) qemuImg('check', path);
  });

  test('have names of their own, whether they are stored or will be', async () => {
    await createImageWithBitmap('memory:named', 'stored');
    const again = await openImage('memory:named');
    bdrvCreateDirtyBitmap(again.bs, 65536, 'waiting').persistent = true;
    const canStore = (name: string) => runCoWrapper(mainContext, async () => bdrvQcow2.bdrvCoCanStoreNewDirtyBitmap?.(again.bs, name, 65536));
    for (const name of ['stored', 'waiting']) await expect(canStore(name)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await canStore('new')).toBe(true);
    await again.close();
  });

  test('of a broken directory are an error', async () => {
    await createImageWithBitmap('memory:broken', 'one');
    const { data } = memoryDiskOf('broken');
    const view = new DataView(data.buffer);
    const extension = Buffer.from(data.buffer).indexOf(Buffer.from('23852875', 'hex'));
    const directory = Number(view.getBigUint64(extension + 24));
    view.setUint8(directory + 16, 9);
    await expect(openImage('memory:broken')).rejects.toThrow('Broken bitmap directory');
  });

  test('that were in use when the power went are inconsistent', async () => {
    await createImageWithBitmap('memory:in-use', 'changes');
    const again = await openImage('memory:in-use');
    memoryDisk('crashed', Uint8Array.from(memoryDiskOf('in-use').data));
    await again.close();
    const crashed = await openImage('memory:crashed');
    expect(bdrvFindDirtyBitmap(crashed.bs, 'changes')).toMatchObject({ inconsistent: true });
    await crashed.close();
  });
});

describe('an open image', () => {
  test('hands over: inactive nodes have stored everything, active ones read it anew', async () => {
    await createImage('memory:handed', { size: MIB });
    const image = await openImage('memory:handed');
    await image.write(0, Buffer.alloc(1000, 4));
    // Who migrates holds no permission to write meanwhile.
    blkSetPerm(image.blk, 0, BLK_PERM_ALL);
    await bdrvInactivateAll();
    const other = await openImage('memory:handed');
    expect((await other.read(0, 1000)).every((byte) => byte === 4)).toBe(true);
    await other.write(2000, Buffer.alloc(1000, 5));
    await other.close();
    await bdrvActivate(image.bs);
    blkSetPerm(image.blk, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE, BLK_PERM_ALL);
    expect((await image.read(2000, 1000)).every((byte) => byte === 5)).toBe(true);
    await image.write(0, Buffer.alloc(65536, 6));
    await image.close();
  });

  test('becomes empty, and mentions another backing file', async () => {
    memoryDisk('lower', Buffer.alloc(MIB, 0x11));
    await createImage('memory:emptied', { size: MIB });
    const image = await openImage('memory:emptied', { 'backing.driver': 'memory', 'backing.filename': 'lower' });
    await image.write(0, Buffer.alloc(MIB, 0x22));
    const before = memoryDiskOf('emptied').data.length;
    await bdrvMakeEmpty(image.root);
    expect((await image.read(0, MIB)).every((byte) => byte === 0x11)).toBe(true);
    expect(memoryDiskOf('emptied').data.length).toBeLessThan(before);
    await bdrvChangeBackingFile(image.bs, 'lower.raw', 'raw', true);
    expect(image.state.backingName).toBe('lower.raw');
    expect(await image.check()).toMatchObject({ corruptions: 0, leaks: 0 });
    await image.close();
  });

  test('grows without showing what its backing file has there', async () => {
    memoryDisk('longer', Buffer.alloc(MIB, 0x11));
    await createImage('memory:grows', { size: MIB / 4 });
    const image = await openImage('memory:grows', { 'backing.driver': 'memory', 'backing.filename': 'longer' });
    await blkTruncate(image.blk, MIB, false, 'off', 0);
    const content = await image.read(0, MIB);
    expect(content.every((byte, at) => byte === (at < MIB / 4 ? 0x11 : 0))).toBe(true);
    expect(await image.check()).toMatchObject({ corruptions: 0, leaks: 0 });
    await image.close();
  });

  test('whose data file is gone still tells of itself', async () => {
    memoryDisk('gone', 0);
    await createImage('memory:without-data', { size: MIB, data_file: 'memory:gone' });
    forgetMemoryDisk('gone');
    await expect(openImage('memory:without-data')).rejects.toMatchObject({ code: 'ENOENT' });
    const image = await openImage('memory:without-data', {}, BDRV_O_NO_IO);
    expect(bdrvGetSpecificInfo(image.bs)).toMatchObject({ data: { 'data-file': 'memory:gone' } });
    await image.close();
  });

  test('grows with all kinds of preallocation, and shrinks', async () => {
    const path = folder.file('grown.qcow2');
    await createImage(path, { size: MIB });
    const image = await openImage(path);
    for (const [index, prealloc] of (['metadata', 'falloc', 'full'] as const).entries()) await blkTruncate(image.blk, (2 + index) * MIB, false, prealloc, 0);
    expect((await image.read(0, 4 * MIB)).every((byte) => byte === 0)).toBe(true);
    expect((await bdrvBlockStatus(image.bs, 3 * MIB, MIB)).pnum).toBe(MIB);
    await expect(blkTruncate(image.blk, MIB, false, 'full', 0)).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(blkTruncate(image.blk, 4 * MIB + 100, false, 'off', 0)).rejects.toMatchObject({ code: 'EINVAL' });
    await image.resize(65536);
    await image.close();
    expect(statSync(path).size).toBeLessThan(MIB);
    if (hasQemuImg) qemuImg('check', path);
  });

  test('reads compressed clusters of qemu-img, which reads ours', async ({ skip }) => {
    if (!hasQemuImg) skip('qemu-img is absent');
    const [raw, theirs, ours] = [folder.file('plain.raw'), folder.file('theirs.qcow2'), folder.file('packed.qcow2')];
    qemuImg('create', '-q', '-f', 'raw', raw, '1M');
    qemuIo('-f', 'raw', '-c', 'write -P 9 100k 300k', raw);
    qemuImg('convert', '-c', '-O', 'qcow2', raw, theirs);
    const image = await openImage(theirs);
    expect((await image.read(100 * 1024, 300 * 1024)).every((byte) => byte === 9)).toBe(true);
    await image.close();
    await createImage(ours, { size: MIB });
    const packed = await openImage(ours);
    await packed.writeCompressed(0, Buffer.alloc(MIB, 6));
    await packed.close();
    qemuImg('check', ours);
    qemuIo('-r', '-c', 'read -P 6 0 1M', ours);
  });
});

describe('corruption', () => {
  test('is noticed, told, and keeps writers out until it is repaired', async () => {
    await createImage('memory:corrupt', { size: MIB });
    const image = await openImage('memory:corrupt');
    await image.write(0, Buffer.alloc(65536, 1));
    await image.close();
    const disk = memoryDiskOf('corrupt');
    const view = new DataView(disk.data.buffer);
    const l1 = Number(view.getBigUint64(40));
    // The second cluster of the disk lies in the refcount table.
    const l2 = Number(view.getBigUint64(l1) & 0x00fffffffffffe00n);
    view.setBigUint64(l2 + 8, 0x8000000000010000n);
    const told = new Promise<Readonly<Record<string, unknown>>>((resolve) => {
      const stop = onBlockEvent(({ event, data }) => {
        if (event !== 'BLOCK_IMAGE_CORRUPTED') return;
        stop();
        resolve(data);
      });
    });
    const opened = await openImage('memory:corrupt');
    await expect(opened.write(65536, Buffer.alloc(65536, 2))).rejects.toMatchObject({ code: 'EIO' });
    await expect(opened.read(0, 512)).rejects.toMatchObject({ code: 'ENOMEDIUM' });
    await opened.close();
    expect(await told).toMatchObject({ fatal: true, offset: 65536, size: 65536 });
    await expect(openImage('memory:corrupt')).rejects.toMatchObject({ code: 'EACCES' });
    const repaired = await openImage('memory:corrupt', {}, BDRV_O_CHECK | BDRV_O_RDWR);
    await repaired.check(BDRV_FIX_LEAKS | BDRV_FIX_ERRORS);
    const second = await repaired.check();
    expect(second.checkErrors).toBe(0);
    await repaired.close();
  });

  test('a count that can not go up stays wrong', async () => {
    await createImage('memory:narrow', { size: MIB, refcount_bits: 1 });
    const image = await openImage('memory:narrow');
    await image.write(0, Buffer.alloc(2 * 65536, 1));
    await image.close();
    const view = new DataView(memoryDiskOf('narrow').data.buffer);
    const l2 = Number(view.getBigUint64(Number(view.getBigUint64(40))) & 0x00fffffffffffe00n);
    view.setBigUint64(l2 + 8, view.getBigUint64(l2));
    const opened = await openImage('memory:narrow', {}, BDRV_O_CHECK | BDRV_O_RDWR);
    expect(await opened.check(BDRV_FIX_LEAKS | BDRV_FIX_ERRORS)).toMatchObject({ leaksFixed: 1, corruptions: 1 });
    await opened.close();
  });

  test('refcounts that are gone are built anew', async () => {
    const path = folder.file('rebuilt.qcow2');
    await createImage('memory:rebuilt', { size: 4 * MIB, cluster_size: 4096 });
    const image = await openImage('memory:rebuilt');
    await image.write(0, Buffer.alloc(MIB, 1));
    await image.close();
    const disk = memoryDiskOf('rebuilt');
    disk.data.fill(0, 8192, 12288);
    const opened = await openImage('memory:rebuilt', {}, BDRV_O_CHECK | BDRV_O_RDWR);
    const found = await opened.check(BDRV_FIX_LEAKS | BDRV_FIX_ERRORS);
    expect(found.corruptionsFixed).toBeGreaterThan(200);
    expect(await opened.check()).toMatchObject({ corruptions: 0, leaks: 0, checkErrors: 0 });
    await opened.close();
    folder.dump('rebuilt', 'rebuilt.qcow2');
    if (hasQemuImg) expect(spawnSync('qemu-img', ['check', path]).status).toBe(0);
  });

  test('wrong options of a node are refused', async () => {
    await createImage('memory:options', { size: MIB });
    for (const options of [
      { 'overlap-check': 'some' }, { 'overlap-check': 'all', 'overlap-check.template': 'none' }, { 'l2-cache-entry-size': 100 }, { 'cache-size': 1024, 'l2-cache-size': 2048 },
      { 'cache-size': 1, 'l2-cache-size': 1, 'refcount-cache-size': 1 }, { 'data-file.filename': 'x' }, { 'cache-clean-interval': '5000G' }, { 'encrypt.format': 'luks' },
    ]) await expect(openImage('memory:options', options)).rejects.toMatchObject({ name: 'BlockError' });
    const image = await openImage('memory:options', { 'overlap-check': 'all', 'overlap-check.active-l2': 'off', 'cache-size': MIB, 'lazy-refcounts': 'on' });
    await bdrvSnapshotCreate(image.bs, snapshotInfo('one'));
    await image.write(0, Buffer.alloc(MIB, 1));
    await image.close();
  });
});

describe('nodes that exist', () => {
  test('take an image with its data in another file', async () => {
    memoryDisk('meta', 0);
    memoryDisk('data', 0);
    const nodes = { file: { driver: 'memory', filename: 'meta' }, 'data-file': { driver: 'memory', filename: 'data' } };
    await runCoWrapper(mainContext, async () => bdrvQcow2.bdrvCoCreate?.({ driver: 'qcow2', size: MIB, 'data-file-raw': true, preallocation: 'falloc', ...nodes }));
    const image = await openImage('memory:meta', { 'data-file.driver': 'memory', 'data-file.filename': 'data' });
    await image.write(70000, Buffer.alloc(1000, 7));
    expect(memoryDiskOf('data').data.subarray(70000, 71000).every((byte) => byte === 7)).toBe(true);
    await bdrvAmendOptions(image.bs, { data_file: 'elsewhere', data_file_raw: 'off' }, null, false);
    expect(bdrvGetSpecificInfo(image.bs)).toMatchObject({ data: { 'data-file': 'elsewhere', 'data-file-raw': false } });
    await expect(bdrvSnapshotCreate(image.bs, snapshotInfo('none'))).rejects.toMatchObject({ code: 'ENOTSUP' });
    await expect(image.writeCompressed(0, Buffer.alloc(65536, 1))).rejects.toMatchObject({ code: 'ENOTSUP' });
    await expect(bdrvAmendOptions(image.bs, { compat: '0.10' }, null, false)).rejects.toMatchObject({ code: 'ENOTSUP' });
    expect(await image.check()).toMatchObject({ corruptions: 0, leaks: 0 });
    await image.close();
  });

  test('change their keys in a coroutine', async () => {
    await createImage('memory:keys', { size: MIB, 'encrypt.format': 'luks', 'encrypt.key-secret': 'key', 'encrypt.iter-time': 10 });
    const image = await openImage('memory:keys', { 'encrypt.key-secret': 'key' });
    const amend = (encrypt: BlockOptions) => runCoWrapper(mainContext, async () => bdrvQcow2.bdrvCoAmend?.(image.bs, { driver: 'qcow2', encrypt }, false));
    await amend({ format: 'luks', state: 'active', 'new-secret': 'new-key', 'iter-time': 10 });
    await amend({ format: 'luks', state: 'inactive', 'old-secret': 'key' });
    await image.close();
    await expect(openImage('memory:keys', { 'encrypt.key-secret': 'key' })).rejects.toMatchObject({ code: 'EPERM' });
    await (await openImage('memory:keys', { 'encrypt.key-secret': 'new-key' })).close();
  });

  test('grow their refcount tables', async () => {
    await createImage('memory:grown', { size: 12 * MIB, cluster_size: 512, refcount_bits: 64 });
    const image = await openImage('memory:grown');
    for (let at = 0; at < 6 * MIB; at += MIB) await image.write(at, Buffer.alloc(MIB, 1 + at / MIB));
    expect(image.state.header.refcountTableClusters).toBeGreaterThan(1);
    expect(await image.check()).toMatchObject({ corruptions: 0, leaks: 0 });
    await image.resize(MIB);
    expect(await image.check()).toMatchObject({ corruptions: 0, leaks: 0 });
    expect((await image.read(0, MIB)).every((byte) => byte === 1)).toBe(true);
    await image.close();
    if (hasQemuImg) qemuImg('check', folder.dump('grown', 'table.qcow2'));
  });

  test.skipIf(!hasQemuImg)('are read in the old form of encryption', async () => {
    const path = folder.file('aes.qcow2');
    const secret = ['--object', 'secret,id=key,data=open sesame'];
    qemuImg('create', '-q', ...secret, '-f', 'qcow2', '-o', 'encrypt.format=aes,encrypt.key-secret=key', path, '1M');
    qemuIo(...secret, '-c', 'write -P 0x33 64k 200k', '--image-opts', `driver=qcow2,file.filename=${path},encrypt.key-secret=key`);
    const image = await openImage(path, { 'encrypt.key-secret': 'key' });
    expect((await image.read(65536, 200 * 1024)).every((byte) => byte === 0x33)).toBe(true);
    expect(bdrvGetSpecificInfo(image.bs)).toMatchObject({ data: { encrypt: { format: 'aes' } } });
    await image.write(512, Buffer.alloc(512, 0x44));
    await image.close();
    qemuIo(...secret, '-c', 'read -P 0x44 512 512', '-c', 'read -P 0 0 512', '--image-opts', `driver=qcow2,file.filename=${path},encrypt.key-secret=key`);
  });

  test('of version 2 keep what discards would show of the backing file', async () => {
    memoryDisk('below', Buffer.alloc(MIB, 0x99));
    await createImage('memory:old', { size: MIB, compat: '0.10' });
    const image = await openImage('memory:old', { 'backing.driver': 'memory', 'backing.filename': 'below' });
    await image.write(0, Buffer.alloc(65536, 1));
    await image.discard(0, 65536).catch(() => undefined);
    expect((await image.read(0, 65536)).every((byte) => byte === 1)).toBe(true);
    await image.close();
  });
});

describe('speed', () => {
  test('a large write is one data write and one change of an L2 table', async () => {
    await createImage('memory:coalesced', { size: 64 * MIB });
    const image = await openImage('memory:coalesced');
    await image.write(0, Buffer.alloc(65536, 1));
    await image.flush();
    const disk = memoryDiskOf('coalesced');
    disk.log.length = 0;
    await image.write(2 * MIB, Buffer.alloc(2 * MIB, 1));
    expect(disk.log.filter(({ type }) => type === 'write').map(({ bytes }) => bytes)).toEqual([2 * MIB]);
    await image.flush();
    expect(disk.countOf('write')).toBeLessThanOrEqual(3);
    disk.log.length = 0;
    await image.read(2 * MIB, 2 * MIB);
    expect(disk.log.map(({ type, bytes }) => [type, bytes])).toEqual([['read', 2 * MIB]]);
    await image.close();
  });

  test('a sparse image of 1 TiB is made and mapped at once', async () => {
    const path = folder.file('huge.qcow2');
    const start = performance.now();
    await createImage(path, { size: 2 ** 40 });
    const image = await openImage(path);
    await image.write(2 ** 39, Buffer.alloc(65536, 1));
    let extents = 0;
    for (let at = 0; at < 2 ** 40; extents++) at += (await bdrvBlockStatus(image.bs, at, Math.min(2 ** 40 - at, 2 ** 31))).pnum;
    expect(extents).toBeLessThan(2000);
    await image.discard(0, 2 ** 31);
    expect(await image.check()).toMatchObject({ corruptions: 0, leaks: 0 });
    await image.close();
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
