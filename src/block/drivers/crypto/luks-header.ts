/**
 * The header of LUKS version 1 on disk.
 *
 * In: bytes. Out: a checked {@link LuksHeader}; and back. Leaves to others: keys (`luks.ts`).
 * Source: LUKS on-disk format specification 1.2.3. All numbers are big-endian, offsets in sectors of 512 bytes.
 */
import { getHashes } from 'node:crypto';
import { divideUp, rangesOverlap } from '../../model/arithmetic.ts';
import { blockError } from '../../model/errors.ts';
import { keyLengthOf, type CipherAlgorithm, type CipherMode, type CipherSpec, type IvGenerator } from './cipher.ts';

export const LUKS_HEADER_BYTES = 592;
export const LUKS_SLOTS = 8;
export const LUKS_STRIPES = 4000;
const SECTOR = 512;
const MAGIC = Buffer.from('LUKS\xba\xbe', 'latin1');
const SLOT_START = 208;
const SLOT_BYTES = 48;
const SLOT_ACTIVE = 0x00ac71f3;
const SLOT_INACTIVE = 0x0000dead;
const SALT_BYTES = 32;
export const LUKS_DIGEST_BYTES = 20;
/** Where the first key slot's material starts, and what it is aligned to. */
const KEY_MATERIAL_ALIGNMENT = 4096;

const ALGORITHM_NAMES = ['aes'];
const MODES: readonly CipherMode[] = ['xts', 'cbc'];
const IV_GENERATORS: readonly IvGenerator[] = ['plain', 'plain64', 'essiv'];
const KNOWN_HASHES = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'ripemd160'];

/** A place for the master key, encrypted with a key made of a passphrase. */
export interface LuksSlot {
  isActive: boolean;
  iterations: number;
  salt: Uint8Array;
  /** Sectors. */
  readonly keyOffset: number;
  readonly stripes: number;
}

export interface LuksHeader {
  readonly cipher: CipherSpec;
  readonly hash: string;
  /** Sectors. */
  readonly payloadOffset: number;
  readonly keyBytes: number;
  masterKeyDigest: Uint8Array;
  masterKeySalt: Uint8Array;
  masterKeyIterations: number;
  readonly uuid: string;
  readonly slots: LuksSlot[];
}

/** Whether bytes start like a LUKS version 1 header. @common */
export function looksLikeLuks(bytes: Uint8Array): boolean {
  return bytes.length >= 8 && MAGIC.equals(bytes.subarray(0, 6)) && bytes[6] === 0 && bytes[7] === 1;
}

/** @throws BlockError `EINVAL` that says what is wrong, `ENOTSUP` for what is not built in @common */
export function parseLuksHeader(bytes: Uint8Array): LuksHeader {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (buffer.length < LUKS_HEADER_BYTES || !MAGIC.equals(buffer.subarray(0, 6))) throw blockError('EINVAL', 'Volume is not in LUKS format');
  const version = buffer.readUInt16BE(6);
  if (version !== 1) throw blockError('ENOTSUP', `LUKS version ${version} is not supported`);
  const keyBytes = buffer.readUInt32BE(108);
  const hash = knownHash(text(buffer, 72, 32));
  const header: LuksHeader = {
    cipher: parseCipher(text(buffer, 8, 32), text(buffer, 40, 32), keyBytes),
    hash,
    payloadOffset: buffer.readUInt32BE(104),
    keyBytes,
    masterKeyDigest: copyOf(buffer, 112, LUKS_DIGEST_BYTES),
    masterKeySalt: copyOf(buffer, 132, SALT_BYTES),
    masterKeyIterations: buffer.readUInt32BE(164),
    uuid: text(buffer, 168, 40),
    slots: Array.from({ length: LUKS_SLOTS }, (_, index) => parseSlot(buffer, index)),
  };
  checkHeader(header);
  return header;
}

/** @common */
export function serializeLuksHeader(header: LuksHeader): Uint8Array {
  const buffer = Buffer.alloc(LUKS_HEADER_BYTES);
  MAGIC.copy(buffer);
  buffer.writeUInt16BE(1, 6);
  buffer.write('aes', 8, 'latin1');
  buffer.write(modeName(header.cipher), 40, 'latin1');
  buffer.write(header.hash, 72, 'latin1');
  buffer.writeUInt32BE(header.payloadOffset, 104);
  buffer.writeUInt32BE(header.keyBytes, 108);
  buffer.set(header.masterKeyDigest, 112);
  buffer.set(header.masterKeySalt, 132);
  buffer.writeUInt32BE(header.masterKeyIterations, 164);
  buffer.write(header.uuid, 168, 'latin1');
  for (const [index, slot] of header.slots.entries()) {
    const start = SLOT_START + index * SLOT_BYTES;
    buffer.writeUInt32BE(slot.isActive ? SLOT_ACTIVE : SLOT_INACTIVE, start);
    buffer.writeUInt32BE(slot.iterations, start + 4);
    buffer.set(slot.salt, start + 8);
    buffer.writeUInt32BE(slot.keyOffset, start + 40);
    buffer.writeUInt32BE(slot.stripes, start + 44);
  }
  return buffer;
}

