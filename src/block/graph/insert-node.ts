/**
 * Puts a node that is made from options above one that exists.
 *
 * In: options of the new node, which refer to the node below by its name. Out: the new node, with the other one's parents. Leaves to others:
 * opening (`open/`) and moving the parents (`replace.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import type { OpenFlags } from '../model/constants.ts';
import { blockError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { OptionBag, type BlockOptions } from '../model/options.ts';
import { bdrvFindFormat } from '../open/drivers.ts';
import { bdrvNewOpenDriverOpts } from '../open/open.ts';
import { bdrvUnref } from './nodes.ts';
import { bdrvReplaceNode } from './replace.ts';

/**
 * Makes a node from `options` and moves the parents of `bs` to it.
 *
 * @returns the new node, held once by the caller
 * @throws BlockError `EINVAL` where no known driver is named, or whatever opening and moving throw
 * @globalState
 */
export async function bdrvInsertNode(bs: BlockDriverState, options: BlockOptions, flags: OpenFlags): Promise<BlockDriverState> {
  GLOBAL_STATE_CODE('bdrvInsertNode');
  const bag = new OptionBag({ ...options });
  const name = bag.takeString('driver');
  if (name === undefined) throw blockError('EINVAL', "Parameter 'driver' is missing");
  const drv = bdrvFindFormat(name);
  if (!drv) throw blockError('EINVAL', `Unknown driver '${name}'`);
  const nodeName = bag.takeString('node-name') ?? null;
  const inserted = await bdrvNewOpenDriverOpts(drv, nodeName, bag.rest(), flags);
  try {
    await bdrvReplaceNode(bs, inserted);
  } catch (error) {
    await bdrvUnref(inserted);
    throw error;
  }
  return inserted;
}
