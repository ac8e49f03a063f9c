/**
 * Ioctls: commands for SCSI generic devices.
 *
 * In: a node, a command. Out: the driver's answer. Leaves to others: what the commands are.
 */
import { bdrvDecInFlight, bdrvIncInFlight } from '../graph/in-flight.ts';
import { blockError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { callbackRequest } from './callback-request.ts';

/**
 * Sends an ioctl to the driver.
 *
 * @returns what the driver says; 0 where it only says that it is done
 * @throws BlockError `ENOTSUP` where the driver has none
 * @io
 * @coroutine
 */
export async function bdrvCoIoctl(bs: BlockDriverState, request: number, buffer: Uint8Array): Promise<number> {
  const { drv } = bs;
  bdrvIncInFlight(bs);
  try {
    if (drv?.bdrvCoIoctl) return await drv.bdrvCoIoctl(bs, request, buffer);
    if (!drv?.bdrvAioIoctl) throw blockError('ENOTSUP', `Node '${bs.nodeName}' takes no ioctl`);
    await callbackRequest((cb) => drv.bdrvAioIoctl?.(bs, request, buffer, cb));
    return 0;
  } finally {
    bdrvDecInFlight(bs);
  }
}
