/**
 * Encryption of guest data, as the rest of the driver sees it.
 *
 * In: data and where it lies. Out: the same, encrypted or not. Leaves to others: keys and ciphers (`../crypto/`).
 */

import { alignUp } from '../../model/arithmetic.ts';
import { blockError } from '../../model/errors.ts';
import type { OptionBag } from '../../model/options.ts';
import { bdrvCoPread } from '../../requests/read.ts';
import { bdrvCoPwrite } from '../../requests/write.ts';
import { sectorCipher, type SectorCipher } from '../crypto/cipher.ts';
import { luksCreate, luksHeaderLength, luksInfo, luksOpen, LUKS_SECTOR, type HeaderStore, type LuksCreateOptions, type LuksVolume } from '../crypto/luks.ts';
import { secretLookup } from '../crypto/secrets.ts';
import { allocateClusters } from './allocate.ts';
import { CRYPT_AES, CRYPT_LUKS, CRYPT_NONE } from './header.ts';
import { checkWriteOverlap } from './overlap.ts';
import { fileOf, type Qcow2State } from './state.ts';
import { changeHeader } from './update-header.ts';

/** Where data lies: initial vectors follow from the one or the other. */
export interface DataPlace {
  readonly host: number;
  readonly guest: number;
}

/** Encryption of an open image. */
export interface EncryptedPayload {
  /** Encrypts a copy. */
  encrypt(place: DataPlace, data: Uint8Array): Uint8Array;
  decrypt(place: DataPlace, data: Uint8Array): Uint8Array;
  /** `null` for the old form, which has no header. */
  readonly volume: LuksVolume | null;
  /** What `info` shows. */
  info(): Record<string, unknown>;
}

/** The LUKS header within the image. @io */
export function cryptoStore(s: Qcow2State): HeaderStore {
  const place = (offset: number, bytes: number): number => {
    const header = s.extensions.cryptoHeader;
    if (!header || offset + bytes > header.length) throw blockError('EINVAL', `Request for data outside of the encryption header (${offset}+${bytes})`);
    return header.offset + offset;
  };
  return {
    async read(offset, bytes) {
      const buffer = Buffer.alloc(bytes);
      await bdrvCoPread(fileOf(s), place(offset, bytes), buffer, 0);
      return buffer;
    },
    write: (offset, data) => bdrvCoPwrite(fileOf(s), place(offset, data.length), data, 0),
  };
}

/** Opens the encryption that the header tells of. `needsKey`: data will be read or written. */
export async function openEncryption(s: Qcow2State, bag: OptionBag, needsKey: boolean): Promise<void> {
  const format = bag.takeChoice('encrypt.format', ['aes', 'luks'] as const);
  const secret = bag.takeString('encrypt.key-secret');
  const method = s.header.cryptMethod;
  if (method === CRYPT_NONE) {
    if (format !== undefined) throw blockError('EINVAL', "No encryption in image header, but options specified format '" + format + "'");
    return;
  }
  const expected = method === CRYPT_AES ? 'aes' : 'luks';
  if (format !== undefined && format !== expected) throw blockError('EINVAL', `Header reported '${expected}' encryption format but options specify '${format}'`);
  if (needsKey && secret === undefined) throw blockError('EINVAL', "Parameter 'encrypt.key-secret' is required for cipher");
  const passphrase = secret === undefined || !needsKey ? null : secretLookup(secret);
  s.encryption = method === CRYPT_LUKS ? await openLuks(s, passphrase) : openAes(passphrase);
}

async function openLuks(s: Qcow2State, passphrase: Uint8Array | null): Promise<EncryptedPayload> {
  if (!s.extensions.cryptoHeader) throw blockError('EINVAL', 'Encryption header is missing');
  const volume = await luksOpen(cryptoStore(s), passphrase);
  return payload(volume.cipher, (place) => place.host, volume, () => ({ format: 'luks', ...luksInfo(volume) }));
}

/** The old form: one key, made of the passphrase as it is; weak, and only for images that have it already. */
function openAes(passphrase: Uint8Array | null): EncryptedPayload {
  const cipher = passphrase === null ? null : sectorCipher({ algorithm: 'aes-128', mode: 'cbc', ivgen: 'plain64', ivHash: null }, Buffer.concat([passphrase], 16));
  return payload(cipher, (place) => place.guest, null, () => ({ format: 'aes' }));
}

function payload(
  cipher: SectorCipher | null, offsetOf: (place: DataPlace) => number, volume: LuksVolume | null, info: () => Record<string, unknown>,
): EncryptedPayload {
  const unlocked = (): SectorCipher => {
    if (cipher === null) throw blockError('EIO', 'The image was opened without its passphrase');
    return cipher;
  };
  return {
    volume, info,
    encrypt: (place, data) => unlocked().encrypt(data, offsetOf(place) / LUKS_SECTOR),
    decrypt: (place, data) => unlocked().decrypt(data, offsetOf(place) / LUKS_SECTOR),
  };
}

/** Makes the encryption of a new image: a LUKS header in clusters of its own. @io @coroutine */
export async function createEncryption(s: Qcow2State, options: LuksCreateOptions, keySecret: string): Promise<void> {
  const length = luksHeaderLength(options);
  const offset = await allocateClusters(s, length);
  s.extensions.cryptoHeader = { offset, length };
  // Whole clusters are written, so that what is read back is never beyond the end of the file.
  await checkWriteOverlap(s, offset, alignUp(length, s.clusterSize));
  await bdrvCoPwrite(fileOf(s), offset, Buffer.alloc(alignUp(length, s.clusterSize)), 0);
  await luksCreate(cryptoStore(s), options, secretLookup(keySecret));
  await changeHeader(s, { cryptMethod: CRYPT_LUKS });
}
