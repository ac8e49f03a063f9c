/**
 * `blk-img dd`: copies a part of an image into a new one, with the words of `dd`.
 *
 * In: `if=`, `of=`, `bs=`, `count=`, `skip=`. Out: the new image.
 */
import type { Command } from 'commander';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkGetlength } from '../backend/settings.ts';
import { blkPread, blkPwrite } from '../backend/wrappers.ts';
import type { BlockBackend } from '../model/backend.ts';
import { BDRV_O_RESIZE } from '../model/constants.ts';
import { bdrvCreate } from '../open/create.ts';
import { addImageCommand, withImage, type ImageOptions } from './command.ts';
import { formatOf } from './create.ts';
import { ImgFailure, messageOf } from './failure.ts';
import type { Done } from './main.ts';
import { FOR_WRITING } from './open-image.ts';
import { sizeOf } from './options.ts';
import type { Streams } from './streams.ts';

interface DdOptions extends ImageOptions {
  readonly targetFormat: string;
  readonly forceShare?: boolean;
}

/** What the operands say. Bytes. */
interface Operands {
  readonly input: string;
  readonly output: string;
  readonly blockSize: number;
  readonly skip: number;
  /** `null`: all. */
  readonly count: number | null;
}

/** Copied at a time where blocks are smaller. */
const BUFFER = 1024 * 1024;

/**
 * Adds the command to the program.
 *
 * @globalState
 */
export function addDd(program: Command, streams: Streams, done: Done): void {
  GLOBAL_STATE_CODE('addDd');
  addImageCommand(program, 'dd', 'Copy a part of an image into a new one.')
    .argument('<operands...>', 'if=FILE of=FILE [bs=SIZE] [count=BLOCKS] [skip=BLOCKS]')
    .option('-O, --target-format <format>', 'format of the new image', 'raw')
    .option('-U, --force-share', 'others may write to the source')
    .action(async (words: string[], options: DdOptions) => {
      const operands = parseOperands(words);
      const image = { name: operands.input, imageOpts: options.imageOpts, format: options.format, forceShare: options.forceShare };
      await withImage(image, (source) => copyPart(source, operands, options.targetFormat, streams));
      done(0);
    });
}

function parseOperands(words: readonly string[]): Operands {
  const given = new Map<string, string>();
  for (const word of words) {
    const [name = '', ...value] = word.split('=');
    if (!['if', 'of', 'bs', 'count', 'skip'].includes(name) || value.length === 0) throw new ImgFailure(`unrecognized operand ${word}`);
    given.set(name, value.join('='));
  }
  const [input, output, count] = [given.get('if'), given.get('of'), given.get('count')];
  if (input === undefined || output === undefined) throw new ImgFailure('Must specify both input and output file names');
  const blockSize = sizeOf(given.get('bs') ?? '512', 'number');
  if (blockSize <= 0) throw new ImgFailure("invalid number: 'bs' must be above 0");
  return {
    input, output, blockSize, skip: sizeOf(given.get('skip') ?? '0', 'number') * blockSize, count: count === undefined ? null : sizeOf(count, 'number') * blockSize,
  };
}

/** @globalState */
async function copyPart(source: BlockBackend, operands: Operands, format: string, streams: Streams): Promise<void> {
  GLOBAL_STATE_CODE('copyPart');
  const length = await blkGetlength(source);
  if (operands.skip > length) streams.err(`blk-img: ${operands.input}: cannot skip to specified offset\n`);
  const left = Math.max(length - operands.skip, 0);
  const size = Math.min(left, operands.count ?? left);
  const drv = formatOf(format);
  if (!drv.createOpts) throw new ImgFailure(`Format driver '${format}' does not support image creation`);
  try {
    await bdrvCreate(drv, operands.output, { size });
  } catch (error) {
    throw new ImgFailure(`${operands.output}: error while creating output image: ${messageOf(error)}`);
  }
  await withImage({ name: operands.output, format, flags: FOR_WRITING | BDRV_O_RESIZE }, (target) => copyBytes(source, operands.skip, target, size, operands.blockSize));
}

/** @globalState */
async function copyBytes(source: BlockBackend, from: number, target: BlockBackend, size: number, blockSize: number): Promise<void> {
  GLOBAL_STATE_CODE('copyBytes');
  const buffer = new Uint8Array(Math.max(blockSize, BUFFER));
  for (let done = 0; done < size; ) {
    const part = buffer.subarray(0, Math.min(buffer.length, size - done));
    await blkPread(source, from + done, part);
    await blkPwrite(target, done, part, 0);
    done += part.length;
  }
}
