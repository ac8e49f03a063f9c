/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockDriver } from '../model/driver.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Registers the compiled-in drivers. Run once at start-up.
 *
 * @globalState
 */
export function bdrvInit(): void {
  GLOBAL_STATE_CODE('bdrvInit');
  throw notBuilt('bdrvInit');
}

/**
 * Turns the driver whitelist on, then does bdrv_init.
 *
 * @globalState
 */
export function bdrvInitWithWhitelist(): void {
  GLOBAL_STATE_CODE('bdrvInitWithWhitelist');
  throw notBuilt('bdrvInitWithWhitelist');
}

/**
 * Whether the driver whitelist is in force.
 *
 * @globalState
 */
export function bdrvUsesWhitelist(): boolean {
  GLOBAL_STATE_CODE('bdrvUsesWhitelist');
  throw notBuilt('bdrvUsesWhitelist');
}

/**
 * Whether a driver is allowed by the whitelist for read-only or read-write use.
 *
 * @globalState
 */
export function bdrvIsWhitelisted(drv: BlockDriver, readOnly: boolean): boolean {
  GLOBAL_STATE_CODE('bdrvIsWhitelisted');
  throw notBuilt('bdrvIsWhitelisted');
}

/**
 * Finds the protocol driver for a file name (host device probe, prefix, else plain file).
 *
 * @globalState
 */
export function bdrvFindProtocol(filename: string, allowProtocolPrefix: boolean): BlockDriver {
  GLOBAL_STATE_CODE('bdrvFindProtocol');
  throw notBuilt('bdrvFindProtocol');
}

/**
 * Finds a registered driver by format name (loads its module if needed).
 *
 * @globalState
 */
export function bdrvFindFormat(formatName: string): BlockDriver | null {
  GLOBAL_STATE_CODE('bdrvFindFormat');
  throw notBuilt('bdrvFindFormat');
}

/**
 * Adds a driver to the global driver list.
 *
 * @globalState
 */
export function bdrvRegister(driver: BlockDriver): void {
  GLOBAL_STATE_CODE('bdrvRegister');
  throw notBuilt('bdrvRegister');
}

/**
 * Calls back once per distinct format name, sorted.
 *
 * @globalState
 */
export function bdrvIterateFormat(it: (name: string) => void, readOnly: boolean): void {
  GLOBAL_STATE_CODE('bdrvIterateFormat');
  throw notBuilt('bdrvIterateFormat');
}

/**
 * Scores all drivers on an image's first bytes and returns the best. Also called on the write path of probed-raw images (raw_co_pwritev), hence I/O after review. v5 puts its assertion in patch 3 although the header belongs to patches 7 and 8.
 *
 * @io
 */
export function bdrvProbeAll(buffer: Uint8Array, filename: string | null): BlockDriver | null {
  throw notBuilt('bdrvProbeAll');
}

/**
 * True if the driver has either compressed-write slot (inline).
 *
 * @common
 */
export function blockDriverCanCompress(drv: BlockDriver): boolean {
  throw notBuilt('blockDriverCanCompress');
}
