/**
 * Opens the image that a command names.
 *
 * In: a file name or a list of options, a format, a cache mode. Out: a backend; the message of a failure names the image. Leaves to others:
 * what is done with it, and letting it go.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkNewOpen } from '../backend/open.ts';
import { blkSetEnableWriteCache } from '../backend/device.ts';
import type { BlockBackend } from '../model/backend.ts';
import { BDRV_O_RDWR, BDRV_O_UNMAP, type OpenFlags } from '../model/constants.ts';
import { prefixError } from '../model/errors.ts';
import type { BlockOptions } from '../model/options.ts';
import { bdrvParseCacheMode } from '../open/open-flags.ts';
import { ImgFailure } from './failure.ts';
import { parseOptionList } from './options.ts';

/** An image on the command line. */
export interface ImageArgument {
  /** A file name; options, with `imageOpts`. */
  readonly name: string;
  readonly imageOpts?: boolean | undefined;
  /** Without it the format is guessed. */
  readonly format?: string | undefined;
  readonly cache?: string | undefined;
  /** Others may write to it at the same time. */
  readonly forceShare?: boolean | undefined;
  readonly flags?: OpenFlags;
  /** Further options of the node. */
  readonly options?: BlockOptions;
}

/**
 * Opens an image.
 *
 * @throws ImgFailure for a bad cache mode, BlockError where the image can't be opened
 * @globalState
 */
export async function openImage(image: ImageArgument): Promise<BlockBackend> {
  GLOBAL_STATE_CODE('openImage');
  if (image.imageOpts && image.format !== undefined) throw new ImgFailure('--image-opts and --format are mutually exclusive');
  const { flags, writethrough } = cacheMode(image.cache ?? 'writeback');
  const options: BlockOptions = { ...image.options };
  if (image.imageOpts) Object.assign(options, parseOptionList(image.name, 'file'));
  if (image.format !== undefined) options['driver'] = image.format;
  if (image.forceShare) {
    if (((image.flags ?? 0) & BDRV_O_RDWR) !== 0) throw new ImgFailure('force-share=on can only be used with read-only images');
    options['force-share'] = true;
  }
  try {
    const blk = await blkNewOpen(image.imageOpts ? null : image.name, null, options, (image.flags ?? 0) | flags);
    blkSetEnableWriteCache(blk, !writethrough);
    return blk;
  } catch (error) {
    throw prefixError(`Could not open '${image.name}'`, error);
  }
}

/** What commands that write open images with. */
export const FOR_WRITING: OpenFlags = BDRV_O_RDWR | BDRV_O_UNMAP;

/** @globalState */
function cacheMode(mode: string): { flags: OpenFlags; writethrough: boolean } {
  GLOBAL_STATE_CODE('cacheMode');
  try {
    return bdrvParseCacheMode(mode);
  } catch {
    throw new ImgFailure(`Invalid cache option: ${mode}`);
  }
}
