/**
 * `luks`: a disk whose data is encrypted, with a LUKS version 1 header in front of it.
 *
 * In: the option `key-secret`; requests of plain data. Out: a driver table. Leaves to others: the volume itself (`crypto/luks.ts`).
 *
 * Key slots are changed in three parts: the pre-run slot takes exclusive write access to the header, the body changes it, the clean slot
 * gives the access back. The body alone is I/O code; so it never touches permissions.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkNewWithBs, blkUnref } from '../backend/registry.ts';
import { blkRoot } from '../backend/root.ts';
import { runCoWrapper } from '../contexts/poll.ts';
import { childOfBds } from '../graph/child-of-bds.ts';
import { bdrvUnref } from '../graph/nodes.ts';
import { bdrvDefaultPerms } from '../graph/permission-rules.ts';
import { bdrvChildRefreshPerms } from '../graph/permissions.ts';
import { alignUp } from '../model/arithmetic.ts';
import {
  BDRV_CHILD_IMAGE, BDRV_O_NO_IO, BDRV_O_PROTOCOL, BDRV_O_RDWR, BDRV_O_RESIZE, BDRV_REQ_FUA, BDRV_SECTOR_SIZE, BLK_PERM_CONSISTENT_READ, BLK_PERM_RESIZE,
  BLK_PERM_ALL, BLK_PERM_WRITE, type BdrvRequestFlags, type OpenFlags,
} from '../model/constants.ts';
import type { BlockDriver, BlockdevAmendOptions, BlockdevCreateOptions, CreationOptions, PreallocMode } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import { IoVector } from '../model/io-vector.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { OptionBag, type BlockOptions, type OptionDescription } from '../model/options.ts';
import { bdrvCoDeleteFileNoerr, bdrvCreateFile } from '../open/create.ts';
import { bdrvOpen, bdrvOpenBlockdevRef, bdrvOpenChild } from '../open/open.ts';
import { bdrvGetInfo } from '../open/queries.ts';
import { bdrvGetlength } from '../requests/length.ts';
import { bdrvCoPread, bdrvCoPreadv } from '../requests/read.ts';
import { bdrvCoTruncate } from '../requests/truncate.ts';
import { bdrvCoPwrite, bdrvCoPwritev } from '../requests/write.ts';
import {
  LUKS_SECTOR, luksAmend, luksAmendOpts, luksCreate, luksCreateOpts, luksHeaderLength, luksInfo, luksOpen, takeLuksAmendOptions, takeLuksCreateOptions,
  type HeaderStore, type LuksCreateOptions, type LuksVolume,
} from './crypto/luks.ts';
import { looksLikeLuks } from './crypto/luks-header.ts';
import type { SectorCipher } from './crypto/cipher.ts';
import { secretLookup } from './crypto/secrets.ts';
import { childOf, nodeBelow } from './children.ts';

/** The state of a node. */
interface LuksNode {
  readonly volume: LuksVolume;
  /** Key slots are being changed: nobody else may read or write the file. */
  updatingKeys: boolean;
}

/** Longest run of bytes that is encrypted at once: bounds the memory a request takes. */
const CHUNK = 2 ** 20;
const PREALLOC_MODES = ['off', 'metadata', 'falloc', 'full'] as const;

const createOpts: readonly OptionDescription[] = [
  { name: 'size', type: 'size', help: 'Virtual disk size' },
  { name: 'preallocation', type: 'string', help: 'Preallocation mode (allowed values: off, metadata, falloc, full)' },
  ...luksCreateOpts,
];

function nodeStateOf(bs: BlockDriverState): LuksNode {
  return bs.opaque as LuksNode;
}

/** @throws BlockError `EIO` where the node was opened without its passphrase */
function cipherOf(bs: BlockDriverState): SectorCipher {
  const { cipher } = nodeStateOf(bs).volume;
  if (cipher === null) throw blockError('EIO', 'The image was opened without its passphrase');
  return cipher;
}

/** The header, for code inside of coroutines. */
function coroutineStore(child: BdrvChild): HeaderStore {
  return {
    async read(offset, bytes) {
      const buffer = new Uint8Array(bytes);
      await bdrvCoPread(child, offset, buffer, 0);
      return buffer;
    },
    write: (offset, data) => bdrvCoPwrite(child, offset, data, 0),
  };
}

