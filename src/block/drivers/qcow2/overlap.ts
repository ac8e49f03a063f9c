/**
 * A last look before a write: does it hit metadata that it is not meant for? Then the image is corrupt, and the write is refused.
 *
 * In: a range of the image file. Out: nothing, or a `BlockError` `EIO`. Leaves to others: what is to be written.
 */
import { rangesOverlap } from '../../model/arithmetic.ts';
import { blockError } from '../../model/errors.ts';
import { bdrvCoPread } from '../../requests/read.ts';
import { signalCorruption } from './corruption.ts';
import { PointerTable } from './pointer-table.ts';
import { clustersFor, fileOf, hasDataFile, type OverlapChecks, type Qcow2State } from './state.ts';

const NO_CHECKS: OverlapChecks = {
  mainHeader: false, activeL1: false, activeL2: false, refcountTable: false, refcountBlock: false, snapshotTable: false, inactiveL1: false,
  inactiveL2: false, bitmapDirectory: false,
};
const CONSTANT_CHECKS: OverlapChecks = { ...NO_CHECKS, mainHeader: true, activeL1: true, refcountTable: true, snapshotTable: true, bitmapDirectory: true };
const CACHED_CHECKS: OverlapChecks = { ...CONSTANT_CHECKS, activeL2: true, refcountBlock: true, inactiveL1: true };

/** What the option `overlap-check` can be. */
export const OVERLAP_TEMPLATES: Readonly<Record<'none' | 'constant' | 'cached' | 'all', OverlapChecks>> = {
  none: NO_CHECKS, constant: CONSTANT_CHECKS, cached: CACHED_CHECKS, all: { ...CACHED_CHECKS, inactiveL2: true },
};

/** The options that switch one check on or off, with the check. */
export const OVERLAP_OPTIONS: readonly (readonly [string, keyof OverlapChecks])[] = [
  ['overlap-check.main-header', 'mainHeader'], ['overlap-check.active-l1', 'activeL1'], ['overlap-check.active-l2', 'activeL2'],
  ['overlap-check.refcount-table', 'refcountTable'], ['overlap-check.refcount-block', 'refcountBlock'], ['overlap-check.snapshot-table', 'snapshotTable'],
  ['overlap-check.inactive-l1', 'inactiveL1'], ['overlap-check.inactive-l2', 'inactiveL2'], ['overlap-check.bitmap-directory', 'bitmapDirectory'],
];

const NAMES: Readonly<Record<keyof OverlapChecks, string>> = {
  mainHeader: 'qcow2_header', activeL1: 'active L1 table', activeL2: 'active L2 table', refcountTable: 'refcount table', refcountBlock: 'refcount block',
  snapshotTable: 'snapshot table', inactiveL1: 'inactive L1 table', inactiveL2: 'inactive L2 table', bitmapDirectory: 'bitmap directory',
};

/** Refuses a write of metadata that hits other metadata. `ignore`: what the write is meant for. */
export async function checkWriteOverlap(s: Qcow2State, offset: number, bytes: number, ignore: keyof OverlapChecks | null = null): Promise<void> {
  if (bytes === 0) return;
  const hit = findOverlap(s, offset, bytes, ignore) ?? (s.overlapChecks.inactiveL2 && ignore !== 'inactiveL2' ? await findInactiveL2(s, offset, bytes) : null);
  if (hit === null) return;
  throw await signalCorruption(s, true, `Preventing invalid write on metadata (overlaps with ${NAMES[hit]})`, offset, bytes);
}

/** Refuses a write of guest data that hits metadata. Data in a file of its own can't. */
export async function checkDataOverlap(s: Qcow2State, offset: number, bytes: number): Promise<void> {
  if (!hasDataFile(s)) await checkWriteOverlap(s, offset, bytes);
}

function findOverlap(s: Qcow2State, offset: number, bytes: number, ignore: keyof OverlapChecks | null): keyof OverlapChecks | null {
  const start = offset - (offset % s.clusterSize);
  const end = start + clustersFor(s, offset + bytes - start) * s.clusterSize;
  const { header, overlapChecks: checks, clusterSize } = s;
  const hits = (check: keyof OverlapChecks, table: number, length: number): boolean =>
    checks[check] && ignore !== check && length > 0 && table > 0 && rangesOverlap(start, end - start, table, length);
  if (checks.mainHeader && ignore !== 'mainHeader' && start < clusterSize) return 'mainHeader';
  if (hits('activeL1', header.l1TableOffset, header.l1Size * 8)) return 'activeL1';
  if (checks.activeL2 && ignore !== 'activeL2' && s.l1.pointsInto(start, end, clusterSize) >= 0) return 'activeL2';
  if (hits('refcountTable', header.refcountTableOffset, header.refcountTableClusters * clusterSize)) return 'refcountTable';
  if (checks.refcountBlock && ignore !== 'refcountBlock' && s.refcountTable.pointsInto(start, end, clusterSize) >= 0) return 'refcountBlock';
  if (hits('snapshotTable', header.snapshotsOffset, s.snapshotsSize)) return 'snapshotTable';
  if (s.snapshots.some((snapshot) => hits('inactiveL1', snapshot.l1TableOffset, snapshot.l1Size * 8))) return 'inactiveL1';
  const { bitmaps } = s.extensions;
  return bitmaps && hits('bitmapDirectory', bitmaps.directoryOffset, bitmaps.directorySize) ? 'bitmapDirectory' : null;
}

/** Reads the L1 tables of all snapshots: slow, and asked for explicitly. */
async function findInactiveL2(s: Qcow2State, offset: number, bytes: number): Promise<'inactiveL2' | null> {
  const start = offset - (offset % s.clusterSize);
  for (const snapshot of s.snapshots) {
    if (snapshot.l1Size * 8 > 32 * 2 ** 20) throw blockError('EFBIG', 'The L1 table of a snapshot is too large');
    const table = Buffer.alloc(snapshot.l1Size * 8);
    await bdrvCoPread(fileOf(s), snapshot.l1TableOffset, table, 0);
    if (new PointerTable(table, snapshot.l1TableOffset).pointsInto(start, offset + bytes, s.clusterSize) >= 0) return 'inactiveL2';
  }
  return null;
}
