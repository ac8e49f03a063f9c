/** What a node promises about a loss of power, on disks that forget, tear and reorder what was not flushed. */
import { afterEach, beforeAll, expect, it } from 'vitest';
import { blkNewOpen, blkUnref } from '../../src/block/block-backend-global-state.ts';
import { blkFlush, blkPwrite } from '../../src/block/block-backend-io.ts';
import { bdrvInit, bdrvRegister } from '../../src/block/block-global-state.ts';
import { runSeeded, seededRandom } from '../../src/block/contexts/seeded-scheduler.ts';
import { BDRV_O_RDWR, BDRV_REQ_FUA } from '../../src/block/model/constants.ts';
import { bdrvCrash, crashDisk, forgetCrashDisks, type CrashDisk } from './support/crash-disk.ts';

const SECTOR = 512;
const SECTORS = 16;
const SEEDS = 150;

beforeAll(() => {
  bdrvInit();
  bdrvRegister(bdrvCrash);
});
afterEach(() => forgetCrashDisks());

/** Writes version after version of random sectors, flushing now and then, until the power goes. Gives the versions that may be there. */
async function writeUntilPowerLoss(disk: CrashDisk, seed: number): Promise<Set<number>[]> {
  const random = seededRandom(seed);
  const possible = Array.from({ length: SECTORS }, () => new Set([0]));
  await runSeeded(seed, async () => {
    const blk = await blkNewOpen(null, null, { driver: 'raw', file: { driver: 'crash', filename: 'disk' } }, BDRV_O_RDWR);
    disk.changesLeft = Math.floor(random() * 30);
    try {
      for (let version = 1; version < 60; version++) {
        const sector = Math.floor(random() * SECTORS);
        const isStable = random() < 0.2;
        possible[sector]?.add(version);
        await blkPwrite(blk, sector * SECTOR, Buffer.alloc(SECTOR, version), isStable ? BDRV_REQ_FUA : 0);
        if (isStable) possible[sector] = new Set([version]);
        if (random() < 0.2) {
          await blkFlush(blk);
          // What was written before the flush can't go back to what it was before.
          for (const [index, versions] of possible.entries()) possible[index] = new Set([Math.max(...versions)]);
        }
      }
    } catch (error) {
      expect(error).toMatchObject({ message: 'The power is gone' });
    }
    expect(disk.isOff).toBe(true);
    await blkUnref(blk);
  });
  return possible;
}

it(`what was flushed survives a loss of power, and the rest is old or new by sectors: ${SEEDS} seeds`, async () => {
  let lost = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const disk = crashDisk('disk', SECTORS * SECTOR, seed);
    const possible = await writeUntilPowerLoss(disk, seed);
    disk.restart();
    for (const [sector, versions] of possible.entries()) {
      const content = disk.data.subarray(sector * SECTOR, (sector + 1) * SECTOR);
      expect(versions).toContain(content[0]);
      expect(content.every((byte) => byte === content[0])).toBe(true);
      if (content[0] !== Math.max(...versions)) lost++;
    }
  }
  // The disk really does forget; else all of this would prove nothing.
  expect(lost).toBeGreaterThan(SEEDS);
});
