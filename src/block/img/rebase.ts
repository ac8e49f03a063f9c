/**
 * `blk-img rebase`: gives an image another backing file.
 *
 * In: an image, the name of the new backing file (empty: none). Out: the image names it; unless `-u` is given, data that differs between
 * the old and the new one is written into the image before, so that it shows the same as ever.
 */
import type { Command } from 'commander';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkNewWithBs, blkUnref } from '../backend/registry.ts';
import { blkBs, blkGetlength } from '../backend/settings.ts';
import { blkPread, blkPwrite } from '../backend/wrappers.ts';
import { bdrvBackingChainNext, bdrvCowBs, bdrvSkipFilters } from '../graph/chain-links.ts';
import { bdrvFindBackingImage } from '../graph/chains.ts';
import type { BlockBackend } from '../model/backend.ts';
import { BDRV_O_NO_BACKING, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ } from '../model/constants.ts';
import { errnoOf } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvGetFullBackingFilenameFromFilename } from '../open/filenames.ts';
import { bdrvChangeBackingFile } from '../open/image.ts';
import { bdrvFindFormat } from '../open/drivers.ts';
import { bdrvIsAllocated, bdrvIsAllocatedAbove } from '../requests/block-status.ts';
import { addImageCommand, withImage, type ImageOptions } from './command.ts';
import { ImgFailure, messageOf } from './failure.ts';
import type { Done } from './main.ts';
import { FOR_WRITING, openImage } from './open-image.ts';
import { progressLine } from './progress.ts';
import type { Streams } from './streams.ts';

interface RebaseOptions extends ImageOptions {
  readonly backing?: string;
  readonly backingFormat?: string;
  readonly unsafe?: boolean;
  readonly cache?: string;
  readonly sourceCache?: string;
  readonly forceShare?: boolean;
  readonly progress?: boolean;
}

const BUFFER = 2 * 1024 * 1024;
const SECTOR = 512;

/**
 * Adds the command to the program.
 *
 * @globalState
 */
export function addRebase(program: Command, streams: Streams, done: Done): void {
  GLOBAL_STATE_CODE('addRebase');
  addImageCommand(program, 'rebase', 'Give an image another backing file.')
    .argument('<filename>')
    .option('-b, --backing <filename>', 'the new backing file; empty: none')
    .option('-F, --backing-format <format>', 'its format')
    .option('-u, --unsafe', 'only change the name: old and new backing file have the same data')
    .option('-t, --cache <mode>', 'cache mode of the image')
    .option('-T, --source-cache <mode>', 'cache mode of the backing files')
    .option('-p, --progress', 'show progress on a terminal')
    .option('-q, --quiet', 'print only errors')
    .option('-U, --force-share', 'others may write to the backing files')
    .action(async (filename: string, options: RebaseOptions) => {
      const { backing } = options;
      if (backing === undefined) throw new ImgFailure('Must specify backing file (-b) or use simple rebase mode (-u)');
      if (options.backingFormat !== undefined && bdrvFindFormat(options.backingFormat) === null) {
        throw new ImgFailure(`Invalid format name: '${options.backingFormat}'`);
      }
      const image = {
        name: filename, imageOpts: options.imageOpts, format: options.format, cache: options.cache, flags: FOR_WRITING | (options.unsafe ? BDRV_O_NO_BACKING : 0),
      };
      await withImage(image, (blk) => rebase(blk, filename, backing, options, streams));
      done(0);
    });
}

/** @globalState */
async function rebase(blk: BlockBackend, filename: string, backing: string, options: RebaseOptions, streams: Streams): Promise<void> {
  GLOBAL_STATE_CODE('rebase');
  const bs = bdrvSkipFilters(blkBs(blk));
  if (bs === null) throw new ImgFailure('The image has no medium');
  if (!options.unsafe) await writeDifferences(blk, bs, filename, backing, options, streams);
  try {
    await bdrvChangeBackingFile(bs, backing === '' ? null : backing, backing === '' ? null : (options.backingFormat ?? null), backing !== '');
  } catch (error) {
    const reason = errnoOf(error) === 'ENOSPC' ? 'No space left in the file header' : messageOf(error);
    throw new ImgFailure(`Could not change the backing file to '${backing}': ${reason}`);
  }
}

/** Writes into the image what would change with the new backing file. @globalState */
async function writeDifferences(blk: BlockBackend, bs: BlockDriverState, filename: string, backing: string, options: RebaseOptions, streams: Streams): Promise<void> {
  GLOBAL_STATE_CODE('writeDifferences');
  const oldBase = bdrvBackingChainNext(bs);
  const before = oldBase === null ? null : await blkNewWithBs(oldBase, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL);
  let after: BlockBackend | null = null;
  try {
    const { blk: opened, shared } = await openNewBase(bs, filename, backing, options);
    after = opened;
    await compareBases(blk, bs, { before, after, shared }, options, streams);
  } finally {
    if (after) await blkUnref(after);
    if (before) await blkUnref(before);
  }
}

