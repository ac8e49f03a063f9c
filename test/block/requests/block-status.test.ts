/** Where content comes from: status, allocation and zeroes through chains. */
import { describe, expect, test } from 'vitest';
import {
  bdrvBscFill, bdrvBscInvalidateRange, bdrvBscIsData, bdrvBlockStatus, bdrvBlockStatusAbove, bdrvCoIsZeroFast, bdrvIsAllocated, bdrvIsAllocatedAbove,
} from '../../../src/block/requests/block-status.ts';
import { blkSetPerm } from '../../../src/block/backend/root.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { runCoWrapper } from '../../../src/block/contexts/poll.ts';
import { bdrvCowBs } from '../../../src/block/graph/chain-links.ts';
import {
  BDRV_BLOCK_ALLOCATED, BDRV_BLOCK_DATA, BDRV_BLOCK_EOF, BDRV_BLOCK_OFFSET_VALID, BDRV_BLOCK_RAW, BDRV_BLOCK_RECURSE, BDRV_BLOCK_ZERO, BLK_PERM_ALL,
} from '../../../src/block/model/constants.ts';
import type { BlockDriver, DriverBlockStatus } from '../../../src/block/model/driver.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import { bdrvMakeZero } from '../../../src/block/requests/make-zero.ts';
import { bdrvPdiscard, bdrvPwrite, bdrvPwriteZeroes } from '../../../src/block/requests/wrappers.ts';
import { driverBackend, memoryBackend, nodeBackend, overlayOptions } from '../support/backend.ts';

const D = BDRV_BLOCK_DATA;
const Z = BDRV_BLOCK_ZERO;
const V = BDRV_BLOCK_OFFSET_VALID;
const A = BDRV_BLOCK_ALLOCATED;
const E = BDRV_BLOCK_EOF;
const LENGTH = 65536;

const isZeroFast = (bs: BlockDriverState, offset: number, bytes: number): Promise<boolean> => runCoWrapper(mainContext, () => bdrvCoIsZeroFast(bs, offset, bytes));

/** A format whose answers the test makes up, with or without a backing node. */
function saying(answer: Partial<DriverBlockStatus>, more: Partial<BlockDriver> = {}): Partial<BlockDriver> {
  return { bdrvCoBlockStatus: (_bs, _wantZero, offset, bytes) => Promise.resolve({ flags: 0, pnum: bytes, map: offset, file: null, ...answer }), ...more };
}

describe('one node', () => {
  test('says of its own layer what its driver says, and what follows from it', async () => {
    for (const [flags, result] of [[0, 0], [D, D | A], [Z, Z | A], [D | Z, D | Z | A], [D | V, D | V | A], [V, V], [Z | V, Z | V | A], [D | Z | V, D | Z | V | A]] as const) {
      const { bs, close } = await driverBackend(saying({ flags }));
      expect(await bdrvBlockStatus(bs, 512, 1024)).toMatchObject({ flags: result, pnum: 1024 });
      await close();
    }
  });

  test('that could have a backing file and has none reads as zero where nothing is allocated', async () => {
    const { bs, close } = await driverBackend(saying({ flags: 0 }, { supportsBacking: true }));
    expect((await bdrvBlockStatus(bs, 0, 512)).flags).toBe(Z);
    expect(await bdrvIsAllocated(bs, 0, 512)).toEqual({ allocated: false, pnum: 512 });
    await close();
  });

  test('without an answer has all allocated; a protocol has it where it is', async () => {
    const { bs, close } = await driverBackend({});
    expect(await bdrvBlockStatus(bs, 0, 512)).toEqual({ flags: D | A | V, pnum: 512, map: 0, file: bs });
    expect((await bdrvBlockStatus(bs, LENGTH - 512, 4096))).toEqual({ flags: D | A | V | E, pnum: 512, map: LENGTH - 512, file: bs });
    Reflect.deleteProperty(bs.drv ?? {}, 'protocolName');
    expect(await bdrvBlockStatus(bs, 0, 512)).toEqual({ flags: D | A, pnum: 512, map: 0, file: null });
    await close();
  });

  test('has nothing at its end, and nothing of no bytes', async () => {
    const { bs, close } = await driverBackend(saying({ flags: D }));
    expect(await bdrvBlockStatus(bs, LENGTH, 512)).toMatchObject({ flags: E, pnum: 0 });
    expect(await bdrvBlockStatus(bs, 0, 0)).toMatchObject({ flags: 0, pnum: 0 });
    expect(await isZeroFast(bs, 0, 0)).toBe(true);
    expect(await isZeroFast(bs, 0, 512)).toBe(false);
    await expect(bdrvBlockStatus(bs, -1, 512)).rejects.toMatchObject({ code: 'EIO' });
    await close();
  });

  test('is asked along its alignment, and answers for what was asked', async () => {
    const asked: string[] = [];
    const { bs, close } = await driverBackend({
      bdrvRefreshLimits: (node) => void (node.bl.requestAlignment = 4096),
      bdrvCoBlockStatus(node, _wantZero, offset, bytes) {
        asked.push(`${offset}+${bytes}`);
        return Promise.resolve({ flags: Z | V, pnum: bytes, map: offset, file: node });
      },
    });
    expect(await bdrvBlockStatus(bs, 5000, 100)).toMatchObject({ pnum: 100, map: 5000 });
    expect(asked).toEqual(['4096+4096']);
    await close();
  });

  test('whose driver says nothing useful is a fault', async () => {
    const { bs, close } = await driverBackend(saying({ pnum: 0 }));
    await expect(bdrvBlockStatus(bs, 0, 512)).rejects.toThrow('says nothing useful');
    await close();
  });
});

