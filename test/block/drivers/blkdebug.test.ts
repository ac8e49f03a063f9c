import fs from 'node:fs';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { blkFlush, blkPdiscard, blkPread, blkPwrite, blkPwriteZeroes, blkTruncate } from '../../../src/block/block-backend-io.ts';
import {
  bdrvDebugBreakpoint, bdrvDebugIsSuspended, bdrvDebugRemoveBreakpoint, bdrvDebugResume, bdrvInit, bdrvOpen, bdrvRefreshFilename, bdrvRegister, bdrvReopen,
  bdrvUnref,
} from '../../../src/block/block-global-state.ts';
import { bdrvBlockStatus, bdrvDebugEvent, bdrvGetlength } from '../../../src/block/block-io.ts';
import { coroutineYield, aioCoEnter } from '../../../src/block/contexts/coroutine.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { BDRV_O_PROTOCOL, BDRV_O_RDWR } from '../../../src/block/model/constants.ts';
import type { BlockOptions } from '../../../src/block/model/options.ts';
import { testFolder } from '../support/folder.ts';
import { backends, nodeOf, readAt, READ_WRITE } from '../support/opened.ts';
import { bdrvMemory, forgetMemoryDisks, memoryDisk, type MemoryDisk } from '../support/memory-driver.ts';

const fileAt = testFolder();
const open = backends();
let disk: MemoryDisk;

beforeAll(() => {
  bdrvInit();
  bdrvRegister(bdrvMemory);
});
beforeEach(() => {
  forgetMemoryDisks();
  disk = memoryDisk('disk', 65536);
});

const debug = (options: BlockOptions = {}): ReturnType<typeof open> => open({ driver: 'blkdebug', image: { driver: 'memory', filename: 'disk' }, ...options }, READ_WRITE | BDRV_O_PROTOCOL);
const event = (blk: Awaited<ReturnType<typeof debug>>, name: string): Promise<void> => aioCoEnter(mainContext, () => bdrvDebugEvent(nodeOf(blk), name));

describe('an injected error', () => {
  it.each<[string, (blk: Awaited<ReturnType<typeof debug>>) => Promise<unknown>]>([
    ['read', (blk) => blkPread(blk, 0, Buffer.alloc(512))],
    ['write', (blk) => blkPwrite(blk, 0, Buffer.alloc(512, 1), 0)],
    ['write-zeroes', (blk) => blkPwriteZeroes(blk, 0, 512, 0)],
    ['discard', (blk) => blkPdiscard(blk, 0, 512)],
    ['flush', (blk) => blkFlush(blk)],
    ['block-status', (blk) => bdrvBlockStatus(nodeOf(blk), 0, 512)],
  ])('of the kind %s fails requests of that kind only', async (iotype, request) => {
    const blk = await debug({ 'inject-error': [{ event: 'none', iotype, errno: 28 }] });
    // Flushes have something to do only after a write.
    if (iotype !== 'write') await blkPwrite(blk, 4096, Buffer.alloc(512, 2), 0);
    await expect(request(blk)).rejects.toMatchObject({ code: 'ENOSPC' });
    if (iotype !== 'read') expect(await readAt(blk, 8192, 16)).toEqual(Buffer.alloc(16));
  });

  it('is one of input and output, once, at a sector, where nothing else is said', async () => {
    const blk = await debug({ 'inject-error': [{ event: 'none', sector: 8, once: 'on', immediately: 'on' }] });
    await readAt(blk, 0, 4096);
    await expect(readAt(blk, 4000, 200)).rejects.toMatchObject({ code: 'EIO' });
    await readAt(blk, 4000, 200);
  });

  it('waits for its event and its state', async () => {
    const blk = await debug({
      'set-state': [{ event: 'l2_update', state: 1, new_state: 2 }],
      'inject-error': [{ event: 'cluster_alloc', state: 2 }],
    });
    await event(blk, 'cluster_alloc');
    await readAt(blk, 0, 16);
    await event(blk, 'l2_update');
    await readAt(blk, 0, 16);
    await event(blk, 'cluster_alloc');
    await expect(readAt(blk, 0, 16)).rejects.toMatchObject({ code: 'EIO' });
  });
});

describe('rules of a file', () => {
  it('are followed, and the file is in the name', async () => {
    fs.writeFileSync(fileAt('rules'), '# comment\n[inject-error]\nevent = "none"\niotype = "write"\nerrno = "95"\n\n[set-state "x"]\nevent = "cow_read"\nnew_state = "3"\n');
    const blk = await open({}, BDRV_O_RDWR | BDRV_O_PROTOCOL, `blkdebug:${fileAt('rules')}:memory:disk`);
    await expect(blkPwrite(blk, 0, Buffer.alloc(512), 0)).rejects.toMatchObject({ code: 'ENOTSUP' });
    bdrvRefreshFilename(nodeOf(blk));
    expect(nodeOf(blk).filename).toBe(`blkdebug:${fileAt('rules')}:memory:disk`);
  });

  it.each([
    ['event = "none"', /line 1/],
    ['[inject-error]\nevent none', /line 2/],
    ['[inject-error]\nerrno = "5"', /Missing event name/],
    ['[inject-error]\nevent = "tea_time"', /Invalid event name "tea_time"/],
    ['[make-coffee]\nevent = "none"', /no option group 'make-coffee'/],
    ['[inject-error]\nevent = "none"\ncolor = "red"', /Invalid parameter 'color'/],
    ['[inject-error]\nevent = "none"\nerrno = "4095"', /no error number 4095/],
  ])('%j are refused', async (content, message) => {
    fs.writeFileSync(fileAt('broken'), content);
    await expect(debug({ config: fileAt('broken') })).rejects.toThrow(message);
  });

  it('have to be there', async () => {
    await expect(debug({ config: fileAt('missing') })).rejects.toThrow(/Could not read blkdebug config file/);
  });
});

