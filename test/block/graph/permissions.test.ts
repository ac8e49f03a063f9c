import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import '../../../src/block/contexts/main-loop.ts';
import {
  BDRV_CHILD_COW, BDRV_CHILD_DATA, BDRV_CHILD_FILTERED, BDRV_CHILD_IMAGE, BDRV_CHILD_METADATA, BDRV_O_INACTIVE, BDRV_O_NO_IO, BDRV_O_RDWR, BLK_PERM_ALL,
  BLK_PERM_CONSISTENT_READ, BLK_PERM_GRAPH_MOD, BLK_PERM_RESIZE, BLK_PERM_WRITE, BLK_PERM_WRITE_UNCHANGED,
} from '../../../src/block/model/constants.ts';
import type { BlockDriver, BlockReopenQueue } from '../../../src/block/model/driver.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import type { BdrvChild, BlockDriverState } from '../../../src/block/model/node.ts';
import { tranAbort, tranNew } from '../../../src/block/model/transaction.ts';
import { childOfBds } from '../../../src/block/graph/child-of-bds.ts';
import { bdrvAttachChild } from '../../../src/block/graph/edges.ts';
import { allNodes } from '../../../src/block/graph/node-lists.ts';
import { bdrvRef, bdrvUnref } from '../../../src/block/graph/nodes.ts';
import { bdrvDefaultPerms } from '../../../src/block/graph/permission-rules.ts';
import {
  bdrvChildRefreshPerms, bdrvChildTrySetPerm, bdrvGetCumulativePerm, bdrvPermNames, bdrvQapiPermToBlkPerm, bdrvRefreshPerms, bdrvTopologicalDfs,
} from '../../../src/block/graph/permissions.ts';
import { chain, plainFormat, plainNode, plainProtocol, stack, stopUsing, useNode, type User } from '../support/graph.ts';

const WRITER = BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE;

afterEach(() => {
  expect(allNodes().map((bs) => bs.nodeName)).toEqual([]);
});

function edgeOf(user: User): BdrvChild {
  if (!user.edge) throw new Error('no edge');
  return user.edge;
}

/** A protocol that notes what its permission slots are told. */
function noting(log: string[], refuse: () => boolean = () => false): BlockDriver {
  return {
    ...plainProtocol,
    bdrvCheckPerm(bs, perm, shared) {
      if (refuse()) throw blockError('EACCES', 'refused');
      log.push(`check ${bs.nodeName} ${perm}/${shared}`);
    },
    bdrvSetPerm(bs, perm, shared) {
      log.push(`set ${bs.nodeName} ${perm}/${shared}`);
    },
    bdrvAbortPermUpdate(bs) {
      log.push(`abort ${bs.nodeName}`);
    },
  };
}

describe('names', () => {
  test('of masks, and of the monitor', () => {
    expect(bdrvPermNames(BLK_PERM_ALL)).toBe('consistent read, write, write unchanged, resize, change children');
    expect(bdrvPermNames(0)).toBe('');
    expect(['consistent-read', 'write', 'write-unchanged', 'resize', 'graph-mod'].map(bdrvQapiPermToBlkPerm)).toEqual([1, 2, 4, 8, 16]);
    expect(() => bdrvQapiPermToBlkPerm('erase')).toThrow("There is no permission 'erase'");
  });
});

describe('default rules', () => {
  const perms = (flags: number, role: number, perm: number, shared: number, queue: BlockReopenQueue | null = null) =>
    bdrvDefaultPerms({ openFlags: flags } as BlockDriverState, null, role, queue, perm, shared);

  test('a filter passes on what it is asked', () => {
    expect(perms(BDRV_O_RDWR, BDRV_CHILD_FILTERED, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ)).toEqual({ perm: 15, shared: BLK_PERM_CONSISTENT_READ | BLK_PERM_GRAPH_MOD });
  });

  test('a backing node is read, and may change only where the parents bear it', () => {
    expect(perms(BDRV_O_RDWR, BDRV_CHILD_COW, WRITER, BLK_PERM_ALL)).toEqual({ perm: BLK_PERM_CONSISTENT_READ, shared: BLK_PERM_ALL });
    const strict = BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE_UNCHANGED | BLK_PERM_GRAPH_MOD;
    expect(perms(BDRV_O_RDWR, BDRV_CHILD_COW, WRITER, 0)).toEqual({ perm: BLK_PERM_CONSISTENT_READ, shared: strict });
    expect(perms(BDRV_O_INACTIVE, BDRV_CHILD_COW, 0, 0)).toEqual({ perm: 0, shared: strict | BLK_PERM_WRITE | BLK_PERM_RESIZE });
  });

  test('metadata of a writable node is written, of a read-only one read', () => {
    expect(perms(BDRV_O_RDWR, BDRV_CHILD_METADATA, 0, BLK_PERM_ALL)).toEqual({ perm: 11, shared: BLK_PERM_ALL & ~(BLK_PERM_WRITE | BLK_PERM_RESIZE) });
    expect(perms(0, BDRV_CHILD_METADATA, 0, BLK_PERM_ALL).perm).toBe(BLK_PERM_CONSISTENT_READ);
    expect(perms(BDRV_O_NO_IO, BDRV_CHILD_METADATA, 0, BLK_PERM_ALL).perm).toBe(0);
    expect(perms(BDRV_O_INACTIVE | BDRV_O_RDWR, BDRV_CHILD_METADATA, 0, 0)).toMatchObject({ perm: BLK_PERM_CONSISTENT_READ, shared: 26 });
  });

  test('data: writes may make it longer, whatever they change for the guest', () => {
    expect(perms(0, BDRV_CHILD_DATA, BLK_PERM_WRITE_UNCHANGED, BLK_PERM_ALL)).toEqual({
      perm: BLK_PERM_WRITE_UNCHANGED | BLK_PERM_WRITE | BLK_PERM_RESIZE, shared: BLK_PERM_ALL & ~BLK_PERM_RESIZE,
    });
  });

  test('flags count as they will be after a reopen', () => {
    const bs = { openFlags: 0 } as BlockDriverState;
    const queue = { entries: [{ prepared: true, permsChecked: false, state: { bs, flags: BDRV_O_RDWR } }] } as unknown as BlockReopenQueue;
    expect(bdrvDefaultPerms(bs, null, BDRV_CHILD_METADATA, queue, 0, 0).perm & BLK_PERM_WRITE).toBe(BLK_PERM_WRITE);
  });

  test('a role without a rule is a fault', () => {
    expect(() => perms(0, 16, 0, 0)).toThrow('the role 16');
  });
});

