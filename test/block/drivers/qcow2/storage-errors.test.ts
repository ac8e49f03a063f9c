/**
 * Requests of the file below an image fail, from each in turn: it alone, it and the next, or it and all that follow, while the image is
 * opened, used, checked and closed. Whoever asked is told, or nothing depended on it; the image is sound afterwards, and shows what it showed.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { BDRV_FIX_ERRORS, BDRV_FIX_LEAKS, BDRV_O_CHECK, BDRV_O_RDWR, BDRV_O_UNMAP, type OpenFlags } from '../../../../src/block/model/constants.ts';
import { blockError, BlockError } from '../../../../src/block/model/errors.ts';
import type { BlockOptions } from '../../../../src/block/model/options.ts';
import { blkTruncate } from '../../../../src/block/backend/wrappers.ts';
import { bdrvAmendOptions, bdrvChangeBackingFile, bdrvMakeEmpty } from '../../../../src/block/open/image.ts';
import { bdrvCreateDirtyBitmap } from '../../../../src/block/requests/dirty-bitmap.ts';
import { bdrvSnapshotCreate, bdrvSnapshotDelete, bdrvSnapshotList } from '../../../../src/block/snapshot/snapshot.ts';
import { registerDrivers } from '../../support/backend.ts';
import { memoryDisk, memoryDiskOf, type MemoryDisk } from '../../support/memory-driver.ts';
import { createImage, openImage, type TestImage } from '../../support/qcow2.ts';

beforeAll(() => registerDrivers());

const KIB = 1024;
const SIZE = 128 * KIB;
const LARGE: BlockOptions = { size: SIZE, cluster_size: 8 * KIB };
/** Small clusters, tables and caches: much is read and written. */
const SMALL: BlockOptions = { size: SIZE, cluster_size: 512, refcount_bits: 64 };
const SMALL_CACHES: BlockOptions = { 'l2-cache-size': KIB, 'refcount-cache-size': 2 * KIB };
const CHECK = BDRV_O_CHECK | BDRV_O_RDWR;
const ALL_ERRORS = BDRV_FIX_LEAKS | BDRV_FIX_ERRORS;
const snapshot = (name: string) => ({ idStr: '', name, vmStateSize: 0, dateSec: 1, dateNsec: 0, vmClockNsec: 0n, icount: null });

/** What is done with an image while a request fails. */
interface Work {
  /** Makes the image in `memory:faulty`. */
  prepare(): Promise<void>;
  readonly options?: BlockOptions;
  readonly flags?: OpenFlags;
  use(image: TestImage): Promise<unknown>;
  /** What the first 4 KiB may show afterwards. */
  readonly shows: readonly number[];
  /** The snapshots there may be afterwards; none where nothing is said. */
  readonly snapshots?: readonly (readonly string[])[];
  /** The disk whose requests fail, if it is not the image's own. */
  readonly disk?: string;
}

async function prepared(options: BlockOptions, change: (image: TestImage) => Promise<unknown>): Promise<void> {
  await createImage('memory:faulty', options);
  const image = await openImage('memory:faulty');
  await image.write(0, Buffer.alloc(image.state.header.size, 1));
  await change(image);
  await image.close();
}

const viewOfDisk = (): DataView => new DataView(memoryDiskOf('faulty').data.buffer);

/** The place of the refcount of a cluster of an image with 64-bit refcounts and one cluster of refcount table. */
function refcountPlace(cluster: number): number {
  const view = viewOfDisk();
  const block = Number(view.getBigUint64(Number(view.getBigUint64(48)) + 8 * Math.floor(cluster / 64)));
  return block + 8 * (cluster % 64);
}

/** An image with a snapshot, a leak, counts behind its end, and wrong flags in its tables. */
async function damaged(): Promise<void> {
  await prepared(SMALL, async (image) => {
    await bdrvSnapshotCreate(image.bs, snapshot('kept'));
    await image.write(8 * KIB, Buffer.alloc(8 * KIB, 2));
  });
  const disk = memoryDiskOf('faulty');
  const clusters = Math.ceil(disk.data.length / 512);
  disk.data = Buffer.concat([disk.data], (clusters + 2) * 512);
  const view = viewOfDisk();
  for (const cluster of [clusters, clusters + 1, clusters + 3]) view.setBigUint64(refcountPlace(cluster), 1n);
  // The last cluster is a block for counts of what the file never got.
  const table = Number(view.getBigUint64(48));
  view.setBigUint64(table + 8 * (Math.floor(clusters / 64) + 4), BigInt((clusters + 1) * 512));
  view.setBigUint64((clusters + 1) * 512 + 80, 1n);
  const l1 = Number(view.getBigUint64(40));
  for (const entry of [l1, Number(view.getBigUint64(l1) & 0x00fffffffffffe00n)]) view.setBigUint64(entry, view.getBigUint64(entry) ^ (1n << 63n));
}

