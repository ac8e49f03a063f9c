/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BlkdebugEvent } from '../model/driver.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Sets a debug breakpoint on an event in the nearest blkdebug node.
 *
 * @globalState
 */
export function bdrvDebugBreakpoint(bs: BlockDriverState, event: string, tag: string): void {
  GLOBAL_STATE_CODE('bdrvDebugBreakpoint');
  throw notBuilt('bdrvDebugBreakpoint');
}

/**
 * Removes a debug breakpoint by tag.
 *
 * @globalState
 */
export function bdrvDebugRemoveBreakpoint(bs: BlockDriverState, tag: string): void {
  GLOBAL_STATE_CODE('bdrvDebugRemoveBreakpoint');
  throw notBuilt('bdrvDebugRemoveBreakpoint');
}

/**
 * Resumes requests held by a debug breakpoint.
 *
 * @globalState
 */
export function bdrvDebugResume(bs: BlockDriverState, tag: string): void {
  GLOBAL_STATE_CODE('bdrvDebugResume');
  throw notBuilt('bdrvDebugResume');
}

/**
 * Whether a request is held at a debug tag.
 *
 * @globalState
 */
export function bdrvDebugIsSuspended(bs: BlockDriverState, tag: string): boolean {
  GLOBAL_STATE_CODE('bdrvDebugIsSuspended');
  throw notBuilt('bdrvDebugIsSuspended');
}

/**
 * Fires a debug event in a node.
 *
 * @io
 * @coroutineMixed
 */
export async function bdrvDebugEvent(bs: BlockDriverState, event: BlkdebugEvent): Promise<void> {
  throw notBuilt('bdrvDebugEvent');
}

/**
 * Macro: fires a debug event on an edge's node, nothing for a null edge.
 *
 * @io
 * @coroutineMixed
 */
export async function blkdbgEvent(child: BdrvChild | null, event: BlkdebugEvent): Promise<void> {
  throw notBuilt('blkdbgEvent');
}
