/**
 * Plugging: requests may gather in a node, and go to the host together.
 *
 * In: begins and ends, nested. Out: the drivers are told at the first begin and the last end. Leaves to others: gathering (the drivers).
 */
import type { BlockDriverState } from '../model/node.ts';

/**
 * Lets requests gather in a node and in all below.
 *
 * @io
 */
export function bdrvIoPlug(bs: BlockDriverState): void {
  for (const child of bs.children) if (child.bs) bdrvIoPlug(child.bs);
  if (bs.ioPlugged++ === 0) bs.drv?.bdrvIoPlug?.(bs);
}

/**
 * Ends one {@link bdrvIoPlug}; the last one sends off what has gathered, from the top down.
 *
 * @io
 */
export function bdrvIoUnplug(bs: BlockDriverState): void {
  if (bs.ioPlugged === 0) throw new Error(`The node '${bs.nodeName}' is unplugged more often than plugged.`);
  if (--bs.ioPlugged === 0) bs.drv?.bdrvIoUnplug?.(bs);
  for (const child of bs.children) if (child.bs) bdrvIoUnplug(child.bs);
}
