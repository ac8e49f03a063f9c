/**
 * `blk-img check`: looks for errors in an image, and mends them if asked to.
 *
 * In: an image. Out: text or JSON, and a status: 0 fine, 1 the check failed, 2 corrupt, 3 only leaks, 63 the format has no check.
 */
import type { Command } from 'commander';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkBs } from '../backend/settings.ts';
import type { BlockBackend } from '../model/backend.ts';
import { BDRV_FIX_ERRORS, BDRV_FIX_LEAKS, BDRV_O_CHECK, BDRV_O_RDWR, BDRV_O_UNMAP, type BdrvCheckMode } from '../model/constants.ts';
import type { BdrvCheckResult } from '../model/driver.ts';
import { errnoOf } from '../model/errors.ts';
import { bdrvGetFormatName } from '../open/queries.ts';
import { bdrvCheck } from '../requests/wrappers.ts';
import { addImageCommand, withImage, type ImageOptions } from './command.ts';
import { ImgFailure, messageOf } from './failure.ts';
import { twoDecimals } from './human.ts';
import { wantsJson } from './info.ts';
import type { Done } from './main.ts';
import type { Streams } from './streams.ts';

interface CheckOptions extends ImageOptions {
  readonly output?: string;
  readonly repair?: string;
  readonly cache?: string;
  readonly forceShare?: boolean;
}

const REPAIRS: Readonly<Record<string, BdrvCheckMode>> = { leaks: BDRV_FIX_LEAKS, all: BDRV_FIX_LEAKS | BDRV_FIX_ERRORS };

/**
 * Adds the command to the program.
 *
 * @globalState
 */
export function addCheck(program: Command, streams: Streams, done: Done): void {
  GLOBAL_STATE_CODE('addCheck');
  addImageCommand(program, 'check', 'Look for errors in an image.')
    .argument('<filename>')
    .option('-q, --quiet', 'print only errors')
    .option('--output <format>', 'human or json')
    .option('-r, --repair <what>', 'mend leaks, or all errors')
    .option('-T, --source-cache <mode>', 'cache mode')
    .option('-U, --force-share', 'others may write to the image')
    .addHelpText('after', '\nExit status: 0 no errors, 1 the check failed, 2 corrupt, 3 leaks only, 63 the format has no check.\n')
    .action(async (filename: string, options: CheckOptions & { sourceCache?: string }) => {
      const fix = repairMode(options.repair);
      const flags = BDRV_O_UNMAP | BDRV_O_CHECK | (fix === 0 ? 0 : BDRV_O_RDWR);
      const image = { name: filename, imageOpts: options.imageOpts, format: options.format, cache: options.sourceCache, forceShare: options.forceShare, flags };
      done(await withImage(image, (blk) => checkImage(blk, filename, fix, options, streams)));
    });
}

function repairMode(repair: string | undefined): BdrvCheckMode {
  if (repair === undefined) return 0;
  const mode = REPAIRS[repair];
  if (mode === undefined) throw new ImgFailure('-r expects the option value "leaks" or "all"');
  return mode;
}

/** @globalState */
async function checkImage(blk: BlockBackend, filename: string, fix: BdrvCheckMode, options: CheckOptions, streams: Streams): Promise<number> {
  GLOBAL_STATE_CODE('checkImage');
  const json = wantsJson(options.output);
  const say = options.quiet ? () => undefined : streams.out;
  let result = await runCheck(blk, fix);
  if (result.corruptionsFixed > 0 || result.leaksFixed > 0) {
    const { corruptionsFixed, leaksFixed } = result;
    const found = `The following inconsistencies were found and repaired:\n\n    ${leaksFixed} leaked clusters\n    ${corruptionsFixed} corruptions\n`;
    if (!json) say(`${found}\nDouble checking the fixed image now...\n`);
    result = { ...(await runCheck(blk, 0)), corruptionsFixed, leaksFixed };
  }
  const bs = blkBs(blk);
  say(json ? `${JSON.stringify(checkFacts(filename, (bs && bdrvGetFormatName(bs)) ?? '', result), null, 4)}\n` : checkText(result));
  if (result.checkErrors > 0) throw new ImgFailure('Check failed');
  if (result.corruptions > 0) return 2;
  return result.leaks > 0 ? 3 : 0;
}

/** @globalState */
async function runCheck(blk: BlockBackend, fix: BdrvCheckMode): Promise<BdrvCheckResult> {
  GLOBAL_STATE_CODE('runCheck');
  const result: BdrvCheckResult = {
    corruptions: 0, leaks: 0, checkErrors: 0, corruptionsFixed: 0, leaksFixed: 0, imageEndOffset: 0,
    bfi: { allocatedClusters: 0, totalClusters: 0, fragmentedClusters: 0, compressedClusters: 0 },
  };
  const bs = blkBs(blk);
  if (bs === null) throw new ImgFailure('The image has no medium');
  try {
    await bdrvCheck(bs, result, fix);
    return result;
  } catch (error) {
    if (errnoOf(error) === 'ENOTSUP') throw new ImgFailure('This image format does not support checks', 63);
    throw new ImgFailure(`Check failed: ${messageOf(error)}`);
  }
}

/** What was counted, with the monitor's names; what is 0 is left out. */
function checkFacts(filename: string, format: string, result: BdrvCheckResult): Record<string, unknown> {
  const counted = {
    'image-end-offset': result.imageEndOffset, corruptions: result.corruptions, leaks: result.leaks, 'corruptions-fixed': result.corruptionsFixed,
    'leaks-fixed': result.leaksFixed, 'total-clusters': result.bfi.totalClusters, 'allocated-clusters': result.bfi.allocatedClusters,
    'fragmented-clusters': result.bfi.fragmentedClusters, 'compressed-clusters': result.bfi.compressedClusters,
  };
  const found = Object.fromEntries(Object.entries(counted).filter(([, count]) => count !== 0));
  return { ...found, 'check-errors': result.checkErrors, filename, format };
}

function checkText(result: BdrvCheckResult): string {
  const { corruptions, leaks, checkErrors, imageEndOffset, bfi } = result;
  let text = '';
  if (corruptions === 0 && leaks === 0 && checkErrors === 0) text += 'No errors were found on the image.\n';
  if (corruptions > 0) text += `\n${corruptions} errors were found on the image.\nData may be corrupted, or further writes to the image may corrupt it.\n`;
  if (leaks > 0) text += `\n${leaks} leaked clusters were found on the image.\nThis means waste of disk space, but no harm to data.\n`;
  if (checkErrors > 0) text += `\n${checkErrors} internal errors have occurred during the check.\n`;
  const share = (part: number, whole: number): string => `${twoDecimals((part * 100) / whole)}%`;
  if (bfi.totalClusters > 0 && bfi.allocatedClusters > 0) {
    const { allocatedClusters: allocated, totalClusters: total } = bfi;
    text += `${allocated}/${total} = ${share(allocated, total)} allocated, ${share(bfi.fragmentedClusters, allocated)} fragmented, `;
    text += `${share(bfi.compressedClusters, allocated)} compressed clusters\n`;
  }
  if (imageEndOffset > 0) text += `Image end offset: ${imageEndOffset}\n`;
  return text;
}
