/** Legacy drives: places, names, automatic deletion. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { blkByName } from '../../../src/block/backend/list.ts';
import { blkAttachDev } from '../../../src/block/backend/device.ts';
import { blkDetachDev } from '../../../src/block/backend/detach-device.ts';
import { blkBs } from '../../../src/block/backend/settings.ts';
import {
  blkByLegacyDinfo, blkLegacyDinfo, blkSetLegacyDinfo, blockdevAutoDel, blockdevMarkAutoDel, driveCheckOrphaned, driveGet, driveGetByIndex, driveGetMaxBus, driveGetNext, driveNew,
  overrideMaxDevs, type DriveInfo,
} from '../../../src/block/blockdev.ts';
import { bdrvCloseAll } from '../../../src/block/graph/close-all.ts';
import { blockJobCreate, blockJobFree } from '../../../src/block/blockjob-int.ts';
import { JOB_MANUAL_DISMISS } from '../../../src/block/model/jobs.ts';
import { jobDismiss } from '../../../src/block/job.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import { bdrvIsReadOnly } from '../../../src/block/open/queries.ts';
import { registerDrivers } from '../support/backend.ts';
import { forgetMemoryDisks, memoryDisk } from '../support/memory-driver.ts';

const made: BlockBackend[] = [];

beforeEach(() => {
  registerDrivers();
  memoryDisk('disk', 4096);
});

afterEach(async () => {
  for (const blk of made.splice(0)) {
    await blockdevMarkAutoDel(blk);
    await blockdevAutoDel(blk);
  }
  await bdrvCloseAll();
  forgetMemoryDisks();
});

async function drive(options: Record<string, string | number>): Promise<DriveInfo> {
  const info = await driveNew(options, 'ide');
  made.push(blkByLegacyDinfo(info));
  return info;
}

test('take the next free place, and a name of it', async () => {
  const first = await drive({});
  const second = await drive({ file: 'memory:disk', format: 'raw', media: 'cdrom' });
  const third = await drive({});
  expect([first, second, third].map(({ bus, unit }) => [bus, unit])).toEqual([[0, 0], [0, 1], [1, 0]]);
  expect(['ide0-hd0', 'ide0-cd1', 'ide1-hd0'].map((name) => blkByName(name) !== null)).toEqual([true, true, true]);
  const node = blkBs(blkByLegacyDinfo(second));
  expect(node && bdrvIsReadOnly(node)).toBe(true);
  expect(driveGet('ide', 1, 0)).toBe(third);
  expect(driveGetByIndex('ide', 2)).toBe(third);
  expect(driveGetByIndex('ide', 3)).toBe(null);
  expect([driveGetMaxBus('ide'), driveGetMaxBus('scsi')]).toEqual([1, -1]);
  expect(await drive({ if: 'virtio' })).toMatchObject({ type: 'virtio', unit: 0 });
  expect(blkByName('virtio0')).not.toBe(null);
});

test('at a given place', async () => {
  const info = await drive({ index: 3, id: 'mine' });
  expect(info).toMatchObject({ bus: 1, unit: 1 });
  expect(blkLegacyDinfo(blkByLegacyDinfo(info))).toBe(info);
  expect(() => blkSetLegacyDinfo(blkByLegacyDinfo(info), info)).toThrow('has a drive already');
  await expect(drive({ bus: 1, unit: 1 })).rejects.toThrow('drive with bus=1, unit=1 (index=-1) exists');
  await expect(drive({ unit: 2 })).rejects.toThrow('unit 2 too big (max is 1)');
  await expect(drive({ index: 1, bus: 0 })).rejects.toThrow('index cannot be used with bus and unit');
  await expect(drive({ id: 'mine' })).rejects.toMatchObject({ message: expect.stringContaining('mine') as string });
});

test('are handed out one after the other', async () => {
  const mtd = [await drive({ if: 'mtd' }), await drive({ if: 'mtd' })];
  expect([driveGetNext('mtd'), driveGetNext('mtd'), driveGetNext('mtd')]).toEqual([...mtd, null]);
});

test('without a device are told, but for those of no interface', async () => {
  const info = await drive({ id: 'lost' });
  await drive({ if: 'none', id: 'free' });
  const blk = blkByLegacyDinfo(info);
  expect(driveCheckOrphaned()).toEqual(['lost']);
  const device = { id: 'dev', path: '/dev' };
  blkAttachDev(blk, device);
  expect(driveCheckOrphaned()).toEqual([]);
  await blkDetachDev(blk, device);
});

test('the places of a bus can be changed while it has no drives', async () => {
  overrideMaxDevs('sd', 0);
  overrideMaxDevs('sd', 1);
  expect([await drive({ if: 'sd' }), await drive({ if: 'sd' })]).toMatchObject([{ bus: 0, unit: 0 }, { bus: 1, unit: 0 }]);
  expect(() => overrideMaxDevs('sd', 4)).toThrow('Cannot override units-per-bus property of the sd interface');
});

test('go with their device; jobs on them are cancelled', async () => {
  const info = await drive({ file: 'memory:disk', id: 'going' });
  const blk = blkByLegacyDinfo(info);
  await blockdevAutoDel(blk);
  expect(blkByName('going')).toBe(blk);
  const bs = blkBs(blk);
  if (bs === null) throw new Error('The drive has no node.');
  const job = await blockJobCreate(
    { jobType: 'backup', run: () => Promise.resolve(), free: blockJobFree }, { jobId: 'job', bs, creationFlags: JOB_MANUAL_DISMISS }, 0, 31, {},
  );
  await blockdevMarkAutoDel(blk);
  expect(job.cancelled).toBe(true);
  if (job.status === 'concluded') await jobDismiss(job);
  await blockdevAutoDel(blk);
  made.pop();
  expect(blkByName('going')).toBe(null);
  await blockdevMarkAutoDel(blk);
});
