/**
 * `preallocate`: a filter that reserves space in its file before writers need it, and gives the rest back when they are done.
 *
 * In: the options `prealloc-align` and `prealloc-size`. Out: a driver table. Leaves to others: how the file reserves space (zero writes
 * without fallback).
 *
 * The file is longer than what the node shows:
 *
 *     0 ............ dataEnd ............ fileEnd      the length of the file
 *                    ^ the length the node shows       ^ reserved up to here
 *          zeroStart: from here on the file reads as zero, so a zero write behind it has nothing to do
 *
 * They are known only while the parents may write and resize and nobody else may. When that ends, the reserved rest is cut off: a
 * permission change can't wait for that, so the edge keeps its permissions until a step of the main loop has done it.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { aioBhScheduleMain } from '../contexts/aio-context.ts';
import { bdrvDecInFlight, bdrvIncInFlight } from '../graph/in-flight.ts';
import { childOfBds } from '../graph/child-of-bds.ts';
import { bdrvDefaultPerms } from '../graph/permission-rules.ts';
import { bdrvChildRefreshPerms } from '../graph/permissions.ts';
import { alignUp } from '../model/arithmetic.ts';
import {
  BDRV_CHILD_FILTERED, BDRV_CHILD_PRIMARY, BDRV_O_RDWR, BDRV_REQ_FUA, BDRV_REQ_MAY_UNMAP, BDRV_REQ_NO_FALLBACK, BDRV_REQ_NO_WAIT, BDRV_REQ_SERIALISING,
  BDRV_REQ_WRITE_UNCHANGED, BDRV_REQ_ZERO_WRITE, BDRV_SECTOR_SIZE, BLK_PERM_RESIZE, BLK_PERM_WRITE, type BdrvRequestFlags, type Permissions,
} from '../model/constants.ts';
import type { BlockDriver, PreallocMode } from '../model/driver.ts';
import { blockError, errnoOf } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { OptionBag, type BlockOptions } from '../model/options.ts';
import { bdrvOpenChild } from '../open/open.ts';
import { bdrvCoPdiscard } from '../requests/discard.ts';
import { bdrvCoFlush } from '../requests/flush.ts';
import { bdrvGetlength } from '../requests/length.ts';
import { bdrvCoPreadvPart } from '../requests/read.ts';
import { bdrvCoTruncate } from '../requests/truncate.ts';
import { bdrvTruncate } from '../requests/wrappers.ts';
import { bdrvCoPwriteZeroes, bdrvCoPwritevPart } from '../requests/write.ts';
import { childOf, nodeBelow } from './children.ts';

interface PreallocOptions {
  readonly align: number;
  readonly size: number;
}

/** Where things end; see the top of the file. */
interface Ends {
  data: number;
  zeroStart: number;
  file: number;
}

interface PreallocateNode {
  options: PreallocOptions;
  /** `null`: not known, nothing is reserved. */
  ends: Ends | null;
  /** The reserved rest is about to be cut off. */
  cutting: boolean;
  /** The last reservation failed: no more until the ends are found anew. */
  failed: boolean;
}

const DEFAULT_ALIGN = 2 ** 20;
const DEFAULT_SIZE = 128 * 2 ** 20;
const NEEDED = BLK_PERM_WRITE | BLK_PERM_RESIZE;

function nodeStateOf(bs: BlockDriverState): PreallocateNode {
  return bs.opaque as PreallocateNode;
}

function mayReserve(perm: Permissions): boolean {
  return (perm & NEEDED) === NEEDED;
}

function takePreallocOptions(options: BlockOptions, file: BlockDriverState): PreallocOptions {
  const bag = new OptionBag(options);
  const align = bag.takeSize('prealloc-align') ?? DEFAULT_ALIGN;
  const size = bag.takeSize('prealloc-size') ?? DEFAULT_SIZE;
  if (align === 0 || align % BDRV_SECTOR_SIZE !== 0) throw blockError('EINVAL', `prealloc-align parameter of preallocate filter is not aligned to ${BDRV_SECTOR_SIZE}`);
  if (align % file.bl.requestAlignment !== 0) {
    throw blockError('EINVAL', `prealloc-align parameter of preallocate filter is not aligned to underlying node request alignment (${file.bl.requestAlignment})`);
  }
  return { align, size };
}

