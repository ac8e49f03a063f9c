import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import * as block from '../../../src/block/block-global-state.ts';
import * as backends from '../../../src/block/block-backend-global-state.ts';
import { blkBs, blkIsAvailable, blkIsInserted, blkSetAllowAioContextChange } from '../../../src/block/block-backend-io.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { iothreadDestroy, iothreadNew } from '../../../src/block/contexts/iothread.ts';
import { bdrvFirstBlk } from '../../../src/block/backend/child-root.ts';
import {
  BDRV_O_NO_IO, BDRV_O_NO_SHARE, BDRV_O_RDWR, BDRV_O_RESIZE, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_RESIZE, BLK_PERM_WRITE, BLK_PERM_WRITE_UNCHANGED, BlockOpType,
} from '../../../src/block/model/constants.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import { bdrvMemory, forgetMemoryDisks, memoryDisk, memoryDiskOf } from '../support/memory-driver.ts';

const heldNodes: BlockDriverState[] = [];
const heldBackends: BlockBackend[] = [];

async function openNode(name: string, options: Record<string, string> = {}, flags = BDRV_O_RDWR): Promise<BlockDriverState> {
  const bs = await block.bdrvOpen(null, null, { driver: 'raw', ...options, file: { driver: 'memory', filename: name } }, flags);
  heldNodes.push(bs);
  return bs;
}

function newBackend(perm = 0, shared = BLK_PERM_ALL): BlockBackend {
  const blk = backends.blkNew(mainContext, perm, shared);
  heldBackends.push(blk);
  return blk;
}

beforeAll(() => {
  block.bdrvInit();
  block.bdrvRegister(bdrvMemory);
});

beforeEach(() => {
  memoryDisk('disk', 4096);
  memoryDisk('other', 8192);
});

afterEach(async () => {
  for (const blk of heldBackends.splice(0)) {
    backends.monitorRemoveBlk(blk);
    await backends.blkUnref(blk);
  }
  for (const bs of heldNodes.splice(0).reverse()) await block.bdrvUnref(bs);
  forgetMemoryDisks();
  expect([block.bdrvNextAllStates(null)?.nodeName, backends.blkAllNext(null)?.name]).toEqual([undefined, undefined]);
});

describe('a backend', () => {
  test('is found by its name and by its public part, in the order of the lists', () => {
    const [first, second] = [newBackend(), newBackend()];
    backends.monitorAddBlk(second, 'disk0');
    expect([backends.blkByName('disk0'), backends.blkByName('disk1')]).toEqual([second, null]);
    expect(backends.blkByPublic(backends.blkGetPublic(first))).toBe(first);
    expect([backends.blkAllNext(null), backends.blkAllNext(first), backends.blkAllNext(second)]).toEqual([first, second, null]);
    expect([backends.blkNext(null), backends.blkNext(second)]).toEqual([second, null]);
  });

  test.each([['0disk', 'Invalid device name'], ['', 'Invalid device name'], ['taken', "Device with id 'taken' already exists"], ['node', 'conflicts with an existing node name']])(
    'can not be named %j', async (name, message) => {
      backends.monitorAddBlk(newBackend(), 'taken');
      await openNode('disk', { 'node-name': 'node' });
      expect(() => backends.monitorAddBlk(newBackend(), name)).toThrow(message);
    },
  );

  test('has one name', () => {
    const blk = newBackend();
    backends.monitorAddBlk(blk, 'disk0');
    expect(() => backends.monitorAddBlk(blk, 'disk1')).toThrow("has the name 'disk0' already");
  });

  test('lives until nobody holds it', async () => {
    const blk = backends.blkNew(mainContext, 0, BLK_PERM_ALL);
    backends.blkRef(blk);
    expect(backends.blkGetRefcnt(blk)).toBe(2);
    await backends.blkUnref(blk);
    await backends.blkUnref(blk);
    expect([backends.blkGetRefcnt(blk), backends.blkGetRefcnt(null)]).toEqual([0, 0]);
    expect(() => backends.blkRef(blk)).toThrow('gone already');
    await expect(backends.blkUnref(blk)).rejects.toThrow('gone already');
    await backends.blkUnref(null);
  });

  test('with a name is not deleted by mistake', async () => {
    const blk = newBackend();
    backends.monitorAddBlk(blk, 'disk0');
    await expect(backends.blkUnref(blk)).rejects.toThrow('still in use');
    blk.refcnt = 1;
  });
});

