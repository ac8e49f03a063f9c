/**
 * Ciphers of disk sectors: every sector is encrypted by itself, with its number mixed in.
 *
 * In: a key, whole sectors of 512 bytes, the number of the first. Out: new buffers. Leaves to others: where keys come from.
 *
 * XTS (IEEE 1619) is computed over all sectors of a request at once: `C = E1(P xor T) xor T`, where the tweak `T` of a sector's first
 * block is `E2(sector number)`, and that of each next block is the one before times x in GF(2^128). A cipher object for each sector would
 * cost more than the encryption: 176 MB/s against 574 MB/s, measured with 1 MiB requests.
 */
import { createCipheriv, createDecipheriv, createHash, type Cipher, type Decipher } from 'node:crypto';
import { blockError } from '../../model/errors.ts';

/** Bytes of a sector, for numbering: whatever the sectors of the disk are. */
export const CIPHER_SECTOR = 512;
const BLOCK = 16;
const WORDS_IN_SECTOR = CIPHER_SECTOR / 4;

export type CipherAlgorithm = 'aes-128' | 'aes-192' | 'aes-256';
export type CipherMode = 'xts' | 'cbc';
export type IvGenerator = 'plain' | 'plain64' | 'essiv';

/** How sectors are encrypted. */
export interface CipherSpec {
  readonly algorithm: CipherAlgorithm;
  readonly mode: CipherMode;
  /** How sectors are numbered. */
  readonly ivgen: IvGenerator;
  /** Only for `essiv`: makes its key of the master key. */
  readonly ivHash: string | null;
}

/** Encrypts and decrypts sectors with one key. */
export interface SectorCipher {
  encrypt(data: Uint8Array, firstSector: number): Uint8Array;
  decrypt(data: Uint8Array, firstSector: number): Uint8Array;
}

/** Bytes of the key that `spec` takes: XTS has two. @common */
export function keyLengthOf(spec: CipherSpec): number {
  const bytes = Number(spec.algorithm.slice('aes-'.length)) / 8;
  return spec.mode === 'xts' ? 2 * bytes : bytes;
}

/** @throws BlockError `EINVAL` where the key or the hash don't fit the cipher @common */
export function sectorCipher(spec: CipherSpec, key: Uint8Array): SectorCipher {
  if (key.length !== keyLengthOf(spec)) throw blockError('EINVAL', `A key of ${key.length} bytes does not fit ${spec.algorithm} ${spec.mode}`);
  const ivs = ivMaker(spec, key);
  return spec.mode === 'xts' ? xtsCipher(spec.algorithm, key, ivs) : cbcCipher(spec.algorithm, key, ivs);
}

/** Makes the initial values of `count` sectors, 16 bytes each. */
type IvMaker = (firstSector: number, count: number) => Buffer;

/** @io */
function ivMaker(spec: CipherSpec, key: Uint8Array): IvMaker {
  if (spec.ivgen === 'plain') return (first, count) => sectorNumbers(first, count, false);
  if (spec.ivgen !== 'essiv') return (first, count) => sectorNumbers(first, count, true);
  const salt = createHash(spec.ivHash ?? 'sha256').update(key).digest();
  if (![16, 24, 32].includes(salt.length)) throw blockError('EINVAL', `The hash ${spec.ivHash ?? ''} does not give a key for essiv`);
  const cipher = createCipheriv(`aes-${salt.length * 8}-ecb`, salt, null).setAutoPadding(false);
  return (first, count) => cipher.update(sectorNumbers(first, count, true));
}

function sectorNumbers(first: number, count: number, allBits: boolean): Buffer {
  const numbers = Buffer.alloc(count * BLOCK);
  for (let index = 0; index < count; index++) {
    numbers.writeUInt32LE((first + index) % 2 ** 32, index * BLOCK);
    if (allBits) numbers.writeUInt32LE(Math.floor((first + index) / 2 ** 32), index * BLOCK + 4);
  }
  return numbers;
}

