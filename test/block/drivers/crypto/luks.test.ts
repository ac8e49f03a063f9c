import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import '../../../../src/block/contexts/main-loop.ts';
import {
  luksAmend, luksCreate, luksHeaderLength, luksInfo, luksOpen, takeLuksAmendOptions, takeLuksCreateOptions, type HeaderStore, type LuksVolume,
} from '../../../../src/block/drivers/crypto/luks.ts';
import { OptionBag, type BlockOptions } from '../../../../src/block/model/options.ts';
import { hasQemuImg, qemuCreateLuks, qemuImg, qemuIo } from '../../support/qemu.ts';

const FAST = { 'iter-time': 10 };
const secrets: Record<string, string> = { first: 'correct horse', second: 'battery staple', wrong: 'guess' };
const secret = (name: string): Uint8Array => Buffer.from(secrets[name] ?? '');

/** A header in memory; `bytes` can be written to a file. */
class MemoryStore implements HeaderStore {
  bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  read(offset: number, bytes: number): Promise<Uint8Array> {
    return Promise.resolve(this.bytes.slice(offset, offset + bytes));
  }

  write(offset: number, data: Uint8Array): Promise<void> {
    this.bytes.set(data, offset);
    return Promise.resolve();
  }
}

async function newVolume(options: BlockOptions = {}, passphrase = 'first'): Promise<{ store: MemoryStore; volume: LuksVolume }> {
  const create = takeLuksCreateOptions(new OptionBag({ ...FAST, ...options }));
  const store = new MemoryStore(new Uint8Array(luksHeaderLength(create)));
  return { store, volume: await luksCreate(store, create, secret(passphrase)) };
}

function amendment(options: BlockOptions): ReturnType<typeof takeLuksAmendOptions> {
  return takeLuksAmendOptions({ ...FAST, ...options }, secret);
}

describe('a volume', () => {
  it('gives data back to whoever knows the passphrase, and to nobody else', async () => {
    const { store, volume } = await newVolume();
    const plain = Buffer.alloc(4096, 'sector ');
    const stored = volume.cipher?.encrypt(plain, 7) ?? new Uint8Array();
    expect(Buffer.from(stored)).not.toEqual(plain);
    const opened = await luksOpen(store, secret('first'));
    expect(Buffer.from(opened.cipher?.decrypt(stored, 7) ?? [])).toEqual(plain);
    expect(Buffer.from(opened.cipher?.decrypt(stored, 8) ?? [])).not.toEqual(plain);
    await expect(luksOpen(store, secret('wrong'))).rejects.toMatchObject({ code: 'EPERM', message: 'Invalid password, cannot unlock any keyslot' });
  });

  it('opened without a passphrase tells what its header says', async () => {
    const { store } = await newVolume();
    const opened = await luksOpen(store, null);
    expect(opened.cipher).toBeNull();
    expect(luksInfo(opened)).toMatchObject({ 'cipher-alg': 'aes-256', 'cipher-mode': 'xts', 'ivgen-alg': 'plain64', 'hash-alg': 'sha256', 'payload-offset': 2068480 });
  });

  it.each([
    ['no LUKS', { offset: 0, data: [0] }, 'EINVAL', /not in LUKS format/],
    ['version 2', { offset: 7, data: [2] }, 'ENOTSUP', /LUKS version 2/],
    ['an unknown cipher', { offset: 8, data: [...Buffer.from('serpent')] }, 'ENOTSUP', /'serpent'/],
    ['an unknown mode', { offset: 40, data: [...Buffer.from('lrw')] }, 'ENOTSUP', /'lrw-plain64'/],
    ['an unknown IV generator', { offset: 44, data: [...Buffer.from('benbi\0\0')] }, 'ENOTSUP', /'benbi'/],
    ['an unknown hash', { offset: 72, data: [...Buffer.from('md99\0\0')] }, 'ENOTSUP', /'md99'/],
    ['a key of a wrong length', { offset: 111, data: [40] }, 'ENOTSUP', /key of 40 bytes/],
    ['no iterations of the digest', { offset: 164, data: [0, 0, 0, 0] }, 'EINVAL', /iteration count is zero/],
    ['a slot that is neither active nor inactive', { offset: 208, data: [1] }, 'EINVAL', /Keyslot 0 state is corrupted/],
    ['a slot without iterations', { offset: 212, data: [0, 0, 0, 0] }, 'EINVAL', /Keyslot 0 iteration count is zero/],
    ['a slot with too few stripes', { offset: 252, data: [0, 0, 0, 9] }, 'EINVAL', /Keyslot 0 is corrupted \(stripes 9 != 4000\)/],
    ['a slot in the header', { offset: 248, data: [0, 0, 0, 1] }, 'EINVAL', /Keyslot 0 is overlapping with the LUKS header/],
    ['a slot in the data', { offset: 248, data: [0, 1, 0, 0] }, 'EINVAL', /Keyslot 0 is overlapping with the encrypted payload/],
    ['slots on one another', { offset: 296, data: [0, 0, 0, 9] }, 'EINVAL', /Keyslot 1 overlaps another keyslot/],
  ])('with %s is refused', async (_case, change, code, message) => {
    const { store } = await newVolume();
    store.bytes.set(change.data, change.offset);
    await expect(luksOpen(store, secret('first'))).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  });
});

