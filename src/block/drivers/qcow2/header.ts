/**
 * The header of a qcow2 image and its extensions, as bytes.
 *
 * In: the first cluster of an image, or the fields of a header. Out: the other. What contradicts itself is a `BlockError`; what the rest
 * of the image says is not looked at. Leaves to others: reading and writing the file (`open.ts`, `update-header.ts`).
 *
 * Source: the published description of the format (docs/interop/qcow2.txt of QEMU).
 */
import { alignUp } from '../../model/arithmetic.ts';
import { blockError } from '../../model/errors.ts';

export const QCOW2_MAGIC = 0x514649fb;
export const MIN_CLUSTER_BITS = 9;
export const MAX_CLUSTER_BITS = 21;
/** Extended L2 entries split a cluster in 32, each at least a sector. */
export const MIN_EXTENDED_CLUSTER_BITS = 14;
export const MAX_REFCOUNT_ORDER = 6;
export const V2_HEADER_LENGTH = 72;
export const V3_HEADER_LENGTH = 104;
/** With the compression type, and padding to 8 bytes. */
export const FULL_HEADER_LENGTH = 112;
export const MAX_L1_BYTES = 32 * 2 ** 20;
export const MAX_REFCOUNT_TABLE_BYTES = 8 * 2 ** 20;
export const MAX_SNAPSHOTS = 65536;
export const MAX_SNAPSHOT_EXTRA_DATA = 1024;
export const MAX_SNAPSHOT_TABLE_BYTES = MAX_SNAPSHOTS * MAX_SNAPSHOT_EXTRA_DATA;
export const MAX_BACKING_NAME_BYTES = 1023;

/** Incompatible features: who does not know them must not open the image. */
export const INCOMPAT_DIRTY = 1;
export const INCOMPAT_CORRUPT = 2;
export const INCOMPAT_DATA_FILE = 4;
export const INCOMPAT_COMPRESSION = 8;
export const INCOMPAT_EXTENDED_L2 = 16;
const INCOMPAT_KNOWN = 31;
/** Compatible features: who does not know them may ignore them. */
export const COMPAT_LAZY_REFCOUNTS = 1;
/** Features that who does not know them clears when writing. */
export const AUTOCLEAR_BITMAPS = 1;
export const AUTOCLEAR_RAW_DATA_FILE = 2;
export const AUTOCLEAR_KNOWN = 3;

export const CRYPT_NONE = 0;
export const CRYPT_AES = 1;
export const CRYPT_LUKS = 2;

export type CompressionType = 'zlib' | 'zstd';
const COMPRESSION_TYPES: readonly CompressionType[] = ['zlib', 'zstd'];

/** The fields of a header. Offsets and lengths in bytes. */
export interface Qcow2Header {
  version: 2 | 3;
  backingFileOffset: number;
  backingFileSize: number;
  clusterBits: number;
  /** Of the virtual disk. */
  size: number;
  cryptMethod: number;
  /** Entries. */
  l1Size: number;
  l1TableOffset: number;
  refcountTableOffset: number;
  refcountTableClusters: number;
  nbSnapshots: number;
  snapshotsOffset: number;
  /** Each of the three sets as one number: the format has 64 bits, of which the upper ones are unknown features. */
  incompatibleFeatures: bigint;
  compatibleFeatures: bigint;
  autoclearFeatures: bigint;
  refcountOrder: number;
  headerLength: number;
  compressionType: CompressionType;
  /** What a longer header than ours holds behind the known fields. */
  unknownFields: Uint8Array;
}

const EXTENSION_END = 0;
const EXTENSION_BACKING_FORMAT = 0xe2792aca;
const EXTENSION_FEATURE_NAMES = 0x6803f857;
const EXTENSION_CRYPTO_HEADER = 0x0537be77;
const EXTENSION_BITMAPS = 0x23852875;
const EXTENSION_DATA_FILE = 0x44415441;

/** Where the bitmaps are. */
export interface BitmapExtension {
  count: number;
  directorySize: number;
  directoryOffset: number;
}

/** Where a LUKS header is. */
export interface CryptoHeaderExtension {
  readonly offset: number;
  readonly length: number;
}

export interface FeatureName {
  /** 0: incompatible, 1: compatible, 2: autoclear. */
  readonly type: number;
  readonly bit: number;
  readonly name: string;
}

