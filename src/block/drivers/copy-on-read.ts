/**
 * `copy-on-read`: a filter that copies what is read from the backing chain into its file, so that it need not be read there again.
 *
 * In: the option `bottom`: only what lies above that node's own backing file is copied. Out: a driver table, and the way to take the
 * filter out. Leaves to others: the copying (`requests/copy-on-read.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd } from '../graph/drain.ts';
import { bdrvBackingChainNext } from '../graph/chain-links.ts';
import { bdrvFreezeBackingChain, bdrvUnfreezeBackingChain } from '../graph/chains.ts';
import { childOfBds } from '../graph/child-of-bds.ts';
import { bdrvFindNode } from '../graph/node-lists.ts';
import { bdrvRef, bdrvUnref } from '../graph/nodes.ts';
import { bdrvChildRefreshPerms } from '../graph/permissions.ts';
import { bdrvDropFilter } from '../graph/replace.ts';
import {
  BDRV_CHILD_FILTERED, BDRV_CHILD_PRIMARY, BDRV_O_INACTIVE, BDRV_REQ_COPY_ON_READ, BDRV_REQ_FUA, BDRV_REQ_MAY_UNMAP, BDRV_REQ_NO_FALLBACK,
  BDRV_REQ_PREFETCH, BDRV_REQ_WRITE_COMPRESSED, BDRV_REQ_WRITE_UNCHANGED, BLK_PERM_WRITE_UNCHANGED, DEFAULT_PERM_PASSTHROUGH, DEFAULT_PERM_UNCHANGED,
  type BdrvRequestFlags,
} from '../model/constants.ts';
import type { BlockDriver } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import type { IoVector } from '../model/io-vector.ts';
import type { BlockDriverState } from '../model/node.ts';
import { OptionBag, type BlockOptions } from '../model/options.ts';
import { bdrvOpenChild } from '../open/open.ts';
import { bdrvEject, bdrvLockMedium } from '../open/queries.ts';
import { bdrvIsAllocated, bdrvIsAllocatedAbove } from '../requests/block-status.ts';
import { bdrvCoPdiscard } from '../requests/discard.ts';
import { bdrvGetlength } from '../requests/length.ts';
import { bdrvCoPreadvPart } from '../requests/read.ts';
import { bdrvCoPwriteZeroes, bdrvCoPwritevPart } from '../requests/write.ts';
import { childOf, nodeBelow } from './children.ts';

interface CopyOnReadNode {
  readonly bottom: BlockDriverState | null;
  /** Dropping the filter ends its wish to write. */
  active: boolean;
  chainFrozen: boolean;
}

function nodeStateOf(bs: BlockDriverState): CopyOnReadNode {
  return bs.opaque as CopyOnReadNode;
}

/** @globalState */
async function openFilter(bs: BlockDriverState, options: BlockOptions): Promise<void> {
  GLOBAL_STATE_CODE('openFilter');
  const bottomName = new OptionBag(options).takeString('bottom');
  const bottom = bottomName === undefined ? null : bottomNode(bottomName);
  bs.opaque = { bottom, active: true, chainFrozen: false } satisfies CopyOnReadNode;
  await bdrvOpenChild(null, options, 'file', bs, childOfBds, BDRV_CHILD_FILTERED | BDRV_CHILD_PRIMARY, false);
  const file = nodeBelow(bs);
  bs.supportedReadFlags = BDRV_REQ_PREFETCH;
  bs.supportedWriteFlags = BDRV_REQ_WRITE_UNCHANGED | (BDRV_REQ_FUA & file.supportedWriteFlags);
  bs.supportedZeroFlags = BDRV_REQ_WRITE_UNCHANGED | ((BDRV_REQ_FUA | BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK) & file.supportedZeroFlags);
  if (bottom === null) return;
  // What is copied depends on the chain down to the bottom: it has to stay as it is.
  bdrvFreezeBackingChain(bs, bottom);
  nodeStateOf(bs).chainFrozen = true;
  bdrvRef(bottom);
}

/** @globalState */
function bottomNode(name: string): BlockDriverState {
  GLOBAL_STATE_CODE('bottomNode');
  const bottom = bdrvFindNode(name);
  if (bottom === null) throw blockError('EINVAL', `Bottom node '${name}' not found`);
  if (bottom.drv === null) throw blockError('EINVAL', `Bottom node '${name}' not opened`);
  if (bottom.drv.isFilter === true) throw blockError('EINVAL', `Bottom node '${name}' is a filter`);
  return bottom;
}

