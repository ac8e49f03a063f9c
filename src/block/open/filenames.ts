/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockDriverState } from '../model/node.ts';
import type { BlockOptions } from '../model/options.ts';
import { notBuilt } from '../not-built.ts';

/**
 * True when a path begins with a protocol prefix; pure string test.
 *
 * @common
 */
export function pathHasProtocol(path: string): boolean {
  throw notBuilt('pathHasProtocol');
}

/**
 * True for an absolute path; pure string test.
 *
 * @common
 */
export function pathIsAbsolute(path: string): boolean {
  throw notBuilt('pathIsAbsolute');
}

/**
 * Joins a base path and a file name, honouring absolute names and protocols; caller owns the result.
 *
 * @common
 */
export function pathCombine(basePath: string, filename: string): string {
  throw notBuilt('pathCombine');
}

/**
 * Resolves a backing name relative to the name of the overlay that mentions it.
 *
 * @common
 */
export function bdrvGetFullBackingFilenameFromFilename(backed: string, backing: string): string | null {
  throw notBuilt('bdrvGetFullBackingFilenameFromFilename');
}

/**
 * Absolute backing file name recorded by a node. Declared common, but resolving a relative name needs the node's directory (bdrv_dirname, GS): expect a common-calls-GS finding (outside the seed, body not shown).
 *
 * @common
 */
export function bdrvGetFullBackingFilename(bs: BlockDriverState): string | null {
  throw notBuilt('bdrvGetFullBackingFilename');
}

/**
 * Recomputes a node's file name and full open options from its children.
 *
 * @globalState
 */
export function bdrvRefreshFilename(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('bdrvRefreshFilename');
  throw notBuilt('bdrvRefreshFilename');
}

/**
 * Directory used to resolve relative names of children.
 *
 * @globalState
 */
export function bdrvDirname(bs: BlockDriverState): string {
  GLOBAL_STATE_CODE('bdrvDirname');
  throw notBuilt('bdrvDirname');
}

/**
 * Makes a temporary file name.
 *
 * @common
 */
export function getTmpFilename(): string {
  throw notBuilt('getTmpFilename');
}

/**
 * Strips a protocol prefix from a name and stores the rest as an option.
 *
 * @common
 */
export function bdrvParseFilenameStripPrefix(filename: string, prefix: string, options: BlockOptions): void {
  throw notBuilt('bdrvParseFilenameStripPrefix');
}

/**
 * Windows builds only: drive-letter test.
 *
 * @common
 */
export function isWindowsDrive(filename: string): boolean {
  throw notBuilt('isWindowsDrive');
}

/**
 * Copies the header's backing name.
 *
 * @io
 */
export function bdrvGetBackingFilename(bs: BlockDriverState): string {
  throw notBuilt('bdrvGetBackingFilename');
}
