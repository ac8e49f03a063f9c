/**
 * LUKS version 1 volumes: make, open, encrypt and decrypt, change key slots.
 *
 * In: a place that holds the header ({@link HeaderStore}), a passphrase, options. Out: a {@link LuksVolume}. Leaves to others: where the
 * header is stored (a file of its own, or a part of a qcow2 image), secrets by name (`secrets.ts`), the format on disk (`luks-header.ts`).
 */
import { pbkdf2, randomBytes, randomUUID } from 'node:crypto';
import { hostOperation } from '../../contexts/coroutine.ts';
import { blockError, type BlockError } from '../../model/errors.ts';
import { OptionBag, type BlockOptions, type OptionDescription } from '../../model/options.ts';
import { afMerge, afSplit } from './anti-forensic.ts';
import { CIPHER_SECTOR, keyLengthOf, sectorCipher, type CipherSpec, type SectorCipher } from './cipher.ts';
import {
  knownHash, LUKS_DIGEST_BYTES, LUKS_HEADER_BYTES, LUKS_STRIPES, luksLayout, parseLuksHeader, serializeLuksHeader, type LuksHeader, type LuksSlot,
} from './luks-header.ts';

/** Where a volume's header and key material are. Offsets in bytes from its start. */
export interface HeaderStore {
  /** @io @coroutineMixed */
  read(offset: number, bytes: number): Promise<Uint8Array>;
  /** @io @coroutineMixed */
  write(offset: number, data: Uint8Array): Promise<void>;
}

/** How a new volume is encrypted. */
export interface LuksCreateOptions {
  readonly cipher: CipherSpec;
  readonly hash: string;
  /** Milliseconds that unlocking should take. */
  readonly iterTime: number;
}

/** A change of key slots. */
export interface LuksAmendOptions {
  readonly state: 'active' | 'inactive';
  /** `undefined`: the first free one, or those that `oldSecret` opens. */
  readonly keyslot: number | undefined;
  readonly oldSecret: Uint8Array | undefined;
  readonly newSecret: Uint8Array | undefined;
  readonly iterTime: number;
}

/** An open volume. */
export interface LuksVolume {
  readonly header: LuksHeader;
  /** Bytes from the header's start to the data. */
  readonly payloadOffset: number;
  /** `null`: opened without a passphrase, for information only; there is no cipher then. */
  readonly masterKey: Uint8Array | null;
  readonly cipher: SectorCipher | null;
}

/** Requests are whole sectors of this length. */
export const LUKS_SECTOR = CIPHER_SECTOR;

const DEFAULT_ITER_TIME = 2000;
/** Lower bounds of iterations, whatever the time: the specification's for key slots. */
const LEAST_ITERATIONS = 1000;
const MOST_ITERATIONS = 2 ** 32 - 1;
/** Milliseconds that a measurement takes at least. */
const MEASURED_TIME = 10;
/** The digest of the master key may take an eighth of the time of a passphrase. */
const DIGEST_SHARE = 8;

/** Options of a new volume, without the size. */
export const luksCreateOpts: readonly OptionDescription[] = [
  { name: 'key-secret', type: 'string', help: 'ID of the secret that provides the keyslot passphrase' },
  { name: 'cipher-alg', type: 'string', help: 'Name of encryption cipher algorithm', default: 'aes-256' },
  { name: 'cipher-mode', type: 'string', help: 'Name of encryption cipher mode', default: 'xts' },
  { name: 'ivgen-alg', type: 'string', help: 'Name of IV generator algorithm', default: 'plain64' },
  { name: 'ivgen-hash-alg', type: 'string', help: 'Name of IV generator hash algorithm' },
  { name: 'hash-alg', type: 'string', help: 'Name of encryption hash algorithm', default: 'sha256' },
  { name: 'iter-time', type: 'number', help: 'Time to spend in PBKDF in milliseconds', default: '2000' },
];

/** Options of a change of key slots. */
export const luksAmendOpts: readonly OptionDescription[] = [
  { name: 'state', type: 'string', help: 'Select new state of affected keyslots (active/inactive)' },
  { name: 'keyslot', type: 'number', help: 'Select a single keyslot to modify explicitly' },
  { name: 'old-secret', type: 'string', help: 'Select all keyslots that match this password' },
  { name: 'new-secret', type: 'string', help: 'New secret to set in the matching keyslots. Empty string to erase' },
  { name: 'iter-time', type: 'number', help: 'Time to spend in PBKDF in milliseconds', default: '2000' },
];

