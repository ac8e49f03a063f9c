import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import * as block from '../../../src/block/block-global-state.ts';
import * as io from '../../../src/block/block-io.ts';
import * as backends from '../../../src/block/block-backend-global-state.ts';
import { blkPread, blkPwrite } from '../../../src/block/block-backend-io.ts';
import { bdrvCoCreateOptsSimple } from '../../../src/block/block-int-global-state.ts';
import { runCoWrapper } from '../../../src/block/contexts/poll.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { bdrvCowBs } from '../../../src/block/graph/chain-links.ts';
import { onBlockEvent, type BlockEvent } from '../../../src/block/events.ts';
import {
  BDRV_O_NO_BACKING, BDRV_O_RDWR, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_WRITE, BlockOpType,
} from '../../../src/block/model/constants.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import type { BlockOptions } from '../../../src/block/model/options.ts';
import { bdrvMemory, forgetMemoryDisks, memoryDisk, memoryDiskOf } from '../support/memory-driver.ts';
import { bdrvOverlay, overlayState, pattern } from '../support/overlay-driver.ts';

/** A protocol that can only open what exists. */
const bdrvFixed: BlockDriver = { ...bdrvMemory, formatName: 'fixed', protocolName: 'fixed', bdrvCoCreateOpts: bdrvCoCreateOptsSimple };
const bdrvStiff: BlockDriver = { ...bdrvFixed, formatName: 'stiff', protocolName: 'stiff', hasVariableLength: false };
delete (bdrvStiff as { bdrvCoTruncate?: unknown }).bdrvCoTruncate;
/** A protocol without creation. */
const bdrvFound: BlockDriver = { formatName: 'found', protocolName: 'found' };

const held: BlockDriverState[] = [];

async function open(filename: string, options: BlockOptions | null = null, flags = BDRV_O_RDWR): Promise<BlockDriverState> {
  const bs = await block.bdrvOpen(filename, null, options, flags);
  held.push(bs);
  return bs;
}

async function createTop(backing = 'memory:base'): Promise<void> {
  await block.bdrvCreate(bdrvOverlay, 'memory:top', { size: 65_536, backing_file: backing, backing_fmt: 'raw' });
}

beforeAll(() => {
  block.bdrvInit();
  for (const driver of [bdrvMemory, bdrvOverlay, bdrvFound]) block.bdrvRegister(driver);
  const named = (driver: BlockDriver): BlockDriver => ({
    ...driver,
    bdrvParseFilename: (filename, options) => void (options['filename'] = filename.slice(driver.formatName.length + 1)),
  });
  block.bdrvRegister(named(bdrvFixed));
  block.bdrvRegister(named(bdrvStiff));
});

beforeEach(() => {
  memoryDisk('base', 65_536).data.fill(1);
});

afterEach(async () => {
  for (const bs of held.splice(0).reverse()) await block.bdrvUnref(bs);
  forgetMemoryDisks();
  expect(block.bdrvNextAllStates(null)?.nodeName).toBeUndefined();
});

describe('creation', () => {
  test('by a protocol leaves options of formats out', async () => {
    await block.bdrvCreateFile('memory:new', { size: 1024, cluster_size: 512 });
    expect(memoryDiskOf('new').data).toHaveLength(1024);
  });

  test('is refused by drivers that can not', async () => {
    await expect(block.bdrvCreate(bdrvFound, 'found:x', { size: 1 })).rejects.toThrow("Driver 'found' does not support image creation");
    await expect(block.bdrvCreateFile('found:x', { size: 1 })).rejects.toThrow("Driver 'found' does not support image creation");
  });

  test('on a protocol that can only open takes an existing target, and wipes its start', async () => {
    memoryDisk('target', 4096).data.fill(5);
    await block.bdrvCreateFile('fixed:target', { size: 8192 });
    const { data } = memoryDiskOf('target');
    expect(data).toHaveLength(8192);
    expect([data[0], data[511], data[512]]).toEqual([0, 0, 5]);
    await expect(block.bdrvCreateFile('fixed:nowhere', { size: 8192 })).rejects.toThrow("Protocol driver 'fixed' does not support creating new images");
  });

  test('on a target of fixed length wants it long enough', async () => {
    memoryDisk('target', 4096).data.fill(5);
    await block.bdrvCreateFile('stiff:target', { size: 1024 });
    expect(memoryDiskOf('target').data).toHaveLength(4096);
    await expect(block.bdrvCreateFile('stiff:target', { size: 8192 })).rejects.toThrow('Image is 4096 bytes long');
    await expect(block.bdrvCreate(bdrvFixed, 'fixed:target', { size: 8192, preallocation: 'full' })).rejects.toThrow("Unsupported preallocation mode 'full'");
  });
});