/** What stands between header and backing file name. */
export interface HeaderExtensions {
  backingFormat: string | null;
  featureNames: FeatureName[];
  cryptoHeader: CryptoHeaderExtension | null;
  bitmaps: BitmapExtension | null;
  dataFile: string | null;
  /** Kept as they are. */
  unknown: { readonly magic: number; readonly data: Uint8Array }[];
}

/** No extensions. */
export function noExtensions(): HeaderExtensions {
  return { backingFormat: null, featureNames: [], cryptoHeader: null, bitmaps: null, dataFile: null, unknown: [] };
}

/** A view of the same bytes for numbers. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A 64-bit number. Above 2^53 it is not exact; every user has a bound far below. */
export function readOffset(view: DataView, position: number): number {
  return view.getUint32(position) * 2 ** 32 + view.getUint32(position + 4);
}

/** Writes a number below 2^53 as 64 bits. */
export function writeOffset(view: DataView, position: number, value: number): void {
  view.setUint32(position, Math.floor(value / 2 ** 32));
  view.setUint32(position + 4, value % 2 ** 32);
}

/** Whether these are the first bytes of a qcow2 image of version 2 or above. */
export function looksLikeQcow2(bytes: Uint8Array): boolean {
  if (bytes.length < 8) return false;
  const view = viewOf(bytes);
  return view.getUint32(0) === QCOW2_MAGIC && view.getUint32(4) >= 2;
}

const invalid = (message: string): Error => blockError('EINVAL', message);

/**
 * Reads the fixed part of a header.
 *
 * @param bytes - at least {@link FULL_HEADER_LENGTH} bytes, or all of a shorter file
 */
export function parseHeader(bytes: Uint8Array): Qcow2Header {
  if (bytes.length < V2_HEADER_LENGTH) throw invalid('Could not read qcow2 header: the file is too short');
  const view = viewOf(bytes);
  if (view.getUint32(0) !== QCOW2_MAGIC) throw invalid('Image is not in qcow2 format');
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) throw blockError('ENOTSUP', `Unsupported qcow2 version ${version}`);
  const clusterBits = view.getUint32(20);
  if (clusterBits < MIN_CLUSTER_BITS || clusterBits > MAX_CLUSTER_BITS) throw invalid(`Unsupported cluster size: 2^${clusterBits}`);
  const header: Qcow2Header = {
    version, clusterBits,
    backingFileOffset: readOffset(view, 8), backingFileSize: view.getUint32(16), size: readOffset(view, 24), cryptMethod: view.getUint32(32),
    l1Size: view.getUint32(36), l1TableOffset: readOffset(view, 40), refcountTableOffset: readOffset(view, 48),
    refcountTableClusters: view.getUint32(56), nbSnapshots: view.getUint32(60), snapshotsOffset: readOffset(view, 64),
    incompatibleFeatures: 0n, compatibleFeatures: 0n, autoclearFeatures: 0n, refcountOrder: 4, headerLength: V2_HEADER_LENGTH,
    compressionType: 'zlib', unknownFields: new Uint8Array(0),
  };
  if (version === 3) parseVersion3(view, bytes, header);
  checkHeader(header);
  return header;
}

function parseVersion3(view: DataView, bytes: Uint8Array, header: Qcow2Header): void {
  if (bytes.length < V3_HEADER_LENGTH) throw invalid('Could not read qcow2 header: the file is too short');
  header.incompatibleFeatures = view.getBigUint64(72);
  header.compatibleFeatures = view.getBigUint64(80);
  header.autoclearFeatures = view.getBigUint64(88);
  header.refcountOrder = view.getUint32(96);
  header.headerLength = view.getUint32(100);
  if (header.headerLength < V3_HEADER_LENGTH) throw invalid('qcow2 header too short');
  if (header.headerLength > 2 ** header.clusterBits) throw invalid('qcow2 header exceeds cluster size');
  const compression = header.headerLength > V3_HEADER_LENGTH && bytes.length > V3_HEADER_LENGTH ? view.getUint8(V3_HEADER_LENGTH) : 0;
  const type = COMPRESSION_TYPES[compression];
  if (type === undefined) throw blockError('ENOTSUP', `Unknown compression type: ${compression}`);
  if ((type !== 'zlib') !== hasFeature(header.incompatibleFeatures, INCOMPAT_COMPRESSION)) {
    throw invalid('Compression type and its incompatible feature bit contradict each other');
  }
  header.compressionType = type;
  header.unknownFields = Uint8Array.from(bytes.subarray(FULL_HEADER_LENGTH, Math.max(FULL_HEADER_LENGTH, header.headerLength)));
}

