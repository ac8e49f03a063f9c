import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import * as block from '../../../src/block/block-global-state.ts';
import * as io from '../../../src/block/block-io.ts';
import { blkNewWithBs, blkUnref } from '../../../src/block/block-backend-global-state.ts';
import { bdrvCowBs } from '../../../src/block/graph/chain-links.ts';
import { BDRV_O_NOCACHE, BDRV_O_RDWR, BLK_PERM_ALL, BLK_PERM_WRITE } from '../../../src/block/model/constants.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import type { BlockOptions } from '../../../src/block/model/options.ts';
import { bdrvMemory, forgetMemoryDisks, memoryDisk } from '../support/memory-driver.ts';
import { bdrvOverlay, overlayState } from '../support/overlay-driver.ts';

const immutable: BlockDriver = { formatName: 'immutable', bdrvFileOpen: () => Promise.resolve(), bdrvGetlength: () => Promise.resolve(512) };

const held: BlockDriverState[] = [];
let top: BlockDriverState;

async function open(options: BlockOptions): Promise<BlockDriverState> {
  const bs = await block.bdrvOpen(null, null, options, BDRV_O_RDWR);
  held.push(bs);
  return bs;
}

const file = (name: string): BlockOptions => ({ driver: 'memory', filename: name });

beforeAll(() => {
  block.bdrvInit();
  for (const driver of [bdrvMemory, bdrvOverlay, immutable]) block.bdrvRegister(driver);
});

beforeEach(async () => {
  for (const name of ['base', 'other']) memoryDisk(name, 65_536);
  await block.bdrvCreate(bdrvOverlay, 'memory:top', { size: 65_536, backing_file: 'memory:base', backing_fmt: 'raw' });
  top = await open({ driver: 'overlay', 'node-name': 'top', file: file('top') });
});

afterEach(async () => {
  for (const bs of held.splice(0).reverse()) await block.bdrvUnref(bs);
  forgetMemoryDisks();
  expect(block.bdrvNextAllStates(null)?.nodeName).toBeUndefined();
});

describe('a node that is reopened', () => {
  test('becomes read-only with its file, and writable again', async () => {
    await block.bdrvReopenSetReadOnly(top, true);
    expect([io.bdrvIsReadOnly(top), io.bdrvIsReadOnly(top.file?.bs ?? top)]).toEqual([true, true]);
    expect(overlayState(top).asked).toEqual(['open rw', 'commit', 'commit post']);
    await block.bdrvReopenSetReadOnly(top, false);
    expect([io.bdrvIsWritable(top), io.bdrvIsWritable(top.file?.bs ?? top)]).toEqual([true, true]);
  });

  test('keeps its options, or loses those that can be reset', async () => {
    await block.bdrvReopen(top, { label: 'blue', 'cache.direct': true }, true);
    expect([overlayState(top).header.label, top.openFlags & BDRV_O_NOCACHE]).toEqual(['blue', BDRV_O_NOCACHE]);
    expect((top.file?.bs?.openFlags ?? 0) & BDRV_O_NOCACHE).toBe(BDRV_O_NOCACHE);
    await block.bdrvReopen(top, { 'detect-zeroes': 'on' }, true);
    expect([overlayState(top).header.label, top.detectZeroes]).toEqual(['blue', 'on']);
    const backing = bdrvCowBs(top)?.nodeName ?? '';
    await block.bdrvReopen(top, { driver: 'overlay', backing, file: top.file?.bs?.nodeName ?? '' }, false);
    expect([overlayState(top).header.label, top.detectZeroes, top.openFlags & BDRV_O_NOCACHE]).toEqual(['none', 'off', 0]);
    expect(top.options).not.toHaveProperty('backing');
  });

  test('gives options on to the children that were opened with it', async () => {
    await block.bdrvReopen(top, { 'backing.detect-zeroes': 'on' }, true);
    expect(bdrvCowBs(top)?.detectZeroes).toBe('on');
    expect(top.options).not.toHaveProperty('backing.detect-zeroes');
  });

  test.each([
    ['another driver', { driver: 'raw' }, "Cannot change the option 'driver'"],
    ['another name', { 'node-name': 'new-name' }, "Cannot change the option 'node-name'"],
    ['another file name', { 'file.filename': 'other' }, "Cannot change the option 'filename'"],
    ['an unknown discard mode', { discard: 'perhaps' }, 'Invalid discard option'],
    ['zero detection without unmapping', { 'detect-zeroes': 'unmap' }, 'without setting discard operation to unmap'],
    ['no file', { file: null }, "The option 'file' needs a node"],
    ['an unknown backing node', { backing: 'nobody' }, 'nobody'],
  ])('is refused %s, and stays as it was', async (_what, options: BlockOptions, message) => {
    const before = { ...top.options };
    await expect(block.bdrvReopen(top, options, true)).rejects.toThrow(message);
    expect([top.options, top.quiesceCounter, io.bdrvIsWritable(top)]).toEqual([before, 0, true]);
  });

  test('has to be given again what can not be reset', async () => {
    await expect(block.bdrvReopen(top, {}, false)).rejects.toThrow("Option 'driver' cannot be reset to its default value");
    await expect(block.bdrvReopen(top, { driver: 'overlay' }, false)).rejects.toThrow("backing is missing for 'top'");
  });

  test('is refused by a driver that can not, or will not', async () => {
    const stubborn = await open({ driver: 'immutable' });
    await expect(block.bdrvReopen(stubborn, {}, true)).rejects.toThrow("Block format 'immutable' used by node");
    overlayState(top).refuseReopen = true;
    await expect(block.bdrvReopenSetReadOnly(top, true)).rejects.toThrow('The overlay refuses to be reopened');
    expect(io.bdrvIsWritable(top)).toBe(true);
  });

  test('stays writable where a parent writes', async () => {
    const blk = await blkNewWithBs(top, BLK_PERM_WRITE, BLK_PERM_ALL);
    await expect(block.bdrvReopenSetReadOnly(top, true)).rejects.toThrow();
    expect([io.bdrvIsWritable(top), io.bdrvIsWritable(top.file?.bs ?? top)]).toEqual([true, true]);
    expect(overlayState(top).asked).toEqual(['open rw', 'abort']);
    await blkUnref(blk);
    await block.bdrvReopenSetReadOnly(top, true);
    expect(io.bdrvIsWritable(top)).toBe(false);
  });

  test('is flushed first', async () => {
    const disk = memoryDisk('flaky', 512);
    const bs = await open({ driver: 'raw', file: file('flaky') });
    const blk = await blkNewWithBs(bs, BLK_PERM_WRITE, BLK_PERM_ALL);
    const { blkPwrite } = await import('../../../src/block/block-backend-io.ts');
    await blkPwrite(blk, 0, new Uint8Array(512), 0);
    await blkUnref(blk);
    disk.failNext('flush');
    await expect(block.bdrvReopen(bs, {}, true)).rejects.toThrow('Error flushing drive: flush failed on purpose');
    disk.beforeRequest = null;
  });
});

