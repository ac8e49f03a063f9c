/**
 * Backends on disks in memory.
 *
 * In: how the disk behaves, options of the node. Out: a backend that may do everything, and its disk. Leaves to others: the disk itself
 * (`memory-driver.ts`).
 */
import { blkNewWithBs, blkUnref } from '../../../src/block/backend/registry.ts';
import { bdrvRegister } from '../../../src/block/open/drivers.ts';
import { bdrvOpen } from '../../../src/block/open/open.ts';
import { bdrvInit } from '../../../src/block/open/init.ts';
import { bdrvUnref } from '../../../src/block/graph/nodes.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import { BDRV_O_RDWR, BDRV_O_UNMAP, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_RESIZE, BLK_PERM_WRITE, type OpenFlags } from '../../../src/block/model/constants.ts';
import type { BdrvChild, BlockDriverState } from '../../../src/block/model/node.ts';
import type { BlockOptions } from '../../../src/block/model/options.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import { bdrvMemory, memoryDisk, type MemoryDisk } from './memory-driver.ts';
import { bdrvOverlay } from './overlay-driver.ts';

/** Registers the built-in drivers and those for tests. */
export function registerDrivers(): void {
  bdrvInit();
  bdrvRegister(bdrvMemory);
  bdrvRegister(bdrvOverlay);
}

/** A backend for tests. */
export interface TestBackend {
  readonly blk: BlockBackend;
  readonly bs: BlockDriverState;
  readonly root: BdrvChild;
  readonly disk: MemoryDisk;
  close(): Promise<void>;
}

let disks = 0;

/** A backend on a new disk in memory. */
export async function memoryBackend(
  content: number | Uint8Array, behaviour: Partial<MemoryDisk> = {}, options: BlockOptions = {}, flags: OpenFlags = BDRV_O_RDWR | BDRV_O_UNMAP,
): Promise<TestBackend> {
  registerDrivers();
  const filename = `disk${++disks}`;
  const disk = memoryDisk(filename, content, behaviour);
  return { disk, ...await nodeBackend({ driver: 'memory', filename, ...options }, flags) };
}

/** A backend on a node of these options. */
export async function nodeBackend(options: BlockOptions, flags: OpenFlags = BDRV_O_RDWR | BDRV_O_UNMAP): Promise<Omit<TestBackend, 'disk'>> {
  registerDrivers();
  const bs = await bdrvOpen(null, null, options, flags);
  const blk = await blkNewWithBs(bs, BLK_PERM_CONSISTENT_READ | ((flags & BDRV_O_RDWR) !== 0 ? BLK_PERM_WRITE | BLK_PERM_RESIZE : 0), BLK_PERM_ALL);
  await bdrvUnref(bs);
  const { root } = blk;
  if (!root) throw new Error('The backend has no node.');
  return { blk, bs, root, close: () => blkUnref(blk) };
}

let drivers = 0;

/** A backend on a protocol that has just these slots, 64 KiB long where they say nothing else. */
export async function driverBackend(slots: Partial<BlockDriver>, options: BlockOptions = {}, flags: OpenFlags = BDRV_O_RDWR | BDRV_O_UNMAP): Promise<Omit<TestBackend, 'disk'>> {
  const formatName = `test-driver${++drivers}`;
  bdrvRegister({ formatName, protocolName: formatName, bdrvFileOpen: () => Promise.resolve(), bdrvGetlength: () => Promise.resolve(65536), ...slots });
  return nodeBackend({ driver: formatName, ...options }, flags);
}

/** An empty image of the format `overlay`, on a disk in memory, as options of a node. */
export async function overlayOptions(size: number): Promise<BlockOptions> {
  registerDrivers();
  const filename = `memory:overlay${++disks}`;
  await bdrvOverlay.bdrvCoCreateOpts?.(bdrvOverlay, filename, { size });
  return { driver: 'overlay', file: { driver: 'memory', filename: filename.slice('memory:'.length) } };
}
