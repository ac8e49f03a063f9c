import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blkFlush, blkPwrite, blkTruncate } from '../../../src/block/block-backend-io.ts';
import { blkUnref } from '../../../src/block/block-backend-global-state.ts';
import { bdrvAmendOptions, bdrvCreate, bdrvFindFormat, bdrvInit, bdrvOpen, bdrvReopenSetReadOnly, bdrvUnref } from '../../../src/block/block-global-state.ts';
import { bdrvGetInfo, bdrvGetlength, bdrvGetSpecificInfo, bdrvMeasure } from '../../../src/block/block-io.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { aioCoEnter } from '../../../src/block/contexts/coroutine.ts';
import { secretAdd, secretAddFromOptions, secretLookup, secretRemove } from '../../../src/block/drivers/crypto/secrets.ts';
import { BDRV_O_NO_IO, BDRV_O_RDWR } from '../../../src/block/model/constants.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import { testFolder } from '../support/folder.ts';
import { backends, nodeOf, readAt } from '../support/opened.ts';
import { hasQemuImg, qemuIo } from '../support/qemu.ts';

const fileAt = testFolder();
const open = backends();
const MIB = 2 ** 20;

beforeAll(() => {
  bdrvInit();
  secretAdd({ id: 'key', data: 'correct horse' });
  secretAdd({ id: 'other', data: 'battery staple' });
});
afterAll(() => {
  secretRemove('key');
  secretRemove('other');
});

function luks(): BlockDriver {
  const drv = bdrvFindFormat('luks');
  if (drv === null) throw new Error('There is no LUKS format.');
  return drv;
}

async function newImage(name: string, size = MIB): Promise<string> {
  const path = fileAt(name);
  await bdrvCreate(luks(), path, { size, 'key-secret': 'key', 'iter-time': 10 });
  return path;
}

const image = (path: string, key = 'key'): ReturnType<typeof open> => open({ driver: 'luks', 'key-secret': key, file: { driver: 'file', filename: path } });

describe('an image', () => {
  it('keeps data that its file does not show', async () => {
    const path = await newImage('image');
    const blk = await image(path);
    expect(await bdrvGetlength(nodeOf(blk))).toBe(MIB);
    await blkPwrite(blk, 1000, Buffer.from('plain text'), 0);
    await blkFlush(blk);
    expect((await readAt(blk, 1000, 10)).toString()).toBe('plain text');
    await blkUnref(blk);
    expect(fs.readFileSync(path).includes('plain text')).toBe(false);
    expect((await readAt(await image(path), 1000, 10)).toString()).toBe('plain text');
  });

  it('is found by its header, and needs its passphrase', async () => {
    const path = await newImage('probed');
    await expect(open({}, BDRV_O_RDWR, path)).rejects.toThrow("Parameter 'key-secret' is required for cipher");
    await expect(image(path, 'other')).rejects.toThrow('Invalid password, cannot unlock any keyslot');
    await expect(image(path, 'nobody')).rejects.toThrow("No secret with id 'nobody'");
    const info = await bdrvOpen(path, null, null, BDRV_O_NO_IO);
    expect(bdrvGetSpecificInfo(info)).toMatchObject({ type: 'luks', data: { 'cipher-alg': 'aes-256' } });
    expect(bdrvGetInfo(info).clusterSize).toBe(0);
    await bdrvUnref(info);
  });

  it('writes more than one run of encryption at once', async () => {
    const path = await newImage('large', 4 * MIB);
    const blk = await image(path);
    const data = Buffer.alloc(3 * MIB, 'pattern');
    await blkPwrite(blk, 512, data, 0);
    expect((await readAt(blk, 512, data.length)).equals(data)).toBe(true);
  });

  it('grows, and reopens', async () => {
    const blk = await image(await newImage('grows'));
    await blkTruncate(blk, 2 * MIB, true, 'off', 0);
    expect(await bdrvGetlength(nodeOf(blk))).toBe(2 * MIB);
    await blkPwrite(blk, 2 * MIB - 512, Buffer.alloc(512, 3), 0);
    expect(await readAt(blk, 2 * MIB - 512, 512)).toEqual(Buffer.alloc(512, 3));
    await expect(bdrvReopenSetReadOnly(nodeOf(blk), true)).rejects.toThrow();
  });

  it('that is cut short has no length', async () => {
    const path = await newImage('short');
    fs.truncateSync(path, 512 * 1024);
    await expect(image(path)).rejects.toThrow();
  });

  it('is measured with its header', async () => {
    expect(await bdrvMeasure(luks(), { size: MIB }, null)).toEqual({ required: MIB + 2068480, fullyAllocated: MIB + 2068480 });
    const blk = await image(await newImage('measured'));
    expect((await bdrvMeasure(luks(), {}, nodeOf(blk))).required).toBe(MIB + 2068480);
  });

  it.skipIf(!hasQemuImg)('is read by qemu-io', async () => {
    const path = await newImage('for-qemu');
    const blk = await image(path);
    await blkPwrite(blk, 65536, Buffer.alloc(65536, 0x5a), 0);
    await blkUnref(blk);
    const printed = qemuIo('--object', 'secret,id=s,data=correct horse', '--image-opts', '-c', 'read -P 0x5a 64K 64K', `driver=luks,key-secret=s,file.filename=${path}`);
    expect(printed).toMatch(/read 65536\/65536/);
  });
});