describe('qemu-img create', () => {
  const create = (filename: string, options: BlockOptions, more: { fmt?: string; base?: string; baseFmt?: string; size?: number; flags?: number; quiet?: boolean } = {}) =>
    block.bdrvImgCreate(filename, more.fmt ?? 'overlay', more.base ?? null, more.baseFmt ?? null, options, more.size ?? null, more.flags ?? 0, more.quiet ?? false);

  test('makes an image and says so', async () => {
    expect(await create('memory:new', { size: '64K', loud: 'on' })).toBe("Formatting 'memory:new', fmt=overlay size=65536 label=none cluster_size=4096 loud=on");
    expect(await create('memory:new', { loud: false }, { size: 512, quiet: true })).toBeNull();
    const bs = await open('memory:new');
    expect([bs.drv?.formatName, await io.bdrvGetlength(bs)]).toEqual(['overlay', 512]);
  });

  test('takes the size from the backing file', async () => {
    await create('memory:new', {}, { base: 'memory:base', baseFmt: 'raw' });
    expect(await io.bdrvGetlength(await open('memory:new'))).toBe(65_536);
  });

  test('looks at the backing file only where it may', async () => {
    await create('memory:new', {}, { base: 'memory:gone', baseFmt: 'raw', size: 512, flags: BDRV_O_NO_BACKING });
    expect((await open('memory:new', null, BDRV_O_NO_BACKING)).backingFile).toBe('memory:gone');
  });

  test.each([
    ['an unknown format', () => create('memory:x', { size: 1 }, { fmt: 'nonsense' }), "Unknown file format 'nonsense'"],
    ['a format that can not', () => create('memory:x', { size: 1 }, { fmt: 'found' }), "Format driver 'found' does not support image creation"],
    ['a protocol that can not', () => create('found:x', { size: 1 }), "Protocol driver 'found' does not support image creation"],
    ['an unknown option', () => create('memory:x', { size: 1, color: 'red' }), "Invalid parameter 'color'"],
    ['a malformed size', () => create('memory:x', { size: 'big' }), "Parameter 'size' expects a size"],
    ['no size', () => create('memory:x', {}), 'Image creation needs a size parameter'],
    ['a backing file where there can be none', () => create('memory:x', { size: 1 }, { fmt: 'memory', base: 'memory:base' }), 'Backing file not supported'],
    ['a backing format where there can be none', () => create('memory:x', { size: 1 }, { fmt: 'memory', baseFmt: 'raw' }), 'Backing file format not supported'],
    ['an unknown backing format', () => create('memory:x', {}, { base: 'memory:base', baseFmt: 'nonsense' }), "Unknown backing file format 'nonsense'"],
    ['itself as backing file', () => create('memory:x', {}, { base: 'memory:x', baseFmt: 'raw' }), 'same filename as the backing file'],
    ['an empty backing file name', () => create('memory:x', {}, { base: '', baseFmt: 'raw' }), 'Expected backing file name, got empty string'],
    ['a missing backing file', () => create('memory:x', {}, { base: 'memory:gone', baseFmt: 'raw' }), 'Could not open backing image'],
    ['no backing format', () => create('memory:x', {}, { base: 'memory:base' }), 'Backing file specified without backing format (detected format of raw)'],
    ['no backing format, unseen', () => create('memory:x', {}, { base: 'memory:base', flags: BDRV_O_NO_BACKING, size: 512 }), 'Backing file specified without backing format'],
    ['a size that the format can not hold', () => create('memory:x', { size: '1T' }), "too large for file format 'overlay' (try using a larger cluster size)"],
  ])('refuses %s', async (_what, run, message) => {
    await expect(run()).rejects.toThrow(message);
  });
});

