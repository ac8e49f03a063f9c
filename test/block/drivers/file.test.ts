import fs from 'node:fs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { blkGetRefcnt, blkNewOpen, blkNewWithBs, blkSetPerm, blkUnref } from '../../../src/block/block-backend-global-state.ts';
import { blkBs, blkCoCopyRange, blkCoPreadv, blkCoPwritev, blkFlush, blkPdiscard, blkPread, blkPwrite, blkPwriteZeroes, blkTruncate } from '../../../src/block/block-backend-io.ts';
import {
  bdrvActivate, bdrvCreateFile, bdrvFindProtocol, bdrvHasZeroInit, bdrvInactivateAll, bdrvInit, bdrvOpen, bdrvRegister, bdrvReopen, bdrvReopenSetReadOnly, bdrvUnref,
} from '../../../src/block/block-global-state.ts';
import { bdrvBlockStatus, bdrvCoDeleteFile, bdrvGetAllocatedFileSize, bdrvGetInfo, bdrvGetlength, bdrvGetSpecificStats } from '../../../src/block/block-io.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { aioCoEnter } from '../../../src/block/contexts/coroutine.ts';
import { createFile } from '../../../src/block/drivers/file/create.ts';
import { hostCalls, useHostCalls } from '../../../src/block/drivers/file/libc.ts';
import type { BlockBackend } from '../../../src/block/model/backend.ts';
import {
  BDRV_BLOCK_DATA, BDRV_BLOCK_ZERO, BDRV_O_NOCACHE, BDRV_O_PROTOCOL, BDRV_O_RDWR, BDRV_O_RESIZE, BDRV_O_UNMAP, BDRV_REQ_MAY_UNMAP, BDRV_REQ_NO_FALLBACK,
  BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_WRITE,
} from '../../../src/block/model/constants.ts';
import type { BlockdevCreateOptions } from '../../../src/block/model/driver.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import type { BlockOptions } from '../../../src/block/model/options.ts';
import { IoVector } from '../../../src/block/model/io-vector.ts';
import { bdrvMemory, memoryDisk } from '../support/memory-driver.ts';
import { testFolder } from '../support/folder.ts';
import { hasQemuImg, qemuImg, qemuIo } from '../support/qemu.ts';

const fileAt = testFolder();
const opened: BlockBackend[] = [];
const MIB = 2 ** 20;

beforeAll(() => bdrvInit());
afterEach(async () => {
  for (const blk of opened.splice(0)) if (blkGetRefcnt(blk) > 0) await blkUnref(blk);
  useHostCalls(true);
});

/** A file of `content`, or of that many zeroes. */
function newFile(name: string, content: number | Uint8Array): string {
  const path = fileAt(name);
  fs.writeFileSync(path, typeof content === 'number' ? '' : content);
  if (typeof content === 'number') fs.truncateSync(path, content);
  return path;
}

async function open(path: string, options: BlockOptions = {}, flags = BDRV_O_RDWR | BDRV_O_RESIZE | BDRV_O_UNMAP): Promise<BlockBackend> {
  const blk = await blkNewOpen(path, null, { driver: 'file', ...options }, flags | BDRV_O_PROTOCOL);
  opened.push(blk);
  return blk;
}

function nodeOf(blk: BlockBackend): BlockDriverState {
  const bs = blkBs(blk);
  if (bs === null) throw new Error('The backend is empty.');
  return bs;
}

async function read(blk: BlockBackend, offset: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes, 0xee);
  await blkPread(blk, offset, buffer);
  return buffer;
}

async function status(blk: BlockBackend, offset: number, bytes: number): Promise<[flags: number, pnum: number]> {
  const { flags, pnum } = await bdrvBlockStatus(nodeOf(blk), offset, bytes);
  return [flags & (BDRV_BLOCK_DATA | BDRV_BLOCK_ZERO), pnum];
}

function create(options: BlockdevCreateOptions): Promise<void> {
  return aioCoEnter(mainContext, () => createFile(options));
}

