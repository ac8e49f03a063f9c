/**
 * Internal snapshots of one node.
 *
 * In: a node. Out: its driver's snapshots. A format without any falls back to the node that its data lies in, as long as that is all of
 * the format's data. Leaves to others: the on-disk form (drivers), several nodes at once (`snapshot-groups.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvPrimaryChild } from '../graph/chain-links.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd } from '../graph/drain.ts';
import { bdrvUnrefChild, bdrvRef, bdrvUnref } from '../graph/nodes.ts';
import { BDRV_CHILD_DATA, BDRV_CHILD_FILTERED, BDRV_CHILD_METADATA } from '../model/constants.ts';
import type { BlockDriver, SnapshotInfo } from '../model/driver.ts';
import { blockError, errnoOf, prefixError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { bdrvGetDeviceOrNodeName, bdrvIsInserted, bdrvIsReadOnly } from '../open/queries.ts';

/**
 * The snapshot of that name.
 *
 * @globalState
 */
export async function bdrvSnapshotFind(bs: BlockDriverState, name: string): Promise<SnapshotInfo | null> {
  GLOBAL_STATE_CODE('bdrvSnapshotFind');
  const snapshots = await bdrvSnapshotList(bs);
  return snapshots.find((snapshot) => snapshot.name === name) ?? null;
}

/**
 * The snapshot of that id, of that name, or of both.
 *
 * @throws BlockError `EINVAL` where neither is given
 * @globalState
 */
export async function bdrvSnapshotFindByIdAndName(bs: BlockDriverState, id: string | null, name: string | null): Promise<SnapshotInfo | null> {
  GLOBAL_STATE_CODE('bdrvSnapshotFindByIdAndName');
  if (id === null && name === null) throw blockError('EINVAL', 'Neither the id nor the name of a snapshot is given');
  const snapshots = await bdrvSnapshotList(bs);
  return snapshots.find((snapshot) => (id === null || snapshot.idStr === id) && (name === null || snapshot.name === name)) ?? null;
}

/**
 * Whether a snapshot of the node could be taken: it has a medium, can be written, and its format or the node below can.
 *
 * @globalState
 */
export function bdrvCanSnapshot(bs: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvCanSnapshot');
  if (bs.drv === null || !bdrvIsInserted(bs) || bdrvIsReadOnly(bs)) return false;
  if (bs.drv.bdrvSnapshotCreate) return true;
  const below = fallbackChild(bs)?.bs;
  return below ? bdrvCanSnapshot(below) : false;
}

/**
 * Takes a snapshot. The driver fills in the id where `info` has none.
 *
 * @throws BlockError `ENOMEDIUM` without a medium, `ENOTSUP` where the format has no snapshots
 * @globalState
 */
export async function bdrvSnapshotCreate(bs: BlockDriverState, info: SnapshotInfo): Promise<void> {
  GLOBAL_STATE_CODE('bdrvSnapshotCreate');
  const drv = driverOf(bs);
  if (drv.bdrvSnapshotCreate) await drv.bdrvSnapshotCreate(bs, info);
  else await bdrvSnapshotCreate(fallbackNode(bs, 'creation'), info);
}

/**
 * Goes back to a snapshot. Where the node below has it, the driver is closed and opened again around the step.
 *
 * @throws BlockError `ENOMEDIUM` without a medium, `EBUSY` with dirty bitmaps, `ENOTSUP` where the format has no snapshots
 * @globalState
 */
export async function bdrvSnapshotGoto(bs: BlockDriverState, snapshotId: string): Promise<void> {
  GLOBAL_STATE_CODE('bdrvSnapshotGoto');
  const drv = driverOf(bs);
  if (bs.dirtyBitmaps.length > 0) throw blockError('EBUSY', 'Device has active dirty bitmaps');
  if (!drv.bdrvSnapshotGoto) {
    await gotoBelow(bs, drv, snapshotId);
    return;
  }
  try {
    await drv.bdrvSnapshotGoto(bs, snapshotId);
  } catch (error) {
    throw prefixError('Failed to load snapshot', error);
  }
}

/**
 * Deletes the snapshot of that id, of that name, or of both.
 *
 * @throws BlockError `EINVAL` where neither is given, `ENOMEDIUM` without a medium, `ENOTSUP` where the format has no snapshots
 * @globalState
 */
export async function bdrvSnapshotDelete(bs: BlockDriverState, snapshotId: string | null, name: string | null): Promise<void> {
  GLOBAL_STATE_CODE('bdrvSnapshotDelete');
  const drv = driverOf(bs);
  if (snapshotId === null && name === null) throw blockError('EINVAL', 'snapshot_id and name are both NULL');
  await bdrvDrainedBegin(bs);
  try {
    if (drv.bdrvSnapshotDelete) await drv.bdrvSnapshotDelete(bs, snapshotId, name);
    else await bdrvSnapshotDelete(fallbackNode(bs, 'deletion'), snapshotId, name);
  } finally {
    await bdrvDrainedEnd(bs);
  }
}

