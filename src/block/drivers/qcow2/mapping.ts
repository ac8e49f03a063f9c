/**
 * Where guest data is: for reading.
 *
 * In: a guest range. Out: how much of it, from its start, is of one kind and lies in a row in the file. Leaves to others: reading it.
 */
import { signalCorruption } from './corruption.ts';
import { clusterTypeOf, compressedPlaceOf, hasHostCluster, hostOffsetOf, readEntry, subclusterTypeOf, type CompressedPlace, type L2Entry, type SubclusterType } from './l2-entry.ts';
import { entriesLeftInSlice, findSlice, type L2Slice } from './l2-tables.ts';
import { hasDataFile, isDataFileRaw, l2Coverage, type Qcow2State } from './state.ts';

/** A guest range of one kind. */
export interface Extent {
  readonly type: Exclude<SubclusterType, 'invalid'>;
  readonly bytes: number;
  /** Of its first byte; 0 where there is none. */
  readonly hostOffset: number;
  /** Set for compressed data: of its cluster. */
  readonly compressed: CompressedPlace | null;
}

/** What the bytes from `offset` on are, at most `bytes` of them. */
export async function mapExtent(s: Qcow2State, offset: number, bytes: number): Promise<Extent> {
  const slice = await findSlice(s, offset);
  if (slice === null) return { type: 'unallocated-plain', bytes: Math.min(bytes, unmappedBytes(s, offset)), hostOffset: 0, compressed: null };
  try {
    return await extentInSlice(s, slice, offset, Math.min(bytes, entriesLeftInSlice(s, offset) * s.clusterSize - (offset % s.clusterSize)));
  } finally {
    s.l2Cache.put(slice.table);
  }
}

/** Bytes from `offset` up to the next L1 entry that points to an L2 table. */
function unmappedBytes(s: Qcow2State, offset: number): number {
  const next = s.l1.nextUsed(Math.floor(offset / l2Coverage(s)));
  return next >= s.l1.length ? Infinity : next * l2Coverage(s) - offset;
}

async function extentInSlice(s: Qcow2State, slice: L2Slice, offset: number, most: number): Promise<Extent> {
  const inCluster = offset % s.clusterSize;
  const first = readEntry(s, slice.table.view, slice.index);
  const startSubcluster = Math.floor(inCluster / s.subclusterSize);
  const type = await checkedType(s, first, offset, startSubcluster);
  if (type === 'compressed') {
    return { type, bytes: Math.min(most, s.clusterSize - inCluster), hostOffset: 0, compressed: compressedPlaceOf(s, first) };
  }
  const host = hasHostCluster(type) ? hostOffsetOf(first) : 0;
  let index = slice.index;
  let end = -inCluster;
  // One cluster after the other, as long as it is the same all over and lies behind the one before.
  for (let from = startSubcluster; end < most; from = 0, index++) {
    const entry = readEntry(s, slice.table.view, index);
    if (index > slice.index && hasHostCluster(type) && hostOffsetOf(entry) !== host + end + inCluster) break;
    const same = sameSubclusters(s, entry, type, from);
    end += s.clusterSize;
    if (same === s.subclusters) continue;
    end -= s.clusterSize - same * s.subclusterSize;
    break;
  }
  return { type, bytes: Math.min(end, most), hostOffset: host + (hasHostCluster(type) ? inCluster : 0), compressed: null };
}

/** The subcluster behind the last that is of `type`, without a gap from `from` on. */
function sameSubclusters(s: Qcow2State, entry: L2Entry, type: SubclusterType, from: number): number {
  let subcluster = from;
  while (subcluster < s.subclusters && subclusterTypeOf(s, entry, subcluster) === type) subcluster++;
  // Nothing of another cluster counts if its first subcluster differs.
  return subcluster;
}

/** The type of a subcluster; an entry that can't be right ends the request. */
async function checkedType(s: Qcow2State, entry: L2Entry, offset: number, subcluster: number): Promise<Extent['type']> {
  const type = subclusterTypeOf(s, entry, subcluster);
  const at = `guest offset 0x${offset.toString(16)}`;
  if (type === 'invalid') throw await signalCorruption(s, true, `Invalid cluster entry found (${at}, L2 entry subcluster bitmaps contradict each other)`);
  if (s.header.version < 3 && (type === 'zero-plain' || type === 'zero-allocated')) {
    throw await signalCorruption(s, true, `Zero cluster entry found in pre-v3 image (${at})`);
  }
  if (type === 'compressed' && hasDataFile(s)) throw await signalCorruption(s, true, `Compressed cluster entry found in image with external data file (${at})`);
  if (hasHostCluster(clusterTypeOf(s, entry))) await checkHostOffset(s, hostOffsetOf(entry), offset);
  return type;
}

async function checkHostOffset(s: Qcow2State, host: number, offset: number): Promise<void> {
  const at = `(guest offset 0x${offset.toString(16)})`;
  if (host % s.clusterSize !== 0) throw await signalCorruption(s, true, `Cluster allocation offset 0x${host.toString(16)} unaligned ${at}`);
  if (hasDataFile(s) && isDataFileRaw(s) && host !== offset - (offset % s.clusterSize)) {
    throw await signalCorruption(s, true, `External data file host cluster offset 0x${host.toString(16)} does not match guest cluster offset ${at}`);
  }
}
