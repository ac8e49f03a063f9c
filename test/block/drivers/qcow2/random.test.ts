/** Random operations on images of all shapes equal a plain buffer; every image is in order afterwards, for our check and for qemu-img's. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../../../src/block/contexts/seeded-scheduler.ts';
import { BDRV_REQ_MAY_UNMAP } from '../../../../src/block/model/constants.ts';
import type { BlockOptions } from '../../../../src/block/model/options.ts';
import { bdrvSnapshotCreate, bdrvSnapshotDelete, bdrvSnapshotGoto } from '../../../../src/block/snapshot/snapshot.ts';
import { memoryDisk } from '../../support/memory-driver.ts';
import { hasQemuImg, qemuImg } from '../../support/qemu.ts';
import { createImage, openImage, TestFolder, type TestImage } from '../../support/qcow2.ts';

const folder = new TestFolder();
afterAll(() => folder.remove());

interface Shape {
  readonly name: string;
  readonly options: BlockOptions;
  readonly size: number;
  readonly hasBacking?: boolean;
  readonly hasDataFile?: boolean;
  readonly seeds?: number;
  readonly steps?: number;
}

const shapes: Shape[] = [
  { name: 'clusters of 512 bytes', options: { cluster_size: 512 }, size: 600 * 1024 + 512, seeds: 4 },
  { name: 'clusters of 512 bytes, refcounts of 64 bits', options: { cluster_size: 512, refcount_bits: 64 }, size: 300 * 1024, seeds: 4 },
  { name: 'clusters of 4 KiB, backing file', options: { cluster_size: 4096 }, size: 2 ** 20, hasBacking: true, seeds: 6 },
  { name: 'clusters of 4 KiB, version 2, backing file', options: { cluster_size: 4096, compat: '0.10' }, size: 2 ** 20, hasBacking: true, seeds: 4 },
  { name: 'clusters of 64 KiB, lazy refcounts', options: { lazy_refcounts: true }, size: 4 * 2 ** 20 },
  { name: 'clusters of 64 KiB, refcounts of 1 bit', options: { refcount_bits: 1 }, size: 4 * 2 ** 20 },
  { name: 'clusters of 4 KiB, refcounts of 2 bits', options: { refcount_bits: 2, cluster_size: 4096 }, size: 2 ** 20 },
  { name: 'clusters of 2 MiB', options: { cluster_size: 2 ** 21 }, size: 8 * 2 ** 20, seeds: 1, steps: 40 },
  { name: 'subclusters, backing file', options: { extended_l2: true, cluster_size: 16384 }, size: 2 ** 20, hasBacking: true, seeds: 8 },
  { name: 'subclusters', options: { extended_l2: true, cluster_size: 65536 }, size: 4 * 2 ** 20, seeds: 4 },
  { name: 'external data file', options: { cluster_size: 4096, data_file: 'memory:external' }, size: 2 ** 20, hasDataFile: true, seeds: 3 },
  { name: 'external raw data file', options: { cluster_size: 4096, data_file: 'memory:external', data_file_raw: true }, size: 2 ** 20, hasDataFile: true, seeds: 3 },
];

/** An image and the buffer that it must equal. */
class Model {
  image: TestImage;
  data: Buffer;
  readonly saved = new Map<string, Buffer>();
  readonly shape: Shape;
  readonly random: () => number;

