import { afterEach, describe, expect, test } from 'vitest';
import '../../../src/block/contexts/main-loop.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { iothreadDestroy, iothreadNew } from '../../../src/block/contexts/iothread.ts';
import { BDRV_CHILD_FILTERED, BDRV_CHILD_PRIMARY, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_WRITE, BlockOpType } from '../../../src/block/model/constants.ts';
import type { BdrvChild, BlockDriverState } from '../../../src/block/model/node.ts';
import type { BlockOptions } from '../../../src/block/model/options.ts';
import { bdrvRegister } from '../../../src/block/open/drivers.ts';
import { bdrvOpenChild } from '../../../src/block/open/open.ts';
import { bdrvTrySetAioContext } from '../../../src/block/graph/aio-context-moves.ts';
import { bdrvFilterOrCowBs } from '../../../src/block/graph/chain-links.ts';
import { bdrvFreezeBackingChain, bdrvUnfreezeBackingChain } from '../../../src/block/graph/chains.ts';
import { childOfBds } from '../../../src/block/graph/child-of-bds.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd } from '../../../src/block/graph/drain.ts';
import { bdrvDropIntermediate } from '../../../src/block/graph/drop-intermediate.ts';
import { bdrvDecInFlight, bdrvIncInFlight } from '../../../src/block/graph/in-flight.ts';
import { bdrvInsertNode } from '../../../src/block/graph/insert-node.ts';
import { allNodes, bdrvFindNode } from '../../../src/block/graph/node-lists.ts';
import { bdrvRef, bdrvUnref } from '../../../src/block/graph/nodes.ts';
import { bdrvOpBlock, bdrvOpUnblock } from '../../../src/block/graph/op-blockers.ts';
import {
  bdrvAppend, bdrvDropFilter, bdrvRecurseCanReplace, bdrvReplaceChildBs, bdrvReplaceNode, bdrvSetBackingHd, checkToReplaceNode,
} from '../../../src/block/graph/replace.ts';
import { chain, childOfUser, plainFilter, plainFormat, plainNode, plainProtocol, stack, stopUsing, useNode } from '../support/graph.ts';

afterEach(() => {
  expect(allNodes().map((bs) => bs.nodeName)).toEqual([]);
});

const below = (bs: BlockDriverState): string | undefined => bdrvFilterOrCowBs(bs)?.nodeName;

/** A format that notes which backing file it is told of. */
const noting = (log: string[]) => ({
  ...plainFormat,
  bdrvChangeBackingFile: (bs: BlockDriverState, file: string | null, format: string | null) =>
    Promise.resolve(void log.push(`${bs.nodeName}: ${file ?? 'none'} (${format ?? 'none'})`)),
});

describe('a new node above another', () => {
  test('gets its parents', async () => {
    const [top, overlay] = [plainNode('top'), plainNode('overlay')];
    const user = await useNode(top, 'user', BLK_PERM_WRITE, BLK_PERM_CONSISTENT_READ);
    await bdrvAppend(overlay, top);
    expect(user.edge?.bs).toBe(overlay);
    expect(below(overlay)).toBe('top');
    expect([overlay.refcnt, top.refcnt]).toEqual([2, 2]);
    await bdrvUnref(top);
    await stopUsing(user);
    await bdrvUnref(overlay);
  });

  test('fails as a whole where a permission is in the way', async () => {
    const [top, overlay] = [plainNode('top'), plainNode('overlay')];
    overlay.openFlags = 0;
    const user = await useNode(top, 'user', BLK_PERM_WRITE);
    await expect(bdrvAppend(overlay, top)).rejects.toThrow('Block node is read-only');
    expect(user.edge?.bs).toBe(top);
    expect([overlay.backing, overlay.refcnt, top.refcnt, top.quiesceCounter]).toEqual([null, 1, 2, 0]);
    await stopUsing(user);
    await bdrvUnref(top);
    await bdrvUnref(overlay);
  });

  test('must have no backing node yet', async () => {
    const [a, b, c] = [plainNode('a'), plainNode('b'), plainNode('c')];
    await stack(a, b);
    await expect(bdrvAppend(a, c)).rejects.toMatchObject({ code: 'EINVAL' });
    await bdrvUnref(a);
    await bdrvUnref(c);
  });

  test('can be in another context before', async () => {
    const iothread = iothreadNew('io');
    const [top, overlay] = [plainNode('top'), plainNode('overlay', plainFilter)];
    await bdrvTrySetAioContext(top, iothread);
    const user = await useNode(top, 'user');
    user.canMove = false;
    await bdrvAppend(overlay, top);
    expect(overlay.aioContext).toBe(iothread);
    await stopUsing(user);
    await bdrvUnref(top);
    await bdrvUnref(overlay);
    iothreadDestroy('io');
  });
});

