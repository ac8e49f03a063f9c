import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import '../../../src/block/contexts/main-loop.ts';
import { BDRV_CHILD_IMAGE, BlockOpType } from '../../../src/block/model/constants.ts';
import type { BlockDriverState } from '../../../src/block/model/node.ts';
import {
  bdrvBackingChainNext, bdrvCowBs, bdrvCowChild, bdrvFilterBs, bdrvFilterChild, bdrvFilterOrCowBs, bdrvFilterOrCowChild, bdrvPrimaryBs, bdrvPrimaryChild, bdrvSkipFilters,
} from '../../../src/block/graph/chain-links.ts';
import {
  bdrvBackingOverridden, bdrvChainContains, bdrvFindBackingImage, bdrvFindBase, bdrvFindOverlay, bdrvFreezeBackingChain, bdrvIsBackingChainFrozen, bdrvSkipImplicitFilters,
  bdrvUnfreezeBackingChain,
} from '../../../src/block/graph/chains.ts';
import { childOfBds } from '../../../src/block/graph/child-of-bds.ts';
import { bdrvAttachChild } from '../../../src/block/graph/edges.ts';
import { allNodes } from '../../../src/block/graph/node-lists.ts';
import { bdrvUnref } from '../../../src/block/graph/nodes.ts';
import {
  bdrvOpBlock, bdrvOpBlockAll, bdrvOpBlockerIsEmpty, bdrvOpIsBlocked, bdrvOpUnblock, bdrvOpUnblockAll,
} from '../../../src/block/graph/op-blockers.ts';
import { chain, plainFilter, plainNode, stack } from '../support/graph.ts';

afterEach(() => {
  expect(allNodes().map((bs) => bs.nodeName)).toEqual([]);
});

/** overlay (a filter above it) → middle filter → base; held by the filter at the top. */
async function example(): Promise<{ top: BlockDriverState; overlay: BlockDriverState; filter: BlockDriverState; base: BlockDriverState }> {
  const [top, overlay, filter, base] = [plainNode('top', plainFilter), plainNode('overlay'), plainNode('filter', plainFilter), plainNode('base')];
  await stack(top, overlay, filter, base);
  return { top, overlay, filter, base };
}

describe('links', () => {
  test('lead through filters and backing nodes', async () => {
    const { top, overlay, filter, base } = await example();
    expect([bdrvCowBs(overlay), bdrvCowBs(top), bdrvCowBs(null)]).toEqual([filter, null, null]);
    expect(bdrvCowChild(overlay)).toBe(overlay.backing);
    expect([bdrvFilterBs(top), bdrvFilterBs(overlay)]).toEqual([overlay, null]);
    expect(bdrvFilterChild(top)).toBe(top.file);
    expect([bdrvFilterOrCowBs(top), bdrvFilterOrCowBs(overlay), bdrvFilterOrCowBs(base)]).toEqual([overlay, filter, null]);
    expect(bdrvFilterOrCowChild(base)).toBeNull();
    expect([bdrvSkipFilters(top), bdrvSkipFilters(base), bdrvSkipFilters(null)]).toEqual([overlay, base, null]);
    expect([bdrvBackingChainNext(top), bdrvBackingChainNext(base)]).toEqual([base, null]);
    await bdrvUnref(top);
  });

  test('a format has a main child', async () => {
    const [format, file] = await chain('format', 'file');
    expect([bdrvPrimaryBs(format), bdrvPrimaryBs(file)]).toEqual([file, null]);
    expect(bdrvPrimaryChild(format)?.role).toBe(BDRV_CHILD_IMAGE);
    await bdrvUnref(format);
  });
});

