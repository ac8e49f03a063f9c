import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import * as block from '../../../src/block/block-global-state.ts';
import * as io from '../../../src/block/block-io.ts';
import { blkNewOpen, blkUnref } from '../../../src/block/block-backend-global-state.ts';
import { bdsTreeInit } from '../../../src/block/block-int-global-state.ts';
import { blkPread, blkPwrite } from '../../../src/block/block-backend-io.ts';
import { bdrvCowBs } from '../../../src/block/graph/chain-links.ts';
import {
  BDRV_O_ALLOW_RDWR, BDRV_O_AUTO_RDONLY, BDRV_O_COPY_ON_READ, BDRV_O_NOCACHE, BDRV_O_NO_BACKING, BDRV_O_NO_IO, BDRV_O_PROTOCOL, BDRV_O_RDWR, BDRV_O_UNMAP,
} from '../../../src/block/model/constants.ts';
import { BlockError } from '../../../src/block/model/errors.ts';
import type { BlockOptions } from '../../../src/block/model/options.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import { bdrvEnforceWhitelist, bdrvSetWhitelist } from '../../../src/block/open/drivers.ts';
import { bdrvMemory, forgetMemoryDisks, memoryDisk } from '../support/memory-driver.ts';
import { bdrvOverlay, overlayState, pattern } from '../support/overlay-driver.ts';

const held: BlockDriverState[] = [];

/** Opens a node that is let go of after the test. */
async function open(...args: Parameters<typeof block.bdrvOpen>): Promise<BlockDriverState> {
  const bs = await block.bdrvOpen(...args);
  held.push(bs);
  return bs;
}

async function createOverlay(name: string, options: Record<string, string | number>): Promise<void> {
  await block.bdrvCreate(bdrvOverlay, `memory:${name}`, options);
}

beforeAll(() => {
  block.bdrvInit();
  block.bdrvRegister(bdrvMemory);
  block.bdrvRegister(bdrvOverlay);
});

beforeEach(() => {
  memoryDisk('disk', 65_536).data.fill(7);
});

afterEach(async () => {
  for (const bs of held.splice(0).reverse()) await block.bdrvUnref(bs);
  forgetMemoryDisks();
  expect(block.bdrvNextAllStates(null)?.nodeName).toBeUndefined();
});

