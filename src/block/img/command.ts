/**
 * What the commands have in common: options that most take, and their lives around an open image.
 *
 * In: a name and words about it. Out: a command of the program. Leaves to others: what it does.
 */
import type { Command } from 'commander';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkUnref } from '../backend/registry.ts';
import type { BlockBackend } from '../model/backend.ts';
import { addObject } from './objects.ts';
import { openImage, type ImageArgument } from './open-image.ts';
import { collect } from './options.ts';

/** Options that every command on an image takes. */
export interface ImageOptions {
  readonly format?: string;
  readonly imageOpts?: boolean;
  readonly quiet?: boolean;
}

/**
 * Adds a command with the options that all commands take.
 *
 * @globalState
 */
export function addCommand(program: Command, name: string, description: string): Command {
  GLOBAL_STATE_CODE('addCommand');
  return program
    .command(name)
    .description(description)
    .option('--object <definition>', 'an object that images refer to, such as secret,id=key,data=word', (value: string, before: readonly string[] | undefined) => {
      addObject(value);
      return collect(value, before);
    });
}

/**
 * The same, for commands on one image.
 *
 * @globalState
 */
export function addImageCommand(program: Command, name: string, description: string): Command {
  GLOBAL_STATE_CODE('addImageCommand');
  return addCommand(program, name, description)
    .option('-f, --format <format>', 'format of the image; guessed without it')
    .option('--image-opts', 'the image is given as a list of options');
}

/**
 * Opens an image for `use`, and lets it go afterwards.
 *
 * @runs use caller wait
 * @globalState
 */
export async function withImage<T>(image: ImageArgument, use: (blk: BlockBackend) => Promise<T>): Promise<T> {
  GLOBAL_STATE_CODE('withImage');
  const blk = await openImage(image);
  try {
    return await use(blk);
  } finally {
    await blkUnref(blk);
  }
}
