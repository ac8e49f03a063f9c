/**
 * The list of drivers: formats, protocols, filters.
 *
 * In: driver tables. Out: the driver of a name, of a file name, of an image's first bytes. Leaves to others: which drivers there are
 * (`init.ts`), what a driver does.
 *
 * The list is replaced, never changed in place: I/O code (the guard of guessed raw images) may walk it at any time.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockDriver } from '../model/driver.ts';
import { blockError } from '../model/errors.ts';
import { pathHasProtocol } from './filenames.ts';

/** Names of formats that may be used; both lists empty: all of them. */
interface Whitelist {
  readonly readWrite: readonly string[];
  readonly readOnly: readonly string[];
}

let drivers: readonly BlockDriver[] = [];
let whitelist: Whitelist = { readWrite: [], readOnly: [] };
let whitelistInForce = false;

/**
 * Adds a driver; its names are known from now on. A driver that is there already is not added again.
 *
 * @throws BlockError `EEXIST` where another driver has the name
 * @globalState
 */
export function bdrvRegister(driver: BlockDriver): void {
  GLOBAL_STATE_CODE('bdrvRegister');
  const known = drivers.find((other) => other.formatName === driver.formatName);
  if (known === driver) return;
  if (known) throw blockError('EEXIST', `A driver named '${driver.formatName}' exists already`);
  drivers = [...drivers, driver];
}

/**
 * Says which drivers the whitelist allows: for reading and writing, and for reading only. It counts once it is in force.
 *
 * @globalState
 */
export function bdrvSetWhitelist(readWrite: readonly string[], readOnly: readonly string[]): void {
  GLOBAL_STATE_CODE('bdrvSetWhitelist');
  whitelist = { readWrite, readOnly };
}

/**
 * Puts the whitelist in force, or out of it.
 *
 * @globalState
 */
export function bdrvEnforceWhitelist(inForce: boolean): void {
  GLOBAL_STATE_CODE('bdrvEnforceWhitelist');
  whitelistInForce = inForce;
}

/**
 * Whether the whitelist is in force.
 *
 * @globalState
 */
export function bdrvUsesWhitelist(): boolean {
  GLOBAL_STATE_CODE('bdrvUsesWhitelist');
  return whitelistInForce;
}

/**
 * Whether the whitelist has the driver, for reading only or for writing too. An empty whitelist has all.
 *
 * @globalState
 */
export function bdrvIsWhitelisted(drv: BlockDriver, readOnly: boolean): boolean {
  GLOBAL_STATE_CODE('bdrvIsWhitelisted');
  const { readWrite, readOnly: onlyRead } = whitelist;
  if (readWrite.length === 0 && onlyRead.length === 0) return true;
  return readWrite.includes(drv.formatName) || (readOnly && onlyRead.includes(drv.formatName));
}

/**
 * The driver with this format name.
 *
 * @globalState
 */
export function bdrvFindFormat(formatName: string): BlockDriver | null {
  GLOBAL_STATE_CODE('bdrvFindFormat');
  return drivers.find((driver) => driver.formatName === formatName) ?? null;
}

/**
 * The protocol driver for a file name: one that knows the host's device, else that of the prefix (where prefixes count), else `file`.
 *
 * @throws BlockError `EINVAL` where no driver has the prefix
 * @globalState
 */
export function bdrvFindProtocol(filename: string, allowProtocolPrefix: boolean): BlockDriver {
  GLOBAL_STATE_CODE('bdrvFindProtocol');
  const device = findHostDevice(filename);
  if (device) return device;
  const prefix = allowProtocolPrefix && pathHasProtocol(filename) ? filename.slice(0, filename.indexOf(':')) : 'file';
  const driver = drivers.find((one) => one.protocolName === prefix);
  if (!driver) throw blockError('EINVAL', `Unknown protocol '${prefix}'`);
  return driver;
}

/** The driver that is surest of the host's device of that name. @globalState */
function findHostDevice(filename: string): BlockDriver | null {
  GLOBAL_STATE_CODE('findHostDevice');
  let best: BlockDriver | null = null;
  let bestScore = 0;
  for (const driver of drivers) {
    const score = driver.bdrvProbeDevice?.(filename) ?? 0;
    if (score > bestScore) [best, bestScore] = [driver, score];
  }
  return best;
}

/**
 * Calls `it` once for each format name, in order of their code units; only those that the whitelist allows, where it is in force.
 *
 * @globalState
 * @runs it caller
 */
export function bdrvIterateFormat(it: (name: string) => void, readOnly: boolean): void {
  GLOBAL_STATE_CODE('bdrvIterateFormat');
  const allowed = drivers.filter((driver) => !whitelistInForce || bdrvIsWhitelisted(driver, readOnly));
  for (const name of allowed.map((driver) => driver.formatName).sort()) it(name);
}

/**
 * The driver that is surest to know these first bytes of an image; of several, the one registered first.
 *
 * @io
 */
export function bdrvProbeAll(buffer: Uint8Array, filename: string | null): BlockDriver | null {
  let best: BlockDriver | null = null;
  let bestScore = 0;
  for (const driver of drivers) {
    const score = driver.bdrvProbe?.(buffer, filename) ?? 0;
    if (score > bestScore) [best, bestScore] = [driver, score];
  }
  return best;
}

/**
 * Whether the driver can write compressed.
 *
 * @common
 */
export function blockDriverCanCompress(drv: BlockDriver): boolean {
  return drv.bdrvCoPwritevCompressed !== undefined || drv.bdrvCoPwritevCompressedPart !== undefined;
}