describe('deletion', () => {
  const remove = (bs: BlockDriverState) => runCoWrapper(mainContext, () => io.bdrvCoDeleteFile(bs));

  test('takes the file away', async () => {
    const file = await open('memory:base', null, 0x8000);
    await remove(file);
    await expect(open('memory:base')).rejects.toThrow('Could not open');
  });

  test('is refused by a driver that can not; as a clean-up it is tried in silence', async () => {
    const bs = await open('memory:base');
    await expect(remove(bs)).rejects.toThrow("Driver 'raw' does not support image deletion");
    await runCoWrapper(mainContext, () => io.bdrvCoDeleteFileNoerr(bs));
    const events: BlockEvent[] = [];
    const stop = onBlockEvent((event) => events.push(event));
    const failing = await block.bdrvNewOpenDriverOpts({ ...bdrvMemory, bdrvCoDeleteFile: () => Promise.reject(new Error('stuck')) }, null, { filename: 'base' }, 0);
    await runCoWrapper(mainContext, () => io.bdrvCoDeleteFileNoerr(failing));
    await new Promise(setImmediate);
    stop();
    expect(events.map((event) => event.event)).toEqual(['BLOCK_FILE_NOT_DELETED']);
    await block.bdrvUnref(failing);
    const empty = block.bdrvNew();
    await expect(remove(empty)).rejects.toThrow('is not opened');
    await block.bdrvUnref(empty);
  });
});

describe('an image', () => {
  test('gets other options', async () => {
    await createTop();
    const bs = await open('memory:top');
    const blk = await backends.blkNewWithBs(bs, BLK_PERM_WRITE, BLK_PERM_ALL);
    const steps: number[] = [];
    await block.bdrvAmendOptions(bs, { label: 'amended' }, (_bs, done) => steps.push(done), false);
    expect([io.bdrvGetSpecificInfo(bs), steps]).toEqual([{ type: 'overlay', data: { label: 'amended' } }, [0, 1]]);
    await backends.blkUnref(blk);
    const raw = await open('memory:base');
    await expect(block.bdrvAmendOptions(raw, {}, null, false)).rejects.toThrow("Block driver 'raw' does not support option amendment");
    const empty = block.bdrvNew();
    await expect(block.bdrvAmendOptions(empty, {}, null, false)).rejects.toThrow('has no medium');
    await block.bdrvUnref(empty);
  });

  test('mentions another backing file', async () => {
    await createTop();
    const bs = await open('memory:top');
    const blk = await backends.blkNewWithBs(bs, BLK_PERM_WRITE, BLK_PERM_ALL);
    await block.bdrvChangeBackingFile(bs, 'memory:elsewhere', 'raw', true);
    expect([bs.backingFile, bs.backingFormat]).toEqual(['memory:elsewhere', 'raw']);
    await expect(block.bdrvChangeBackingFile(bs, null, 'raw', false)).rejects.toThrow('makes no sense without a backing file');
    await expect(block.bdrvChangeBackingFile(bs, 'x', null, true)).rejects.toThrow('Backing file specified without backing format');
    await block.bdrvChangeBackingFile(bs, null, null, true);
    await backends.blkUnref(blk);
    expect((await open('memory:top', null, 0)).backing).toBeNull();
  });

  test('is made empty, by those who may write', async () => {
    await createTop();
    const bs = await open('memory:top');
    const blk = await backends.blkNewWithBs(bs, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE, BLK_PERM_ALL);
    await blkPwrite(blk, 0, pattern(9, 512), 0);
    const root = backends.blkRoot(blk);
    if (!root) throw new Error('The backend is empty.');
    await block.bdrvMakeEmpty(root);
    const buffer = new Uint8Array(512);
    await blkPread(blk, 0, buffer);
    expect(buffer).toEqual(pattern(1, 512));
    backends.blkSetPerm(blk, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL);
    await expect(block.bdrvMakeEmpty(root)).rejects.toThrow("'root' may not be written");
    await backends.blkUnref(blk);
    const raw = await backends.blkNewWithBs(await open('memory:base'), BLK_PERM_WRITE, BLK_PERM_ALL);
    const rawRoot = backends.blkRoot(raw);
    if (rawRoot) await expect(block.bdrvMakeEmpty(rawRoot)).rejects.toThrow("'raw' does not support emptying");
    await backends.blkUnref(raw);
  });

  test('is told of buffers and cancelled requests', async () => {
    await createTop();
    const bs = await open('memory:top');
    block.bdrvRegisterBuf(bs, new Uint8Array(16));
    block.bdrvCancelInFlight(bs);
    block.bdrvUnregisterBuf(bs, new Uint8Array(16));
    expect(overlayState(bs).asked).toEqual(['open rw', 'register 16', 'cancel in flight', 'unregister 16']);
  });
});

