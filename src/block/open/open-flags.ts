/**
 * Words that users know for open flags, and what may be done to a node's read-only flag.
 *
 * In: words and flags. Out: flags, or a refusal. Leaves to others: acting on the flags.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import {
  BDRV_O_ALLOW_RDWR, BDRV_O_AUTO_RDONLY, BDRV_O_IO_URING, BDRV_O_NATIVE_AIO, BDRV_O_NOCACHE, BDRV_O_NO_FLUSH, BDRV_O_RDWR, BDRV_O_UNMAP, type OpenFlags,
} from '../model/constants.ts';
import { blockError } from '../model/errors.ts';
import type { BlockDriverState, DetectZeroes } from '../model/node.ts';

const CACHE_MODES: Readonly<Record<string, { flags: OpenFlags; writethrough: boolean }>> = {
  off: { flags: BDRV_O_NOCACHE, writethrough: false },
  none: { flags: BDRV_O_NOCACHE, writethrough: false },
  directsync: { flags: BDRV_O_NOCACHE, writethrough: true },
  writeback: { flags: 0, writethrough: false },
  unsafe: { flags: BDRV_O_NO_FLUSH, writethrough: false },
  writethrough: { flags: 0, writethrough: true },
};

/**
 * The flags of a cache mode, and whether each write is to be stable when it completes. The flags take the place of `BDRV_O_CACHE_MASK`.
 *
 * @throws BlockError `EINVAL` for an unknown mode
 * @globalState
 */
export function bdrvParseCacheMode(mode: string): { flags: OpenFlags; writethrough: boolean } {
  GLOBAL_STATE_CODE('bdrvParseCacheMode');
  const known = Object.hasOwn(CACHE_MODES, mode) ? CACHE_MODES[mode] : undefined;
  if (!known) throw blockError('EINVAL', `Invalid cache option: ${mode}`);
  return { ...known };
}

/**
 * The flags of a discard mode: `unmap` passes discards on, `ignore` does not. They take the place of `BDRV_O_UNMAP`.
 *
 * @throws BlockError `EINVAL` for an unknown mode
 * @globalState
 */
export function bdrvParseDiscardFlags(mode: string): OpenFlags {
  GLOBAL_STATE_CODE('bdrvParseDiscardFlags');
  if (mode === 'off' || mode === 'ignore') return 0;
  if (mode === 'on' || mode === 'unmap') return BDRV_O_UNMAP;
  throw blockError('EINVAL', 'Invalid discard option');
}

/**
 * The flags of an AIO mode.
 *
 * @throws BlockError `EINVAL` for an unknown mode
 * @common
 */
export function bdrvParseAio(mode: string): OpenFlags {
  if (mode === 'threads') return 0;
  if (mode === 'native') return BDRV_O_NATIVE_AIO;
  if (mode === 'io_uring') return BDRV_O_IO_URING;
  throw blockError('EINVAL', `Invalid AIO mode '${mode}'`);
}

/**
 * The zero detection that options and flags ask for.
 *
 * @throws BlockError `EINVAL` for an unknown word, or `unmap` for a node that passes no discards on
 * @globalState
 */
export function bdrvParseDetectZeroes(word: string | undefined, flags: OpenFlags): DetectZeroes {
  GLOBAL_STATE_CODE('bdrvParseDetectZeroes');
  if (word === undefined || word === 'off') return 'off';
  if (word !== 'on' && word !== 'unmap') throw blockError('EINVAL', `Parameter 'detect-zeroes' does not accept value '${word}'`);
  if (word === 'unmap' && (flags & BDRV_O_UNMAP) === 0) {
    throw blockError('EINVAL', 'setting detect-zeroes to unmap is not allowed without setting discard operation to unmap');
  }
  return word;
}

/**
 * The flags that a node was opened with.
 *
 * @globalState
 */
export function bdrvGetFlags(bs: BlockDriverState): OpenFlags {
  GLOBAL_STATE_CODE('bdrvGetFlags');
  return bs.openFlags;
}

/**
 * Whether the read-only flag may change so. Throws if not.
 *
 * @throws BlockError `EINVAL` for a node that copies on read and is to be read-only, `EPERM` for one that may not become writable
 * @globalState
 */
export function bdrvCanSetReadOnly(bs: BlockDriverState, readOnly: boolean, ignoreAllowRdw: boolean): void {
  GLOBAL_STATE_CODE('bdrvCanSetReadOnly');
  if (bs.copyOnRead > 0 && readOnly) throw blockError('EINVAL', `Can't set node '${bs.nodeName}' to r/o with copy-on-read enabled`);
  if (!readOnly && (bs.openFlags & BDRV_O_ALLOW_RDWR) === 0 && !ignoreAllowRdw) throw blockError('EPERM', `Node '${bs.nodeName}' is read only`);
}

/**
 * Makes a node that can't be opened for writing read-only, if it was told to do so.
 *
 * @param message why it can't be writable
 * @throws BlockError `EACCES` with that reason, where the node is to be writable whatever happens
 * @globalState
 */
export function bdrvApplyAutoReadOnly(bs: BlockDriverState, message: string | null): void {
  GLOBAL_STATE_CODE('bdrvApplyAutoReadOnly');
  if ((bs.openFlags & BDRV_O_RDWR) === 0) return;
  const refusal = blockError('EACCES', message ?? 'Image is read-only');
  if ((bs.openFlags & BDRV_O_AUTO_RDONLY) === 0) throw refusal;
  try {
    bdrvCanSetReadOnly(bs, true, false);
  } catch {
    throw refusal;
  }
  bs.openFlags &= ~BDRV_O_RDWR;
}