describe('a refresh', () => {
  test('goes from the top to the bottom, and tells drivers the sum', async () => {
    const log: string[] = [];
    const top = plainNode('top');
    const file = plainNode('file', noting(log));
    await stack(top, plainNode('mid'), file);
    log.length = 0;
    const user = await useNode(top, 'user', WRITER);
    expect(bdrvTopologicalDfs([top]).map((bs) => bs.nodeName)).toEqual(['top', 'mid', 'file']);
    expect(bdrvGetCumulativePerm(top)).toEqual({ perm: WRITER, shared: BLK_PERM_ALL });
    expect(log).toEqual([`check file 1/${BLK_PERM_ALL}`, `set file 1/${BLK_PERM_ALL}`]);
    await stopUsing(user);
    await bdrvUnref(top);
  });

  test('that is refused puts all edges back, and has the drivers forget it', async () => {
    const log: string[] = [];
    let refuse = false;
    const top = plainNode('top', { ...plainFormat, bdrvCheckPerm: () => undefined, bdrvAbortPermUpdate: () => void log.push('abort top') });
    const file = plainNode('file', noting(log, () => refuse));
    await stack(top, file);
    const user = await useNode(top, 'user');
    const before = top.backing && { ...top.backing };
    refuse = true;
    log.length = 0;
    expect(() => bdrvChildTrySetPerm(edgeOf(user), WRITER, 0)).toThrow('refused');
    expect(edgeOf(user)).toMatchObject({ perm: 0, sharedPerm: BLK_PERM_ALL });
    expect({ ...top.backing }).toEqual(before);
    expect(log).toEqual(['abort top']);
    await stopUsing(user);
    await bdrvUnref(top);
  });

  test('a conflict names who needs what, and who does not share it', async () => {
    const node = plainNode('node');
    const a = await useNode(node, 'a', 0, BLK_PERM_CONSISTENT_READ);
    const b = await useNode(node, 'b');
    const conflict = "permissions 'write, resize' are needed by user 'b' (as 'root' child) and not shared by user 'a' (as 'root' child)";
    expect(() => bdrvChildTrySetPerm(edgeOf(b), BLK_PERM_WRITE | BLK_PERM_RESIZE, BLK_PERM_ALL)).toThrow(conflict);
    await stopUsing(a);
    await stopUsing(b);
    await bdrvUnref(node);
  });

  test('node parents are named too', async () => {
    const [format, file] = await chain('format', 'file');
    await expect(useNode(file, 'other', BLK_PERM_WRITE)).rejects.toThrow("not shared by node 'format' (as 'file' child)");
    await bdrvUnref(format);
  });

  test('whoever only loosens is not told of a failure', async () => {
    let refuse = false;
    const node = plainNode('node', noting([], () => refuse));
    const user = await useNode(node, 'user', WRITER, 0);
    refuse = true;
    expect(() => bdrvChildTrySetPerm(edgeOf(user), 0, BLK_PERM_ALL)).not.toThrow();
    expect(edgeOf(user).perm).toBe(WRITER);
    await stopUsing(user);
    await bdrvUnref(node);
  });

  test('a read-only node has no writers', async () => {
    const node = plainNode('node');
    node.openFlags = 0;
    await expect(useNode(node, 'user', BLK_PERM_WRITE)).rejects.toThrow('Block node is read-only');
    await bdrvUnref(node);
  });

  test('where the end is not aligned, who writes has to resize as well', async () => {
    const node = plainNode('node');
    node.totalSectors = 3;
    node.bl.requestAlignment = 4096;
    await expect(useNode(node, 'user', BLK_PERM_WRITE)).rejects.toThrow("Cannot get 'write' permission without 'resize'");
    const user = await useNode(node, 'user', BLK_PERM_WRITE | BLK_PERM_RESIZE);
    await stopUsing(user);
    await bdrvUnref(node);
  });

  test('a node that shares by force lets all happen', async () => {
    const file = plainNode('file', plainProtocol);
    file.forceShare = true;
    const format = plainNode('format');
    await stack(format, file);
    expect(format.backing?.sharedPerm).toBe(BLK_PERM_ALL);
    await bdrvUnref(format);
  });

  test('a driver whose answer changes has it asked again', async () => {
    let needed = 0;
    const format = plainNode('format', { ...plainFormat, bdrvChildPerm: () => ({ perm: needed, shared: BLK_PERM_ALL }) });
    const file = plainNode('file', plainProtocol);
    await stack(format, file);
    needed = BLK_PERM_CONSISTENT_READ;
    if (!format.backing) throw new Error('no backing');
    bdrvChildRefreshPerms(format, format.backing);
    expect(format.backing.perm).toBe(BLK_PERM_CONSISTENT_READ);
    await bdrvUnref(format);
  });
});