function checkHeader(header: Qcow2Header): void {
  const clusterSize = 2 ** header.clusterBits;
  if (header.refcountOrder > MAX_REFCOUNT_ORDER) throw invalid('Reference count entry width too large; may not exceed 64 bits');
  if (header.cryptMethod > CRYPT_LUKS) throw invalid(`Unsupported encryption method ${header.cryptMethod}`);
  if (header.backingFileOffset > clusterSize) throw invalid('Invalid backing file offset');
  if (header.backingFileOffset !== 0 && header.backingFileSize > Math.min(MAX_BACKING_NAME_BYTES, clusterSize - header.backingFileOffset)) {
    throw invalid('Backing file name too long');
  }
  if (hasFeature(header.incompatibleFeatures, INCOMPAT_EXTENDED_L2) && header.clusterBits < MIN_EXTENDED_CLUSTER_BITS) {
    throw invalid(`Extended L2 entries need clusters of at least ${2 ** MIN_EXTENDED_CLUSTER_BITS} bytes`);
  }
  if (header.size > Number.MAX_SAFE_INTEGER - 2 ** 30) throw blockError('EFBIG', 'Image size too big');
  if (header.size % 512 !== 0) header.size = alignUp(header.size, 512);
  checkTables(header, clusterSize);
}

function checkTables(header: Qcow2Header, clusterSize: number): void {
  if (header.refcountTableClusters > MAX_REFCOUNT_TABLE_BYTES / clusterSize) throw invalid('Reference count table too large');
  checkTable('Reference count table', header.refcountTableOffset, header.refcountTableClusters * clusterSize, MAX_REFCOUNT_TABLE_BYTES, clusterSize);
  if (header.nbSnapshots > MAX_SNAPSHOTS) throw invalid('Snapshot table too large');
  if (header.nbSnapshots > 0) checkTable('Snapshot table', header.snapshotsOffset, 0, MAX_SNAPSHOT_TABLE_BYTES, clusterSize);
  checkTable('Active L1 table', header.l1TableOffset, header.l1Size * 8, MAX_L1_BYTES, clusterSize);
}

/** Refuses a table that is too large, not aligned, or beyond what a file can hold. */
export function checkTable(what: string, offset: number, bytes: number, maxBytes: number, clusterSize: number): void {
  if (bytes > maxBytes) throw blockError('EFBIG', `${what} too large`);
  if (offset + bytes > Number.MAX_SAFE_INTEGER || offset % clusterSize !== 0) throw invalid(`${what} offset invalid`);
}

/** Whether a set of features has the one. */
export function hasFeature(features: bigint, bit: number): boolean {
  return (features & BigInt(bit)) !== 0n;
}

/** Refuses incompatible features that this code does not know, by the names that the image has for them. */
export function refuseUnknownFeatures(header: Qcow2Header, extensions: HeaderExtensions): void {
  const unknown = header.incompatibleFeatures & ~BigInt(INCOMPAT_KNOWN);
  if (unknown === 0n) return;
  const names: string[] = [];
  for (let bit = 0; bit < 64; bit++) {
    if ((unknown & (1n << BigInt(bit))) === 0n) continue;
    names.push(extensions.featureNames.find((feature) => feature.type === 0 && feature.bit === bit)?.name ?? `Unknown incompatible feature: ${(1n << BigInt(bit)).toString(16)}`);
  }
  throw blockError('ENOTSUP', `Unsupported qcow2 feature(s): ${names.join(', ')}`);
}

/**
 * Reads the extensions.
 *
 * @param cluster - the first cluster
 */
export function parseExtensions(cluster: Uint8Array, header: Qcow2Header): HeaderExtensions {
  const extensions = noExtensions();
  const view = viewOf(cluster);
  const end = header.backingFileOffset === 0 ? cluster.length : Math.min(header.backingFileOffset, cluster.length);
  let position = header.headerLength;
  while (position + 8 <= end) {
    const magic = view.getUint32(position);
    const length = view.getUint32(position + 4);
    position += 8;
    if (magic === EXTENSION_END) break;
    if (length > end - position) throw invalid('Header extension too large');
    addExtension(extensions, magic, cluster.subarray(position, position + length));
    position = alignUp(position + length, 8);
  }
  checkExtensions(extensions, header);
  return extensions;
}