describe('requests', () => {
  it('write to the file, and read from it', async () => {
    const path = newFile('rw', MIB);
    const blk = await open(path);
    await blkPwrite(blk, 1000, Buffer.from('some bytes'), 0);
    expect((await read(blk, 1000, 10)).toString()).toBe('some bytes');
    await blkFlush(blk);
    expect(fs.readFileSync(path).subarray(1000, 1010).toString()).toBe('some bytes');
    expect(await bdrvGetlength(nodeOf(blk))).toBe(MIB);
    expect(bdrvHasZeroInit(nodeOf(blk))).toBe(true);
    expect(bdrvGetInfo(nodeOf(blk)).clusterSize).toBe(0);
  });

  it('read zeroes behind the last byte of a file that is no whole sectors', async () => {
    const blk = await open(newFile('odd', Buffer.from('seven b')), {}, 0);
    expect((await read(blk, 0, 7)).toString()).toBe('seven b');
  });

  it('fail with the code and the words of the host', async () => {
    await expect(open(fileAt('missing'))).rejects.toMatchObject({ code: 'ENOENT', message: expect.stringMatching(/No such file or directory/) as string });
    await expect(open('/')).rejects.toMatchObject({ message: expect.stringMatching(/A regular file was expected|directory/) as string });
    await expect(open(newFile('opts', 512), { locking: 'sometimes' })).rejects.toThrow("Parameter 'locking' does not accept value 'sometimes'");
  });
});

describe('the space of a file', () => {
  it('is given back by a discard, and counted', async () => {
    const blk = await open(newFile('discard', Buffer.alloc(MIB, 1)));
    const before = await bdrvGetAllocatedFileSize(nodeOf(blk));
    await blkPdiscard(blk, 0, MIB / 2);
    expect(await read(blk, 0, 512)).toEqual(Buffer.alloc(512));
    if (hostCalls() !== null) {
      expect(await bdrvGetAllocatedFileSize(nodeOf(blk))).toBe(before - MIB / 2);
      expect(bdrvGetSpecificStats(nodeOf(blk))).toEqual({ driver: 'file', 'discard-nb-ok': 1, 'discard-nb-failed': 0, 'discard-bytes-ok': MIB / 2 });
    }
  });

  it.skipIf(hostCalls() === null)('shows as data and holes', async () => {
    const blk = await open(newFile('holes', MIB));
    await blkPwrite(blk, 65536, Buffer.alloc(4096, 1), 0);
    expect(await status(blk, 0, MIB)).toEqual([BDRV_BLOCK_ZERO, 65536]);
    expect(await status(blk, 65536, MIB - 65536)).toEqual([BDRV_BLOCK_DATA, 4096]);
    expect(await status(blk, 69632, MIB - 69632)).toEqual([BDRV_BLOCK_ZERO, MIB - 69632]);
  });

  it.skipIf(hostCalls() === null)('is kept or given back by zero writes, which never fall back to data', async () => {
    const blk = await open(newFile('zero', Buffer.alloc(MIB, 1)));
    await blkPwriteZeroes(blk, 0, MIB / 2, BDRV_REQ_NO_FALLBACK);
    expect(await read(blk, 0, MIB / 2)).toEqual(Buffer.alloc(MIB / 2));
    expect(await bdrvGetAllocatedFileSize(nodeOf(blk))).toBe(MIB);
    await blkPwriteZeroes(blk, 0, MIB / 2, BDRV_REQ_NO_FALLBACK | BDRV_REQ_MAY_UNMAP);
    expect(await bdrvGetAllocatedFileSize(nodeOf(blk))).toBe(MIB / 2);
    expect(await read(blk, MIB / 2, 512)).toEqual(Buffer.alloc(512, 1));
  });

  it.each(['off', 'falloc', 'full'] as const)('grows by a truncate with preallocation %s', async (prealloc) => {
    const blk = await open(newFile(`grow-${prealloc}`, Buffer.alloc(4096, 7)));
    await blkTruncate(blk, MIB, true, prealloc, 0);
    expect(await bdrvGetlength(nodeOf(blk))).toBe(MIB);
    const allocated = await bdrvGetAllocatedFileSize(nodeOf(blk));
    if (prealloc === 'off') expect(allocated).toBe(4096);
    else expect(allocated).toBeGreaterThanOrEqual(MIB);
    expect(await read(blk, 4096, MIB - 4096)).toEqual(Buffer.alloc(MIB - 4096));
    await blkTruncate(blk, 512, true, 'off', 0);
    expect(await read(blk, 0, 512)).toEqual(Buffer.alloc(512, 7));
  });

  it('refuses preallocation that it does not have', async () => {
    const blk = await open(newFile('shrink', MIB));
    await expect(blkTruncate(blk, 512, true, 'full', 0)).rejects.toThrow("Preallocation can't be used for shrinking files");
    await expect(blkTruncate(blk, 2 * MIB, true, 'metadata', 0)).rejects.toThrow("Unsupported preallocation mode 'metadata'");
    await blkTruncate(blk, MIB, true, 'full', 0);
    expect(await bdrvGetlength(nodeOf(blk))).toBe(MIB);
  });

  it.skipIf(hostCalls() === null)('is copied within the host', async () => {
    const source = await open(newFile('from', Buffer.alloc(MIB, 5)));
    const target = await open(newFile('to', MIB));
    await aioCoEnter(mainContext, () => blkCoCopyRange(source, 4096, target, 8192, 65536, 0, 0));
    expect(await read(target, 8192, 65536)).toEqual(Buffer.alloc(65536, 5));
    expect(await read(target, 8192 + 65536, 512)).toEqual(Buffer.alloc(512));
  });
});

