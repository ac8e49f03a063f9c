/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlockOpType } from '../model/constants.ts';
import type { BlockDriverState, BlockReason } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Whether an operation type is blocked on a node; reports the blocker's reason.
 *
 * @globalState
 */
export function bdrvOpIsBlocked(bs: BlockDriverState, op: BlockOpType): BlockReason | null {
  GLOBAL_STATE_CODE('bdrvOpIsBlocked');
  throw notBuilt('bdrvOpIsBlocked');
}

/**
 * Adds a blocker for one operation type.
 *
 * @globalState
 */
export function bdrvOpBlock(bs: BlockDriverState, op: BlockOpType, reason: BlockReason): void {
  GLOBAL_STATE_CODE('bdrvOpBlock');
  throw notBuilt('bdrvOpBlock');
}

/**
 * Removes the blocker with a given reason for one operation type.
 *
 * @globalState
 */
export function bdrvOpUnblock(bs: BlockDriverState, op: BlockOpType, reason: BlockReason): void {
  GLOBAL_STATE_CODE('bdrvOpUnblock');
  throw notBuilt('bdrvOpUnblock');
}

/**
 * Adds a blocker for every operation type.
 *
 * @globalState
 */
export function bdrvOpBlockAll(bs: BlockDriverState, reason: BlockReason): void {
  GLOBAL_STATE_CODE('bdrvOpBlockAll');
  throw notBuilt('bdrvOpBlockAll');
}

/**
 * Removes a reason's blockers of every operation type.
 *
 * @globalState
 */
export function bdrvOpUnblockAll(bs: BlockDriverState, reason: BlockReason): void {
  GLOBAL_STATE_CODE('bdrvOpUnblockAll');
  throw notBuilt('bdrvOpUnblockAll');
}

/**
 * True when no operation type is blocked.
 *
 * @globalState
 */
export function bdrvOpBlockerIsEmpty(bs: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvOpBlockerIsEmpty');
  throw notBuilt('bdrvOpBlockerIsEmpty');
}
