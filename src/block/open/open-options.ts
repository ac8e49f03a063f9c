/**
 * What options, flags and file names say together about a node that is to be opened.
 *
 * In: a file name, options (flat), flags. Out: the same, completed: driver, file name and the settings that the flags stand for. Leaves
 * to others: opening (`open.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import {
  BDRV_O_AUTO_RDONLY, BDRV_O_CACHE_MASK, BDRV_O_NATIVE_AIO, BDRV_O_NOCACHE, BDRV_O_NO_FLUSH, BDRV_O_PROTOCOL, BDRV_O_RDWR, BDRV_O_SNAPSHOT, BDRV_O_TEMPORARY,
  type OpenFlags,
} from '../model/constants.ts';
import type { BlockDriver, InheritedOptions } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import { defaultOption, flattenOptions, optionOf, stringOption, type OptionBag, type BlockOptions } from '../model/options.ts';
import { bdrvFindFormat, bdrvFindProtocol } from './drivers.ts';

/** Longest accepted option text: a name of an image may hold anything. */
const MAX_JSON_FILENAME = 65_536;

/**
 * Puts the options of a `json:` file name into `options`; what is given there already wins.
 *
 * @returns the file name, or `null` where all it said is in the options now
 * @throws BlockError `EINVAL` where the text is no JSON object
 * @globalState
 */
export function parseJsonFilename(filename: string | null, options: BlockOptions): string | null {
  GLOBAL_STATE_CODE('parseJsonFilename');
  if (filename?.startsWith('json:') !== true) return filename;
  let value: unknown;
  try {
    value = filename.length > MAX_JSON_FILENAME ? null : JSON.parse(filename.slice('json:'.length));
  } catch {
    throw blockError('EINVAL', 'Could not parse the JSON options');
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw blockError('EINVAL', 'Invalid JSON object given');
  for (const [name, inner] of Object.entries(flattenOptions(value as BlockOptions))) defaultOption(options, name, inner as string);
  return null;
}

/**
 * Completes the options of a node: the driver (of a protocol by the file name), the file name, the settings that flags stand for. The
 * flag `BDRV_O_PROTOCOL` follows the driver where one is named.
 *
 * @throws BlockError `EINVAL` for an unknown driver, a file name given twice, or none where one is needed
 * @globalState
 */
export function fillOptions(target: InheritedOptions, filename: string | null): void {
  GLOBAL_STATE_CODE('fillOptions');
  const { options } = target;
  const named = namedDriver(options);
  const isProtocol = named ? named.bdrvFileOpen !== undefined : (target.flags & BDRV_O_PROTOCOL) !== 0;
  target.flags = isProtocol ? target.flags | BDRV_O_PROTOCOL : target.flags & ~BDRV_O_PROTOCOL;
  setOptionsFromFlags(options, target.flags);
  if (!isProtocol) return;
  const isNewName = filename !== null;
  if (isNewName) {
    if (optionOf(options, 'filename') !== undefined) throw blockError('EINVAL', "Can't specify 'file' and 'filename' options at the same time");
    options['filename'] = filename;
  }
  const drv = named ?? protocolOf(options, isNewName);
  if (isNewName && drv.bdrvParseFilename) {
    drv.bdrvParseFilename(filename, options);
    if (drv.bdrvNeedsFilename !== true) Reflect.deleteProperty(options, 'filename');
  }
}

/** @globalState */
function namedDriver(options: BlockOptions): BlockDriver | null {
  GLOBAL_STATE_CODE('namedDriver');
  const name = stringOption(options, 'driver');
  if (name === undefined) return null;
  const drv = bdrvFindFormat(name);
  if (!drv) throw blockError('EINVAL', `Unknown driver '${name}'`);
  return drv;
}

/** The protocol of the file name, also put into the options. @globalState */
function protocolOf(options: BlockOptions, allowPrefix: boolean): BlockDriver {
  GLOBAL_STATE_CODE('protocolOf');
  const filename = stringOption(options, 'filename');
  if (filename === undefined) throw blockError('EINVAL', 'Must specify either driver or file');
  const drv = bdrvFindProtocol(filename, allowPrefix);
  options['driver'] = drv.formatName;
  return drv;
}

/** What flags say holds where options say nothing. */
function setOptionsFromFlags(options: BlockOptions, flags: OpenFlags): void {
  const onOff = (flag: OpenFlags): string => ((flags & flag) === 0 ? 'off' : 'on');
  defaultOption(options, 'cache.direct', onOff(BDRV_O_NOCACHE));
  defaultOption(options, 'cache.no-flush', onOff(BDRV_O_NO_FLUSH));
  defaultOption(options, 'read-only', (flags & BDRV_O_RDWR) === 0 ? 'on' : 'off');
  defaultOption(options, 'auto-read-only', onOff(BDRV_O_AUTO_RDONLY));
}

/**
 * Flags with what options say in place of their own. The options are taken out of the bag.
 *
 * @throws BlockError `EINVAL` where one of them is neither on nor off
 * @globalState
 */
export function takeFlagOptions(flags: OpenFlags, bag: OptionBag): OpenFlags {
  GLOBAL_STATE_CODE('takeFlagOptions');
  let result = flags & ~(BDRV_O_CACHE_MASK | BDRV_O_RDWR | BDRV_O_AUTO_RDONLY);
  if (bag.takeBoolean('cache.no-flush') === true) result |= BDRV_O_NO_FLUSH;
  if (bag.takeBoolean('cache.direct') === true) result |= BDRV_O_NOCACHE;
  if (bag.takeBoolean('read-only') !== true) result |= BDRV_O_RDWR;
  if (bag.takeBoolean('auto-read-only') === true) result |= BDRV_O_AUTO_RDONLY;
  return result;
}

/**
 * Flags and options of the temporary overlay above a node: its data may get lost, so its cache needs no flush.
 *
 * @globalState
 */
export function temporaryOverlayOptions(node: InheritedOptions): InheritedOptions {
  GLOBAL_STATE_CODE('temporaryOverlayOptions');
  const options: BlockOptions = { 'cache.direct': 'off', 'cache.no-flush': 'on' };
  for (const name of ['read-only', 'discard']) {
    const value = optionOf(node.options, name);
    if (value !== undefined) options[name] = value;
  }
  return { flags: (node.flags & ~(BDRV_O_SNAPSHOT | BDRV_O_NATIVE_AIO)) | BDRV_O_TEMPORARY, options };
}
