/**
 * Images with wrong bytes in their metadata: whatever they are asked, they answer or fail with an error, soon, and without taking memory
 * beyond measure. Where both open an image, our check finds what qemu-img's finds.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../../../src/block/contexts/seeded-scheduler.ts';
import { BDRV_FIX_ERRORS, BDRV_FIX_LEAKS, BDRV_O_CHECK, BDRV_O_RDWR } from '../../../../src/block/model/constants.ts';
import { blockError, BlockError } from '../../../../src/block/model/errors.ts';
import type { BlockOptions } from '../../../../src/block/model/options.ts';
import { bdrvSnapshotCreate, bdrvSnapshotDelete, bdrvSnapshotGoto } from '../../../../src/block/snapshot/snapshot.ts';
import { memoryDisk, memoryDiskOf } from '../../support/memory-driver.ts';
import { hasQemuImg } from '../../support/qemu.ts';
import { createImage, openImage, TestFolder, type TestImage } from '../../support/qcow2.ts';

const folder = new TestFolder();
afterAll(() => folder.remove());

const SIZE = 128 * 1024;

/** An image with data, compressed data, zeroes, a snapshot. */
async function sample(options: BlockOptions): Promise<Uint8Array> {
  await createImage('memory:sample', { size: SIZE, ...options });
  const image = await openImage('memory:sample');
  await image.write(0, Buffer.alloc(40000, 1));
  await bdrvSnapshotCreate(image.bs, { idStr: '', name: 'snap', vmStateSize: 0, dateSec: 1, dateNsec: 1, vmClockNsec: 1n, icount: null });
  await image.write(20000, Buffer.alloc(40000, 2));
  const { clusterSize } = image.state;
  await image.writeCompressed(Math.ceil(70000 / clusterSize) * clusterSize, Buffer.alloc(clusterSize, 3));
  if (image.state.header.version > 2) await image.writeZeroes(0, clusterSize);
  await image.close();
  return Uint8Array.from(memoryDiskOf('sample').data);
}

/** Wrong bytes: in the header, in its extensions, in tables; bits, offsets, extremes. */
function mutate(image: Uint8Array, random: () => number, clusterSize: number): Uint8Array {
  const bytes = Uint8Array.from(image);
  const view = new DataView(bytes.buffer);
  const below = (limit: number): number => Math.floor(random() * limit);
  const changes = 1 + below(3);
  for (let change = 0; change < changes; change++) {
    const place = random();
    const at = place < 0.3 ? below(112) : place < 0.4 ? below(clusterSize) : below(bytes.length / 8) * 8;
    const kind = below(6);
    if (kind === 0) bytes[at] = below(256);
    else if (kind === 1) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
    else if (at + 8 > bytes.length) bytes[at] = 0xff;
    else if (kind === 2) view.setBigUint64(at, 0xffffffffffffffffn);
    else if (kind === 3) view.setBigUint64(at, BigInt(below(2 * bytes.length)));
    else if (kind === 4) view.setBigUint64(at, (BigInt(below(2)) << 63n) | BigInt(below(bytes.length / clusterSize) * clusterSize));
    else view.setUint32(at, below(2 ** 32));
  }
  return random() < 0.1 ? bytes.slice(0, below(bytes.length)) : bytes;
}

/** A disk with an end: a wrong table may point anywhere. */
function smallDisk(bytes: Uint8Array): void {
  memoryDisk('fuzzed', bytes, {
    beforeRequest({ type, offset, bytes: length }) {
      if (type !== 'read' && type !== 'status' && offset + length > 2 ** 24) throw blockError('ENOSPC', 'The disk is full');
    },
  });
}

/** Runs `work`; an error of the block layer is an answer as well. */
async function answer(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
  }
}

async function use(image: TestImage): Promise<void> {
  const size = Math.min(image.state.header.size, SIZE);
  await answer(() => image.read(0, size));
  await answer(() => image.write(4096, Buffer.alloc(Math.min(20000, Math.max(0, size - 4096)), 9)));
  await answer(() => image.writeZeroes(0, Math.min(size, 65536), 4));
  await answer(() => bdrvSnapshotGoto(image.bs, 'snap'));
  await answer(() => bdrvSnapshotDelete(image.bs, null, 'snap'));
  await answer(() => image.discard(0, Math.min(size, 65536)));
  await answer(() => image.flush());
  await answer(() => image.check(BDRV_FIX_LEAKS | BDRV_FIX_ERRORS));
}

const shapes: { name: string; options: BlockOptions; count: number }[] = [
  { name: 'clusters of 512 bytes', options: { cluster_size: 512 }, count: 900 },
  { name: 'clusters of 4 KiB', options: { cluster_size: 4096 }, count: 600 },
  { name: 'version 2', options: { cluster_size: 4096, compat: '0.10' }, count: 300 },
  { name: 'subclusters', options: { cluster_size: 16384, extended_l2: true }, count: 300 },
];

describe.each(shapes)('$name', ({ options, count }) => {
  test(`${count} images are used`, async () => {
    const image = await sample(options);
    const random = seededRandom(count);
    for (let round = 0; round < count; round++) {
      smallDisk(mutate(image, random, Number(options['cluster_size'])));
      const start = performance.now();
      await answer(async () => {
        const opened = await openImage('memory:fuzzed', {}, BDRV_O_RDWR | (round % 4 === 0 ? BDRV_O_CHECK : 0));
        try {
          await use(opened);
        } finally {
          await opened.close();
        }
      });
      expect(performance.now() - start, `round ${round}`).toBeLessThan(20_000);
    }
    expect(process.memoryUsage().rss).toBeLessThan(2 ** 31);
  }, 240_000);

  test.skipIf(!hasQemuImg)('checks find what qemu-img finds', async () => {
    const image = await sample(options);
    const random = seededRandom(count + 1);
    const differences: string[] = [];
    let compared = 0;
    for (let round = 0; round < 60; round++) {
      const bytes = mutate(image, random, Number(options['cluster_size']));
      const theirs = qemuCheck(bytes);
      const ours = await ourCheck(bytes);
      if (ours === null || theirs === null) continue;
      compared++;
      if (JSON.stringify(ours) !== JSON.stringify(theirs)) differences.push(`round ${round}: ${JSON.stringify(ours)} instead of ${JSON.stringify(theirs)}`);
    }
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(20);
  });
});

/** What a check found; `null` where the image does not open or can't be checked to its end. */
type Found = { corruptions: number; leaks: number } | null;

function qemuCheck(bytes: Uint8Array): Found {
  const path = folder.file('fuzzed.qcow2');
  writeFileSync(path, bytes);
  const { stdout } = spawnSync('qemu-img', ['check', '-f', 'qcow2', '--output=json', path], { encoding: 'utf8', timeout: 20_000 });
  if (!stdout.startsWith('{')) return null;
  const found = JSON.parse(stdout) as { corruptions?: number; leaks?: number; 'check-errors': number };
  return found['check-errors'] > 0 ? null : { corruptions: found.corruptions ?? 0, leaks: found.leaks ?? 0 };
}

async function ourCheck(bytes: Uint8Array): Promise<Found> {
  smallDisk(Uint8Array.from(bytes));
  try {
    const opened = await openImage('memory:fuzzed', {}, BDRV_O_CHECK);
    try {
      const { corruptions, leaks, checkErrors } = await opened.check();
      return checkErrors > 0 ? null : { corruptions, leaks };
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    return null;
  }
}
