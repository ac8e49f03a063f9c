/**
 * How large a new image would be.
 *
 * In: creation options, and a node that would be copied. Out: bytes, as `qemu-img measure` counts them. Leaves to others: creating it.
 */
import { alignUp, divideUp } from '../../model/arithmetic.ts';
import { BDRV_BLOCK_ALLOCATED, BDRV_BLOCK_DATA, BDRV_BLOCK_ZERO } from '../../model/constants.ts';
import type { BlockMeasureInfo, CreationOptions } from '../../model/driver.ts';
import type { BlockDriverState } from '../../model/node.ts';
import { bdrvBlockStatusAbove } from '../../requests/block-status.ts';
import { bdrvGetlength } from '../../requests/length.ts';
import { luksHeaderLength } from '../crypto/luks.ts';
import { takeCreateOptions, type Qcow2Creation } from './creation.ts';

/** Bytes of an image of `size` bytes with all its clusters, and of its metadata. */
function allocatedBytes(size: number, { clusterSize, refcountBits, extendedL2 }: Qcow2Creation): number {
  const entryBytes = extendedL2 ? 16 : 8;
  const data = alignUp(size, clusterSize);
  const l2Bytes = alignUp(data / clusterSize, clusterSize / entryBytes) * entryBytes;
  const l1Bytes = alignUp(l2Bytes / clusterSize, clusterSize / 8) * 8;
  const counted = clusterSize + l2Bytes + l1Bytes + data;
  return counted + refcountBytes(counted / clusterSize, clusterSize, refcountBits);
}

/** Bytes of the table and the blocks that count `clusters` clusters, and themselves. */
function refcountBytes(clusters: number, clusterSize: number, refcountBits: number): number {
  let own = 0;
  for (;;) {
    const blocks = divideUp(clusters + own, (clusterSize * 8) / refcountBits);
    const needed = blocks + divideUp(blocks, clusterSize / 8);
    if (needed === own) return own * clusterSize;
    own = needed;
  }
}

/** Bytes in clusters of `clusterSize` that hold data of `bs`. */
async function dataBytes(bs: BlockDriverState, length: number, clusterSize: number): Promise<number> {
  let bytes = 0;
  for (let at = 0; at < length; ) {
    const { flags, pnum } = await bdrvBlockStatusAbove(bs, null, at, length - at);
    let step = pnum;
    if ((flags & BDRV_BLOCK_ZERO) === 0 && (flags & BDRV_BLOCK_DATA) !== 0 && (flags & BDRV_BLOCK_ALLOCATED) !== 0) {
      step = alignUp(at + pnum, clusterSize) - at;
      bytes += (at % clusterSize) + step;
    }
    at += step;
  }
  return bytes;
}

/** Bytes that the persistent bitmaps of `bs` would take in another image. */
function bitmapBytes(bs: BlockDriverState, clusterSize: number): number {
  let bytes = 0;
  let directory = 0;
  for (const bitmap of bs.dirtyBitmaps) {
    if (!bitmap.persistent || bitmap.inconsistent) continue;
    const clusters = divideUp(divideUp(divideUp(bitmap.size, bitmap.granularity), 8), clusterSize);
    bytes += clusters * clusterSize + alignUp(clusters * 8, clusterSize);
    directory += alignUp(24 + Buffer.byteLength(bitmap.name ?? ''), 8);
  }
  return bytes + alignUp(directory, clusterSize);
}

/** What an image would take. `inBs`: what would be copied into it. */
export async function measureImage(options: CreationOptions, inBs: BlockDriverState | null): Promise<BlockMeasureInfo> {
  const length = inBs === null ? null : await bdrvGetlength(inBs);
  const creation = takeCreateOptions(length === null ? options : { ...options, size: length });
  const { clusterSize } = creation;
  const size = alignUp(creation.size, clusterSize);
  const header = creation.encryption === null ? 0 : alignUp(luksHeaderLength(creation.encryption.options), clusterSize);
  const fullyAllocated = allocatedBytes(size, creation) + header;
  let data = 0;
  if (inBs !== null && length !== null) data = creation.backingFile !== null ? size : await dataBytes(inBs, length, clusterSize);
  if (creation.preallocation === 'full' || creation.preallocation === 'falloc') data = size;
  const storesBitmaps = inBs !== null && creation.version >= 3 && inBs.drv?.bdrvSupportsPersistentDirtyBitmap?.(inBs) === true;
  return { required: fullyAllocated - size + data, fullyAllocated, ...(storesBitmaps && { bitmaps: bitmapBytes(inBs, clusterSize) }) };
}
