/**
 * Requests against everything that may happen to a graph meanwhile, in orders that seeds choose.
 *
 * Each run has workers that write, read, zero, discard and flush, each in a range of its own, so that the final content is known whatever
 * the order; and actors that drain, reopen, put filters in and out, change permissions and move contexts. Nothing may wait for ever, no
 * request may be lost, every read gives what was written last, and at the end the disk holds what the workers' models do.
 */
import { beforeAll, expect, it } from 'vitest';
import { blkNewOpen, blkSetAioContext, blkSetPerm, blkUnref } from '../../src/block/block-backend-global-state.ts';
import { blkBs, blkFlush, blkPdiscard, blkPread, blkPwrite, blkPwriteZeroes, blkSetAllowAioContextChange } from '../../src/block/block-backend-io.ts';
import {
  bdrvDrainAllBegin, bdrvDrainAllEnd, bdrvDropFilter, bdrvInit, bdrvInsertNode, bdrvNextAllStates, bdrvRegister, bdrvReopen, bdrvUnref,
} from '../../src/block/block-global-state.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd, bdrvSubtreeDrainedBegin, bdrvSubtreeDrainedEnd } from '../../src/block/block-io.ts';
import { aioCoEnter, coroutineYield } from '../../src/block/contexts/coroutine.ts';
import { mainContext, type AioContext } from '../../src/block/contexts/aio-context.ts';
import { iothreadDestroy, iothreadNew } from '../../src/block/contexts/iothread.ts';
import { runSeeded, seededRandom } from '../../src/block/contexts/seeded-scheduler.ts';
import type { BlockBackend } from '../../src/block/model/backend.ts';
import { BDRV_O_RDWR, BDRV_O_RESIZE, BDRV_O_UNMAP, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_GRAPH_MOD, BLK_PERM_RESIZE, BLK_PERM_WRITE } from '../../src/block/model/constants.ts';
import type { BlockDriverState } from '../../src/block/model/node.ts';
import { bdrvMemory, forgetMemoryDisks, memoryDisk } from './support/memory-driver.ts';

const SEEDS = 1000;
const WORKERS = 3;
const RANGE = 8192;
const REQUESTS = 6;
const CHANGES = 3;

/** What one run works with. */
interface World {
  readonly blk: BlockBackend;
  readonly random: () => number;
  readonly iothread: AioContext;
  /** How many requests have been answered. */
  answered: number;
}

const pick = <T>(random: () => number, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

function nodeOf(blk: BlockBackend): BlockDriverState {
  const bs = blkBs(blk);
  if (bs === null) throw new Error('The backend is empty.');
  return bs;
}

/** Lets a few steps of others pass. */
async function pause(random: () => number): Promise<void> {
  for (let turns = Math.floor(random() * 4); turns > 0; turns--) await aioCoEnter(mainContext, coroutineYield);
}

/** Sends requests to a range of its own, and keeps what it has to hold. */
async function work(world: World, worker: number): Promise<Buffer> {
  const { blk, random } = world;
  const start = worker * RANGE;
  const model = Buffer.alloc(RANGE);
  for (let request = 0; request < REQUESTS; request++) {
    const offset = Math.floor(random() * (RANGE - 1));
    const bytes = 1 + Math.floor(random() * (RANGE - offset - 1));
    await pick(random, [
      async () => {
        const data = Buffer.alloc(bytes, 1 + Math.floor(random() * 255));
        data.copy(model, offset);
        await blkPwrite(blk, start + offset, data, 0);
      },
      async () => {
        const data = Buffer.alloc(bytes);
        await blkPread(blk, start + offset, data);
        expect(data.equals(model.subarray(offset, offset + bytes))).toBe(true);
      },
      async () => {
        model.fill(0, offset, offset + bytes);
        await blkPwriteZeroes(blk, start + offset, bytes, 0);
      },
      async () => {
        model.fill(0, offset - (offset % 512), offset - (offset % 512) + 512);
        await blkPdiscard(blk, start + offset - (offset % 512), 512);
      },
      () => blkFlush(blk),
    ])();
    world.answered++;
  }
  return model;
}

/** What may happen to the graph. */
const changes: Record<string, (world: World) => Promise<void>> = {
  async drain({ blk, random }) {
    const bs = nodeOf(blk);
    await bdrvDrainedBegin(bs);
    expect(bs.inFlight).toBe(0);
    await pause(random);
    expect(bs.inFlight).toBe(0);
    await bdrvDrainedEnd(bs);
  },
  async 'subtree drain'({ blk, random }) {
    const bs = nodeOf(blk);
    await bdrvSubtreeDrainedBegin(bs);
    expect(bs.file?.bs?.inFlight ?? 0).toBe(0);
    await pause(random);
    await bdrvSubtreeDrainedEnd(bs);
  },
  async 'drain of all'({ random }) {
    await bdrvDrainAllBegin();
    await pause(random);
    await bdrvDrainAllEnd();
  },
  async reopen({ blk, random }) {
    await bdrvReopen(nodeOf(blk), { 'cache.no-flush': pick(random, ['on', 'off']) }, true);
  },
  async 'graph change'({ blk, random }) {
    const below = nodeOf(blk);
    const filter = await bdrvInsertNode(below, { driver: pick(random, ['raw', 'copy-on-read', 'preallocate']), file: below.nodeName }, BDRV_O_RDWR | BDRV_O_RESIZE | BDRV_O_UNMAP);
    await pause(random);
    await bdrvDropFilter(filter);
    await bdrvUnref(filter);
  },
  permissions({ blk, random }) {
    // Writing stays shared: a filter that copies is put in below the backend, before the backend goes through it.
    blkSetPerm(blk, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE | pick(random, [0, BLK_PERM_RESIZE]), pick(random, [BLK_PERM_ALL, BLK_PERM_ALL & ~BLK_PERM_GRAPH_MOD]));
    return Promise.resolve();
  },
  async 'context move'({ blk, random, iothread }) {
    await blkSetAioContext(blk, pick(random, [iothread, mainContext]));
  },
};

/** Changes the graph a few times, one after the other. */
async function act(world: World): Promise<void> {
  for (let change = 0; change < CHANGES; change++) {
    await pause(world.random);
    await changes[pick(world.random, Object.keys(changes))]?.(world);
  }
}

async function run(seed: number): Promise<void> {
  const disk = memoryDisk('disk', WORKERS * RANGE, { delay: 0, requestAlignment: seed % 2 === 0 ? 512 : 1 });
  const iothread = iothreadNew(`seed-${seed}`);
  await runSeeded(seed, async () => {
    const blk = await blkNewOpen(null, null, { driver: 'raw', file: { driver: 'memory', filename: 'disk' } }, BDRV_O_RDWR | BDRV_O_UNMAP);
    blkSetAllowAioContextChange(blk, true);
    const world: World = { blk, random: seededRandom(seed), iothread, answered: 0 };
    const [models] = await Promise.all([Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(world, worker))), act(world)]);
    await blkSetAioContext(blk, mainContext);
    await blkUnref(blk);
    expect(world.answered).toBe(WORKERS * REQUESTS);
    expect(Buffer.from(disk.data).equals(Buffer.concat(models))).toBe(true);
  });
  expect(bdrvNextAllStates(null)).toBeNull();
  iothreadDestroy(`seed-${seed}`);
}

beforeAll(() => {
  bdrvInit();
  bdrvRegister(bdrvMemory);
});

it(`${SEEDS} orders of requests and changes end, lose nothing and keep the data`, { timeout: 300_000 }, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    await run(seed);
    forgetMemoryDisks();
  }
});
