/**
 * Changes of an image's options after it was created.
 *
 * In: options by the names of `qemu-img amend`. Out: the image has them, or is as before as far as the one change goes that failed.
 * Leaves to others: each change's own work.
 */
import { GLOBAL_STATE_CODE } from '../../../runtime/index.ts';
import { blkNewWithBs, blkUnref } from '../../backend/registry.ts';
import { blkTruncate } from '../../backend/wrappers.ts';
import { runCoWrapper } from '../../contexts/poll.ts';
import { BLK_PERM_ALL, BLK_PERM_RESIZE } from '../../model/constants.ts';
import type { BlockdevAmendOptions, BlockDriverAmendStatusCB } from '../../model/driver.ts';
import { blockError } from '../../model/errors.ts';
import type { BlockDriverState } from '../../model/node.ts';
import { OptionBag, type BlockOptions, type OptionDescription } from '../../model/options.ts';
import { bdrvGetlength } from '../../requests/length.ts';
import { luksAmend, luksAmendOpts, takeLuksAmendOptions } from '../crypto/luks.ts';
import { secretLookup } from '../crypto/secrets.ts';
import { versionOf } from './creation.ts';
import { cryptoStore } from './encryption.ts';
import { expandZeroClusters } from './expand-zeroes.ts';
import { AUTOCLEAR_RAW_DATA_FILE, COMPAT_LAZY_REFCOUNTS, hasFeature, INCOMPAT_DATA_FILE, INCOMPAT_DIRTY } from './header.ts';
import { settleImage } from './open.ts';
import { replaceRefcounts } from './refcount-structure.ts';
import { freeClusters, getRefcount } from './refcounts.ts';
import { clustersFor, fileOf, hasDataFile, isDataFileRaw, nodeAt, stateOf, type Qcow2State } from './state.ts';
import { changeBackingName, changeHeader, updateHeader } from './update-header.ts';

/** Options of `qemu-img amend -f qcow2`. */
export const qcow2AmendOpts: readonly OptionDescription[] = [
  { name: 'size', type: 'size', help: 'Virtual disk size' },
  { name: 'compat', type: 'string', help: 'Compatibility level (v2 [0.10] or v3 [1.1])' },
  { name: 'backing_file', type: 'string', help: 'File name of a base image' },
  { name: 'backing_fmt', type: 'string', help: 'Image format of the base image' },
  { name: 'data_file', type: 'string', help: 'File name of an external data file' },
  { name: 'data_file_raw', type: 'boolean', help: 'The external data file must stay valid as a raw image' },
  ...luksAmendOpts.map((option) => ({ ...option, name: `encrypt.${option.name}` })),
  { name: 'lazy_refcounts', type: 'boolean', help: 'Postpone refcount updates' },
  { name: 'refcount_bits', type: 'number', help: 'Width of a reference count entry in bits' },
];

/** What is to change; `undefined`: nothing. */
interface Changes {
  readonly size: number | undefined;
  readonly version: 2 | 3;
  readonly backingFile: string | undefined;
  readonly backingFormat: string | undefined;
  readonly dataFile: string | undefined;
  readonly dataFileRaw: boolean | undefined;
  readonly lazyRefcounts: boolean | undefined;
  readonly refcountBits: number;
  readonly keys: BlockOptions;
}

function takeChanges(s: Qcow2State, options: BlockOptions): Changes {
  const bag = new OptionBag({ ...options });
  const compat = bag.takeString('compat');
  const changes: Changes = {
    size: bag.takeSize('size'), version: compat === undefined ? s.header.version : versionOf(compat), backingFile: bag.takeString('backing_file'),
    backingFormat: bag.takeString('backing_fmt'), dataFile: bag.takeString('data_file'), dataFileRaw: bag.takeBoolean('data_file_raw'),
    lazyRefcounts: bag.takeBoolean('lazy_refcounts'), refcountBits: bag.takeSize('refcount_bits') ?? s.refcountBits, keys: bag.takeSubtree('encrypt'),
  };
  bag.refuseRest('qcow2');
  checkChanges(s, changes);
  return changes;
}