/** @globalState */
async function openFilter(bs: BlockDriverState, options: BlockOptions): Promise<void> {
  GLOBAL_STATE_CODE('openFilter');
  bs.opaque = { options: { align: DEFAULT_ALIGN, size: DEFAULT_SIZE }, ends: null, cutting: false, failed: false } satisfies PreallocateNode;
  await bdrvOpenChild(null, options, 'file', bs, childOfBds, BDRV_CHILD_FILTERED | BDRV_CHILD_PRIMARY, false);
  const file = nodeBelow(bs);
  nodeStateOf(bs).options = takePreallocOptions(options, file);
  bs.supportedWriteFlags = BDRV_REQ_WRITE_UNCHANGED | (BDRV_REQ_FUA & file.supportedWriteFlags);
  bs.supportedZeroFlags = BDRV_REQ_WRITE_UNCHANGED | ((BDRV_REQ_FUA | BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK) & file.supportedZeroFlags);
}

/** Cuts the reserved rest off, where there is one. @globalState */
async function cutOff(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('cutOff');
  const state = nodeStateOf(bs);
  const { ends } = state;
  state.ends = null;
  if (ends !== null && ends.file > ends.data) await bdrvTruncate(childOf(bs), ends.data, true, 'off', 0);
}

/** @globalState */
async function closeFilter(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('closeFilter');
  if (bs.file !== null) await cutOff(bs);
}

/** Permissions for reserving have ended: cuts the rest off soon, and then gives the permissions of the edge up. @globalState */
function cutOffLater(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('cutOffLater');
  const state = nodeStateOf(bs);
  if (state.cutting || state.ends === null) return;
  state.cutting = true;
  // Counted as a request, so that the node is not closed before.
  bdrvIncInFlight(bs);
  aioBhScheduleMain(() => void finishCutting(bs));
}

/** @globalState */
async function finishCutting(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('finishCutting');
  const state = nodeStateOf(bs);
  try {
    await cutOff(bs);
  } catch {
    // The file stays longer than its data; what is behind reads as zero.
  } finally {
    state.cutting = false;
    bdrvDecInFlight(bs);
    if (bs.file !== null) bdrvChildRefreshPerms(bs, bs.file);
  }
}

/** The ends, found out on the first write. `null`: nothing can be reserved. @io @coroutine */
async function knownEnds(bs: BlockDriverState): Promise<Ends | null> {
  const state = nodeStateOf(bs);
  if (!mayReserve(childOf(bs).perm) || state.cutting || state.failed) return null;
  if (state.ends === null) {
    const length = await bdrvGetlength(nodeBelow(bs));
    state.ends ??= { data: length, zeroStart: length, file: length };
  }
  return state.ends;
}

/**
 * Reserves space for a write that ends at `offset + bytes`.
 *
 * @param isZero - a write of zeroes that may be answered by the reservation itself
 * @returns whether nothing is left to write
 * @io
 * @coroutine
 */
async function reserveFor(bs: BlockDriverState, offset: number, bytes: number, isZero: boolean): Promise<boolean> {
  const ends = await knownEnds(bs);
  const end = offset + bytes;
  if (ends === null || end <= ends.data) return false;
  ends.data = end;
  if (!isZero) ends.zeroStart = end;
  if (end <= ends.file) return isZero && offset >= ends.zeroStart;
  const { align, size } = nodeStateOf(bs).options;
  const start = isZero ? Math.min(offset, ends.file) : ends.file;
  const newEnd = alignUp(end + size, align);
  const noEmulation = BDRV_REQ_NO_FALLBACK | BDRV_REQ_SERIALISING | BDRV_REQ_NO_WAIT;
  try {
    await bdrvCoPwriteZeroes(childOf(bs), start, newEnd - start, noEmulation);
  } catch (error) {
    // The write goes on without: now where others write there, for good where the file can't reserve.
    if (errnoOf(error) !== 'EBUSY') nodeStateOf(bs).failed = true;
    return false;
  }
  ends.file = newEnd;
  return isZero && start <= offset;
}

