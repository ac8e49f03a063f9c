/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockBackend, BlockDeviceIoStatus, BlockdevOnError } from '../model/backend.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Turns I/O status tracking on and resets it.
 *
 * @globalState
 */
export function blkIostatusEnable(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('blkIostatusEnable');
  throw notBuilt('blkIostatusEnable');
}

/**
 * Tracking on and the error policy can stop the VM.
 *
 * @globalState
 */
export function blkIostatusIsEnabled(blk: BlockBackend): boolean {
  GLOBAL_STATE_CODE('blkIostatusIsEnabled');
  throw notBuilt('blkIostatusIsEnabled');
}

/**
 * Current I/O status.
 *
 * @globalState
 */
export function blkIostatus(blk: BlockBackend): BlockDeviceIoStatus {
  GLOBAL_STATE_CODE('blkIostatus');
  throw notBuilt('blkIostatus');
}

/**
 * Turns tracking off.
 *
 * @globalState
 */
export function blkIostatusDisable(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('blkIostatusDisable');
  throw notBuilt('blkIostatusDisable');
}

/**
 * Resets the status if tracking is enabled.
 *
 * @globalState
 */
export function blkIostatusReset(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('blkIostatusReset');
  throw notBuilt('blkIostatusReset');
}

/**
 * Records an error; out-of-space is told from other errors. Tracking must be enabled.
 *
 * @globalState
 */
export function blkIostatusSetErr(blk: BlockBackend, error: Error): void {
  GLOBAL_STATE_CODE('blkIostatusSetErr');
  throw notBuilt('blkIostatusSetErr');
}

/**
 * Sets read and write error policies.
 *
 * @globalState
 */
export function blkSetOnError(blk: BlockBackend, onReadError: BlockdevOnError, onWriteError: BlockdevOnError): void {
  GLOBAL_STATE_CODE('blkSetOnError');
  throw notBuilt('blkSetOnError');
}
