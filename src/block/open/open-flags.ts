/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { OpenFlags } from '../model/constants.ts';
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Parses a cache mode word into cache flags and a write-through switch; clears BDRV_O_CACHE_MASK first.
 *
 * @globalState
 */
export function bdrvParseCacheMode(mode: string): { flags: OpenFlags; writethrough: boolean } {
  GLOBAL_STATE_CODE('bdrvParseCacheMode');
  throw notBuilt('bdrvParseCacheMode');
}

/**
 * Parses the discard option; clears BDRV_O_UNMAP first.
 *
 * @globalState
 */
export function bdrvParseDiscardFlags(mode: string): OpenFlags {
  GLOBAL_STATE_CODE('bdrvParseDiscardFlags');
  throw notBuilt('bdrvParseDiscardFlags');
}

/**
 * Turns the textual AIO mode option (threads/native/io_uring) into open-flag bits; pure.
 *
 * @common
 */
export function bdrvParseAio(mode: string): OpenFlags {
  throw notBuilt('bdrvParseAio');
}

/**
 * Open flags of a node. Called by the raw driver's permission callback: the failing assertion of the fuse case.
 *
 * @globalState
 */
export function bdrvGetFlags(bs: BlockDriverState): OpenFlags {
  GLOBAL_STATE_CODE('bdrvGetFlags');
  throw notBuilt('bdrvGetFlags');
}

/**
 * Checks copy-on-read and the allow-rdwr flag before a read-only switch.
 *
 * @globalState
 */
export function bdrvCanSetReadOnly(bs: BlockDriverState, readOnly: boolean, ignoreAllowRdw: boolean): void {
  GLOBAL_STATE_CODE('bdrvCanSetReadOnly');
  throw notBuilt('bdrvCanSetReadOnly');
}

/**
 * Falls back to read-only when auto-read-only is on and read-write opening is impossible.
 *
 * @globalState
 */
export function bdrvApplyAutoReadOnly(bs: BlockDriverState, message: string | null): void {
  GLOBAL_STATE_CODE('bdrvApplyAutoReadOnly');
  throw notBuilt('bdrvApplyAutoReadOnly');
}
