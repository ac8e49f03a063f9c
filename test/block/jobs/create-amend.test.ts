/** The jobs that make and amend images. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aioWaitWhile } from '../../../src/block/contexts/poll.ts';
import { bdrvCloseAll } from '../../../src/block/graph/close-all.ts';
import { bdrvUnref } from '../../../src/block/graph/nodes.ts';
import { blockdevAmendStart } from '../../../src/block/jobs/amend.ts';
import { blockdevCreateStart } from '../../../src/block/jobs/create.ts';
import { jobDismiss } from '../../../src/block/job.ts';
import { BDRV_O_RDWR } from '../../../src/block/model/constants.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import type { Job } from '../../../src/block/model/jobs.ts';
import { bdrvRegister } from '../../../src/block/open/drivers.ts';
import { bdrvOpen } from '../../../src/block/open/open.ts';
import { registerDrivers } from '../support/backend.ts';
import { forgetMemoryDisks, memoryDisk } from '../support/memory-driver.ts';

let asked: string[] = [];
let failing: string | null = null;

const note = (slot: string): void => {
  asked.push(slot);
  if (failing === slot) throw blockError('EACCES', `${slot} failed on purpose`);
};

/** A format that can be amended, and notes how. */
const bdrvAmendable: BlockDriver = {
  formatName: 'amendable',
  bdrvFileOpen: () => Promise.resolve(),
  bdrvGetlength: () => Promise.resolve(0),
  bdrvAmendPreRun: () => { note('pre-run'); },
  bdrvAmendClean: () => { note('clean'); },
  // eslint-disable-next-line @typescript-eslint/require-await -- a slot that may wait
  bdrvCoAmend: async (_bs, options, force) => { note(`amend ${options['word'] as string} ${force}`); },
};

beforeEach(() => {
  registerDrivers();
  bdrvRegister(bdrvAmendable);
  asked = [];
  failing = null;
});

afterEach(async () => {
  await bdrvCloseAll();
  forgetMemoryDisks();
});

const concluded = (job: Job): Promise<void> => aioWaitWhile(null, () => job.status !== 'concluded' && job.status !== 'null');

describe('create', () => {
  test('makes an image on a node', async () => {
    const disk = memoryDisk('disk', 0);
    const file = await bdrvOpen(null, null, { driver: 'memory', filename: 'disk', 'node-name': 'file' }, BDRV_O_RDWR);
    const job = await blockdevCreateStart('job', { driver: 'qcow2', file: 'file', size: 1024 * 1024 });
    await concluded(job);
    expect(job.error).toBe(null);
    expect(job.progress).toEqual({ current: 1, remaining: 0 });
    expect([...disk.data.subarray(0, 4)]).toEqual([0x51, 0x46, 0x49, 0xfb]);
    await jobDismiss(job);
    await bdrvUnref(file);
  });

  test('a failure is the job\'s', async () => {
    const job = await blockdevCreateStart('job', { driver: 'qcow2', file: 'nowhere', size: 1024 });
    await concluded(job);
    expect(job.error).not.toBe(null);
    await jobDismiss(job);
  });

  test('is refused by drivers that make no images', async () => {
    await expect(blockdevCreateStart('job', { driver: 'nonsense' })).rejects.toThrow("Block driver 'nonsense' not found or not supported");
    await expect(blockdevCreateStart('job', { driver: 'null-co' })).rejects.toThrow('Driver does not support blockdev-create');
  });
});

describe('amend', () => {
  const open = (): ReturnType<typeof bdrvOpen> => bdrvOpen(null, null, { driver: 'amendable', 'node-name': 'image' }, BDRV_O_RDWR);

  test('between pre-run and clean-up of the driver', async () => {
    const bs = await open();
    const job = await blockdevAmendStart('job', bs, { driver: 'amendable', word: 'new' }, true);
    await concluded(job);
    expect([job.error, ...asked]).toEqual([null, 'pre-run', 'amend new true', 'clean']);
    expect(bs.refcnt).toBe(2);
    await jobDismiss(job);
    expect(bs.refcnt).toBe(1);
    await bdrvUnref(bs);
  });

  test.each([
    ['pre-run', ['pre-run', 'clean']],
    ['amend new false', ['pre-run', 'amend new false', 'clean']],
  ])('cleans up where %s fails', async (slot, slots) => {
    failing = slot;
    const bs = await open();
    const job = await blockdevAmendStart('job', bs, { driver: 'amendable', word: 'new' }, false);
    await concluded(job);
    expect(job.error).toMatchObject({ code: 'EACCES' });
    expect(asked).toEqual(slots);
    if (job.status === 'concluded') await jobDismiss(job);
    await bdrvUnref(bs);
  });

  test('is refused for another driver, and by drivers that can not', async () => {
    const bs = await open();
    await expect(blockdevAmendStart('job', bs, { driver: 'raw' }, false)).rejects.toThrow("x-blockdev-amend doesn't support changing the block driver");
    await expect(blockdevAmendStart('job', bs, { driver: 'nonsense' }, false)).rejects.toThrow("Block driver 'nonsense' not found or not supported");
    const plain = await bdrvOpen(null, null, { driver: 'null-co' }, 0);
    await expect(blockdevAmendStart('job', plain, { driver: 'null-co' }, false)).rejects.toThrow('Driver does not support x-blockdev-amend');
    await bdrvUnref(plain);
    await bdrvUnref(bs);
  });
});
