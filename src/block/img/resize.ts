/**
 * `blk-img resize`: makes an image longer or shorter.
 *
 * In: an image and a size; `+` or `-` in front: by that much. Out: the image has that length.
 */
import type { Command } from 'commander';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkGetlength } from '../backend/settings.ts';
import { blkTruncate } from '../backend/wrappers.ts';
import type { BlockBackend } from '../model/backend.ts';
import { BDRV_O_RESIZE } from '../model/constants.ts';
import type { PreallocMode } from '../model/driver.ts';
import { addImageCommand, withImage, type ImageOptions } from './command.ts';
import { ImgFailure } from './failure.ts';
import type { Done } from './main.ts';
import { FOR_WRITING } from './open-image.ts';
import { sizeOf } from './options.ts';
import type { Streams } from './streams.ts';

interface ResizeOptions extends ImageOptions {
  readonly preallocation?: string;
  readonly shrink?: boolean;
}

const MODES: readonly PreallocMode[] = ['off', 'metadata', 'falloc', 'full'];

/**
 * Adds the command to the program.
 *
 * @globalState
 */
export function addResize(program: Command, streams: Streams, done: Done): void {
  GLOBAL_STATE_CODE('addResize');
  addImageCommand(program, 'resize', 'Make an image longer or shorter.')
    .argument('<filename>')
    .argument('<size>', 'new size; +SIZE or -SIZE: by that much')
    .option('--preallocation <mode>', 'off, metadata, falloc or full')
    .option('--shrink', 'yes, data at the end may be lost')
    .option('-q, --quiet', 'print only errors')
    .action(async (filename: string, size: string, options: ResizeOptions) => {
      const image = { name: filename, imageOpts: options.imageOpts, format: options.format, flags: FOR_WRITING | BDRV_O_RESIZE };
      await withImage(image, (blk) => resize(blk, size, options, streams));
      if (!options.quiet) streams.out('Image resized.\n');
      done(0);
    });
}

/** @globalState */
async function resize(blk: BlockBackend, size: string, options: ResizeOptions, streams: Streams): Promise<void> {
  GLOBAL_STATE_CODE('resize');
  const prealloc = MODES.find((mode) => mode === (options.preallocation ?? 'off'));
  if (prealloc === undefined) throw new ImgFailure(`Invalid preallocation mode '${String(options.preallocation)}'`);
  const current = await blkGetlength(blk);
  const wanted = newSize(size, current);
  if (wanted <= 0) throw new ImgFailure('New image size must be positive');
  if (wanted <= current && prealloc !== 'off') throw new ImgFailure('Preallocation can only be used for growing images');
  if (wanted < current && !options.shrink) {
    streams.err('blk-img: Use the --shrink option to perform a shrink operation.\n');
    throw new ImgFailure("warning: Shrinking an image will delete all data beyond the shrunken image's end. Before performing such an operation, make sure there is no important data there.");
  }
  await blkTruncate(blk, wanted, false, prealloc, 0);
}

function newSize(text: string, current: number): number {
  if (text.startsWith('+')) return current + sizeOf(text.slice(1), 'image size');
  if (text.startsWith('-')) return current - sizeOf(text.slice(1), 'image size');
  return sizeOf(text, 'image size');
}
