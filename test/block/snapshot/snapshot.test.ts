/** Internal snapshots of one node and of several: qcow2 images, alone and below a filter, and a raw one without. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blkNewOpen } from '../../../src/block/backend/open.ts';
import { blkUnref } from '../../../src/block/backend/registry.ts';
import { blkSetAllowAioContextChange } from '../../../src/block/backend/settings.ts';
import { blkPread, blkPwrite } from '../../../src/block/backend/wrappers.ts';
import { iothreadDestroy, iothreadNew } from '../../../src/block/contexts/iothread.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { bdrvTrySetAioContext } from '../../../src/block/graph/aio-context-moves.ts';
import { bdrvCloseAll } from '../../../src/block/graph/close-all.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import { BDRV_O_RDWR } from '../../../src/block/model/constants.ts';
import type { SnapshotInfo } from '../../../src/block/model/driver.ts';
import { bdrvCreate } from '../../../src/block/open/create.ts';
import { bdrvFindFormat } from '../../../src/block/open/drivers.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import { bdrvCreateDirtyBitmap } from '../../../src/block/requests/dirty-bitmap.ts';
import * as snapshots from '../../../src/block/snapshot.ts';
import { registerDrivers } from '../support/backend.ts';
import { nodeOf } from '../support/chains.ts';
import { forgetMemoryDisks, memoryDisk } from '../support/memory-driver.ts';

const SIZE = 1024 * 1024;
let blk: BlockBackend;

async function makeImage(name: string): Promise<void> {
  memoryDisk(name, 0);
  await bdrvCreate(bdrvFindFormat('qcow2') as BlockDriver, `memory:${name}`, { size: SIZE });
}

const openImage = (name: string, flags = BDRV_O_RDWR): Promise<BlockBackend> =>
  blkNewOpen(null, null, { driver: 'qcow2', 'node-name': name, file: { driver: 'memory', filename: name } }, flags);

beforeEach(async () => {
  registerDrivers();
  await makeImage('one');
  blk = await openImage('one');
});

afterEach(async () => {
  await blkUnref(blk);
  await bdrvCloseAll();
  forgetMemoryDisks();
});

const infoOf = (name: string): SnapshotInfo => ({ idStr: '', name, vmStateSize: 0, dateSec: 1_700_000_000, dateNsec: 5, vmClockNsec: 7n, icount: null });
const write = (on: BlockBackend, value: number): Promise<void> => blkPwrite(on, 4096, new Uint8Array(512).fill(value), 0);

async function byteOf(on: BlockBackend): Promise<number | undefined> {
  const buffer = new Uint8Array(1);
  await blkPread(on, 4096, buffer);
  return buffer[0];
}

describe('one node', () => {
  test('takes snapshots, finds them, goes back to them, deletes them', async () => {
    const bs = nodeOf('one');
    expect(snapshots.bdrvCanSnapshot(bs)).toBe(true);
    await write(blk, 1);
    await snapshots.bdrvSnapshotCreate(bs, infoOf('first'));
    await write(blk, 2);
    await snapshots.bdrvSnapshotCreate(bs, infoOf('second'));
    await write(blk, 3);
    expect((await snapshots.bdrvSnapshotList(bs)).map(({ idStr, name }) => `${idStr} ${name}`)).toEqual(['1 first', '2 second']);
    expect(await snapshots.bdrvSnapshotFind(bs, 'second')).toMatchObject({ idStr: '2', dateSec: 1_700_000_000, vmClockNsec: 7n });
    expect(await snapshots.bdrvSnapshotFind(bs, 'third')).toBe(null);
    expect(await snapshots.bdrvSnapshotFindByIdAndName(bs, '1', null)).toMatchObject({ name: 'first' });
    expect(await snapshots.bdrvSnapshotFindByIdAndName(bs, '1', 'second')).toBe(null);
    await expect(snapshots.bdrvSnapshotFindByIdAndName(bs, null, null)).rejects.toMatchObject({ code: 'EINVAL' });
    await snapshots.bdrvSnapshotGoto(bs, 'first');
    expect(await byteOf(blk)).toBe(1);
    await expect(snapshots.bdrvSnapshotGoto(bs, 'third')).rejects.toThrow('Failed to load snapshot');
    await snapshots.bdrvSnapshotDelete(bs, null, 'first');
    await snapshots.bdrvSnapshotDelete(bs, '2', 'second');
    await expect(snapshots.bdrvSnapshotDelete(bs, null, null)).rejects.toThrow('snapshot_id and name are both NULL');
    expect(await snapshots.bdrvSnapshotList(bs)).toEqual([]);
  });

  test('with dirty bitmaps does not go back', async () => {
    await snapshots.bdrvSnapshotCreate(nodeOf('one'), infoOf('first'));
    bdrvCreateDirtyBitmap(nodeOf('one'), 65_536, 'map');
    await expect(snapshots.bdrvSnapshotGoto(nodeOf('one'), 'first')).rejects.toThrow('Device has active dirty bitmaps');
  });

  test('shows a snapshot for the time being, if nobody writes', async () => {
    await write(blk, 1);
    await snapshots.bdrvSnapshotCreate(nodeOf('one'), infoOf('first'));
    await write(blk, 2);
    await expect(snapshots.bdrvSnapshotLoadTmp(nodeOf('one'), null, 'first')).rejects.toThrow('Device is not readonly');
    await blkUnref(blk);
    for (const word of ['1', 'first']) {
      blk = await openImage('one', 0);
      await snapshots.bdrvSnapshotLoadTmpByIdOrName(nodeOf('one'), word);
      expect(await byteOf(blk)).toBe(1);
      await expect(snapshots.bdrvSnapshotLoadTmp(nodeOf('one'), null, null)).rejects.toMatchObject({ code: 'EINVAL' });
      expect(snapshots.bdrvCanSnapshot(nodeOf('one'))).toBe(false);
      if (word === '1') await blkUnref(blk);
    }
  });

  test('falls back to the node that its data lies in', async () => {
    await blkUnref(blk);
    blk = await blkNewOpen(null, null, { driver: 'raw', 'node-name': 'above', file: { driver: 'qcow2', 'node-name': 'one', file: { driver: 'memory', filename: 'one' } } }, BDRV_O_RDWR);
    const above = nodeOf('above');
    expect(snapshots.bdrvCanSnapshot(above)).toBe(true);
    await write(blk, 1);
    await snapshots.bdrvSnapshotCreate(above, infoOf('first'));
    await write(blk, 2);
    expect((await snapshots.bdrvSnapshotList(above)).map(({ name }) => name)).toEqual(['first']);
    await snapshots.bdrvSnapshotGoto(above, 'first');
    expect(await byteOf(blk)).toBe(1);
    await expect(snapshots.bdrvSnapshotGoto(above, 'third')).rejects.toThrow('Failed to load snapshot');
    expect(await byteOf(blk)).toBe(1);
    await snapshots.bdrvSnapshotDelete(above, null, 'first');
    expect(await snapshots.bdrvSnapshotList(nodeOf('one'))).toEqual([]);
  });

  test('whose data lies in nothing that has snapshots, refuses', async () => {
    memoryDisk('plain', SIZE);
    const plain = await blkNewOpen(null, null, { driver: 'raw', 'node-name': 'plain', file: { driver: 'memory', filename: 'plain' } }, BDRV_O_RDWR);
    const bs = nodeOf('plain');
    expect(snapshots.bdrvCanSnapshot(bs)).toBe(false);
    await expect(snapshots.bdrvSnapshotCreate(bs, infoOf('x'))).rejects.toMatchObject({ code: 'ENOTSUP' });
    await expect(snapshots.bdrvSnapshotGoto(bs, 'x')).rejects.toMatchObject({ code: 'ENOTSUP' });
    await expect(snapshots.bdrvAllCanSnapshot(null)).rejects.toThrow('is writable but does not support snapshots');
    await blkUnref(plain);
    const readOnly = await blkNewOpen(null, null, { driver: 'raw', 'node-name': 'plain', file: { driver: 'memory', filename: 'plain' } }, 0);
    await expect(snapshots.bdrvSnapshotLoadTmp(nodeOf('plain'), 'x', null)).rejects.toMatchObject({ code: 'ENOTSUP' });
    await blkUnref(readOnly);
  });
});

describe('several nodes', () => {
  let other: BlockBackend;

  beforeEach(async () => {
    await makeImage('two');
    other = await openImage('two');
  });

  afterEach(async () => {
    await blkUnref(other);
  });

  test('go together, each with its context held; one of them holds the state of the VM', async () => {
    const context = iothreadNew('snapshots');
    blkSetAllowAioContextChange(other, true);
    await bdrvTrySetAioContext(nodeOf('two'), context);
    try {
      await write(blk, 1);
      await write(other, 2);
      await snapshots.bdrvAllCanSnapshot(null);
      expect(await snapshots.bdrvAllFindVmstateBs('two', null)).toBe(nodeOf('two'));
      expect(await snapshots.bdrvAllFindVmstateBs(null, ['two', 'one'])).toBe(nodeOf('two'));
      await snapshots.bdrvAllCreateSnapshot(infoOf('both'), nodeOf('one'), 4096, null);
      expect(await snapshots.bdrvAllHasSnapshot('both', null)).toBe(true);
      expect(await snapshots.bdrvSnapshotFind(nodeOf('one'), 'both')).toMatchObject({ vmStateSize: 4096 });
      expect(await snapshots.bdrvSnapshotFind(nodeOf('two'), 'both')).toMatchObject({ vmStateSize: 0 });
      await write(blk, 8);
      await write(other, 9);
      await snapshots.bdrvAllGotoSnapshot('both', null);
      expect([await byteOf(blk), await byteOf(other)]).toEqual([1, 2]);
      await snapshots.bdrvAllDeleteSnapshot('both', ['two']);
      expect(await snapshots.bdrvAllHasSnapshot('both', null)).toBe(false);
      expect(await snapshots.bdrvAllHasSnapshot('both', ['one'])).toBe(true);
      expect(context.lockHolder).toBe(null);
    } finally {
      await bdrvTrySetAioContext(nodeOf('two'), mainContext);
      iothreadDestroy('snapshots');
    }
  });

  test('errors say what failed, and where', async () => {
    await expect(snapshots.bdrvAllGotoSnapshot('none', ['two'])).rejects.toThrow("Could not load snapshot 'none' on 'two'");
    await expect(snapshots.bdrvAllFindVmstateBs('three', null)).rejects.toThrow("vmstate block device 'three' does not exist");
    await expect(snapshots.bdrvAllFindVmstateBs(null, [])).rejects.toThrow('No block device supports snapshots');
  });
});
