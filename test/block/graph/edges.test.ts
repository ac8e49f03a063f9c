import { afterEach, describe, expect, test } from 'vitest';
import { vi } from 'vitest';
import '../../../src/block/contexts/main-loop.ts';
vi.mock('../../../src/block/requests/wrappers.ts', () => ({ bdrvFlush: () => Promise.resolve(), bdrvInvalidateCache: () => Promise.resolve() }));
import { BDRV_CHILD_COW, BDRV_CHILD_IMAGE, BLK_PERM_ALL, BLK_PERM_CONSISTENT_READ, BLK_PERM_WRITE, BlockOpType } from '../../../src/block/model/constants.ts';
import { bdrvAttachChild } from '../../../src/block/graph/edges.ts';
import { childOfBds } from '../../../src/block/graph/child-of-bds.ts';
import { bdrvRef, bdrvRootUnrefChild, bdrvUnref, bdrvUnrefChild } from '../../../src/block/graph/nodes.ts';
import { allNodes, bdrvFindNode } from '../../../src/block/graph/node-lists.ts';
import { plainFormat, plainNode, plainProtocol, useNode } from '../support/graph.ts';

afterEach(() => {
  expect(allNodes().map((bs) => bs.nodeName)).toEqual([]);
});

describe('attaching', () => {
  test('links both ends, holds the child, and lets go of it', async () => {
    const format = plainNode('format');
    const file = plainNode('file', plainProtocol);
    const child = await bdrvAttachChild(format, file, 'file', childOfBds, BDRV_CHILD_IMAGE);
    expect(format.children).toEqual([child]);
    expect(file.parents).toEqual([child]);
    expect(format.file).toBe(child);
    expect(file.refcnt).toBe(1);
    await bdrvUnref(format);
    expect(bdrvFindNode('file')).toBeNull();
  });
});
