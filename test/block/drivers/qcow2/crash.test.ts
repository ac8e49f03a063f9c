/**
 * The power goes at a seeded point, and writes that were not flushed are lost, torn or done in another order: what was flushed is there
 * all the same, and nothing but leaks is wrong with the image.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../../../src/block/contexts/seeded-scheduler.ts';
import { runCoWrapper } from '../../../../src/block/contexts/poll.ts';
import { takeCensus } from '../../../../src/block/drivers/qcow2/census.ts';
import { hostOffsetOf, isCopied, readEntry } from '../../../../src/block/drivers/qcow2/l2-entry.ts';
import { findSlice } from '../../../../src/block/drivers/qcow2/l2-tables.ts';
import { getRefcount } from '../../../../src/block/drivers/qcow2/refcounts.ts';
import { readSnapshotTable } from '../../../../src/block/drivers/qcow2/snapshot-table.ts';
import { errnoOf } from '../../../../src/block/model/errors.ts';
import { BDRV_FIX_ERRORS, BDRV_FIX_LEAKS, BDRV_O_CHECK, BDRV_O_RDWR } from '../../../../src/block/model/constants.ts';
import type { BlockOptions } from '../../../../src/block/model/options.ts';
import { bdrvRegister } from '../../../../src/block/open/drivers.ts';
import { bdrvSnapshotCreate, bdrvSnapshotDelete, bdrvSnapshotGoto } from '../../../../src/block/snapshot/snapshot.ts';
import { emptyCheckResult } from '../../../../src/block/requests/wrappers.ts';
import { registerDrivers } from '../../support/backend.ts';
import { bdrvCrash, crashDisk, type CrashDisk } from '../../support/crash-disk.ts';
import { memoryDiskOf } from '../../support/memory-driver.ts';
import { createImage, openImage, type TestImage } from '../../support/qcow2.ts';

const SIZE = 256 * 1024;
const SECTOR = 512;

beforeAll(() => {
  registerDrivers();
  bdrvRegister(bdrvCrash);
});

/** What each sector may read as: the value of its last flushed write, or of any write after that. */
class Expectation {
  readonly allowed: Set<number>[] = Array.from({ length: SIZE / SECTOR }, () => new Set([0]));
  /** What reads show as long as the power is on. */
  readonly latest = new Uint8Array(SIZE / SECTOR);

  wrote(first: number, count: number, value: number): void {
    for (let sector = first; sector < first + count; sector++) {
      this.allowed[sector]?.add(value);
      this.latest[sector] = value;
    }
  }

  flushed(): void {
    this.latest.forEach((value, sector) => (this.allowed[sector] = new Set([value])));
  }
}

async function work(image: TestImage, random: () => number, expectation: Expectation): Promise<void> {
  const below = (limit: number): number => Math.floor(random() * limit);
  const { clusterSize } = image.state;
  const perCluster = clusterSize / SECTOR;
  const snapshots: { name: string; data: Uint8Array }[] = [];
  const all = SIZE / SECTOR;
  for (let step = 0; step < 60; step++) {
    const first = below(all);
    const count = 1 + below(Math.min(all - first, 4 * perCluster));
    const kind = below(20);
    if (kind < 9) {
      const value = 1 + below(255);
      expectation.wrote(first, count, value);
      await image.write(first * SECTOR, Buffer.alloc(count * SECTOR, value));
    } else if (kind < 12) {
      expectation.wrote(first, count, 0);
      await image.writeZeroes(first * SECTOR, count * SECTOR, below(2) * 4);
    } else if (kind < 13) {
      const start = Math.floor(first / perCluster) * perCluster;
      expectation.wrote(start, perCluster, 0);
      await image.discard(start * SECTOR, clusterSize);
    } else if (kind < 16) {
      await image.flush();
      expectation.flushed();
    } else if (kind < 17 && snapshots.length < 3) {
      const name = `s${step}`;
      const data = expectation.latest.slice();
      await bdrvSnapshotCreate(image.bs, { idStr: '', name, vmStateSize: 0, dateSec: 0, dateNsec: 0, vmClockNsec: 0n, icount: null });
      snapshots.push({ name, data });
    } else if (kind < 18 && snapshots.length > 0) {
      const [gone] = snapshots.splice(below(snapshots.length), 1);
      await bdrvSnapshotDelete(image.bs, null, gone?.name ?? '');
    } else if (kind < 19 && snapshots.length > 0) {
      const back = snapshots[below(snapshots.length)];
      if (!back) continue;
      back.data.forEach((value, sector) => expectation.wrote(sector, 1, value));
      await bdrvSnapshotGoto(image.bs, back.name);
    }
  }
}