describe('a filter', () => {
  test('passes the question on, by itself or by its driver', async () => {
    const { blk, bs, disk, close } = await memoryBackend(Buffer.alloc(LENGTH, 1));
    blkSetPerm(blk, 0, BLK_PERM_ALL);
    const raw = await nodeBackend({ driver: 'raw', file: bs.nodeName });
    expect(await bdrvBlockStatus(raw.bs, 1024, 512)).toEqual({ flags: D | A | V, pnum: 512, map: 1024, file: bs });
    await raw.close();
    const window = await nodeBackend({ driver: 'raw', offset: 4096, size: 8192, file: bs.nodeName });
    expect(await bdrvBlockStatus(window.bs, 1024, LENGTH)).toEqual({ flags: D | A | V | E, pnum: 7168, map: 5120, file: bs });
    await window.close();
    expect(disk.countOf('status')).toBeGreaterThan(0);
    await close();
  });
});

describe('what is known of a protocol', () => {
  test('is kept while it is data', async () => {
    const { bs, root, disk, close } = await memoryBackend(Buffer.alloc(LENGTH, 1));
    await bdrvBlockStatus(bs, 0, LENGTH);
    await bdrvBlockStatus(bs, 512, 512);
    expect(disk.countOf('status')).toBe(1);
    await bdrvPwriteZeroes(root, 0, 512, 0);
    expect((await bdrvBlockStatus(bs, 0, LENGTH)).flags).toBe(Z | A | V);
    await bdrvBlockStatus(bs, 512, LENGTH);
    await bdrvPdiscard(root, 1024, 512);
    expect(bdrvBscIsData(bs, 512)).toBeNull();
    await close();
  });

  test('is one range', async () => {
    const { bs, close } = await driverBackend({});
    expect(bdrvBscIsData(bs, 0)).toBeNull();
    bdrvBscFill(bs, 4096, 4096);
    expect(bdrvBscIsData(bs, 5000)).toBe(3192);
    expect(bdrvBscIsData(bs, 8192)).toBeNull();
    bdrvBscInvalidateRange(bs, 8192, 512);
    expect(bdrvBscIsData(bs, 4096)).toBe(4096);
    bdrvBscInvalidateRange(bs, 8191, 1);
    expect(bdrvBscIsData(bs, 4096)).toBeNull();
    await close();
  });
});

describe('a format with its data in a file', () => {
  test('has the zeroes of the file, where it asks for them', async () => {
    const content = Buffer.alloc(LENGTH, 1);
    content.fill(0, 8192, 16384);
    const file = await memoryBackend(content);
    const { bs, close } = await driverBackend(saying({ flags: D | V | BDRV_BLOCK_RECURSE, file: file.bs }));
    expect(await bdrvBlockStatus(bs, 0, LENGTH)).toMatchObject({ flags: D | V | A, pnum: 8192 });
    expect(await bdrvBlockStatus(bs, 8192, LENGTH)).toMatchObject({ flags: D | Z | V | A, pnum: 8192 });
    file.disk.failNext('status');
    expect(await bdrvBlockStatus(bs, 16384, 512)).toMatchObject({ flags: D | V | A, pnum: 512 });
    await close();
    const beyond = await driverBackend(saying({ flags: D | V | BDRV_BLOCK_RECURSE, map: 2 * LENGTH, file: file.bs }));
    expect((await bdrvBlockStatus(beyond.bs, 0, 512)).flags).toBe(D | Z | V | A);
    await beyond.close();
    await file.close();
  });

  test('that passes on to no node is a fault', async () => {
    const { bs, close } = await driverBackend(saying({ flags: BDRV_BLOCK_RAW | V }));
    await expect(bdrvBlockStatus(bs, 0, 512)).rejects.toThrow('to no node');
    await close();
  });
});

