/**
 * What happens when a request of a guest fails: told to the guest, ignored, or the VM stops.
 *
 * In: the policies of a backend, an error. Out: an action; the I/O status and the event `BLOCK_IO_ERROR` that follow from it. Leaves to
 * others: telling the guest, stopping the VM (who listens to the event).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { aioBhScheduleMain } from '../contexts/aio-context.ts';
import { emitBlockEvent } from '../events.ts';
import type { BlockBackend, BlockdevOnError, BlockErrorAction } from '../model/backend.ts';
import { errnoOf } from '../model/errors.ts';
import { blkIostatusIsEnabled, blkIostatusSetErr } from './iostatus.ts';
import { blkBs, blkName } from './settings.ts';

/**
 * The policy for reads or for writes.
 *
 * @io
 */
export function blkGetOnError(blk: BlockBackend, isRead: boolean): BlockdevOnError {
  return isRead ? blk.onReadError : blk.onWriteError;
}

/**
 * What the policy wants for this error.
 *
 * @io
 */
export function blkGetErrorAction(blk: BlockBackend, isRead: boolean, error: Error): BlockErrorAction {
  const policy = blkGetOnError(blk, isRead);
  switch (policy === 'auto' ? defaultPolicy(isRead) : policy) {
    case 'enospc':
      return errnoOf(error) === 'ENOSPC' ? 'stop' : 'report';
    case 'stop':
      return 'stop';
    case 'ignore':
      return 'ignore';
    default:
      return 'report';
  }
}

/** A full disk is the manager's to solve; everything else the guest's. @common */
function defaultPolicy(isRead: boolean): BlockdevOnError {
  return isRead ? 'report' : 'enospc';
}

/**
 * Carries out an action: tells the management program, and notes the I/O status before the VM stops.
 *
 * @io
 */
export function blkErrorAction(blk: BlockBackend, action: BlockErrorAction, isRead: boolean, error: Error): void {
  // The status is the main thread's. It is set in an earlier turn than the event is told, so that who hears the event sees the status.
  if (action === 'stop') aioBhScheduleMain(() => noteStatus(blk, error));
  emitBlockEvent('BLOCK_IO_ERROR', {
    device: blkName(blk), 'node-name': blkBs(blk)?.nodeName ?? '', operation: isRead ? 'read' : 'write', action,
    ...(blk.iostatusEnabled ? { nospace: errnoOf(error) === 'ENOSPC' } : {}), reason: error.message,
  });
}

/** @globalState */
function noteStatus(blk: BlockBackend, error: Error): void {
  GLOBAL_STATE_CODE('noteStatus');
  if (blkIostatusIsEnabled(blk)) blkIostatusSetErr(blk, error);
}