describe('commit', () => {
  test('writes the overlay into its backing file, which is read-only before and after', async () => {
    await createTop();
    const blk = await backends.blkNewOpen('memory:top', null, null, BDRV_O_RDWR);
    await blkPwrite(blk, 6000, pattern(9, 5000), 0);
    const top = backends.blkRoot(blk)?.bs;
    if (!top) throw new Error('The backend is empty.');
    const backing = bdrvCowBs(top);
    await block.bdrvCommit(top);
    expect(bdrvCowBs(top)).toBe(backing);
    expect(backing && io.bdrvIsReadOnly(backing)).toBe(true);
    expect([...overlayState(top).allocated].includes(1)).toBe(false);
    const { data } = memoryDiskOf('base');
    expect([data[5999], data[6000], data[10_999], data[11_000]]).toEqual([1, 9, 9, 1]);
    expect(memoryDiskOf('base').countOf('flush')).toBeGreaterThan(0);
    await backends.blkUnref(blk);
  });

  test('grows a shorter backing file', async () => {
    memoryDisk('base', 4096).data.fill(1);
    await createTop();
    const blk = await backends.blkNewOpen('memory:top', null, null, BDRV_O_RDWR);
    await blkPwrite(blk, 32_768, pattern(9, 512), 0);
    backends.monitorAddBlk(blk, 'disk0');
    await backends.blkCommitAll();
    const { data } = memoryDiskOf('base');
    expect([data.length, data[4095], data[4096], data[32_768]]).toEqual([65_536, 1, 0, 9]);
    backends.monitorRemoveBlk(blk);
    await backends.blkUnref(blk);
  });

  test('is refused without a backing file, where something is against it, and where it can not be written', async () => {
    await expect(block.bdrvCommit(await open('memory:base'))).rejects.toThrow('has no backing file');
    const empty = block.bdrvNew();
    await expect(block.bdrvCommit(empty)).rejects.toThrow('has no medium');
    await block.bdrvUnref(empty);
    await createTop();
    const top = await open('memory:top');
    const reason = { message: 'a backup runs' };
    block.bdrvOpBlock(top, BlockOpType.COMMIT_SOURCE, reason);
    await expect(block.bdrvCommit(top)).rejects.toThrow('a backup runs');
    block.bdrvOpUnblock(top, BlockOpType.COMMIT_SOURCE, reason);
    memoryDiskOf('base').readOnly = true;
    await expect(block.bdrvCommit(top)).rejects.toThrow("Could not make 'memory:base' writable");
  });

  test('lets readers through meanwhile', async () => {
    await createTop();
    const top = await open('memory:top');
    const [writer, reader] = [await backends.blkNewWithBs(top, BLK_PERM_WRITE, BLK_PERM_ALL), await backends.blkNewWithBs(top, 0, BLK_PERM_ALL)];
    await blkPwrite(writer, 0, pattern(9, 512), 0);
    await backends.blkUnref(writer);
    const seen = new Uint8Array(512);
    const reads: Promise<void>[] = [];
    memoryDiskOf('base').beforeRequest = (request) => {
      if (request.type === 'write' && reads.length === 0) reads.push(blkPread(reader, 40_960, seen));
    };
    memoryDiskOf('base').delay = 0;
    await block.bdrvCommit(top);
    await Promise.all(reads);
    expect(seen).toEqual(pattern(1, 512));
    await backends.blkUnref(reader);
  });

  test('that fails leaves both as they were', async () => {
    await createTop();
    const blk = await backends.blkNewOpen('memory:top', null, null, BDRV_O_RDWR);
    await blkPwrite(blk, 0, pattern(9, 512), 0);
    const top = backends.blkRoot(blk)?.bs;
    if (!top) throw new Error('The backend is empty.');
    memoryDiskOf('base').failNext('write', 'ENOSPC');
    await expect(block.bdrvCommit(top)).rejects.toThrow('write failed on purpose');
    expect(bdrvCowBs(top)?.drv?.formatName).toBe('raw');
    expect(overlayState(top).allocated[0]).toBe(1);
    await backends.blkUnref(blk);
  });
});
