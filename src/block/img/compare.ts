/**
 * `blk-img compare`: whether two images show the same data.
 *
 * In: two images. Out: a sentence, and a status: 0 the same, 1 different, 2 an image can't be opened, 3 its allocation, 4 its data can't
 * be read. A longer image is the same if the rest of it reads as zero; not so in strict mode.
 */
import type { Command } from 'commander';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkUnref } from '../backend/registry.ts';
import { blkBs, blkGetlength } from '../backend/settings.ts';
import { blkPread } from '../backend/wrappers.ts';
import type { BlockBackend } from '../model/backend.ts';
import { BDRV_BLOCK_DATA, BDRV_BLOCK_ZERO, type BlockStatusFlags } from '../model/constants.ts';
import { isZero } from '../model/io-vector.ts';
import { bdrvBlockStatusAbove } from '../requests/block-status.ts';
import { addCommand, type ImageOptions } from './command.ts';
import { ImgFailure, messageOf } from './failure.ts';
import type { Done } from './main.ts';
import { openImage, type ImageArgument } from './open-image.ts';
import { progressLine, type Progress } from './progress.ts';
import type { Streams } from './streams.ts';

interface CompareOptions extends ImageOptions {
  readonly secondFormat?: string;
  readonly sourceCache?: string;
  readonly progress?: boolean;
  readonly strict?: boolean;
  readonly forceShare?: boolean;
}

const BUFFER = 2 * 1024 * 1024;

/** An image that is compared. */
interface Side {
  readonly name: string;
  readonly blk: BlockBackend;
  readonly length: number;
  readonly buffer: Uint8Array;
}

/**
 * Adds the command to the program.
 *
 * @globalState
 */
export function addCompare(program: Command, streams: Streams, done: Done): void {
  GLOBAL_STATE_CODE('addCompare');
  addCommand(program, 'compare', 'Check whether two images show the same data.')
    .argument('<filename1>')
    .argument('<filename2>')
    .option('-f, --format <format>', 'format of the first image; guessed without it')
    .option('-F, --second-format <format>', 'format of the second image; guessed without it')
    .option('--image-opts', 'the images are given as lists of options')
    .option('-T, --source-cache <mode>', 'cache mode')
    .option('-p, --progress', 'show progress on a terminal')
    .option('-q, --quiet', 'print only errors')
    .option('-s, --strict', 'different lengths or allocation are differences')
    .option('-U, --force-share', 'others may write to the images')
    .addHelpText('after', '\nExit status: 0 the same, 1 different, above 1 an error.\n')
    .action(async (first: string, second: string, options: CompareOptions) => {
      const common = { imageOpts: options.imageOpts, cache: options.sourceCache, forceShare: options.forceShare };
      const one = await openSide({ ...common, name: first, format: options.format });
      try {
        const other = await openSide({ ...common, name: second, format: options.secondFormat });
        try {
          done(await compare(one, other, options, streams));
        } finally {
          await blkUnref(other.blk);
        }
      } finally {
        await blkUnref(one.blk);
      }
    });
}

/** @globalState */
async function openSide(image: ImageArgument): Promise<Side> {
  GLOBAL_STATE_CODE('openSide');
  try {
    const blk = await openImage(image);
    return { name: image.name, blk, length: await blkGetlength(blk), buffer: new Uint8Array(BUFFER) };
  } catch (error) {
    throw new ImgFailure(messageOf(error), 2);
  }
}

/** @globalState */
async function compare(one: Side, other: Side, options: CompareOptions, streams: Streams): Promise<number> {
  GLOBAL_STATE_CODE('compare');
  const say = options.quiet ? () => undefined : streams.out;
  const progress = progressLine(options.progress, streams);
  if (options.strict && one.length !== other.length) {
    say('Strict mode: Image size mismatch!\n');
    return 1;
  }
  const total = Math.max(one.length, other.length);
  const common = Math.min(one.length, other.length);
  const different = await compareCommon(one, other, common, total, options.strict === true, progress);
  if (different !== null) {
    say(different);
    return 1;
  }
  if (one.length !== other.length) {
    say('Warning: Image size mismatch!\n');
    const longer = one.length > other.length ? one : other;
    const offset = await firstData(longer, common, progress);
    if (offset !== null) {
      say(`Content mismatch at offset ${offset}!\n`);
      return 1;
    }
  }
  progress.end();
  say('Images are identical.\n');
  return 0;
}

