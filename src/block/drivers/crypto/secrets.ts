/**
 * Secrets by name: what images are encrypted with, kept apart from the options of nodes.
 *
 * In: text, or the name of a file that holds it. Out: bytes. Leaves to others: what a secret opens.
 */
import fs from 'node:fs';
import { GLOBAL_STATE_CODE } from '../../../runtime/index.ts';
import { blockError, prefixError } from '../../model/errors.ts';
import { OptionBag, type BlockOptions } from '../../model/options.ts';

const secrets = new Map<string, Uint8Array>();

/** A secret: exactly one of `data` and `file`. */
export interface SecretOptions {
  readonly id: string;
  readonly data?: string;
  readonly file?: string;
  /** How the text stands for bytes. Default: `raw`. */
  readonly format?: 'raw' | 'base64';
}

/**
 * Adds a secret.
 *
 * @throws BlockError if the name is taken, or the secret can't be had
 * @globalState
 */
export function secretAdd(options: SecretOptions): void {
  GLOBAL_STATE_CODE('secretAdd');
  if (secrets.has(options.id)) throw blockError('EEXIST', `A secret '${options.id}' exists already`);
  secrets.set(options.id, decode(readText(options), options.format ?? 'raw'));
}

/**
 * Adds a secret that is described as on a command line: `id`, `data` or `file`, `format`.
 *
 * @globalState
 */
export function secretAddFromOptions(options: BlockOptions): void {
  GLOBAL_STATE_CODE('secretAddFromOptions');
  const bag = new OptionBag({ ...options });
  bag.takeChoice('qom-type', ['secret']);
  const id = bag.takeString('id');
  const data = bag.takeString('data');
  const file = bag.takeString('file');
  const format = bag.takeChoice('format', ['raw', 'base64'] as const);
  bag.refuseRest('secret');
  if (id === undefined) throw blockError('EINVAL', "Parameter 'id' is missing");
  secretAdd({ id, ...(data === undefined ? {} : { data }), ...(file === undefined ? {} : { file }), ...(format === undefined ? {} : { format }) });
}

/**
 * Forgets a secret.
 *
 * @throws BlockError `ENOENT` if there is none of that name
 * @globalState
 */
export function secretRemove(id: string): void {
  GLOBAL_STATE_CODE('secretRemove');
  if (!secrets.delete(id)) throw blockError('ENOENT', `No secret with id '${id}'`);
}

/**
 * The bytes of a secret.
 *
 * @throws BlockError `ENOENT` if there is none of that name
 * @common
 */
export function secretLookup(id: string): Uint8Array {
  const secret = secrets.get(id);
  if (secret === undefined) throw blockError('ENOENT', `No secret with id '${id}'`);
  return secret;
}

function readText(options: SecretOptions): Buffer {
  if ((options.data === undefined) === (options.file === undefined)) {
    throw blockError('EINVAL', options.data === undefined ? "Must provide 'file' or 'data' property" : "'file' and 'data' are mutually exclusive");
  }
  if (options.file === undefined) return Buffer.from(options.data ?? '');
  try {
    return fs.readFileSync(options.file);
  } catch (error) {
    throw prefixError(`Unable to read ${options.file}`, error);
  }
}

function decode(text: Buffer, format: 'raw' | 'base64'): Uint8Array {
  if (format === 'raw') return text;
  const base64 = text.toString('latin1').replaceAll(/\s/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0) throw blockError('EINVAL', 'Base64 data is not valid');
  return Buffer.from(base64, 'base64');
}
