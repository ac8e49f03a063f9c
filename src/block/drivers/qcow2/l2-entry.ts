/**
 * Entries of L2 tables: what is known of a cluster, or of each of its 32 subclusters.
 *
 * In: bytes of a table. Out: where a cluster's data is, and of which kind it is. Leaves to others: getting the table.
 *
 * An entry is 64 bits: COPIED (63), COMPRESSED (62), host offset (55 to 9), ZERO (0). With extended entries 64 more bits follow: for
 * subcluster n, bit n says that it is allocated, bit 32 + n that it reads as zeroes; ZERO itself is not used then.
 */
import { compressedOffsetBits } from './allocate.ts';
import { COPIED_HIGH } from './pointer-table.ts';
import { hasSubclusters, type Qcow2State } from './state.ts';

const COMPRESSED_HIGH = 0x40000000;
const ZERO_LOW = 1;
const ALL = 0xffffffff;

/** What a cluster is. */
export type ClusterType = 'unallocated' | 'zero-plain' | 'zero-allocated' | 'normal' | 'compressed';

/** What a subcluster is. Without subclusters, the cluster is its only one. `invalid`: the entry contradicts itself. */
export type SubclusterType = 'unallocated-plain' | 'unallocated-allocated' | 'zero-plain' | 'zero-allocated' | 'normal' | 'compressed' | 'invalid';

/** An entry, taken apart in 32-bit halves. */
export interface L2Entry {
  readonly high: number;
  readonly low: number;
  /** One bit for each allocated subcluster. */
  readonly allocatedBits: number;
  /** One bit for each subcluster that reads as zeroes. */
  readonly zeroBits: number;
}

/** Nothing is known of the cluster. */
export const UNALLOCATED_ENTRY: L2Entry = { high: 0, low: 0, allocatedBits: 0, zeroBits: 0 };

export function readEntry(s: Qcow2State, view: DataView, index: number): L2Entry {
  const at = index * s.l2EntrySize;
  const high = view.getUint32(at);
  const low = view.getUint32(at + 4);
  return hasSubclusters(s) ? { high, low, zeroBits: view.getUint32(at + 8), allocatedBits: view.getUint32(at + 12) } : { high, low, allocatedBits: 0, zeroBits: 0 };
}

export function writeEntry(s: Qcow2State, view: DataView, index: number, entry: L2Entry): void {
  const at = index * s.l2EntrySize;
  view.setUint32(at, entry.high);
  view.setUint32(at + 4, entry.low);
  if (!hasSubclusters(s)) return;
  view.setUint32(at + 8, entry.zeroBits);
  view.setUint32(at + 12, entry.allocatedBits);
}

export function sameEntry(a: L2Entry, b: L2Entry): boolean {
  return a.high === b.high && a.low === b.low && a.allocatedBits === b.allocatedBits && a.zeroBits === b.zeroBits;
}

/** Host offset of a cluster that is not compressed; 0: none. */
export function hostOffsetOf(entry: L2Entry): number {
  return (entry.high & 0x00ffffff) * 2 ** 32 + (entry.low - (entry.low & 511));
}

export function isCopied(entry: L2Entry): boolean {
  return (entry.high & COPIED_HIGH) !== 0;
}

function isCompressed(entry: L2Entry): boolean {
  return (entry.high & COMPRESSED_HIGH) !== 0;
}

/** Whether bits are set that the format keeps for later. */
export function hasReservedBits(s: Qcow2State, entry: L2Entry): boolean {
  return (entry.high & 0x3f000000) !== 0 || (entry.low & (hasSubclusters(s) ? 511 : 510)) !== 0;
}

/** The entry with another flag COPIED. */
export function withCopied(entry: L2Entry, copied: boolean): L2Entry {
  return { ...entry, high: ((entry.high & ~COPIED_HIGH) | (copied ? COPIED_HIGH : 0)) >>> 0 };
}

/** An entry for a cluster of data at `offset`, which only it uses. */
export function dataEntry(s: Qcow2State, offset: number): L2Entry {
  return { high: (Math.floor(offset / 2 ** 32) | COPIED_HIGH) >>> 0, low: offset % 2 ** 32, allocatedBits: hasSubclusters(s) ? ALL : 0, zeroBits: 0 };
}

