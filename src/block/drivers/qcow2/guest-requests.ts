/**
 * The requests that a node of this format takes, besides plain reads and writes.
 *
 * In: guest ranges of any alignment that the node's limits allow. Out: what was asked for, or `ENOTSUP` where only a write of zeroes helps.
 * Leaves to others: changing entries (`zero-and-discard.ts`), mapping (`mapping.ts`).
 */
import { alignDown, alignUp } from '../../model/arithmetic.ts';
import {
  BDRV_BLOCK_DATA, BDRV_BLOCK_OFFSET_VALID, BDRV_BLOCK_RECURSE, BDRV_BLOCK_ZERO, type BdrvRequestFlags, type BlockStatusFlags,
} from '../../model/constants.ts';
import type { DriverBlockStatus } from '../../model/driver.ts';
import { blockError } from '../../model/errors.ts';
import type { IoVector } from '../../model/io-vector.ts';
import { blkdbgEvent } from '../../open/debug.ts';
import { bdrvBlockStatusAbove } from '../../requests/block-status.ts';
import { mapExtent, type Extent } from './mapping.ts';
import { readGuest } from './read.ts';
import { hasDataFile, nodeAt, vmStateOffset, type Qcow2State } from './state.ts';
import { writeGuest } from './write.ts';
import { discardClusters, zeroSubclusters } from './zero-and-discard.ts';

/** Makes a range zeroes without writing them. Parts of subclusters can be included where the rest of them reads as zeroes too. */
export async function writeZeroes(s: Qcow2State, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<void> {
  const start = alignDown(offset, s.subclusterSize);
  const isAtEnd = offset + bytes === s.header.size;
  const end = isAtEnd ? offset + bytes : alignUp(offset + bytes, s.subclusterSize);
  const head = offset - start;
  const tail = end - offset - bytes;
  if (head === 0 && tail === 0) {
    await s.lock.run(() => zeroSubclusters(s, offset, bytes, flags));
    return;
  }
  // The block layer cuts requests so that only those within one subcluster get here unaligned.
  if (end - start > s.subclusterSize || !(await readsAsZero(s, start, head)) || !(await readsAsZero(s, offset + bytes, tail))) {
    throw blockError('ENOTSUP', 'A part of a cluster can not be zeroed by itself');
  }
  await s.lock.run(async () => {
    // Another write may have come in between.
    const { type } = await mapExtent(s, start, s.subclusterSize);
    if (!['unallocated-plain', 'unallocated-allocated', 'zero-plain', 'zero-allocated'].includes(type)) {
      throw blockError('ENOTSUP', 'A part of a cluster can not be zeroed by itself');
    }
    await zeroSubclusters(s, start, end - start, flags);
  });
}

async function readsAsZero(s: Qcow2State, offset: number, bytes: number): Promise<boolean> {
  const end = Math.min(offset + bytes, s.header.size);
  if (offset >= end) return true;
  const { flags, pnum } = await bdrvBlockStatusAbove(s.bs, null, offset, end - offset);
  return (flags & BDRV_BLOCK_ZERO) !== 0 && pnum >= end - offset;
}

/** Gives whole clusters back. */
export async function discardGuest(s: Qcow2State, offset: number, bytes: number): Promise<void> {
  // Without zero clusters the backing file would show through.
  if (s.header.version < 3 && s.bs.backing !== null) throw blockError('ENOTSUP', 'Images of version 2 can not discard what hides a backing file');
  const isWhole = offset % s.clusterSize === 0 && (bytes % s.clusterSize === 0 || offset + bytes === s.header.size);
  if (!isWhole) throw blockError('ENOTSUP', 'Only whole clusters can be discarded');
  await s.lock.run(() => discardClusters(s, offset, bytes, 'request', false));
}

/** What is known of a range. */
export async function blockStatus(s: Qcow2State, offset: number, bytes: number): Promise<DriverBlockStatus> {
  const extent = await s.lock.run(() => mapExtent(s, offset, bytes));
  const flags = statusFlags(s, extent);
  const isValid = (flags & BDRV_BLOCK_OFFSET_VALID) !== 0;
  return { flags, pnum: extent.bytes, map: isValid ? extent.hostOffset : 0, file: isValid ? nodeAt(s.dataFile) : null };
}

function statusFlags(s: Qcow2State, { type }: Extent): BlockStatusFlags {
  // Metadata that is preallocated says nothing of the data; the file below may know of holes.
  const recurse = s.mayBePreallocated ? BDRV_BLOCK_RECURSE : 0;
  switch (type) {
    case 'normal':
      return BDRV_BLOCK_DATA | recurse | (s.encryption === null ? BDRV_BLOCK_OFFSET_VALID : 0);
    case 'zero-allocated':
      return BDRV_BLOCK_ZERO | (s.encryption === null ? BDRV_BLOCK_OFFSET_VALID : 0);
    case 'zero-plain':
      return BDRV_BLOCK_ZERO;
    case 'compressed':
      return BDRV_BLOCK_DATA;
    case 'unallocated-plain':
    case 'unallocated-allocated':
      return 0;
  }
}

/** Saves VM state: behind the disk. */
export async function saveVmState(s: Qcow2State, qiov: IoVector, position: number): Promise<void> {
  if (hasDataFile(s)) throw blockError('ENOTSUP', 'Images with an external data file hold no VM state');
  await blkdbgEvent(s.bs.file, 'vmstate_save');
  await writeGuest(s, vmStateOffset(s) + position, qiov.size, qiov, 0);
}

/** Loads VM state. */
export async function loadVmState(s: Qcow2State, qiov: IoVector, position: number): Promise<void> {
  await blkdbgEvent(s.bs.file, 'vmstate_load');
  await readGuest(s, vmStateOffset(s) + position, qiov.size, qiov, 0);
}