describe('a node', () => {
  test('is put in, swapped, and taken out; its settings are remembered', async () => {
    const blk = newBackend(BLK_PERM_CONSISTENT_READ);
    const [disk, other] = [await openNode('disk', { 'detect-zeroes': 'on' }), await openNode('other')];
    expect([blkIsInserted(blk), backends.blkSupportsWritePerm(blk), backends.blkGetFlags(blk)]).toEqual([false, false, 0]);
    const seen: string[] = [];
    const stopInsert = backends.blkAddInsertBsNotifier(blk, (one) => seen.push(`in ${blkBs(one)?.nodeName ?? ''}`));
    const stopRemove = backends.blkAddRemoveBsNotifier(blk, (one) => seen.push(`out ${blkBs(one)?.nodeName ?? ''}`));
    await backends.blkInsertBs(blk, disk);
    expect([blkBs(blk), backends.blkRoot(blk)?.bs, blkIsAvailable(blk), backends.blkSupportsWritePerm(blk)]).toEqual([disk, disk, true, true]);
    expect([block.bdrvFindNode(disk.nodeName), backends.bdrvHasBlk(disk), backends.bdrvIsRootNode(disk), bdrvFirstBlk(disk)]).toEqual([disk, true, true, blk]);
    await expect(backends.blkInsertBs(blk, other)).rejects.toThrow('has a node already');
    await backends.blkReplaceBs(blk, other);
    expect([blkBs(blk), backends.bdrvHasBlk(disk)]).toEqual([other, false]);
    await backends.blkReplaceBs(blk, disk);
    await backends.blkRemoveBs(blk);
    expect(seen).toEqual([`in ${disk.nodeName}`, `out ${disk.nodeName}`]);
    expect([backends.blkGetDetectZeroesFromRootState(blk), backends.blkGetOpenFlagsFromRootState(blk), backends.blkGetFlags(blk)]).toEqual(['on', disk.openFlags, disk.openFlags]);
    expect([backends.blkSupportsWritePerm(blk), backends.blkGetRootState(blk).detectZeroes]).toEqual([true, 'on']);
    await expect(backends.blkReplaceBs(blk, other)).rejects.toThrow('is empty');
    await expect(backends.blkInvalidateCache(blk)).rejects.toThrow('has no medium');
    stopInsert();
    stopRemove();
    await backends.blkInsertBs(blk, disk);
    expect(seen).toHaveLength(2);
  });

  test('tells its backends of a new medium, and knows them by name', async () => {
    const disk = await openNode('disk');
    const blk = newBackend();
    await backends.blkInsertBs(blk, disk);
    backends.monitorAddBlk(blk, 'disk0');
    const loads: boolean[] = [];
    backends.blkSetDevOps(blk, { changeMediaCb: (_opaque, load) => void loads.push(load) }, null);
    for (const edge of disk.parents) edge.klass.changeMedia?.(edge, false);
    expect(loads).toEqual([false]);
    expect(disk.parents.map((edge) => edge.klass.getName?.(edge))).toEqual(['disk0']);
    expect(block.bdrvGetXdbgBlockGraph().nodes.map((node) => node.name)).toContain('disk0');
  });

  test('has parents of other kinds as well', async () => {
    const disk = await openNode('disk');
    expect([backends.bdrvIsRootNode(disk.file?.bs ?? disk), bdrvFirstBlk(disk)]).toEqual([false, null]);
  });

  test('is taken out of all backends', async () => {
    const [disk, other] = [await openNode('disk'), await openNode('other')];
    const both = [newBackend(), newBackend(), newBackend()];
    if (both[0]) await backends.blkInsertBs(both[0], disk);
    if (both[2]) await backends.blkInsertBs(both[2], other);
    await backends.blkRemoveAllBs();
    expect(both.map((blk) => blkBs(blk))).toEqual([null, null, null]);
  });

  test('is used by the root edge for blockers, device answers, buffers', async () => {
    const blk = await backends.blkNewWithBs(await openNode('disk'), 0, BLK_PERM_ALL);
    heldBackends.push(blk);
    const reason = { message: 'dataplane is in use' };
    backends.blkOpBlockAll(blk, reason);
    backends.blkOpUnblock(blk, BlockOpType.RESIZE, reason);
    expect(backends.blkOpIsBlocked(blk, BlockOpType.EJECT)?.message).toContain('dataplane is in use');
    expect(backends.blkOpIsBlocked(blk, BlockOpType.RESIZE)).toBeNull();
    backends.blkOpUnblockAll(blk, reason);
    expect(backends.blkOpIsBlocked(blk, BlockOpType.EJECT)).toBeNull();
    expect([backends.blkIsSg(blk), backends.blkProbeBlocksizes(blk), backends.blkProbeGeometry(blk)]).toEqual([false, null, null]);
    backends.blkRegisterBuf(blk, new Uint8Array(1));
    backends.blkUnregisterBuf(blk, new Uint8Array(1));
  });
});

