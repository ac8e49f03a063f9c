/** Slots that few drivers fill, and what happens where a driver fails half-way. */
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import * as block from '../../../src/block/block-global-state.ts';
import * as backends from '../../../src/block/block-backend-global-state.ts';
import { blkRoot } from '../../../src/block/block-backend-global-state.ts';
import { BDRV_O_INACTIVE, BDRV_O_RDWR, BDRV_O_SNAPSHOT, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_WRITE } from '../../../src/block/model/constants.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import { bdrvMemory, forgetMemoryDisks, memoryDisk } from '../support/memory-driver.ts';
import { bdrvOverlay } from '../support/overlay-driver.ts';

const held: BlockDriverState[] = [];
const closed: string[] = [];

/** Names its children itself, and merges old options in its own way. */
const bdrvChoosy: BlockDriver = {
  ...bdrvOverlay,
  formatName: 'choosy',
  bdrvGatherChildOptions(_bs, target) {
    target['data'] = { driver: 'memory' };
  },
  bdrvJoinOptions(options, oldOptions) {
    for (const [name, value] of Object.entries(oldOptions)) if (name !== 'label') options[name] ??= value;
  },
};

async function openTable(driver: BlockDriver): Promise<BlockDriverState> {
  const bs = await block.bdrvNewOpenDriverOpts(driver, null, { filename: 'disk' }, BDRV_O_RDWR);
  held.push(bs);
  return bs;
}

beforeAll(() => {
  block.bdrvInit();
  for (const driver of [bdrvMemory, bdrvOverlay, bdrvChoosy]) block.bdrvRegister(driver);
});

beforeEach(async () => {
  memoryDisk('disk', 4096);
  await block.bdrvCreate(bdrvOverlay, 'memory:image', { size: 4096 });
});

afterEach(async () => {
  for (const bs of held.splice(0).reverse()) await block.bdrvUnref(bs);
  closed.length = 0;
  forgetMemoryDisks();
  expect(block.bdrvNextAllStates(null)?.nodeName).toBeUndefined();
});

test('a driver may name its children itself', async () => {
  const bs = await block.bdrvOpen('memory:image', null, { driver: 'choosy', label: 'red' }, BDRV_O_RDWR);
  held.push(bs);
  expect(bs.fullOpenOptions).toEqual({ driver: 'choosy', label: 'red', data: { driver: 'memory' } });
});

test('a driver may merge old options itself', async () => {
  const bs = await block.bdrvOpen('memory:image', null, { driver: 'choosy', label: 'red' }, BDRV_O_RDWR);
  held.push(bs);
  await expect(block.bdrvReopen(bs, { 'detect-zeroes': 'on' }, true)).resolves.toBeUndefined();
  expect([bs.options['label'], bs.detectZeroes]).toEqual([undefined, 'on']);
});

test('a driver that fails with a fault of its own is named with the file', async () => {
  const broken: BlockDriver = { ...bdrvMemory, formatName: 'broken', protocolName: 'broken', bdrvFileOpen: () => Promise.reject(new TypeError('undefined is no disk')) };
  block.bdrvRegister(broken);
  await expect(block.bdrvOpen(null, null, { driver: 'broken', filename: 'disk' }, 0)).rejects.toThrow("Could not open 'disk': undefined is no disk");
  await expect(openTable(broken)).rejects.toThrow('Could not open image: undefined is no disk');
});

test('a driver that can not tell its length is closed again', async () => {
  const lengthless: BlockDriver = {
    ...bdrvMemory,
    bdrvGetlength: () => Promise.reject(new Error('no length')),
    bdrvClose: (bs) => {
      closed.push(bs.nodeName);
      return Promise.resolve();
    },
  };
  await expect(openTable(lengthless)).rejects.toThrow('Could not refresh total sector count: no length');
  expect(closed).toHaveLength(1);
});

test('a file that can not be read has no format', async () => {
  memoryDisk('bad', 4096).failNext('read');
  await expect(block.bdrvOpen('memory:bad', null, null, 0)).rejects.toThrow('Could not read image for determining its format: read failed on purpose');
});

test('a node that is opened into a drained section is quiesced, and its driver told', async () => {
  const told: string[] = [];
  const driver: BlockDriver = {
    ...bdrvMemory,
    bdrvCoDrainBegin: () => Promise.resolve(void told.push('begin')),
    bdrvCoDrainEnd: () => Promise.resolve(void told.push('end')),
  };
  await block.bdrvDrainAllBegin();
  const bs = await openTable(driver);
  expect([bs.quiesceCounter, told]).toEqual([1, ['begin']]);
  await block.bdrvDrainAllEnd();
  expect([bs.quiesceCounter, told]).toEqual([0, ['begin', 'end']]);
});

test('a temporary overlay that can not be made fails the whole', async () => {
  const saved = process.env['TMPDIR'];
  process.env['TMPDIR'] = '/nowhere/at/all';
  try {
    await expect(block.bdrvOpen('memory:disk', null, null, BDRV_O_RDWR | BDRV_O_SNAPSHOT)).rejects.toThrow("Could not create temporary overlay '/nowhere/at/all/");
  } finally {
    if (saved === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = saved;
  }
});

test('a backend that gets its permissions not back stays without them', async () => {
  const bs = await block.bdrvOpen('memory:disk', null, null, BDRV_O_RDWR);
  held.push(bs);
  const first = await backends.blkNewWithBs(bs, BLK_PERM_WRITE, BLK_PERM_ALL);
  backends.blkSetForceAllowInactivate(first);
  await block.bdrvInactivateAll();
  expect(bs.openFlags & BDRV_O_INACTIVE).not.toBe(0);
  const rival = await backends.blkNewWithBs(bs, BLK_PERM_CONSISTENT_READ, BLK_PERM_CONSISTENT_READ);
  await expect(block.bdrvActivate(bs)).rejects.toThrow();
  expect([first.disablePerm, blkRoot(first)?.perm]).toEqual([true, 0]);
  await backends.blkUnref(rival);
  await block.bdrvInvalidateCacheAll();
  expect([first.disablePerm, blkRoot(first)?.perm]).toEqual([false, BLK_PERM_WRITE]);
  await backends.blkUnref(first);
});
