/**
 * `blk-img amend`: changes options of an image that exists.
 *
 * In: an image, options of its format. Out: the image has them.
 */
import type { Command } from 'commander';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkBs } from '../backend/settings.ts';
import type { BlockBackend } from '../model/backend.ts';
import { BDRV_O_RESIZE } from '../model/constants.ts';
import type { OptionDescription } from '../model/options.ts';
import { bdrvAmendOptions } from '../open/image.ts';
import { addImageCommand, withImage, type ImageOptions } from './command.ts';
import { formatOf } from './create.ts';
import { ImgFailure } from './failure.ts';
import type { Done } from './main.ts';
import { FOR_WRITING } from './open-image.ts';
import { asksForHelp, collect, mergeOptionLists } from './options.ts';
import { progressLine } from './progress.ts';
import type { Streams } from './streams.ts';

interface AmendOptions extends ImageOptions {
  readonly options?: readonly string[];
  readonly cache?: string;
  readonly progress?: boolean;
  readonly force?: boolean;
}

/**
 * Adds the command to the program.
 *
 * @globalState
 */
export function addAmend(program: Command, streams: Streams, done: Done): void {
  GLOBAL_STATE_CODE('addAmend');
  addImageCommand(program, 'amend', 'Change options of an image.')
    .argument('<filename>')
    .option('-o, --options <list>', 'options of the format, or help', collect)
    .option('-t, --cache <mode>', 'cache mode')
    .option('-p, --progress', 'show progress on a terminal')
    .option('-q, --quiet', 'print only errors')
    .option('--force', 'allow what may lose access to the data')
    .action(async (filename: string, options: AmendOptions) => {
      if (options.options === undefined) throw new ImgFailure('Must specify options (-o)');
      if (asksForHelp(options.options) && options.format !== undefined) {
        streams.out(amendHelp(options.format));
      } else {
        const image = { name: filename, imageOpts: options.imageOpts, format: options.format, cache: options.cache, flags: FOR_WRITING | BDRV_O_RESIZE };
        await withImage(image, (blk) => amend(blk, options, streams));
      }
      done(0);
    });
}

/** @globalState */
async function amend(blk: BlockBackend, options: AmendOptions, streams: Streams): Promise<void> {
  GLOBAL_STATE_CODE('amend');
  const bs = blkBs(blk);
  if (!bs?.drv) throw new ImgFailure('The image has no medium');
  if (!bs.drv.amendOpts) throw new ImgFailure(`Format driver '${bs.drv.formatName}' does not support option amendment`);
  if (asksForHelp(options.options)) {
    streams.out(amendHelp(bs.drv.formatName));
    return;
  }
  const progress = progressLine(options.progress, streams);
  await bdrvAmendOptions(bs, mergeOptionLists(options.options), (_bs, offset, total) => { progress.show(offset, total); }, options.force === true);
  progress.end();
}

/** @globalState */
function amendHelp(format: string): string {
  GLOBAL_STATE_CODE('amendHelp');
  const drv = formatOf(format);
  if (!drv.amendOpts) throw new ImgFailure(`Format driver '${format}' does not support option amendment`);
  const line = (option: OptionDescription): string => `  ${option.name.padEnd(22)} - ${option.help}\n`;
  return `Amend options for '${format}':\n${drv.amendOpts.map(line).join('')}`;
}