it('requests of several buffers are read and written in one go', async () => {
  const blk = await open(newFile('vectors', 65536));
  const parts = [Buffer.alloc(100, 1), Buffer.alloc(5000, 2), Buffer.alloc(7, 3)];
  await aioCoEnter(mainContext, () => blkCoPwritev(blk, 10, 5107, new IoVector(parts), 0));
  const read = parts.map((part) => Buffer.alloc(part.length));
  await aioCoEnter(mainContext, () => blkCoPreadv(blk, 10, 5107, new IoVector(read), 0));
  expect(read).toEqual(parts);
});

it('takes more requests at once than the host has slots for', async () => {
  const path = newFile('many', Buffer.alloc(100 * 4096, 7));
  const blk = await open(path);
  await Promise.all(Array.from({ length: 100 }, (_, index) => blkPdiscard(blk, index * 4096, index === 50 ? 0 : 4096)));
  const left = fs.readFileSync(path);
  if (hostCalls() !== null) expect(left.every((byte, at) => byte === (Math.floor(at / 4096) === 50 ? 7 : 0))).toBe(true);
});

it('space that can not be reserved leaves the length as it was', async () => {
  const blk = await open(newFile('huge', 4096));
  await expect(blkTruncate(blk, 2 ** 50, true, hostCalls() === null ? 'metadata' : 'falloc', 0)).rejects.toThrow();
  expect(fs.statSync(fileAt('huge')).size).toBe(4096);
});

describe.skipIf(hostCalls() === null || !fs.existsSync('/dev/shm'))('a file system in memory, which can do less', () => {
  const path = `/dev/shm/block-test-${process.pid}`;
  afterEach(() => fs.rmSync(path, { force: true }));

  it('zeroes by giving space back and reserving it anew', async () => {
    fs.writeFileSync(path, Buffer.alloc(65536, 1));
    const blk = await open(path);
    await blkPwriteZeroes(blk, 4096, 8192, BDRV_REQ_NO_FALLBACK);
    expect(await read(blk, 0, 65536)).toEqual(Buffer.concat([Buffer.alloc(4096, 1), Buffer.alloc(8192), Buffer.alloc(53248, 1)]));
  });

  it('copies to and from another one through buffers, if the host can not', async () => {
    fs.writeFileSync(path, Buffer.alloc(65536, 6));
    const source = await open(path);
    const target = await open(newFile('other-system', 65536));
    await aioCoEnter(mainContext, () => blkCoCopyRange(source, 0, target, 4096, 8192, 0, 0)).catch(async (error: unknown) => {
      expect(error).toMatchObject({ code: 'ENOTSUP' });
      await blkPwrite(target, 4096, Buffer.alloc(8192, 6), 0);
    });
    expect(await read(target, 4096, 8192)).toEqual(Buffer.alloc(8192, 6));
  });
});