function addExtension(extensions: HeaderExtensions, magic: number, data: Uint8Array): void {
  const view = viewOf(data);
  switch (magic) {
    case EXTENSION_BACKING_FORMAT:
      if (data.length >= 64) throw invalid('Backing format name too long');
      extensions.backingFormat = textOf(data);
      break;
    case EXTENSION_FEATURE_NAMES:
      for (let at = 0; at + 48 <= data.length; at += 48) {
        extensions.featureNames.push({ type: view.getUint8(at), bit: view.getUint8(at + 1), name: textOf(data.subarray(at + 2, at + 48)) });
      }
      break;
    case EXTENSION_CRYPTO_HEADER:
      if (data.length !== 16) throw invalid(`Crypto header extension has ${data.length} bytes, but 16 are expected`);
      extensions.cryptoHeader = { offset: readOffset(view, 0), length: readOffset(view, 8) };
      break;
    case EXTENSION_BITMAPS:
      if (data.length !== 24) throw invalid('bitmaps_ext: Invalid extension length');
      if (view.getUint32(4) !== 0) throw invalid('bitmaps_ext: Reserved field is not zero');
      extensions.bitmaps = { count: view.getUint32(0), directorySize: readOffset(view, 8), directoryOffset: readOffset(view, 16) };
      break;
    case EXTENSION_DATA_FILE:
      extensions.dataFile = textOf(data);
      break;
    default:
      extensions.unknown.push({ magic, data: Uint8Array.from(data) });
  }
}

function checkExtensions(extensions: HeaderExtensions, header: Qcow2Header): void {
  const { bitmaps, cryptoHeader } = extensions;
  const clusterSize = 2 ** header.clusterBits;
  if (cryptoHeader && (cryptoHeader.offset % clusterSize !== 0 || cryptoHeader.length > MAX_L1_BYTES)) throw invalid('Encryption header offset or length is invalid');
  if (!hasFeature(header.autoclearFeatures, AUTOCLEAR_BITMAPS)) {
    // Somebody who knows nothing of bitmaps has written to the image: they can't be trusted.
    extensions.bitmaps = null;
    return;
  }
  if (!bitmaps) return;
  if (bitmaps.count === 0) throw invalid('found bitmaps extension with zero bitmaps');
  if (bitmaps.directoryOffset % clusterSize !== 0) throw invalid('bitmaps_ext: invalid bitmap directory offset');
  if (bitmaps.count > 65535) throw invalid('bitmaps_ext: too many bitmaps');
  if (bitmaps.directorySize > 65535 * 1024) throw invalid('bitmaps_ext: bitmap directory too large');
}

/** Text up to the first zero byte. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}

/** The backing file's name in the first cluster; `null` if there is none. */
export function parseBackingName(cluster: Uint8Array, header: Qcow2Header): string | null {
  if (header.backingFileOffset === 0) return null;
  return textOf(cluster.subarray(header.backingFileOffset, header.backingFileOffset + header.backingFileSize));
}

const OUR_FEATURES: readonly FeatureName[] = [
  { type: 0, bit: 0, name: 'dirty bit' },
  { type: 0, bit: 1, name: 'corrupt bit' },
  { type: 0, bit: 2, name: 'external data file' },
  { type: 0, bit: 3, name: 'compression type' },
  { type: 0, bit: 4, name: 'extended L2 entries' },
  { type: 1, bit: 0, name: 'lazy refcounts' },
  { type: 2, bit: 0, name: 'bitmaps' },
  { type: 2, bit: 1, name: 'raw external data' },
];

function featureTable(names: readonly FeatureName[]): Uint8Array {
  const table = Buffer.alloc(names.length * 48);
  names.forEach(({ type, bit, name }, index) => {
    table[index * 48] = type;
    table[index * 48 + 1] = bit;
    table.write(name, index * 48 + 2, 46, 'utf8');
  });
  return table;
}

/**
 * Writes a header with its extensions and the backing file's name into one cluster. `header` gets the offsets and lengths that follow.
 *
 * @throws BlockError `ENOSPC` if it is more than a cluster holds
 */
