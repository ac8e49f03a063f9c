/**
 * How a `file` node follows its permissions, and how it is reopened.
 *
 * In: permissions to check, set or give up; a reopen. Out: the image is locked accordingly, and the host's file is open for writing when
 * somebody may write. Leaves to others: which permissions are asked for.
 *
 * A check does all that can fail: it locks what is new, and opens the file anew if that has to change. Setting puts that into force.
 */
import { BDRV_O_INACTIVE, type Permissions } from '../../model/constants.ts';
import type { BDRVReopenState } from '../../model/driver.ts';
import { prefixError } from '../../model/errors.ts';
import type { BlockDriverState } from '../../model/node.ts';
import { OptionBag } from '../../model/options.ts';
import { HostFile } from './host-file.ts';
import { ImageLock } from './image-lock.ts';
import { fileStateOf, hostModeFor, type FileState, type LockedFile } from './state.ts';
import { GLOBAL_STATE_CODE } from '../../../runtime/index.ts';

/** @globalState */
export function checkPermissions(bs: BlockDriverState, perm: Permissions, shared: Permissions): void {
  GLOBAL_STATE_CODE('checkPermissions');
  const state = fileStateOf(bs);
  const locks = (bs.openFlags & BDRV_O_INACTIVE) === 0;
  // A transaction may check more than once; only the last answer counts.
  dropPending(state);
  if (locks) state.open.lock?.acquire(perm | state.perm, shared & state.shared, state.path);
  try {
    const file = state.reopened ?? fileForPermissions(bs, state, perm);
    state.pending = file === null ? null : { file, lock: locks && state.open.lock ? state.open.lock.copyTo(file, perm, shared) : lockOf(state, file) };
  } catch (error) {
    state.open.lock?.settle(state.perm, state.shared);
    throw error;
  }
}

/** @globalState */
export function setPermissions(bs: BlockDriverState, perm: Permissions, shared: Permissions): void {
  GLOBAL_STATE_CODE('setPermissions');
  const state = fileStateOf(bs);
  if (state.pending !== null) {
    closeLocked(state.open);
    state.open = state.pending;
    state.pending = null;
    state.reopened = null;
  }
  if ((bs.openFlags & BDRV_O_INACTIVE) === 0) state.open.lock?.settle(perm, shared);
  else state.open.lock?.releaseAll();
  state.perm = perm;
  state.shared = shared;
}

/** @globalState */
export function abortPermissions(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('abortPermissions');
  const state = fileStateOf(bs);
  dropPending(state);
  state.open.lock?.settle(state.perm, state.shared);
}

/** @globalState */
export async function prepareReopen(reopen: BDRVReopenState): Promise<void> {
  GLOBAL_STATE_CODE('prepareReopen');
  const state = fileStateOf(reopen.bs);
  const bag = new OptionBag(reopen.options);
  bag.takeChoice('aio', ['threads', 'native', 'io_uring']);
  const mode = hostModeFor(reopen.flags, state.perm);
  const now = state.open.file.mode;
  if (mode.writable === now.writable && mode.direct === now.direct) return;
  try {
    state.reopened = await HostFile.open(state.path, mode);
  } catch (error) {
    throw prefixError('Could not reopen file', error);
  }
}

/** @globalState */
export function commitReopen(reopen: BDRVReopenState): void {
  GLOBAL_STATE_CODE('commitReopen');
  const state = fileStateOf(reopen.bs);
  // Where permissions were checked with the new file, setting them puts it in place, before or after this.
  if (state.reopened === null || state.pending?.file === state.reopened) return;
  // Nobody's permissions changed: the new file takes the place of the old one with the same locks.
  const file = state.reopened;
  state.reopened = null;
  const lock = state.open.lock?.copyTo(file, state.perm, state.shared) ?? null;
  closeLocked(state.open);
  state.open = { file, lock };
}

/** @globalState */
export function abortReopen(reopen: BDRVReopenState): void {
  GLOBAL_STATE_CODE('abortReopen');
  const state = fileStateOf(reopen.bs);
  if (state.pending?.file === state.reopened) dropPending(state);
  state.reopened?.close();
  state.reopened = null;
}

/** @globalState */
export function closeLocked(locked: LockedFile): void {
  GLOBAL_STATE_CODE('closeLocked');
  locked.lock?.releaseAll();
  locked.file.close();
}

/** @globalState */
function dropPending(state: FileState): void {
  GLOBAL_STATE_CODE('dropPending');
  // A file that a reopen brought is the reopen's to close.
  if (state.pending !== null && state.pending.file !== state.reopened) closeLocked(state.pending);
  else state.pending?.lock?.releaseAll();
  state.pending = null;
}

function lockOf(state: FileState, file: HostFile): ImageLock | null {
  return state.useLock ? new ImageLock(file) : null;
}

/** The file opened anew, where the permissions ask for another mode; else `null`. @globalState */
function fileForPermissions(bs: BlockDriverState, state: FileState, perm: Permissions): HostFile | null {
  GLOBAL_STATE_CODE('fileForPermissions');
  const mode = hostModeFor(bs.openFlags, perm);
  if (mode.writable === state.open.file.mode.writable) return null;
  try {
    return HostFile.openNow(state.path, { writable: mode.writable, direct: state.open.file.mode.direct });
  } catch (error) {
    throw prefixError('Could not reopen file', error);
  }
}