/** @globalState */
async function openLuks(bs: BlockDriverState, options: BlockOptions, flags: OpenFlags): Promise<void> {
  GLOBAL_STATE_CODE('openLuks');
  await bdrvOpenChild(null, options, 'file', bs, childOfBds, BDRV_CHILD_IMAGE, false);
  const bag = new OptionBag(options);
  bag.takeChoice('format', ['luks']);
  const keySecret = bag.takeString('key-secret');
  const needsKey = (flags & BDRV_O_NO_IO) === 0;
  if (needsKey && keySecret === undefined) throw blockError('EINVAL', "Parameter 'key-secret' is required for cipher");
  const child = childOf(bs);
  const volume = await runCoWrapper(bs.aioContext, () => luksOpen(coroutineStore(child), keySecret === undefined ? null : secretLookup(keySecret)));
  bs.opaque = { volume, updatingKeys: false } satisfies LuksNode;
  bs.encrypted = true;
  bs.supportedWriteFlags = BDRV_REQ_FUA & nodeBelow(bs).supportedWriteFlags;
}

async function read(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector): Promise<void> {
  const cipher = cipherOf(bs);
  const { payloadOffset } = nodeStateOf(bs).volume;
  for (let done = 0; done < bytes; done += CHUNK) {
    const stored = new Uint8Array(Math.min(CHUNK, bytes - done));
    await bdrvCoPreadv(childOf(bs), payloadOffset + offset + done, stored.length, IoVector.of(stored), 0);
    qiov.copyFrom(cipher.decrypt(stored, (offset + done) / LUKS_SECTOR), done);
  }
}

async function write(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, flags: BdrvRequestFlags): Promise<void> {
  const cipher = cipherOf(bs);
  const { payloadOffset } = nodeStateOf(bs).volume;
  for (let done = 0; done < bytes; done += CHUNK) {
    const length = Math.min(CHUNK, bytes - done);
    const stored = cipher.encrypt(qiov.slice(done, length).flatten(), (offset + done) / LUKS_SECTOR);
    await bdrvCoPwritev(childOf(bs), payloadOffset + offset + done, length, IoVector.of(stored), flags);
  }
}

/** What `blockdev-create` and image creation by name do alike: a volume for `size` bytes on an open node. @globalState @coroutine */
async function createOn(bs: BlockDriverState, size: number, prealloc: PreallocMode, options: LuksCreateOptions, passphrase: Uint8Array): Promise<void> {
  GLOBAL_STATE_CODE('createOn');
  const blk = await blkNewWithBs(bs, BLK_PERM_WRITE | BLK_PERM_RESIZE, BLK_PERM_ALL);
  try {
    const root = blkRoot(blk);
    if (root === null) throw blockError('ENOMEDIUM', 'The node of the new image is gone');
    await bdrvCoTruncate(root, luksHeaderLength(options) + size, false, prealloc, 0);
    await luksCreate(coroutineStore(root), options, passphrase);
  } finally {
    await blkUnref(blk);
  }
}

/** Options of a new image: those of the volume, and what its length and space are. */
function takeCreation(bag: OptionBag): { size: number; prealloc: PreallocMode; options: LuksCreateOptions; passphrase: Uint8Array } {
  const prealloc = bag.takeChoice('preallocation', PREALLOC_MODES) ?? 'off';
  const keySecret = bag.takeString('key-secret');
  const size = alignUp(bag.takeSize('size') ?? 0, BDRV_SECTOR_SIZE);
  const options = takeLuksCreateOptions(bag);
  if (keySecret === undefined) throw blockError('EINVAL', "Parameter 'key-secret' is required for cipher");
  // There is no metadata beside the header, which is always written.
  return { size, prealloc: prealloc === 'metadata' ? 'off' : prealloc, options, passphrase: secretLookup(keySecret) };
}

/** @globalState @coroutine */
async function createByOptions(options: BlockdevCreateOptions): Promise<void> {
  GLOBAL_STATE_CODE('createByOptions');
  const bag = new OptionBag({ ...options });
  bag.take('driver');
  const file = bag.has('file') ? (bag.takeString('file') ?? '') : bag.takeSubtree('file');
  const creation = takeCreation(bag);
  bag.refuseRest('luks');
  const bs = await bdrvOpenBlockdevRef(file);
  try {
    await createOn(bs, creation.size, creation.prealloc, creation.options, creation.passphrase);
  } finally {
    await bdrvUnref(bs);
  }
}

/** @globalState @coroutine */
async function createByName(filename: string, options: CreationOptions): Promise<void> {
  GLOBAL_STATE_CODE('createByName');
  const creation = takeCreation(new OptionBag({ ...options }));
  await bdrvCreateFile(filename, { ...options, size: 0, preallocation: 'off' });
  const bs = await bdrvOpen(filename, null, null, BDRV_O_RDWR | BDRV_O_RESIZE | BDRV_O_PROTOCOL);
  try {
    await createOn(bs, creation.size, creation.prealloc, creation.options, creation.passphrase);
  } catch (error) {
    await bdrvCoDeleteFileNoerr(bs);
    throw error;
  } finally {
    await bdrvUnref(bs);
  }
}

