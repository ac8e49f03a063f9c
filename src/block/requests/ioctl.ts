/** PLACEHOLDER. */
import type { BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Sends an ioctl to the driver (SCSI generic). Coroutine by name; the header lacks the marker.
 *
 * @io
 * @coroutine
 */
export async function bdrvCoIoctl(bs: BlockDriverState, request: number, buffer: Uint8Array): Promise<number> {
  throw notBuilt('bdrvCoIoctl');
}