/** Takes the encryption options of a new volume. @throws BlockError `EINVAL` @common */
export function takeLuksCreateOptions(bag: OptionBag): LuksCreateOptions {
  const ivgen = bag.takeChoice('ivgen-alg', ['plain', 'plain64', 'essiv'] as const) ?? 'plain64';
  const ivHash = bag.takeString('ivgen-hash-alg');
  const cipher: CipherSpec = {
    algorithm: bag.takeChoice('cipher-alg', ['aes-128', 'aes-192', 'aes-256'] as const) ?? 'aes-256',
    mode: bag.takeChoice('cipher-mode', ['xts', 'cbc'] as const) ?? 'xts',
    ivgen,
    ivHash: ivgen === 'essiv' ? knownHash(ivHash ?? 'sha256') : null,
  };
  return { cipher, hash: knownHash(bag.takeString('hash-alg') ?? 'sha256'), iterTime: bag.takeSize('iter-time') ?? DEFAULT_ITER_TIME };
}

/**
 * Takes the options of a change of key slots; secrets are looked up by `lookup`.
 *
 * @throws BlockError `EINVAL`
 * @common
 * @runs lookup caller wait
 */
export function takeLuksAmendOptions(options: BlockOptions, lookup: (id: string) => Uint8Array): LuksAmendOptions {
  const bag = new OptionBag(options);
  const state = bag.takeChoice('state', ['active', 'inactive'] as const);
  const keyslot = bag.takeSize('keyslot');
  const secretOf = (name: string): Uint8Array | undefined => {
    const id = bag.takeString(name);
    return id === undefined ? undefined : lookup(id);
  };
  if (state === undefined) throw blockError('EINVAL', "Parameter 'state' is missing");
  return { state, keyslot, oldSecret: secretOf('old-secret'), newSecret: secretOf('new-secret'), iterTime: bag.takeSize('iter-time') ?? DEFAULT_ITER_TIME };
}

/** Bytes that header and key slots of a new volume take. @common */
export function luksHeaderLength(options: LuksCreateOptions): number {
  return luksLayout(keyLengthOf(options.cipher)).payloadOffset * CIPHER_SECTOR;
}

/**
 * Opens a volume. With no passphrase only its header is read.
 *
 * @throws BlockError `EPERM` if the passphrase opens no slot, `EINVAL` if the header is damaged
 * @io
 * @coroutineMixed
 */
export async function luksOpen(store: HeaderStore, passphrase: Uint8Array | null): Promise<LuksVolume> {
  const header = parseLuksHeader(await store.read(0, LUKS_HEADER_BYTES));
  if (passphrase === null) return volumeOf(header, null);
  const masterKey = await findMasterKey(store, header, passphrase);
  if (masterKey === null) throw blockError('EPERM', 'Invalid password, cannot unlock any keyslot');
  return volumeOf(header, masterKey);
}

/**
 * Makes a volume in `store`, which has room for {@link luksHeaderLength} bytes.
 *
 * @io
 * @coroutineMixed
 */
export async function luksCreate(store: HeaderStore, options: LuksCreateOptions, passphrase: Uint8Array): Promise<LuksVolume> {
  const keyBytes = keyLengthOf(options.cipher);
  const masterKey = randomBytes(keyBytes);
  // A cipher that can't be made is found before anything is written.
  sectorCipher(options.cipher, masterKey);
  const layout = luksLayout(keyBytes);
  const masterKeySalt = randomBytes(32);
  const masterKeyIterations = await iterationsFor(options.hash, options.iterTime / DIGEST_SHARE, LUKS_DIGEST_BYTES);
  const header: LuksHeader = {
    cipher: options.cipher, hash: options.hash, payloadOffset: layout.payloadOffset, keyBytes,
    masterKeyDigest: await derive(masterKey, masterKeySalt, masterKeyIterations, LUKS_DIGEST_BYTES, options.hash), masterKeySalt, masterKeyIterations,
    uuid: randomUUID(),
    slots: layout.slotOffsets.map((keyOffset) => ({ isActive: false, iterations: 0, salt: new Uint8Array(32), keyOffset, stripes: LUKS_STRIPES })),
  };
  const [first] = header.slots;
  if (first === undefined) throw blockError('EINVAL', 'The volume has no key slots');
  await fillSlot(store, header, first, masterKey, passphrase, options.iterTime);
  return volumeOf(header, masterKey);
}

