/**
 * New images.
 *
 * In: options by the names of `qemu-img create` or of `blockdev-create`. Out: an image on nodes that exist, or in files that are made.
 * Leaves to others: opening what was made (it is an image like any other from its first three clusters on), and its length (`resize.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../../runtime/index.ts';
import { blkNewWithBs, blkUnref } from '../../backend/registry.ts';
import { blkRoot } from '../../backend/root.ts';
import { bdrvUnref } from '../../graph/nodes.ts';
import { isPowerOfTwo } from '../../model/arithmetic.ts';
import { BDRV_O_NO_FLUSH, BDRV_O_PROTOCOL, BDRV_O_RDWR, BDRV_O_RESIZE, BLK_PERM_ALL, BLK_PERM_RESIZE, BLK_PERM_WRITE } from '../../model/constants.ts';
import type { BlockdevCreateOptions, CreationOptions, PreallocMode } from '../../model/driver.ts';
import { blockError } from '../../model/errors.ts';
import type { BlockDriverState } from '../../model/node.ts';
import { OptionBag, type BlockOptions, type OptionDescription } from '../../model/options.ts';
import { bdrvCoDeleteFileNoerr, bdrvCreateFile } from '../../open/create.ts';
import { bdrvOpen, bdrvOpenBlockdevRef } from '../../open/open.ts';
import { bdrvCoFlush } from '../../requests/flush.ts';
import { bdrvCoTruncate } from '../../requests/truncate.ts';
import { bdrvCoPwrite } from '../../requests/write.ts';
import { luksCreateOpts, takeLuksCreateOptions, type LuksCreateOptions } from '../crypto/luks.ts';
import { checkCompressionType } from './compression.ts';
import { createEncryption } from './encryption.ts';
import {
  AUTOCLEAR_RAW_DATA_FILE, COMPAT_LAZY_REFCOUNTS, CRYPT_NONE, INCOMPAT_COMPRESSION, INCOMPAT_DATA_FILE, INCOMPAT_EXTENDED_L2, MAX_CLUSTER_BITS, MAX_L1_BYTES,
  MIN_CLUSTER_BITS, MIN_EXTENDED_CLUSTER_BITS, noExtensions, serializeHeader, viewOf, writeOffset, type CompressionType, type Qcow2Header,
} from './header.ts';
import { writeRefcount } from './refcounts.ts';
import { resizeImage } from './resize.ts';
import { stateOf } from './state.ts';
import { changeBackingName, updateHeader } from './update-header.ts';

/** What a new image is to be. */
export interface Qcow2Creation {
  readonly size: number;
  readonly version: 2 | 3;
  readonly clusterSize: number;
  readonly refcountBits: number;
  readonly lazyRefcounts: boolean;
  readonly extendedL2: boolean;
  readonly compressionType: CompressionType;
  readonly preallocation: PreallocMode;
  readonly backingFile: string | null;
  readonly backingFormat: string | null;
  /** File name that the image remembers; `null` where data is in the image. */
  readonly dataFile: string | null;
  readonly dataFileRaw: boolean;
  readonly encryption: { readonly options: LuksCreateOptions; readonly keySecret: string } | null;
}

const DEFAULT_CLUSTER_SIZE = 65536;
const PREALLOC_MODES = ['off', 'metadata', 'falloc', 'full'] as const;
const COMPRESSION_TYPES = ['zlib', 'zstd'] as const;

/** Options of `qemu-img create -f qcow2`. */
export const qcow2CreateOpts: readonly OptionDescription[] = [
  { name: 'size', type: 'size', help: 'Virtual disk size' },
  { name: 'compat', type: 'string', help: 'Compatibility level (v2 [0.10] or v3 [1.1])', default: '1.1' },
  { name: 'backing_file', type: 'string', help: 'File name of a base image' },
  { name: 'backing_fmt', type: 'string', help: 'Image format of the base image' },
  { name: 'data_file', type: 'string', help: 'File name of an external data file' },
  { name: 'data_file_raw', type: 'boolean', help: 'The external data file must stay valid as a raw image' },
  { name: 'encryption', type: 'boolean', help: 'Encrypt the image with format \'aes\'. (Deprecated in favor of encrypt.format=aes)' },
  { name: 'encrypt.format', type: 'string', help: 'Encrypt the image, format choices: \'aes\', \'luks\'' },
  ...luksCreateOpts.map((option) => ({ ...option, name: `encrypt.${option.name}` })),
  { name: 'cluster_size', type: 'size', help: 'qcow2 cluster size', default: '65536' },
  { name: 'extended_l2', type: 'boolean', help: 'Extended L2 tables', default: 'off' },
  { name: 'preallocation', type: 'string', help: 'Preallocation mode (allowed values: off, metadata, falloc, full)' },
  { name: 'lazy_refcounts', type: 'boolean', help: 'Postpone refcount updates', default: 'off' },
  { name: 'refcount_bits', type: 'number', help: 'Width of a reference count entry in bits', default: '16' },
  { name: 'compression_type', type: 'string', help: 'Compression method used for image cluster compression', default: 'zlib' },
];