function checkChanges(s: Qcow2State, changes: Changes): void {
  const refuse = (message: string): never => {
    throw blockError('EINVAL', message);
  };
  if (changes.refcountBits > 64 || !Number.isInteger(Math.log2(changes.refcountBits))) refuse('Refcount width must be a power of two and may not exceed 64 bits');
  if (changes.dataFileRaw === true && !isDataFileRaw(s)) refuse('data-file-raw cannot be set on existing images');
  if (changes.dataFile !== undefined && !hasDataFile(s)) refuse('data-file can only be set for images that use an external data file');
  if (Object.keys(changes.keys).length > 0 && (s.encryption?.volume ?? null) === null) refuse('Amending encryption options is not possible for an image without LUKS encryption');
  if (changes.version < 3) refuseForVersion2(s, changes, refuse);
}

function refuseForVersion2(s: Qcow2State, changes: Changes, refuse: (message: string) => never): void {
  if (changes.lazyRefcounts === true) refuse('Lazy refcounts only supported with compatibility level 1.1 and above (use compat=1.1 or greater)');
  if (changes.refcountBits !== 16) refuse('Refcount widths other than 16 bits require compatibility level 1.1 or above (use compat=1.1 or greater)');
  if (s.header.version === 2) return;
  if (hasDataFile(s)) throw blockError('ENOTSUP', 'Cannot downgrade an image with a data file');
  if ((s.header.incompatibleFeatures & ~BigInt(INCOMPAT_DIRTY | INCOMPAT_DATA_FILE)) !== 0n) throw blockError('ENOTSUP', 'Cannot downgrade an image with incompatible features set');
  if (s.snapshots.some((snapshot) => snapshot.vmStateSize > 0xffffffff || snapshot.diskSize !== s.header.size)) {
    throw blockError('ENOTSUP', 'Internal snapshots prevent downgrade of image');
  }
}

/** Changes options of an open image. @globalState */
export async function amendImage(bs: BlockDriverState, options: BlockOptions, statusCb: BlockDriverAmendStatusCB | null, force: boolean): Promise<void> {
  GLOBAL_STATE_CODE('amendImage');
  const s = stateOf(bs);
  const changes = takeChanges(s, options);
  const report = (done: number, total: number): void => statusCb?.(bs, done, total);
  await runCoWrapper(bs.aioContext, () => s.lock.run(() => changeMetadata(s, changes, force, report)));
  if (changes.size !== undefined) await resize(bs, changes.size);
  if (changes.version < s.header.version) await runCoWrapper(bs.aioContext, () => s.lock.run(() => downgrade(s, report)));
  report(1, 1);
}

async function changeMetadata(s: Qcow2State, changes: Changes, force: boolean, report: (done: number, total: number) => void): Promise<void> {
  if (changes.version > s.header.version) await changeHeader(s, { version: 3 });
  if (Object.keys(changes.keys).length > 0) await changeKeys(s, changes.keys, force);
  if (changes.refcountBits !== s.refcountBits) await changeRefcountBits(s, changes.refcountBits, report);
  await changeDataFile(s, changes);
  await changeBacking(s, changes);
  if (changes.lazyRefcounts !== undefined) await changeLazyRefcounts(s, changes.lazyRefcounts);
}

async function changeBacking(s: Qcow2State, changes: Changes): Promise<void> {
  if (changes.backingFile === undefined && changes.backingFormat === undefined) return;
  const name = changes.backingFile === undefined ? s.backingName : changes.backingFile === '' ? null : changes.backingFile;
  if (name !== null && isDataFileRaw(s)) throw blockError('EINVAL', 'Images whose data file is raw have no backing file');
  await changeBackingName(s, name, changes.backingFormat ?? s.extensions.backingFormat);
  s.bs.backingFile = name ?? '';
  s.bs.autoBackingFile = s.bs.backingFile;
  s.bs.backingFormat = name === null ? '' : (s.extensions.backingFormat ?? '');
}

