/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { OpenFlags } from '../model/constants.ts';
import type { BlockDriver, CreationOptions } from '../model/driver.ts';
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Runs a driver's creation callback, as a coroutine when not already in one, and waits.
 *
 * @globalState
 */
export async function bdrvCreate(drv: BlockDriver, filename: string, opts: CreationOptions): Promise<void> {
  GLOBAL_STATE_CODE('bdrvCreate');
  throw notBuilt('bdrvCreate');
}

/**
 * Creates a file through the protocol driver its name selects.
 *
 * @globalState
 */
export async function bdrvCreateFile(filename: string, opts: CreationOptions): Promise<void> {
  GLOBAL_STATE_CODE('bdrvCreateFile');
  throw notBuilt('bdrvCreateFile');
}

/**
 * Creates an image file with backing reference and size checks (qemu-img create).
 *
 * @globalState
 */
export async function bdrvImgCreate(filename: string, fmt: string, baseFilename: string | null, baseFmt: string | null, options: CreationOptions, imgSize: number | null, flags: OpenFlags, quiet: boolean): Promise<void> {
  GLOBAL_STATE_CODE('bdrvImgCreate');
  throw notBuilt('bdrvImgCreate');
}

/**
 * Coroutine: creation helper for protocols that can only open and wipe an existing device. GS although a coroutine.
 *
 * @globalState
 * @coroutine
 */
export async function bdrvCoCreateOptsSimple(drv: BlockDriver, filename: string, opts: CreationOptions): Promise<void> {
  GLOBAL_STATE_CODE('bdrvCoCreateOptsSimple');
  throw notBuilt('bdrvCoCreateOptsSimple');
}

/**
 * Coroutine: deletes the file behind a node.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoDeleteFile(bs: BlockDriverState): Promise<void> {
  throw notBuilt('bdrvCoDeleteFile');
}

/**
 * Same, unsupported deletion is not an error and other errors are only reported.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoDeleteFileNoerr(bs: BlockDriverState): Promise<void> {
  throw notBuilt('bdrvCoDeleteFileNoerr');
}