/** The version that a compatibility level stands for. */
export function versionOf(compat: string): 2 | 3 {
  if (compat === '0.10' || compat === 'v2') return 2;
  if (compat === '1.1' || compat === 'v3') return 3;
  throw blockError('EINVAL', `Invalid compatibility level: '${compat}'`);
}

/** Takes the options of `qemu-img create`. */
export function takeCreateOptions(options: CreationOptions): Qcow2Creation {
  const bag = new OptionBag({ ...options });
  if (bag.takeBoolean('encryption') === true) throw blockError('ENOTSUP', "Encryption in the form 'aes' is no longer made; use encrypt.format=luks");
  return checked({
    size: bag.takeSize('size') ?? 0, version: versionOf(bag.takeString('compat') ?? '1.1'), clusterSize: bag.takeSize('cluster_size') ?? DEFAULT_CLUSTER_SIZE,
    refcountBits: bag.takeSize('refcount_bits') ?? 16, lazyRefcounts: bag.takeBoolean('lazy_refcounts') ?? false,
    extendedL2: bag.takeBoolean('extended_l2') ?? false, compressionType: bag.takeChoice('compression_type', COMPRESSION_TYPES) ?? 'zlib',
    preallocation: bag.takeChoice('preallocation', PREALLOC_MODES) ?? 'off', backingFile: nameOf(bag.takeString('backing_file')),
    backingFormat: nameOf(bag.takeString('backing_fmt')), dataFile: nameOf(bag.takeString('data_file')), dataFileRaw: bag.takeBoolean('data_file_raw') ?? false,
    encryption: takeEncryption(bag.takeSubtree('encrypt')),
  });
}

function nameOf(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : text;
}

function takeEncryption(options: BlockOptions): Qcow2Creation['encryption'] {
  const bag = new OptionBag(options);
  const format = bag.takeChoice('format', ['aes', 'luks'] as const);
  if (format === undefined) {
    bag.refuseRest('qcow2 without encrypt.format');
    return null;
  }
  if (format === 'aes') throw blockError('ENOTSUP', "Encryption in the form 'aes' is no longer made; use encrypt.format=luks");
  const keySecret = bag.takeString('key-secret');
  if (keySecret === undefined) throw blockError('EINVAL', "Parameter 'encrypt.key-secret' is required for cipher");
  return { options: takeLuksCreateOptions(bag), keySecret };
}

/** Takes the options of `blockdev-create`, but for the nodes. */
function takeBlockdevOptions(bag: OptionBag, dataFile: string | null): Qcow2Creation {
  return checked({
    size: bag.takeSize('size') ?? 0, version: versionOf(bag.takeString('version') ?? 'v3'), clusterSize: bag.takeSize('cluster-size') ?? DEFAULT_CLUSTER_SIZE,
    refcountBits: bag.takeSize('refcount-bits') ?? 16, lazyRefcounts: bag.takeBoolean('lazy-refcounts') ?? false,
    extendedL2: bag.takeBoolean('extended-l2') ?? false, compressionType: bag.takeChoice('compression-type', COMPRESSION_TYPES) ?? 'zlib',
    preallocation: bag.takeChoice('preallocation', PREALLOC_MODES) ?? 'off', backingFile: nameOf(bag.takeString('backing-file')),
    backingFormat: nameOf(bag.takeString('backing-fmt')), dataFile, dataFileRaw: bag.takeBoolean('data-file-raw') ?? false,
    encryption: takeEncryption(bag.takeSubtree('encrypt')),
  });
}

