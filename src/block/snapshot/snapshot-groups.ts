/**
 * Internal snapshots of several nodes: those with the given names, or all that a guest can write.
 *
 * In: names of devices or nodes, `null` for all. Out: the operation on each, with the node's context held. Leaves to others: one node
 * (`snapshot.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvHasBlk } from '../backend/root.ts';
import { aioContextAcquire, aioContextRelease } from '../contexts/aio-context.ts';
import { bdrvFirst, bdrvNext } from '../graph/node-iteration.ts';
import { bdrvLookupBs } from '../graph/node-queries.ts';
import type { SnapshotInfo } from '../model/driver.ts';
import { blockError, prefixError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import type { BdrvNextIterator } from '../model/queries.ts';
import { bdrvGetDeviceOrNodeName, bdrvIsInserted, bdrvIsReadOnly } from '../open/queries.ts';
import { bdrvGetAioContext } from '../requests/node-context.ts';
import { bdrvCanSnapshot, bdrvSnapshotCreate, bdrvSnapshotDelete, bdrvSnapshotFind, bdrvSnapshotGoto } from './snapshot.ts';

/** Names of devices or nodes; `null`: all that matter. */
export type SnapshotDevices = readonly string[] | null;

/**
 * Checks that every node of the group can be snapshotted.
 *
 * @throws BlockError `ENOTSUP` that names the first which can't
 * @globalState
 */
export async function bdrvAllCanSnapshot(devices: SnapshotDevices): Promise<void> {
  GLOBAL_STATE_CODE('bdrvAllCanSnapshot');
  for (const bs of await group(devices)) {
    const can = await withContext(bs, () => Promise.resolve(!matters(bs, devices) || bdrvCanSnapshot(bs)));
    if (!can) throw blockError('ENOTSUP', `Device '${bdrvGetDeviceOrNodeName(bs)}' is writable but does not support snapshots`);
  }
}

/**
 * Deletes the snapshot of that name wherever it exists.
 *
 * @throws BlockError where one can't be deleted; those before it are gone
 * @globalState
 */
export async function bdrvAllDeleteSnapshot(name: string, devices: SnapshotDevices): Promise<void> {
  GLOBAL_STATE_CODE('bdrvAllDeleteSnapshot');
  await forEach(devices, `Could not delete snapshot '${name}'`, async (bs) => {
    const snapshot = matters(bs, devices) ? await bdrvSnapshotFind(bs, name) : null;
    if (snapshot) await bdrvSnapshotDelete(bs, snapshot.idStr, snapshot.name);
  });
}

/**
 * Goes back to the snapshot of that name on every node.
 *
 * @throws BlockError where one can't
 * @globalState
 */
export async function bdrvAllGotoSnapshot(name: string, devices: SnapshotDevices): Promise<void> {
  GLOBAL_STATE_CODE('bdrvAllGotoSnapshot');
  await forEach(devices, `Could not load snapshot '${name}'`, async (bs) => {
    if (matters(bs, devices)) await bdrvSnapshotGoto(bs, name);
  });
}

/**
 * Whether every node of the group has the snapshot.
 *
 * @globalState
 */
export async function bdrvAllHasSnapshot(name: string, devices: SnapshotDevices): Promise<boolean> {
  GLOBAL_STATE_CODE('bdrvAllHasSnapshot');
  for (const bs of await group(devices)) {
    const has = await withContext(bs, async () => !matters(bs, devices) || (await bdrvSnapshotFind(bs, name)) !== null);
    if (!has) return false;
  }
  return true;
}

/**
 * Takes a snapshot of every node. Only `vmStateBs` is told the size of the VM's state, which lies there.
 *
 * @throws BlockError where one can't be taken; those before it exist
 * @globalState
 */
export async function bdrvAllCreateSnapshot(info: SnapshotInfo, vmStateBs: BlockDriverState | null, vmStateSize: number, devices: SnapshotDevices): Promise<void> {
  GLOBAL_STATE_CODE('bdrvAllCreateSnapshot');
  await forEach(devices, `Could not create snapshot '${info.name}'`, async (bs) => {
    info.vmStateSize = bs === vmStateBs ? vmStateSize : 0;
    if (bs === vmStateBs || matters(bs, devices)) await bdrvSnapshotCreate(bs, info);
  });
}

/**
 * The node that stores the VM's state: the named one, or the first that can.
 *
 * @throws BlockError `ENOENT` where there is none
 * @globalState
 */
export async function bdrvAllFindVmstateBs(name: string | null, devices: SnapshotDevices): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('bdrvAllFindVmstateBs');
  for (const bs of await group(devices)) {
    if (name !== null && bdrvGetDeviceOrNodeName(bs) !== name && bs.nodeName !== name) continue;
    const can = await withContext(bs, () => Promise.resolve(matters(bs, devices) && bdrvCanSnapshot(bs)));
    if (can) return bs;
    if (name !== null) throw blockError('ENOTSUP', `vmstate block device '${name}' does not support snapshots`);
  }
  throw blockError('ENOENT', name === null ? 'No block device supports snapshots' : `vmstate block device '${name}' does not exist`);
}

/** @globalState */
async function forEach(devices: SnapshotDevices, failed: string, step: (bs: BlockDriverState) => Promise<void>): Promise<void> {
  GLOBAL_STATE_CODE('forEach');
  for (const bs of await group(devices)) {
    try {
      await withContext(bs, () => step(bs));
    } catch (error) {
      throw prefixError(`${failed} on '${bdrvGetDeviceOrNodeName(bs)}'`, error);
    }
  }
}

/** @globalState */
async function group(devices: SnapshotDevices): Promise<BlockDriverState[]> {
  GLOBAL_STATE_CODE('group');
  if (devices !== null) return devices.map((name) => bdrvLookupBs(name, name));
  const it: BdrvNextIterator = { phase: 'backend-roots', blk: null, bs: null };
  const all: BlockDriverState[] = [];
  for (let bs = await bdrvFirst(it); bs !== null; bs = await bdrvNext(it)) all.push(bs);
  return all;
}

/** A node named by the user counts; of the others those that a guest can write. @globalState */
function matters(bs: BlockDriverState, devices: SnapshotDevices): boolean {
  GLOBAL_STATE_CODE('matters');
  if (devices !== null) return true;
  if (!bdrvIsInserted(bs) || bdrvIsReadOnly(bs)) return false;
  return bdrvHasBlk(bs) || bs.parents.length === 0;
}

/** @globalState */
async function withContext<T>(bs: BlockDriverState, step: () => Promise<T>): Promise<T> {
  GLOBAL_STATE_CODE('withContext');
  const context = bdrvGetAioContext(bs);
  await aioContextAcquire(context);
  try {
    return await step();
  } finally {
    aioContextRelease(context);
  }
}
