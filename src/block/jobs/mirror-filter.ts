/**
 * The filter that a mirror job puts above its source: it sees every write to the source while the job runs.
 *
 * In: requests of the source's users. Out: the same requests to the source; what was written is flagged as to be copied, or, in
 * write-blocking mode, is written to the target before the request is done. Leaves to others: the copying (`mirror-copy.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkCoPdiscard, blkCoPwriteZeroes, blkCoPwritev } from '../backend/requests.ts';
import { bdrvFilterBs, bdrvFilterChild } from '../graph/chain-links.ts';
import { bdrvDefaultPerms } from '../graph/permission-rules.ts';
import {
  BDRV_REQ_FUA, BDRV_REQ_MAY_UNMAP, BDRV_REQ_NO_FALLBACK, BDRV_REQ_WRITE_UNCHANGED, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_WRITE,
} from '../model/constants.ts';
import type { BlockDriver } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { bdrvCoPreadv } from '../requests/read.ts';
import { bdrvCoFlush } from '../requests/flush.ts';
import { bdrvGetlength } from '../requests/length.ts';
import { bdrvCoPdiscard } from '../requests/discard.ts';
import { bdrvCoPwriteZeroes, bdrvCoPwritev } from '../requests/write.ts';
import { blockJobErrorAction } from './block-job-errors.ts';
import { mirrorBegin, mirrorEnd } from './mirror-copy.ts';
import type { MirrorJob, MirrorTop } from './mirror-state.ts';

/** The driver of the filter. It is made by the job, never opened by a user. */
export const bdrvMirrorTop: BlockDriver = {
  formatName: 'mirror_top',
  isFilter: true,

  bdrvCoPreadv: (bs, offset, bytes, qiov, flags) => bdrvCoPreadv(below(bs), offset, bytes, qiov, flags),

  bdrvCoPwritev: (bs, offset, bytes, qiov, flags) =>
    written(bs, offset, bytes, () => bdrvCoPwritev(below(bs), offset, bytes, qiov, flags), (job) => blkCoPwritev(targetOf(job), offset, bytes, qiov, flags & BDRV_REQ_FUA)),

  bdrvCoPwriteZeroes: (bs, offset, bytes, flags) =>
    written(bs, offset, bytes, () => bdrvCoPwriteZeroes(below(bs), offset, bytes, flags), (job) => blkCoPwriteZeroes(targetOf(job), offset, bytes, flags & (BDRV_REQ_FUA | BDRV_REQ_MAY_UNMAP))),

  bdrvCoPdiscard: (bs, offset, bytes) =>
    written(bs, offset, bytes, () => bdrvCoPdiscard(below(bs), offset, bytes), (job) => blkCoPdiscard(targetOf(job), offset, bytes)),

  bdrvCoFlush: async (bs) => {
    const source = bdrvFilterBs(bs);
    if (source) await bdrvCoFlush(source);
  },

  bdrvGetlength: async (bs) => {
    const source = bdrvFilterBs(bs);
    // Before it is put above its source it has no length of its own.
    return source === null ? 0 : bdrvGetlength(source);
  },

  bdrvRefreshFilename(bs) {
    GLOBAL_STATE_CODE('bdrvMirrorTop.bdrvRefreshFilename');
    const source = bdrvFilterBs(bs);
    if (source) bs.exactFilename = source.filename;
  },

  bdrvChildPerm(bs, child, role, queue, perm, shared) {
    GLOBAL_STATE_CODE('bdrvMirrorTop.bdrvChildPerm');
    const { stopped, isCommit } = mirrorTopOf(bs);
    if (stopped) return { perm: 0, shared: BLK_PERM_ALL };
    const defaults = bdrvDefaultPerms(bs, child, role, queue, perm, shared);
    // A commit writes to the base, which changes what the layers above it show: nobody there may ask for a consistent view.
    return isCommit ? { perm: defaults.perm & ~BLK_PERM_CONSISTENT_READ, shared: defaults.shared | BLK_PERM_WRITE } : defaults;
  },
};

/** The filter's own record. */
export function mirrorTopOf(filter: BlockDriverState): MirrorTop {
  return filter.opaque as MirrorTop;
}

/** What the filter supports: as much as the source does, since it passes everything on. */
export const MIRROR_TOP_WRITE_FLAGS = BDRV_REQ_WRITE_UNCHANGED | BDRV_REQ_FUA;
export const MIRROR_TOP_ZERO_FLAGS = BDRV_REQ_WRITE_UNCHANGED | BDRV_REQ_FUA | BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK;

/** @io */
function below(bs: BlockDriverState): BdrvChild {
  const child = bdrvFilterChild(bs);
  if (child === null) throw blockError('ENOMEDIUM', 'The filter of a mirror job has no source');
  return child;
}

/** @io */
function targetOf(job: MirrorJob): NonNullable<MirrorJob['target']> {
  if (job.target === null) throw new Error('targetOf: the mirror job has let its target go.');
  return job.target;
}

/**
 * A request that changes data: to the source, and then to the target or to the list of what has to be copied.
 *
 * @io
 * @coroutine
 */
async function written(
  bs: BlockDriverState, offset: number, bytes: number, toSource: () => Promise<void>, toTarget: (job: MirrorJob) => Promise<void>,
): Promise<void> {
  const { job } = mirrorTopOf(bs);
  if (job?.copyMode !== 'write-blocking') {
    try {
      await toSource();
    } finally {
      // Flagged after the write: a copy that began before may have read the old data. A write that failed may have changed some of it.
      mirrorTopOf(bs).job?.dirty.set(offset, bytes);
    }
    return;
  }
  const operation = await mirrorBegin(job, offset, bytes);
  try {
    await writeToBoth(job, offset, bytes, toSource, () => toTarget(job));
  } finally {
    mirrorEnd(job, operation);
  }
}

/** @io @coroutine */
async function writeToBoth(job: MirrorJob, offset: number, bytes: number, toSource: () => Promise<void>, toTarget: () => Promise<void>): Promise<void> {
  try {
    await toSource();
  } catch (error) {
    job.dirty.set(offset, bytes);
    throw error;
  }
  try {
    await toTarget();
    job.dirty.clear(offset, bytes);
  } catch (error) {
    // The guest's write has worked; it is the job that fails, or tries again later.
    job.dirty.set(offset, bytes);
    if (blockJobErrorAction(job, job.onTargetError, false, error) === 'report') job.failure ??= error as Error;
  }
}
