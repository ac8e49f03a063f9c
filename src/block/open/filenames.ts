/**
 * File names: of paths and protocols, and the names of nodes that open the same tree again.
 *
 * In: names, and nodes with their options. Out: joined and absolute names; for a node `exactFilename` (a plain name), `filename` (that,
 * or `json:` with options) and `fullOpenOptions`. Leaves to others: opening what a name says.
 */
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvPrimaryBs } from '../graph/chain-links.ts';
import { BDRV_CHILD_PRIMARY, BDRV_O_NO_IO } from '../model/constants.ts';
import { blockError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { nestOptions, type BlockOptions } from '../model/options.ts';

/**
 * Whether a path starts with a protocol: it has a colon before the first slash.
 *
 * @common
 */
export function pathHasProtocol(path: string): boolean {
  return !startsWithDrive(path) && /^[^/:]*:/.test(path);
}

/**
 * Whether a path starts at the root (or, on Windows, at a drive).
 *
 * @common
 */
export function pathIsAbsolute(path: string): boolean {
  return path.startsWith('/') || startsWithDrive(path) || (process.platform === 'win32' && path.startsWith('\\'));
}

/** Whether a path starts with a drive letter, where there are drives. @common */
function startsWithDrive(path: string): boolean {
  return process.platform === 'win32' && (/^[a-z]:/i.test(path) || isWindowsDrive(path));
}

/**
 * Whether a name is that of a whole drive or device of Windows: `c:`, `\\.\name`, `//./name`.
 *
 * @common
 */
export function isWindowsDrive(filename: string): boolean {
  return /^[a-z]:$/i.test(filename) || filename.startsWith('\\\\.\\') || filename.startsWith('//./');
}

/**
 * A name as seen from the folder of `basePath`. A protocol of the base stays; an absolute name is left as it is.
 *
 * @common
 */
export function pathCombine(basePath: string, filename: string): string {
  if (pathIsAbsolute(filename)) return filename;
  const protocolEnd = pathHasProtocol(basePath) ? basePath.indexOf(':') + 1 : 0;
  return basePath.slice(0, Math.max(protocolEnd, endOfFolder(basePath))) + filename;
}

/** @common */
function endOfFolder(path: string): number {
  return Math.max(path.lastIndexOf('/'), process.platform === 'win32' ? path.lastIndexOf('\\') : -1) + 1;
}

/**
 * The name of a backing file as seen from the file that mentions it.
 *
 * @param backed name of the file that mentions it
 * @returns `null` where `backing` is empty
 * @throws BlockError `EINVAL` for a relative name in a file whose own name has no folder
 * @common
 */
export function bdrvGetFullBackingFilenameFromFilename(backed: string, backing: string): string | null {
  if (backing === '') return null;
  if (pathHasProtocol(backing) || pathIsAbsolute(backing)) return backing;
  if (backed === '' || backed.startsWith('json:')) throw blockError('EINVAL', `Cannot use relative backing file names for '${backed}'`);
  return pathCombine(backed, backing);
}

/**
 * The name of the backing file that an image mentions, as seen from here.
 *
 * @returns `null` where it mentions none
 * @throws BlockError `ENOTSUP` for a relative name in an image whose folder is unknown, or known to its driver only: Global State code
 *   asks the driver, with {@link bdrvGetBackingPath}
 * @common
 */
export function bdrvGetFullBackingFilename(bs: BlockDriverState): string | null {
  const name = absoluteBackingName(bs);
  if (name !== undefined) return name;
  let node: BlockDriverState = bs;
  for (;;) {
    if (node.drv?.bdrvDirname) throw noFolder(node);
    const below = primaryNode(node);
    if (below === null) break;
    node = below;
  }
  if (node.exactFilename === '') throw noFolder(node);
  return pathCombine(node.exactFilename, bs.backingFile);
}

/**
 * The same for Global State code, which can ask the drivers for their folder.
 *
 * @globalState
 */
export function bdrvGetBackingPath(bs: BlockDriverState): string | null {
  GLOBAL_STATE_CODE('bdrvGetBackingPath');
  return absoluteBackingName(bs) ?? (bs.backingFile === '' ? null : bdrvDirname(bs) + bs.backingFile);
}

/** The mentioned name where it needs no folder, `null` where there is none, else `undefined`. @common */
function absoluteBackingName(bs: BlockDriverState): string | null | undefined {
  if (bs.backingFile === '') return null;
  return pathHasProtocol(bs.backingFile) || pathIsAbsolute(bs.backingFile) ? bs.backingFile : undefined;
}

/** The node that stands for a node's own file. @common */
function primaryNode(bs: BlockDriverState): BlockDriverState | null {
  return bs.children.find((child) => (child.role & BDRV_CHILD_PRIMARY) !== 0)?.bs ?? null;
}

/**
 * The folder, with a slash at its end, that relative names of a node's image start from.
 *
 * @throws BlockError `ENOMEDIUM` without a driver, `ENOTSUP` where the name of the node's file is not known
 * @globalState
 */
export function bdrvDirname(bs: BlockDriverState): string {
  GLOBAL_STATE_CODE('bdrvDirname');
  if (!bs.drv) throw blockError('ENOMEDIUM', `Node '${bs.nodeName}' is ejected`);
  if (bs.drv.bdrvDirname) return bs.drv.bdrvDirname(bs);
  const below = bdrvPrimaryBs(bs);
  if (below) return bdrvDirname(below);
  bdrvRefreshFilename(bs);
  if (bs.exactFilename === '') throw noFolder(bs);
  return pathCombine(bs.exactFilename, '');
}

/** @common */
function noFolder(bs: BlockDriverState): Error {
  return blockError('ENOTSUP', `Cannot generate a base directory for ${bs.drv?.formatName ?? 'empty'} node '${bs.nodeName}'`);
}

/**
 * The name of the backing file as the image has it; empty where it has none.
 *
 * @io
 */
export function bdrvGetBackingFilename(bs: BlockDriverState): string {
  return bs.backingFile;
}

/**
 * A name for a temporary file that does not exist: in `TMPDIR`, or where the platform keeps such files.
 *
 * @common
 */
export function getTmpFilename(): string {
  return join(tmpdir(), `vl.${randomBytes(8).toString('hex')}`);
}

/**
 * Stores a file name without its prefix as the option `filename`. A name without the prefix is stored as it is.
 *
 * @common
 */
export function bdrvParseFilenameStripPrefix(filename: string, prefix: string, options: BlockOptions): void {
  options['filename'] = filename.startsWith(prefix) ? filename.slice(prefix.length) : filename;
}

/**
 * Works out a node's names and options anew, those of its children first.
 *
 * @globalState
 */
export function bdrvRefreshFilename(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('bdrvRefreshFilename');
  if (!bs.drv) return;
  for (const child of bs.children) if (child.bs) bdrvRefreshFilename(child.bs);
  if (bs.implicit) {
    copyNames(bs);
    return;
  }
  // Without I/O the image's header may not have been read: then nobody knows what it mentions.
  const backingOverridden = (bs.openFlags & BDRV_O_NO_IO) === 0 && bdrvBackingOverridden(bs);
  const own = strongOptions(bs);
  const options: BlockOptions = { driver: bs.drv.formatName, ...own };
  gatherChildOptions(bs, options, backingOverridden);
  bs.fullOpenOptions = options;
  refreshExactFilename(bs, backingOverridden || Object.keys(own).length > 0);
  bs.filename = bs.exactFilename === '' ? jsonFilename(options) : bs.exactFilename;
}

/** A filter that nobody asked for bears the names of the node below. */
function copyNames(bs: BlockDriverState): void {
  const below = bs.children[0]?.bs;
  if (!below) return;
  bs.exactFilename = below.exactFilename;
  bs.filename = below.filename;
  bs.fullOpenOptions = below.fullOpenOptions;
}

/** The file name `json:` and options, nested. @common */
export function jsonFilename(options: BlockOptions): string {
  return `json:${spacedJson(nestOptions(options))}`;
}

/** @common */
function spacedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spacedJson).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, inner]) => `${JSON.stringify(name)}: ${spacedJson(inner)}`).join(', ')}}`;
}

/** Options of a node that change what it shows, as they were given. The file name of a protocol is no reason to need a `json:` name. */
function strongOptions(bs: BlockDriverState): BlockOptions {
  const names = bs.drv?.strongRuntimeOpts ?? [];
  const isStrong = (option: string): boolean => names.some((name) => option === name || (name.endsWith('.') && option.startsWith(name)));
  return Object.fromEntries(Object.entries(bs.options).filter(([name]) => isStrong(name)));
}

/** @globalState */
function gatherChildOptions(bs: BlockDriverState, options: BlockOptions, backingOverridden: boolean): void {
  GLOBAL_STATE_CODE('gatherChildOptions');
  if (bs.drv?.bdrvGatherChildOptions) {
    bs.drv.bdrvGatherChildOptions(bs, options, backingOverridden);
    return;
  }
  for (const child of bs.children) {
    if (child === bs.backing && !backingOverridden) continue;
    options[child.name] = child.bs?.fullOpenOptions ?? null;
  }
  if (backingOverridden && !bs.backing) options['backing'] = null;
}

/**
 * A plain name stands for a node where opening it makes the same tree: the driver says so, or the node is a format that can be guessed,
 * on a protocol with such a name, with nothing overridden.
 *
 * @globalState
 */
function refreshExactFilename(bs: BlockDriverState, needsOptions: boolean): void {
  GLOBAL_STATE_CODE('refreshExactFilename');
  const below = bdrvPrimaryBs(bs);
  if (bs.drv?.bdrvRefreshFilename) {
    bs.exactFilename = '';
    bs.drv.bdrvRefreshFilename(bs);
  } else if (below) {
    const suits = below.drv?.bdrvFileOpen !== undefined && bs.drv?.isFilter !== true && !needsOptions;
    bs.exactFilename = suits ? below.exactFilename : '';
  }
}

/**
 * Whether a node shows another backing file than its image mentions.
 *
 * @globalState
 */
export function bdrvBackingOverridden(bs: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvBackingOverridden');
  return bs.backing ? bs.autoBackingFile !== bs.backing.bs?.filename : bs.autoBackingFile !== '';
}
