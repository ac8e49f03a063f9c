/**
 * Clusters for a purpose: anywhere, at a place, or a part of one for compressed data.
 *
 * In: how many bytes are needed. Out: where they are in the file; their refcounts are up already, in the cache. Leaves to others: pointing
 * to them, in the right order.
 */
import { blockError } from '../../model/errors.ts';
import { blkdbgEvent } from '../../open/debug.ts';
import { signalCorruption } from './corruption.ts';
import { findFreeClusters, freeClustersFrom, getRefcount, MAX_HOST_OFFSET, maxRefcount, passDiscards, updateRefcounts } from './refcounts.ts';
import { clustersFor, type Qcow2State } from './state.ts';

/** Bits of an L2 entry that hold the offset of compressed data. */
export function compressedOffsetBits(s: Pick<Qcow2State, 'clusterBits'>): number {
  return 62 - (s.clusterBits - 8);
}

/** Clusters for `bytes` bytes, in a row. */
export async function allocateClusters(s: Qcow2State, bytes: number): Promise<number> {
  await blkdbgEvent(s.bs.file, 'cluster_alloc');
  for (;;) {
    const offset = await findFreeClusters(s, clustersFor(s, bytes));
    if (offset === 0) throw await signalCorruption(s, true, 'Preventing invalid allocation of clusters at offset 0');
    if (await updateRefcounts(s, offset, bytes, 1, 'never')) return offset;
    s.freeClusterIndex = Math.min(s.freeClusterIndex, offset / s.clusterSize);
  }
}

/** Clusters at `offset`, as many of `count` as are free there: may be none. */
export async function allocateClustersAt(s: Qcow2State, offset: number, count: number): Promise<number> {
  await passDiscards(s);
  for (;;) {
    const free = await freeClustersFrom(s, offset / s.clusterSize, count);
    if (free === 0) return 0;
    if (offset + free * s.clusterSize > MAX_HOST_OFFSET) throw blockError('EFBIG', 'The image would get too large for its format');
    if (await updateRefcounts(s, offset, free * s.clusterSize, 1, 'never')) return free;
  }
}

/** Room for compressed data: behind the data that was compressed last if it fits there, or goes on in the cluster that follows. */
export async function allocateBytes(s: Qcow2State, bytes: number): Promise<number> {
  await blkdbgEvent(s.bs.file, 'cluster_alloc_bytes');
  let offset = await sharedPlace(s);
  for (;;) {
    const left = offset === 0 ? 0 : s.clusterSize - (offset % s.clusterSize);
    if (left < bytes) {
      const cluster = await findFreeClusters(s, 1, Math.min(MAX_HOST_OFFSET, 2 ** Math.min(compressedOffsetBits(s), 53)));
      if (cluster === 0) throw await signalCorruption(s, true, 'Preventing invalid allocation of compressed cluster at offset 0');
      if (offset === 0 || offset + left !== cluster) offset = cluster;
    }
    if (await updateRefcounts(s, offset, bytes, 1, 'never')) break;
    offset = 0;
  }
  // Compressed data is written before its L2 entry, and its refcount must be in the file first.
  await s.l2Cache.setDependency(s.refcountCache);
  const end = offset + bytes;
  s.freeByteOffset = end % s.clusterSize === 0 ? 0 : end;
  return offset;
}

/** Where the cluster of the latest compressed data goes on; 0 if it can't be shared by more. */
async function sharedPlace(s: Qcow2State): Promise<number> {
  if (s.freeByteOffset === 0) return 0;
  const count = await getRefcount(s, Math.floor(s.freeByteOffset / s.clusterSize));
  return count === 0 || count >= maxRefcount(s.refcountBits) ? 0 : s.freeByteOffset;
}
