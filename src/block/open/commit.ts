/**
 * Committing an overlay into its backing file while the caller waits (the job of that name does it in the background).
 *
 * In: an overlay. Out: the backing file shows what the overlay showed, and the overlay is empty where its format can be. Leaves to
 * others: the job (`jobs/commit.ts`).
 *
 * While it runs, a filter stands above the backing file: seen through the overlay it is no consistent image, seen alone it changes.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkInsertBs } from '../backend/root.ts';
import { blkNew, blkUnref } from '../backend/registry.ts';
import { blkGetlength } from '../backend/settings.ts';
import { blkFlush, blkMakeEmpty, blkPread, blkPwrite, blkTruncate } from '../backend/wrappers.ts';
import { bdrvCowBs } from '../graph/chain-links.ts';
import { bdrvUnref } from '../graph/nodes.ts';
import { bdrvOpIsBlocked } from '../graph/op-blockers.ts';
import { bdrvSetBackingHd } from '../graph/replace.ts';
import { bdrvCommitTop } from '../jobs/commit-filter.ts';
import type { BlockBackend } from '../model/backend.ts';
import {
  BDRV_O_RDWR, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_RESIZE, BLK_PERM_WRITE, BLK_PERM_WRITE_UNCHANGED, BlockOpType,
} from '../model/constants.ts';
import { blockError, errnoOf } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvIsAllocated } from '../requests/block-status.ts';
import { bdrvNewOpenDriver } from './open.ts';
import { bdrvIsReadOnly } from './queries.ts';
import { bdrvReopenSetReadOnly } from './reopen.ts';

const CHUNK_BYTES = 2 ** 20;

/**
 * Writes what an overlay has allocated into its backing file, and makes the overlay empty. A read-only backing file is made writable for
 * that time.
 *
 * @throws BlockError `ENOTSUP` without a backing file, `EBUSY` where one of the two is blocked, `EACCES` for a backing file that can't be
 *   written, or why it failed
 * @globalState
 */
export async function bdrvCommit(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvCommit');
  if (!bs.drv) throw blockError('ENOMEDIUM', `Node '${bs.nodeName}' has no medium`);
  const backing = bdrvCowBs(bs);
  if (!backing) throw blockError('ENOTSUP', `Image '${bs.filename}' has no backing file`);
  const reason = bdrvOpIsBlocked(bs, BlockOpType.COMMIT_SOURCE) ?? bdrvOpIsBlocked(backing, BlockOpType.COMMIT_TARGET);
  if (reason) throw blockError('EBUSY', reason.message);
  const wasReadOnly = bdrvIsReadOnly(backing);
  if (wasReadOnly) await makeWritable(backing);
  try {
    await commitInto(bs, backing);
  } finally {
    if (wasReadOnly) await bdrvReopenSetReadOnly(backing, true);
  }
}

/** @globalState */
async function makeWritable(backing: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('makeWritable');
  try {
    await bdrvReopenSetReadOnly(backing, false);
  } catch (error) {
    throw blockError('EACCES', `Could not make '${backing.filename}' writable: ${(error as Error).message}`, error);
  }
}

/** @globalState */
async function commitInto(bs: BlockDriverState, backing: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('commitInto');
  const source = blkNew(bs.aioContext, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE_UNCHANGED, BLK_PERM_ALL);
  const target = blkNew(bs.aioContext, BLK_PERM_WRITE | BLK_PERM_RESIZE, BLK_PERM_ALL);
  let filter: BlockDriverState | null = null;
  try {
    await blkInsertBs(source, bs);
    filter = await bdrvNewOpenDriver(bdrvCommitTop, null, BDRV_O_RDWR);
    await bdrvSetBackingHd(filter, backing);
    filter.totalSectors = backing.totalSectors;
    await bdrvSetBackingHd(bs, filter);
    await blkInsertBs(target, backing);
    await copyAllocated(bs, source, target);
    await makeSourceEmpty(source);
    await blkFlush(source);
    await blkFlush(target);
  } finally {
    await blkUnref(target);
    if (bdrvCowBs(bs) !== backing) await bdrvSetBackingHd(bs, backing);
    if (filter) await bdrvUnref(filter);
    await blkUnref(source);
  }
}

/** @globalState */
async function copyAllocated(bs: BlockDriverState, source: BlockBackend, target: BlockBackend): Promise<void> {
  GLOBAL_STATE_CODE('copyAllocated');
  const length = await blkGetlength(source);
  if (length > (await blkGetlength(target))) await blkTruncate(target, length, false, 'off', 0);
  const buffer = new Uint8Array(Math.min(CHUNK_BYTES, length));
  for (let offset = 0; offset < length;) {
    const { allocated, pnum } = await bdrvIsAllocated(bs, offset, Math.min(CHUNK_BYTES, length - offset));
    const data = buffer.subarray(0, pnum);
    if (allocated) {
      await blkPread(source, offset, data);
      await blkPwrite(target, offset, data, 0);
    }
    offset += pnum;
  }
}

/** A format that can't empty its images keeps what is in the backing file as well. @globalState */
async function makeSourceEmpty(source: BlockBackend): Promise<void> {
  GLOBAL_STATE_CODE('makeSourceEmpty');
  try {
    await blkMakeEmpty(source);
  } catch (error) {
    if (errnoOf(error) !== 'ENOTSUP') throw error;
  }
}
