/**
 * Operations that a node must not be used for, each with its reasons.
 *
 * In: reasons, compared by identity. Out: the first reason against an operation. Leaves to others: asking before they operate.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockOpType } from '../model/constants.ts';
import type { BlockDriverState, BlockReason } from '../model/node.ts';
import { bdrvGetDeviceOrNodeName } from '../open/queries.ts';

/** @common */
function reasonsOf(bs: BlockDriverState, op: BlockOpType): BlockReason[] {
  return bs.opBlockers[op] ?? [];
}

/**
 * Why `bs` can't be used for `op` now, in a sentence that names the node; `null`: it can.
 *
 * @globalState
 */
export function bdrvOpIsBlocked(bs: BlockDriverState, op: BlockOpType): BlockReason | null {
  GLOBAL_STATE_CODE('bdrvOpIsBlocked');
  const [reason] = reasonsOf(bs, op);
  return reason === undefined ? null : { message: `Node '${bdrvGetDeviceOrNodeName(bs)}' is busy: ${reason.message}` };
}

/**
 * Blocks an operation until {@link bdrvOpUnblock} with the same reason.
 *
 * @globalState
 */
export function bdrvOpBlock(bs: BlockDriverState, op: BlockOpType, reason: BlockReason): void {
  GLOBAL_STATE_CODE('bdrvOpBlock');
  reasonsOf(bs, op).unshift(reason);
}

/**
 * Takes a reason against an operation away.
 *
 * @globalState
 */
export function bdrvOpUnblock(bs: BlockDriverState, op: BlockOpType, reason: BlockReason): void {
  GLOBAL_STATE_CODE('bdrvOpUnblock');
  bs.opBlockers[op] = reasonsOf(bs, op).filter((one) => one !== reason);
}

/**
 * Blocks all operations.
 *
 * @globalState
 */
export function bdrvOpBlockAll(bs: BlockDriverState, reason: BlockReason): void {
  GLOBAL_STATE_CODE('bdrvOpBlockAll');
  for (const reasons of bs.opBlockers) reasons.unshift(reason);
}

/**
 * Takes a reason away from all operations.
 *
 * @globalState
 */
export function bdrvOpUnblockAll(bs: BlockDriverState, reason: BlockReason): void {
  GLOBAL_STATE_CODE('bdrvOpUnblockAll');
  bs.opBlockers = bs.opBlockers.map((reasons) => reasons.filter((one) => one !== reason));
}

/**
 * Whether nothing is blocked.
 *
 * @globalState
 */
export function bdrvOpBlockerIsEmpty(bs: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvOpBlockerIsEmpty');
  return bs.opBlockers.every((reasons) => reasons.length === 0);
}
