/**
 * `copy-before-write`: a filter that copies what is about to be overwritten to a target, which so keeps the content of one point in time.
 *
 * In: the options `file`, `target`, `bitmap.node`, `bitmap.name`, `on-cbw-error`, `cbw-timeout`. Out: a driver table, and the filter put in
 * and taken out. Leaves to others: the copying (`block-copy.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../../runtime/index.ts';
import { aioTimerStart, qemuGetCurrentAioContext } from '../../contexts/aio-context.ts';
import { aioCoEnter } from '../../contexts/coroutine.ts';
import type { CancelTimer } from '../../contexts/scheduler.ts';
import { bdrvChainContains } from '../../graph/chains.ts';
import { bdrvSkipFilters, bdrvBackingChainNext } from '../../graph/chain-links.ts';
import { childOfBds } from '../../graph/child-of-bds.ts';
import { bdrvDecInFlight, bdrvIncInFlight } from '../../graph/in-flight.ts';
import { bdrvInsertNode } from '../../graph/insert-node.ts';
import { bdrvUnref } from '../../graph/nodes.ts';
import { bdrvDefaultPerms } from '../../graph/permission-rules.ts';
import { bdrvDropFilter } from '../../graph/replace.ts';
import { alignDown, alignUp } from '../../model/arithmetic.ts';
import {
  BDRV_CHILD_DATA, BDRV_CHILD_FILTERED, BDRV_CHILD_PRIMARY, BDRV_O_RDWR, BDRV_REQ_FUA, BDRV_REQ_MAY_UNMAP, BDRV_REQ_NO_FALLBACK, BDRV_REQ_WRITE_UNCHANGED,
  BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_RESIZE, BLK_PERM_WRITE, type BdrvRequestFlags,
} from '../../model/constants.ts';
import type { BdrvDirtyBitmap } from '../../model/dirty-bitmap.ts';
import type { BlockDriver } from '../../model/driver.ts';
import { blockError, errnoOf } from '../../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../../model/node.ts';
import { OptionBag, type BlockOptions } from '../../model/options.ts';
import { bdrvOpenChild } from '../../open/open.ts';
import { bdrvGetInfo } from '../../open/queries.ts';
import { bdrvCoPdiscard } from '../../requests/discard.ts';
import { bdrvCreateDirtyBitmap, bdrvDirtyBitmapMergeInternal, bdrvDisableDirtyBitmap, bdrvSetDirtyBitmap } from '../../requests/dirty-bitmap.ts';
import { blockDirtyBitmapLookup } from '../../requests/dirty-bitmap-commands.ts';
import { bdrvCoFlush } from '../../requests/flush.ts';
import { bdrvGetlength } from '../../requests/length.ts';
import { bdrvCoPreadv } from '../../requests/read.ts';
import { bdrvCoPwriteZeroes, bdrvCoPwritev } from '../../requests/write.ts';
import { childOf, nodeBelow, nodeOf } from '../children.ts';
import { BlockCopyState } from './block-copy.ts';

/** Who suffers if the copy fails: the guest, whose write fails; or the snapshot, which is broken from then on. */
export type OnCbwError = 'break-guest-write' | 'break-snapshot';

interface CbwNode {
  readonly copying: BlockCopyState;
  readonly onError: OnCbwError;
  /** Seconds; 0: as long as it takes. */
  readonly timeout: number;
  /** What broke the snapshot. */
  snapshotError: unknown;
}

const DEFAULT_CLUSTER = 65536;

function nodeStateOf(bs: BlockDriverState): CbwNode {
  return bs.opaque as CbwNode;
}