/** @globalState */
function beginKeyUpdate(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('beginKeyUpdate');
  const state = nodeStateOf(bs);
  state.updatingKeys = true;
  try {
    bdrvChildRefreshPerms(bs, childOf(bs));
  } catch (error) {
    state.updatingKeys = false;
    throw error;
  }
}

/** @globalState */
function endKeyUpdate(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('endKeyUpdate');
  nodeStateOf(bs).updatingKeys = false;
  bdrvChildRefreshPerms(bs, childOf(bs));
}

/** The change itself. @io @coroutine */
async function updateKeys(bs: BlockDriverState, options: BlockOptions, force: boolean): Promise<void> {
  const { volume } = nodeStateOf(bs);
  await luksAmend(coroutineStore(childOf(bs)), volume, takeLuksAmendOptions(options, secretLookup), force);
}

/** @globalState */
async function amend(bs: BlockDriverState, options: BlockOptions, force: boolean): Promise<void> {
  GLOBAL_STATE_CODE('amend');
  beginKeyUpdate(bs);
  try {
    await runCoWrapper(bs.aioContext, () => updateKeys(bs, options, force));
  } finally {
    endKeyUpdate(bs);
  }
}

/** An encrypted disk. */
export const bdrvLuks: BlockDriver = {
  formatName: 'luks',
  isFormat: true,
  createOpts,
  amendOpts: luksAmendOpts,
  strongRuntimeOpts: ['key-secret'],

  bdrvOpen: openLuks,
  bdrvClose: () => Promise.resolve(),
  bdrvReopenPrepare: () => Promise.resolve(),
  bdrvCoCreate: createByOptions,
  bdrvCoCreateOpts: (_drv, filename, options) => createByName(filename, options),
  bdrvAmendOptions: (bs, options, _statusCb, force) => amend(bs, options, force),
  bdrvAmendPreRun: beginKeyUpdate,
  bdrvAmendClean: endKeyUpdate,
  bdrvRefreshLimits(bs) {
    bs.bl.requestAlignment = LUKS_SECTOR;
  },
  bdrvChildPerm(bs, c, role, queue, parentPerm, parentShared) {
    // Who reads consistently can't be opened beside somebody who changes the keys, not even with shared access forced.
    const perm = (bs.openFlags & BDRV_O_NO_IO) === 0 ? parentPerm | BLK_PERM_CONSISTENT_READ : parentPerm;
    const needed = bdrvDefaultPerms(bs, c, role, queue, perm, parentShared);
    // The header is written only while keys are updated: parents that share writes may do so with the file as well.
    const shared = needed.shared | (parentShared & (BLK_PERM_WRITE | BLK_PERM_RESIZE));
    const state = bs.opaque as LuksNode | null;
    if (state?.updatingKeys !== true) return { perm: needed.perm, shared };
    return { perm: needed.perm | BLK_PERM_WRITE, shared: shared & ~(BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE) };
  },

  bdrvProbe: (buffer) => (looksLikeLuks(buffer) ? 100 : 0),
  bdrvCoAmend(bs, options: BlockdevAmendOptions, force) {
    const change: BlockOptions = { ...options };
    Reflect.deleteProperty(change, 'driver');
    return updateKeys(bs, change, force);
  },
  bdrvCoPreadv: (bs, offset, bytes, qiov) => read(bs, offset, bytes, qiov),
  bdrvCoPwritev: write,
  bdrvCoTruncate: (bs, offset, exact, prealloc) => bdrvCoTruncate(childOf(bs), offset + nodeStateOf(bs).volume.payloadOffset, exact, prealloc, 0),
  async bdrvGetlength(bs) {
    const { payloadOffset } = nodeStateOf(bs).volume;
    const length = await bdrvGetlength(nodeBelow(bs));
    if (length < payloadOffset) throw blockError('EIO', 'The file is shorter than the LUKS header says');
    return length - payloadOffset;
  },
  async bdrvMeasure(options, inBs) {
    const bag = new OptionBag({ ...options });
    const size = inBs === null ? (bag.takeSize('size') ?? 0) : await bdrvGetlength(inBs);
    const required = alignUp(size, BDRV_SECTOR_SIZE) + luksHeaderLength(takeLuksCreateOptions(bag));
    return { required, fullyAllocated: required };
  },
  bdrvGetInfo: (bs) => bdrvGetInfo(nodeBelow(bs)),
  bdrvGetSpecificInfo: (bs) => ({ type: 'luks', data: luksInfo(nodeStateOf(bs).volume) }),
};