describe('a backend that is opened with its node', () => {
  test.each([
    ['to read', 0, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL],
    ['to write', BDRV_O_RDWR, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE, BLK_PERM_ALL],
    ['to resize', BDRV_O_RDWR | BDRV_O_RESIZE, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE | BLK_PERM_RESIZE, BLK_PERM_ALL],
    ['alone', BDRV_O_RDWR | BDRV_O_NO_SHARE, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE_UNCHANGED],
    ['to look at', BDRV_O_NO_IO, 0, BLK_PERM_ALL],
  ])('%s asks for that', async (_what, flags, perm, shared) => {
    const blk = await backends.blkNewOpen('memory:disk', null, null, flags);
    heldBackends.push(blk);
    expect(backends.blkGetPerm(blk)).toEqual({ perm, shared });
    expect(backends.blkRoot(blk)).toMatchObject({ perm, sharedPerm: shared });
  });

  test('against others leaves nothing behind', async () => {
    const bs = await openNode('disk', { 'node-name': 'shared' });
    const alone = await backends.blkNewWithBs(bs, BLK_PERM_WRITE, BLK_PERM_CONSISTENT_READ);
    heldBackends.push(alone);
    await expect(backends.blkNewOpen(null, 'shared', null, BDRV_O_RDWR)).rejects.toThrow(/write/);
    expect(bs.parents).toHaveLength(1);
  });
});

describe('permissions', () => {
  test('are asked for at once, or once there is a node', async () => {
    const blk = newBackend();
    backends.blkSetPerm(blk, BLK_PERM_WRITE, BLK_PERM_CONSISTENT_READ);
    const disk = await openNode('disk');
    await backends.blkInsertBs(blk, disk);
    expect(memoryDiskOf('disk').granted?.perm ?? 0).toBeGreaterThanOrEqual(BLK_PERM_WRITE);
    const other = newBackend(BLK_PERM_CONSISTENT_READ);
    await backends.blkInsertBs(other, disk);
    expect(() => backends.blkSetPerm(other, BLK_PERM_WRITE, BLK_PERM_ALL)).toThrow();
    expect(backends.blkGetPerm(other)).toEqual({ perm: BLK_PERM_CONSISTENT_READ, shared: BLK_PERM_ALL });
  });

  test('name who is against them', async () => {
    const disk = await openNode('disk');
    const named = newBackend(BLK_PERM_CONSISTENT_READ, BLK_PERM_CONSISTENT_READ);
    backends.monitorAddBlk(named, 'disk0');
    await backends.blkInsertBs(named, disk);
    await expect(backends.blkNewWithBs(disk, BLK_PERM_WRITE, BLK_PERM_ALL)).rejects.toThrow("block device 'disk0'");
    const device = newBackend(BLK_PERM_RESIZE, BLK_PERM_ALL);
    backends.blkAttachDev(device, { id: 'virtio0', path: '' });
    await expect(backends.blkInsertBs(device, disk)).rejects.toThrow("block device 'virtio0'");
    await backends.blkDetachDev(device, { id: 'x', path: '' }).catch(() => undefined);
    const dev = backends.blkGetAttachedDev(device);
    if (dev) await backends.blkDetachDev(device, dev);
    await expect(backends.blkNewWithBs(disk, BLK_PERM_RESIZE, BLK_PERM_ALL)).rejects.toThrow('an unnamed block device');
  });

  test('are given up when the nodes are handed over, and taken again', async () => {
    const disk = await openNode('disk');
    const blk = newBackend(BLK_PERM_WRITE, BLK_PERM_CONSISTENT_READ);
    await backends.blkInsertBs(blk, disk);
    await expect(block.bdrvInactivateAll()).rejects.toThrow('in use for writing');
    await block.bdrvInvalidateCacheAll();
    backends.blkSetForceAllowInactivate(blk);
    await block.bdrvInactivateAll();
    expect(backends.blkRoot(blk)).toMatchObject({ perm: 0, sharedPerm: BLK_PERM_ALL });
    backends.blkSetPerm(blk, BLK_PERM_WRITE, BLK_PERM_ALL);
    expect(backends.blkRoot(blk)).toMatchObject({ perm: 0 });
    await backends.blkInvalidateCache(blk);
    expect(backends.blkRoot(blk)).toMatchObject({ perm: BLK_PERM_WRITE });
    await block.bdrvInvalidateCacheAll();
  });
});

