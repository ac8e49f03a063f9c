/**
 * `blk-img measure`: how large the file of a new image would be.
 *
 * In: a size, or an image whose data the new one takes; a format and its options. Out: text or JSON, in bytes.
 */
import type { Command } from 'commander';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkBs } from '../backend/settings.ts';
import type { BlockMeasureInfo } from '../model/driver.ts';
import type { BlockDriverState } from '../model/node.ts';
import type { BlockOptions } from '../model/options.ts';
import { bdrvMeasure } from '../open/queries.ts';
import { addImageCommand, withImage, type ImageOptions } from './command.ts';
import { formatOf, optionsHelp } from './create.ts';
import { ImgFailure } from './failure.ts';
import { wantsJson } from './info.ts';
import type { Done } from './main.ts';
import { asksForHelp, collect, mergeOptionLists, sizeOf } from './options.ts';
import { loadSnapshot } from './source-snapshot.ts';
import type { Streams } from './streams.ts';

interface MeasureOptions extends ImageOptions {
  readonly targetFormat: string;
  readonly options?: readonly string[];
  readonly size?: string;
  readonly snapshot?: string;
  readonly output?: string;
  readonly forceShare?: boolean;
}

/**
 * Adds the command to the program.
 *
 * @globalState
 */
export function addMeasure(program: Command, streams: Streams, done: Done): void {
  GLOBAL_STATE_CODE('addMeasure');
  addImageCommand(program, 'measure', 'Say how large the file of a new image would be.')
    .argument('[filename]')
    .option('-O, --target-format <format>', 'format of the new image', 'raw')
    .option('-o, --options <list>', 'options of the new image, or help', collect)
    .option('--size <size>', 'length of the new image, without a source')
    .option('-l, --snapshot <snapshot>', 'a snapshot of the source')
    .option('--output <format>', 'human or json')
    .option('-U, --force-share', 'others may write to the source')
    .action(async (filename: string | undefined, options: MeasureOptions) => {
      streams.out(await measure(filename, options));
      done(0);
    });
}

/** @globalState */
async function measure(filename: string | undefined, options: MeasureOptions): Promise<string> {
  GLOBAL_STATE_CODE('measure');
  const json = wantsJson(options.output);
  const drv = formatOf(options.targetFormat);
  if (asksForHelp(options.options)) return optionsHelp(drv);
  if ((filename === undefined) === (options.size === undefined)) throw new ImgFailure('Either --size N or one filename must be specified.');
  const given = mergeOptionLists(options.options);
  let info: BlockMeasureInfo;
  if (filename === undefined) {
    info = await ask(options.targetFormat, { ...given, size: sizeOf(options.size ?? '', 'image size') }, null);
  } else {
    const image = { name: filename, imageOpts: options.imageOpts, format: options.format, forceShare: options.forceShare };
    info = await withImage(image, async (blk) => {
      const bs = blkBs(blk);
      if (bs && options.snapshot !== undefined) await loadSnapshot(bs, options.snapshot);
      return ask(options.targetFormat, given, bs);
    });
  }
  return json ? measureJson(info) : measureText(info);
}

/** @globalState */
async function ask(format: string, options: BlockOptions, source: BlockDriverState | null): Promise<BlockMeasureInfo> {
  GLOBAL_STATE_CODE('ask');
  return bdrvMeasure(formatOf(format), options, source);
}

function measureJson(info: BlockMeasureInfo): string {
  const bitmaps = info.bitmaps === undefined ? {} : { bitmaps: info.bitmaps };
  return `${JSON.stringify({ ...bitmaps, required: info.required, 'fully-allocated': info.fullyAllocated }, null, 4)}\n`;
}

function measureText(info: BlockMeasureInfo): string {
  const bitmaps = info.bitmaps === undefined ? '' : `bitmaps size: ${info.bitmaps}\n`;
  return `required size: ${info.required}\nfully allocated size: ${info.fullyAllocated}\n${bitmaps}`;
}