function plainBlocks(cipher: Cipher | Decipher, data: Uint8Array): Uint8Array {
  cipher.setAutoPadding(false);
  return cipher.update(data);
}

/** @io */
function cbcCipher(algorithm: CipherAlgorithm, key: Uint8Array, ivs: IvMaker): SectorCipher {
  const name = `${algorithm}-cbc`;
  const each = (data: Uint8Array, firstSector: number, makeCipher: (iv: Uint8Array) => Cipher | Decipher): Uint8Array => {
    const result = new Uint8Array(data.length);
    const values = ivs(firstSector, data.length / CIPHER_SECTOR);
    for (let offset = 0, iv = 0; offset < data.length; offset += CIPHER_SECTOR, iv += BLOCK) {
      result.set(plainBlocks(makeCipher(values.subarray(iv, iv + BLOCK)), data.subarray(offset, offset + CIPHER_SECTOR)), offset);
    }
    return result;
  };
  return {
    encrypt: (data, first) => each(data, first, (iv) => createCipheriv(name, key, iv)),
    decrypt: (data, first) => each(data, first, (iv) => createDecipheriv(name, key, iv)),
  };
}

/** @io */
function xtsCipher(algorithm: CipherAlgorithm, key: Uint8Array, ivs: IvMaker): SectorCipher {
  const dataKey = key.subarray(0, key.length / 2);
  const tweakCipher = createCipheriv(`${algorithm}-ecb`, key.subarray(key.length / 2), null).setAutoPadding(false);
  const encryptor = createCipheriv(`${algorithm}-ecb`, dataKey, null).setAutoPadding(false);
  const decryptor = createDecipheriv(`${algorithm}-ecb`, dataKey, null).setAutoPadding(false);
  const run = (data: Uint8Array, firstSector: number, cipher: Cipher | Decipher): Uint8Array => {
    const tweaks = allTweaks(wordsOf(tweakCipher.update(ivs(firstSector, data.length / CIPHER_SECTOR))));
    const mixed = xor(wordsOf(data), tweaks);
    const result = wordsOf(cipher.update(new Uint8Array(mixed.buffer)));
    return new Uint8Array(xor(result, tweaks).buffer);
  };
  return { encrypt: (data, first) => run(data, first, encryptor), decrypt: (data, first) => run(data, first, decryptor) };
}

/** The bytes as words in the order of the host, which is that of the disk on every host that Node.js runs XTS on: little-endian. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}

/** The tweaks of all blocks, from the tweaks of the first block of each sector. */
function allTweaks(firstOfSectors: Uint32Array): Uint32Array {
  const sectors = firstOfSectors.length / 4;
  const tweaks = new Uint32Array(sectors * WORDS_IN_SECTOR);
  let position = 0;
  for (let sector = 0; sector < sectors; sector++) {
    let w0 = firstOfSectors[sector * 4] as number;
    let w1 = firstOfSectors[sector * 4 + 1] as number;
    let w2 = firstOfSectors[sector * 4 + 2] as number;
    let w3 = firstOfSectors[sector * 4 + 3] as number;
    for (let block = 0; block < CIPHER_SECTOR / BLOCK; block++) {
      tweaks[position] = w0;
      tweaks[position + 1] = w1;
      tweaks[position + 2] = w2;
      tweaks[position + 3] = w3;
      position += 4;
      // Times x: a shift of 128 bits to the left; what falls out comes back as x^7 + x^2 + x + 1.
      const carry = w3 >>> 31;
      w3 = (w3 << 1) | (w2 >>> 31);
      w2 = (w2 << 1) | (w1 >>> 31);
      w1 = (w1 << 1) | (w0 >>> 31);
      w0 = (w0 << 1) ^ (carry * 0x87);
    }
  }
  return tweaks;
}

function xor(words: Uint32Array, tweaks: Uint32Array): Uint32Array<ArrayBuffer> {
  const result = new Uint32Array(tweaks.length);
  for (let index = 0; index < result.length; index++) result[index] = (words[index] as number) ^ (tweaks[index] as number);
  return result;
}
