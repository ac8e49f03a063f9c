/** PLACEHOLDER. */
import type { BdrvRequestFlags } from '../model/constants.ts';
import type { IoVector } from '../model/io-vector.ts';
import type { BdrvChild } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Coroutine: vectored read through a child.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoPreadv(child: BdrvChild, offset: number, bytes: number, qiov: IoVector, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('bdrvCoPreadv');
}

/**
 * Same, starting at an offset inside the vector.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoPreadvPart(child: BdrvChild, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('bdrvCoPreadvPart');
}

/**
 * Coroutine, inline: read into a plain buffer.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoPread(child: BdrvChild, offset: number, buffer: Uint8Array, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('bdrvCoPread');
}