it.each([['file', 'target'], ['target', 'file']])('a permission change of the %s that the %s refuses is taken back', async (ours, other) => {
  bdrvRegister(bdrvMemory);
  const disk = memoryDisk('refuses', MIB);
  const path = newFile('taken-back', MIB);
  fs.chmodSync(path, 0o644);
  const blk = await blkNewOpen(null, null, {
    driver: 'copy-before-write', 'auto-read-only': 'on', [ours]: { driver: 'file', filename: path, locking: 'off' }, [other]: { driver: 'memory', filename: 'refuses' },
  }, BDRV_O_RDWR);
  opened.push(blk);
  blkSetPerm(blk, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL);
  disk.refusePermissions = () => true;
  expect(() => blkSetPerm(blk, BLK_PERM_WRITE, BLK_PERM_ALL)).toThrow('The disk refuses these permissions');
  disk.refusePermissions = null;
  blkSetPerm(blk, BLK_PERM_WRITE, BLK_PERM_ALL);
  await blkPwrite(blk, 0, Buffer.from('written'), 0);
  expect((ours === 'file' ? fs.readFileSync(path) : Buffer.from(disk.data)).toString('latin1', 0, 7)).toBe('written');
});

describe('without calls beyond those of Node.js', () => {
  it('all is data, zeroes are written, discards do nothing', async () => {
    useHostCalls(false);
    const blk = await open(newFile('plain', Buffer.alloc(65536, 1)));
    expect(await status(blk, 0, 65536)).toEqual([BDRV_BLOCK_DATA, 65536]);
    await blkPwriteZeroes(blk, 0, 4096, 0);
    expect(await read(blk, 0, 8192)).toEqual(Buffer.concat([Buffer.alloc(4096), Buffer.alloc(4096, 1)]));
    await blkPdiscard(blk, 4096, 4096);
    expect(await read(blk, 4096, 4096)).toEqual(Buffer.alloc(4096, 1));
    await blkTruncate(blk, 131072, true, 'falloc', 0);
    expect(await bdrvGetAllocatedFileSize(nodeOf(blk))).toBeGreaterThanOrEqual(131072);
  });

  it('locks hold within this process', async () => {
    useHostCalls(false);
    const path = newFile('own-locks', MIB);
    const first = await open(path);
    blkSetPerm(first, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE, BLK_PERM_CONSISTENT_READ);
    await expect(open(path)).rejects.toThrow(/Failed to get .*"write" lock/);
    await blkUnref(first);
    await open(path);
  });

  it('direct access is refused', async () => {
    useHostCalls(false);
    await expect(open(newFile('direct-refused', 4096), {}, BDRV_O_NOCACHE)).rejects.toThrow(/koffi/);
  });
});

it.skipIf(hostCalls() === null)('direct access reads and writes whole sectors of any buffer', async () => {
  const blk = await open(newFile('direct', Buffer.alloc(MIB, 3)), {}, BDRV_O_RDWR | BDRV_O_NOCACHE);
  await blkPwrite(blk, 4096, Buffer.alloc(8192, 9), 0);
  await blkPwrite(blk, 100, Buffer.from('unaligned'), 0);
  expect(await read(blk, 4090, 12)).toEqual(Buffer.concat([Buffer.alloc(6, 3), Buffer.alloc(6, 9)]));
  expect((await read(blk, 99, 10)).subarray(1).toString()).toBe('unaligned');
  expect(fs.readFileSync(fileAt('direct')).subarray(100, 109).toString()).toBe('unaligned');
});

