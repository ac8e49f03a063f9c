/**
 * The lists of backends: all, and those that the monitor knows by a name.
 *
 * In: backends. Out: backends by name or in turn. Leaves to others: how long a backend lives (`registry.ts`). The lists belong to the
 * main thread; nodes ask here whether a name is taken.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockBackend, BlockBackendPublic } from '../model/backend.ts';

const all: BlockBackend[] = [];
const named: BlockBackend[] = [];

/**
 * Puts a new backend into the list of all.
 *
 * @globalState
 */
export function listBackend(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('listBackend');
  all.push(blk);
}

/**
 * Takes a backend that is gone off the list of all.
 *
 * @globalState
 */
export function unlistBackend(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('unlistBackend');
  remove(all, blk);
}

/**
 * Puts a backend that got a name into the monitor's list.
 *
 * @globalState
 */
export function listNamedBackend(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('listNamedBackend');
  named.push(blk);
}

/**
 * Takes a backend that lost its name off the monitor's list.
 *
 * @globalState
 */
export function unlistNamedBackend(blk: BlockBackend): void {
  GLOBAL_STATE_CODE('unlistNamedBackend');
  remove(named, blk);
}

/**
 * The backend of that name.
 *
 * @globalState
 */
export function blkByName(name: string): BlockBackend | null {
  GLOBAL_STATE_CODE('blkByName');
  return named.find((blk) => blk.name === name) ?? null;
}

/**
 * The named backend after `blk`; the first one for `null`.
 *
 * @globalState
 */
export function blkNext(blk: BlockBackend | null): BlockBackend | null {
  GLOBAL_STATE_CODE('blkNext');
  return after(named, blk);
}

/**
 * The backend after `blk`, named or not; the first one for `null`.
 *
 * @globalState
 */
export function blkAllNext(blk: BlockBackend | null): BlockBackend | null {
  GLOBAL_STATE_CODE('blkAllNext');
  return after(all, blk);
}

/**
 * The backend that a public part belongs to.
 *
 * @globalState
 */
export function blkByPublic(publicState: BlockBackendPublic): BlockBackend | null {
  GLOBAL_STATE_CODE('blkByPublic');
  return all.find((blk) => blk.public === publicState) ?? null;
}

/** @common */
function after(list: readonly BlockBackend[], blk: BlockBackend | null): BlockBackend | null {
  return list[blk === null ? 0 : list.indexOf(blk) + 1] ?? null;
}

/** @common */
function remove(list: BlockBackend[], blk: BlockBackend): void {
  const at = list.indexOf(blk);
  if (at >= 0) list.splice(at, 1);
}
