/**
 * The write threshold: a management program is told once a node is written above an offset, so that it can make the storage larger.
 *
 * In: an offset for a node, and each write. Out: the event `BLOCK_WRITE_THRESHOLD`, once for each setting. Leaves to others: who listens.
 */
import { emitBlockEvent } from '../events.ts';
import type { BlockDriverState } from '../model/node.ts';

/**
 * The offset that is watched; 0: none.
 *
 * @io
 */
export function bdrvWriteThresholdGet(bs: BlockDriverState): number {
  return bs.writeThresholdOffset;
}

/**
 * Watches for writes that end above `thresholdBytes`; 0 ends it.
 *
 * @io
 */
export function bdrvWriteThresholdSet(bs: BlockDriverState, thresholdBytes: number): void {
  bs.writeThresholdOffset = thresholdBytes;
}

/**
 * Tells whoever listens if a write ends above the threshold, and stops watching then.
 *
 * @io
 */
export function writeThresholdCheckWrite(bs: BlockDriverState, offset: number, bytes: number): void {
  const threshold = bs.writeThresholdOffset;
  if (threshold === 0 || offset + bytes <= threshold) return;
  bs.writeThresholdOffset = 0;
  emitBlockEvent('BLOCK_WRITE_THRESHOLD', { 'node-name': bs.nodeName, 'amount-exceeded': offset + bytes - threshold, 'write-threshold': threshold });
}
