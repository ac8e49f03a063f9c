/**
 * What the format can tell of an image.
 *
 * In: an open image. Out: plain answers, with the names that `qemu-img info --output=json` uses.
 */
import type { BlockDriverInfo } from '../../model/driver.ts';
import { COMPAT_LAZY_REFCOUNTS, hasFeature, INCOMPAT_CORRUPT, INCOMPAT_DIRTY, INCOMPAT_EXTENDED_L2 } from './header.ts';
import { hasDataFile, isDataFileRaw, vmStateOffset, type Qcow2State } from './state.ts';

/** What the block layer wants to know of any format. */
export function imageInfo(s: Qcow2State): BlockDriverInfo {
  return {
    clusterSize: s.clusterSize, vmStateOffset: vmStateOffset(s), isDirty: hasFeature(s.header.incompatibleFeatures, INCOMPAT_DIRTY), needsCompressedWrites: false,
  };
}

/** What only this format has. */
export function specificInfo(s: Qcow2State): Record<string, unknown> {
  const encrypt = s.encryption === null ? {} : { encrypt: s.encryption.info() };
  const { header } = s;
  if (header.version < 3) return { type: 'qcow2', data: { compat: '0.10', 'compression-type': header.compressionType, 'refcount-bits': s.refcountBits, ...encrypt } };
  return {
    type: 'qcow2',
    data: {
      compat: '1.1', 'compression-type': header.compressionType, 'lazy-refcounts': hasFeature(header.compatibleFeatures, COMPAT_LAZY_REFCOUNTS),
      ...(s.bitmapInfos.length > 0 && { bitmaps: s.bitmapInfos }), 'refcount-bits': s.refcountBits, ...encrypt,
      corrupt: hasFeature(header.incompatibleFeatures, INCOMPAT_CORRUPT),
      ...(hasDataFile(s) && { 'data-file': s.extensions.dataFile ?? '', 'data-file-raw': isDataFileRaw(s) }),
      'extended-l2': hasFeature(header.incompatibleFeatures, INCOMPAT_EXTENDED_L2),
    },
  };
}
