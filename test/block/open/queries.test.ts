import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import * as block from '../../../src/block/block-global-state.ts';
import * as io from '../../../src/block/block-io.ts';
import { bdrvGetFullBackingFilename } from '../../../src/block/block-common.ts';
import { bdrvGetParentName } from '../../../src/block/block-int-io.ts';
import * as backends from '../../../src/block/block-backend-global-state.ts';
import { runCoWrapper } from '../../../src/block/contexts/poll.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { BDRV_O_INACTIVE, BDRV_O_RDWR, BDRV_O_UNMAP, BLK_PERM_ALL } from '../../../src/block/model/constants.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import { IoVector } from '../../../src/block/model/io-vector.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import { tranAbort, tranNew } from '../../../src/block/model/transaction.ts';
import { bdrvBackingOverridden, bdrvGetBackingPath } from '../../../src/block/open/filenames.ts';
import { childOfBds } from '../../../src/block/graph/child-of-bds.ts';
import { bdrvOpenChild } from '../../../src/block/open/open.ts';
import { bdrvMemory, forgetMemoryDisks, memoryDisk } from '../support/memory-driver.ts';
import { bdrvOverlay, overlayState } from '../support/overlay-driver.ts';

/** A filter that passes everything on, and knows nothing. */
const bdrvPass: BlockDriver = {
  formatName: 'pass',
  isFilter: true,
  async bdrvOpen(bs, options) {
    await bdrvOpenChild(null, options, 'file', bs, childOfBds, 4 | 16, false);
  },
  bdrvGetlength: (bs) => Promise.resolve((bs.file?.bs?.totalSectors ?? 0) * 512),
};
/** A protocol with a folder of its own, and with limits that nobody can meet where its name says so. */
const bdrvFoldered: BlockDriver = {
  ...bdrvMemory, formatName: 'foldered', protocolName: 'foldered', bdrvDirname: () => 'foldered://there/',
  bdrvParseFilename: (filename, options) => void (options['filename'] = filename.replace('foldered:', '')),
};

const held: BlockDriverState[] = [];
let overlay: BlockDriverState;
let filter: BlockDriverState;

async function open(options: Parameters<typeof block.bdrvOpen>[2], flags = BDRV_O_RDWR): Promise<BlockDriverState> {
  const bs = await block.bdrvOpen(null, null, options, flags);
  held.push(bs);
  return bs;
}

beforeAll(() => {
  block.bdrvInit();
  for (const driver of [bdrvMemory, bdrvOverlay, bdrvPass, bdrvFoldered]) block.bdrvRegister(driver);
});

beforeEach(async () => {
  memoryDisk('base', 65_536);
  await block.bdrvCreate(bdrvOverlay, 'memory:top', { size: 65_536, backing_file: 'memory:base', backing_fmt: 'raw' });
  overlay = await open({ driver: 'overlay', 'node-name': 'overlay', file: { driver: 'memory', filename: 'top' } });
  filter = await open({ driver: 'pass', 'node-name': 'filter', file: 'overlay' });
});

afterEach(async () => {
  for (const bs of held.splice(0).reverse()) await block.bdrvUnref(bs);
  forgetMemoryDisks();
  expect(block.bdrvNextAllStates(null)?.nodeName).toBeUndefined();
});

async function emptyNode(): Promise<BlockDriverState> {
  const bs = block.bdrvNew();
  held.push(bs);
  return Promise.resolve(bs);
}