const works: Record<string, Work> = {
  'a check that mends': {
    prepare: damaged, options: SMALL_CACHES, flags: CHECK, shows: [1], snapshots: [['kept']],
    use: async (image) => {
      const { checkErrors, corruptions } = await image.check(ALL_ERRORS);
      if (checkErrors + corruptions > 0) throw blockError('EIO', 'The check says that it failed');
    },
  },
  'an image with bitmaps is opened and closed': {
    prepare: () => prepared(LARGE, (image) => {
      bdrvCreateDirtyBitmap(image.bs, 65536, 'changes').persistent = true;
      return Promise.resolve();
    }),
    use: (image) => image.write(0, Buffer.alloc(4 * KIB, 3)), shows: [1, 3],
  },
  'a header that knows more than we do is written anew': {
    prepare: async () => {
      await prepared(LARGE, () => Promise.resolve());
      memoryDiskOf('faulty').data[88] = 0x80;
    },
    use: (image) => image.read(0, 512), shows: [1],
  },
  'all is dropped': { prepare: () => prepared(LARGE, () => Promise.resolve()), use: (image) => bdrvMakeEmpty(image.root), shows: [0, 1] },
  'a disk gets shorter': { prepare: () => prepared(SMALL, () => Promise.resolve()), options: SMALL_CACHES, use: (image) => image.resize(32 * KIB), shows: [1] },
  'a disk gets longer, and its room is reserved': {
    prepare: () => prepared(LARGE, () => Promise.resolve()), use: (image) => blkTruncate(image.blk, 4 * SIZE, false, 'falloc', 0), shows: [1],
  },
  'snapshots come and go': {
    prepare: () => prepared(SMALL, (image) => bdrvSnapshotCreate(image.bs, snapshot('old'))), options: SMALL_CACHES, shows: [1, 4],
    snapshots: [['old'], ['old', 'new'], ['new']],
    use: async (image) => {
      await bdrvSnapshotCreate(image.bs, snapshot('new'));
      await image.write(0, Buffer.alloc(4 * KIB, 4));
      await bdrvSnapshotDelete(image.bs, null, 'old');
    },
  },
  'the refcount table grows': {
    prepare: () => prepared(SMALL, () => Promise.resolve()), shows: [1],
    use: async (image) => {
      await image.resize(2 * SIZE);
      // One cluster of table counts 4096: as if all of them were in use.
      image.state.freeClusterIndex = 4096;
      await image.write(SIZE, Buffer.alloc(16 * KIB, 5));
      expect(image.state.header.refcountTableClusters).toBeGreaterThan(1);
    },
  },
  'another backing file is named': {
    prepare: async () => {
      memoryDisk('below', SIZE);
      await prepared(LARGE, () => Promise.resolve());
    },
    use: (image) => bdrvChangeBackingFile(image.bs, 'memory:below', 'raw', false), shows: [1],
  },
  'counts get wider': {
    prepare: () => prepared({ ...SMALL, refcount_bits: 16 }, () => Promise.resolve()), shows: [1],
    use: (image) => bdrvAmendOptions(image.bs, { refcount_bits: 64 }, null, false),
  },
  'data in another file is given up': {
    prepare: async () => {
      memoryDisk('faulty-data', 0);
      await createImage('memory:faulty', { ...LARGE, data_file: 'memory:faulty-data' });
      const image = await openImage('memory:faulty');
      await image.write(0, Buffer.alloc(SIZE, 1));
      await image.close();
    },
    flags: BDRV_O_RDWR | BDRV_O_UNMAP, disk: 'faulty-data', shows: [1],
    use: (image) => image.discard(65536, 32768),
  },
};

/** Opens the image, uses it and closes it; whether everything worked. */
async function attempt({ options, flags = BDRV_O_RDWR | BDRV_O_UNMAP, use }: Work): Promise<boolean> {
  try {
    const image = await openImage('memory:faulty', options, flags);
    try {
      await use(image);
    } finally {
      await image.close();
    }
    return true;
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    return false;
  }
}

/** Makes requests fail: that number `from`, and up to `to`. @returns how many requests there were, after the attempt */
function fail(disk: MemoryDisk, from: number, to: number): () => number {
  let count = -1;
  disk.beforeRequest = ({ type }) => {
    count++;
    if (count >= from && count <= to) throw blockError('EIO', `${type} failed on purpose`);
  };
  return () => count + 1;
}

/** The image is sound now, and has and shows what it may. */
async function expectSound({ shows, snapshots = [[]] }: Work): Promise<void> {
  const image = await openImage('memory:faulty', {}, CHECK);
  await image.check(ALL_ERRORS);
  expect(await image.check()).toMatchObject({ corruptions: 0, leaks: 0, checkErrors: 0 });
  expect(snapshots).toContainEqual((await bdrvSnapshotList(image.bs)).map(({ name }) => name));
  const shown = await image.read(0, 4 * KIB);
  expect(shown.every((byte) => byte === shown[0])).toBe(true);
  expect(shows).toContain(shown[0]);
  await image.close();
}

describe.each([['a request fails', 0], ['a request fails, and the one that would make up for it', 1], ['the disk fails', Infinity]])('%s while', (_what, more) => {
  test.each(Object.entries(works))('%s', async (_name, work) => {
    await work.prepare();
    const original = memoryDiskOf('faulty').data.slice();
    const restored = (): MemoryDisk => {
      const disk = memoryDisk('faulty', original.slice());
      return work.disk === undefined ? disk : memoryDiskOf(work.disk);
    };
    const requests = fail(restored(), Infinity, Infinity);
    expect(await attempt(work)).toBe(true);
    expect(requests()).toBeGreaterThan(0);
    let failures = 0;
    for (let number = 0; number < requests(); number++) {
      const disk = restored();
      fail(disk, number, number + more);
      if (!(await attempt(work))) failures++;
      disk.beforeRequest = null;
      await expectSound(work);
    }
    // The host may fail unseen to take room back.
    if (work.disk === undefined) expect(failures).toBeGreaterThan(0);
  });
});
