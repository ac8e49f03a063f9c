/** Memory that is announced to the drivers before requests use it, so that they can prepare it once. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockDriverState } from '../model/node.ts';

/**
 * Tells the drivers of a node, and of all below, of memory that requests will use.
 *
 * @globalState
 */
export function bdrvRegisterBuf(bs: BlockDriverState, host: Uint8Array): void {
  GLOBAL_STATE_CODE('bdrvRegisterBuf');
  bs.drv?.bdrvRegisterBuf?.(bs, host);
  for (const child of bs.children) if (child.bs) bdrvRegisterBuf(child.bs, host);
}

/**
 * Ends that.
 *
 * @globalState
 */
export function bdrvUnregisterBuf(bs: BlockDriverState, host: Uint8Array): void {
  GLOBAL_STATE_CODE('bdrvUnregisterBuf');
  bs.drv?.bdrvUnregisterBuf?.(bs, host);
  for (const child of bs.children) if (child.bs) bdrvUnregisterBuf(child.bs, host);
}
