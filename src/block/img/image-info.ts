/**
 * The facts of one image, as `query-block` and `qemu-img info` show them.
 *
 * In: a backend. Out: a record with the monitor's names, and its text. Leaves to others: the chain.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkGetlength, blkBs } from '../backend/settings.ts';
import type { BlockBackend } from '../model/backend.ts';
import type { BlockDriverInfo, SnapshotInfo } from '../model/driver.ts';
import { blockError, errnoOf, prefixError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvGetFullBackingFilename, bdrvRefreshFilename } from '../open/filenames.ts';
import { bdrvGetFormatName, bdrvGetInfo, bdrvGetSpecificInfo } from '../open/queries.ts';
import { bdrvGetAllocatedFileSize } from '../requests/length.ts';
import { bdrvSnapshotList } from '../snapshot/snapshot.ts';
import { humanSize, snapshotTable } from './human.ts';

/** An internal snapshot, with the monitor's names. */
export interface SnapshotFacts {
  readonly id: string;
  readonly name: string;
  readonly 'vm-state-size': number;
  readonly 'date-sec': number;
  readonly 'date-nsec': number;
  readonly 'vm-clock-sec': number;
  readonly 'vm-clock-nsec': number;
  readonly icount?: number;
}

/** An image, with the monitor's names. Bytes. */
export interface ImageInfo {
  readonly filename: string;
  readonly format: string;
  readonly 'virtual-size': number;
  readonly 'actual-size'?: number;
  readonly 'dirty-flag': boolean;
  readonly 'cluster-size'?: number;
  readonly encrypted?: boolean;
  readonly compressed?: boolean;
  readonly 'backing-filename'?: string;
  readonly 'full-backing-filename'?: string;
  readonly 'backing-filename-format'?: string;
  readonly snapshots?: readonly SnapshotFacts[];
  readonly 'format-specific'?: Record<string, unknown>;
}

/**
 * Asks an image for its facts.
 *
 * @throws BlockError where its length or its snapshots can't be read
 * @globalState
 */
export async function queryImageInfo(blk: BlockBackend): Promise<ImageInfo> {
  GLOBAL_STATE_CODE('queryImageInfo');
  const bs = blkBs(blk);
  if (bs === null) throw blockError('ENOMEDIUM', 'The image has no medium');
  bdrvRefreshFilename(bs);
  const driverInfo = driverInfoOf(bs);
  const snapshots = await snapshotsOf(bs);
  return {
    'virtual-size': await lengthOf(blk, bs),
    filename: bs.filename,
    ...(driverInfo !== null && driverInfo.clusterSize > 0 ? { 'cluster-size': driverInfo.clusterSize } : {}),
    format: bdrvGetFormatName(bs) ?? '',
    ...(await allocatedSize(bs)),
    ...(bs.encrypted ? { encrypted: true } : {}),
    ...(driverInfo?.needsCompressedWrites ? { compressed: true } : {}),
    ...formatSpecific(bs),
    ...backingFacts(bs),
    'dirty-flag': driverInfo?.isDirty ?? false,
    ...(snapshots.length > 0 ? { snapshots: snapshots.map(snapshotFacts) } : {}),
  };
}

/** The facts as text. */
export function imageInfoText(info: ImageInfo): string {
  const actual = info['actual-size'];
  const lines = [
    `image: ${info.filename}`,
    `file format: ${info.format}`,
    `virtual size: ${humanSize(info['virtual-size'])} (${info['virtual-size']} bytes)`,
    `disk size: ${actual === undefined ? 'unavailable' : humanSize(actual)}`,
  ];
  if (info.encrypted) lines.push('encrypted: yes');
  if (info['cluster-size'] !== undefined) lines.push(`cluster_size: ${info['cluster-size']}`);
  if (info['dirty-flag']) lines.push('cleanly shut down: no');
  lines.push(...backingLines(info));
  let text = `${lines.join('\n')}\n`;
  if (info.snapshots) text += snapshotTable(info.snapshots.map(snapshotOfFacts));
  const specific = info['format-specific']?.['data'];
  if (specific !== undefined && specific !== null && Object.keys(specific).length > 0) text += `Format specific information:\n${nestedText(specific as Nested, 1)}`;
  return text;
}

