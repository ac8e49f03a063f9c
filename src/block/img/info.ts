/**
 * `blk-img info`: what an image is, and its backing chain.
 *
 * In: an image. Out: text or JSON. Leaves to others: the facts of one image (`image-info.ts`).
 */
import type { Command } from 'commander';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { BDRV_O_NO_BACKING, BDRV_O_NO_IO } from '../model/constants.ts';
import { addImageCommand, withImage, type ImageOptions } from './command.ts';
import { ImgFailure } from './failure.ts';
import { imageInfoText, queryImageInfo, type ImageInfo } from './image-info.ts';
import type { Done } from './main.ts';
import type { ImageArgument } from './open-image.ts';
import type { Streams } from './streams.ts';

interface InfoOptions extends ImageOptions {
  readonly output?: string;
  readonly backingChain?: boolean;
  readonly forceShare?: boolean;
}

/**
 * Adds the command to the program.
 *
 * @globalState
 */
export function addInfo(program: Command, streams: Streams, done: Done): void {
  GLOBAL_STATE_CODE('addInfo');
  addImageCommand(program, 'info', 'Show what an image is.')
    .argument('<filename>')
    .option('--output <format>', 'human or json')
    .option('--backing-chain', 'go on with the backing files')
    .option('-U, --force-share', 'others may write to the image')
    .action(async (filename: string, options: InfoOptions) => {
      const chain = await collectChain(filename, options);
      if (wantsJson(options.output)) streams.out(`${JSON.stringify(options.backingChain ? chain : chain[0], null, 4)}\n`);
      else streams.out(chain.map(imageInfoText).join('\n'));
      done(0);
    });
}

/** Whether `--output` asks for JSON. */
export function wantsJson(output: string | undefined): boolean {
  if (output !== undefined && output !== 'human' && output !== 'json') throw new ImgFailure('--output must be used with human or json as argument.');
  return output === 'json';
}

/** @globalState */
async function collectChain(filename: string, options: InfoOptions): Promise<ImageInfo[]> {
  GLOBAL_STATE_CODE('collectChain');
  const chain: ImageInfo[] = [];
  const seen = new Set<string>();
  let current: Pick<ImageArgument, 'name' | 'format' | 'imageOpts'> = { name: filename, format: options.format, imageOpts: options.imageOpts };
  for (;;) {
    if (seen.has(current.name)) throw new ImgFailure(`Backing file '${current.name}' creates an infinite loop.`);
    seen.add(current.name);
    const info = await withImage({ ...current, forceShare: options.forceShare, flags: BDRV_O_NO_BACKING | BDRV_O_NO_IO }, queryImageInfo);
    chain.push(info);
    if (!options.backingChain || info['backing-filename'] === undefined) return chain;
    const full = info['full-backing-filename'];
    if (full === undefined) throw new ImgFailure(`Could not determine the backing file name of '${current.name}'`);
    current = { name: full, format: info['backing-filename-format'], imageOpts: false };
  }
  return chain;
}