describe('a node in the place of another', () => {
  test('takes the parents, but not those that stay, nor its own edge', async () => {
    const [from, to] = [plainNode('from'), plainNode('to', plainFilter)];
    bdrvRef(from);
    await stack(to, from);
    const user = await useNode(from, 'user');
    const staying = await useNode(from, 'staying', 0, BLK_PERM_ALL, { ...childOfUser, stayAtNode: true });
    await bdrvReplaceNode(from, to);
    expect([user.edge?.bs?.nodeName, staying.edge?.bs?.nodeName, below(to)]).toEqual(['to', 'from', 'from']);
    await stopUsing(user);
    await stopUsing(staying);
    await bdrvUnref(from);
    await bdrvUnref(to);
  });

  test('waits for what is in flight', async () => {
    const [from, to] = [plainNode('from'), plainNode('to')];
    const user = await useNode(from, 'user');
    bdrvIncInFlight(from);
    const replaced = bdrvReplaceNode(from, to);
    await new Promise((resolve) => setImmediate(resolve));
    expect(user.edge?.bs).toBe(from);
    bdrvDecInFlight(from);
    await replaced;
    expect(user.edge?.bs).toBe(to);
    expect(user.drained).toBe(0);
    await stopUsing(user);
    await bdrvUnref(from);
    await bdrvUnref(to);
  });

  test('keeps a user drained that was, and wakes it up where the new node is not', async () => {
    const [from, to] = [plainNode('from'), plainNode('to')];
    const user = await useNode(from, 'user');
    await bdrvDrainedBegin(to);
    await bdrvReplaceNode(from, to);
    expect(user.drained).toBe(1);
    await bdrvReplaceNode(to, from);
    expect(user.drained).toBe(0);
    await bdrvDrainedEnd(to);
    await stopUsing(user);
    await bdrvUnref(from);
    await bdrvUnref(to);
  });

  test('is refused over a frozen edge, and between contexts', async () => {
    const [top, base, other] = [plainNode('top'), plainNode('base'), plainNode('other')];
    bdrvRef(base);
    await stack(top, base);
    bdrvFreezeBackingChain(top, base);
    await expect(bdrvReplaceNode(base, other)).rejects.toThrow("Cannot change frozen 'backing' link from node 'top' to 'base'");
    bdrvUnfreezeBackingChain(top, base);
    const iothread = iothreadNew('io');
    await bdrvTrySetAioContext(other, iothread);
    await expect(bdrvReplaceNode(base, other)).rejects.toThrow('in different iothreads');
    for (const bs of [top, base, other]) await bdrvUnref(bs);
    iothreadDestroy('io');
  });
});

describe('one edge', () => {
  test('points at another node, and holds that', async () => {
    const [a, b] = [plainNode('a'), plainNode('b')];
    const user = await useNode(a, 'user');
    await bdrvReplaceChildBs(user.edge as BdrvChild, b);
    await bdrvReplaceChildBs(user.edge as BdrvChild, b);
    expect([a.refcnt, b.refcnt, user.edge?.bs]).toEqual([1, 2, b]);
    await stopUsing(user);
    await bdrvUnref(a);
    await bdrvUnref(b);
  });
});

describe('contexts', () => {
  test('a node that an edge is pointed at moves to where the old one is', async () => {
    const iothread = iothreadNew('io');
    const [a, b] = [plainNode('a'), plainNode('b')];
    await bdrvTrySetAioContext(a, iothread);
    const user = await useNode(a, 'user');
    await bdrvReplaceChildBs(user.edge as BdrvChild, b);
    expect([user.edge?.bs, b.aioContext]).toEqual([b, iothread]);
    await stopUsing(user);
    await bdrvUnref(a);
    await bdrvUnref(b);
    iothreadDestroy('io');
  });

  test('a refusal leaves all where they were', async () => {
    const iothread = iothreadNew('io');
    const [top, base] = [plainNode('top'), plainNode('base')];
    await bdrvTrySetAioContext(top, iothread);
    top.drv = plainProtocol;
    await expect(bdrvSetBackingHd(top, base)).rejects.toThrow('does not support backing files');
    expect(base.aioContext).toBe(mainContext);
    await bdrvUnref(top);
    await bdrvUnref(base);
    iothreadDestroy('io');
  });
});