describe('locks', () => {
  it.skipIf(!hasQemuImg || hostCalls() === null)('keep a writer of another process away, and let readers that share', async () => {
    const path = newFile('locks', MIB);
    const blk = await open(path);
    blkSetPerm(blk, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE, BLK_PERM_CONSISTENT_READ);
    expect(() => qemuIo('-f', 'raw', '-c', 'write 0 512', path)).toThrow(/Failed to get .*"write" lock/);
    expect(qemuIo('-U', '-r', '-f', 'raw', '-c', 'read 0 512', path)).toMatch(/read 512\/512/);
    await blkUnref(blk);
    expect(qemuIo('-f', 'raw', '-c', 'write 0 512', path)).toMatch(/wrote 512\/512/);
  });

  it('keep a second writer of this process away, unless locking is off', async () => {
    const path = newFile('two', MIB);
    const first = await open(path);
    blkSetPerm(first, BLK_PERM_WRITE, BLK_PERM_CONSISTENT_READ);
    await expect(open(path)).rejects.toMatchObject({ code: 'EAGAIN', message: expect.stringContaining(`Is another process using the image [${path}]?`) as string });
    await open(path, { locking: 'off' });
  });

  it('follow the permissions of the parents', async () => {
    const path = newFile('follow', MIB);
    const first = await open(path);
    blkSetPerm(first, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL);
    const second = await open(path);
    // The second doesn't share writing any more: the first can't begin to.
    blkSetPerm(second, BLK_PERM_CONSISTENT_READ, BLK_PERM_CONSISTENT_READ);
    expect(() => blkSetPerm(first, BLK_PERM_WRITE, BLK_PERM_ALL)).toThrow(/Failed to get shared "write" lock/);
    blkSetPerm(second, 0, BLK_PERM_ALL);
    blkSetPerm(first, BLK_PERM_WRITE, BLK_PERM_ALL);
  });

  it('are given up while the node is inactive', async () => {
    const path = newFile('inactive', MIB);
    const blk = await open(path);
    blkSetPerm(blk, BLK_PERM_CONSISTENT_READ, 0);
    await bdrvInactivateAll();
    const other = await bdrvOpen(path, null, { driver: 'file' }, BDRV_O_RDWR | BDRV_O_PROTOCOL);
    await bdrvUnref(other);
    await bdrvActivate(nodeOf(blk));
    await expect(open(path)).rejects.toThrow(/lock/);
  });
});

describe('a reopen', () => {
  it('changes between read-only and read-write', async () => {
    const blk = await open(newFile('reopen', MIB), {}, BDRV_O_RDWR);
    blkSetPerm(blk, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL);
    await bdrvReopenSetReadOnly(nodeOf(blk), true);
    expect(() => blkSetPerm(blk, BLK_PERM_WRITE, BLK_PERM_ALL)).toThrow(/read-only|Read-only/);
    await bdrvReopenSetReadOnly(nodeOf(blk), false);
    blkSetPerm(blk, BLK_PERM_WRITE, BLK_PERM_ALL);
    await blkPwrite(blk, 0, Buffer.from('again'), 0);
    expect(fs.readFileSync(fileAt('reopen')).toString('latin1', 0, 5)).toBe('again');
  });

  it('that fails leaves the node as it was', async () => {
    const path = newFile('reopen-fails', MIB);
    const blk = await open(path, {}, BDRV_O_RDWR);
    blkSetPerm(blk, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL);
    await bdrvReopenSetReadOnly(nodeOf(blk), true);
    fs.renameSync(path, `${path}.away`);
    await expect(bdrvReopenSetReadOnly(nodeOf(blk), false)).rejects.toThrow(/Could not reopen file/);
    expect(await read(blk, 0, 4)).toEqual(Buffer.alloc(4));
  });

  it('takes the ways of waiting, which are all one', async () => {
    const blk = await open(newFile('reopen-aio', MIB));
    await bdrvReopen(nodeOf(blk), { aio: 'native' }, true);
    await expect(bdrvReopen(nodeOf(blk), { aio: 'carrier pigeons' }, true)).rejects.toThrow("Parameter 'aio' does not accept value");
  });
});

