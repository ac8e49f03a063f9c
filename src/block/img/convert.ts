/**
 * `blk-img convert`: copies images into a new one, of another format, compressed, on a backing file.
 *
 * In: sources, which are joined, and a target with its options. Out: the target. Leaves to others: the copying (`convert-copy.ts`).
 */
import type { Command } from 'commander';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkIoLimitsEnable, blkSetIoLimits } from '../backend/limits.ts';
import { blkUnref } from '../backend/registry.ts';
import { blkBs, blkGetlength } from '../backend/settings.ts';
import { blkFlush, blkMakeZero, blkPwriteCompressed } from '../backend/wrappers.ts';
import { mainContext } from '../contexts/aio-context.ts';
import { runCoWrapper } from '../contexts/poll.ts';
import { bdrvBackingChainNext } from '../graph/chain-links.ts';
import type { BlockBackend, ThrottleConfig } from '../model/backend.ts';
import { BDRV_O_RDWR, BDRV_O_RESIZE, BDRV_O_UNMAP, BDRV_REQ_MAY_UNMAP, BDRV_REQ_NO_FALLBACK } from '../model/constants.ts';
import type { BlockDriver, BlockDriverInfo } from '../model/driver.ts';
import type { BlockDriverState } from '../model/node.ts';
import type { BlockOptions } from '../model/options.ts';
import { bdrvCreate } from '../open/create.ts';
import { blockDriverCanCompress } from '../open/drivers.ts';
import { bdrvCanWriteZeroesWithUnmap, bdrvHasZeroInit } from '../open/limits.ts';
import { bdrvGetInfo } from '../open/queries.ts';
import { bdrvGetlength } from '../requests/length.ts';
import { addImageCommand, type ImageOptions } from './command.ts';
import { copyImages, type CopyPlan, type CopySource } from './convert-copy.ts';
import { formatOf, optionsHelp } from './create.ts';
import { ImgFailure, messageOf } from './failure.ts';
import type { Done } from './main.ts';
import { openImage } from './open-image.ts';
import { asksForHelp, collect, mergeOptionLists, sizeOf, wholeNumber } from './options.ts';
import { progressLine, type Progress } from './progress.ts';
import { loadSnapshot } from './source-snapshot.ts';
import type { Streams } from './streams.ts';

interface ConvertOptions extends ImageOptions {
  readonly targetFormat: string;
  readonly targetImageOpts?: boolean;
  readonly targetIsZero?: boolean;
  readonly forceShare?: boolean;
  readonly copyRange?: boolean;
  readonly compress?: boolean;
  readonly progress?: boolean;
  readonly noCreate?: boolean;
  readonly cache: string;
  readonly sourceCache?: string;
  readonly backing?: string;
  readonly backingFormat?: string;
  readonly options?: readonly string[];
  readonly snapshot?: string;
  readonly sparse?: string;
  readonly rateLimit?: string;
  readonly coroutines: string;
  readonly outOfOrder?: boolean;
  readonly salvage?: boolean;
}

const DEFAULT_BUFFER = 2 * 1024 * 1024;

/**
 * Adds the command to the program.
 *
 * @globalState
 */
export function addConvert(program: Command, streams: Streams, done: Done): void {
  GLOBAL_STATE_CODE('addConvert');
  addImageCommand(program, 'convert', 'Copy images into another one.')
    .argument('<filenames...>', 'the sources, then the target')
    .option('-O, --target-format <format>', 'format of the target', 'raw')
    .option('-o, --options <list>', 'options of the target, or help', collect)
    .option('-B, --backing <filename>', 'backing file of the target')
    .option('-F, --backing-format <format>', 'format of the backing file')
    .option('-c, --compress', 'write compressed')
    .option('-n, --no-create-target', 'the target exists')
    .option('--target-is-zero', 'the target reads as zero')
    .option('--target-image-opts', 'the target is given as a list of options')
    .option('-S, --sparse <size>', 'least run of zeroes that is not written; 0: write all')
    .option('-l, --snapshot <snapshot>', 'copy a snapshot of the source')
    .option('-m, --coroutines <number>', 'how many chunks are copied at a time', '8')
    .option('-W, --out-of-order', 'write chunks in any order')
    .option('-C, --copy-range', 'let the host copy where it can')
    .option('-r, --rate-limit <size>', 'bytes a second')
    .option('-t, --cache <mode>', 'cache mode of the target', 'unsafe')
    .option('-T, --source-cache <mode>', 'cache mode of the sources')
    .option('-p, --progress', 'show progress on a terminal')
    .option('-q, --quiet', 'print only errors')
    .option('-U, --force-share', 'others may write to the sources')
    .option('--salvage', 'go on where data can not be read')
    .action(async (filenames: string[], given: ConvertOptions & { createTarget?: boolean }) => {
      const options = { ...given, noCreate: given.createTarget === false };
      if (asksForHelp(options.options)) streams.out(optionsHelp(formatOf(options.targetFormat)));
      else await convert(filenames, options, streams);
      done(0);
    });
}