async function crashOnce(options: BlockOptions, seed: number, disk: CrashDisk, isLazy: boolean): Promise<void> {
  const random = seededRandom(seed);
  const expectation = new Expectation();
  const image = await openImage('crash:disk', { 'l2-cache-size': 2048, 'l2-cache-entry-size': 512 });
  disk.changesLeft = Math.floor(random() * 250);
  let isLost = false;
  try {
    await work(image, random, expectation);
  } catch (error) {
    expect(errnoOf(error)).toBe('EIO');
    isLost = true;
  }
  if (!isLost) disk.changesLeft = 0;
  await image.close();
  disk.restart();
  if (!isLazy) await expectHarmless(seed);
  const again = await openImage('crash:disk', {}, BDRV_O_RDWR);
  const data = await again.read(0, SIZE);
  for (let sector = 0; sector < SIZE / SECTOR; sector++) {
    const bytes = data.subarray(sector * SECTOR, (sector + 1) * SECTOR);
    const value = bytes[0] ?? -1;
    if (!bytes.every((byte) => byte === value) || !expectation.allowed[sector]?.has(value)) {
      expect.fail(`seed ${seed}: sector ${sector} reads as ${value}, but may be ${[...(expectation.allowed[sector] ?? [])].join(', ')}`);
    }
  }
  const repaired = await again.check(BDRV_FIX_LEAKS | BDRV_FIX_ERRORS);
  expect({ corruptions: repaired.corruptions, leaks: repaired.leaks }).toEqual({ corruptions: 0, leaks: 0 });
  // The image can be used after that.
  await again.write(0, Buffer.alloc(SIZE, 1));
  await again.flush();
  const { corruptions, leaks } = await again.check();
  expect({ seed, corruptions, leaks }).toEqual({ seed, corruptions: 0, leaks: 0 });
  await again.close();
}

/**
 * Nothing may be counted less often than it is used, and nothing may be written in place that is used more often than once. (Counts that
 * are too high, and flags that follow from them, are no harm: the first repair takes them back.)
 */
async function expectHarmless(seed: number): Promise<void> {
  const image = await openImage('crash:disk', {}, BDRV_O_CHECK);
  const { bs, state: s } = image;
  const faults = await runCoWrapper(bs.aioContext, async () => {
    const table = await readSnapshotTable(s, false);
    s.snapshots = table.snapshots;
    s.snapshotsSize = table.bytes;
    const result = emptyCheckResult();
    const { counts } = await takeCensus(s, result, false);
    const found: string[] = result.corruptions + result.checkErrors > 0 ? ['tables contradict themselves'] : [];
    for (const [cluster, count] of counts.entries()) if ((await getRefcount(s, cluster)) < count) found.push(`cluster ${cluster} is used ${count} times`);
    for (let index = s.l1.nextUsed(0); index < s.l1.length; index = s.l1.nextUsed(index + 1)) {
      const cluster = s.l1.offsetAt(index) / s.clusterSize;
      if (s.l1.isCopied(index) && counts[cluster] !== 1) found.push(`L2 table in cluster ${cluster} is not only the disk's`);
      for (let entry = 0; entry < s.l2Entries; entry++) {
        const slice = await findSlice(s, (index * s.l2Entries + entry) * s.clusterSize);
        if (!slice) continue;
        const content = readEntry(s, slice.table.view, slice.index);
        s.l2Cache.put(slice.table);
        const data = hostOffsetOf(content) / s.clusterSize;
        if (isCopied(content) && hostOffsetOf(content) !== 0 && counts[data] !== 1) found.push(`data in cluster ${data} is not only the disk's`);
      }
    }
    return found;
  });
  expect({ seed, faults }).toEqual({ seed, faults: [] });
  await image.close();
}

const shapes: { name: string; options: BlockOptions; seeds: number; isLazy?: boolean; filled?: number }[] = [
  { name: 'clusters of 512 bytes', options: { cluster_size: 512 }, seeds: 250 },
  { name: 'clusters of 4 KiB', options: { cluster_size: 4096 }, seeds: 150 },
  { name: 'subclusters', options: { cluster_size: 16384, extended_l2: true }, seeds: 80 },
  // A table of 64 blocks that count 64 clusters each: 2 MiB, most of which are in use before the test begins.
  { name: 'refcount table that grows', options: { cluster_size: 512, refcount_bits: 64 }, seeds: 60, filled: 1_850_000 },
  { name: 'lazy refcounts', options: { cluster_size: 4096, lazy_refcounts: true }, seeds: 80, isLazy: true },
];

describe.each(shapes)('$name', ({ options, seeds, isLazy = false, filled = 0 }) => {
  test(`${seeds} seeds`, async () => {
    await createImage('memory:fresh', { size: SIZE + Math.ceil(filled / SECTOR) * SECTOR, ...options });
    const fill = await openImage('memory:fresh');
    await fill.write(SIZE, Buffer.alloc(filled, 1));
    await fill.close();
    const fresh = memoryDiskOf('fresh').data;
    let grown = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      const disk = crashDisk('disk', Uint8Array.from(fresh), seed);
      await crashOnce(options, seed, disk, isLazy);
      if (Buffer.from(disk.data).readUInt32BE(56) > Buffer.from(fresh).readUInt32BE(56)) grown++;
    }
    expect(grown > 0).toBe(filled > 0);
  });
});