describe('a chain', () => {
  test('is searched without its filters', async () => {
    const { top, overlay, filter, base } = await example();
    expect(bdrvFindOverlay(top, base)).toBe(overlay);
    expect(bdrvFindOverlay(top, filter)).toBe(overlay);
    expect(bdrvFindBase(top)).toBe(base);
    const stranger = plainNode('stranger');
    expect(bdrvFindOverlay(top, stranger)).toBeNull();
    expect([bdrvChainContains(top, filter), bdrvChainContains(top, stranger), bdrvChainContains(null, top)]).toEqual([true, false, false]);
    await bdrvUnref(stranger);
    await bdrvUnref(top);
  });

  test('automatic filters at its top are skipped', async () => {
    const { top, overlay } = await example();
    expect(bdrvSkipImplicitFilters(top)).toBe(top);
    top.implicit = true;
    expect(bdrvSkipImplicitFilters(top)).toBe(overlay);
    expect(bdrvSkipImplicitFilters(null)).toBeNull();
    await bdrvUnref(top);
  });

  test('is frozen in part, once, and as a whole or not at all', async () => {
    const { top, overlay, filter, base } = await example();
    bdrvFreezeBackingChain(overlay, base);
    expect([bdrvIsBackingChainFrozen(overlay, base), bdrvIsBackingChainFrozen(top, overlay), bdrvIsBackingChainFrozen(base, null)]).toEqual([true, false, false]);
    expect(() => bdrvFreezeBackingChain(top, null)).toThrow("Cannot change 'backing' link from node 'overlay' to 'filter'");
    expect(top.file?.frozen).toBe(false);
    bdrvUnfreezeBackingChain(overlay, base);
    filter.neverFreeze = true;
    expect(() => bdrvFreezeBackingChain(top, null)).toThrow("Cannot freeze 'backing' link from node 'overlay' to 'filter'");
    expect(bdrvIsBackingChainFrozen(top, null)).toBe(false);
    await bdrvUnref(top);
  });

  test('names its images: as the overlay has them, in full, or by another path', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gsio-chains-'));
    try {
      writeFileSync(join(folder, 'base.img'), '');
      symlinkSync(join(folder, 'base.img'), join(folder, 'link.img'));
      const { top, overlay, base } = await example();
      Object.assign(overlay, { filename: join(folder, 'overlay.img'), exactFilename: join(folder, 'overlay.img'), backingFile: 'base.img' });
      Object.assign(base, { filename: join(folder, 'base.img'), exactFilename: join(folder, 'base.img') });
      overlay.autoBackingFile = bdrvCowBs(overlay)?.filename ?? '';
      expect(bdrvFindBackingImage(top, 'base.img')).toBe(base);
      expect(bdrvFindBackingImage(top, join(folder, 'base.img'))).toBe(base);
      expect(bdrvFindBackingImage(top, 'link.img')).toBe(base);
      expect(bdrvFindBackingImage(top, 'other.img')).toBeNull();
      expect(bdrvFindBackingImage(top, 'nbd:host:1')).toBeNull();
      overlay.autoBackingFile = 'something else';
      expect(bdrvFindBackingImage(top, 'base.img')).toBeNull();
      await bdrvUnref(top);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a backing node that the image does not mention overrides it', async () => {
    const [overlay, base] = [plainNode('overlay'), plainNode('base')];
    expect(bdrvBackingOverridden(overlay)).toBe(false);
    overlay.autoBackingFile = 'base.img';
    expect(bdrvBackingOverridden(overlay), 'suppressed').toBe(true);
    base.filename = 'base.img';
    await stack(overlay, base);
    expect(bdrvBackingOverridden(overlay)).toBe(false);
    await bdrvUnref(overlay);
  });
});

describe('blockers', () => {
  test('come and go by their reason, the newest first', async () => {
    const node = plainNode('node');
    const [one, two] = [{ message: 'one' }, { message: 'two' }];
    expect(bdrvOpBlockerIsEmpty(node)).toBe(true);
    bdrvOpBlock(node, BlockOpType.RESIZE, one);
    bdrvOpBlockAll(node, two);
    expect(bdrvOpIsBlocked(node, BlockOpType.RESIZE)?.message).toBe("Node 'node' is busy: two");
    bdrvOpUnblock(node, BlockOpType.EJECT, two);
    expect(bdrvOpIsBlocked(node, BlockOpType.EJECT)).toBeNull();
    bdrvOpUnblockAll(node, two);
    expect(bdrvOpIsBlocked(node, BlockOpType.RESIZE)?.message).toBe("Node 'node' is busy: one");
    expect(bdrvOpBlockerIsEmpty(node)).toBe(false);
    bdrvOpUnblock(node, BlockOpType.RESIZE, one);
    expect(bdrvOpBlockerIsEmpty(node)).toBe(true);
    await bdrvUnref(node);
  });

  test('a node that is closed has none', async () => {
    const node = plainNode('node');
    const reason = { message: 'test' };
    bdrvOpBlock(node, BlockOpType.RESIZE, reason);
    await expect(bdrvUnref(node)).rejects.toThrow('although operations are blocked');
    bdrvOpUnblock(node, BlockOpType.RESIZE, reason);
    node.refcnt = 1;
    await bdrvUnref(node);
  });
});

test('a child of another name is no backing node', async () => {
  const [format, extra] = [plainNode('format'), plainNode('extra')];
  await bdrvAttachChild(format, extra, 'extra', childOfBds, 1);
  expect([format.file, format.backing, bdrvFilterOrCowBs(format)]).toEqual([null, null, null]);
  await bdrvUnref(format);
});
