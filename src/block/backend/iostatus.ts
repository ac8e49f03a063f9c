/**
 * What a device's last error was, for management, and what is done when a request fails.
 *
 * In: errors, policies. Out: the status. Leaves to others: choosing and doing what a policy says (`errors.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockBackend, BlockDeviceIoStatus, BlockdevOnError } from '../model/backend.ts';
import { errnoOf } from '../model/errors.ts';

/**
 * Starts to keep the status.
 *
 * @globalState
 */
export function blkIostatusEnable(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('blkIostatusEnable');
  blk.iostatusEnabled = true;
  blk.iostatus = 'ok';
}

/**
 * Whether the status means something: it is kept, and errors can stop the VM, so that someone has to look at it.
 *
 * @globalState
 */
export function blkIostatusIsEnabled(blk: BlockBackend): boolean {
  GLOBAL_STATE_CODE('blkIostatusIsEnabled');
  return blk.iostatusEnabled && (blk.onWriteError === 'enospc' || blk.onWriteError === 'stop' || blk.onReadError === 'stop');
}

/**
 * The first error since the status was reset.
 *
 * @globalState
 */
export function blkIostatus(blk: BlockBackend): BlockDeviceIoStatus {
  GLOBAL_STATE_CODE('blkIostatus');
  return blk.iostatus;
}

/**
 * Stops to keep the status.
 *
 * @globalState
 */
export function blkIostatusDisable(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('blkIostatusDisable');
  blk.iostatusEnabled = false;
}

/**
 * Forgets the error, where the status means something.
 *
 * @globalState
 */
export function blkIostatusReset(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('blkIostatusReset');
  if (blkIostatusIsEnabled(blk)) blk.iostatus = 'ok';
}

/**
 * Notes an error; the first one stays.
 *
 * @globalState
 */
export function blkIostatusSetErr(blk: BlockBackend, error: Error): void {
  GLOBAL_STATE_CODE('blkIostatusSetErr');
  if (!blkIostatusIsEnabled(blk)) throw new Error(`blkIostatusSetErr: the backend '${blk.name}' keeps no status.`);
  if (blk.iostatus === 'ok') blk.iostatus = errnoOf(error) === 'ENOSPC' ? 'nospace' : 'failed';
}

/**
 * Sets what is done when a read, or a write, fails.
 *
 * @globalState
 */
export function blkSetOnError(blk: BlockBackend, onReadError: BlockdevOnError, onWriteError: BlockdevOnError): void {
  GLOBAL_STATE_CODE('blkSetOnError');
  blk.onReadError = onReadError;
  blk.onWriteError = onWriteError;
}