/** `entry` as one that reads as zeroes all over; an allocated cluster stays allocated. */
export function zeroedEntry(s: Qcow2State, entry: L2Entry): L2Entry {
  return hasSubclusters(s) ? { ...entry, allocatedBits: 0, zeroBits: ALL } : { ...entry, low: (entry.low | ZERO_LOW) >>> 0 };
}

/** `entry` with its subclusters `first` to `last` allocated, and no longer zeroes. */
export function withAllocated(entry: L2Entry, first: number, last: number): L2Entry {
  const bits = bitRange(first, last);
  return { ...entry, allocatedBits: (entry.allocatedBits | bits) >>> 0, zeroBits: (entry.zeroBits & ~bits) >>> 0 };
}

/** `entry` with its subclusters `first` to `last` as zeroes, and not allocated. */
export function withZeroes(entry: L2Entry, first: number, last: number): L2Entry {
  const bits = bitRange(first, last);
  return { ...entry, allocatedBits: (entry.allocatedBits & ~bits) >>> 0, zeroBits: (entry.zeroBits | bits) >>> 0 };
}

function bitRange(first: number, last: number): number {
  return ((2 ** (last - first + 1) - 1) * 2 ** first) >>> 0;
}

/** Where compressed data is. */
export interface CompressedPlace {
  readonly offset: number;
  /** As far as the sectors go that it ends in. */
  readonly bytes: number;
}

/** An entry for compressed data. */
export function compressedEntry(s: Qcow2State, offset: number, bytes: number): L2Entry {
  const sectors = BigInt(Math.floor((offset + bytes - 1) / 512) - Math.floor(offset / 512));
  const value = BigInt(offset) | (1n << 62n) | (sectors << BigInt(compressedOffsetBits(s)));
  return { high: Number(value >> 32n), low: Number(value & 0xffffffffn), allocatedBits: 0, zeroBits: 0 };
}

export function compressedPlaceOf(s: Qcow2State, entry: L2Entry): CompressedPlace {
  const value = (BigInt(entry.high & 0x3fffffff) << 32n) | BigInt(entry.low);
  const bits = BigInt(compressedOffsetBits(s));
  const offset = Number(value & ((1n << bits) - 1n));
  return { offset, bytes: (Number(value >> bits) + 1) * 512 - (offset % 512) };
}

export function clusterTypeOf(s: Qcow2State, entry: L2Entry): ClusterType {
  if (isCompressed(entry)) return 'compressed';
  const isAllocated = hostOffsetOf(entry) !== 0 || isCopiedAtZero(s, entry);
  if (!hasSubclusters(s) && (entry.low & ZERO_LOW) !== 0) return isAllocated ? 'zero-allocated' : 'zero-plain';
  return isAllocated ? 'normal' : 'unallocated';
}

/** With a data file the first cluster is at offset 0: the flag COPIED tells that it is allocated. */
function isCopiedAtZero(s: Qcow2State, entry: L2Entry): boolean {
  return isCopied(entry) && s.dataFile !== s.bs.file;
}

export function subclusterTypeOf(s: Qcow2State, entry: L2Entry, subcluster: number): SubclusterType {
  const type = clusterTypeOf(s, entry);
  if (!hasSubclusters(s)) return type === 'unallocated' ? 'unallocated-plain' : type;
  if (type === 'compressed') return 'compressed';
  if ((entry.zeroBits & entry.allocatedBits) !== 0) return 'invalid';
  const bit = 2 ** subcluster;
  const isZero = (entry.zeroBits & bit) !== 0;
  const isAllocated = (entry.allocatedBits & bit) !== 0;
  if (type === 'normal') return isZero ? 'zero-allocated' : isAllocated ? 'normal' : 'unallocated-allocated';
  return isAllocated ? 'invalid' : isZero ? 'zero-plain' : 'unallocated-plain';
}

/** Whether the cluster has a place in the file, whatever it reads as. */
export function hasHostCluster(type: ClusterType | SubclusterType): boolean {
  return type === 'normal' || type === 'zero-allocated' || type === 'unallocated-allocated';
}

/** Whether writing needs a new cluster: what is there is not there, compressed, or shared. */
export function needsNewCluster(s: Qcow2State, entry: L2Entry): boolean {
  return !hasHostCluster(clusterTypeOf(s, entry)) || !isCopied(entry);
}