/** @io @coroutine */
async function truncate(bs: BlockDriverState, offset: number, exact: boolean, prealloc: PreallocMode, flags: BdrvRequestFlags): Promise<void> {
  const state = nodeStateOf(bs);
  const { ends } = state;
  if (ends !== null && offset > ends.data && prealloc === 'falloc' && offset <= ends.file) {
    // The space is there: what was the filter's is now the user's.
    ends.data = offset;
    return;
  }
  if (ends !== null && ends.file > ends.data) {
    // The file's own truncate has to see the length that its user knows.
    await bdrvCoTruncate(childOf(bs), ends.data, true, 'off', 0);
  }
  state.ends = null;
  await bdrvCoTruncate(childOf(bs), offset, exact, prealloc, flags);
}

/** A filter that reserves space. */
export const bdrvPreallocate: BlockDriver = {
  formatName: 'preallocate',
  isFilter: true,
  mutableOpts: ['prealloc-align', 'prealloc-size'],

  bdrvOpen: openFilter,
  bdrvClose: closeFilter,
  async bdrvReopenPrepare(state) {
    const node = nodeStateOf(state.bs);
    const options = takePreallocOptions(state.options, nodeBelow(state.bs));
    // A read-only file can't be cut off any more once it is one.
    if ((state.flags & BDRV_O_RDWR) === 0) await cutOff(state.bs);
    node.failed = false;
    state.opaque = options;
  },
  bdrvReopenCommit(state) {
    nodeStateOf(state.bs).options = state.opaque as PreallocOptions;
  },
  bdrvReopenAbort(state) {
    state.opaque = null;
  },
  bdrvInactivate: cutOff,
  bdrvSetPerm(bs, perm) {
    if (!mayReserve(perm)) cutOffLater(bs);
  },
  bdrvChildPerm(bs, c, role, queue, parentPerm, parentShared) {
    const needed = bdrvDefaultPerms(bs, c, role, queue, parentPerm, parentShared);
    const state = nodeStateOf(bs);
    const keeps = state.ends !== null && c !== null && mayReserve(c.perm);
    // Others must not write or resize: the ends would not be true any more.
    if (mayReserve(parentPerm) || keeps) return { perm: needed.perm | NEEDED, shared: needed.shared & ~NEEDED };
    return needed;
  },

  bdrvCoPreadvPart: (bs, offset, bytes, qiov, qiovOffset, flags) => bdrvCoPreadvPart(childOf(bs), offset, bytes, qiov, qiovOffset, flags),
  async bdrvCoPwritevPart(bs, offset, bytes, qiov, qiovOffset, flags) {
    await reserveFor(bs, offset, bytes, false);
    await bdrvCoPwritevPart(childOf(bs), offset, bytes, qiov, qiovOffset, flags);
  },
  async bdrvCoPwriteZeroes(bs, offset, bytes, flags) {
    const plain = (flags & ~(BDRV_REQ_ZERO_WRITE | BDRV_REQ_NO_FALLBACK)) === 0;
    if (await reserveFor(bs, offset, bytes, plain)) return;
    await bdrvCoPwriteZeroes(childOf(bs), offset, bytes, flags);
  },
  bdrvCoPdiscard: (bs, offset, bytes) => bdrvCoPdiscard(childOf(bs), offset, bytes),
  bdrvCoFlush: (bs) => bdrvCoFlush(nodeBelow(bs)),
  bdrvCoTruncate: truncate,
  bdrvGetlength: (bs) => {
    const { ends } = nodeStateOf(bs);
    return ends === null ? bdrvGetlength(nodeBelow(bs)) : Promise.resolve(ends.data);
  },
};