it('with auto-read-only the file is writable only while somebody writes', async () => {
  const path = newFile('auto', MIB);
  fs.chmodSync(path, 0o444);
  const blk = await open(path, { 'auto-read-only': 'on' }, BDRV_O_RDWR);
  blkSetPerm(blk, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL);
  fs.chmodSync(path, 0o644);
  blkSetPerm(blk, BLK_PERM_WRITE, BLK_PERM_ALL);
  await blkPwrite(blk, 0, Buffer.from('now'), 0);
  blkSetPerm(blk, 0, BLK_PERM_ALL);
  expect(fs.readFileSync(path).toString('latin1', 0, 3)).toBe('now');
});

describe('creation', () => {
  it.each([
    ['off', 0],
    ['falloc', MIB],
    ['full', MIB],
  ] as const)('with preallocation %s', async (preallocation, atLeast) => {
    const path = fileAt(`new-${preallocation}`);
    await create({ driver: 'file', filename: path, size: MIB, preallocation });
    const stats = fs.statSync(path);
    expect(stats.size).toBe(MIB);
    expect(stats.blocks * 512).toBeGreaterThanOrEqual(atLeast);
  });

  it('by name rounds up to whole sectors, and replaces what was there', async () => {
    const path = newFile('replaced', Buffer.alloc(MIB, 1));
    await bdrvCreateFile(`file:${path}`, { size: 1000 });
    expect(fs.readFileSync(path)).toEqual(Buffer.alloc(1024));
  });

  it('is refused while somebody uses the image', async () => {
    const path = newFile('used', Buffer.alloc(512, 1));
    const blk = await open(path);
    blkSetPerm(blk, BLK_PERM_CONSISTENT_READ, BLK_PERM_CONSISTENT_READ);
    await expect(create({ driver: 'file', filename: path, size: MIB })).rejects.toThrow(/lock/);
    expect(fs.readFileSync(path)).toEqual(Buffer.alloc(512, 1));
  });

  it('says what is wrong', async () => {
    await expect(create({ driver: 'file', filename: fileAt('no/such/folder'), size: 0 })).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(create({ driver: 'file', size: 0 })).rejects.toThrow(/needs 'filename'/);
    await expect(create({ driver: 'file', filename: fileAt('x'), size: MIB, preallocation: 'metadata' })).rejects.toThrow(/'metadata'/);
    await expect(create({ driver: 'file', filename: fileAt('x'), size: MIB, compression: 'on' })).rejects.toThrow(/does not support the option 'compression'/);
  });

  it.skipIf(!hasQemuImg)('makes files that qemu-img knows', async () => {
    const path = fileAt('for-qemu');
    await bdrvCreateFile(path, { size: MIB });
    expect(JSON.parse(qemuImg('info', '--output=json', path))).toMatchObject({ format: 'raw', 'virtual-size': MIB });
  });
});

it('deletes its file', async () => {
  const path = newFile('deleted', 512);
  const blk = await open(path);
  await aioCoEnter(mainContext, () => bdrvCoDeleteFile(nodeOf(blk)));
  expect(fs.existsSync(path)).toBe(false);
  await expect(aioCoEnter(mainContext, () => bdrvCoDeleteFile(nodeOf(blk)))).rejects.toThrow(`Failed to delete '${path}'`);
});

it('devices of the host are found by name, and refused', async () => {
  expect(bdrvFindProtocol('/dev/null', true).formatName).toBe('host_device');
  await expect(bdrvOpen(null, null, { driver: 'host_device', filename: '/dev/null' }, BDRV_O_PROTOCOL)).rejects.toMatchObject({ code: 'ENOTSUP' });
  await expect(bdrvOpen('host_cdrom:/dev/cdrom', null, null, BDRV_O_PROTOCOL)).rejects.toThrow(/'host_cdrom' is not available/);
});

it('a node held twice closes its file once', async () => {
  const path = newFile('twice', 512);
  const bs = await bdrvOpen(path, null, { driver: 'file' }, BDRV_O_RDWR | BDRV_O_PROTOCOL);
  const blk = await blkNewWithBs(bs, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL);
  await bdrvUnref(bs);
  expect(await read(blk, 0, 1)).toEqual(Buffer.alloc(1));
  await blkUnref(blk);
});