describe('a context', () => {
  test('is changed together with the node, and listeners follow it', async () => {
    const io = iothreadNew('io0');
    const disk = await openNode('disk');
    const blk = newBackend();
    const seen: string[] = [];
    const attached = (context: { readonly name: string }) => void seen.push(`attached ${context.name}`);
    const detach = () => void seen.push('detach');
    backends.blkAddAioContextNotifier(blk, attached, detach, null);
    await backends.blkInsertBs(blk, disk);
    await backends.blkSetAioContext(blk, io);
    expect([blk.context, disk.aioContext, disk.file?.bs?.aioContext]).toEqual([io, io, io]);
    await backends.blkSetAioContext(blk, mainContext);
    expect(seen).toEqual(['detach', 'attached io0', 'detach', 'attached main']);
    await backends.blkRemoveBs(blk);
    await backends.blkSetAioContext(blk, io);
    expect([blk.context, disk.aioContext]).toEqual([io, mainContext]);
    await backends.blkInsertBs(blk, disk);
    expect(disk.aioContext).toBe(io);
    backends.blkRemoveAioContextNotifier(blk, attached, detach, null);
    expect(() => backends.blkRemoveAioContextNotifier(blk, attached, detach, null)).toThrow('no such notifier');
    await backends.blkSetAioContext(blk, mainContext);
    iothreadDestroy('io0');
  });

  test('of an unnamed backend changes only with its leave', async () => {
    const io = iothreadNew('io1');
    const disk = await openNode('disk');
    const blk = newBackend();
    await backends.blkInsertBs(blk, disk);
    await expect(block.bdrvTrySetAioContext(disk, io)).rejects.toThrow('Cannot change iothread of active block backend');
    blkSetAllowAioContextChange(blk, true);
    await block.bdrvTrySetAioContext(disk, io);
    expect(blk.context).toBe(io);
    await block.bdrvTrySetAioContext(disk, mainContext);
    iothreadDestroy('io1');
  });
});

describe('a drained backend', () => {
  test('tells its device, also one that comes later', async () => {
    const disk = await openNode('disk');
    const blk = newBackend();
    await backends.blkInsertBs(blk, disk);
    const seen: string[] = [];
    let busy = 1;
    const ops = {
      drainedBegin: () => void seen.push('begin'),
      drainedPoll: () => busy-- > 0,
      drainedEnd: () => void seen.push('end'),
      resizeCb: () => void seen.push('resize'),
    };
    backends.blkSetDevOps(blk, ops, null);
    await block.bdrvDrainAll();
    expect(seen).toEqual(['begin', 'end']);
    await block.bdrvDrainAllBegin();
    backends.blkSetDevOps(blk, null, null);
    backends.blkSetDevOps(blk, ops, null);
    await block.bdrvDrainAllEnd();
    expect(seen).toEqual(['begin', 'end', 'begin', 'begin', 'end']);
    await backends.blkDrainAll();
    expect(blk.quiesceCounter).toBe(0);
  });

  test('hears of a new length', async () => {
    const { blkTruncate } = await import('../../../src/block/block-backend-io.ts');
    const disk = await openNode('disk');
    const blk = newBackend(BLK_PERM_RESIZE | BLK_PERM_WRITE);
    await backends.blkInsertBs(blk, disk);
    let resized = 0;
    backends.blkSetDevOps(blk, { resizeCb: () => { resized++; } }, null);
    await blkTruncate(blk, 8192, false, 'off', 0);
    expect([resized, memoryDiskOf('disk').data.length]).toEqual([1, 8192]);
  });
});