/**
 * Adds a passphrase to a volume, or takes some away.
 *
 * @param force - does what would lose the data for good as well
 * @throws BlockError where the change is refused, `EPERM` where the old secret opens nothing
 * @io
 * @coroutineMixed
 */
export async function luksAmend(store: HeaderStore, volume: LuksVolume, options: LuksAmendOptions, force: boolean): Promise<void> {
  const { keyslot } = options;
  if (keyslot !== undefined && keyslot >= volume.header.slots.length) {
    throw blockError('EINVAL', `Invalid keyslot ${keyslot}. Keyslot must be between 0 and ${volume.header.slots.length - 1}`);
  }
  await (options.state === 'active' ? addPassphrase(store, volume, options, force) : erasePassphrases(store, volume.header, options, force));
}

/** What `qemu-img info` says of a volume. @common */
export function luksInfo(volume: LuksVolume): Record<string, unknown> {
  const { header } = volume;
  return {
    'ivgen-alg': header.cipher.ivgen,
    ...(header.cipher.ivHash === null ? {} : { 'ivgen-hash-alg': header.cipher.ivHash }),
    'hash-alg': header.hash,
    'cipher-alg': header.cipher.algorithm,
    uuid: header.uuid,
    'cipher-mode': header.cipher.mode,
    slots: header.slots.map((slot) => ({
      active: slot.isActive,
      ...(slot.isActive ? { iters: slot.iterations, stripes: slot.stripes } : {}),
      'key-offset': slot.keyOffset * CIPHER_SECTOR,
    })),
    'payload-offset': volume.payloadOffset,
    'master-key-iters': header.masterKeyIterations,
  };
}

/** @io */
function volumeOf(header: LuksHeader, masterKey: Uint8Array | null): LuksVolume {
  const cipher = masterKey === null ? null : sectorCipher(header.cipher, masterKey);
  return { header, payloadOffset: header.payloadOffset * CIPHER_SECTOR, masterKey, cipher };
}

/** PBKDF2 (PKCS #5, RFC 8018). */
function derive(secret: Uint8Array, salt: Uint8Array, iterations: number, bytes: number, hash: string): Promise<Uint8Array> {
  return hostOperation(
    new Promise<Uint8Array>((resolve, reject) => {
      pbkdf2(secret, salt, iterations, bytes, hash, (error, key) => (error === null ? resolve(key) : reject(error)));
    }),
  );
}

/** How many iterations take `milliseconds` here, at least the specification's minimum. */
async function iterationsFor(hash: string, milliseconds: number, bytes: number): Promise<number> {
  const secret = randomBytes(16);
  for (let iterations = LEAST_ITERATIONS; ; iterations *= 4) {
    const start = performance.now();
    await derive(secret, secret, iterations, bytes, hash);
    const took = performance.now() - start;
    if (took >= MEASURED_TIME) return Math.min(Math.max(Math.ceil((iterations / took) * milliseconds), LEAST_ITERATIONS), MOST_ITERATIONS);
  }
}

async function findMasterKey(store: HeaderStore, header: LuksHeader, passphrase: Uint8Array): Promise<Uint8Array | null> {
  for (const slot of header.slots) {
    const masterKey = slot.isActive ? await unlockSlot(store, header, slot, passphrase) : null;
    if (masterKey !== null) return masterKey;
  }
  return null;
}

/** The master key, or `null` where the passphrase is not this slot's. */
async function unlockSlot(store: HeaderStore, header: LuksHeader, slot: LuksSlot, passphrase: Uint8Array): Promise<Uint8Array | null> {
  const slotKey = await derive(passphrase, slot.salt, slot.iterations, header.keyBytes, header.hash);
  const material = await store.read(slot.keyOffset * CIPHER_SECTOR, materialLength(header, slot));
  const stripes = sectorCipher(header.cipher, slotKey).decrypt(material, 0);
  const masterKey = afMerge(stripes, header.keyBytes, slot.stripes, header.hash);
  const digest = await derive(masterKey, header.masterKeySalt, header.masterKeyIterations, LUKS_DIGEST_BYTES, header.hash);
  return Buffer.compare(digest, header.masterKeyDigest) === 0 ? masterKey : null;
}