describe('a node answers', () => {
  test('whether it can be written', () => {
    expect([io.bdrvIsReadOnly(overlay), io.bdrvIsWritable(overlay)]).toEqual([false, true]);
    overlay.openFlags |= BDRV_O_INACTIVE;
    expect(io.bdrvIsWritable(overlay)).toBe(false);
    overlay.openFlags &= ~BDRV_O_INACTIVE;
  });

  test('whether it has a medium, down to its file', async () => {
    expect([io.bdrvIsInserted(filter), io.bdrvIsSg(filter)]).toEqual([true, false]);
    expect(io.bdrvIsInserted(await emptyNode())).toBe(false);
    const ejected = await block.bdrvNewOpenDriverOpts({ ...bdrvMemory, bdrvIsInserted: () => false }, null, { filename: 'base' }, 0);
    held.push(ejected);
    expect(io.bdrvIsInserted(ejected)).toBe(false);
  });

  test('what its name, format and device are', async () => {
    expect([io.bdrvGetFormatName(overlay), io.bdrvGetNodeName(overlay), io.bdrvGetDeviceName(overlay)]).toEqual(['overlay', 'overlay', '']);
    const blk = await backends.blkNewWithBs(overlay, 0, BLK_PERM_ALL);
    backends.monitorAddBlk(blk, 'disk0');
    expect([bdrvGetParentName(overlay), io.bdrvGetDeviceName(overlay), io.bdrvGetDeviceOrNodeName(overlay)]).toEqual(['disk0', 'disk0', 'disk0']);
    expect(io.bdrvGetDeviceOrNodeName(filter)).toBe('filter');
    backends.monitorRemoveBlk(blk);
    expect(bdrvGetParentName(overlay)).toBe('');
    await backends.blkUnref(blk);
    expect(io.bdrvGetFormatName(await emptyNode())).toBeNull();
  });

  test('what its format knows, through filters', async () => {
    expect(io.bdrvGetInfo(filter)).toMatchObject({ clusterSize: 4096 });
    expect(() => io.bdrvGetInfo(overlay.file?.bs ?? overlay)).toThrow("Block driver 'memory' has no information");
    const empty = await emptyNode();
    expect(() => io.bdrvGetInfo(empty)).toThrow('No medium found');
    const huge = await block.bdrvNewOpenDriverOpts(
      { ...bdrvMemory, bdrvGetInfo: () => ({ clusterSize: 2 ** 31, vmStateOffset: 0, isDirty: false, needsCompressedWrites: false }) }, null, { filename: 'base' }, 0,
    );
    held.push(huge);
    expect(() => io.bdrvGetInfo(huge)).toThrow('are too large');
    expect(io.bdrvGetSpecificInfo(filter)).toBeNull();
    expect(io.bdrvGetSpecificStats(overlay)).toBeNull();
    expect(io.bdrvGetSpecificStats(overlay.file?.bs ?? overlay)).toMatchObject({ driver: 'memory' });
  });

  test('whether it takes compressed writes', async () => {
    expect(io.bdrvSupportsCompressedWrites(overlay)).toBe(false);
    const compresses = (driver: BlockDriver): BlockDriver => ({ ...driver, bdrvCoPwritevCompressed: () => Promise.resolve() });
    const below = await block.bdrvNewOpenDriverOpts(compresses(bdrvMemory), 'below', { filename: 'base' }, 0);
    held.push(below);
    const above = await block.bdrvNewOpenDriverOpts(compresses(bdrvPass), null, { file: 'below' }, 0);
    held.push(above);
    expect([io.bdrvSupportsCompressedWrites(below), io.bdrvSupportsCompressedWrites(above)]).toEqual([true, true]);
  });

  test('how large an image would be', async () => {
    expect(await io.bdrvMeasure(bdrvOverlay, { size: 4096 }, null)).toEqual({ required: 8192, fullyAllocated: 12_288 });
    await expect(io.bdrvMeasure(bdrvMemory, {}, null)).rejects.toThrow("Block driver 'memory' does not support size measurement");
  });

  test('to its tray', async () => {
    io.bdrvEject(overlay, true);
    io.bdrvLockMedium(overlay, true);
    io.bdrvEject(await emptyNode(), true);
    expect(overlayState(overlay).asked.slice(1)).toEqual(['eject', 'lock']);
  });

  test('for sizes of the host, through filters', () => {
    expect(block.bdrvProbeBlocksizes(filter)).toEqual({ phys: 4096, log: 512 });
    expect(block.bdrvProbeGeometry(filter)).toMatchObject({ heads: 16 });
    expect(block.bdrvProbeBlocksizes(overlay.file?.bs ?? overlay)).toBeNull();
    expect(block.bdrvProbeGeometry(overlay.file?.bs ?? overlay)).toBeNull();
  });

  test('whether a new image reads as zero', async () => {
    expect(block.bdrvHasZeroInit(overlay)).toBe(false);
    expect(block.bdrvHasZeroInit(overlay.file?.bs ?? overlay)).toBe(true);
    const alone = await open({ driver: 'overlay', backing: null, file: { driver: 'memory', filename: 'top' } }, 0);
    expect(block.bdrvHasZeroInit(alone)).toBe(true);
    const above = await open({ driver: 'pass', file: { driver: 'memory', filename: 'base' } }, 0);
    expect([block.bdrvHasZeroInit(above), block.bdrvHasZeroInit1(above)]).toEqual([true, true]);
    const empty = await emptyNode();
    expect([block.bdrvHasZeroInit(empty), block.bdrvHasZeroInit1(empty)]).toEqual([false, false]);
  });
});