describe('the backing node', () => {
  test('is set, replaced and removed', async () => {
    const [top, one, two] = [plainNode('top'), plainNode('one'), plainNode('two')];
    await bdrvSetBackingHd(top, one);
    one.inheritsFrom = top;
    await bdrvSetBackingHd(top, two);
    expect([below(top), one.refcnt, two.refcnt, one.inheritsFrom]).toEqual(['two', 1, 2, null]);
    await bdrvSetBackingHd(top, null);
    expect([top.backing, two.refcnt, top.backingBlocker]).toEqual([null, 1, null]);
    for (const bs of [top, one, two]) await bdrvUnref(bs);
  });

  test('goes on inheriting where it did by way of a node that is left out', async () => {
    const [top, mid, base] = [plainNode('top'), plainNode('mid'), plainNode('base')];
    bdrvRef(base);
    await stack(top, mid, base);
    mid.inheritsFrom = top;
    base.inheritsFrom = mid;
    await bdrvSetBackingHd(top, base);
    expect(base.inheritsFrom).toBe(top);
    await bdrvUnref(base);
    await bdrvUnref(top);
  });

  test('is refused where the driver has none, where there is no driver, and where the link is frozen', async () => {
    const [top, base] = [plainNode('top'), plainNode('base')];
    const [protocol, empty] = [plainNode('protocol', plainProtocol), plainNode('empty')];
    await expect(bdrvSetBackingHd(protocol, base)).rejects.toThrow("Driver 'store' of node 'protocol' does not support backing files");
    empty.drv = null;
    await expect(bdrvSetBackingHd(empty, base)).rejects.toThrow("Node 'empty' has no driver");
    await bdrvSetBackingHd(top, base);
    bdrvFreezeBackingChain(top, base);
    await expect(bdrvSetBackingHd(top, null)).rejects.toThrow('frozen');
    expect(below(top)).toBe('base');
    bdrvUnfreezeBackingChain(top, base);
    for (const bs of [top, base, protocol, empty]) await bdrvUnref(bs);
  });
});

describe('a filter', () => {
  test('is dropped: its parents move down', async () => {
    const [filter, node] = [plainNode('filter', plainFilter), plainNode('node')];
    await stack(filter, node);
    const user = await useNode(filter, 'user');
    await bdrvDropFilter(filter);
    expect([user.edge?.bs, filter.children, node.refcnt]).toEqual([node, [], 1]);
    await expect(bdrvDropFilter(filter)).rejects.toThrow('is no filter');
    await bdrvUnref(filter);
    await stopUsing(user);
  });

  test('is made from options, and put in', async () => {
    const driver = {
      ...plainFilter, formatName: 'inserted',
      async bdrvOpen(bs: BlockDriverState, options: BlockOptions) {
        await bdrvOpenChild(null, options, 'file', bs, childOfBds, BDRV_CHILD_FILTERED | BDRV_CHILD_PRIMARY, false);
      },
    };
    bdrvRegister(driver);
    const node = plainNode('node');
    const user = await useNode(node, 'user');
    const filter = await bdrvInsertNode(node, { driver: 'inserted', 'node-name': 'filter', file: 'node' }, 2);
    expect([user.edge?.bs, below(filter), bdrvFindNode('filter')]).toEqual([filter, 'node', filter]);
    await expect(bdrvInsertNode(node, { 'node-name': 'x' }, 2)).rejects.toThrow("Parameter 'driver' is missing");
    await expect(bdrvInsertNode(node, { driver: 'nonsense' }, 2)).rejects.toThrow("Unknown driver 'nonsense'");
    await stopUsing(user);
    await bdrvUnref(filter);
    await bdrvUnref(node);
  });

  test('that can not be put in is gone again', async () => {
    const node = plainNode('node');
    const [top] = [plainNode('top')];
    bdrvRef(node);
    await stack(top, node);
    bdrvFreezeBackingChain(top, node);
    await expect(bdrvInsertNode(node, { driver: 'inserted', 'node-name': 'filter', file: 'node' }, 2)).rejects.toThrow('frozen');
    expect(bdrvFindNode('filter')).toBeNull();
    bdrvUnfreezeBackingChain(top, node);
    await bdrvUnref(node);
    await bdrvUnref(top);
  });
});