/** What differs within the first `end` bytes, as a sentence. @globalState */
async function compareCommon(one: Side, other: Side, end: number, total: number, strict: boolean, progress: Progress): Promise<string | null> {
  GLOBAL_STATE_CODE('compareCommon');
  for (let offset = 0; offset < end; ) {
    const first = await statusAt(one, offset, end);
    const second = await statusAt(other, offset, end);
    let bytes = Math.min(first.bytes, second.bytes);
    if (strict && kindOf(first.flags) !== kindOf(second.flags)) return `Strict mode: Offset ${offset} block status mismatch!\n`;
    if (!readsAsZero(first.flags) || !readsAsZero(second.flags)) {
      bytes = Math.min(bytes, BUFFER);
      const at = await firstDifference(one, other, offset, bytes, first.flags, second.flags);
      if (at !== null) return `Content mismatch at offset ${at}!\n`;
    }
    offset += bytes;
    progress.show(offset, total);
  }
  return null;
}

/** The first sector that differs. @globalState */
async function firstDifference(one: Side, other: Side, offset: number, bytes: number, first: BlockStatusFlags, second: BlockStatusFlags): Promise<number | null> {
  GLOBAL_STATE_CODE('firstDifference');
  if (readsAsZero(first)) return firstNonZero(other, offset, bytes);
  if (readsAsZero(second)) return firstNonZero(one, offset, bytes);
  await Promise.all([read(one, offset, bytes), read(other, offset, bytes)]);
  const differ = (at: number, length: number): boolean =>
    Buffer.compare(one.buffer.subarray(at, at + length), other.buffer.subarray(at, at + length)) !== 0;
  if (!differ(0, bytes)) return null;
  for (let at = 0; at < bytes; at += 512) if (differ(at, Math.min(512, bytes - at))) return offset + at;
  return null;
}

/** Where the rest of the longer image has something other than zeroes. @globalState */
async function firstData(side: Side, from: number, progress: Progress): Promise<number | null> {
  GLOBAL_STATE_CODE('firstData');
  for (let offset = from; offset < side.length; ) {
    const { flags, bytes: known } = await statusAt(side, offset, side.length);
    let bytes = known;
    if (!readsAsZero(flags)) {
      bytes = Math.min(bytes, BUFFER);
      const at = await firstNonZero(side, offset, bytes);
      if (at !== null) return at;
    }
    offset += bytes;
    progress.show(offset, side.length);
  }
  return null;
}

/** @globalState */
async function firstNonZero(side: Side, offset: number, bytes: number): Promise<number | null> {
  GLOBAL_STATE_CODE('firstNonZero');
  await read(side, offset, bytes);
  if (isZero(side.buffer.subarray(0, bytes))) return null;
  for (let at = 0; at < bytes; at += 512) if (!isZero(side.buffer.subarray(at, Math.min(at + 512, bytes)))) return offset + at;
  return null;
}

/** @globalState */
async function statusAt(side: Side, offset: number, end: number): Promise<{ flags: BlockStatusFlags; bytes: number }> {
  GLOBAL_STATE_CODE('statusAt');
  const bs = blkBs(side.blk);
  if (bs === null) throw new ImgFailure('The image has no medium', 2);
  try {
    const status = await bdrvBlockStatusAbove(bs, null, offset, end - offset);
    return { flags: status.flags, bytes: status.pnum };
  } catch (error) {
    throw new ImgFailure(`Sector allocation test failed for ${side.name}: ${messageOf(error)}`, 3);
  }
}

/** @globalState */
async function read(side: Side, offset: number, bytes: number): Promise<void> {
  GLOBAL_STATE_CODE('read');
  try {
    await blkPread(side.blk, offset, side.buffer.subarray(0, bytes));
  } catch (error) {
    throw new ImgFailure(`Error while reading offset ${offset} of ${side.name}: ${messageOf(error)}`, 4);
  }
}

function readsAsZero(flags: BlockStatusFlags): boolean {
  return (flags & BDRV_BLOCK_ZERO) !== 0 || (flags & BDRV_BLOCK_DATA) === 0;
}

function kindOf(flags: BlockStatusFlags): number {
  return flags & (BDRV_BLOCK_DATA | BDRV_BLOCK_ZERO);
}
