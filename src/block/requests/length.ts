/** PLACEHOLDER. */
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Length in 512-byte sectors.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvNbSectors(bs: BlockDriverState): Promise<number> {
  throw notBuilt('bdrvNbSectors');
}

/**
 * Length in bytes.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvGetlength(bs: BlockDriverState): Promise<number> {
  throw notBuilt('bdrvGetlength');
}

/**
 * Bytes really used on the host.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvGetAllocatedFileSize(bs: BlockDriverState): Promise<number> {
  throw notBuilt('bdrvGetAllocatedFileSize');
}

/**
 * Length in sectors, 0 on error.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvGetGeometry(bs: BlockDriverState): Promise<number> {
  throw notBuilt('bdrvGetGeometry');
}

/**
 * Re-reads the cached length.
 *
 * @io
 * @coroutineMixed
 */
export async function refreshTotalSectors(bs: BlockDriverState, hint: number): Promise<void> {
  throw notBuilt('refreshTotalSectors');
}
