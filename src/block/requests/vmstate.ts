/**
 * VM state: bytes that an image keeps beside its content, for snapshots of a whole VM.
 *
 * In: a position in the state, bytes. Out: the driver's slots, or those of the node below. Leaves to others: what the state is.
 */
import { qemuInCoroutine } from '../contexts/execution.ts';
import { runCoWrapper } from '../contexts/poll.ts';
import { bdrvPrimaryBs } from '../graph/chain-links.ts';
import { bdrvDecInFlight, bdrvIncInFlight } from '../graph/in-flight.ts';
import { blockError } from '../model/errors.ts';
import { IoVector } from '../model/io-vector.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvCheckQiovRequest, noMedium } from './checks.ts';

/**
 * Reads VM state into a vector.
 *
 * @throws BlockError `ENOMEDIUM`, `ENOTSUP` where no node below keeps any
 * @io
 * @coroutineWrapper
 */
export async function bdrvReadvVmstate(bs: BlockDriverState, qiov: IoVector, pos: number): Promise<void> {
  await runCoWrapper(bs.aioContext, () => bdrvCoReadvVmstate(bs, qiov, pos));
}

/**
 * Writes VM state from a vector.
 *
 * @throws BlockError `ENOMEDIUM`, `ENOTSUP` where no node below keeps any
 * @io
 * @coroutineWrapper
 */
export async function bdrvWritevVmstate(bs: BlockDriverState, qiov: IoVector, pos: number): Promise<void> {
  await runCoWrapper(bs.aioContext, () => bdrvCoWritevVmstate(bs, qiov, pos));
}

/**
 * The coroutine behind {@link bdrvReadvVmstate}.
 *
 * @io
 * @coroutine
 */
async function bdrvCoReadvVmstate(bs: BlockDriverState, qiov: IoVector, pos: number): Promise<void> {
  if (!bs.drv) throw noMedium();
  bdrvCheckQiovRequest(pos, qiov.size, qiov, 0);
  bdrvIncInFlight(bs);
  try {
    if (bs.drv.bdrvLoadVmstate) await bs.drv.bdrvLoadVmstate(bs, qiov, pos);
    else await bdrvCoReadvVmstate(nodeBelow(bs), qiov, pos);
  } finally {
    bdrvDecInFlight(bs);
  }
}

/**
 * The coroutine behind {@link bdrvWritevVmstate}.
 *
 * @io
 * @coroutine
 */
async function bdrvCoWritevVmstate(bs: BlockDriverState, qiov: IoVector, pos: number): Promise<void> {
  if (!bs.drv) throw noMedium();
  bdrvCheckQiovRequest(pos, qiov.size, qiov, 0);
  bdrvIncInFlight(bs);
  try {
    if (bs.drv.bdrvSaveVmstate) await bs.drv.bdrvSaveVmstate(bs, qiov, pos);
    else await bdrvCoWritevVmstate(nodeBelow(bs), qiov, pos);
  } finally {
    bdrvDecInFlight(bs);
  }
}

/** @io */
function nodeBelow(bs: BlockDriverState): BlockDriverState {
  const below = bdrvPrimaryBs(bs);
  if (!below) throw blockError('ENOTSUP', `Node '${bs.nodeName}' has no place for VM state`);
  return below;
}

/**
 * Writes VM state from a plain buffer.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvSaveVmstate(bs: BlockDriverState, buffer: Uint8Array, pos: number): Promise<void> {
  const qiov = IoVector.of(buffer);
  if (qemuInCoroutine()) await bdrvCoWritevVmstate(bs, qiov, pos);
  else await bdrvWritevVmstate(bs, qiov, pos);
}

/**
 * Reads VM state into a plain buffer.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvLoadVmstate(bs: BlockDriverState, buffer: Uint8Array, pos: number): Promise<void> {
  const qiov = IoVector.of(buffer);
  if (qemuInCoroutine()) await bdrvCoReadvVmstate(bs, qiov, pos);
  else await bdrvReadvVmstate(bs, qiov, pos);
}
