/**
 * `blk-img create`: makes an image.
 *
 * In: a name, a format, its options, a size or a backing file that has one. Out: the image.
 */
import type { Command } from 'commander';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { BDRV_O_NO_BACKING } from '../model/constants.ts';
import type { BlockDriver } from '../model/driver.ts';
import type { OptionDescription } from '../model/options.ts';
import { bdrvImgCreate } from '../open/img-create.ts';
import { bdrvFindFormat } from '../open/drivers.ts';
import { addCommand } from './command.ts';
import { ImgFailure, messageOf } from './failure.ts';
import type { Done } from './main.ts';
import { asksForHelp, collect, mergeOptionLists, sizeOf } from './options.ts';
import type { Streams } from './streams.ts';

interface CreateOptions {
  readonly format: string;
  readonly backing?: string;
  readonly backingFormat?: string;
  readonly unsafe?: boolean;
  readonly options?: readonly string[];
  readonly quiet?: boolean;
}

/**
 * Adds the command to the program.
 *
 * @globalState
 */
export function addCreate(program: Command, streams: Streams, done: Done): void {
  GLOBAL_STATE_CODE('addCreate');
  addCommand(program, 'create', 'Make an image.')
    .argument('<filename>')
    .argument('[size]')
    .option('-f, --format <format>', 'format of the image', 'raw')
    .option('-b, --backing <filename>', 'backing file')
    .option('-F, --backing-format <format>', 'format of the backing file')
    .option('-u, --unsafe', 'do not open the backing file')
    .option('-o, --options <list>', 'options of the format, or help', collect)
    .option('-q, --quiet', 'print only errors')
    .action(async (filename: string, size: string | undefined, options: CreateOptions) => {
      await create(filename, size, options, streams);
      done(0);
    });
}

/** @globalState */
async function create(filename: string, size: string | undefined, options: CreateOptions, streams: Streams): Promise<void> {
  GLOBAL_STATE_CODE('create');
  if (asksForHelp(options.options)) {
    streams.out(optionsHelp(formatOf(options.format)));
    return;
  }
  const given = mergeOptionLists(options.options);
  const bytes = size === undefined ? null : sizeOf(size, 'image size');
  const flags = options.unsafe ? BDRV_O_NO_BACKING : 0;
  try {
    const quiet = options.quiet === true;
    const line = await bdrvImgCreate(filename, options.format, options.backing ?? null, options.backingFormat ?? null, given, bytes, flags, quiet);
    if (line !== null) streams.out(`${line}\n`);
  } catch (error) {
    throw new ImgFailure(`${filename}: ${messageOf(error)}`);
  }
}

/** @globalState */
export function formatOf(name: string): BlockDriver {
  GLOBAL_STATE_CODE('formatOf');
  const drv = bdrvFindFormat(name);
  if (drv === null) throw new ImgFailure(`Unknown file format '${name}'`);
  return drv;
}

/** The options of a format as `-o help` lists them. */
export function optionsHelp(drv: BlockDriver): string {
  const line = (option: OptionDescription): string => `  ${`${option.name}=<${TYPE_NAMES[option.type]}>`.padEnd(22)} - ${option.help}\n`;
  return `Supported options:\n${[...(drv.createOpts ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1)).map(line).join('')}`;
}

const TYPE_NAMES = { string: 'str', boolean: 'bool (on/off)', size: 'size', number: 'num' } as const;