/** Refuses options that contradict each other. */
function checked(creation: Qcow2Creation): Qcow2Creation {
  const { version, clusterSize } = creation;
  const refuse = (message: string): never => {
    throw blockError('EINVAL', message);
  };
  const minimum = 2 ** (creation.extendedL2 ? MIN_EXTENDED_CLUSTER_BITS : MIN_CLUSTER_BITS);
  if (!isPowerOfTwo(clusterSize) || clusterSize < 2 ** MIN_CLUSTER_BITS || clusterSize > 2 ** MAX_CLUSTER_BITS) refuse('Cluster size must be a power of two between 512 and 2048k');
  if (clusterSize < minimum) refuse('Extended L2 entries are only supported with cluster sizes of at least 16384 bytes');
  if (!isPowerOfTwo(creation.refcountBits) || creation.refcountBits > 64) refuse('Refcount width must be a power of two and may not exceed 64 bits');
  if (version < 3) refuseForVersion2(creation, refuse);
  if (creation.dataFileRaw && creation.dataFile === null) refuse('data-file-raw requires data-file');
  if (creation.dataFileRaw && creation.backingFile !== null) refuse('Backing file and data-file-raw cannot be used at the same time');
  if (creation.backingFormat !== null && creation.backingFile === null) refuse('Backing format cannot be used without backing file');
  if (creation.backingFile !== null && creation.preallocation !== 'off' && !creation.extendedL2) refuse('Backing file and preallocation can only be used at the same time if extended_l2 is enabled');
  const l2Entries = clusterSize / (creation.extendedL2 ? 16 : 8);
  if (Math.ceil(creation.size / clusterSize / l2Entries) * 8 > MAX_L1_BYTES) throw blockError('EFBIG', 'The image size is too large for file format \'qcow2\' (try using a larger cluster size)');
  checkCompressionType(creation.compressionType);
  return { ...creation, size: Math.ceil(creation.size / 512) * 512 };
}

function refuseForVersion2(creation: Qcow2Creation, refuse: (message: string) => never): void {
  if (creation.lazyRefcounts) refuse('Lazy refcounts only supported with compatibility level 1.1 and above (use version=v3 or greater)');
  if (creation.refcountBits !== 16) refuse('Different refcount widths than 16 bits require compatibility level 1.1 or above (use version=v3 or greater)');
  if (creation.dataFile !== null) refuse('External data files are only supported with compatibility level 1.1 and above (use version=v3 or greater)');
  if (creation.extendedL2) refuse('Extended L2 entries are only supported with compatibility level 1.1 and above (use version=v3 or greater)');
  if (creation.compressionType !== 'zlib') refuse('Non-zlib compression type is only supported with compatibility level 1.1 and above (use version=v3 or greater)');
}

/** The first three clusters of an image of length 0: header, refcount table, refcount block. */
function firstClusters(creation: Qcow2Creation): Uint8Array {
  const { clusterSize } = creation;
  const feature = (is: boolean, bit: number): bigint => (is ? BigInt(bit) : 0n);
  const header: Qcow2Header = {
    version: creation.version, backingFileOffset: 0, backingFileSize: 0, clusterBits: Math.log2(clusterSize), size: 0, cryptMethod: CRYPT_NONE, l1Size: 0,
    l1TableOffset: 0, refcountTableOffset: clusterSize, refcountTableClusters: 1, nbSnapshots: 0, snapshotsOffset: 0,
    incompatibleFeatures: feature(creation.compressionType !== 'zlib', INCOMPAT_COMPRESSION) | feature(creation.extendedL2, INCOMPAT_EXTENDED_L2)
      | feature(creation.dataFile !== null, INCOMPAT_DATA_FILE),
    compatibleFeatures: feature(creation.lazyRefcounts, COMPAT_LAZY_REFCOUNTS), autoclearFeatures: feature(creation.dataFileRaw, AUTOCLEAR_RAW_DATA_FILE),
    refcountOrder: Math.log2(creation.refcountBits), headerLength: 0, compressionType: creation.compressionType, unknownFields: new Uint8Array(0),
  };
  const clusters = Buffer.alloc(3 * clusterSize);
  clusters.set(serializeHeader(header, { ...noExtensions(), dataFile: creation.dataFile }, null));
  writeOffset(viewOf(clusters), clusterSize, 2 * clusterSize);
  const block = viewOf(clusters.subarray(2 * clusterSize));
  for (let cluster = 0; cluster < 3; cluster++) writeRefcount(block, cluster, creation.refcountBits, 1);
  return clusters;
}