/** @globalState */
async function openFilter(bs: BlockDriverState, options: BlockOptions): Promise<void> {
  GLOBAL_STATE_CODE('openFilter');
  const bag = new OptionBag(options);
  const onError = bag.takeChoice('on-cbw-error', ['break-guest-write', 'break-snapshot'] as const) ?? 'break-guest-write';
  const timeout = bag.takeSize('cbw-timeout') ?? 0;
  const bitmap = takeBitmap(bag);
  const source = await bdrvOpenChild(null, options, 'file', bs, childOfBds, BDRV_CHILD_FILTERED | BDRV_CHILD_PRIMARY, false);
  const target = await bdrvOpenChild(null, options, 'target', bs, childOfBds, BDRV_CHILD_DATA, false);
  if (source === null || target === null) throw blockError('EINVAL', "The driver 'copy-before-write' needs 'file' and 'target'");
  const file = nodeOf(source);
  bs.totalSectors = file.totalSectors;
  bs.supportedWriteFlags = BDRV_REQ_WRITE_UNCHANGED | (BDRV_REQ_FUA & file.supportedWriteFlags);
  bs.supportedZeroFlags = BDRV_REQ_WRITE_UNCHANGED | ((BDRV_REQ_FUA | BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK) & file.supportedZeroFlags);
  bs.opaque = { copying: await newCopying(source, target, bitmap), onError, timeout, snapshotError: null } satisfies CbwNode;
}

/** @globalState */
function takeBitmap(bag: OptionBag): BdrvDirtyBitmap | null {
  GLOBAL_STATE_CODE('takeBitmap');
  const node = bag.takeString('bitmap.node');
  const name = bag.takeString('bitmap.name');
  if (node === undefined && name === undefined) return null;
  if (node === undefined || name === undefined) throw blockError('EINVAL', "'bitmap' needs both 'node' and 'name'");
  return blockDirtyBitmapLookup(node, name).bitmap;
}

/** All of the source is to be copied, or what the bitmap says. @globalState */
async function newCopying(source: BdrvChild, target: BdrvChild, bitmap: BdrvDirtyBitmap | null): Promise<BlockCopyState> {
  GLOBAL_STATE_CODE('newCopying');
  const length = await bdrvGetlength(nodeOf(source));
  const bits = bdrvCreateDirtyBitmap(nodeOf(source), clusterSizeFor(nodeOf(target)), null);
  // The bits say what is to be copied; writes to the source don't change that.
  bdrvDisableDirtyBitmap(bits);
  if (bitmap === null) bdrvSetDirtyBitmap(bits, 0, length);
  else bdrvDirtyBitmapMergeInternal(bits, bitmap);
  const isFleecing = bdrvChainContains(nodeOf(target), nodeOf(source));
  return new BlockCopyState(source, target, { bitmap: bits, isFleecing, length });
}

/**
 * Whole clusters of the target are copied: else it would have to read what it does not write from its backing file, at some later time.
 *
 * @globalState
 */
function clusterSizeFor(target: BlockDriverState): number {
  GLOBAL_STATE_CODE('clusterSizeFor');
  const hasBacking = bdrvBackingChainNext(target) !== null;
  try {
    return Math.max(DEFAULT_CLUSTER, bdrvGetInfo(bdrvSkipFilters(target) ?? target).clusterSize);
  } catch (error) {
    if (errnoOf(error) === 'ENOTSUP' && !hasBacking) return DEFAULT_CLUSTER;
    if (!hasBacking) throw error;
    throw blockError(errnoOf(error), "Couldn't determine the cluster size of the target image, which has a backing file", error);
  }
}

/**
 * Copies what a write is about to change.
 *
 * @io
 * @coroutine
 */
async function copyBefore(bs: BlockDriverState, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<void> {
  const state = nodeStateOf(bs);
  if ((flags & BDRV_REQ_WRITE_UNCHANGED) !== 0 || state.snapshotError !== null) return;
  const { clusterSize, length } = state.copying;
  const start = alignDown(offset, clusterSize);
  const end = Math.min(alignUp(offset + bytes, clusterSize), length);
  if (start >= end) return;
  try {
    await withTimeout(bs, state.timeout, () => state.copying.copy(start, end - start));
  } catch (error) {
    if (state.onError === 'break-guest-write') throw error;
    state.snapshotError ??= error;
  }
}

/** Stops waiting for `copy` after `seconds`; it goes on by itself, as a request of the node. @coroutine */
async function withTimeout(bs: BlockDriverState, seconds: number, copy: () => Promise<void>): Promise<void> {
  if (seconds === 0) return copy();
  bdrvIncInFlight(bs);
  const context = qemuGetCurrentAioContext();
  const copied = aioCoEnter(context, copy).finally(() => bdrvDecInFlight(bs));
  // If the timer wins, the copy may fail later, with nobody there to hear it.
  void Promise.allSettled([copied]);
  let cancel: CancelTimer | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    cancel = aioTimerStart(context, seconds * 1000, () => reject(blockError('ETIMEDOUT', 'Copying before the write took too long')));
  });
  try {
    await Promise.race([copied, tooLate]);
  } finally {
    cancel?.();
  }
}