describe('a node', () => {
  test('is opened by the name of a driver and a child by options', async () => {
    const bs = await open(null, null, { driver: 'raw', 'node-name': 'top', file: { driver: 'memory', filename: 'disk' } }, BDRV_O_RDWR);
    expect(bs.drv?.formatName).toBe('raw');
    expect(bs.nodeName).toBe('top');
    expect(block.bdrvFindNode('top')).toBe(bs);
    expect(bs.file?.bs?.drv).toBe(bdrvMemory);
    expect(await io.bdrvGetlength(bs)).toBe(65_536);
    expect(bs.options).not.toHaveProperty('file.filename');
    expect(bs.filename).toBe('memory:disk');
  });

  test('leaves the options of the caller alone', async () => {
    const options = { driver: 'raw', file: { driver: 'memory', filename: 'disk' } };
    const before = structuredClone(options);
    await open(null, null, options, BDRV_O_RDWR);
    expect(options).toEqual(before);
  });

  test('is opened by file name, with its format guessed', async () => {
    const bs = await open('memory:disk', null, null, BDRV_O_RDWR);
    expect([bs.drv?.formatName, bs.probed, bs.options['driver']]).toEqual(['raw', true, 'raw']);
    await createOverlay('image', { size: 65_536 });
    const image = await open('memory:image', null, null, BDRV_O_RDWR);
    expect([image.drv?.formatName, image.probed, image.file?.bs?.nodeName.startsWith('#block')]).toEqual(['overlay', true, true]);
    const named = await open('memory:image', null, { driver: 'overlay' }, 0);
    expect(named.probed).toBe(false);
  });

  test('is opened as a protocol only, where that is asked for', async () => {
    const bs = await open('memory:disk', null, null, BDRV_O_PROTOCOL | BDRV_O_RDWR);
    expect(bs.drv).toBe(bdrvMemory);
  });

  test('is found by its name, and held once more', async () => {
    const bs = await open(null, null, { driver: 'memory', filename: 'disk', 'node-name': 'n0' }, 0);
    expect(await open(null, 'n0', null, 0)).toBe(bs);
    expect(await open(null, null, { driver: 'raw', file: 'n0' }, 0)).toHaveProperty('file.bs', bs);
    await expect(open('memory:disk', 'n0', null, 0)).rejects.toThrow('Cannot reference an existing block device with additional options');
    await expect(open(null, 'nobody', null, 0)).rejects.toThrow('nobody');
  });

  test('is opened by a json: name; options that are given win', async () => {
    const name = 'json:{"driver": "raw", "node-name": "from-json", "file": {"driver": "memory", "filename": "disk"}}';
    const bs = await open(name, null, { 'node-name': 'given' }, 0);
    expect(bs.nodeName).toBe('given');
    await expect(open('json:{', null, null, 0)).rejects.toThrow('Could not parse the JSON options');
    await expect(open('json:[1]', null, null, 0)).rejects.toThrow('Invalid JSON object given');
  });

  test('has the size option of its raw format', async () => {
    const bs = await open('memory:disk', null, { driver: 'raw', offset: '4K', size: '8k' }, 0);
    expect(await io.bdrvGetlength(bs)).toBe(8192);
    expect(bs.filename).toMatch(/^json:\{/);
    expect(JSON.parse(bs.filename.slice('json:'.length))).toMatchObject({ driver: 'raw', file: { driver: 'memory', filename: 'disk' } });
    const again = await open(bs.filename, null, null, 0);
    expect(await io.bdrvGetlength(again)).toBe(8192);
  });

  test.each<[string, Parameters<typeof block.bdrvOpen>, string]>([
    ['no driver and no file', [null, null, {}, 0], 'Must specify either driver or file'],
    ['an unknown driver', ['memory:disk', null, { driver: 'nonsense' }, 0], "Unknown driver 'nonsense'"],
    ['an option of nobody', ['memory:disk', null, { color: 'red' }, 0], "Block format 'raw' does not support the option 'color'"],
    ['an option of nobody below', [null, null, { driver: 'memory', filename: 'disk', color: 'red' }, 0], "Block protocol 'memory' doesn't support the option 'color'"],
    ['a driver without its file', [null, null, { driver: 'raw' }, 0], 'A block device must be specified for "file"'],
    ['a missing file', ['memory:nowhere', null, null, 0], "Could not open 'memory:nowhere'"],
    ['a name twice', ['memory:disk', null, { driver: 'memory', filename: 'disk' }, 0], "Can't specify 'file' and 'filename' options at the same time"],
    ['no file name', [null, null, { driver: 'memory' }, 0], "The 'memory' block driver requires a file name"],
    ['force-share for a writer', ['memory:disk', null, { 'force-share': true }, BDRV_O_RDWR], 'force-share=on can only be used with read-only images'],
    ['a malformed boolean', ['memory:disk', null, { 'read-only': 'maybe' }, 0], "Parameter 'read-only' expects 'on' or 'off'"],
    ['a malformed node name', ['memory:disk', null, { 'node-name': '0' }, 0], "Invalid node-name: '0'"],
    ['copy-on-read without writing', ['memory:disk', null, null, BDRV_O_COPY_ON_READ], "Can't use copy-on-read on read-only device"],
  ])('is refused: %s', async (_what, args, message) => {
    await expect(open(...args)).rejects.toThrow(message);
  });
});

test('whatever a file name says ends in a node or in a clear error', async () => {
  memoryDisk('text', new TextEncoder().encode('x'.repeat(2048)));
  const value: fc.Arbitrary<unknown> = fc.oneof(
    fc.constantFrom('raw', 'overlay', 'memory', 'file', 'disk', 'text', 'memory:disk', 'on', 'unmap', '4k', '', 'json:{}', 'n0'), fc.string({ maxLength: 5 }), fc.integer(), fc.boolean(), fc.constant(null),
  );
  const name = fc.constantFrom('driver', 'file', 'filename', 'backing', 'node-name', 'read-only', 'offset', 'size', 'discard', 'detect-zeroes', 'force-share', 'x', '__proto__', '0');
  const options = fc.letrec((tie) => ({
    object: fc.dictionary(name, fc.oneof({ weight: 3, arbitrary: value }, { weight: 2, arbitrary: tie('object') }), { maxKeys: 4 }),
  })).object;
  await fc.assert(fc.asyncProperty(options, fc.constantFrom(null, 'memory:disk'), fc.constantFrom(0, BDRV_O_RDWR), async (given, filename, flags) => {
    try {
      const bs = filename === null ? await block.bdrvOpen(`json:${JSON.stringify(given)}`, null, null, flags) : await block.bdrvOpen(filename, null, given as BlockOptions, flags);
      await block.bdrvUnref(bs);
    } catch (error) {
      expect(error).toBeInstanceOf(BlockError);
    }
    expect(block.bdrvNextAllStates(null)?.nodeName).toBeUndefined();
  }), { numRuns: 400 });
});

describe('flags and options', () => {
  test('the read-only option wins over the flag', async () => {
    const bs = await open('memory:disk', null, { 'read-only': 'on' }, BDRV_O_RDWR);
    expect(io.bdrvIsReadOnly(bs)).toBe(true);
    const writable = await open('memory:disk', null, { 'read-only': false }, 0);
    expect(io.bdrvIsWritable(writable)).toBe(true);
    expect(writable.openFlags & BDRV_O_ALLOW_RDWR).not.toBe(0);
  });

  test('cache options reach the children, discard always does', async () => {
    const bs = await open('memory:disk', null, { 'cache.direct': true, 'detect-zeroes': 'on' }, BDRV_O_RDWR);
    expect(bs.openFlags & BDRV_O_NOCACHE).toBe(BDRV_O_NOCACHE);
    expect(bs.detectZeroes).toBe('on');
    expect((bs.file?.bs?.openFlags ?? 0) & (BDRV_O_NOCACHE | BDRV_O_UNMAP)).toBe(BDRV_O_NOCACHE | BDRV_O_UNMAP);
    expect(bs.openFlags & BDRV_O_UNMAP).toBe(0);
    expect(bs.file?.bs?.detectZeroes).toBe('off');
    const plain = await open('memory:disk', null, { file: { 'cache.direct': true } }, BDRV_O_RDWR);
    expect(plain.openFlags & BDRV_O_NOCACHE).toBe(0);
  });

  test('copy-on-read is counted', async () => {
    const bs = await open('memory:disk', null, null, BDRV_O_RDWR | BDRV_O_COPY_ON_READ);
    expect(bs.copyOnRead).toBe(1);
    expect(bs.file?.bs?.copyOnRead).toBe(0);
  });

  test('a writer that can only read is refused, or reads', async () => {
    bdrvSetWhitelist(['memory'], ['raw']);
    bdrvEnforceWhitelist(true);
    try {
      await expect(open('memory:disk', null, null, BDRV_O_RDWR)).rejects.toThrow("Driver 'raw' can only be used for read-only devices");
      const bs = await open('memory:disk', null, null, BDRV_O_RDWR | BDRV_O_AUTO_RDONLY);
      expect(io.bdrvIsReadOnly(bs)).toBe(true);
      await expect(open('memory:disk', null, { driver: 'overlay' }, 0)).rejects.toThrow("Driver 'overlay' is not whitelisted");
    } finally {
      bdrvEnforceWhitelist(false);
      bdrvSetWhitelist([], []);
    }
  });
});

describe('a monitor', () => {
  test('opens trees by options, where all that is not given is off', async () => {
    const bs = await bdsTreeInit({ driver: 'raw', file: { driver: 'memory', filename: 'disk' } });
    held.push(bs);
    expect(io.bdrvIsWritable(bs)).toBe(true);
    expect(bs.openFlags & BDRV_O_AUTO_RDONLY).toBe(0);
  });

  test('opens references by name or by options', async () => {
    const bs = await block.bdrvOpenBlockdevRef({ driver: 'memory', filename: 'disk', 'node-name': 'below' });
    held.push(bs, await block.bdrvOpenBlockdevRef('below'));
    expect(held[1]).toBe(bs);
    await expect(block.bdrvOpenBlockdevRef('nobody')).rejects.toThrow('nobody');
  });
});

describe('a filter or format in code', () => {
  test('is opened by its table', async () => {
    const bs = await block.bdrvNewOpenDriverOpts(bdrvMemory, 'made', { filename: 'disk' }, BDRV_O_RDWR);
    held.push(bs);
    expect(await io.bdrvGetlength(bs)).toBe(65_536);
    await expect(block.bdrvNewOpenDriverOpts(bdrvMemory, null, { filename: 'disk', color: 1 }, 0)).rejects.toThrow("support the option 'color'");
    await expect(block.bdrvNewOpenDriver(bdrvMemory, null, 0)).rejects.toThrow();
  });
});

describe('a backing file', () => {
  test('is opened as the image mentions it, read-only, with its format', async () => {
    await createOverlay('top', { size: 65_536, backing_file: 'memory:disk', backing_fmt: 'raw' });
    const bs = await open('memory:top', null, null, BDRV_O_RDWR);
    const backing = bdrvCowBs(bs);
    expect([backing?.drv?.formatName, backing?.probed, backing && io.bdrvIsReadOnly(backing)]).toEqual(['raw', false, true]);
    expect(bs.filename).toBe('memory:top');
    expect(io.bdrvGetBackingFilename(bs)).toBe('memory:disk');
  });

  test('is left closed where that is asked for', async () => {
    await createOverlay('top', { size: 65_536, backing_file: 'memory:disk', backing_fmt: 'raw' });
    expect((await open('memory:top', null, null, BDRV_O_NO_BACKING)).backing).toBeNull();
    const bs = await open('memory:top', null, { backing: null }, 0);
    expect(bs.backing).toBeNull();
    expect(JSON.parse(bs.filename.slice('json:'.length))).toMatchObject({ backing: null });
  });

  test('can be another one than the image mentions', async () => {
    memoryDisk('other', 65_536);
    await createOverlay('top', { size: 65_536, backing_file: 'memory:disk', backing_fmt: 'raw' });
    const bs = await open('memory:top', null, { backing: { driver: 'raw', file: { driver: 'memory', filename: 'other' } } }, 0);
    expect(bdrvCowBs(bs)?.filename).toBe('memory:other');
    expect(JSON.parse(bs.filename.slice('json:'.length))).toMatchObject({ driver: 'overlay', backing: { driver: 'raw' } });
    const named = await open(null, null, { driver: 'memory', filename: 'other', 'node-name': 'base' }, 0);
    const byName = await open('memory:top', null, { backing: 'base' }, 0);
    expect(bdrvCowBs(byName)).toBe(named);
  });

  test('that is missing fails the whole', async () => {
    await createOverlay('top', { size: 65_536, backing_file: 'memory:gone', backing_fmt: 'raw' });
    await expect(open('memory:top', null, null, 0)).rejects.toThrow(/Could not open backing file: .*memory:gone/);
  });

  test('needs a driver that can have one', async () => {
    await expect(open('memory:disk', null, { driver: 'raw', backing: 'x' }, 0)).rejects.toThrow("Driver doesn't support backing files");
    const bs = await open('memory:disk', null, null, 0);
    await block.bdrvOpenBackingFile(bs, null, 'backing');
    expect(bs.backing).toBeNull();
  });

  test('that leads back to the image ends in an error', async () => {
    await createOverlay('a', { size: 4096, backing_file: 'memory:b', backing_fmt: 'overlay' });
    await createOverlay('b', { size: 4096, backing_file: 'memory:a', backing_fmt: 'overlay' });
    await expect(open('memory:a', null, null, 0)).rejects.toThrow("Image 'memory:a' is in its own backing chain");
    await createOverlay('self', { size: 4096, backing_file: 'json:{"driver":"overlay","file":{"driver":"memory","filename":"self"}}' });
    await expect(open('memory:self', null, null, 0)).rejects.toThrow('The backing chain is longer than 256 images');
  });

  test('without I/O is looked for as well', async () => {
    await createOverlay('top', { size: 65_536, backing_file: 'memory:disk', backing_fmt: 'raw' });
    const bs = await open('memory:top', null, null, BDRV_O_NO_IO);
    expect(bs.filename).toBe('memory:top');
  });
});

describe('data', () => {
  test('is read through the layers, and written into the top one', async () => {
    await createOverlay('top', { size: 65_536, backing_file: 'memory:disk', backing_fmt: 'raw' });
    const blk = await blkNewOpen('memory:top', null, null, BDRV_O_RDWR);
    const buffer = new Uint8Array(6000);
    await blkPread(blk, 1000, buffer);
    expect(buffer).toEqual(pattern(7, 6000));
    await blkPwrite(blk, 5000, pattern(9, 100), 0);
    await blkPread(blk, 4950, buffer.subarray(0, 200));
    expect([...buffer.subarray(0, 200)]).toEqual([...pattern(7, 50), ...pattern(9, 100), ...pattern(7, 50)]);
    await blkUnref(blk);
    const again = await open('memory:top', null, null, 0);
    expect([...overlayState(again).allocated].filter((there) => there === 1)).toHaveLength(1);
  });
});