describe('a chain', () => {
  /** Overlay (64 KiB) over overlay over a disk of 16 KiB; each layer has one cluster of its own. */
  async function chain() {
    const base = await memoryBackend(Buffer.alloc(16384, 1));
    const middle = await nodeBackend({ ...await overlayOptions(LENGTH), backing: base.bs.nodeName });
    const top = await nodeBackend({ ...await overlayOptions(LENGTH), backing: middle.bs.nodeName });
    return {
      base, middle, top,
      async close() {
        await top.close();
        await middle.close();
        await base.close();
      },
    };
  }

  test('is asked until a layer has the content', async () => {
    const { base, middle, top, close } = await chain();
    await bdrvPwrite(top.root, 0, Buffer.alloc(4096, 3));
    expect(await bdrvIsAllocated(top.bs, 0, LENGTH)).toEqual({ allocated: true, pnum: 4096 });
    expect(await bdrvIsAllocated(top.bs, 4096, LENGTH)).toEqual({ allocated: false, pnum: LENGTH - 4096 });
    expect(await bdrvIsAllocatedAbove(top.bs, null, false, 0, 512)).toEqual({ allocated: true, pnum: 512, depth: 1 });
    expect(await bdrvIsAllocatedAbove(top.bs, null, false, 4096, 512)).toEqual({ allocated: true, pnum: 512, depth: 3 });
    expect(await bdrvIsAllocatedAbove(top.bs, base.bs, false, 4096, 512)).toEqual({ allocated: false, pnum: 512, depth: 0 });
    expect(await bdrvIsAllocatedAbove(top.bs, base.bs, true, 4096, 512)).toMatchObject({ allocated: true, depth: 3 });
    expect(await bdrvIsAllocatedAbove(top.bs, top.bs, false, 0, 512)).toMatchObject({ allocated: false, pnum: 512 });
    expect((await bdrvBlockStatusAbove(top.bs, bdrvCowBs(middle.bs), 4096, 512)).flags & A).toBe(0);
    expect(await bdrvBlockStatusAbove(top.bs, null, 8192, LENGTH)).toMatchObject({ flags: D | V | A, pnum: 8192, file: base.bs });
    await close();
  });

  test('reads as zero above the end of a short layer', async () => {
    const { top, middle, close } = await chain();
    expect(await bdrvBlockStatusAbove(top.bs, null, 16384, LENGTH)).toMatchObject({ flags: Z | A | E, pnum: LENGTH - 16384 });
    expect(await isZeroFast(top.bs, 16384, 4096)).toBe(true);
    expect(await isZeroFast(top.bs, 0, 4096)).toBe(false);
    expect((await bdrvBlockStatus(middle.bs, 16384, 512)).flags & Z).toBe(Z);
    await close();
  });

  test('whose base can not tell its length is only not known to be zero', async () => {
    const { top, middle, base, close } = await chain();
    const drv = base.bs.drv;
    base.bs.drv = { ...drv, hasVariableLength: true, bdrvGetlength: () => Promise.reject(blockError('EIO', 'gone')) } as BlockDriver;
    expect((await bdrvBlockStatus(middle.bs, 16384, 512)).flags & Z).toBe(0);
    base.bs.drv = drv;
    expect(top.bs.inFlight).toBe(0);
    await close();
  });
});

test('a whole node is made zero, where it is not yet', async () => {
  const content = Buffer.alloc(LENGTH);
  content.fill(7, 4096, 8192);
  const { root, disk, close } = await memoryBackend(content);
  await bdrvMakeZero(root, 0);
  expect(disk.log.filter(({ type }) => type === 'zero')).toMatchObject([{ offset: 4096, bytes: 4096 }]);
  expect(disk.data.every((byte) => byte === 0)).toBe(true);
  await close();
});