/** @globalState */
async function convert(filenames: readonly string[], options: ConvertOptions, streams: Streams): Promise<void> {
  GLOBAL_STATE_CODE('convert');
  const target = filenames.at(-1);
  if (target === undefined || filenames.length < 2) throw new ImgFailure('Must specify image file name');
  refuseContradictions(options);
  const opened: BlockBackend[] = [];
  try {
    const sources = await openSources(filenames.slice(0, -1), options, opened);
    const blk = await openTarget(target, sources, options, opened);
    const progress = progressLine(options.progress, streams);
    const plan = await planCopy(blk, sources, options, progress, streams);
    await copy(plan, target);
    progress.end();
  } finally {
    for (const blk of opened.reverse()) await blkUnref(blk);
  }
}

function refuseContradictions(options: ConvertOptions): void {
  if (options.outOfOrder && options.compress) throw new ImgFailure('Out of order write and compress are mutually exclusive');
  if (options.targetImageOpts && !options.noCreate) throw new ImgFailure('--target-image-opts requires use of -n flag');
  if (options.targetIsZero && !options.noCreate) throw new ImgFailure('--target-is-zero requires use of -n flag');
  if (options.copyRange && options.compress) throw new ImgFailure('Cannot enable copy offloading when -c is used');
  if (options.copyRange && options.sparse !== undefined) throw new ImgFailure('Cannot enable copy offloading when -S is used');
}

/** @globalState */
async function openSources(names: readonly string[], options: ConvertOptions, opened: BlockBackend[]): Promise<CopySource[]> {
  GLOBAL_STATE_CODE('openSources');
  if (names.length > 1 && options.snapshot !== undefined) throw new ImgFailure('No support for concatenating multiple snapshot');
  const sources: CopySource[] = [];
  let start = 0;
  for (const name of names) {
    const blk = await openImage({ name, imageOpts: options.imageOpts, format: options.format, cache: options.sourceCache, forceShare: options.forceShare });
    opened.push(blk);
    const bs = blkBs(blk);
    if (bs && options.snapshot !== undefined) await loadSnapshot(bs, options.snapshot);
    const length = await blkGetlength(blk);
    if (length > 0) sources.push({ name, blk, start, length });
    start += length;
  }
  return sources;
}

/** @globalState */
async function openTarget(name: string, sources: readonly CopySource[], options: ConvertOptions, opened: BlockBackend[]): Promise<BlockBackend> {
  GLOBAL_STATE_CODE('openTarget');
  const total = totalOf(sources);
  if (!options.noCreate) await createTarget(name, total, options, sources.length);
  const minSparse = minSparseOf(options);
  const blk = await openImage({
    name, imageOpts: options.targetImageOpts, format: options.targetImageOpts ? undefined : options.targetFormat, cache: options.cache,
    flags: BDRV_O_RDWR | BDRV_O_RESIZE | (minSparse > 0 ? BDRV_O_UNMAP : 0),
  });
  opened.push(blk);
  if ((await blkGetlength(blk)) < total) throw new ImgFailure('output file is smaller than input file');
  if (options.rateLimit !== undefined) {
    blkIoLimitsEnable(blk, 'img_convert');
    blkSetIoLimits(blk, writeLimit(sizeOf(options.rateLimit, 'rate limit')));
  }
  return blk;
}

/** @globalState */
async function createTarget(name: string, total: number, options: ConvertOptions, sourceCount: number): Promise<void> {
  GLOBAL_STATE_CODE('createTarget');
  const drv = formatOf(options.targetFormat);
  if (!drv.createOpts) throw new ImgFailure(`Format driver '${drv.formatName}' does not support image creation`);
  const given: BlockOptions = { ...mergeOptionLists(options.options) };
  if (options.backing !== undefined) given['backing_file'] = options.backing;
  if (options.backingFormat !== undefined) given['backing_fmt'] = options.backingFormat;
  refuseTargetOptions(drv, given, options, sourceCount);
  given['size'] ??= total;
  try {
    await bdrvCreate(drv, name, given);
  } catch (error) {
    throw new ImgFailure(`${name}: error while converting ${options.targetFormat}: ${messageOf(error)}`);
  }
}

