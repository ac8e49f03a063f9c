/**
 * `qemu-img create`: an image with all that can be checked before anything is written.
 *
 * In: names, formats, options as users write them. Out: the image, and the line that says what was made. Leaves to others: making it
 * (`create.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvUnref } from '../graph/nodes.ts';
import { BDRV_O_NO_BACKING, BDRV_O_NO_IO, BDRV_O_RDWR, BDRV_O_SNAPSHOT, type OpenFlags } from '../model/constants.ts';
import type { BlockDriver, CreationOptions } from '../model/driver.ts';
import { blockError, errnoOf, prefixError } from '../model/errors.ts';
import { flattenOptions, OptionBag, optionOf, stringOption, type BlockOptions, type OptionDescription } from '../model/options.ts';
import { bdrvGetlength } from '../requests/length.ts';
import { bdrvCreate } from './create.ts';
import { bdrvFindFormat, bdrvFindProtocol } from './drivers.ts';
import { bdrvGetFullBackingFilenameFromFilename } from './filenames.ts';
import { bdrvOpen } from './open.ts';

const NO_BACKING_FORMAT = 'Backing file specified without backing format';

/**
 * Makes an image file.
 *
 * @param imgSize `null`: the size in `options`, else that of the backing file
 * @param flags `BDRV_O_NO_BACKING`: the backing file is not looked at
 * @param quiet `true`: nothing is to be said
 * @returns the line that says what is made; `null` where it is to be quiet
 * @throws BlockError
 * @globalState
 */
export async function bdrvImgCreate(
  filename: string, fmt: string, baseFilename: string | null, baseFmt: string | null, options: CreationOptions, imgSize: number | null, flags: OpenFlags, quiet: boolean,
): Promise<string | null> {
  GLOBAL_STATE_CODE('bdrvImgCreate');
  const { drv, known } = findDrivers(filename, fmt);
  const chosen = checkOptions(flattenOptions(options), known);
  if (imgSize !== null) chosen['size'] = imgSize;
  setBacking(chosen, known, fmt, 'backing_file', baseFilename);
  setBacking(chosen, known, fmt, 'backing_fmt', baseFmt);
  await checkBacking(filename, chosen, flags);
  if (optionOf(chosen, 'size') === undefined) throw blockError('EINVAL', 'Image creation needs a size parameter');
  const line = quiet ? null : `Formatting '${filename}', fmt=${fmt}${describe(chosen, known)}`;
  try {
    await bdrvCreate(drv, filename, chosen);
  } catch (error) {
    if (errnoOf(error) !== 'EFBIG') throw error;
    const hint = known.has('cluster_size') ? ' (try using a larger cluster size)' : '';
    throw blockError('EFBIG', `The image size is too large for file format '${fmt}'${hint}`, error);
  }
  return line;
}

/** The format's driver, and the options that it and the protocol below take. @globalState */
function findDrivers(filename: string, fmt: string): { drv: BlockDriver; known: ReadonlyMap<string, OptionDescription> } {
  GLOBAL_STATE_CODE('findDrivers');
  const drv = bdrvFindFormat(fmt);
  if (!drv) throw blockError('EINVAL', `Unknown file format '${fmt}'`);
  const protocol = bdrvFindProtocol(filename, true);
  if (!drv.createOpts) throw blockError('ENOTSUP', `Format driver '${drv.formatName}' does not support image creation`);
  if (!protocol.createOpts) throw blockError('ENOTSUP', `Protocol driver '${protocol.formatName}' does not support image creation`);
  const known = new Map<string, OptionDescription>();
  for (const option of [...drv.createOpts, ...protocol.createOpts]) if (!known.has(option.name)) known.set(option.name, option);
  return { drv, known };
}

/** The options with their values checked and, for sizes, in bytes. */
function checkOptions(options: BlockOptions, known: ReadonlyMap<string, OptionDescription>): BlockOptions {
  const bag = new OptionBag({ ...options });
  const checked: BlockOptions = {};
  for (const name of Object.keys(options)) {
    const option = known.get(name);
    if (!option) throw blockError('EINVAL', `Invalid parameter '${name}'`);
    const value = option.type === 'size' || option.type === 'number' ? bag.takeSize(name) : option.type === 'boolean' ? bag.takeBoolean(name) : bag.takeString(name);
    if (value !== undefined) checked[name] = value;
  }
  return checked;
}

function setBacking(chosen: BlockOptions, known: ReadonlyMap<string, OptionDescription>, fmt: string, name: 'backing_file' | 'backing_fmt', value: string | null): void {
  if (value === null) return;
  if (!known.has(name)) throw blockError('EINVAL', `Backing file ${name === 'backing_fmt' ? 'format ' : ''}not supported for file format '${fmt}'`);
  chosen[name] = value;
}

/** Looks at the backing file; takes the size from it where none is given. @globalState */
async function checkBacking(filename: string, chosen: BlockOptions, flags: OpenFlags): Promise<void> {
  GLOBAL_STATE_CODE('checkBacking');
  const backing = stringOption(chosen, 'backing_file');
  const format = stringOption(chosen, 'backing_fmt');
  if (format !== undefined && !bdrvFindFormat(format)) throw blockError('EINVAL', `Unknown backing file format '${format}'`);
  if (backing === undefined) return;
  if (backing === filename) throw blockError('EINVAL', 'Error: Trying to create an image with the same filename as the backing file');
  if (backing === '') throw blockError('EINVAL', 'Expected backing file name, got empty string');
  if ((flags & BDRV_O_NO_BACKING) !== 0) {
    if (format === undefined) throw blockError('EINVAL', NO_BACKING_FORMAT);
    return;
  }
  const length = await lookAtBacking(bdrvGetFullBackingFilenameFromFilename(filename, backing) ?? backing, format, flags);
  if (optionOf(chosen, 'size') === undefined) chosen['size'] = length;
}

/** The length of a backing file. Without I/O: an encrypted one needs no secret. @globalState */
async function lookAtBacking(name: string, format: string | undefined, flags: OpenFlags): Promise<number> {
  GLOBAL_STATE_CODE('lookAtBacking');
  const options: BlockOptions = { 'force-share': true, ...(format === undefined ? {} : { driver: format }) };
  const bs = await bdrvOpen(name, null, options, (flags & ~(BDRV_O_RDWR | BDRV_O_SNAPSHOT)) | BDRV_O_NO_IO).catch((error: unknown) => {
    throw prefixError('Could not open backing image', error);
  });
  try {
    if (format === undefined) throw blockError('EINVAL', `${NO_BACKING_FORMAT} (detected format of ${bs.drv?.formatName ?? 'raw'})`);
    return await bdrvGetlength(bs);
  } finally {
    await bdrvUnref(bs);
  }
}

/** Options and defaults in the format's order, as `qemu-img create` prints them. */
function describe(chosen: BlockOptions, known: ReadonlyMap<string, OptionDescription>): string {
  let text = '';
  for (const option of known.values()) {
    const value = optionOf(chosen, option.name) ?? option.default;
    if (value === undefined) continue;
    text += ` ${option.name}=${typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value)}`;
  }
  return text;
}