/**
 * All snapshots, in the order of the image.
 *
 * @throws BlockError `ENOMEDIUM` without a medium, `ENOTSUP` where the format has no snapshots
 * @globalState
 */
export async function bdrvSnapshotList(bs: BlockDriverState): Promise<SnapshotInfo[]> {
  GLOBAL_STATE_CODE('bdrvSnapshotList');
  const drv = driverOf(bs);
  if (drv.bdrvSnapshotList) return drv.bdrvSnapshotList(bs);
  return bdrvSnapshotList(fallbackNode(bs, 'listing'));
}

/**
 * Makes a node that can't be written show a snapshot, until it is closed.
 *
 * @throws BlockError `EINVAL` where neither id nor name is given, or the node can be written; `ENOTSUP` where the format can't
 * @globalState
 */
export async function bdrvSnapshotLoadTmp(bs: BlockDriverState, snapshotId: string | null, name: string | null): Promise<void> {
  GLOBAL_STATE_CODE('bdrvSnapshotLoadTmp');
  const drv = driverOf(bs);
  if (snapshotId === null && name === null) throw blockError('EINVAL', 'snapshot_id and name are both NULL');
  if (!bdrvIsReadOnly(bs)) throw blockError('EINVAL', 'Device is not readonly');
  if (!drv.bdrvSnapshotLoadTmp) throw unsupported(bs, 'temporary loading');
  await drv.bdrvSnapshotLoadTmp(bs, snapshotId, name);
}

/**
 * The same with one word, which is tried as an id and then as a name.
 *
 * @throws BlockError as {@link bdrvSnapshotLoadTmp}
 * @globalState
 */
export async function bdrvSnapshotLoadTmpByIdOrName(bs: BlockDriverState, idOrName: string): Promise<void> {
  GLOBAL_STATE_CODE('bdrvSnapshotLoadTmpByIdOrName');
  try {
    await bdrvSnapshotLoadTmp(bs, idOrName, null);
  } catch (error) {
    if (!['ENOENT', 'EINVAL'].includes(errnoOf(error))) throw error;
    await bdrvSnapshotLoadTmp(bs, null, idOrName);
  }
}

/** @globalState */
async function gotoBelow(bs: BlockDriverState, drv: BlockDriver, snapshotId: string): Promise<void> {
  GLOBAL_STATE_CODE('gotoBelow');
  const child = fallbackChild(bs);
  const below = child?.bs;
  if (!child || !below) throw unsupported(bs, 'loading');
  const own = Object.entries(bs.options).filter(([name]) => name !== child.name && !name.startsWith(`${child.name}.`));
  const options = { ...Object.fromEntries(own), [child.name]: below.nodeName };
  bdrvRef(below);
  try {
    await drv.bdrvClose?.(bs);
    await bdrvUnrefChild(bs, child);
    let failure: unknown = null;
    try {
      await bdrvSnapshotGoto(below, snapshotId);
    } catch (error) {
      failure = error;
    }
    await drv.bdrvOpen?.(bs, options, bs.openFlags);
    if (failure !== null) throw failure as Error;
  } finally {
    await bdrvUnref(below);
  }
}

/** The child with all of the node's data, if there is one such child. @globalState */
function fallbackChild(bs: BlockDriverState): BdrvChild | null {
  GLOBAL_STATE_CODE('fallbackChild');
  const primary = bdrvPrimaryChild(bs);
  const hasOthers = bs.children.some((child) => child !== primary && (child.role & (BDRV_CHILD_DATA | BDRV_CHILD_METADATA | BDRV_CHILD_FILTERED)) !== 0);
  return hasOthers ? null : primary;
}

/** @globalState */
function fallbackNode(bs: BlockDriverState, operation: string): BlockDriverState {
  GLOBAL_STATE_CODE('fallbackNode');
  const below = fallbackChild(bs)?.bs;
  if (!below) throw unsupported(bs, operation);
  return below;
}

function driverOf(bs: BlockDriverState): BlockDriver {
  if (bs.drv === null) throw blockError('ENOMEDIUM', `Device '${bdrvGetDeviceOrNodeName(bs)}' has no medium`);
  return bs.drv;
}

function unsupported(bs: BlockDriverState, operation: string): Error {
  return blockError('ENOTSUP', `Block format '${bs.drv?.formatName ?? ''}' used by device '${bdrvGetDeviceOrNodeName(bs)}' does not support internal snapshot ${operation}`);
}
