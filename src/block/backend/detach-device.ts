/** The end of a guest device: apart from `device.ts`, because it may be the end of the backend as well. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockBackend, DeviceState } from '../model/backend.ts';
import { BLK_PERM_ALL } from '../model/constants.ts';
import { blkUnref } from './registry.ts';
import { blkSetPerm } from './root.ts';

/**
 * Takes the device off a backend, with its callbacks and permissions, and lets go of the backend for it.
 *
 * @globalState
 */
export async function blkDetachDev(blk: BlockBackend, dev: DeviceState): Promise<void> {
  GLOBAL_STATE_CODE('blkDetachDev');
  if (blk.dev !== dev) throw new Error(`blkDetachDev: the device is not on the backend '${blk.name}'.`);
  blk.dev = null;
  blk.devOps = null;
  blk.devOpaque = null;
  blk.guestBlockSize = 512;
  blkSetPerm(blk, 0, BLK_PERM_ALL);
  await blkUnref(blk);
}