async function lengthOf(blk: BlockBackend, bs: BlockDriverState): Promise<number> {
  try {
    return await blkGetlength(blk);
  } catch (error) {
    throw prefixError(`Can't get image size '${bs.exactFilename}'`, error);
  }
}

async function allocatedSize(bs: BlockDriverState): Promise<{ 'actual-size'?: number }> {
  try {
    return { 'actual-size': await bdrvGetAllocatedFileSize(bs) };
  } catch {
    return {};
  }
}

function driverInfoOf(bs: BlockDriverState): BlockDriverInfo | null {
  try {
    return bdrvGetInfo(bs);
  } catch {
    return null;
  }
}

function formatSpecific(bs: BlockDriverState): { 'format-specific'?: Record<string, unknown> } {
  const specific = bdrvGetSpecificInfo(bs);
  return specific === null ? {} : { 'format-specific': specific };
}

function backingFacts(bs: BlockDriverState): { 'backing-filename'?: string; 'full-backing-filename'?: string; 'backing-filename-format'?: string } {
  if (bs.backingFile === '') return {};
  const format = bs.backingFormat === '' ? {} : { 'backing-filename-format': bs.backingFormat };
  return { 'backing-filename': bs.backingFile, ...fullBackingName(bs), ...format };
}

function fullBackingName(bs: BlockDriverState): { 'full-backing-filename'?: string } {
  try {
    const full = bdrvGetFullBackingFilename(bs);
    return full === null ? {} : { 'full-backing-filename': full };
  } catch {
    return {};
  }
}

/** @globalState */
async function snapshotsOf(bs: BlockDriverState): Promise<SnapshotInfo[]> {
  GLOBAL_STATE_CODE('snapshotsOf');
  try {
    return await bdrvSnapshotList(bs);
  } catch (error) {
    if (['ENOTSUP', 'ENOMEDIUM'].includes(errnoOf(error))) return [];
    throw error;
  }
}

const SECOND = 1_000_000_000n;

function snapshotFacts(info: SnapshotInfo): SnapshotFacts {
  const icount = info.icount === null ? {} : { icount: Number(info.icount) };
  return {
    ...icount, 'vm-clock-nsec': Number(info.vmClockNsec % SECOND), name: info.name, 'date-sec': info.dateSec, 'date-nsec': info.dateNsec,
    'vm-clock-sec': Number(info.vmClockNsec / SECOND), id: info.idStr, 'vm-state-size': info.vmStateSize,
  };
}

function snapshotOfFacts(facts: SnapshotFacts): SnapshotInfo {
  return {
    idStr: facts.id, name: facts.name, vmStateSize: facts['vm-state-size'], dateSec: facts['date-sec'], dateNsec: facts['date-nsec'],
    vmClockNsec: BigInt(facts['vm-clock-sec']) * SECOND + BigInt(facts['vm-clock-nsec']), icount: facts.icount === undefined ? null : BigInt(facts.icount),
  };
}

function backingLines(info: ImageInfo): string[] {
  const name = info['backing-filename'];
  if (name === undefined) return [];
  const full = info['full-backing-filename'];
  let actual = '';
  if (full === undefined) actual = ' (cannot determine actual path)';
  else if (full !== name) actual = ` (actual path: ${full})`;
  const format = info['backing-filename-format'];
  return [`backing file: ${name}${actual}`, ...(format === undefined ? [] : [`backing file format: ${format}`])];
}

type Nested = Record<string, unknown> | readonly unknown[];

function nestedText(value: Nested, level: number): string {
  const indent = '    '.repeat(level);
  const isList = Array.isArray(value);
  return Object.entries(value)
    .map(([key, inner]) => {
      const label = `${indent}${isList ? `[${key}]` : key.replaceAll('-', ' ')}:`;
      if (inner === null || typeof inner !== 'object') return `${label} ${String(inner)}\n`;
      return `${label}\n${nestedText(inner as Nested, level + 1)}`;
    })
    .join('');
}
