/**
 * Making an overlay empty: it shows its backing file again, as if it were new.
 *
 * In: an open image. Out: nothing is mapped. Leaves to others: who may ask for it. Call with the lock held.
 */
import { blkdbgEvent } from '../../open/debug.ts';
import { bdrvGetlength } from '../../requests/length.ts';
import { bdrvCoTruncate } from '../../requests/truncate.ts';
import { shrinkL1Table } from './l2-tables.ts';
import { holdDiscards, lastUsedCluster } from './refcounts.ts';
import { fileOf, l2Coverage, nodeAt, type Qcow2State } from './state.ts';
import { discardClusters } from './zero-and-discard.ts';

/** Frees all that the disk uses, VM state included. Snapshots stay. */
export async function emptyImage(s: Qcow2State): Promise<void> {
  await blkdbgEvent(s.bs.file, 'empty_image_prepare');
  // Data goes only when the disk has nothing left that points to it.
  await holdDiscards(s, async () => {
    await discardClusters(s, 0, s.l1.length * l2Coverage(s), 'snapshot', true);
    await s.l2Cache.flush();
    await shrinkL1Table(s, 0);
  });
  await s.refcountCache.flush();
  const length = await bdrvGetlength(nodeAt(fileOf(s)));
  const needed = ((await lastUsedCluster(s, length)) + 1) * s.clusterSize;
  // Room at the end is given back where that is possible; the image is empty all the same.
  if (needed < length) await bdrvCoTruncate(fileOf(s), needed, false, 'off', 0).catch(() => undefined);
}
