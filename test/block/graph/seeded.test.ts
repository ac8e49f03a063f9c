/** Requests while the graph changes under them: drains, moves, filters that come and go, permissions, in many orders. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mainContext, type AioContext } from '../../../src/block/contexts/aio-context.ts';
import { coroutineYield } from '../../../src/block/contexts/coroutine.ts';
import { iothreadDestroy, iothreadNew } from '../../../src/block/contexts/iothread.ts';
import { runSeeded, seededRandom } from '../../../src/block/contexts/seeded-scheduler.ts';
import { scheduler } from '../../../src/block/contexts/scheduler.ts';
import { blkNewWithBs, blkUnref } from '../../../src/block/backend/registry.ts';
import { blkSetAioContext, blkSetPerm } from '../../../src/block/backend/root.ts';
import { blkPread, blkPwrite } from '../../../src/block/backend/wrappers.ts';
import { bdrvAppend, bdrvDropFilter, bdrvReplaceNode } from '../../../src/block/graph/replace.ts';
import { bdrvDrainAllBegin, bdrvDrainAllEnd } from '../../../src/block/graph/drain-all.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd, bdrvSubtreeDrainedBegin, bdrvSubtreeDrainedEnd } from '../../../src/block/graph/drain.ts';
import { allNodes } from '../../../src/block/graph/node-lists.ts';
import { bdrvRef, bdrvUnref } from '../../../src/block/graph/nodes.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import { BDRV_O_RDWR, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_RESIZE, BLK_PERM_WRITE } from '../../../src/block/model/constants.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import type { BdrvChild, BlockDriverState } from '../../../src/block/model/node.ts';
import { bdrvFindFormat, bdrvRegister } from '../../../src/block/open/drivers.ts';
import { bdrvNewOpenDriver, bdrvNewOpenDriverOpts } from '../../../src/block/open/open.ts';
import { bdrvGetlength } from '../../../src/block/requests/length.ts';
import { bdrvCoPreadv } from '../../../src/block/requests/read.ts';
import { bdrvCoPwritev } from '../../../src/block/requests/write.ts';
import { bdrvMemory, memoryDisk, type MemoryDisk } from '../support/memory-driver.ts';
import { brokenDrainCounts } from '../support/graph.ts';

const SECTOR = 512;
const SECTORS_EACH = 16;
const WRITERS = 2;
const LENGTH = WRITERS * SECTORS_EACH * SECTOR;
const SEEDS = 300;

function below(bs: BlockDriverState): BdrvChild {
  const child = bs.backing ?? bs.file;
  if (!child) throw new Error(`The filter '${bs.nodeName}' has lost its child in the middle of a request.`);
  return child;
}

/** A filter that passes everything on, not at once: a change that did not wait for its requests would take its child away meanwhile. */
const through: BlockDriver = {
  formatName: 'through', isFilter: true,
  bdrvOpen: () => Promise.resolve(),
  bdrvGetlength: (bs) => (bs.backing?.bs ? bdrvGetlength(bs.backing.bs) : Promise.resolve(0)),
  async bdrvCoPreadv(bs, offset, bytes, qiov, flags) {
    await coroutineYield();
    await bdrvCoPreadv(below(bs), offset, bytes, qiov, flags);
  },
  async bdrvCoPwritev(bs, offset, bytes, qiov, flags) {
    await coroutineYield();
    await bdrvCoPwritev(below(bs), offset, bytes, qiov, flags);
  },
};

let io: AioContext;

beforeAll(() => {
  if (!bdrvFindFormat('memory')) bdrvRegister(bdrvMemory);
  io = iothreadNew('seeded-io');
});

afterAll(() => {
  iothreadDestroy('seeded-io');
});

const turn = (): Promise<void> => new Promise((resolve) => scheduler().post(mainContext, resolve));

/** Writes sectors of its own, and reads each of them back; `expected` is what the disk has to hold in the end. */
async function write(blk: BlockBackend, writer: number, expected: Uint8Array, random: () => number): Promise<void> {
  for (let round = 1; round <= 6; round++) {
    const sector = writer * SECTORS_EACH + Math.floor(random() * SECTORS_EACH);
    const data = Buffer.alloc(SECTOR, writer * 100 + round);
    await blkPwrite(blk, sector * SECTOR, data, 0);
    expected.set(data, sector * SECTOR);
    const back = Buffer.alloc(SECTOR);
    await blkPread(blk, sector * SECTOR, back);
    if (!back.equals(data)) throw new Error(`Sector ${sector} reads as ${String(back[0])}, not ${String(data[0])}.`);
    if (random() < 0.5) await turn();
  }
}

