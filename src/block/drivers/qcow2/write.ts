/**
 * Writes of guest data.
 *
 * In: guest ranges and their bytes. Out: data in the image file, and tables that point to it. What a write does not cover of the clusters
 * that it allocates comes from what the guest saw there before. Leaves to others: choosing places (`allocation.ts`).
 */
import { bdrvCoPwrite, bdrvCoPwriteZeroes, bdrvCoPwritevPart } from '../../requests/write.ts';
import { bdrvBlockStatusAbove } from '../../requests/block-status.ts';
import { bdrvGetlength } from '../../requests/length.ts';
import { BDRV_BLOCK_ZERO, BDRV_REQ_NO_FALLBACK } from '../../model/constants.ts';
import { blockError, errnoOf } from '../../model/errors.ts';
import { IoVector } from '../../model/io-vector.ts';
import { blkdbgEvent } from '../../open/debug.ts';
import { allocateBytes } from './allocate.ts';
import { abandonAllocation, endAllocation, freeEntry, linkAllocation, placeWrite, type WritePlace } from './allocation.ts';
import { compress } from './compression.ts';
import { clusterTypeOf, compressedEntry, hasHostCluster, readEntry, writeEntry } from './l2-entry.ts';
import { ownSlice } from './l2-tables.ts';
import { checkDataOverlap } from './overlap.ts';
import { readGuest } from './read.ts';
import { hasDataFile, nodeAt, type ClusterAllocation, type Qcow2State } from './state.ts';

/** Writes guest data from `qiov`, from `qiovOffset` on. */
export async function writeGuest(s: Qcow2State, offset: number, bytes: number, qiov: IoVector, qiovOffset: number): Promise<void> {
  let done = 0;
  while (done < bytes) {
    await s.lock.lock();
    let place;
    try {
      place = await placeWrite(s, offset + done, bytes - done);
    } finally {
      s.lock.unlock();
    }
    await fillPlace(s, offset + done, place, qiov, qiovOffset + done);
    done += place.bytes;
  }
}

/** Writes the data of one run, and links its clusters; or gives them back where that fails. */
async function fillPlace(s: Qcow2State, guest: number, place: WritePlace, qiov: IoVector, qiovOffset: number): Promise<void> {
  const waiting = [...place.allocations];
  try {
    await checkDataOverlap(s, place.hostOffset, place.bytes);
    await writeRun(s, guest, place, qiov, qiovOffset);
    if (waiting.length === 0) return;
    await s.lock.run(async () => {
      for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
        await linkAllocation(s, next);
        waiting.shift();
        endAllocation(s, next);
      }
    });
  } catch (error) {
    if (waiting.length > 0) await s.lock.run(() => abandonAll(s, waiting));
    throw error;
  }
}

async function abandonAll(s: Qcow2State, allocations: readonly ClusterAllocation[]): Promise<void> {
  for (const allocation of allocations) {
    await abandonAllocation(s, allocation);
    endAllocation(s, allocation);
  }
}

/** Writes the data, together with what is copied in front of it and behind it, in one request. */
async function writeRun(s: Qcow2State, guest: number, { hostOffset, bytes, allocations }: WritePlace, qiov: IoVector, qiovOffset: number): Promise<void> {
  const first = allocations[0];
  const last = allocations.at(-1);
  // Copies in the middle of a run can't be: there it is the data that fills clusters.
  const head = first ? { at: first.offset + first.cowStart.offset, bytes: first.cowStart.bytes } : { at: 0, bytes: 0 };
  const tail = last ? { at: last.offset + last.cowEnd.offset, bytes: last.cowEnd.bytes } : { at: 0, bytes: 0 };
  if (head.bytes + tail.bytes === 0 || (await zeroAllocations(s, allocations, head, tail))) {
    await writeData(s, guest, hostOffset, bytes, qiov, qiovOffset);
    return;
  }
  const start = await copyOf(s, head.at, head.bytes);
  const end = await copyOf(s, tail.at, tail.bytes);
  await blkdbgEvent(s.bs.file, 'cow_write');
  const whole = IoVector.of(start).concat(qiov.slice(qiovOffset, bytes)).concat(IoVector.of(end));
  await checkDataOverlap(s, hostOffset - head.bytes, whole.size);
  await writeData(s, guest - head.bytes, hostOffset - head.bytes, whole.size, whole, 0);
}

/** What the guest sees in a range. */
async function copyOf(s: Qcow2State, offset: number, bytes: number): Promise<Uint8Array> {
  const copy = Buffer.alloc(bytes);
  if (bytes === 0) return copy;
  await blkdbgEvent(s.bs.file, 'cow_read');
  // The last cluster may end behind the disk, and VM state lies behind it altogether.
  await readGuest(s, offset, bytes, IoVector.of(copy), 0);
  return copy;
}

/**
 * Where all that would be copied is zeroes, makes the clusters zeroes at once, if the file below can do that quickly.
 *
 * @returns whether only the data is left to be written
 */