describe('properties', () => {
  const mask = fc.integer({ min: 0, max: BLK_PERM_ALL });

  test('of two users of a node, either both orders of coming are refused, or none', async () => {
    await fc.assert(fc.asyncProperty(mask, mask, mask, mask, async (permA, sharedA, permB, sharedB) => {
      const together = async (first: [number, number], second: [number, number]): Promise<boolean> => {
        const node = plainNode('node');
        const one = await useNode(node, 'one', ...first);
        const two = await useNode(node, 'two', ...second).catch(() => null);
        if (two) await stopUsing(two);
        await stopUsing(one);
        await bdrvUnref(node);
        return two !== null;
      };
      expect(await together([permA, sharedA], [permB, sharedB])).toBe(await together([permB, sharedB], [permA, sharedA]));
    }), { numRuns: 60 });
  });

  test('an abort puts every mask back', async () => {
    const shape = fc.array(fc.record({ parent: fc.nat(5), child: fc.nat(5), backing: fc.boolean() }), { maxLength: 8 });
    await fc.assert(fc.asyncProperty(shape, mask, async (links, perm) => {
      const nodes = ['n0', 'n1', 'n2', 'n3', 'n4', 'n5'].map((name) => plainNode(name));
      for (const { parent, child } of links) {
        const [above, below] = [nodes[Math.min(parent, child)], nodes[Math.max(parent, child)]];
        if (above && below && above !== below && !above.backing) await stack(above, held(below));
      }
      const [top] = nodes;
      if (!top) throw new Error('no node');
      const user = await useNode(top, 'user', 0, BLK_PERM_ALL);
      const masks = () => nodes.flatMap((bs) => bs.parents.map((edge) => [edge.perm, edge.sharedPerm]));
      const before = masks();
      edgeOf(user).perm = perm;
      const transaction = tranNew();
      bdrvRefreshPerms(top, transaction);
      tranAbort(transaction);
      edgeOf(user).perm = 0;
      expect(masks()).toEqual(before);
      await stopUsing(user);
      for (const bs of nodes) await bdrvUnref(bs);
    }), { numRuns: 60 });
  });

  test('in a list for a refresh, parents come before their children, and each node once', async () => {
    const shape = fc.array(fc.tuple(fc.nat(6), fc.nat(6)), { maxLength: 14 });
    await fc.assert(fc.asyncProperty(shape, async (links) => {
      const nodes = ['n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6'].map((name) => plainNode(name));
      for (const [a, b] of links) {
        const [above, below] = [nodes[Math.min(a, b)], nodes[Math.max(a, b)]];
        if (above && below && above !== below) await link(above, below);
      }
      const list = bdrvTopologicalDfs(nodes);
      expect(new Set(list)).toEqual(new Set(nodes));
      expect(list.length).toBe(nodes.length);
      for (const bs of list) for (const child of bs.children) expect(list.indexOf(child.bs as BlockDriverState)).toBeGreaterThan(list.indexOf(bs));
      for (const bs of nodes) await bdrvUnref(bs);
    }), { numRuns: 60 });
  });
});

/** One more reference, for an edge to take over. */
function held(bs: BlockDriverState): BlockDriverState {
  bdrvRef(bs);
  return bs;
}

async function link(above: BlockDriverState, below: BlockDriverState): Promise<void> {
  await bdrvAttachChild(above, held(below), `data.${above.children.length}`, childOfBds, BDRV_CHILD_DATA);
}

test('an image asks for all it needs of its file', async () => {
  const [format] = await chain('format', 'file');
  expect(format.file).toMatchObject({ role: BDRV_CHILD_IMAGE, perm: 11, sharedPerm: BLK_PERM_ALL & ~(BLK_PERM_WRITE | BLK_PERM_RESIZE) });
  await bdrvUnref(format);
});