describe('a mirror that completes', () => {
  test('may replace a node whose data it shows', async () => {
    const [filter, node] = [plainNode('filter', plainFilter), plainNode('node')];
    await stack(filter, node);
    expect(checkToReplaceNode(filter, 'node')).toBe(node);
    expect(checkToReplaceNode(filter, 'filter')).toBe(filter);
    await bdrvUnref(filter);
  });

  test('asks drivers that know better', async () => {
    const picky = plainNode('picky', { ...plainFormat, bdrvRecurseCanReplace: (_bs, other) => other.nodeName === 'friend' });
    const friend = plainNode('friend');
    expect(bdrvRecurseCanReplace(picky, friend)).toBe(true);
    expect(bdrvRecurseCanReplace(friend, picky)).toBe(false);
    friend.drv = null;
    expect(bdrvRecurseCanReplace(friend, friend)).toBe(false);
    await bdrvUnref(picky);
    await bdrvUnref(friend);
  });

  test('is refused for others, for busy ones, and for unknown names', async () => {
    const [top, base] = [plainNode('top'), plainNode('base')];
    await stack(top, base);
    expect(() => checkToReplaceNode(top, 'nobody')).toThrow("Failed to find node with node-name='nobody'");
    expect(() => checkToReplaceNode(top, 'base')).toThrow("Node 'base' is busy");
    const reason = { message: 'test' };
    bdrvOpBlock(top, BlockOpType.REPLACE, reason);
    expect(() => checkToReplaceNode(top, 'top')).toThrow("Node 'top' is busy: test");
    bdrvOpUnblock(top, BlockOpType.REPLACE, reason);
    const other = plainNode('other');
    expect(() => checkToReplaceNode(top, 'other')).toThrow("Cannot replace 'other' by a node mirrored from 'top'");
    await bdrvUnref(other);
    await bdrvUnref(top);
  });
});

describe('a chain that is shortened', () => {
  test('leaves the intermediate nodes out, and has the overlay write its new backing file', async () => {
    const log: string[] = [];
    const [top, mid, low, base] = [plainNode('top', noting(log)), plainNode('mid'), plainNode('low'), plainNode('base')];
    await stack(top, mid, low, base);
    mid.inheritsFrom = top;
    low.inheritsFrom = mid;
    base.inheritsFrom = low;
    await bdrvDropIntermediate(mid, base, 'base.img');
    expect(below(top)).toBe('base');
    expect(bdrvFindNode('mid')).toBeNull();
    expect(log).toEqual(['top: base.img (plain)']);
    expect([top.backingFile, top.backingFormat, base.inheritsFrom]).toEqual(['base.img', 'plain', top]);
    await bdrvUnref(top);
  });

  test('names the base itself where no name is given', async () => {
    const log: string[] = [];
    const [top, mid, base] = [plainNode('top', noting(log)), plainNode('mid'), plainNode('base')];
    base.exactFilename = '/images/base.img';
    await stack(top, mid, base);
    await bdrvDropIntermediate(mid, base, null);
    expect(log).toEqual([`top: ${base.filename} (plain)`]);
    await bdrvUnref(top);
  });

  test('has an overlay that is read-only made writable for that', async () => {
    const log: string[] = [];
    const driver = {
      ...noting(log),
      bdrvReopenPrepare: (state: { flags: number }) => Promise.resolve(void log.push((state.flags & 2) === 0 ? 'read-only' : 'read-write')),
    };
    const [top, mid, base] = [plainNode('top', driver), plainNode('mid'), plainNode('base')];
    top.openFlags = 0x2000;
    top.options = { driver: 'plain', 'read-only': 'on' };
    await stack(top, mid, base);
    await bdrvDropIntermediate(mid, base, 'base.img');
    expect(log).toEqual(['read-write', 'top: base.img (plain)', 'read-only']);
    expect(top.openFlags & 2).toBe(0);
    await bdrvUnref(top);
  });

  test('is refused where the base is not below, and without a medium', async () => {
    const [top, base] = [plainNode('top'), plainNode('base')];
    await expect(bdrvDropIntermediate(top, base, null)).rejects.toThrow("Node 'base' is not in the chain below 'top'");
    base.drv = null;
    await expect(bdrvDropIntermediate(top, base, null)).rejects.toMatchObject({ code: 'ENOMEDIUM' });
    await bdrvUnref(top);
    await bdrvUnref(base);
  });

  test('is refused where a parent stays at its node', async () => {
    const [mid, base] = [plainNode('mid'), plainNode('base')];
    await stack(mid, base);
    const staying = await useNode(mid, 'staying', 0, BLK_PERM_ALL, { ...childOfUser, stayAtNode: true });
    await expect(bdrvDropIntermediate(mid, base, null)).rejects.toThrow("Should not change 'root' link of user 'staying' to 'mid'");
    await stopUsing(staying);
    await bdrvUnref(mid);
  });
});

test('a format keeps its file where only its backing node changes', async () => {
  const [format, file] = await chain('format', 'file');
  const base = plainNode('base');
  await bdrvSetBackingHd(format, base);
  expect([format.file?.bs, format.backing?.bs]).toEqual([file, base]);
  await bdrvUnref(base);
  await bdrvUnref(format);
});