async function zeroAllocations(s: Qcow2State, allocations: readonly ClusterAllocation[], head: Range, tail: Range): Promise<boolean> {
  if (s.encryption !== null || allocations.some((one) => one.keepsOldClusters)) return false;
  // A few bytes are sooner written than asked about.
  if (head.bytes + tail.bytes < 4096 || !(await readsAsZero(s, head)) || !(await readsAsZero(s, tail))) return false;
  await blkdbgEvent(s.bs.file, 'cluster_alloc_space');
  for (const { hostOffset, clusters } of allocations) {
    try {
      await checkDataOverlap(s, hostOffset, clusters * s.clusterSize);
      await bdrvCoPwriteZeroes(s.dataFile, hostOffset, clusters * s.clusterSize, BDRV_REQ_NO_FALLBACK);
    } catch (error) {
      if (errnoOf(error) === 'ENOTSUP' || errnoOf(error) === 'EAGAIN') return false;
      throw error;
    }
  }
  return true;
}

interface Range {
  readonly at: number;
  readonly bytes: number;
}

async function readsAsZero(s: Qcow2State, { at, bytes }: Range): Promise<boolean> {
  if (bytes === 0) return true;
  const end = Math.min(at + bytes, s.header.size);
  if (at >= end) return false;
  const { flags, pnum } = await bdrvBlockStatusAbove(s.bs, null, at, end - at);
  return (flags & BDRV_BLOCK_ZERO) !== 0 && pnum >= end - at;
}

async function writeData(s: Qcow2State, guest: number, hostOffset: number, bytes: number, qiov: IoVector, qiovOffset: number): Promise<void> {
  await blkdbgEvent(s.bs.file, 'write_aio');
  if (s.encryption === null) {
    await bdrvCoPwritevPart(s.dataFile, hostOffset, bytes, qiov, qiovOffset, 0);
    return;
  }
  const data = s.encryption.encrypt({ host: hostOffset, guest }, qiov.slice(qiovOffset, bytes).flatten());
  await bdrvCoPwrite(s.dataFile, hostOffset, data, 0);
}

/** Writes whole clusters compressed; the last may be as short as the disk ends. What does not get shorter is written as it is. */
export async function writeCompressed(s: Qcow2State, offset: number, bytes: number, qiov: IoVector, qiovOffset: number): Promise<void> {
  if (hasDataFile(s)) throw blockError('ENOTSUP', 'Compressed clusters can not be in an external data file');
  if (bytes === 0) {
    await endCompressedWrites(s);
    return;
  }
  if (offset % s.clusterSize !== 0) throw blockError('EINVAL', 'A compressed write has to start at a cluster');
  for (let done = 0; done < bytes; done += s.clusterSize) {
    const part = Math.min(s.clusterSize, bytes - done);
    if (part < s.clusterSize && offset + done + part !== s.header.size) throw blockError('EINVAL', 'A compressed write has to end with a cluster, or with the disk');
    await writeCompressedCluster(s, offset + done, qiov.slice(qiovOffset + done, part));
  }
}

/** A sequence of compressed writes is over: the file gets the length that its last cluster needs. */
async function endCompressedWrites(s: Qcow2State): Promise<void> {
  const file = s.dataFile;
  const length = await bdrvGetlength(nodeAt(file));
  const rest = length % 512;
  if (rest !== 0) await bdrvCoPwrite(file, length, Buffer.alloc(512 - rest), 0);
}

async function writeCompressedCluster(s: Qcow2State, offset: number, data: IoVector): Promise<void> {
  const cluster = data.size === s.clusterSize ? data.flatten() : Buffer.concat([data.flatten()], s.clusterSize);
  const packed = s.encryption === null ? await compress(s.header.compressionType, cluster) : null;
  if (packed === null) {
    await writeGuest(s, offset, data.size, data, 0);
    return;
  }
  const place = await s.lock.run(() => placeCompressed(s, offset, packed.length));
  await checkDataOverlap(s, place, packed.length);
  await blkdbgEvent(s.bs.file, 'write_compressed');
  await bdrvCoPwrite(s.dataFile, place, packed, 0);
}

/** Allocates room for compressed data, and puts it into the L2 table. A cluster that is there can't be replaced by compressed data. */
async function placeCompressed(s: Qcow2State, offset: number, bytes: number): Promise<number> {
  const slice = await ownSlice(s, offset);
  try {
    const old = readEntry(s, slice.table.view, slice.index);
    if (hasHostCluster(clusterTypeOf(s, old))) throw blockError('EIO', 'A cluster that has data can not be written compressed');
    const place = await allocateBytes(s, bytes);
    await blkdbgEvent(s.bs.file, 'l2_update_compressed');
    s.l2Cache.markDirty(slice.table);
    writeEntry(s, slice.table.view, slice.index, compressedEntry(s, place, bytes));
    // Compressed data can be replaced by other compressed data.
    await freeEntry(s, old, 'never');
    return place;
  } finally {
    s.l2Cache.put(slice.table);
  }
}

