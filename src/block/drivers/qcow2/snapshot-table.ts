/**
 * The table of internal snapshots, as the file has it.
 *
 * In: its bytes, or snapshots. Out: the other. Leaves to others: what happens to clusters when snapshots come and go (`snapshots.ts`).
 */
import { bdrvCoFlush } from '../../requests/flush.ts';
import { bdrvCoPread } from '../../requests/read.ts';
import { bdrvCoPwrite } from '../../requests/write.ts';
import { alignUp } from '../../model/arithmetic.ts';
import { blockError } from '../../model/errors.ts';
import { allocateClusters } from './allocate.ts';
import { MAX_SNAPSHOT_EXTRA_DATA, MAX_SNAPSHOT_TABLE_BYTES, readOffset, viewOf, writeOffset } from './header.ts';
import { checkWriteOverlap } from './overlap.ts';
import { switchPointer } from './pointer-switch.ts';
import { freeClusters } from './refcounts.ts';
import { fileOf, nodeAt, type Qcow2Snapshot, type Qcow2State } from './state.ts';

const ENTRY_BYTES = 40;
/** VM state size, disk size, and icount. */
const KNOWN_EXTRA_BYTES = 24;
/** What version 3 demands. */
export const REQUIRED_EXTRA_BYTES = 16;

/** The snapshots of an image, and what a tolerant reader had to drop. */
export interface SnapshotTable {
  readonly snapshots: Qcow2Snapshot[];
  /** Bytes of the table. */
  readonly bytes: number;
  /** Snapshots whose extra data was too long, so that it was cut. */
  readonly cutExtraData: number;
  /** Snapshots that were left out, because the table would get too long. */
  readonly dropped: number;
}

/** Reads the table that the header names. `repair`: what can't be kept is cut or dropped, instead of failing. */
export async function readSnapshotTable(s: Qcow2State, repair: boolean): Promise<SnapshotTable> {
  const snapshots: Qcow2Snapshot[] = [];
  let position = 0;
  let cutExtraData = 0;
  for (let index = 0; index < s.header.nbSnapshots; index++) {
    position = alignUp(position, 8);
    const { snapshot, end, isCut } = await readSnapshot(s, index, position, repair);
    if (end > MAX_SNAPSHOT_TABLE_BYTES || s.header.snapshotsOffset + end > Number.MAX_SAFE_INTEGER) {
      if (!repair) throw blockError('EFBIG', 'Snapshot table is too large');
      return { snapshots, bytes: position, cutExtraData, dropped: s.header.nbSnapshots - index };
    }
    if (isCut) cutExtraData++;
    snapshots.push(snapshot);
    position = end;
  }
  return { snapshots, bytes: position, cutExtraData, dropped: 0 };
}

async function readBytes(s: Qcow2State, position: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.alloc(length);
  if (length > 0) await bdrvCoPread(fileOf(s), s.header.snapshotsOffset + position, bytes, 0);
  return bytes;
}

async function readSnapshot(s: Qcow2State, index: number, start: number, repair: boolean): Promise<{ snapshot: Qcow2Snapshot; end: number; isCut: boolean }> {
  const fixed = viewOf(await readBytes(s, start, ENTRY_BYTES));
  const extraDataSize = fixed.getUint32(36);
  const isCut = extraDataSize > MAX_SNAPSHOT_EXTRA_DATA;
  if (isCut && !repair) throw blockError('EINVAL', `Too much extra metadata in snapshot table entry ${index}; you can force-remove this extra metadata by updating the image via an image check with repairs`);
  const extra = await readBytes(s, start + ENTRY_BYTES, Math.min(extraDataSize, MAX_SNAPSHOT_EXTRA_DATA));
  const idLength = fixed.getUint16(12);
  const nameLength = fixed.getUint16(14);
  const names = Buffer.from(await readBytes(s, start + ENTRY_BYTES + extraDataSize, idLength + nameLength));
  const extraView = viewOf(extra);
  const snapshot: Qcow2Snapshot = {
    l1TableOffset: readOffset(fixed, 0), l1Size: fixed.getUint32(8), dateSec: fixed.getUint32(16), dateNsec: fixed.getUint32(20),
    vmClockNsec: fixed.getBigUint64(24), vmStateSize: extra.length >= 8 ? readOffset(extraView, 0) : fixed.getUint32(32),
    diskSize: extra.length >= 16 ? readOffset(extraView, 8) : s.header.size, icount: extra.length >= 24 ? icountOf(extraView) : null,
    idStr: names.toString('utf8', 0, idLength), name: names.toString('utf8', idLength), extraDataSize: isCut ? 0 : extraDataSize,
    unknownExtraData: isCut ? new Uint8Array(0) : Uint8Array.from(extra.subarray(KNOWN_EXTRA_BYTES)),
  };
  return { snapshot, end: start + ENTRY_BYTES + extraDataSize + idLength + nameLength, isCut };
}

