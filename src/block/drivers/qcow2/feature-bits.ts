/**
 * The feature bits that change while an image is open: dirty and corrupt.
 *
 * In: a bit. Out: it is in the header in the file, before anything that relies on it. Leaves to others: the rest of the header.
 */
import { bdrvCoFlush } from '../../requests/flush.ts';
import { bdrvCoPwrite } from '../../requests/write.ts';
import { hasFeature, INCOMPAT_CORRUPT, INCOMPAT_DIRTY, viewOf } from './header.ts';
import { fileOf, nodeAt, type Qcow2State } from './state.ts';

const INCOMPATIBLE_FEATURES_OFFSET = 72;

async function writeFeatures(s: Qcow2State, features: bigint): Promise<void> {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setBigUint64(0, features);
  await bdrvCoPwrite(fileOf(s), INCOMPATIBLE_FEATURES_OFFSET, bytes, 0);
  await bdrvCoFlush(nodeAt(fileOf(s)));
  s.header.incompatibleFeatures = features;
}

/** Refcounts in the file are about to fall behind. */
export async function markDirty(s: Qcow2State): Promise<void> {
  if (hasFeature(s.header.incompatibleFeatures, INCOMPAT_DIRTY)) return;
  await writeFeatures(s, s.header.incompatibleFeatures | BigInt(INCOMPAT_DIRTY));
}

/** Nobody may write to the image until it is repaired. Version 2 has no bit for it. */
export async function markCorrupt(s: Qcow2State): Promise<void> {
  if (s.header.version < 3 || hasFeature(s.header.incompatibleFeatures, INCOMPAT_CORRUPT)) return;
  await writeFeatures(s, s.header.incompatibleFeatures | BigInt(INCOMPAT_CORRUPT));
}

/** A repair has ended well. */
export async function markConsistent(s: Qcow2State): Promise<void> {
  if (!hasFeature(s.header.incompatibleFeatures, INCOMPAT_CORRUPT)) return;
  await bdrvCoFlush(nodeAt(fileOf(s)));
  await writeFeatures(s, s.header.incompatibleFeatures & ~BigInt(INCOMPAT_CORRUPT));
}

/** Refcounts in the file are right again: all caches have been flushed. */
export async function clearDirty(s: Qcow2State): Promise<void> {
  if (!hasFeature(s.header.incompatibleFeatures, INCOMPAT_DIRTY)) return;
  await writeFeatures(s, s.header.incompatibleFeatures & ~BigInt(INCOMPAT_DIRTY));
}