/** The new base; one that is in the chain already is used as it is (`shared`). @globalState */
async function openNewBase(bs: BlockDriverState, filename: string, backing: string, options: RebaseOptions): Promise<{ blk: BlockBackend | null; shared: BlockDriverState | null }> {
  GLOBAL_STATE_CODE('openNewBase');
  if (backing === '') return { blk: null, shared: null };
  const name = bdrvGetFullBackingFilenameFromFilename(filename, backing) ?? backing;
  const shared = bdrvFindBackingImage(bs, name);
  if (shared !== null) return { blk: await blkNewWithBs(shared, BLK_PERM_CONSISTENT_READ, BLK_PERM_ALL), shared };
  try {
    return { blk: await openImage({ name, format: options.backingFormat, cache: options.sourceCache, forceShare: options.forceShare }), shared: null };
  } catch (error) {
    throw new ImgFailure(`Could not open new backing file '${name}': ${messageOf(error)}`);
  }
}

/** The old and the new base; `shared`: the new one is in the old chain. */
interface Bases {
  readonly before: BlockBackend | null;
  readonly after: BlockBackend | null;
  readonly shared: BlockDriverState | null;
}

/** @globalState */
async function compareBases(blk: BlockBackend, bs: BlockDriverState, bases: Bases, options: RebaseOptions, streams: Streams): Promise<void> {
  GLOBAL_STATE_CODE('compareBases');
  const length = await blkGetlength(blk);
  const lengths = { before: bases.before ? await blkGetlength(bases.before) : 0, after: bases.after ? await blkGetlength(bases.after) : 0 };
  const buffers = { before: Buffer.alloc(BUFFER), after: Buffer.alloc(BUFFER) };
  const progress = progressLine(options.progress, streams);
  for (let offset = 0; offset < length; ) {
    const { bytes, mayDiffer } = await differenceAt(bs, bases, offset, Math.min(BUFFER, length - offset));
    if (mayDiffer) {
      await readOrZero(bases.before, lengths.before, offset, buffers.before.subarray(0, bytes));
      await readOrZero(bases.after, lengths.after, offset, buffers.after.subarray(0, bytes));
      await writeDifferent(blk, offset, buffers.before.subarray(0, bytes), buffers.after.subarray(0, bytes));
    }
    offset += bytes;
    progress.show(offset, length);
  }
  progress.end();
}

/** What the image has itself is safe; so is what both bases take from the same layers. @globalState */
async function differenceAt(bs: BlockDriverState, bases: Bases, offset: number, most: number): Promise<{ bytes: number; mayDiffer: boolean }> {
  GLOBAL_STATE_CODE('differenceAt');
  const own = await bdrvIsAllocated(bs, offset, most);
  if (own.allocated) return { bytes: own.pnum, mayDiffer: false };
  const below = bdrvCowBs(bs);
  if (bases.shared === null || below === null) return { bytes: own.pnum, mayDiffer: true };
  const above = await bdrvIsAllocatedAbove(below, bases.shared, false, offset, own.pnum);
  return { bytes: above.pnum, mayDiffer: above.allocated };
}

/** @globalState */
async function readOrZero(blk: BlockBackend | null, length: number, offset: number, buffer: Uint8Array): Promise<void> {
  GLOBAL_STATE_CODE('readOrZero');
  const bytes = Math.max(Math.min(length - offset, buffer.length), 0);
  if (blk !== null && bytes > 0) await blkPread(blk, offset, buffer.subarray(0, bytes));
  buffer.fill(0, bytes);
}

/** Writes each run of sectors that differ. @globalState */
async function writeDifferent(blk: BlockBackend, offset: number, before: Uint8Array, after: Uint8Array): Promise<void> {
  GLOBAL_STATE_CODE('writeDifferent');
  const differs = (at: number, bytes: number): boolean => Buffer.compare(before.subarray(at, at + bytes), after.subarray(at, at + bytes)) !== 0;
  if (!differs(0, before.length)) return;
  for (let at = 0; at < before.length; ) {
    let end = at;
    while (end < before.length && differs(end, SECTOR)) end += SECTOR;
    end = Math.min(end, before.length);
    if (end > at) await blkPwrite(blk, offset + at, before.subarray(at, end), 0);
    at = Math.max(end, at + SECTOR);
  }
}
