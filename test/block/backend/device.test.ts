import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as backends from '../../../src/block/block-backend-global-state.ts';
import * as io from '../../../src/block/block-backend-io.ts';
import * as internal from '../../../src/block/block-int-global-state.ts';
import { blkDevHasTray, blkDevIsTrayOpen } from '../../../src/block/block-int-io.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { onBlockEvent, type BlockEvent } from '../../../src/block/events.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import { BLK_PERM_ALL, BlockOpType } from '../../../src/block/model/constants.ts';
import { blockError } from '../../../src/block/model/errors.ts';

const disk = { id: 'disk0', path: '/machine/disk0' };
const nameless = { id: '', path: '/machine/other' };
let blk: BlockBackend;

beforeEach(() => {
  blk = backends.blkNew(mainContext, 0, BLK_PERM_ALL);
});

afterEach(async () => {
  const dev = backends.blkGetAttachedDev(blk);
  if (dev) await backends.blkDetachDev(blk, dev);
  await backends.blkUnref(blk);
});

describe('a device on a backend', () => {
  test('holds it, and is found by it', async () => {
    backends.blkAttachDev(blk, disk);
    expect(backends.blkGetRefcnt(blk)).toBe(2);
    expect(backends.blkByDev(disk)).toBe(blk);
    expect(backends.blkByQdevId('disk0')).toBe(blk);
    expect(backends.blkByQdevId('/machine/disk0')).toBe(blk);
    expect(io.blkGetAttachedDevId(blk)).toBe('disk0');
    io.blkSetGuestBlockSize(blk, 4096);
    await backends.blkDetachDev(blk, disk);
    expect(backends.blkGetRefcnt(blk)).toBe(1);
    expect(backends.blkByDev(disk)).toBeNull();
    expect(blk.guestBlockSize).toBe(512);
    expect(io.blkGetAttachedDevId(blk)).toBe('');
  });

  test('is the only one', async () => {
    backends.blkAttachDev(blk, nameless);
    expect(() => backends.blkAttachDev(blk, disk)).toThrow('already in use by another device');
    expect(io.blkGetAttachedDevId(blk)).toBe('/machine/other');
    await expect(backends.blkDetachDev(blk, disk)).rejects.toThrow('the device is not on the backend');
  });

  test('that does not exist is not found', () => {
    expect(() => backends.blkByQdevId('nobody')).toThrow("Device 'nobody' not found");
    expect(() => backends.blkByQdevId('')).toThrow("Device '' not found");
  });
});

describe('a tray', () => {
  let trayOpen = false;
  const seen: string[] = [];
  const ops = {
    changeMediaCb: (opaque: unknown, load: boolean) => {
      seen.push(`${String(opaque)} ${load ? 'load' : 'eject'}`);
      trayOpen = !load;
    },
    ejectRequestCb: (_opaque: unknown, force: boolean) => void seen.push(`request ${String(force)}`),
    isMediumLocked: () => trayOpen,
    isTrayOpen: () => trayOpen,
  };

  test('moves with the medium, and management is told', async () => {
    const events: BlockEvent[] = [];
    const stop = onBlockEvent((event) => events.push(event));
    backends.blkAttachDev(blk, disk);
    expect(internal.blkDevHasRemovableMedia(blk)).toBe(false);
    backends.blkSetDevOps(blk, ops, 'cd');
    expect(internal.blkDevHasRemovableMedia(blk)).toBe(true);
    expect([blkDevHasTray(blk), blkDevIsTrayOpen(blk)]).toEqual([true, false]);
    internal.blkDevChangeMediaCb(blk, false);
    internal.blkDevEjectRequest(blk, true);
    expect(internal.blkDevIsMediumLocked(blk)).toBe(true);
    expect(blkDevIsTrayOpen(blk)).toBe(true);
    internal.blkDevChangeMediaCb(blk, true);
    io.blkEject(blk, true);
    io.blkLockMedium(blk, true);
    expect(seen).toEqual(['cd eject', 'request true', 'cd load']);
    await new Promise(setImmediate);
    stop();
    expect(events.map((event) => [event.event, event.data['tray-open']])).toEqual([
      ['DEVICE_TRAY_MOVED', true], ['DEVICE_TRAY_MOVED', false], ['DEVICE_TRAY_MOVED', true],
    ]);
  });

  test('does not exist without a device', () => {
    expect(internal.blkDevHasRemovableMedia(blk)).toBe(true);
    expect([blkDevHasTray(blk), blkDevIsTrayOpen(blk), internal.blkDevIsMediumLocked(blk)]).toEqual([false, false, false]);
    internal.blkDevChangeMediaCb(blk, true);
    internal.blkDevEjectRequest(blk, false);
  });
});

test('an empty backend has no medium, no blockers, no geometry', () => {
  expect([io.blkIsInserted(blk), io.blkIsAvailable(blk), backends.blkIsSg(blk)]).toEqual([false, false, false]);
  const reason = { message: 'in use' };
  backends.blkOpBlockAll(blk, reason);
  expect(backends.blkOpIsBlocked(blk, BlockOpType.EJECT)).toBeNull();
  backends.blkOpUnblock(blk, BlockOpType.EJECT, reason);
  backends.blkOpUnblockAll(blk, reason);
  expect(backends.blkProbeBlocksizes(blk)).toBeNull();
  expect(backends.blkProbeGeometry(blk)).toBeNull();
  backends.blkRegisterBuf(blk, new Uint8Array(16));
  backends.blkUnregisterBuf(blk, new Uint8Array(16));
});

test('the write cache is a setting', () => {
  expect(io.blkEnableWriteCache(blk)).toBe(true);
  backends.blkSetEnableWriteCache(blk, false);
  expect(io.blkEnableWriteCache(blk)).toBe(false);
});

describe('the I/O status', () => {
  test('keeps the first error, where errors can stop the VM', () => {
    expect(backends.blkIostatusIsEnabled(blk)).toBe(false);
    expect(() => backends.blkIostatusSetErr(blk, blockError('EIO', 'bad sector'))).toThrow('keeps no status');
    backends.blkIostatusEnable(blk);
    expect(backends.blkIostatusIsEnabled(blk)).toBe(true);
    backends.blkIostatusSetErr(blk, blockError('ENOSPC', 'full'));
    backends.blkIostatusSetErr(blk, blockError('EIO', 'bad sector'));
    expect(backends.blkIostatus(blk)).toBe('nospace');
    backends.blkIostatusReset(blk);
    expect(backends.blkIostatus(blk)).toBe('ok');
    backends.blkIostatusSetErr(blk, blockError('EIO', 'bad sector'));
    expect(backends.blkIostatus(blk)).toBe('failed');
    backends.blkIostatusDisable(blk);
    expect(backends.blkIostatusIsEnabled(blk)).toBe(false);
  });

  test('means nothing where no policy stops the VM', () => {
    backends.blkIostatusEnable(blk);
    backends.blkSetOnError(blk, 'report', 'report');
    expect(backends.blkIostatusIsEnabled(blk)).toBe(false);
    backends.blkSetOnError(blk, 'stop', 'report');
    expect(backends.blkIostatusIsEnabled(blk)).toBe(true);
  });
});
