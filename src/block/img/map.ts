/**
 * `blk-img map`: where each range of an image lies.
 *
 * In: an image. Out: text or JSON, one entry for each stretch of the same kind.
 */
import type { Command } from 'commander';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkBs, blkGetlength } from '../backend/settings.ts';
import { bdrvCowBs, bdrvSkipFilters } from '../graph/chain-links.ts';
import type { BlockBackend } from '../model/backend.ts';
import { BDRV_BLOCK_ALLOCATED, BDRV_BLOCK_DATA, BDRV_BLOCK_OFFSET_VALID, BDRV_BLOCK_ZERO } from '../model/constants.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvRefreshFilename } from '../open/filenames.ts';
import { bdrvBlockStatus } from '../requests/block-status.ts';
import { addImageCommand, withImage, type ImageOptions } from './command.ts';
import { ImgFailure } from './failure.ts';
import { wantsJson } from './info.ts';
import type { Done } from './main.ts';
import { sizeOf } from './options.ts';
import type { Streams } from './streams.ts';

interface MapOptions extends ImageOptions {
  readonly output?: string;
  readonly startOffset?: string;
  readonly maxLength?: string;
  readonly forceShare?: boolean;
}

/** A stretch of the image, with the monitor's names. */
interface MapEntry {
  readonly start: number;
  length: number;
  /** How many layers down it was found. */
  readonly depth: number;
  readonly present: boolean;
  readonly zero: boolean;
  readonly data: boolean;
  readonly offset?: number;
  readonly filename?: string;
}

/**
 * Adds the command to the program.
 *
 * @globalState
 */
export function addMap(program: Command, streams: Streams, done: Done): void {
  GLOBAL_STATE_CODE('addMap');
  addImageCommand(program, 'map', 'Show where the data of an image lies.')
    .argument('<filename>')
    .option('--output <format>', 'human or json')
    .option('-s, --start-offset <offset>', 'begin there')
    .option('-l, --max-length <length>', 'go on for that many bytes')
    .option('-U, --force-share', 'others may write to the image')
    .action(async (filename: string, options: MapOptions) => {
      const json = wantsJson(options.output);
      await withImage({ name: filename, imageOpts: options.imageOpts, format: options.format, forceShare: options.forceShare }, async (blk) => {
        if (json) await printJson(blk, options, streams);
        else await printText(blk, options, streams);
      });
      done(0);
    });
}

/** @globalState */
async function printJson(blk: BlockBackend, options: MapOptions, streams: Streams): Promise<void> {
  GLOBAL_STATE_CODE('printJson');
  let before = '[';
  for await (const entry of entries(blk, options)) {
    const facts = Object.entries(entry).filter(([name]) => name !== 'filename');
    const fields = facts.map(([name, value]) => `"${name}": ${String(value)}`);
    streams.out(`${before}{ ${fields.join(', ')}}`);
    before = ',\n';
  }
  streams.out(before === '[' ? '[]\n' : ']\n');
}

/** @globalState */
async function printText(blk: BlockBackend, options: MapOptions, streams: Streams): Promise<void> {
  GLOBAL_STATE_CODE('printText');
  streams.out(`${'Offset'.padEnd(16)}${'Length'.padEnd(16)}${'Mapped to'.padEnd(16)}File\n`);
  for await (const entry of entries(blk, options)) {
    if (!entry.data || entry.zero) continue;
    if (entry.offset === undefined) throw new ImgFailure('File contains external, encrypted or compressed clusters.');
    const columns = [entry.start, entry.length, entry.offset].map((value) => hex(value).padEnd(16));
    streams.out(`${columns.join('')}${entry.filename ?? ''}\n`);
  }
}

function hex(value: number): string {
  return value === 0 ? '0' : `0x${value.toString(16)}`;
}

/**
 * The entries, with neighbours of one kind joined.
 *
 * @globalState
 */
async function* entries(blk: BlockBackend, options: MapOptions): AsyncGenerator<MapEntry> {
  GLOBAL_STATE_CODE('entries');
  const length = await blkGetlength(blk);
  const start = options.startOffset === undefined ? 0 : sizeOf(options.startOffset, 'start offset');
  const end = options.maxLength === undefined ? length : Math.min(length, start + sizeOf(options.maxLength, 'length'));
  let joined = null as MapEntry | null;
  for (let offset = start; offset < end; ) {
    const entry: MapEntry = await entryAt(blk, offset, end - offset);
    offset += entry.length;
    if (joined !== null && areOne(joined, entry)) {
      joined.length += entry.length;
      continue;
    }
    if (joined !== null) yield joined;
    joined = entry;
  }
  if (joined !== null) yield joined;
}

/** @globalState */
async function entryAt(blk: BlockBackend, offset: number, bytes: number): Promise<MapEntry> {
  GLOBAL_STATE_CODE('entryAt');
  let layer: BlockDriverState | null = bdrvSkipFilters(blkBs(blk));
  for (let depth = 0, length = bytes; layer !== null; depth++) {
    const status = await bdrvBlockStatus(layer, offset, length);
    length = status.pnum;
    const below: BlockDriverState | null = bdrvSkipFilters(bdrvCowBs(layer));
    if ((status.flags & (BDRV_BLOCK_ZERO | BDRV_BLOCK_DATA)) === 0 && below !== null) {
      layer = below;
      continue;
    }
    if (status.file) bdrvRefreshFilename(status.file);
    const hasOffset = (status.flags & BDRV_BLOCK_OFFSET_VALID) !== 0;
    return {
      start: offset, length, depth, present: (status.flags & BDRV_BLOCK_ALLOCATED) !== 0, zero: (status.flags & BDRV_BLOCK_ZERO) !== 0,
      data: (status.flags & BDRV_BLOCK_DATA) !== 0, ...(hasOffset ? { offset: status.map } : {}), ...(hasOffset && status.file ? { filename: status.file.filename } : {}),
    };
  }
  throw new ImgFailure('The image has no medium');
}

function areOne(first: MapEntry, second: MapEntry): boolean {
  const offsetsFollow = first.offset === undefined ? second.offset === undefined : second.offset === first.offset + first.length;
  return (
    offsetsFollow && first.zero === second.zero && first.data === second.data && first.present === second.present && first.depth === second.depth && first.filename === second.filename
  );
}
