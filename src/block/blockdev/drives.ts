/**
 * Legacy drives: backends that a user described by interface, bus and unit, for boards that look for them there.
 *
 * In: options of a `-drive`. Out: a backend that the monitor knows, and a record of where its device belongs. Leaves to others: backends
 * and nodes.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkNext } from '../backend/list.ts';
import { blkNewOpen } from '../backend/open.ts';
import { blkNew, blkUnref, monitorAddBlk, monitorRemoveBlk } from '../backend/registry.ts';
import { blkBs } from '../backend/settings.ts';
import { mainContext } from '../contexts/aio-context.ts';
import { blockJobHasBdrv, blockJobNext } from '../jobs/block-job.ts';
import { jobCancel } from '../jobs/job-completion.ts';
import type { BlockBackend } from '../model/backend.ts';
import { BDRV_O_RDWR, BLK_PERM_ALL } from '../model/constants.ts';
import { blockError } from '../model/errors.ts';
import { OptionBag, type BlockOptions } from '../model/options.ts';

const INTERFACES = ['none', 'ide', 'scsi', 'floppy', 'pflash', 'mtd', 'sd', 'virtio', 'xen'] as const;
/** What the board has the drive's device on. */
export type BlockInterfaceType = (typeof INTERFACES)[number];

/** Where a drive's device belongs. */
export interface DriveInfo {
  readonly type: BlockInterfaceType;
  readonly bus: number;
  readonly unit: number;
  readonly mediaIsCdrom: boolean;
  /** Goes when its device goes. */
  autoDel: boolean;
  /** The board made it by itself. */
  readonly isDefault: boolean;
}

/** Devices of one bus; where it is 0 or missing, a bus has any number. */
const devicesPerBus = new Map<BlockInterfaceType, number>([['ide', 2], ['scsi', 7]]);
const records = new Map<BlockBackend, DriveInfo>();
/** The next unit that `driveGetNext` hands out. */
const nextUnits = new Map<BlockInterfaceType, number>();

/**
 * Makes a drive. Without `file` it is empty.
 *
 * @throws BlockError `EINVAL` for options that contradict each other, `EEXIST` where the place or the name is taken, and what opening throws
 * @globalState
 */
export async function driveNew(options: BlockOptions, defaultType: BlockInterfaceType): Promise<DriveInfo> {
  GLOBAL_STATE_CODE('driveNew');
  const bag = new OptionBag({ ...options });
  const type = bag.takeChoice('if', INTERFACES) ?? defaultType;
  const mediaIsCdrom = bag.takeChoice('media', ['disk', 'cdrom'] as const) === 'cdrom';
  const place = placeOf(bag, type);
  const name = bag.takeString('id') ?? defaultName(type, place, mediaIsCdrom);
  const file = bag.takeString('file');
  const format = bag.takeString('format');
  const readOnly = bag.takeBoolean('readonly') ?? mediaIsCdrom;
  const rest = { ...bag.rest(), ...(format === undefined ? {} : { driver: format }) };
  const blk = file === undefined ? blkNew(mainContext, 0, BLK_PERM_ALL) : await blkNewOpen(file, null, rest, readOnly ? 0 : BDRV_O_RDWR);
  try {
    monitorAddBlk(blk, name);
  } catch (error) {
    await blkUnref(blk);
    throw error;
  }
  return blkSetLegacyDinfo(blk, { type, ...place, mediaIsCdrom, autoDel: false, isDefault: false });
}

/**
 * The drive at a place.
 *
 * @globalState
 */
export function driveGet(type: BlockInterfaceType, bus: number, unit: number): DriveInfo | null {
  GLOBAL_STATE_CODE('driveGet');
  return drives().find((drive) => drive.type === type && drive.bus === bus && drive.unit === unit) ?? null;
}

/**
 * The drive with a running number over all buses of an interface.
 *
 * @globalState
 */
export function driveGetByIndex(type: BlockInterfaceType, index: number): DriveInfo | null {
  GLOBAL_STATE_CODE('driveGetByIndex');
  const { bus, unit } = placeOfIndex(type, index);
  return driveGet(type, bus, unit);
}

/**
 * The highest bus with a drive; -1 if there is none.
 *
 * @globalState
 */
export function driveGetMaxBus(type: BlockInterfaceType): number {
  GLOBAL_STATE_CODE('driveGetMaxBus');
  return Math.max(-1, ...drives().filter((drive) => drive.type === type).map((drive) => drive.bus));
}

/**
 * The drive of an interface after the one that was handed out last.
 *
 * @globalState
 */
export function driveGetNext(type: BlockInterfaceType): DriveInfo | null {
  GLOBAL_STATE_CODE('driveGetNext');
  const unit = nextUnits.get(type) ?? 0;
  nextUnits.set(type, unit + 1);
  return driveGet(type, 0, unit);
}

/**
 * The names of the drives that no device took, though their interface has one made for each.
 *
 * @globalState
 */