export function serializeHeader(header: Qcow2Header, extensions: HeaderExtensions, backingName: string | null): Uint8Array {
  const cluster = Buffer.alloc(2 ** header.clusterBits);
  const isVersion3 = header.version === 3;
  header.headerLength = isVersion3 ? FULL_HEADER_LENGTH + header.unknownFields.length : V2_HEADER_LENGTH;
  if (header.headerLength > cluster.length) throw blockError('ENOSPC', 'The image header does not fit its cluster');
  if (isVersion3) cluster.set(header.unknownFields, FULL_HEADER_LENGTH);
  let position = header.headerLength;
  for (const [magic, data] of extensionList(header, extensions, backingName)) position = appendExtension(cluster, position, magic, data);
  position = appendExtension(cluster, position, EXTENSION_END, new Uint8Array(0));
  const name = Buffer.from(backingName ?? '', 'utf8');
  if (position + name.length > cluster.length) throw blockError('ENOSPC', 'Backing file name does not fit the header cluster');
  header.backingFileOffset = name.length > 0 ? position : 0;
  header.backingFileSize = name.length;
  cluster.set(name, position);
  writeFixedFields(viewOf(cluster), header);
  return cluster;
}

function extensionList(header: Qcow2Header, extensions: HeaderExtensions, backingName: string | null): [number, Uint8Array][] {
  const list: [number, Uint8Array][] = [];
  if (backingName !== null && extensions.backingFormat !== null) list.push([EXTENSION_BACKING_FORMAT, Buffer.from(extensions.backingFormat, 'utf8')]);
  if (extensions.dataFile !== null && hasFeature(header.incompatibleFeatures, INCOMPAT_DATA_FILE)) list.push([EXTENSION_DATA_FILE, Buffer.from(extensions.dataFile, 'utf8')]);
  if (extensions.cryptoHeader) {
    const data = new Uint8Array(16);
    writeOffset(viewOf(data), 0, extensions.cryptoHeader.offset);
    writeOffset(viewOf(data), 8, extensions.cryptoHeader.length);
    list.push([EXTENSION_CRYPTO_HEADER, data]);
  }
  if (header.version === 3 && header.clusterBits >= 12) list.push([EXTENSION_FEATURE_NAMES, featureTable(OUR_FEATURES)]);
  if (extensions.bitmaps) {
    const data = new Uint8Array(24);
    viewOf(data).setUint32(0, extensions.bitmaps.count);
    writeOffset(viewOf(data), 8, extensions.bitmaps.directorySize);
    writeOffset(viewOf(data), 16, extensions.bitmaps.directoryOffset);
    list.push([EXTENSION_BITMAPS, data]);
  }
  for (const { magic, data } of extensions.unknown) list.push([magic, data]);
  return list;
}

function appendExtension(cluster: Uint8Array, position: number, magic: number, data: Uint8Array): number {
  const end = alignUp(position + 8 + data.length, 8);
  if (end > cluster.length) throw blockError('ENOSPC', 'The header extensions do not fit the header cluster');
  const view = viewOf(cluster);
  view.setUint32(position, magic);
  view.setUint32(position + 4, data.length);
  cluster.set(data, position + 8);
  return end;
}

function writeFixedFields(view: DataView, header: Qcow2Header): void {
  view.setUint32(0, QCOW2_MAGIC);
  view.setUint32(4, header.version);
  writeOffset(view, 8, header.backingFileOffset);
  view.setUint32(16, header.backingFileSize);
  view.setUint32(20, header.clusterBits);
  writeOffset(view, 24, header.size);
  view.setUint32(32, header.cryptMethod);
  view.setUint32(36, header.l1Size);
  writeOffset(view, 40, header.l1TableOffset);
  writeOffset(view, 48, header.refcountTableOffset);
  view.setUint32(56, header.refcountTableClusters);
  view.setUint32(60, header.nbSnapshots);
  writeOffset(view, 64, header.snapshotsOffset);
  if (header.version === 2) return;
  view.setBigUint64(72, header.incompatibleFeatures);
  view.setBigUint64(80, header.compatibleFeatures);
  view.setBigUint64(88, header.autoclearFeatures);
  view.setUint32(96, header.refcountOrder);
  view.setUint32(100, header.headerLength);
  view.setUint8(V3_HEADER_LENGTH, COMPRESSION_TYPES.indexOf(header.compressionType));
}