  constructor(image: TestImage, data: Buffer, shape: Shape, random: () => number) {
    this.image = image;
    this.data = data;
    this.shape = shape;
    this.random = random;
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  range(): { offset: number; bytes: number } {
    const offset = this.below(this.data.length);
    const longest = this.random() < 0.2 ? this.data.length : 3 * this.image.state.clusterSize;
    return { offset, bytes: 1 + this.below(Math.min(longest, this.data.length - offset)) };
  }

  pattern(bytes: number): Buffer {
    return Buffer.alloc(bytes, Buffer.from([1 + this.below(255), this.below(256), this.below(256)]));
  }
}

type Operation = (model: Model) => Promise<void>;

const operations: readonly (readonly [number, Operation])[] = [
  [10, async (m) => {
    const { offset, bytes } = m.range();
    const data = m.pattern(bytes);
    await m.image.write(offset, data);
    data.copy(m.data, offset);
  }],
  [3, async (m) => {
    const { offset, bytes } = m.range();
    await m.image.writeZeroes(offset, bytes, m.random() < 0.5 ? BDRV_REQ_MAY_UNMAP : 0);
    m.data.fill(0, offset, offset + bytes);
  }],
  [2, async (m) => {
    // What a discard leaves behind is only certain where it is a whole cluster: it reads as zeroes then.
    const { clusterSize, header } = m.image.state;
    const { offset, bytes } = m.range();
    const start = Math.ceil(offset / clusterSize) * clusterSize;
    const end = Math.floor((offset + bytes) / clusterSize) * clusterSize;
    if (start >= end || (header.version < 3 && m.shape.hasBacking)) return;
    await m.image.discard(start, end - start);
    m.data.fill(0, start, end);
  }],
  [2, async (m) => {
    if (m.shape.hasDataFile) return;
    const { clusterSize } = m.image.state;
    const offset = m.below(Math.ceil(m.data.length / clusterSize)) * clusterSize;
    const data = m.pattern(Math.min(clusterSize, m.data.length - offset));
    try {
      await m.image.writeCompressed(offset, data);
    } catch (error) {
      // Compressed data does not replace other data.
      expect(error).toMatchObject({ code: 'EIO' });
      return;
    }
    data.copy(m.data, offset);
  }],
  [4, async (m) => {
    const { offset, bytes } = m.range();
    const data = await m.image.read(offset, bytes);
    expect(Buffer.compare(data, m.data.subarray(offset, offset + bytes))).toBe(0);
  }],
  [3, async (m) => {
    // Several at once, next to each other.
    const { offset, bytes } = m.range();
    const parts = 1 + m.below(4);
    const length = Math.floor(bytes / parts);
    if (length === 0) return;
    await Promise.all(Array.from({ length: parts }, async (_, part) => {
      const data = m.pattern(length);
      data.copy(m.data, offset + part * length);
      await m.image.write(offset + part * length, data);
    }));
  }],
  [1, (m) => m.image.flush()],
  [1, async (m) => {
    await m.image.close();
    m.image = await reopen(m.shape);
  }],
  [1, async (m) => {
    const name = `s${m.below(4)}`;
    if (m.shape.hasDataFile || m.saved.has(name) || m.image.state.refcountBits === 1) return;
    try {
      await bdrvSnapshotCreate(m.image.bs, { idStr: '', name, vmStateSize: 0, dateSec: 1, dateNsec: 2, vmClockNsec: 3n, icount: null });
    } catch (error) {
      expect(error).toMatchObject({ code: 'EINVAL' }); // refcounts are too narrow
      return;
    }
    m.saved.set(name, Buffer.from(m.data));
  }],
  [1, async (m) => {
    const [name] = [...m.saved.keys()];
    if (name === undefined) return;
    await bdrvSnapshotDelete(m.image.bs, null, name);
    m.saved.delete(name);
  }],
  [1, async (m) => {
    const name = [...m.saved.keys()].at(-1);
    const saved = name === undefined ? undefined : m.saved.get(name);
    if (name === undefined || saved === undefined) return;
    try {
      await bdrvSnapshotGoto(m.image.bs, name);
    } catch (error) {
      expect(error).toMatchObject({ code: 'EINVAL' });
      return;
    }
    m.data = Buffer.from(saved);
  }],
  [1, async (m) => {
    if (m.saved.size > 0 && m.image.state.header.version < 3) return;
    const size = Math.max(1024, Math.floor((m.data.length * (0.7 + m.random() * 0.6)) / 512) * 512);
    if (m.shape.hasBacking && size > m.data.length) return;
    await m.image.resize(size);
    const data = Buffer.alloc(size);
    m.data.copy(data);
    m.data = data;
  }],
];

const bag = operations.flatMap(([weight, operation]) => Array.from({ length: weight }, () => operation));

function reopen(shape: Shape): Promise<TestImage> {
  const backing = shape.hasBacking ? { 'backing.driver': 'memory', 'backing.filename': 'base' } : {};
  const data = shape.hasDataFile ? { 'data-file.driver': 'memory', 'data-file.filename': 'external' } : {};
  return openImage('memory:random', { ...backing, ...data, 'l2-cache-size': 4096, 'l2-cache-entry-size': 512, 'file.discard': 'unmap', discard: 'unmap' });
}

async function start(shape: Shape, seed: number): Promise<Model> {
  const random = seededRandom(seed);
  const base = Buffer.alloc(shape.size);
  if (shape.hasBacking) for (let at = 0; at < base.length; at += 512) base.fill(1 + Math.floor(random() * 255), at, at + 512);
  memoryDisk('base', Buffer.from(base));
  await createImage('memory:random', { size: shape.size, ...shape.options });
  return new Model(await reopen(shape), base, shape, random);
}

describe.each(shapes)('$name', (shape) => {
  test.each(Array.from({ length: shape.seeds ?? 2 }, (_, index) => index + 1))('seed %i', async (seed) => {
    const model = await start(shape, seed * 7919);
    for (let step = 0; step < (shape.steps ?? 150); step++) {
      await bag[model.below(bag.length)]?.(model);
    }
    expect(Buffer.compare(await model.image.read(0, model.data.length), model.data)).toBe(0);
    const { corruptions, leaks, checkErrors } = await model.image.check();
    expect({ corruptions, leaks, checkErrors }).toEqual({ corruptions: 0, leaks: 0, checkErrors: 0 });
    await model.image.close();
    if (hasQemuImg && !shape.hasDataFile) compareWithQemu(model);
  });
});

/** qemu-img finds nothing wrong, and reads the same. */
function compareWithQemu({ data, shape }: Model): void {
  const image = folder.dump('random', 'random.qcow2');
  const base = folder.dump('base', 'base.raw');
  qemuImg('check', image);
  if (shape.hasBacking) qemuImg('rebase', '-u', '-b', base, '-F', 'raw', image);
  qemuImg('convert', '-O', 'raw', image, folder.file('out.raw'));
  expect(Buffer.compare(readFileSync(folder.file('out.raw')), data)).toBe(0);
}
