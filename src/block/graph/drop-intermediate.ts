/**
 * Shortens a backing chain.
 *
 * In: the top and the base of a part of a chain. Out: the overlays above the top have the base as their backing node, and their images say
 * so. Leaves to others: the data; whoever calls this has copied it up or down.
 */
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blockError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { bdrvRefreshFilename } from '../open/filenames.ts';
import { bdrvIsReadOnly } from '../open/queries.ts';
import { bdrvReopenSetReadOnly } from '../open/reopen.ts';
import { bdrvChainContains, bdrvSkipImplicitFilters } from './chains.ts';
import { parentNode } from './child-bs.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd } from './drain.ts';
import { bdrvInheritsFromRecursive } from './edge-transactions.ts';
import { bdrvRef, bdrvSetInheritsFrom, bdrvUnref } from './nodes.ts';
import { bdrvReplaceNodeCommon } from './replace.ts';

/**
 * Removes the nodes from `top` down to above `base` from their chain.
 *
 * @param backingFileStr - what the overlays write into their images as their backing file; `null`: the name of `base`
 * @throws BlockError `EINVAL` where `base` is not below `top`, `EPERM` where a conflict or a frozen edge is in the way
 * @globalState
 */
export async function bdrvDropIntermediate(top: BlockDriverState, base: BlockDriverState, backingFileStr: string | null): Promise<void> {
  GLOBAL_STATE_CODE('bdrvDropIntermediate');
  if (!top.drv || !base.drv) throw blockError('ENOMEDIUM', 'A part of a chain can be dropped only between nodes that have a medium');
  if (!bdrvChainContains(top, base)) throw blockError('EINVAL', `Node '${base.nodeName}' is not in the chain below '${top.nodeName}'`);
  bdrvRef(top);
  await bdrvDrainedBegin(base);
  try {
    await dropBetween(top, base, backingFileStr);
  } finally {
    await bdrvDrainedEnd(base);
    await bdrvUnref(top);
  }
}

/** @globalState */
async function dropBetween(top: BlockDriverState, base: BlockDriverState, backingFileStr: string | null): Promise<void> {
  GLOBAL_STATE_CODE('dropBetween');
  const explicitTop = bdrvSkipImplicitFilters(top) ?? top;
  const inherits = bdrvInheritsFromRecursive(base, explicitTop);
  if (backingFileStr === null) bdrvRefreshFilename(base);
  const overlays = [...top.parents];
  await bdrvReplaceNodeCommon(top, base, false, false);
  for (const edge of overlays) await rewriteReference(edge, base, backingFileStr ?? base.filename);
  if (inherits) bdrvSetInheritsFrom(base, explicitTop.inheritsFrom, null);
}

/**
 * Has an overlay write its new backing file into its image. One that is read-only is made writable for that.
 *
 * @globalState
 */
async function rewriteReference(edge: BdrvChild, base: BlockDriverState, filename: string): Promise<void> {
  GLOBAL_STATE_CODE('rewriteReference');
  const overlay = parentNode(edge);
  const isReadOnly = overlay !== null && edge === overlay.backing && bdrvIsReadOnly(overlay);
  if (isReadOnly) await bdrvReopenSetReadOnly(overlay, false);
  try {
    await edge.klass.updateFilename?.(edge, base, filename);
  } finally {
    if (isReadOnly) await bdrvReopenSetReadOnly(overlay, true);
  }
}
