/**
 * What a child node takes over from its parent when it is opened or reopened with it.
 *
 * In: the child's role, its own options, its parent's options and flags. Out: the child's flags and options. Leaves to others: opening.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import {
  BDRV_CHILD_COW, BDRV_CHILD_DATA, BDRV_CHILD_FILTERED, BDRV_CHILD_METADATA, BDRV_O_COPY_ON_READ, BDRV_O_NO_BACKING, BDRV_O_NO_IO, BDRV_O_PROTOCOL,
  BDRV_O_SNAPSHOT, BDRV_O_TEMPORARY, type BdrvChildRole, type OpenFlags,
} from '../model/constants.ts';
import type { InheritedOptions } from '../model/driver.ts';
import { defaultOption, optionOf, type BlockOptions } from '../model/options.ts';

/**
 * The slot `inheritOptions` of nodes as parents. Cache settings and `force-share` come from the parent; a backing file is read-only, any
 * other child as writable as the parent; discards are always passed on, as each layer decides for itself.
 *
 * @globalState
 */
export function bdrvInheritedOptions(
  role: BdrvChildRole, parentIsFormat: boolean, child: InheritedOptions, parentFlags: OpenFlags, parentOptions: BlockOptions,
): void {
  GLOBAL_STATE_CODE('bdrvInheritedOptions');
  const isBacking = (role & BDRV_CHILD_COW) !== 0;
  for (const name of ['cache.direct', 'cache.no-flush', 'force-share']) inheritOption(child.options, parentOptions, name);
  if (isBacking) {
    defaultOption(child.options, 'read-only', 'on');
    defaultOption(child.options, 'auto-read-only', 'off');
  } else {
    for (const name of ['read-only', 'auto-read-only']) inheritOption(child.options, parentOptions, name);
  }
  defaultOption(child.options, 'discard', 'unmap');
  child.flags = childFlags(role, parentIsFormat, parentFlags);
}

function inheritOption(options: BlockOptions, parentOptions: BlockOptions, name: string): void {
  const value = optionOf(parentOptions, name);
  if (value !== undefined) defaultOption(options, name, value);
}

function childFlags(role: BdrvChildRole, parentIsFormat: boolean, parentFlags: OpenFlags): OpenFlags {
  const isBacking = (role & BDRV_CHILD_COW) !== 0;
  let flags = parentFlags & ~(BDRV_O_SNAPSHOT | BDRV_O_NO_BACKING | BDRV_O_COPY_ON_READ);
  // Whether the child's format is guessed: never what a format stores its data in, always the data of a node that is no format.
  if (!parentIsFormat && (role & BDRV_CHILD_DATA) !== 0 && (role & (BDRV_CHILD_METADATA | BDRV_CHILD_FILTERED)) === 0) flags &= ~BDRV_O_PROTOCOL;
  if ((parentIsFormat && !isBacking) || (role & BDRV_CHILD_METADATA) !== 0) flags |= BDRV_O_PROTOCOL;
  if ((role & BDRV_CHILD_METADATA) !== 0) flags &= ~BDRV_O_NO_IO;
  if (isBacking) flags &= ~BDRV_O_TEMPORARY;
  return flags;
}
