/** PLACEHOLDER. */
import type { IoVector } from '../model/io-vector.ts';
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Synchronous wrapper: reads VM state into a vector.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvReadvVmstate(bs: BlockDriverState, qiov: IoVector, pos: number): Promise<void> {
  throw notBuilt('bdrvReadvVmstate');
}

/**
 * Synchronous wrapper: writes VM state from a vector.
 *
 * @io
 * @coroutineWrapper
 */
export async function bdrvWritevVmstate(bs: BlockDriverState, qiov: IoVector, pos: number): Promise<void> {
  throw notBuilt('bdrvWritevVmstate');
}

/**
 * Writes VM state from a plain buffer.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvSaveVmstate(bs: BlockDriverState, buffer: Uint8Array, pos: number): Promise<void> {
  throw notBuilt('bdrvSaveVmstate');
}

/**
 * Reads VM state into a plain buffer.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvLoadVmstate(bs: BlockDriverState, buffer: Uint8Array, pos: number): Promise<void> {
  throw notBuilt('bdrvLoadVmstate');
}
