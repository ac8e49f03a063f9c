/** Flushes: what they make stable, and how many of them reach the disk. */
import { describe, expect, test } from 'vitest';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { runCoWrapper } from '../../../src/block/contexts/poll.ts';
import { runSeeded } from '../../../src/block/contexts/seeded-scheduler.ts';
import { BDRV_O_NO_FLUSH, BDRV_O_RDWR } from '../../../src/block/model/constants.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import { bdrvCoFlush } from '../../../src/block/requests/flush.ts';
import { bdrvCoPwrite } from '../../../src/block/requests/write.ts';
import { bdrvFlush, bdrvPwrite } from '../../../src/block/requests/wrappers.ts';
import { driverBackend, memoryBackend, nodeBackend, overlayOptions } from '../support/backend.ts';

const sector = Buffer.alloc(512, 1);

describe('a flush', () => {
  test('reaches the disk once for all that was written before', async () => {
    const { bs, root, disk, close } = await memoryBackend(65536);
    await bdrvFlush(bs);
    expect(disk.countOf('flush')).toBe(0);
    await bdrvPwrite(root, 0, sector);
    await bdrvFlush(bs);
    await bdrvFlush(bs);
    expect(disk.countOf('flush')).toBe(1);
    await bdrvPwrite(root, 0, sector);
    await bdrvFlush(bs);
    expect(disk.countOf('flush')).toBe(2);
    await close();
  });

  test('waits for the one before, and then finds its work done', async () => {
    const { bs, root, disk, close } = await memoryBackend(65536, { delay: 0 });
    await bdrvPwrite(root, 0, sector);
    await Promise.all(Array.from({ length: 5 }, () => runCoWrapper(mainContext, () => bdrvCoFlush(bs))));
    expect(disk.countOf('flush')).toBe(1);
    expect(bs.inFlight).toBe(0);
    await close();
  });

  test('that fails leaves the work to the next one', async () => {
    const { bs, root, disk, close } = await memoryBackend(65536);
    await bdrvPwrite(root, 0, sector);
    disk.failNext('flush');
    await expect(bdrvFlush(bs)).rejects.toMatchObject({ code: 'EIO' });
    await bdrvFlush(bs);
    expect(disk.countOf('flush')).toBe(2);
    await close();
  });

  test('makes stable what was written before it, in any order of events', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      await runSeeded(seed, async () => {
        const { bs, root, disk, close } = await memoryBackend(65536, { delay: 1 });
        let stable = new Uint8Array(65536);
        disk.beforeRequest = ({ type }) => {
          if (type === 'flush') stable = disk.data.slice();
        };
        await Promise.all(Array.from({ length: 8 }, (_, worker) => runCoWrapper(mainContext, async () => {
          for (let value = 1; value <= 5; value++) {
            await bdrvCoPwrite(root, worker * 512, Buffer.alloc(512, value), 0);
            await bdrvCoFlush(bs);
            expect(stable[worker * 512]).toBe(value);
          }
        })));
        expect(disk.countOf('flush')).toBeLessThan(40);
        await close();
      });
    }
  });

  test('goes down to what is written to, from the top', async () => {
    const events: string[] = [];
    const slots: Partial<BlockDriver> = {
      bdrvCoFlushToOs: (node) => Promise.resolve(void events.push(`${node.nodeName} to host`)),
      bdrvCoFlushToDisk: (node) => Promise.resolve(void events.push(`${node.nodeName} to disk`)),
      bdrvCoPwritev: () => Promise.resolve(),
    };
    const base = await driverBackend(slots, { 'node-name': 'base' });
    const raw = await nodeBackend({ driver: 'raw', 'node-name': 'top', file: 'base' });
    await bdrvPwrite(raw.root, 0, sector);
    await bdrvFlush(raw.bs);
    expect(events).toEqual(['base to host', 'base to disk']);
    await raw.close();
    await base.close();
  });

  test('leaves alone what is only read', async () => {
    const base = await memoryBackend(65536);
    const top = await nodeBackend({ ...await overlayOptions(65536), backing: base.bs.nodeName });
    await bdrvPwrite(base.root, 0, sector);
    await bdrvPwrite(top.root, 0, sector);
    await bdrvFlush(top.bs);
    expect(base.disk.countOf('flush')).toBe(0);
    await top.close();
    await base.close();
  });

  test('has nothing to do for a node that is only read', async () => {
    const { bs, close } = await driverBackend({ bdrvCoFlush: () => Promise.reject(blockError('EIO', 'not to be called')) }, { 'read-only': 'on' }, 0);
    await bdrvFlush(bs);
    await close();
  });

  test('does not go to the disk where the cache mode says so', async () => {
    const { bs, root, disk, close } = await memoryBackend(65536, {}, { 'cache.no-flush': 'on' }, BDRV_O_RDWR | BDRV_O_NO_FLUSH);
    await bdrvPwrite(root, 0, sector);
    await bdrvFlush(bs);
    expect(disk.countOf('flush')).toBe(0);
    await close();
  });

  test('is all of the driver\'s, where that wants it', async () => {
    let flushes = 0;
    const { bs, close } = await driverBackend({ bdrvCoFlush: () => Promise.resolve(flushes++).then(() => undefined), bdrvCoFlushToDisk: () => Promise.reject(blockError('EIO', 'not to be called')) });
    await bdrvFlush(bs);
    expect(flushes).toBe(1);
    await close();
  });

  test('of several children fails as the first that does, after all were asked', async () => {
    let fails = true;
    const failing = await driverBackend({ bdrvCoFlush: () => (fails ? Promise.reject(blockError('ENOSPC', 'full')) : Promise.resolve()) });
    const raw = await nodeBackend({ driver: 'raw', file: failing.bs.nodeName });
    await expect(bdrvFlush(raw.bs)).rejects.toMatchObject({ code: 'ENOSPC', message: 'full' });
    expect(raw.bs.activeFlushReq).toBe(false);
    fails = false;
    await bdrvFlush(raw.bs);
    await raw.close();
    await failing.close();
  });
});