test('reopens of one node come one after the other', async () => {
  const labels = ['red', 'green', 'blue'];
  await Promise.all(labels.map((label) => block.bdrvReopen(top, { label }, true)));
  expect(overlayState(top).header.label).toBe('blue');
  expect(overlayState(top).asked.filter((slot) => slot === 'commit')).toHaveLength(3);
  const failing = block.bdrvReopen(top, { driver: 'raw' }, true);
  const next = block.bdrvReopen(top, { label: 'last' }, true);
  await expect(failing).rejects.toThrow('Cannot change the option');
  await next;
  expect(overlayState(top).header.label).toBe('last');
});

describe('a child', () => {
  test('is replaced, and the old one let go of', async () => {
    const other = await open({ driver: 'raw', 'node-name': 'other', 'read-only': true, file: file('other') });
    const old = bdrvCowBs(top);
    await block.bdrvReopen(top, { backing: 'other' }, true);
    expect(bdrvCowBs(top)).toBe(other);
    expect(old?.refcnt).toBe(0);
    await block.bdrvReopen(top, { backing: null }, true);
    expect(top.backing).toBeNull();
    expect(other.parents).toEqual([]);
    await block.bdrvReopen(top, { backing: 'other' }, true);
    expect(bdrvCowBs(top)).toBe(other);
  });

  test('may be the file', async () => {
    await block.bdrvCreate(bdrvOverlay, 'memory:second', { size: 65_536 });
    const second = await open({ ...file('second'), 'node-name': 'second' });
    await block.bdrvReopen(top, { file: 'second' }, true);
    expect(top.file?.bs).toBe(second);
  });

  test('is not replaced where that makes a cycle', async () => {
    await expect(block.bdrvReopen(top, { backing: 'top' }, true)).rejects.toThrow('would create a cycle');
    expect(bdrvCowBs(top)?.drv?.formatName).toBe('raw');
  });

  test('stays where a later node of the queue fails', async () => {
    const other = await open({ driver: 'raw', 'node-name': 'other', 'read-only': true, file: file('other') });
    const stubborn = await open({ driver: 'immutable' });
    const old = bdrvCowBs(top);
    await block.bdrvDrainAllBegin();
    let queue = block.bdrvReopenQueue(null, top, { backing: 'other' }, true);
    queue = block.bdrvReopenQueue(queue, stubborn, null, true);
    await expect(block.bdrvReopenMultiple(queue)).rejects.toThrow('does not support reopening');
    await block.bdrvDrainAllEnd();
    expect(bdrvCowBs(top)).toBe(old);
    expect(other.parents).toEqual([]);
  });

  test('that is implicit, or of a filter without one, is not replaced', async () => {
    const old = bdrvCowBs(top);
    if (old) old.implicit = true;
    await open({ driver: 'raw', 'node-name': 'other', 'read-only': true, file: file('other') });
    await expect(block.bdrvReopen(top, { backing: 'other' }, true)).rejects.toThrow('Cannot replace implicit backing child of top');
    if (old) old.implicit = false;
  });
});

describe('a queue', () => {
  test('wants its nodes drained', () => {
    expect(() => block.bdrvReopenQueue(null, top, null, true)).toThrow("the node 'top' is not drained");
  });

  test('has a node once; later options win', async () => {
    await block.bdrvDrainAllBegin();
    const queue = block.bdrvReopenQueue(null, top, { label: 'first', 'detect-zeroes': 'on' }, true);
    const count = queue.entries.length;
    block.bdrvReopenQueue(queue, top, { label: 'second' }, true);
    expect(queue.entries).toHaveLength(count);
    await block.bdrvReopenMultiple(queue);
    await block.bdrvDrainAllEnd();
    expect([overlayState(top).header.label, top.detectZeroes, queue.entries]).toEqual(['second', 'on', []]);
  });

  test('that is not run is forgotten', async () => {
    await block.bdrvDrainAllBegin();
    const queue = block.bdrvReopenQueue(null, top, null, true);
    block.bdrvReopenQueueFree(queue);
    await block.bdrvDrainAllEnd();
    expect(queue.entries).toEqual([]);
    expect(overlayState(top).asked).toEqual(['open rw']);
  });
});
