/** Copy on read: what is read from below is in the node afterwards. */
import { describe, expect, test } from 'vitest';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { runCoWrapper } from '../../../src/block/contexts/poll.ts';
import { runSeeded } from '../../../src/block/contexts/seeded-scheduler.ts';
import { BDRV_O_INACTIVE, BDRV_REQ_COPY_ON_READ, BDRV_REQ_PREFETCH } from '../../../src/block/model/constants.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import { IoVector } from '../../../src/block/model/io-vector.ts';
import { bdrvIsAllocated } from '../../../src/block/requests/block-status.ts';
import { bdrvDisableCopyOnRead, bdrvEnableCopyOnRead } from '../../../src/block/requests/copy-on-read.ts';
import { bdrvCoPread, bdrvCoPreadv } from '../../../src/block/requests/read.ts';
import { bdrvCoPwrite } from '../../../src/block/requests/write.ts';
import { bdrvPread, bdrvPwrite } from '../../../src/block/requests/wrappers.ts';
import { memoryBackend, nodeBackend, overlayOptions } from '../support/backend.ts';

const LENGTH = 65536;

async function overlayOver(content: Uint8Array, behaviour = {}) {
  const base = await memoryBackend(content, behaviour);
  const top = await nodeBackend({ ...await overlayOptions(LENGTH), backing: base.bs.nodeName });
  return {
    base, ...top,
    async close() {
      await top.close();
      await base.close();
    },
  };
}

const inCoroutine = <T>(entry: () => Promise<T>): Promise<T> => runCoWrapper(mainContext, entry);
const content = Buffer.alloc(LENGTH).map((_, index) => index % 255 + 1);

describe('a read of a node that copies on read', () => {
  test('copies whole clusters up, and returns what was asked for', async () => {
    const { bs, root, base, close } = await overlayOver(content);
    bdrvEnableCopyOnRead(bs);
    const buffer = Buffer.alloc(1000);
    await bdrvPread(root, 4000, buffer);
    expect(buffer.equals(content.subarray(4000, 5000))).toBe(true);
    expect(await bdrvIsAllocated(bs, 0, LENGTH)).toEqual({ allocated: true, pnum: 8192 });
    const reads = base.disk.countOf('read');
    await bdrvPread(root, 4000, buffer);
    expect(buffer.equals(content.subarray(4000, 5000))).toBe(true);
    expect(base.disk.countOf('read')).toBe(reads);
    bdrvDisableCopyOnRead(bs);
    expect(() => bdrvDisableCopyOnRead(bs)).toThrow('never began');
    await bdrvPread(root, 16384, buffer);
    expect((await bdrvIsAllocated(bs, 16384, 512)).allocated).toBe(false);
    await close();
  });

  test('takes what is allocated from the node, and the rest from below', async () => {
    const { bs, root, close } = await overlayOver(content);
    await bdrvPwrite(root, 4096, Buffer.alloc(4096, 0xee));
    const buffer = Buffer.alloc(12288);
    await inCoroutine(() => bdrvCoPread(root, 0, buffer, BDRV_REQ_COPY_ON_READ));
    expect(buffer.equals(Buffer.concat([content.subarray(0, 4096), Buffer.alloc(4096, 0xee), content.subarray(8192, 12288)]))).toBe(true);
    expect(await bdrvIsAllocated(bs, 0, LENGTH)).toEqual({ allocated: true, pnum: 12288 });
    await close();
  });

  test('only copies where that is all that is wanted', async () => {
    const { bs, root, close } = await overlayOver(content);
    const buffer = Buffer.alloc(8192, 0xaa);
    const flags = BDRV_REQ_COPY_ON_READ | BDRV_REQ_PREFETCH;
    for (let round = 0; round < 2; round++) await inCoroutine(() => bdrvCoPreadv(root, 0, 8192, IoVector.of(buffer), flags));
    expect(buffer.every((byte) => byte === 0xaa)).toBe(true);
    expect(await bdrvIsAllocated(bs, 0, LENGTH)).toEqual({ allocated: true, pnum: 8192 });
    await close();
  });

  test('writes zeroes as zeroes, where the driver can', async () => {
    const { bs, root, close } = await overlayOver(Buffer.alloc(LENGTH));
    const zeroed: string[] = [];
    const { drv } = bs;
    bs.drv = { ...drv, bdrvCoPwriteZeroes: (_bs, offset, bytes) => Promise.resolve(void zeroed.push(`${offset}+${bytes}`)) } as BlockDriver;
    await inCoroutine(() => bdrvCoPread(root, 4096, Buffer.alloc(512), BDRV_REQ_COPY_ON_READ));
    expect(zeroed).toEqual(['4096+4096']);
    bs.drv = drv;
    await close();
  });

  test('only reads while the node is inactive', async () => {
    const { bs, root, close } = await overlayOver(content);
    bs.openFlags |= BDRV_O_INACTIVE;
    const buffer = Buffer.alloc(512);
    await inCoroutine(() => bdrvCoPread(root, 512, buffer, BDRV_REQ_COPY_ON_READ));
    expect(buffer.equals(content.subarray(512, 1024))).toBe(true);
    bs.openFlags &= ~BDRV_O_INACTIVE;
    expect((await bdrvIsAllocated(bs, 0, 512)).allocated).toBe(false);
    await close();
  });

  test('fails as the node below does', async () => {
    const { root, base, bs, close } = await overlayOver(content);
    base.disk.failNext('read');
    await expect(inCoroutine(() => bdrvCoPread(root, 0, Buffer.alloc(512), BDRV_REQ_COPY_ON_READ))).rejects.toMatchObject({ code: 'EIO' });
    // A node that does not tell its allocation the second time it is asked is read as if nothing were allocated.
    const { drv } = bs;
    let asked = 0;
    bs.drv = {
      ...drv,
      bdrvCoBlockStatus: (node, wantZero, offset, bytes) => (asked++ === 0
        ? Promise.resolve({ flags: 0, pnum: bytes, map: 0, file: null }) : Promise.reject(blockError('EIO', `no answer for ${node.nodeName} ${String(wantZero)} ${offset}`))),
    } as BlockDriver;
    const buffer = Buffer.alloc(512);
    await inCoroutine(() => bdrvCoPread(root, 0, buffer, BDRV_REQ_COPY_ON_READ));
    expect(buffer.equals(content.subarray(0, 512))).toBe(true);
    bs.drv = drv;
    await close();
  });

  test('does not run over a write that comes meanwhile', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      await runSeeded(seed, async () => {
        const { root, close } = await overlayOver(Uint8Array.from(content), { delay: 1 });
        await Promise.all([
          inCoroutine(() => bdrvCoPread(root, 0, Buffer.alloc(8192), BDRV_REQ_COPY_ON_READ)),
          inCoroutine(() => bdrvCoPwrite(root, 1000, Buffer.alloc(5000, 0xcc), 0)),
        ]);
        const back = Buffer.alloc(8192);
        await bdrvPread(root, 0, back);
        expect(back.equals(Buffer.concat([content.subarray(0, 1000), Buffer.alloc(5000, 0xcc), content.subarray(6000, 8192)]))).toBe(true);
        await close();
      });
    }
  });
});
