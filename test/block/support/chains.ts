/**
 * Backing chains of small images on disks in memory, for tests of jobs.
 *
 * In: names, from the base up. Out: images `NAME.img` of the test's own format, each on the one before, opened as one chain below a
 * backend, with nodes of those names.
 */
import { blkNewOpen } from '../../../src/block/backend/open.ts';
import { blkUnref } from '../../../src/block/backend/registry.ts';
import { blkBs } from '../../../src/block/backend/settings.ts';
import { blkPread, blkPwrite } from '../../../src/block/backend/wrappers.ts';
import { bdrvFindNode } from '../../../src/block/graph/node-lists.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import { BDRV_O_RDWR, BDRV_O_UNMAP } from '../../../src/block/model/constants.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import type { BlockOptions } from '../../../src/block/model/options.ts';
import { bdrvCreate } from '../../../src/block/open/create.ts';
import { bdrvRegister } from '../../../src/block/open/drivers.ts';
import { registerDrivers } from './backend.ts';
import { bdrvOverlay } from './overlay-driver.ts';

/** Bytes of every image. */
export const LENGTH = 256 * 1024;

/** Makes the images. */
export async function createImages(names: readonly string[]): Promise<void> {
  registerDrivers();
  bdrvRegister(bdrvOverlay);
  for (const [index, name] of names.entries()) {
    const below = names[index - 1];
    const backing = below === undefined ? {} : { backing_file: `memory:${below}.img`, backing_fmt: 'overlay' };
    await bdrvCreate(bdrvOverlay, `memory:${name}.img`, { size: LENGTH, ...backing });
  }
}

/** Opens the chain whose topmost image is the last of `names`. */
export async function openChain(names: readonly string[]): Promise<BlockBackend> {
  const options = (index: number): BlockOptions => ({
    driver: 'overlay', 'node-name': names[index] ?? '', file: { driver: 'memory', filename: `${names[index] ?? ''}.img` },
    ...(index > 0 ? { backing: options(index - 1) } : {}),
  });
  return blkNewOpen(null, null, options(names.length - 1), BDRV_O_RDWR | BDRV_O_UNMAP);
}

/** The node of that name. */
export function nodeOf(name: string): BlockDriverState {
  const bs = bdrvFindNode(name);
  if (bs === null) throw new Error(`There is no node ${name}.`);
  return bs;
}

/** Writes `value` into clusters of an image that nobody has open. */
export async function writeInto(name: string, value: number, offset: number, bytes: number): Promise<void> {
  const blk = await blkNewOpen(`memory:${name}.img`, null, { driver: 'overlay' }, BDRV_O_RDWR);
  await blkPwrite(blk, offset, new Uint8Array(bytes).fill(value), 0);
  await blkUnref(blk);
}

/** All that a backend shows. */
export async function readAll(blk: BlockBackend): Promise<Uint8Array> {
  const bytes = new Uint8Array(LENGTH);
  await blkPread(blk, 0, bytes);
  return bytes;
}

/** All that an image shows that nobody has open. */
export async function readImage(name: string, options: BlockOptions = {}): Promise<Uint8Array> {
  const blk = await blkNewOpen(`memory:${name}.img`, null, { driver: 'overlay', ...options }, 0);
  const bytes = await readAll(blk);
  await blkUnref(blk);
  return bytes;
}

/** The node names of a chain, from the top down. */
export function chainOf(blk: BlockBackend): string[] {
  const names: string[] = [];
  for (let bs = blkBs(blk); bs !== null; bs = bs.backing?.bs ?? null) names.push(bs.nodeName);
  return names;
}