async function fillSlot(store: HeaderStore, header: LuksHeader, slot: LuksSlot, masterKey: Uint8Array, passphrase: Uint8Array, iterTime: number): Promise<void> {
  const salt = randomBytes(32);
  const iterations = await iterationsFor(header.hash, iterTime, header.keyBytes);
  const slotKey = await derive(passphrase, salt, iterations, header.keyBytes, header.hash);
  const stripes = new Uint8Array(materialLength(header, slot));
  stripes.set(afSplit(masterKey, slot.stripes, header.hash));
  await store.write(slot.keyOffset * CIPHER_SECTOR, sectorCipher(header.cipher, slotKey).encrypt(stripes, 0));
  // The slot counts only once its material is there.
  Object.assign(slot, { isActive: true, iterations, salt });
  await store.write(0, serializeLuksHeader(header));
}

/** Bytes of a slot's material: whole sectors. */
function materialLength(header: LuksHeader, slot: LuksSlot): number {
  return Math.ceil((header.keyBytes * slot.stripes) / CIPHER_SECTOR) * CIPHER_SECTOR;
}

async function addPassphrase(store: HeaderStore, volume: LuksVolume, options: LuksAmendOptions, force: boolean): Promise<void> {
  if (options.newSecret === undefined) throw blockError('EINVAL', "'new-secret' is required to activate a keyslot");
  const { header } = volume;
  const slot = options.keyslot === undefined ? header.slots.find((one) => !one.isActive) : header.slots[options.keyslot];
  if (slot === undefined) throw blockError('EINVAL', "Can't add a keyslot - all keyslots are in use");
  if (slot.isActive && !force) throw blockError('EINVAL', `Refusing to overwrite active keyslot ${header.slots.indexOf(slot)} - please erase it first`);
  const masterKey = options.oldSecret === undefined ? volume.masterKey : await findMasterKey(store, header, options.oldSecret);
  if (masterKey === null) throw blockError('EPERM', 'Invalid password, cannot unlock any keyslot');
  await fillSlot(store, header, slot, masterKey, options.newSecret, options.iterTime);
}

async function erasePassphrases(store: HeaderStore, header: LuksHeader, options: LuksAmendOptions, force: boolean): Promise<void> {
  if (options.newSecret !== undefined) throw blockError('EINVAL', "'new-secret' must not be given when erasing keyslots");
  for (const slot of await slotsToErase(store, header, options, force)) await eraseSlot(store, header, slot);
}

async function slotsToErase(store: HeaderStore, header: LuksHeader, options: LuksAmendOptions, force: boolean): Promise<LuksSlot[]> {
  const { keyslot, oldSecret } = options;
  const active = header.slots.filter((slot) => slot.isActive);
  const matching: LuksSlot[] = [];
  if (oldSecret !== undefined) {
    for (const slot of keyslot === undefined ? active : active.filter((one) => header.slots.indexOf(one) === keyslot)) {
      if ((await unlockSlot(store, header, slot, oldSecret)) !== null) matching.push(slot);
    }
  }
  const slot = keyslot === undefined ? undefined : header.slots[keyslot];
  if (slot === undefined) {
    if (oldSecret === undefined) throw blockError('EINVAL', "To erase keyslot(s), either explicit keyslot index or the password currently contained in them must be given");
    if (matching.length === 0) throw blockError('EINVAL', 'No keyslots match given (old) password for erase operation');
  } else {
    if (oldSecret !== undefined && matching.length === 0) throw blockError('EINVAL', `The given keyslot ${keyslot ?? ''} doesn't contain the given (old) password so it can't be erased`);
    if (!slot.isActive && !force) throw blockError('EINVAL', `Given keyslot ${keyslot ?? ''} is already erased (inactive)`);
  }
  const erased = slot === undefined ? matching : [slot];
  if (!force && active.every((one) => erased.includes(one))) throw wouldLoseAll(keyslot);
  return erased;
}

function wouldLoseAll(keyslot: number | undefined): BlockError {
  const what = keyslot === undefined ? 'All the active keyslots match the (old) password that was given and erasing them' : `Attempt to erase the only active keyslot ${keyslot} which`;
  return blockError('EINVAL', `${what} will erase all the data in the image irreversibly - refusing operation`);
}

async function eraseSlot(store: HeaderStore, header: LuksHeader, slot: LuksSlot): Promise<void> {
  Object.assign(slot, { isActive: false, iterations: 0, salt: new Uint8Array(32) });
  await store.write(0, serializeLuksHeader(header));
  // Random bytes several times over: what is left on the medium must not give the old material away.
  for (let pass = 0; pass < 8; pass++) await store.write(slot.keyOffset * CIPHER_SECTOR, randomBytes(materialLength(header, slot)));
}