function icountOf(extra: DataView): bigint | null {
  const icount = extra.getBigUint64(16);
  return icount === 0xffffffffffffffffn ? null : icount;
}

/** The bytes of a table. */
function serializeSnapshots(snapshots: readonly Qcow2Snapshot[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let position = 0;
  for (const snapshot of snapshots) {
    const entry = serializeSnapshot(snapshot);
    const padding = alignUp(position, 8) - position;
    parts.push(Buffer.alloc(padding), entry);
    position += padding + entry.length;
  }
  if (position > MAX_SNAPSHOT_TABLE_BYTES) throw blockError('EFBIG', 'The snapshot table would get too large');
  return Buffer.concat(parts);
}

function serializeSnapshot(snapshot: Qcow2Snapshot): Uint8Array {
  const id = Buffer.from(snapshot.idStr, 'utf8');
  const name = Buffer.from(snapshot.name, 'utf8');
  const extraBytes = KNOWN_EXTRA_BYTES + snapshot.unknownExtraData.length;
  const entry = Buffer.alloc(ENTRY_BYTES + extraBytes + id.length + name.length);
  const view = viewOf(entry);
  writeOffset(view, 0, snapshot.l1TableOffset);
  view.setUint32(8, snapshot.l1Size);
  view.setUint16(12, id.length);
  view.setUint16(14, name.length);
  view.setUint32(16, snapshot.dateSec);
  view.setUint32(20, snapshot.dateNsec);
  view.setBigUint64(24, snapshot.vmClockNsec);
  view.setUint32(32, snapshot.vmStateSize < 2 ** 32 ? snapshot.vmStateSize : 0);
  view.setUint32(36, extraBytes);
  writeOffset(view, 40, snapshot.vmStateSize);
  writeOffset(view, 48, snapshot.diskSize);
  view.setBigUint64(56, snapshot.icount ?? 0xffffffffffffffffn);
  entry.set(snapshot.unknownExtraData, ENTRY_BYTES + KNOWN_EXTRA_BYTES);
  id.copy(entry, ENTRY_BYTES + extraBytes);
  name.copy(entry, ENTRY_BYTES + extraBytes + id.length);
  return entry;
}

const SNAPSHOT_FIELDS = 60;

/** The header's fields about the table. */
function tablePlace(count: number, offset: number): Uint8Array {
  const field = new Uint8Array(12);
  viewOf(field).setUint32(0, count);
  writeOffset(viewOf(field), 4, offset);
  return field;
}

/** Writes the state's snapshots as a new table, lets the header point to it, and frees the old one. */
export async function writeSnapshotTable(s: Qcow2State): Promise<void> {
  const bytes = serializeSnapshots(s.snapshots);
  const offset = bytes.length > 0 ? await allocateClusters(s, bytes.length) : 0;
  try {
    await s.refcountCache.flush();
    await s.l2Cache.flush();
    if (bytes.length > 0) {
      await checkWriteOverlap(s, offset, bytes.length);
      await bdrvCoPwrite(fileOf(s), offset, bytes, 0);
      await bdrvCoFlush(nodeAt(fileOf(s)));
    }
    await switchPointer(s, SNAPSHOT_FIELDS, tablePlace(s.header.nbSnapshots, s.header.snapshotsOffset), tablePlace(s.snapshots.length, offset));
  } catch (error) {
    if (bytes.length > 0) await freeClusters(s, offset, bytes.length, 'always');
    throw error;
  }
  const old = { offset: s.header.snapshotsOffset, bytes: s.snapshotsSize };
  s.header.snapshotsOffset = offset;
  s.header.nbSnapshots = s.snapshots.length;
  s.snapshotsSize = bytes.length;
  if (old.bytes > 0) await freeClusters(s, old.offset, old.bytes, 'snapshot');
}
