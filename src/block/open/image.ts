/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockDriverAmendStatusCB } from '../model/driver.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import type { BlockOptions } from '../model/options.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Rewrites the backing reference in an image header.
 *
 * @globalState
 */
export async function bdrvChangeBackingFile(bs: BlockDriverState, backingFile: string | null, backingFmt: string | null, warn: boolean): Promise<void> {
  GLOBAL_STATE_CODE('bdrvChangeBackingFile');
  throw notBuilt('bdrvChangeBackingFile');
}

/**
 * Changes creation options of an existing image (legacy, synchronous path).
 *
 * @globalState
 */
export async function bdrvAmendOptions(bs: BlockDriverState, options: BlockOptions, statusCb: BlockDriverAmendStatusCB | null, force: boolean): Promise<void> {
  GLOBAL_STATE_CODE('bdrvAmendOptions');
  throw notBuilt('bdrvAmendOptions');
}

/**
 * Discards an overlay's content through the driver. The child must hold WRITE or WRITE_UNCHANGED.
 *
 * @globalState
 */
export async function bdrvMakeEmpty(child: BdrvChild): Promise<void> {
  GLOBAL_STATE_CODE('bdrvMakeEmpty');
  throw notBuilt('bdrvMakeEmpty');
}

/**
 * Synchronously copies an overlay's data into its backing file.
 *
 * @globalState
 */
export async function bdrvCommit(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('bdrvCommit');
  throw notBuilt('bdrvCommit');
}

/**
 * Tells a driver that results of running requests are no longer wanted.
 *
 * @globalState
 */
export function bdrvCancelInFlight(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('bdrvCancelInFlight');
  throw notBuilt('bdrvCancelInFlight');
}

/**
 * Tells the drivers of a tree about a buffer later used for I/O (e.g. for DMA mapping).
 *
 * @globalState
 */
export function bdrvRegisterBuf(bs: BlockDriverState, host: Uint8Array): void {
  GLOBAL_STATE_CODE('bdrvRegisterBuf');
  throw notBuilt('bdrvRegisterBuf');
}

/**
 * Undoes bdrv_register_buf.
 *
 * @globalState
 */
export function bdrvUnregisterBuf(bs: BlockDriverState, host: Uint8Array): void {
  GLOBAL_STATE_CODE('bdrvUnregisterBuf');
  throw notBuilt('bdrvUnregisterBuf');
}