describe('a breakpoint', () => {
  it('holds one request up until it is resumed', async () => {
    const blk = await debug();
    bdrvDebugBreakpoint(nodeOf(blk), 'write_aio', 'A');
    let went = false;
    const held = event(blk, 'write_aio').then(() => (went = true));
    await aioCoEnter(mainContext, coroutineYield);
    expect(bdrvDebugIsSuspended(nodeOf(blk), 'A')).toBe(true);
    expect(went).toBe(false);
    bdrvDebugResume(nodeOf(blk), 'A');
    await held;
    expect(bdrvDebugIsSuspended(nodeOf(blk), 'A')).toBe(false);
    await event(blk, 'write_aio');
  });

  it('that is removed lets go on what it holds, and holds nothing more', async () => {
    const blk = await debug();
    bdrvDebugBreakpoint(nodeOf(blk), 'read_aio', 'B');
    const held = event(blk, 'read_aio');
    await aioCoEnter(mainContext, coroutineYield);
    bdrvDebugBreakpoint(nodeOf(blk), 'read_aio', 'B');
    bdrvDebugRemoveBreakpoint(nodeOf(blk), 'B');
    await held;
    await event(blk, 'read_aio');
    expect(() => bdrvDebugRemoveBreakpoint(nodeOf(blk), 'B')).toThrow(/'B'/);
    expect(() => bdrvDebugResume(nodeOf(blk), 'B')).toThrow(/'B'/);
    expect(() => bdrvDebugBreakpoint(nodeOf(blk), 'tea_time', 'C')).toThrow(/tea_time/);
  });
});

describe('limits', () => {
  it('are those of the options', async () => {
    const blk = await debug({ align: 4096, 'max-transfer': 8192, 'opt-write-zero': 4096, 'max-write-zero': 8192, 'opt-discard': 4096, 'max-discard': 16384 });
    await blkPwrite(blk, 0, Buffer.alloc(32768, 1), 0);
    expect(disk.log.filter((one) => one.type === 'write').map((one) => one.bytes)).toEqual([8192, 8192, 8192, 8192]);
    await blkPwriteZeroes(blk, 0, 32768, 0);
    expect(disk.log.filter((one) => one.type === 'zero').map((one) => one.bytes)).toEqual([8192, 8192, 8192, 8192]);
    await blkPdiscard(blk, 0, 32768);
    expect(disk.log.filter((one) => one.type === 'discard').map((one) => one.bytes)).toEqual([16384, 16384]);
    await readAt(blk, 1, 2);
    expect(disk.log.at(-1)).toMatchObject({ type: 'read', offset: 0, bytes: 4096 });
  });

  it.each([
    [{ align: 1000 }, 'Cannot meet constraints with align 1000'],
    [{ align: 4096, 'max-transfer': 5000 }, 'Cannot meet constraints with max-transfer 5000'],
    [{ 'max-write-zero': '4G' }, 'Cannot meet constraints with max-write-zero'],
  ])('%j contradict each other', async (options, message) => {
    await expect(debug(options)).rejects.toThrow(message);
  });
});

describe('a node', () => {
  it('passes on what no rule is about', async () => {
    const blk = await debug();
    await blkTruncate(blk, 131072, true, 'off', 0);
    expect(await bdrvGetlength(nodeOf(blk))).toBe(131072);
    await bdrvReopen(nodeOf(blk), {}, true);
    bdrvRefreshFilename(nodeOf(blk));
    expect(nodeOf(blk).filename).toBe('blkdebug::memory:disk');
  });

  it('takes and denies permissions as it is told', async () => {
    const shared = await bdrvOpen('memory:disk', null, { driver: 'memory', 'node-name': 'shared' }, BDRV_O_RDWR | BDRV_O_PROTOCOL);
    await open({ driver: 'blkdebug', image: 'shared', 'take-child-perms': ['write'] }, BDRV_O_RDWR | BDRV_O_PROTOCOL);
    await expect(open({ driver: 'blkdebug', image: 'shared', 'unshare-child-perms': ['write'] }, BDRV_O_RDWR | BDRV_O_PROTOCOL)).rejects.toThrow(/Permission conflict on node 'shared'/);
    await bdrvUnref(shared);
  });
});