/** In a drained section nothing reaches the disk. */
async function staysQuiet(disk: MemoryDisk, blk: BlockBackend): Promise<void> {
  const requests = disk.log.length;
  for (let waited = 0; waited < 3; waited++) await turn();
  if (disk.log.length !== requests) throw new Error('A request came through in a drained section.');
  if (blk.root?.bs?.inFlight !== 0) throw new Error('Something is in flight in a drained section.');
}

async function drains(blk: BlockBackend, disk: MemoryDisk, random: () => number): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const kind = Math.floor(random() * 3);
    const bs = blk.root?.bs;
    if (!bs) throw new Error('The backend is empty.');
    bdrvRef(bs);
    if (kind === 0) {
      await bdrvDrainedBegin(bs);
      await turn();
      await bdrvDrainedEnd(bs);
    } else if (kind === 1) {
      await bdrvSubtreeDrainedBegin(bs);
      await turn();
      await bdrvSubtreeDrainedEnd(bs);
    } else {
      await bdrvDrainAllBegin();
      await staysQuiet(disk, blk);
      await bdrvDrainAllEnd();
    }
    await bdrvUnref(bs);
    await turn();
  }
}

async function changeGraph(blk: BlockBackend, random: () => number): Promise<void> {
  const filters: BlockDriverState[] = [];
  for (let round = 0; round < 6; round++) {
    const kind = Math.floor(random() * 5);
    const top = blk.root?.bs;
    if (!top) throw new Error('The backend is empty.');
    if (kind === 0) {
      await blkSetAioContext(blk, blk.root?.bs?.aioContext === io ? mainContext : io);
    } else if (kind === 1) {
      const filter = await bdrvNewOpenDriver(through, null, BDRV_O_RDWR);
      filter.totalSectors = top.totalSectors;
      await bdrvAppend(filter, top);
      filters.push(filter);
    } else if (kind === 2) {
      const filter = filters.pop();
      if (filter) {
        await bdrvDropFilter(filter);
        await bdrvUnref(filter);
      }
    } else if (kind === 3) {
      blkSetPerm(blk, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE | (random() < 0.5 ? BLK_PERM_RESIZE : 0), BLK_PERM_ALL);
    } else {
      await swapTop(filters);
    }
    const broken = brokenDrainCounts();
    if (broken.length > 0) throw new Error(`Counters of drained sections disagree: ${broken.join(', ')}.`);
    await turn();
  }
  for (const filter of filters.reverse()) {
    await bdrvDropFilter(filter);
    await bdrvUnref(filter);
  }
}

/** The parents of the last filter but one go past it, and back. */
async function swapTop(filters: readonly BlockDriverState[]): Promise<void> {
  const top = filters.at(-1);
  const node = top?.backing?.bs;
  if (!top || !node) return;
  await bdrvReplaceNode(top, node);
  await turn();
  await bdrvReplaceNode(node, top);
}

async function scenario(seed: number): Promise<void> {
  const random = seededRandom(seed * 7 + 1);
  const disk = memoryDisk('seeded', LENGTH, { delay: Math.floor(random() * 3) });
  const node = await bdrvNewOpenDriverOpts(bdrvMemory, null, { filename: 'seeded' }, BDRV_O_RDWR);
  const blk = await blkNewWithBs(node, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE, BLK_PERM_ALL);
  await bdrvUnref(node);
  const expected = new Uint8Array(LENGTH);
  const writers = Array.from({ length: WRITERS }, (_, writer) => write(blk, writer, expected, random));
  await Promise.all([...writers, drains(blk, disk, random), changeGraph(blk, random)]);
  if (!Buffer.from(expected).equals(disk.data)) throw new Error('The disk does not hold what was written.');
  await blkUnref(blk);
  if (allNodes().length > 0) throw new Error('A node is left.');
  if (mainContext.externalDisabled !== 0 || io.externalDisabled !== 0) throw new Error('A context is left drained.');
}

describe('requests, drains and graph changes at the same time', () => {
  test(`lose nothing and end, in ${SEEDS} orders`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) await runSeeded(seed, () => scenario(seed));
    expect(allNodes()).toEqual([]);
  }, 120_000);
});