describe('limits', () => {
  test('come from the children and from the driver', async () => {
    memoryDisk('coarse', 65_536, { requestAlignment: 4096, maxTransfer: 8192 });
    memoryDisk('fine', 65_536, { maxTransfer: 32_768 });
    await block.bdrvCreate(bdrvOverlay, 'memory:above', { size: 65_536, backing_file: 'memory:fine', backing_fmt: 'raw' });
    const raw = await open({ driver: 'raw', 'node-name': 'raw', file: { driver: 'memory', filename: 'coarse' } }, 0);
    expect([raw.file?.bs?.bl.requestAlignment, raw.bl.maxTransfer]).toEqual([4096, 8192]);
    const bs = await open({ driver: 'overlay', backing: 'raw', file: { driver: 'memory', filename: 'above' } }, 0);
    expect([bs.bl.requestAlignment, bs.bl.maxTransfer, bs.bl.maxIov]).toEqual([1, 8192, 1024]);
  });

  test('come back where a transaction aborts', () => {
    const before = overlay.bl;
    const transaction = tranNew();
    block.bdrvRefreshLimits(overlay, transaction);
    expect(overlay.bl).not.toBe(before);
    tranAbort(transaction);
    expect(overlay.bl).toBe(before);
  });

  test('that nobody can meet are refused', async () => {
    memoryDisk('absurd', 65_536, { requestAlignment: 2 ** 31 });
    await expect(open({ driver: 'memory', filename: 'absurd' })).rejects.toThrow('Driver requires too large request alignment');
  });

  test('of a driver with sectors only are sectors', async () => {
    const sectors: BlockDriver = { ...bdrvMemory };
    Reflect.deleteProperty(sectors, 'bdrvCoPreadv');
    const bs = await block.bdrvNewOpenDriverOpts({ ...sectors, bdrvRefreshLimits: () => undefined, bdrvCoReadv: () => Promise.resolve() }, null, { filename: 'base' }, 0);
    held.push(bs);
    expect(bs.bl.requestAlignment).toBe(512);
    const empty = await emptyNode();
    block.bdrvRefreshLimits(empty, null);
    expect([io.bdrvMinMemAlign(empty), io.bdrvOptMemAlign(empty)]).toEqual([4096, 4096]);
  });

  test('lead to memory that suits', () => {
    expect([io.bdrvMinMemAlign(overlay), io.bdrvOptMemAlign(overlay)]).toEqual([512, 4096]);
    expect([io.qemuBlockalign(overlay, 100).length, io.qemuBlockalign0(overlay, 100).every((byte) => byte === 0)]).toEqual([100, true]);
    expect(io.qemuTryBlockalign(overlay, 2 ** 60)).toBeNull();
    expect(io.qemuTryBlockalign0(overlay, 2 ** 60)).toBeNull();
    expect([io.qemuTryBlockalign(overlay, 10)?.length, io.qemuTryBlockalign0(overlay, 10)?.[9]]).toEqual([10, 0]);
    const buffer = new Uint8Array(2048);
    expect(io.bdrvQiovIsAligned(overlay, IoVector.of(buffer.subarray(512, 1024), buffer.subarray(1024)))).toBe(true);
    expect(io.bdrvQiovIsAligned(overlay, IoVector.of(buffer.subarray(1, 513)))).toBe(false);
    expect(io.bdrvQiovIsAligned(overlay, IoVector.of(buffer.subarray(0, 100)))).toBe(false);
  });

  test('say whether zero writes may give space back', () => {
    expect(io.bdrvCanWriteZeroesWithUnmap(overlay)).toBe(false);
    overlay.openFlags |= BDRV_O_UNMAP;
    expect(io.bdrvCanWriteZeroesWithUnmap(overlay)).toBe(true);
  });
});

