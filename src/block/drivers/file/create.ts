/**
 * Makes and deletes files of the host for the `file` driver.
 *
 * In: a path, a length, how to prepare the space. Out: the file. Leaves to others: opening it as a node.
 */
import fs from 'node:fs';
import { GLOBAL_STATE_CODE } from '../../../runtime/index.ts';
import { alignUp } from '../../model/arithmetic.ts';
import { BDRV_SECTOR_SIZE, BLK_PERM_ALL, BLK_PERM_RESIZE, BLK_PERM_WRITE } from '../../model/constants.ts';
import type { BlockdevCreateOptions, CreationOptions } from '../../model/driver.ts';
import { blockError, errnoOf, prefixError } from '../../model/errors.ts';
import type { BlockDriverState } from '../../model/node.ts';
import { OptionBag, type OptionDescription } from '../../model/options.ts';
import { bdrvParseFilenameStripPrefix } from '../../open/filenames.ts';
import { HostFile, unlinkHostFile } from './host-file.ts';
import { resizeFile } from './host-space.ts';
import { ImageLock } from './image-lock.ts';
import { fileStateOf } from './state.ts';

const PREALLOC_MODES = ['off', 'metadata', 'falloc', 'full'] as const;

/** Options of a new file. `nocow` and `extent_size_hint` are advice to file systems that have them, and not followed here. */
export const fileCreateOpts: readonly OptionDescription[] = [
  { name: 'size', type: 'size', help: 'Virtual disk size' },
  { name: 'nocow', type: 'boolean', help: 'Turn off copy-on-write (valid only on btrfs)' },
  { name: 'preallocation', type: 'string', help: 'Preallocation mode (allowed values: off, falloc, full)' },
  { name: 'extent_size_hint', type: 'size', help: 'Extent size hint for the image file, 0 to disable' },
];

/**
 * @globalState
 * @coroutine
 */
export async function createFile(options: BlockdevCreateOptions): Promise<void> {
  GLOBAL_STATE_CODE('createFile');
  const bag = new OptionBag({ ...options });
  bag.take('driver');
  bag.take('nocow');
  bag.take('extent-size-hint');
  const path = bag.takeString('filename');
  const size = bag.takeSize('size');
  const prealloc = bag.takeChoice('preallocation', PREALLOC_MODES) ?? 'off';
  bag.refuseRest('file');
  if (path === undefined || size === undefined) throw blockError('EINVAL', "Creating a file needs 'filename' and 'size'");
  const file = await openForCreation(path);
  const lock = new ImageLock(file);
  try {
    lock.acquire(BLK_PERM_WRITE | BLK_PERM_RESIZE, BLK_PERM_ALL & ~BLK_PERM_RESIZE, path);
    // The old content goes only once the lock says that nobody uses it.
    await file.truncate(0);
    await resizeFile(file, size, prealloc);
  } finally {
    lock.releaseAll();
    file.close();
  }
}

async function openForCreation(path: string): Promise<HostFile> {
  try {
    return await HostFile.open(path, { writable: true, direct: false }, fs.constants.O_CREAT);
  } catch (error) {
    throw prefixError(`Could not create '${path}'`, error);
  }
}

/**
 * @globalState
 * @coroutine
 */
export async function createFileByName(filename: string, options: CreationOptions): Promise<void> {
  GLOBAL_STATE_CODE('createFileByName');
  const bag = new OptionBag({ ...options });
  const named = { filename };
  bdrvParseFilenameStripPrefix(filename, 'file:', named);
  await createFile({
    driver: 'file',
    filename: named.filename,
    size: alignUp(bag.takeSize('size') ?? 0, BDRV_SECTOR_SIZE),
    preallocation: bag.takeString('preallocation') ?? 'off',
  });
}

/**
 * @io
 * @coroutine
 */
export async function deleteFile(bs: BlockDriverState): Promise<void> {
  const state = fileStateOf(bs);
  if (!state.open.file.isRegular) throw blockError('ENOENT', `'${state.path}' is not a regular file`);
  try {
    await unlinkHostFile(state.path);
  } catch (error) {
    throw blockError(errnoOf(error), `Failed to delete '${state.path}'`, error);
  }
}
