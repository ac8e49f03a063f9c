/**
 * A whole new refcount structure: table and blocks, for a repair or another width of counts.
 *
 * In: the count of each cluster. Out: the header points to a new structure behind the end of the file. Leaves to others: freeing the old
 * one, and counting.
 */
import { bdrvGetlength } from '../../requests/length.ts';
import { bdrvCoFlush } from '../../requests/flush.ts';
import { bdrvCoPwrite } from '../../requests/write.ts';
import { blockError } from '../../model/errors.ts';
import { MAX_REFCOUNT_TABLE_BYTES, viewOf } from './header.ts';
import { PointerTable } from './pointer-table.ts';
import { loadRefcountTable, maxRefcount, writeRefcount } from './refcounts.ts';
import { clustersFor, fileOf, nodeAt, type Qcow2State } from './state.ts';
import { changeHeader } from './update-header.ts';

interface StructurePlan {
  /** First cluster. */
  readonly start: number;
  /** The table's indexes of the blocks, in the order in which they lie. */
  readonly blocks: readonly number[];
  readonly tableClusters: number;
  readonly entriesPerBlock: number;
}

/** Writes a structure of counts of 2^`order` bits, and uses it from then on. */
export async function replaceRefcounts(s: Qcow2State, counts: Uint32Array, order: number): Promise<void> {
  const bits = 2 ** order;
  const most = maxRefcount(bits);
  const tooLarge = counts.findIndex((count) => count > most);
  if (tooLarge >= 0) {
    throw blockError('EINVAL', `Cannot decrease refcount entry width to ${bits} bits: Cluster at offset ${tooLarge * s.clusterSize} has a refcount of ${counts[tooLarge] ?? 0}`);
  }
  const fileLength = await bdrvGetlength(nodeAt(fileOf(s)));
  const plan = planStructure(s, counts, Math.max(counts.length, clustersFor(s, fileLength)), (s.clusterSize * 8) / bits);
  const tableOffset = (plan.start + plan.blocks.length) * s.clusterSize;
  await bdrvCoPwrite(fileOf(s), plan.start * s.clusterSize, serializeBlocks(s, counts, plan, bits), 0);
  const table = new PointerTable(Buffer.alloc(plan.tableClusters * s.clusterSize), tableOffset, true);
  plan.blocks.forEach((block, position) => table.set(block, (plan.start + position) * s.clusterSize, false));
  await bdrvCoPwrite(fileOf(s), tableOffset, table.bytes, 0);
  await bdrvCoFlush(nodeAt(fileOf(s)));
  await changeHeader(s, { refcountTableOffset: tableOffset, refcountTableClusters: plan.tableClusters, refcountOrder: order });
  s.refcountBits = bits;
  s.refcountBlockEntries = plan.entriesPerBlock;
  s.refcountCache.forget();
  s.freeClusterIndex = 0;
  await loadRefcountTable(s);
}

function serializeBlocks(s: Qcow2State, counts: Uint32Array, plan: StructurePlan, bits: number): Uint8Array {
  const bytes = Buffer.alloc(plan.blocks.length * s.clusterSize);
  const end = plan.start + plan.blocks.length + plan.tableClusters;
  plan.blocks.forEach((block, position) => {
    const view = viewOf(bytes.subarray(position * s.clusterSize, (position + 1) * s.clusterSize));
    for (let entry = 0; entry < plan.entriesPerBlock; entry++) {
      const cluster = block * plan.entriesPerBlock + entry;
      const count = cluster >= plan.start && cluster < end ? 1 : (counts[cluster] ?? 0);
      if (count > 0) writeRefcount(view, entry, bits, count);
    }
  });
  return bytes;
}

/** Which blocks are needed, those that count themselves and the table included. */
function planStructure(s: Qcow2State, counts: Uint32Array, start: number, entriesPerBlock: number): StructurePlan {
  const used = new Set<number>();
  counts.forEach((count, cluster) => {
    if (count > 0) used.add(Math.floor(cluster / entriesPerBlock));
  });
  let tableClusters = 1;
  for (;;) {
    const end = start + used.size + tableClusters;
    const before = used.size;
    for (let block = Math.floor(start / entriesPerBlock); block <= Math.floor((end - 1) / entriesPerBlock); block++) used.add(block);
    const highest = Math.floor((end - 1) / entriesPerBlock);
    const needed = clustersFor(s, (highest + 1) * 8);
    if (needed * s.clusterSize > MAX_REFCOUNT_TABLE_BYTES) throw blockError('EFBIG', 'The refcount table would get too large');
    if (used.size === before && needed <= tableClusters) return { start, blocks: [...used].sort((a, b) => a - b), tableClusters, entriesPerBlock };
    tableClusters = Math.max(tableClusters, needed);
  }
}
