/** PLACEHOLDER. */
import type { BdrvRequestFlags } from '../model/constants.ts';
import type { IoVector } from '../model/io-vector.ts';
import type { BdrvChild } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Coroutine: vectored write through a child; needs WRITE (or WRITE_UNCHANGED with that flag).
 *
 * @io
 * @coroutine
 */
export async function bdrvCoPwritev(child: BdrvChild, offset: number, bytes: number, qiov: IoVector, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('bdrvCoPwritev');
}

/**
 * Same, starting at an offset inside the vector.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoPwritevPart(child: BdrvChild, offset: number, bytes: number, qiov: IoVector, qiovOffset: number, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('bdrvCoPwritevPart');
}

/**
 * Coroutine, inline: write from a plain buffer.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoPwrite(child: BdrvChild, offset: number, buffer: Uint8Array, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('bdrvCoPwrite');
}

/**
 * Coroutine: zeroes a range cheaply where the driver can; one reasonable-size request, not a whole image.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoPwriteZeroes(child: BdrvChild, offset: number, bytes: number, flags: BdrvRequestFlags): Promise<void> {
  throw notBuilt('bdrvCoPwriteZeroes');
}
