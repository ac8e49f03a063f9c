/**
 * Reads of guest data.
 *
 * In: guest ranges. Out: their bytes, from the image, its backing file, or nowhere. Leaves to others: the map of the image (`mapping.ts`).
 */
import { bdrvCoPread, bdrvCoPreadvPart } from '../../requests/read.ts';
import { type IoVector } from '../../model/io-vector.ts';
import { blkdbgEvent } from '../../open/debug.ts';
import { decompress } from './compression.ts';
import type { EncryptedPayload } from './encryption.ts';
import { mapExtent, type Extent } from './mapping.ts';
import { fileOf, type Qcow2State } from './state.ts';

/** Reads guest data into `qiov`, from `qiovOffset` on. Takes the lock for each extent. */
export async function readGuest(s: Qcow2State, offset: number, bytes: number, qiov: IoVector, qiovOffset: number): Promise<void> {
  let done = 0;
  while (done < bytes) {
    const at = offset + done;
    await s.lock.lock();
    let extent: Extent;
    try {
      extent = await mapExtent(s, at, bytes - done);
    } finally {
      s.lock.unlock();
    }
    await readExtent(s, extent, at, qiov, qiovOffset + done);
    done += extent.bytes;
  }
}

async function readExtent(s: Qcow2State, extent: Extent, offset: number, qiov: IoVector, qiovOffset: number): Promise<void> {
  switch (extent.type) {
    case 'unallocated-plain':
    case 'unallocated-allocated':
      if (s.bs.backing === null) {
        qiov.fill(0, qiovOffset, extent.bytes);
        return;
      }
      await blkdbgEvent(s.bs.file, 'read_backing_aio');
      await bdrvCoPreadvPart(s.bs.backing, offset, extent.bytes, qiov, qiovOffset, 0);
      return;
    case 'zero-plain':
    case 'zero-allocated':
      qiov.fill(0, qiovOffset, extent.bytes);
      return;
    case 'compressed':
      await readCompressed(s, extent, offset, qiov, qiovOffset);
      return;
    case 'normal':
      await blkdbgEvent(s.bs.file, 'read_aio');
      if (s.encryption === null) await bdrvCoPreadvPart(s.dataFile, extent.hostOffset, extent.bytes, qiov, qiovOffset, 0);
      else await readEncrypted(s, s.encryption, extent, offset, qiov, qiovOffset);
  }
}

async function readEncrypted(s: Qcow2State, encryption: EncryptedPayload, extent: Extent, guest: number, qiov: IoVector, qiovOffset: number): Promise<void> {
  const data = Buffer.allocUnsafe(extent.bytes);
  await bdrvCoPread(s.dataFile, extent.hostOffset, data, 0);
  qiov.copyFrom(encryption.decrypt({ host: extent.hostOffset, guest }, data), qiovOffset);
}

async function readCompressed(s: Qcow2State, extent: Extent, offset: number, qiov: IoVector, qiovOffset: number): Promise<void> {
  const place = extent.compressed;
  if (place === null) return;
  await blkdbgEvent(s.bs.file, 'read_compressed');
  const packed = Buffer.alloc(place.bytes);
  await bdrvCoPread(fileOf(s), place.offset, packed, 0);
  const data = await decompress(s.header.compressionType, packed, s.clusterSize);
  const start = offset % s.clusterSize;
  qiov.copyFrom(data.subarray(start, start + extent.bytes), qiovOffset);
}