/** A filter that keeps the old content on a target. */
export const bdrvCopyBeforeWrite: BlockDriver = {
  formatName: 'copy-before-write',
  isFilter: true,

  bdrvOpen: openFilter,
  bdrvClose(bs) {
    (bs.opaque as CbwNode | null)?.copying.release();
    return Promise.resolve();
  },
  bdrvRefreshFilename(bs) {
    bs.exactFilename = nodeBelow(bs).filename;
  },
  bdrvChildPerm(bs, c, role, queue, parentPerm, parentShared) {
    // The target is written whoever the parents are; others may use it as they like, above all whoever reads the snapshot.
    if ((role & BDRV_CHILD_FILTERED) === 0) return { perm: BLK_PERM_WRITE, shared: BLK_PERM_ALL };
    const needed = bdrvDefaultPerms(bs, c, role, queue, parentPerm, parentShared);
    if (bs.parents.length === 0) return needed;
    // Writes that go past the filter would not be copied before.
    return {
      perm: (parentPerm & BLK_PERM_WRITE) === 0 ? needed.perm : needed.perm | BLK_PERM_CONSISTENT_READ,
      shared: needed.shared & ~(BLK_PERM_WRITE | BLK_PERM_RESIZE),
    };
  },

  bdrvCoPreadv: (bs, offset, bytes, qiov, flags) => bdrvCoPreadv(childOf(bs), offset, bytes, qiov, flags),
  async bdrvCoPwritev(bs, offset, bytes, qiov, flags) {
    await copyBefore(bs, offset, bytes, flags);
    await bdrvCoPwritev(childOf(bs), offset, bytes, qiov, flags);
  },
  async bdrvCoPwriteZeroes(bs, offset, bytes, flags) {
    await copyBefore(bs, offset, bytes, flags);
    await bdrvCoPwriteZeroes(childOf(bs), offset, bytes, flags);
  },
  async bdrvCoPdiscard(bs, offset, bytes) {
    await copyBefore(bs, offset, bytes, 0);
    await bdrvCoPdiscard(childOf(bs), offset, bytes);
  },
  bdrvCoFlush: (bs) => bdrvCoFlush(nodeBelow(bs)),
  bdrvGetlength: (bs) => bdrvGetlength(nodeBelow(bs)),
};

/** A filter that is in the graph, and what it copies with. */
export interface CbwFilter {
  /** Held once by the caller, until {@link bdrvCbwDrop}. */
  readonly node: BlockDriverState;
  readonly copying: BlockCopyState;
}

/**
 * Puts the filter above `source`, whose parents write through it from then on.
 *
 * @param filterNodeName - `null`: made up
 * @throws BlockError `EINVAL` if the two nodes are not of equal length
 * @globalState
 */
export async function bdrvCbwAppend(source: BlockDriverState, target: BlockDriverState, filterNodeName: string | null): Promise<CbwFilter> {
  GLOBAL_STATE_CODE('bdrvCbwAppend');
  if ((await bdrvGetlength(source)) !== (await bdrvGetlength(target))) throw blockError('EINVAL', 'Source and target image have different sizes');
  const named = filterNodeName === null ? {} : { 'node-name': filterNodeName };
  const node = await bdrvInsertNode(source, { driver: 'copy-before-write', ...named, file: source.nodeName, target: target.nodeName }, BDRV_O_RDWR);
  return { node, copying: nodeStateOf(node).copying };
}

/**
 * Takes the filter out and drops the caller's reference. Can't fail.
 *
 * @globalState
 */
export async function bdrvCbwDrop(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvCbwDrop');
  await bdrvDropFilter(bs);
  await bdrvUnref(bs);
}

/**
 * What broke the snapshot that a filter keeps; `null`: it is whole.
 *
 * @io
 */
export function cbwSnapshotError(bs: BlockDriverState): unknown {
  return nodeStateOf(bs).snapshotError;
}