/** Where the slots and the data of a new volume are: slots aligned to 4 KiB, all of equal length. Sectors. @common */
export function luksLayout(keyBytes: number): { readonly slotOffsets: number[]; readonly payloadOffset: number } {
  const alignment = KEY_MATERIAL_ALIGNMENT / SECTOR;
  const slotSectors = divideUp(divideUp(keyBytes * LUKS_STRIPES, SECTOR), alignment) * alignment;
  const slotOffsets = Array.from({ length: LUKS_SLOTS }, (_, index) => alignment + index * slotSectors);
  return { slotOffsets, payloadOffset: alignment + LUKS_SLOTS * slotSectors };
}

/** The hash's name, if it is built in. @throws BlockError `ENOTSUP` @common */
export function knownHash(name: string): string {
  if (!KNOWN_HASHES.includes(name) || !getHashes().includes(name)) throw blockError('ENOTSUP', `Hash '${name}' is not supported`);
  return name;
}

function parseSlot(buffer: Buffer, index: number): LuksSlot {
  const start = SLOT_START + index * SLOT_BYTES;
  const state = buffer.readUInt32BE(start);
  if (state !== SLOT_ACTIVE && state !== SLOT_INACTIVE) throw blockError('EINVAL', `Keyslot ${index} state is corrupted (not active or inactive)`);
  return {
    isActive: state === SLOT_ACTIVE,
    iterations: buffer.readUInt32BE(start + 4),
    salt: copyOf(buffer, start + 8, SALT_BYTES),
    keyOffset: buffer.readUInt32BE(start + 40),
    stripes: buffer.readUInt32BE(start + 44),
  };
}

/** `xts-plain64` and the like. @io */
function parseCipher(algorithmName: string, mode: string, keyBytes: number): CipherSpec {
  const match = /^([a-z]+)(?:-([a-z0-9]+)(?::([a-z0-9]+))?)?$/.exec(mode);
  const cipherMode = MODES.find((one) => one === match?.[1]);
  if (!ALGORITHM_NAMES.includes(algorithmName) || cipherMode === undefined) throw blockError('ENOTSUP', `Cipher '${algorithmName}' with mode '${mode}' is not supported`);
  const ivgen = IV_GENERATORS.find((one) => one === match?.[2]);
  if (ivgen === undefined) throw blockError('ENOTSUP', `IV generator '${match?.[2] ?? ''}' is not supported`);
  const ivHash = ivgen === 'essiv' ? knownHash(match?.[3] ?? '') : null;
  const bits = (cipherMode === 'xts' ? keyBytes / 2 : keyBytes) * 8;
  const algorithm = (['aes-128', 'aes-192', 'aes-256'] as CipherAlgorithm[]).find((one) => one === `aes-${bits}`);
  if (algorithm === undefined) throw blockError('ENOTSUP', `A key of ${keyBytes} bytes is not supported for '${algorithmName}' with mode '${mode}'`);
  return { algorithm, mode: cipherMode, ivgen, ivHash };
}

/** @io */
function modeName(cipher: CipherSpec): string {
  return `${cipher.mode}-${cipher.ivgen}${cipher.ivHash === null ? '' : `:${cipher.ivHash}`}`;
}

/** @io */
function checkHeader(header: LuksHeader): void {
  if (header.keyBytes !== keyLengthOf(header.cipher)) throw blockError('EINVAL', 'The key length does not fit the cipher');
  if (header.masterKeyIterations === 0) throw blockError('EINVAL', 'LUKS key iteration count is zero');
  const areas = header.slots.map((slot, index) => slotArea(header, slot, index));
  for (const [index, area] of areas.entries()) {
    if (areas.slice(0, index).some((other) => rangesOverlap(area.start, area.sectors, other.start, other.sectors))) {
      throw blockError('EINVAL', `Keyslot ${index} overlaps another keyslot`);
    }
  }
}

function slotArea(header: LuksHeader, slot: LuksSlot, index: number): { start: number; sectors: number } {
  if (slot.stripes !== LUKS_STRIPES) throw blockError('EINVAL', `Keyslot ${index} is corrupted (stripes ${slot.stripes} != ${LUKS_STRIPES})`);
  if (slot.isActive && slot.iterations === 0) throw blockError('EINVAL', `Keyslot ${index} iteration count is zero`);
  const sectors = divideUp(header.keyBytes * slot.stripes, SECTOR);
  if (slot.keyOffset < divideUp(LUKS_HEADER_BYTES, SECTOR)) throw blockError('EINVAL', `Keyslot ${index} is overlapping with the LUKS header`);
  if (slot.keyOffset + sectors > header.payloadOffset) throw blockError('EINVAL', `Keyslot ${index} is overlapping with the encrypted payload`);
  return { start: slot.keyOffset, sectors };
}

/** @io */
function text(buffer: Buffer, start: number, length: number): string {
  const field = buffer.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end < 0 ? length : end);
}

/** @io */
function copyOf(buffer: Buffer, start: number, length: number): Uint8Array {
  return new Uint8Array(buffer.subarray(start, start + length));
}