export function driveCheckOrphaned(): string[] {
  GLOBAL_STATE_CODE('driveCheckOrphaned');
  return [...records].filter(([blk, drive]) => blk.dev === null && !drive.isDefault && drive.type !== 'none').map(([blk]) => blk.name);
}

/**
 * Changes how many devices a bus of an interface has. Nothing happens for a number that is not above 0.
 *
 * @throws BlockError `EEXIST` where drives of the interface exist already: their places would change
 * @globalState
 */
export function overrideMaxDevs(type: BlockInterfaceType, maxDevs: number): void {
  GLOBAL_STATE_CODE('overrideMaxDevs');
  if (maxDevs <= 0) return;
  if (drives().some((drive) => drive.type === type)) throw blockError('EEXIST', `Cannot override units-per-bus property of the ${type} interface, because a drive of that type has already been added.`);
  devicesPerBus.set(type, maxDevs);
}

/**
 * The drive of a backend.
 *
 * @globalState
 */
export function blkLegacyDinfo(blk: BlockBackend): DriveInfo | null {
  GLOBAL_STATE_CODE('blkLegacyDinfo');
  return records.get(blk) ?? null;
}

/**
 * Makes a backend a drive.
 *
 * @throws Error where it is one already
 * @globalState
 */
export function blkSetLegacyDinfo(blk: BlockBackend, drive: DriveInfo): DriveInfo {
  GLOBAL_STATE_CODE('blkSetLegacyDinfo');
  if (records.has(blk)) throw new Error('blkSetLegacyDinfo: the backend has a drive already.');
  records.set(blk, drive);
  return drive;
}

/**
 * The backend of a drive.
 *
 * @throws Error where there is none
 * @globalState
 */
export function blkByLegacyDinfo(drive: DriveInfo): BlockBackend {
  GLOBAL_STATE_CODE('blkByLegacyDinfo');
  for (let blk = blkNext(null); blk !== null; blk = blkNext(blk)) if (records.get(blk) === drive) return blk;
  throw new Error('blkByLegacyDinfo: no backend has this drive.');
}

/**
 * The device of a drive is about to go: jobs on the drive are cancelled, and the drive goes with the device.
 *
 * @globalState
 */
export async function blockdevMarkAutoDel(blk: BlockBackend): Promise<void> {
  GLOBAL_STATE_CODE('blockdevMarkAutoDel');
  const drive = records.get(blk);
  if (!drive) return;
  const bs = blkBs(blk);
  for (let job = blockJobNext(null); job !== null && bs !== null; ) {
    const next = blockJobNext(job);
    if (blockJobHasBdrv(job, bs)) await jobCancel(job, false);
    job = next;
  }
  drive.autoDel = true;
}

/**
 * The device of a drive is gone: the drive goes too, if it was marked.
 *
 * @globalState
 */
export async function blockdevAutoDel(blk: BlockBackend): Promise<void> {
  GLOBAL_STATE_CODE('blockdevAutoDel');
  if (records.get(blk)?.autoDel !== true) return;
  records.delete(blk);
  monitorRemoveBlk(blk);
  await blkUnref(blk);
}

function drives(): DriveInfo[] {
  return [...records.values()];
}

/** The place that the options name, or the first that is free. */
function placeOf(bag: OptionBag, type: BlockInterfaceType): { bus: number; unit: number } {
  const [index, bus, unit] = [bag.takeSize('index'), bag.takeSize('bus'), bag.takeSize('unit')];
  if (index !== undefined && (bus !== undefined || unit !== undefined)) throw blockError('EINVAL', 'index cannot be used with bus and unit');
  const place = index === undefined ? { bus: bus ?? 0, unit: unit ?? -1 } : placeOfIndex(type, index);
  const most = devicesPerBus.get(type) ?? 0;
  const isTaken = (): boolean => drives().some((drive) => drive.type === type && drive.bus === place.bus && drive.unit === place.unit);
  if (place.unit < 0) {
    place.unit = 0;
    while (isTaken()) {
      place.unit++;
      if (most > 0 && place.unit >= most) {
        place.unit = 0;
        place.bus++;
      }
    }
  }
  if (most > 0 && place.unit >= most) throw blockError('EINVAL', `unit ${place.unit} too big (max is ${most - 1})`);
  if (isTaken()) throw blockError('EEXIST', `drive with bus=${place.bus}, unit=${place.unit} (index=${index ?? -1}) exists`);
  return place;
}

function placeOfIndex(type: BlockInterfaceType, index: number): { bus: number; unit: number } {
  const most = devicesPerBus.get(type) ?? 0;
  return most === 0 ? { bus: 0, unit: index } : { bus: Math.floor(index / most), unit: index % most };
}

/** `ide0-hd1` where a bus has so many places, `virtio0` where it has any number. */
function defaultName(type: BlockInterfaceType, place: { bus: number; unit: number }, mediaIsCdrom: boolean): string {
  const media = mediaIsCdrom ? '-cd' : '-hd';
  return (devicesPerBus.get(type) ?? 0) > 0 ? `${type}${place.bus}${media}${place.unit}` : `${type}${mediaIsCdrom ? media : ''}${place.unit}`;
}
