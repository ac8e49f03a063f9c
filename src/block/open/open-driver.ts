/**
 * Setting one node up with its driver.
 *
 * In: a new node with flags and options, its driver, the file below if it is open already. Out: the driver has opened its image; limits,
 * length and permissions are as it wants them. Leaves to others: finding the driver, opening the file and the backing file (`open.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { quiesceNewDriver } from '../graph/drain.ts';
import { bdrvUnrefChild } from '../graph/nodes.ts';
import { bdrvAssignNodeName } from '../graph/node-names.ts';
import { bdrvRefreshPerms } from '../graph/permissions.ts';
import { BDRV_O_COPY_ON_READ, BDRV_O_NO_BACKING, BDRV_O_PROTOCOL, BDRV_O_SNAPSHOT, BDRV_O_UNMAP, type OpenFlags } from '../model/constants.ts';
import type { BlockDriver } from '../model/driver.ts';
import { blockError, BlockError, prefixError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { OptionBag, stringOption, type BlockOptions } from '../model/options.ts';
import { bdrvEnableCopyOnRead } from '../requests/copy-on-read.ts';
import { refreshTotalSectors } from '../requests/length.ts';
import { bdrvIsWhitelisted, bdrvUsesWhitelist } from './drivers.ts';
import { bdrvRefreshFilename } from './filenames.ts';
import { bdrvRefreshLimits } from './limits.ts';
import { bdrvApplyAutoReadOnly, bdrvParseDetectZeroes, bdrvParseDiscardFlags } from './open-flags.ts';
import { takeFlagOptions } from './open-options.ts';
import { bdrvIsReadOnly } from './queries.ts';

/**
 * Takes the options that every node has, checks them, and opens the node with its driver, which takes its own.
 *
 * @param file the node below, where it is open already; the caller's hold on it stays the caller's
 * @throws BlockError
 * @globalState
 */
export async function openCommon(bs: BlockDriverState, drv: BlockDriver, file: BlockDriverState | null, options: BlockOptions): Promise<void> {
  GLOBAL_STATE_CODE('openCommon');
  const bag = new OptionBag(options);
  bag.take('driver');
  bs.openFlags = takeFlagOptions(bs.openFlags, bag);
  bs.forceShare = bag.takeBoolean('force-share') ?? false;
  if (bs.forceShare && !bdrvIsReadOnly(bs)) throw blockError('EINVAL', 'force-share=on can only be used with read-only images');
  const filename = nameFor(file, options);
  if (drv.bdrvNeedsFilename === true && filename === '') throw blockError('EINVAL', `The '${drv.formatName}' block driver requires a file name`);
  checkWhitelist(bs, drv);
  enableCopyOnRead(bs);
  const discard = bag.takeString('discard');
  if (discard !== undefined) bs.openFlags = (bs.openFlags & ~BDRV_O_UNMAP) | bdrvParseDiscardFlags(discard);
  bs.detectZeroes = bdrvParseDetectZeroes(bag.takeString('detect-zeroes'), bs.openFlags);
  bs.filename = filename;
  bs.exactFilename = filename;
  const nodeName = bag.takeString('node-name') ?? null;
  await openWithDriver(bs, drv, nodeName, options, bs.openFlags & ~(BDRV_O_SNAPSHOT | BDRV_O_NO_BACKING | BDRV_O_PROTOCOL));
}

/** @globalState */
function nameFor(file: BlockDriverState | null, options: BlockOptions): string {
  GLOBAL_STATE_CODE('nameFor');
  if (!file) return stringOption(options, 'filename') ?? '';
  bdrvRefreshFilename(file);
  return file.filename;
}

/** @globalState */
function checkWhitelist(bs: BlockDriverState, drv: BlockDriver): void {
  GLOBAL_STATE_CODE('checkWhitelist');
  if (!bdrvUsesWhitelist() || bdrvIsWhitelisted(drv, bdrvIsReadOnly(bs))) return;
  const readable = bdrvIsWhitelisted(drv, true);
  const message = readable ? `Driver '${drv.formatName}' can only be used for read-only devices` : `Driver '${drv.formatName}' is not whitelisted`;
  if (!readable) throw blockError('ENOTSUP', message);
  bdrvApplyAutoReadOnly(bs, message);
}

/** @globalState */
function enableCopyOnRead(bs: BlockDriverState): void {
  GLOBAL_STATE_CODE('enableCopyOnRead');
  if ((bs.openFlags & BDRV_O_COPY_ON_READ) === 0) return;
  if (bdrvIsReadOnly(bs)) throw blockError('EINVAL', "Can't use copy-on-read on read-only device");
  bdrvEnableCopyOnRead(bs);
}

/**
 * Names the node, opens it with its driver, and takes over what the driver says of it.
 *
 * @param options flat; the driver takes out what it knows
 * @throws BlockError
 * @globalState
 */
export async function openWithDriver(bs: BlockDriverState, drv: BlockDriver, nodeName: string | null, options: BlockOptions, flags: OpenFlags): Promise<void> {
  GLOBAL_STATE_CODE('openWithDriver');
  bdrvAssignNodeName(bs, nodeName);
  bs.drv = drv;
  bs.opaque = null;
  try {
    await callOpenSlot(bs, drv, options, flags);
  } catch (error) {
    await undoOpen(bs);
    throw error;
  }
  try {
    await refreshTotalSectors(bs, bs.totalSectors);
  } catch (error) {
    throw prefixError('Could not refresh total sector count', error);
  }
  bdrvRefreshPerms(bs, null);
  bdrvRefreshLimits(bs, null);
  quiesceNewDriver(bs);
}

/** @globalState */
async function callOpenSlot(bs: BlockDriverState, drv: BlockDriver, options: BlockOptions, flags: OpenFlags): Promise<void> {
  GLOBAL_STATE_CODE('callOpenSlot');
  try {
    if (drv.bdrvFileOpen) await drv.bdrvFileOpen(bs, options, flags);
    else await drv.bdrvOpen?.(bs, options, flags);
  } catch (error) {
    if (error instanceof BlockError) throw error;
    throw prefixError(bs.filename === '' ? 'Could not open image' : `Could not open '${bs.filename}'`, error);
  }
}

/** The driver gave up: it has closed what it opened, but for its children. @globalState */
async function undoOpen(bs: BlockDriverState): Promise<void> {
  GLOBAL_STATE_CODE('undoOpen');
  bs.drv = null;
  bs.opaque = null;
  bs.file = null;
  bs.backing = null;
  for (const child of [...bs.children]) await bdrvUnrefChild(bs, child);
}
