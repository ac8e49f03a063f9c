import { afterEach, describe, expect, test } from 'vitest';
import '../../../src/block/contexts/main-loop.ts';
import { iothreadDestroy, iothreadNew } from '../../../src/block/contexts/iothread.ts';
import { runIn } from '../../../src/block/contexts/execution.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { BDRV_CHILD_COW, BDRV_CHILD_DATA, BDRV_CHILD_IMAGE, BLK_PERM_ALL, BLK_PERM_WRITE, BLK_PERM_CONSISTENT_READ, BlockOpType } from '../../../src/block/model/constants.ts';
import { bdrvTrySetAioContext } from '../../../src/block/graph/aio-context-moves.ts';
import { childBs } from '../../../src/block/graph/child-bs.ts';
import { childOfBds } from '../../../src/block/graph/child-of-bds.ts';
import { assertBdrvGraphWritable } from '../../../src/block/graph/edge-link.ts';
import { bdrvAddChild, bdrvAttachChild, bdrvDelChild } from '../../../src/block/graph/edges.ts';
import { bdrvRef, bdrvRootUnrefChild, bdrvUnref, bdrvUnrefChild } from '../../../src/block/graph/nodes.ts';
import { allNodes, bdrvFindNode } from '../../../src/block/graph/node-lists.ts';
import { bdrvOpIsBlocked } from '../../../src/block/graph/op-blockers.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import { chain, plainFormat, plainNode, plainProtocol, stopUsing, useNode } from '../support/graph.ts';

afterEach(() => {
  expect(allNodes().map((bs) => bs.nodeName)).toEqual([]);
});

describe('attaching', () => {
  test('links both ends, and the edge holds the child', async () => {
    const format = plainNode('format');
    const file = plainNode('file', plainProtocol);
    const child = await bdrvAttachChild(format, file, 'file', childOfBds, BDRV_CHILD_IMAGE);
    expect(format.children).toEqual([child]);
    expect(file.parents).toEqual([child]);
    expect(format.file).toBe(child);
    expect(childBs(child)).toBe(file);
    expect(childBs(null)).toBeNull();
    expect(file.refcnt).toBe(1);
    await bdrvUnref(format);
    expect(bdrvFindNode('file')).toBeNull();
  });

  test('a detached child is let go of, and lives on if it is held', async () => {
    const [format, file] = await chain('format', 'file');
    bdrvRef(file);
    await bdrvUnrefChild(format, format.file);
    expect(format.file).toBeNull();
    expect(format.children).toEqual([]);
    expect(file.parents).toEqual([]);
    expect(file.refcnt).toBe(1);
    await bdrvUnrefChild(format, null);
    await bdrvUnref(file);
    await bdrvUnref(format);
  });

  test('a cycle is refused, and the reference that was handed over is dropped', async () => {
    const [top, bottom] = await chain('top', 'bottom');
    bdrvRef(top);
    await expect(bdrvAttachChild(bottom, top, 'backing', childOfBds, BDRV_CHILD_COW)).rejects.toThrow(
      "Making 'top' a backing child of 'bottom' would create a cycle",
    );
    expect(top.refcnt).toBe(1);
    expect(bottom.children).toEqual([]);
    await bdrvUnref(top);
  });

  test('a node below itself is a cycle', async () => {
    const node = plainNode('node');
    bdrvRef(node);
    await expect(bdrvAttachChild(node, node, 'file', childOfBds, BDRV_CHILD_IMAGE)).rejects.toMatchObject({ code: 'EINVAL' });
    await bdrvUnref(node);
  });

  test('a conflict of permissions leaves the graph as it was', async () => {
    const file = plainNode('file', plainProtocol);
    const reader = await useNode(file, 'reader', BLK_PERM_CONSISTENT_READ, BLK_PERM_CONSISTENT_READ);
    await expect(useNode(file, 'writer', BLK_PERM_WRITE)).rejects.toThrow(
      "Permission conflict on node 'file': permissions 'write' are needed by user 'writer' (as 'root' child) and not shared by user 'reader' (as 'root' child)",
    );
    expect(file.parents).toEqual([reader.edge]);
    expect(file.refcnt).toBe(2);
    await stopUsing(reader);
    await bdrvUnref(file);
  });

  test('a backing node is blocked for most operations while it is one', async () => {
    const overlay = plainNode('overlay');
    const base = plainNode('base');
    bdrvRef(base);
    await bdrvAttachChild(overlay, base, 'backing', childOfBds, BDRV_CHILD_COW);
    expect(overlay.backing?.bs).toBe(base);
    expect(bdrvOpIsBlocked(base, BlockOpType.RESIZE)?.message).toBe("Node 'base' is busy: node is used as backing hd of 'overlay'");
    expect(bdrvOpIsBlocked(base, BlockOpType.STREAM)).toBeNull();
    await bdrvUnref(overlay);
    expect(bdrvOpIsBlocked(base, BlockOpType.RESIZE)).toBeNull();
    await bdrvUnref(base);
  });

  test('a graph is not written off the main thread', () => {
    const iothread = iothreadNew('writer');
    expect(() => runIn(iothread.thread, () => assertBdrvGraphWritable({} as never))).toThrow('assertBdrvGraphWritable');
    iothreadDestroy('writer');
  });
});