describe('options', () => {
  it('name what they do not take', () => {
    expect(() => takeLuksCreateOptions(new OptionBag({ 'cipher-alg': 'twofish-256' }))).toThrow("Parameter 'cipher-alg' does not accept value 'twofish-256'");
    expect(() => takeLuksCreateOptions(new OptionBag({ 'hash-alg': 'crc32' }))).toThrow("Hash 'crc32' is not supported");
    expect(() => takeLuksAmendOptions({}, secret)).toThrow("Parameter 'state' is missing");
  });

  it('that make no cipher fail before anything is written', async () => {
    const create = takeLuksCreateOptions(new OptionBag({ ...FAST, 'cipher-mode': 'cbc', 'ivgen-alg': 'essiv', 'ivgen-hash-alg': 'sha1' }));
    const store = new MemoryStore(new Uint8Array(luksHeaderLength(create)));
    await expect(luksCreate(store, create, secret('first'))).rejects.toThrow(/does not give a key/);
    expect(store.bytes.every((byte) => byte === 0)).toBe(true);
  });
});

describe('key slots', () => {
  it('take a second passphrase, and lose the first', async () => {
    const { store, volume } = await newVolume();
    await luksAmend(store, volume, amendment({ state: 'active', 'old-secret': 'first', 'new-secret': 'second' }), false);
    const data = volume.cipher?.encrypt(new Uint8Array(512), 0) ?? new Uint8Array();
    expect((await luksOpen(store, secret('second'))).cipher?.decrypt(data, 0)).toEqual(new Uint8Array(512));
    await luksAmend(store, volume, amendment({ state: 'inactive', 'old-secret': 'first' }), false);
    await expect(luksOpen(store, secret('first'))).rejects.toThrow('Invalid password');
    await luksOpen(store, secret('second'));
  });

  it('take a passphrase with the key the volume was opened with, into a slot of choice', async () => {
    const { store, volume } = await newVolume();
    await luksAmend(store, volume, amendment({ state: 'active', keyslot: 5, 'new-secret': 'second' }), false);
    expect(volume.header.slots.map((slot) => slot.isActive)).toEqual([true, false, false, false, false, true, false, false]);
    await luksOpen(store, secret('second'));
    await luksAmend(store, volume, amendment({ state: 'inactive', keyslot: 5 }), false);
    await expect(luksOpen(store, secret('second'))).rejects.toThrow('Invalid password');
  });

  it.each<[string, BlockOptions, RegExp]>([
    ['a slot that does not exist', { state: 'active', keyslot: 8, 'new-secret': 'second' }, /Invalid keyslot 8. Keyslot must be between 0 and 7/],
    ['no new passphrase', { state: 'active' }, /'new-secret' is required/],
    ['a wrong old passphrase', { state: 'active', 'old-secret': 'wrong', 'new-secret': 'second' }, /Invalid password/],
    ['a slot in use', { state: 'active', keyslot: 0, 'new-secret': 'second' }, /Refusing to overwrite active keyslot 0/],
    ['a new passphrase to erase', { state: 'inactive', 'new-secret': 'second' }, /must not be given/],
    ['nothing said to erase', { state: 'inactive' }, /either explicit keyslot index or the password/],
    ['no slot that matches', { state: 'inactive', 'old-secret': 'wrong' }, /No keyslots match given/],
    ['a slot with another passphrase', { state: 'inactive', keyslot: 0, 'old-secret': 'wrong' }, /keyslot 0 doesn't contain the given/],
    ['a slot already erased', { state: 'inactive', keyslot: 3 }, /keyslot 3 is already erased/],
    ['the only active slot', { state: 'inactive', keyslot: 0 }, /only active keyslot 0 which will erase all the data/],
    ['all active slots', { state: 'inactive', 'old-secret': 'first' }, /All the active keyslots match/],
  ])('refuse %s', async (_case, options, message) => {
    const { store, volume } = await newVolume();
    await expect(luksAmend(store, volume, amendment(options), false)).rejects.toThrow(message);
    await luksOpen(store, secret('first'));
  });

  it('give up the last passphrase by force only', async () => {
    const { store, volume } = await newVolume();
    await luksAmend(store, volume, amendment({ state: 'inactive', keyslot: 0 }), true);
    await expect(luksOpen(store, secret('first'))).rejects.toThrow('Invalid password');
  });

  it('are all in use after eight passphrases', async () => {
    const { store, volume } = await newVolume();
    for (let slot = 1; slot < 8; slot++) await luksAmend(store, volume, amendment({ state: 'active', 'new-secret': 'second' }), false);
    await expect(luksAmend(store, volume, amendment({ state: 'active', 'new-secret': 'second' }), false)).rejects.toThrow('all keyslots are in use');
  });
});

describe.skipIf(!hasQemuImg)('with qemu-img', () => {
  let folder = '';
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'luks-'));
    fs.writeFileSync(path.join(folder, 'key'), secret('first'));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));
  const secretObject = (): string => `secret,id=key,file=${path.join(folder, 'key')}`;
  const image = (): string => `driver=luks,key-secret=key,file.filename=${path.join(folder, 'image')}`;

  it.each<[string, BlockOptions]>([
    ['the default cipher', {}],
    ['aes-128 xts', { 'cipher-alg': 'aes-128' }],
    ['cbc with essiv', { 'cipher-alg': 'aes-256', 'cipher-mode': 'cbc', 'ivgen-alg': 'essiv', 'ivgen-hash-alg': 'sha256', 'hash-alg': 'sha1' }],
    ['cbc with short sector numbers', { 'cipher-alg': 'aes-128', 'cipher-mode': 'cbc', 'ivgen-alg': 'plain', 'hash-alg': 'sha512' }],
  ])('reads what this block layer wrote: %s', async (_case, options) => {
    const { store, volume } = await newVolume(options);
    const plain = Buffer.alloc(65536, 0x5a);
    fs.writeFileSync(path.join(folder, 'image'), Buffer.concat([store.bytes, volume.cipher?.encrypt(plain, 0) ?? plain]));
    expect(qemuIo('--object', secretObject(), '--image-opts', '-c', 'read -P 0x5a 0 65536', image())).toMatch(/read 65536\/65536 bytes/);
    const info = JSON.parse(qemuImg('info', '--output=json', '--object', secretObject(), '--image-opts', image())) as { 'format-specific': { data: object } };
    expect(luksInfo(volume)).toEqual(info['format-specific'].data);
  });

  it('does not mind a key length that fills no whole sectors', async () => {
    const { store } = await newVolume({ 'cipher-alg': 'aes-192', 'cipher-mode': 'cbc' });
    await luksOpen(store, secret('first'));
  });

  it.each<[string, string]>([
    ['the default cipher', 'iter-time=10'],
    ['cbc with essiv', 'iter-time=10,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256'],
  ])('wrote what this block layer reads: %s', async (_case, options) => {
    const file = path.join(folder, 'image');
    qemuCreateLuks('--object', secretObject(), '-o', `key-secret=key,${options}`, file, '1M');
    qemuIo('--object', secretObject(), '--image-opts', '-c', 'write -P 0xa5 512K 64K', image());
    const content = fs.readFileSync(file);
    const volume = await luksOpen(new MemoryStore(content), secret('first'));
    const start = volume.payloadOffset + 524288;
    expect(Buffer.from(volume.cipher?.decrypt(content.subarray(start, start + 65536), 1024) ?? [])).toEqual(Buffer.alloc(65536, 0xa5));
  });
});