/** @globalState */
async function closeFilter(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('closeFilter');
  const state = nodeStateOf(bs);
  if (!state.chainFrozen || state.bottom === null) return;
  state.chainFrozen = false;
  bdrvUnfreezeBackingChain(bs, state.bottom);
  await bdrvUnref(state.bottom);
}

async function read(bs: BlockDriverState, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void> {
  const { bottom } = nodeStateOf(bs);
  if (bottom === null) return bdrvCoPreadvPart(childOf(bs), offset, bytes, qiov, qiovOffset, flags | BDRV_REQ_COPY_ON_READ);
  let done = 0;
  while (done < bytes) {
    const { copies, length } = await whatToCopy(bs, bottom, offset + done, bytes - done);
    // The end of a backing file: what follows is zero in all of them.
    if (length === 0) return;
    const partFlags = copies ? flags | BDRV_REQ_COPY_ON_READ : flags;
    // A mere prefetch of what need not be copied is nothing to do at all.
    if ((partFlags & (BDRV_REQ_PREFETCH | BDRV_REQ_COPY_ON_READ)) !== BDRV_REQ_PREFETCH) {
      await bdrvCoPreadvPart(childOf(bs), offset + done, length, qiov, qiovOffset + done, partFlags);
    }
    done += length;
  }
}

/** Whether the first `length` bytes are to be copied: they are not in the file, and in a layer from the next down to the bottom. */
async function whatToCopy(bs: BlockDriverState, bottom: BlockDriverState, offset: number, bytes: number): Promise<{ copies: boolean; length: number }> {
  const file = nodeBelow(bs);
  const own = await bdrvIsAllocated(file, offset, bytes);
  if (own.allocated) return { copies: false, length: own.pnum };
  const next = bdrvBackingChainNext(file);
  if (next === null) return { copies: false, length: own.pnum };
  const below = await bdrvIsAllocatedAbove(next, bottom, true, offset, own.pnum);
  return { copies: below.allocated, length: below.pnum };
}

/** A filter that copies what is read. */
export const bdrvCopyOnRead: BlockDriver = {
  formatName: 'copy-on-read',
  isFilter: true,
  strongRuntimeOpts: ['bottom'],

  bdrvOpen: openFilter,
  bdrvClose: closeFilter,
  bdrvReopenPrepare: () => Promise.resolve(),
  bdrvChildPerm(bs, _c, _role, _queue, parentPerm, parentShared) {
    const copies = nodeStateOf(bs).active && (bs.openFlags & BDRV_O_INACTIVE) === 0;
    return {
      perm: (parentPerm & DEFAULT_PERM_PASSTHROUGH) | (copies ? BLK_PERM_WRITE_UNCHANGED : 0),
      shared: (parentShared & DEFAULT_PERM_PASSTHROUGH) | DEFAULT_PERM_UNCHANGED,
    };
  },

  bdrvCoPreadvPart: read,
  bdrvCoPwritevPart: (bs, offset, bytes, qiov, qiovOffset, flags) => bdrvCoPwritevPart(childOf(bs), offset, bytes, qiov, qiovOffset, flags),
  bdrvCoPwriteZeroes: (bs, offset, bytes, flags) => bdrvCoPwriteZeroes(childOf(bs), offset, bytes, flags),
  bdrvCoPdiscard: (bs, offset, bytes) => bdrvCoPdiscard(childOf(bs), offset, bytes),
  bdrvCoPwritevCompressedPart: (bs, offset, bytes, qiov, qiovOffset) =>
    bdrvCoPwritevPart(childOf(bs), offset, bytes, qiov, qiovOffset, BDRV_REQ_WRITE_COMPRESSED),
  bdrvGetlength: (bs) => bdrvGetlength(nodeBelow(bs)),
  bdrvEject: (bs, ejectFlag) => bdrvEject(nodeBelow(bs), ejectFlag),
  bdrvLockMedium: (bs, locked) => bdrvLockMedium(nodeBelow(bs), locked),
};

/**
 * Takes the filter out of the graph, and drops the caller's reference to it. Its parents use its file from then on.
 *
 * @globalState
 */
export async function bdrvCorFilterDrop(filter: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvCorFilterDrop');
  const state = nodeStateOf(filter);
  await bdrvDrainedBegin(filter);
  try {
    if (state.chainFrozen && state.bottom !== null) {
      state.chainFrozen = false;
      bdrvUnfreezeBackingChain(filter, state.bottom);
      await bdrvUnref(state.bottom);
    }
    state.active = false;
    bdrvChildRefreshPerms(filter, childOf(filter));
    await bdrvDropFilter(filter);
  } finally {
    await bdrvDrainedEnd(filter);
  }
  await bdrvUnref(filter);
}