describe('contexts', () => {
  test('a child moves to the context of its new parent', async () => {
    const iothread = iothreadNew('io');
    const parent = plainNode('parent');
    await bdrvTrySetAioContext(parent, iothread);
    const file = plainNode('file', plainProtocol);
    await bdrvAttachChild(parent, file, 'file', childOfBds, BDRV_CHILD_IMAGE);
    expect(file.aioContext).toBe(iothread);
    bdrvRef(file);
    await bdrvUnrefChild(parent, parent.file);
    expect(file.aioContext, 'back home').toBe(mainContext);
    await bdrvUnref(file);
    await bdrvUnref(parent);
    iothreadDestroy('io');
  });

  test('where the attaching fails after that, the parent is back where it was', async () => {
    const iothread = iothreadNew('io');
    const file = plainNode('file', plainProtocol);
    const reader = await useNode(file, 'reader', BLK_PERM_CONSISTENT_READ, BLK_PERM_CONSISTENT_READ);
    await bdrvTrySetAioContext(file, iothread);
    reader.canMove = false;
    const parent = plainNode('parent', { ...plainFormat, bdrvChildPerm: () => ({ perm: BLK_PERM_WRITE, shared: BLK_PERM_ALL }) });
    bdrvRef(file);
    await expect(bdrvAttachChild(parent, file, 'file', childOfBds, BDRV_CHILD_DATA)).rejects.toThrow('Permission conflict');
    expect([parent.aioContext.name, file.aioContext.name, parent.children.length]).toEqual([mainContext.name, 'io', 0]);
    await bdrvUnref(parent);
    await stopUsing(reader);
    await bdrvUnref(file);
    iothreadDestroy('io');
  });

  test('where the child must stay, the parent moves; where neither can, it is refused', async () => {
    const iothread = iothreadNew('io');
    const file = plainNode('file', plainProtocol);
    const user = await useNode(file, 'user');
    await bdrvTrySetAioContext(file, iothread);
    user.canMove = false;
    const parent = plainNode('parent');
    bdrvRef(file);
    await bdrvAttachChild(parent, file, 'file', childOfBds, BDRV_CHILD_DATA);
    expect(parent.aioContext).toBe(iothread);

    const other = plainNode('other');
    const settled = await useNode(other, 'settled');
    settled.canMove = false;
    bdrvRef(file);
    await expect(bdrvAttachChild(other, file, 'file', childOfBds, BDRV_CHILD_DATA)).rejects.toThrow("can't move");
    expect(other.children).toEqual([]);

    await stopUsing(settled);
    await bdrvUnref(other);
    await bdrvUnref(parent);
    await stopUsing(user);
    await bdrvUnref(file);
    iothreadDestroy('io');
  });

  test('a refusal after the move takes the move back', async () => {
    const iothread = iothreadNew('io');
    const parent = plainNode('parent');
    await bdrvTrySetAioContext(parent, iothread);
    const strict = { ...plainProtocol, bdrvCheckPerm: () => { throw blockError('EACCES', 'no'); } };
    const file = plainNode('file', strict);
    bdrvRef(file);
    await expect(bdrvAttachChild(parent, file, 'file', childOfBds, BDRV_CHILD_IMAGE)).rejects.toMatchObject({ code: 'EACCES' });
    expect(file.aioContext).toBe(mainContext);
    await bdrvUnref(file);
    await bdrvUnref(parent);
    iothreadDestroy('io');
  });
});

describe('children of a variable number', () => {
  const quorum = {
    ...plainFormat,
    async bdrvAddChild(parent: Parameters<typeof bdrvAddChild>[0], child: Parameters<typeof bdrvAddChild>[1]) {
      bdrvRef(child);
      await bdrvAttachChild(parent, child, `children.${parent.children.length}`, childOfBds, BDRV_CHILD_DATA);
    },
    bdrvDelChild: (parent: Parameters<typeof bdrvDelChild>[0], child: Parameters<typeof bdrvDelChild>[1]) => bdrvUnrefChild(parent, child),
  };

  test('are added and removed by the driver', async () => {
    const parent = plainNode('quorum', quorum);
    const member = plainNode('member', plainProtocol);
    await bdrvAddChild(parent, member);
    await expect(bdrvAddChild(parent, member)).rejects.toThrow('The node member already has a parent');
    const [child] = parent.children;
    if (!child) throw new Error('no child');
    await bdrvDelChild(parent, child);
    expect(parent.children).toEqual([]);
    await expect(bdrvDelChild(parent, child)).rejects.toThrow('The node quorum does not have a child');
    await bdrvUnref(member);
    await bdrvUnref(parent);
  });

  test('other drivers refuse', async () => {
    const [format, file] = await chain('format', 'file');
    await expect(bdrvAddChild(format, file)).rejects.toThrow('does not support adding a child');
    await expect(bdrvDelChild(format, format.file as never)).rejects.toThrow('does not support removing a child');
    await bdrvUnref(format);
  });
});

test('a user that is no node lets go of its edge', async () => {
  const file = plainNode('file', plainProtocol);
  const user = await useNode(file, 'user', BLK_PERM_WRITE);
  if (!user.edge) throw new Error('no edge');
  await bdrvRootUnrefChild(user.edge);
  expect(file.parents).toEqual([]);
  await bdrvUnref(file);
});
