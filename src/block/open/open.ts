/** PLACEHOLDER. */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { BdrvChildRole, OpenFlags } from '../model/constants.ts';
import type { BlockDriver, BdrvChildClass } from '../model/driver.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import type { BlockOptions } from '../model/options.ts';
import { notBuilt } from '../not-built.ts';

/**
 * Opens (or looks up) the node named by a child option and attaches it to the parent under a role.
 *
 * @globalState
 */
export async function bdrvOpenChild(filename: string | null, options: BlockOptions, bdrefKey: string, parent: BlockDriverState, childClass: BdrvChildClass, childRole: BdrvChildRole, allowNone: boolean): Promise<BdrvChild | null> {
  GLOBAL_STATE_CODE('bdrvOpenChild');
  throw notBuilt('bdrvOpenChild');
}

/**
 * Opens a node from a QAPI reference: an existing node name or an inline definition.
 *
 * @globalState
 */
export async function bdrvOpenBlockdevRef(ref: string | BlockOptions): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('bdrvOpenBlockdevRef');
  throw notBuilt('bdrvOpenBlockdevRef');
}

/**
 * Opens and attaches the backing node named by image header or options; no-op if there is one already.
 *
 * @globalState
 */
export async function bdrvOpenBackingFile(bs: BlockDriverState, parentOptions: BlockOptions | null, bdrefKey: string): Promise<void> {
  GLOBAL_STATE_CODE('bdrvOpenBackingFile');
  throw notBuilt('bdrvOpenBackingFile');
}

/**
 * Main entry to open a node tree from a file name, a reference or options.
 *
 * @globalState
 */
export async function bdrvOpen(filename: string | null, reference: string | null, options: BlockOptions | null, flags: OpenFlags): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('bdrvOpen');
  throw notBuilt('bdrvOpen');
}

/**
 * Creates a node for a given driver with options.
 *
 * @globalState
 */
export async function bdrvNewOpenDriverOpts(drv: BlockDriver, nodeName: string | null, options: BlockOptions | null, flags: OpenFlags): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('bdrvNewOpenDriverOpts');
  throw notBuilt('bdrvNewOpenDriverOpts');
}

/**
 * Same, without options; delegates to bdrv_new_open_driver_opts.
 *
 * @globalState
 */
export async function bdrvNewOpenDriver(drv: BlockDriver, nodeName: string | null, flags: OpenFlags): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('bdrvNewOpenDriver');
  throw notBuilt('bdrvNewOpenDriver');
}

/**
 * Opens a node tree from monitor options with QMP defaults.
 *
 * @globalState
 */
export async function bdsTreeInit(options: BlockOptions): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('bdsTreeInit');
  throw notBuilt('bdsTreeInit');
}
