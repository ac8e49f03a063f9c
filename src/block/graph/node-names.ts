/**
 * Names of nodes.
 *
 * In: the name that a user wants for a node, or none. Out: the node with its name in the list of named nodes, or a refusal. Leaves to
 * others: the list (`node-lists.ts`).
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blkByName } from '../backend/list.ts';
import { blockError } from '../model/errors.ts';
import type { BlockDriverState } from '../model/node.ts';
import { bdrvFindNode, listNamedNode } from './node-lists.ts';

const MAX_NAME_LENGTH = 31;

let generatedNames = 0;

/**
 * Gives a node its name. `null` or empty: one of the form `#block012` is made up, which no user can choose.
 *
 * @throws BlockError `EINVAL` where the name is malformed, or taken by a node or a device
 * @globalState
 */
export function bdrvAssignNodeName(bs: BlockDriverState, nodeName: string | null): void {
  GLOBAL_STATE_CODE('bdrvAssignNodeName');
  listNamedNode(bs, nodeName === null || nodeName === '' ? `#block${String(++generatedNames).padStart(3, '0')}` : checkedName(nodeName));
}

/** @globalState */
function checkedName(name: string): string {
  GLOBAL_STATE_CODE('checkedName');
  if (!/^[A-Za-z][\w.-]*$/.test(name)) throw blockError('EINVAL', `Invalid node-name: '${name}'`);
  if (name.length > MAX_NAME_LENGTH) throw blockError('EINVAL', `The node name '${name}' is longer than ${MAX_NAME_LENGTH} characters`);
  if (blkByName(name)) throw blockError('EINVAL', `The node name '${name}' is that of a device`);
  if (bdrvFindNode(name)) throw blockError('EINVAL', `Duplicate nodes with node-name='${name}'`);
  return name;
}