async function changeDataFile(s: Qcow2State, changes: Changes): Promise<void> {
  if (changes.dataFileRaw === false && isDataFileRaw(s)) await changeHeader(s, { autoclearFeatures: s.header.autoclearFeatures & ~BigInt(AUTOCLEAR_RAW_DATA_FILE) });
  if (changes.dataFile === undefined) return;
  s.extensions.dataFile = changes.dataFile === '' ? null : changes.dataFile;
  await updateHeader(s);
}

async function changeLazyRefcounts(s: Qcow2State, lazy: boolean): Promise<void> {
  const bit = BigInt(COMPAT_LAZY_REFCOUNTS);
  // Without them, refcounts in the file have to be right from now on.
  if (!lazy) await settleImage(s);
  await changeHeader(s, { compatibleFeatures: lazy ? s.header.compatibleFeatures | bit : s.header.compatibleFeatures & ~bit });
  s.useLazyRefcounts = lazy;
}

/** Counts of another width: a new structure beside the old one, which is freed then. */
async function changeRefcountBits(s: Qcow2State, bits: number, report: (done: number, total: number) => void): Promise<void> {
  await s.l2Cache.flush();
  await s.refcountCache.flush();
  const total = clustersFor(s, await bdrvGetlength(nodeAt(fileOf(s))));
  const counts = new Uint32Array(total);
  for (let cluster = 0; cluster < total; cluster++) {
    counts[cluster] = await getRefcount(s, cluster);
    if (cluster % 65536 === 0) report(cluster, total);
  }
  const old = s.refcountTable;
  await replaceRefcounts(s, counts, Math.log2(bits));
  for (let index = old.nextUsed(0); index < old.length; index = old.nextUsed(index + 1)) await freeClusters(s, old.offsetAt(index), s.clusterSize, 'other');
  await freeClusters(s, old.offset, old.bytes.length, 'other');
  await s.refcountCache.flush();
}

/** @globalState */
async function resize(bs: BlockDriverState, size: number): Promise<void> {
  GLOBAL_STATE_CODE('resize');
  const blk = await blkNewWithBs(bs, BLK_PERM_RESIZE, BLK_PERM_ALL);
  try {
    // The length that is asked for is the whole of it, not a bound.
    await blkTruncate(blk, size, false, 'off', 0);
  } finally {
    await blkUnref(blk);
  }
}

/** Makes an image one of version 2. */
async function downgrade(s: Qcow2State, report: (done: number, total: number) => void): Promise<void> {
  await settleImage(s);
  if (s.refcountBits !== 16) await changeRefcountBits(s, 16, report);
  await expandZeroClusters(s, report);
  if (hasFeature(s.header.incompatibleFeatures, INCOMPAT_DIRTY)) await settleImage(s);
  s.extensions.bitmaps = null;
  await changeHeader(s, { version: 2, compatibleFeatures: 0n, incompatibleFeatures: 0n, autoclearFeatures: 0n, unknownFields: new Uint8Array(0) });
  s.useLazyRefcounts = false;
}

/** Changes key slots. */
async function changeKeys(s: Qcow2State, options: BlockOptions, force: boolean): Promise<void> {
  const volume = s.encryption?.volume;
  if (!volume) throw blockError('ENOTSUP', 'The image is not encrypted with LUKS');
  const bag = new OptionBag(options);
  bag.takeChoice('format', ['luks']);
  await luksAmend(cryptoStore(s), volume, takeLuksAmendOptions(bag.rest(), secretLookup), force);
}

/** What an amend job does: key slots are all that can change. @io @coroutine */
export async function amendKeys(s: Qcow2State, options: BlockdevAmendOptions, force: boolean): Promise<void> {
  const bag = new OptionBag({ ...options });
  bag.take('driver');
  const keys = bag.takeSubtree('encrypt');
  bag.refuseRest('qcow2');
  if (Object.keys(keys).length > 0) await s.lock.run(() => changeKeys(s, keys, force));
}