describe('names', () => {
  test('of a filter are options, of an implicit one those of the node below', () => {
    expect(JSON.parse(filter.filename.slice('json:'.length))).toMatchObject({ driver: 'pass', file: { driver: 'overlay' } });
    filter.implicit = true;
    block.bdrvRefreshFilename(filter);
    expect(filter.filename).toBe('memory:top');
    filter.implicit = false;
  });

  test('of nodes with strong options are options', async () => {
    const bs = await open({ driver: 'overlay', label: 'blue', file: { driver: 'memory', filename: 'top' } }, 0);
    expect(JSON.parse(bs.filename.slice('json:'.length))).toMatchObject({ label: 'blue' });
    expect([overlay.filename, bdrvBackingOverridden(overlay)]).toEqual(['memory:top', false]);
  });

  test('of folders come from the file, or from the driver', async () => {
    const rooted = { ...bdrvMemory, bdrvRefreshFilename: (bs: BlockDriverState) => void (bs.exactFilename = '/images/disk.img') };
    const file = await block.bdrvNewOpenDriverOpts(rooted, 'rooted', { filename: 'base' }, 0);
    held.push(file);
    const raw = await open({ driver: 'raw', file: 'rooted' }, 0);
    expect(block.bdrvDirname(raw)).toBe('/images/');
    Object.assign(raw, { backingFile: 'base.img' });
    expect([bdrvGetFullBackingFilename(raw), bdrvGetBackingPath(raw)]).toEqual(['/images/base.img', '/images/base.img']);
    Object.assign(raw, { backingFile: '/base.img' });
    expect([bdrvGetFullBackingFilename(raw), bdrvGetBackingPath(raw)]).toEqual(['/base.img', '/base.img']);
    Object.assign(raw, { backingFile: '' });
    expect([bdrvGetFullBackingFilename(raw), bdrvGetBackingPath(raw)]).toEqual([null, null]);
    const foldered = await open({ driver: 'foldered', filename: 'base' }, 0);
    Object.assign(foldered, { backingFile: 'base.img' });
    expect(bdrvGetBackingPath(foldered)).toBe('foldered://there/base.img');
    expect(() => bdrvGetFullBackingFilename(foldered)).toThrow('Cannot generate a base directory');
  });

  test('of folders are unknown for nodes without a file name', async () => {
    const nameless = await open({ driver: 'null-co', 'read-zeroes': true }, 0);
    nameless.exactFilename = '';
    const { drv } = nameless;
    nameless.drv = { formatName: 'nameless' };
    expect(() => block.bdrvDirname(nameless)).toThrow("Cannot generate a base directory for nameless node");
    nameless.backingFile = 'base.img';
    expect(() => bdrvGetFullBackingFilename(nameless)).toThrow('Cannot generate a base directory');
    nameless.drv = drv;
    const empty = await emptyNode();
    expect(() => block.bdrvDirname(empty)).toThrow('is ejected');
    block.bdrvRefreshFilename(empty);
    expect(empty.filename).toBe('');
  });
});

describe('breakpoints', () => {
  test('are set in the debug node below', async () => {
    const bs = await open({ driver: 'raw', file: { driver: 'blkdebug', image: { driver: 'memory', filename: 'base' } } }, 0);
    block.bdrvDebugBreakpoint(bs, 'read_aio', 'A');
    expect(block.bdrvDebugIsSuspended(bs, 'A')).toBe(false);
    const waiting = runCoWrapper(mainContext, () => io.blkdbgEvent(bs.file, 'read_aio'));
    await new Promise(setImmediate);
    expect(block.bdrvDebugIsSuspended(bs, 'A')).toBe(true);
    block.bdrvDebugResume(bs, 'A');
    await waiting;
    expect(block.bdrvDebugIsSuspended(bs, 'A')).toBe(false);
    block.bdrvDebugBreakpoint(bs, 'read_aio', 'B');
    block.bdrvDebugRemoveBreakpoint(bs, 'B');
    await runCoWrapper(mainContext, () => io.blkdbgEvent(bs.file, 'read_aio'));
  });

  test('need one', async () => {
    expect(() => block.bdrvDebugBreakpoint(filter, 'read_aio', 'A')).toThrow("Node 'filter' has no debug node below");
    expect(() => block.bdrvDebugResume(filter, 'A')).toThrow('has no debug node below');
    expect(() => block.bdrvDebugRemoveBreakpoint(filter, 'A')).toThrow('has no debug node below');
    expect(block.bdrvDebugIsSuspended(filter, 'A')).toBe(false);
    await runCoWrapper(mainContext, async () => {
      await io.blkdbgEvent(null, 'read_aio');
      await io.bdrvDebugEvent(filter, 'read_aio');
    });
  });
});