describe('creation', () => {
  it('on a node that exists', async () => {
    fs.writeFileSync(fileAt('node'), '');
    await aioCoEnter(mainContext, async () => {
      await luks().bdrvCoCreate?.({ driver: 'luks', file: { driver: 'file', filename: fileAt('node') }, size: MIB, 'key-secret': 'key', 'iter-time': 10, preallocation: 'metadata' });
    });
    expect(await bdrvGetlength(nodeOf(await image(fileAt('node'))))).toBe(MIB);
  });

  it('that fails leaves no file', async () => {
    await expect(bdrvCreate(luks(), fileAt('none'), { size: MIB, 'key-secret': 'key', 'cipher-mode': 'cbc', 'ivgen-alg': 'essiv', 'ivgen-hash-alg': 'sha1' })).rejects.toThrow(/essiv/);
    expect(fs.existsSync(fileAt('none'))).toBe(false);
    await expect(bdrvCreate(luks(), fileAt('none'), { size: MIB })).rejects.toThrow("Parameter 'key-secret' is required");
  });
});

describe('a change of key slots', () => {
  it('adds a passphrase, and takes one away', async () => {
    const path = await newImage('amend');
    const blk = await image(path);
    await bdrvAmendOptions(nodeOf(blk), { state: 'active', 'new-secret': 'other', 'iter-time': 10 }, null, false);
    await bdrvAmendOptions(nodeOf(blk), { state: 'inactive', 'old-secret': 'key' }, null, false);
    await blkUnref(blk);
    await image(path, 'other');
    await expect(image(path)).rejects.toThrow('Invalid password');
  });

  it('is refused while somebody else reads the file, and gives the file back', async () => {
    const path = await newImage('shared');
    const blk = await image(path);
    const { file } = nodeOf(blk);
    const reader = await open({ driver: 'raw', file: file?.bs?.nodeName ?? '' }, 0);
    await expect(bdrvAmendOptions(nodeOf(blk), { state: 'active', 'new-secret': 'other' }, null, false)).rejects.toThrow(/Permission conflict/);
    await blkUnref(reader);
    await expect(bdrvAmendOptions(nodeOf(blk), { state: 'inactive' }, null, false)).rejects.toThrow(/either explicit keyslot index/);
    await blkPwrite(blk, 0, Buffer.alloc(512), 0);
  });

  it('as a job does it: permissions before and after, the change between', async () => {
    const path = await newImage('job');
    const blk = await image(path);
    const bs = nodeOf(blk);
    luks().bdrvAmendPreRun?.(bs);
    await aioCoEnter(bs.aioContext, async () => {
      await luks().bdrvCoAmend?.(bs, { driver: 'luks', state: 'active', 'new-secret': 'other', 'iter-time': 10 }, false);
    });
    luks().bdrvAmendClean?.(bs);
    await blkUnref(blk);
    await image(path, 'other');
  });
});

describe('secrets', () => {
  it('are text, base64, or the content of a file', () => {
    fs.writeFileSync(fileAt('secret'), 'aGVsbG8=\n');
    secretAddFromOptions({ id: 'a', data: 'hello' });
    secretAddFromOptions({ 'qom-type': 'secret', id: 'b', file: fileAt('secret'), format: 'base64' });
    for (const id of ['a', 'b']) {
      expect(Buffer.from(secretLookup(id)).toString()).toBe('hello');
      secretRemove(id);
      expect(() => secretLookup(id)).toThrow(`No secret with id '${id}'`);
    }
  });

  it.each([
    [{ id: 'x' }, "Must provide 'file' or 'data' property"],
    [{ id: 'x', data: 'a', file: 'b' }, "'file' and 'data' are mutually exclusive"],
    [{ id: 'x', data: '?', format: 'base64' }, 'Base64 data is not valid'],
    [{ id: 'x', file: '/no/such/file' }, /Unable to read \/no\/such\/file/],
    [{ id: 'key', data: 'again' }, "A secret 'key' exists already"],
    [{ data: 'nameless' }, "Parameter 'id' is missing"],
    [{ id: 'x', data: 'a', color: 'red' }, /color/],
  ])('of %j are refused', (options, message) => {
    expect(() => secretAddFromOptions(options)).toThrow(message);
    expect(() => secretRemove('x')).toThrow("No secret with id 'x'");
  });
});