/** Makes an image on an open node; `dataBs` is the node for its data, if that is not the same. @globalState @coroutine */
async function createOn(bs: BlockDriverState, dataBs: BlockDriverState | null, creation: Qcow2Creation): Promise<void> {
  GLOBAL_STATE_CODE('createOn');
  const blk = await blkNewWithBs(bs, BLK_PERM_WRITE | BLK_PERM_RESIZE, BLK_PERM_ALL);
  try {
    const root = blkRoot(blk);
    if (root === null) throw blockError('ENOMEDIUM', 'The node of the new image is gone');
    await bdrvCoTruncate(root, 0, false, 'off', 0);
    await bdrvCoPwrite(root, 0, firstClusters(creation), 0);
  } finally {
    await blkUnref(blk);
  }
  // Nothing of the image matters to anybody before it is complete: one flush at the end will do.
  const options: BlockOptions = { driver: 'qcow2', file: bs.nodeName, ...(dataBs && { 'data-file': dataBs.nodeName }) };
  const image = await bdrvOpen(null, null, options, BDRV_O_RDWR | BDRV_O_RESIZE | BDRV_O_NO_FLUSH);
  try {
    // Who has the right to resize the image passes it on to the file for its data.
    const user = await blkNewWithBs(image, BLK_PERM_WRITE | BLK_PERM_RESIZE, BLK_PERM_ALL);
    try {
      await complete(image, creation);
    } finally {
      await blkUnref(user);
    }
  } finally {
    await bdrvUnref(image);
  }
  await bdrvCoFlush(bs);
}

/** Gives the image its features and its length. @io @coroutine */
async function complete(image: BlockDriverState, creation: Qcow2Creation): Promise<void> {
  const s = stateOf(image);
  await s.lock.run(async () => {
    if (creation.backingFile !== null) await changeBackingName(s, creation.backingFile, creation.backingFormat);
    if (creation.encryption !== null) await createEncryption(s, creation.encryption.options, creation.encryption.keySecret);
    await updateHeader(s);
  });
  await resizeImage(s, creation.size, false, creation.preallocation, 0);
}

/** Makes an image on nodes that exist. @globalState @coroutine */
export async function createByOptions(options: BlockdevCreateOptions): Promise<void> {
  GLOBAL_STATE_CODE('createByOptions');
  const bag = new OptionBag({ ...options });
  bag.take('driver');
  const file = bag.has('file') ? (bag.takeString('file') ?? '') : bag.takeSubtree('file');
  const dataFile = bag.has('data-file') ? (bag.takeString('data-file') ?? '') : bag.takeSubtree('data-file');
  const hasDataFile = typeof dataFile === 'string' ? dataFile !== '' : Object.keys(dataFile).length > 0;
  const bs = await bdrvOpenBlockdevRef(file);
  try {
    const dataBs = hasDataFile ? await bdrvOpenBlockdevRef(dataFile) : null;
    try {
      const creation = takeBlockdevOptions(bag, dataBs === null ? null : dataBs.filename);
      bag.refuseRest('qcow2');
      await createOn(bs, dataBs, creation);
    } finally {
      if (dataBs) await bdrvUnref(dataBs);
    }
  } finally {
    await bdrvUnref(bs);
  }
}

/** Makes an image file. @globalState @coroutine */
export async function createByName(filename: string, options: CreationOptions): Promise<void> {
  GLOBAL_STATE_CODE('createByName');
  const creation = takeCreateOptions(options);
  await bdrvCreateFile(filename, { ...options, size: 0, preallocation: 'off' });
  const flags = BDRV_O_RDWR | BDRV_O_RESIZE | BDRV_O_PROTOCOL;
  const bs = await bdrvOpen(filename, null, null, flags);
  let dataBs: BlockDriverState | null = null;
  try {
    if (creation.dataFile !== null) {
      await bdrvCreateFile(creation.dataFile, { size: 0, preallocation: 'off' });
      dataBs = await bdrvOpen(creation.dataFile, null, null, flags);
    }
    await createOn(bs, dataBs, creation);
  } catch (error) {
    await bdrvCoDeleteFileNoerr(bs);
    if (dataBs) await bdrvCoDeleteFileNoerr(dataBs);
    throw error;
  } finally {
    await bdrvUnref(bs);
    if (dataBs) await bdrvUnref(dataBs);
  }
}
