/**
 * Backing chains: who is above whom, and which links must not change.
 *
 * In: nodes of one chain. Out: other nodes of it; or links frozen and thawed. Leaves to others: the single links (`chain-links.ts`), and
 * changing them.
 */
import { realpathSync } from 'node:fs';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { blockError, type BlockError } from '../model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../model/node.ts';
import { bdrvGetFullBackingFilename, bdrvRefreshFilename, pathCombine, pathHasProtocol } from '../open/filenames.ts';
import {
  bdrvBackingChainNext, bdrvCowBs, bdrvFilterBs, bdrvFilterOrCowBs, bdrvFilterOrCowChild, bdrvSkipFilters,
} from './chain-links.ts';

/**
 * The node whose backing node is `bs`, in the chain of `active`; filters don't count. For `null`: the lowest node of the chain.
 *
 * @globalState
 */
export function bdrvFindOverlay(active: BlockDriverState, bs: BlockDriverState | null): BlockDriverState | null {
  GLOBAL_STATE_CODE('bdrvFindOverlay');
  const below = bdrvSkipFilters(bs);
  let node = bdrvSkipFilters(active);
  while (node !== null) {
    const next = bdrvBackingChainNext(node);
    if (next === below) return node;
    node = next;
  }
  return null;
}

/**
 * The lowest node of a chain.
 *
 * @globalState
 */
export function bdrvFindBase(bs: BlockDriverState): BlockDriverState {
  GLOBAL_STATE_CODE('bdrvFindBase');
  return bdrvFindOverlay(bs, null) ?? bs;
}

/**
 * Whether a link between `bs` and `base` is frozen; `null`: down to the end.
 *
 * @globalState
 */
export function bdrvIsBackingChainFrozen(bs: BlockDriverState, base: BlockDriverState | null): boolean {
  GLOBAL_STATE_CODE('bdrvIsBackingChainFrozen');
  return linksBetween(bs, base).some((link) => link.frozen);
}

/**
 * Freezes the links between `bs` and `base`: until {@link bdrvUnfreezeBackingChain} none of them is changed.
 *
 * @throws BlockError `EPERM` where one is frozen already, or leads to a node that is never frozen; then none is
 * @globalState
 */
export function bdrvFreezeBackingChain(bs: BlockDriverState, base: BlockDriverState | null): void {
  GLOBAL_STATE_CODE('bdrvFreezeBackingChain');
  const links = linksBetween(bs, base);
  for (const link of links) {
    if (link.frozen) throw linkError('Cannot change', link);
    if (link.bs?.neverFreeze === true) throw linkError('Cannot freeze', link);
  }
  for (const link of links) link.frozen = true;
}

/**
 * Undoes {@link bdrvFreezeBackingChain} of the same two nodes.
 *
 * @globalState
 */
export function bdrvUnfreezeBackingChain(bs: BlockDriverState, base: BlockDriverState | null): void {
  GLOBAL_STATE_CODE('bdrvUnfreezeBackingChain');
  for (const link of linksBetween(bs, base)) link.frozen = false;
}

/**
 * Whether `base` is `top` or in the chain below it, filters included.
 *
 * @globalState
 */
export function bdrvChainContains(top: BlockDriverState | null, base: BlockDriverState | null): boolean {
  GLOBAL_STATE_CODE('bdrvChainContains');
  let node = top;
  while (node !== null && node !== base) node = bdrvFilterOrCowBs(node);
  return node !== null;
}

/**
 * The first node from `bs` downwards that is no filter that was put in by itself.
 *
 * @globalState
 */
export function bdrvSkipImplicitFilters(bs: BlockDriverState | null): BlockDriverState | null {
  GLOBAL_STATE_CODE('bdrvSkipImplicitFilters');
  let node = bs;
  for (let below = bdrvFilterBs(node); node?.implicit === true && below !== null; below = bdrvFilterBs(node)) node = below;
  return node;
}

/**
 * The node in the chain below `bs` whose image is meant by a file name: as its overlay's image has it, in full, or as the same file of the
 * host by another path.
 *
 * @globalState
 */
export function bdrvFindBackingImage(bs: BlockDriverState, backingFile: string): BlockDriverState | null {
  GLOBAL_STATE_CODE('bdrvFindBackingImage');
  for (let overlay = bdrvSkipFilters(bs); overlay !== null && bdrvCowBs(overlay) !== null; overlay = bdrvBackingChainNext(overlay)) {
    if (namesBackingOf(overlay, backingFile)) return bdrvBackingChainNext(overlay);
  }
  return null;
}

/**
 * Whether the backing node is another one than the image's reference leads to.
 *
 * @globalState
 */
export function bdrvBackingOverridden(bs: BlockDriverState): boolean {
  GLOBAL_STATE_CODE('bdrvBackingOverridden');
  const backing = bdrvCowBs(bs);
  return backing ? bs.autoBackingFile !== backing.filename : bs.autoBackingFile !== '';
}

/** @globalState */
function namesBackingOf(overlay: BlockDriverState, backingFile: string): boolean {
  GLOBAL_STATE_CODE('namesBackingOf');
  const backing = bdrvBackingChainNext(overlay);
  if (backing) bdrvRefreshFilename(backing);
  if (bdrvBackingOverridden(overlay)) return backing?.filename === backingFile;
  if (overlay.backingFile === backingFile) return true;
  const full = bdrvGetFullBackingFilename(overlay);
  if (full === backingFile) return true;
  if (full === null || pathHasProtocol(backingFile) || pathHasProtocol(full)) return false;
  return hostPath(pathCombine(overlay.filename, backingFile)) === hostPath(full);
}

/** A path without links in it, as far as it exists. @globalState */
function hostPath(path: string): string {
  GLOBAL_STATE_CODE('hostPath');
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** @globalState */
function linksBetween(bs: BlockDriverState, base: BlockDriverState | null): BdrvChild[] {
  GLOBAL_STATE_CODE('linksBetween');
  const links: BdrvChild[] = [];
  let node: BlockDriverState | null = bs;
  while (node !== null && node !== base) {
    const link = bdrvFilterOrCowChild(node);
    if (link) links.push(link);
    node = link?.bs ?? null;
  }
  return links;
}

/** @globalState */
function linkError(what: string, link: BdrvChild): BlockError {
  GLOBAL_STATE_CODE('linkError');
  return blockError('EPERM', `${what} '${link.name}' link from ${link.klass.getParentDesc?.(link) ?? 'its parent'} to '${link.bs?.nodeName ?? ''}'`);
}