function refuseTargetOptions(drv: BlockDriver, given: BlockOptions, options: ConvertOptions, sourceCount: number): void {
  if (given['backing_file'] !== undefined) {
    if (sourceCount > 1) throw new ImgFailure('Having a backing file for the target makes no sense when concatenating multiple input images');
    if (given['backing_fmt'] === undefined) throw new ImgFailure('backing format must be specified with the backing file');
  }
  if (!options.compress) return;
  if (!blockDriverCanCompress(drv)) throw new ImgFailure('Compression not supported for this file format');
  if (![undefined, 'off'].includes(given['preallocation'] as string | undefined)) throw new ImgFailure('Compression and preallocation not supported at the same time');
}

/** @globalState */
async function planCopy(target: BlockBackend, sources: readonly CopySource[], options: ConvertOptions, progress: Progress, streams: Streams): Promise<CopyPlan> {
  GLOBAL_STATE_CODE('planCopy');
  const bs = blkBs(target);
  if (bs === null) throw new ImgFailure('The target has no medium');
  const minSparse = minSparseOf(options);
  const backing = options.noCreate && options.backing === undefined ? null : bdrvBackingChainNext(bs);
  const info = infoOf(bs);
  const clusterSize = info?.clusterSize ?? 0;
  const compressed = options.compress === true || info?.needsCompressedWrites === true;
  if (compressed && (clusterSize <= 0 || clusterSize > DEFAULT_BUFFER)) throw new ImgFailure('invalid cluster size');
  const quiet = options.quiet === true;
  return {
    sources, total: totalOf(sources), target,
    targetHasBacking: backing !== null,
    targetBackingLength: backing === null ? 0 : await bdrvGetlength(backing),
    hasZeroInit: await readsAsZero(target, bs, backing, minSparse, options),
    minSparse,
    granule: Math.max(Math.min(minSparse, 4096), bs.bl.requestAlignment, Math.min(clusterSize, DEFAULT_BUFFER)),
    compressed, clusterSize,
    bufferSize: compressed ? clusterSize : Math.max(DEFAULT_BUFFER, bs.bl.optTransfer),
    inOrder: !options.outOfOrder,
    copyRange: options.copyRange === true,
    salvage: options.salvage ? (message) => { if (!quiet) streams.err(`blk-img: warning: ${message}\n`); } : null,
    workers: wholeNumber(options.coroutines, 'number of coroutines', 1, 16),
    showProgress: progress.show,
  };
}

/** Whether what is not written to the target reads as zero; asks it to, where that is cheap. @globalState */
async function readsAsZero(target: BlockBackend, bs: BlockDriverState, backing: BlockDriverState | null, minSparse: number, options: ConvertOptions): Promise<boolean> {
  GLOBAL_STATE_CODE('readsAsZero');
  if (minSparse === 0) return false;
  if (options.targetIsZero) return true;
  if (!options.noCreate) return bdrvHasZeroInit(bs);
  if (backing !== null || bdrvBackingChainNext(bs) !== null || !bdrvCanWriteZeroesWithUnmap(bs)) return false;
  try {
    await blkMakeZero(target, BDRV_REQ_MAY_UNMAP | BDRV_REQ_NO_FALLBACK);
    return true;
  } catch {
    return false;
  }
}

/** @globalState */
async function copy(plan: CopyPlan, target: string): Promise<void> {
  GLOBAL_STATE_CODE('copy');
  try {
    await runCoWrapper(mainContext, () => copyImages(plan));
    if (plan.compressed) await blkPwriteCompressed(plan.target, 0, new Uint8Array(0));
    await blkFlush(plan.target);
  } catch (error) {
    throw new ImgFailure(`error while converting to ${target}: ${messageOf(error)}`);
  }
}

function writeLimit(average: number): ThrottleConfig {
  const none = () => ({ average: 0, max: 0, burstLength: 1 });
  return {
    limits: { bpsTotal: none(), bpsRead: none(), bpsWrite: { ...none(), average }, iopsTotal: none(), iopsRead: none(), iopsWrite: none() },
    iopsSize: 0,
  };
}

function infoOf(bs: BlockDriverState): BlockDriverInfo | null {
  try {
    return bdrvGetInfo(bs);
  } catch {
    return null;
  }
}

function totalOf(sources: readonly CopySource[]): number {
  return sources.reduce((total, source) => total + source.length, 0);
}

function minSparseOf(options: ConvertOptions): number {
  const size = options.sparse === undefined ? 4096 : sizeOf(options.sparse, 'buffer size for sparse output');
  if (size % 512 !== 0) throw new ImgFailure(`Invalid buffer size for sparse output specified. Valid sizes are multiples of 512. Select 0 to disable sparse detection (fully allocates output).`);
  return size;
}
