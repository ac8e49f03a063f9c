/** Opening, reopening and closing among requests, in orders that a seed chooses. */
import { beforeAll, expect, test } from 'vitest';
import * as block from '../../../src/block/block-global-state.ts';
import * as io from '../../../src/block/block-io.ts';
import * as backends from '../../../src/block/block-backend-global-state.ts';
import { blkBs, blkPread, blkPwrite } from '../../../src/block/block-backend-io.ts';
import { runSeeded, seededRandom } from '../../../src/block/contexts/seeded-scheduler.ts';
import { iothreadDestroy, iothreadNew } from '../../../src/block/contexts/iothread.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { BDRV_O_RDWR } from '../../../src/block/model/constants.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import { bdrvMemory, forgetMemoryDisks, memoryDisk } from '../support/memory-driver.ts';
import { bdrvOverlay } from '../support/overlay-driver.ts';

const SIZE = 65_536;

beforeAll(() => {
  block.bdrvInit();
  block.bdrvRegister(bdrvMemory);
  block.bdrvRegister(bdrvOverlay);
});

/** Writes at chance places, and into `model` the same. No two writes overlap: each has sectors of its own. */
async function writeAll(blk: BlockBackend, model: Uint8Array, random: () => number): Promise<void> {
  const sectors = Array.from({ length: 40 }, (_, index) => index * 3);
  const writes = sectors.map((sector) => {
    const data = new Uint8Array(512 + Math.floor(random() * 1024)).fill(1 + Math.floor(random() * 255));
    model.set(data, sector * 512);
    return blkPwrite(blk, sector * 512, data, 0);
  });
  await Promise.all(writes);
}

async function reopenOften(blk: BlockBackend, random: () => number): Promise<void> {
  const bs = blkBs(blk);
  for (let round = 0; bs && round < 4; round++) {
    const options = random() < 0.5 ? { 'detect-zeroes': 'on' } : { label: `round${round}`, 'cache.direct': random() < 0.5 };
    await block.bdrvReopen(bs, options, true);
  }
}

/** A reopen that has to fail: the backend writes. */
async function reopenInVain(blk: BlockBackend): Promise<void> {
  const bs = blkBs(blk);
  if (bs) await expect(block.bdrvReopenSetReadOnly(bs, true)).rejects.toThrow();
}

async function openAndClose(random: () => number): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const bs = await block.bdrvOpen('memory:base', null, { 'read-only': true, 'force-share': random() < 0.5 }, 0);
    await io.bdrvGetlength(bs);
    await block.bdrvUnref(bs);
  }
}

test('reopening, opening, and moving to an iothread lose no request: 150 seeds', async () => {
  for (let seed = 1; seed <= 150; seed++) {
    await runSeeded(seed, async () => {
      const random = seededRandom(seed);
      memoryDisk('base', SIZE, { delay: random() < 0.5 ? 0 : 1 }).data.fill(1);
      await block.bdrvCreate(bdrvOverlay, 'memory:top', { size: SIZE, backing_file: 'memory:base', backing_fmt: 'raw' });
      const blk = await backends.blkNewOpen('memory:top', null, null, BDRV_O_RDWR);
      const model = new Uint8Array(SIZE).fill(1);
      const thread = iothreadNew('io0');
      await Promise.all([
        writeAll(blk, model, random),
        reopenOften(blk, random),
        openAndClose(random),
        (async () => {
          await backends.blkSetAioContext(blk, thread);
          await reopenInVain(blk);
          await backends.blkSetAioContext(blk, mainContext);
        })(),
      ]);
      const read = new Uint8Array(SIZE);
      await blkPread(blk, 0, read);
      expect(Buffer.compare(read, model)).toBe(0);
      await backends.blkUnref(blk);
      iothreadDestroy('io0');
      forgetMemoryDisks();
    });
    expect(block.bdrvNextAllStates(null)?.nodeName).toBeUndefined();
  }
});
