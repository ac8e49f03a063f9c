import { afterEach, describe, expect, test } from 'vitest';
import '../../../src/block/contexts/main-loop.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { blkByName, blkNewWithBs, blkUnref, monitorAddBlk, monitorRemoveBlk } from '../../../src/block/backend/registry.ts';
import { blkRemoveBs } from '../../../src/block/backend/root.ts';
import { blockJobCreate, blockJobFree, blockJobUserResume } from '../../../src/block/blockjob-int.ts';
import { jobCancelSync } from '../../../src/block/job.ts';
import { BDRV_O_INACTIVE, BDRV_O_RDWR, BLK_PERM_ALL, BLK_PERM_WRITE } from '../../../src/block/model/constants.ts';
import { blockError } from '../../../src/block/model/errors.ts';
import type { BdrvNextIterator } from '../../../src/block/model/queries.ts';
import { tranAfterwards, tranAdd, tranCommit, tranNew, tranRun, tranSettle } from '../../../src/block/model/transaction.ts';
import { bdrvInactivateAll, bdrvInvalidateCacheAll } from '../../../src/block/graph/activation-of-all.ts';
import { bdrvActivate } from '../../../src/block/graph/activation.ts';
import { bdrvCloseAll } from '../../../src/block/graph/close-all.ts';
import { bdrvFirst, bdrvFlushAll, bdrvNext, bdrvNextCleanup } from '../../../src/block/graph/node-iteration.ts';
import {
  allNodes, bdrvClearMonitorOwned, bdrvFindNode, bdrvNew, bdrvNextAllStates, bdrvNextMonitorOwned, bdrvNextNode, bdrvSetMonitorOwned,
} from '../../../src/block/graph/node-lists.ts';
import { bdrvAssignNodeName } from '../../../src/block/graph/node-names.ts';
import { bdrvGetXdbgBlockGraph, bdrvLookupBs, bdrvNamedNodesList } from '../../../src/block/graph/node-queries.ts';
import { bdrvRef, bdrvUnref, blockdevCloseAllBdrvStates } from '../../../src/block/graph/nodes.ts';
import { chain, childOfUser, plainFormat, plainNode, plainProtocol, stack, stopUsing, useNode } from '../support/graph.ts';

afterEach(() => {
  expect(allNodes().map((bs) => bs.nodeName)).toEqual([]);
});

const position = (): BdrvNextIterator => ({ phase: 'backend-roots', blk: null, bs: null });

describe('names', () => {
  test('are made up where none is given', async () => {
    const [one, two] = [plainNode(null), plainNode('')];
    expect(one.nodeName).toMatch(/^#block\d{3,}$/);
    expect(two.nodeName).not.toBe(one.nodeName);
    expect(bdrvFindNode(one.nodeName)).toBe(one);
    await bdrvUnref(one);
    await bdrvUnref(two);
  });

  test.each([
    ['#block1', 'Invalid node-name'], ['0', 'Invalid node-name'], ['a b', 'Invalid node-name'], ['x'.repeat(32), 'longer than 31'],
    ['disk', "Duplicate nodes with node-name='disk'"], ['drive0', 'is that of a device'],
  ])('%s is refused', async (name, message) => {
    const disk = plainNode('disk');
    const blk = await blkNewWithBs(disk, 0, BLK_PERM_ALL);
    monitorAddBlk(blk, 'drive0');
    const bs = bdrvNew();
    expect(() => bdrvAssignNodeName(bs, name)).toThrow(message);
    monitorRemoveBlk(blk);
    await blkUnref(blk);
    await bdrvUnref(disk);
    await bdrvUnref(bs);
  });
});

describe('lists', () => {
  test('are gone through in the order in which nodes came', async () => {
    const [one, unnamed, two] = [plainNode('one'), bdrvNew(), plainNode('two')];
    expect([bdrvNextNode(null), bdrvNextNode(one), bdrvNextNode(two)]).toEqual([one, two, null]);
    expect([bdrvNextAllStates(null), bdrvNextAllStates(one), bdrvNextAllStates(unnamed), bdrvNextAllStates(two)]).toEqual([one, unnamed, two, null]);
    for (const bs of [one, unnamed, two]) await bdrvUnref(bs);
  });

  test('the monitor holds the nodes that it owns', async () => {
    const [one, two] = [plainNode('one'), plainNode('two')];
    bdrvSetMonitorOwned(one);
    bdrvSetMonitorOwned(two);
    expect([one.monitorOwned, bdrvNextMonitorOwned(null), bdrvNextMonitorOwned(one)]).toEqual([true, one, two]);
    bdrvClearMonitorOwned(one);
    expect(bdrvNextMonitorOwned(null)).toBe(two);
    await bdrvUnref(one);
    await blockdevCloseAllBdrvStates();
    expect(bdrvFindNode('two')).toBeNull();
  });

  test('roots: those of backends, each once, then what only the monitor owns', async () => {
    const [disk, spare, hidden] = [plainNode('disk'), plainNode('spare'), plainNode('hidden')];
    const [first, second] = [await blkNewWithBs(disk, 0, BLK_PERM_ALL), await blkNewWithBs(disk, 0, BLK_PERM_ALL)];
    bdrvSetMonitorOwned(disk);
    bdrvSetMonitorOwned(spare);
    const it = position();
    expect([await bdrvFirst(it), await bdrvNext(it)].map((bs) => bs?.nodeName)).toEqual(['disk', 'spare']);
    expect(spare.refcnt).toBe(2);
    expect([await bdrvNext(it), spare.refcnt]).toEqual([null, 1]);
    await bdrvFirst(it);
    await bdrvNextCleanup(it);
    expect([it.bs, it.blk]).toEqual([null, null]);
    await blkUnref(first);
    await blkUnref(second);
    await bdrvUnref(hidden);
    await bdrvCloseAll();
  });
});

describe('queries', () => {
  test('a node is found by device, else by its own name', async () => {
    const disk = plainNode('disk');
    const blk = await blkNewWithBs(disk, 0, BLK_PERM_ALL);
    monitorAddBlk(blk, 'drive0');
    expect([bdrvLookupBs('drive0', null), bdrvLookupBs('disk', 'disk'), blkByName('drive0')]).toEqual([disk, disk, blk]);
    expect(() => bdrvLookupBs('nobody', 'nobody')).toThrow("Cannot find device='nobody' nor node-name='nobody'");
    expect(() => bdrvLookupBs(null, null)).toThrow('Cannot find');
    await blkRemoveBs(blk);
    expect(() => bdrvLookupBs('drive0', null)).toThrow("Device 'drive0' has no medium");
    monitorRemoveBlk(blk);
    await blkUnref(blk);
    await bdrvUnref(disk);
  });

  test('named nodes are described, with the depth of their chain where it is asked for', async () => {
    const [top, base] = [plainNode('top'), plainNode('base')];
    await stack(top, base);
    base.filename = 'base.img';
    expect(bdrvNamedNodesList(false)).toMatchObject([
      { nodeName: 'top', driver: 'plain', readOnly: false, backingFile: 'base.img', backingFileDepth: 1, detectZeroes: 'off', cache: { writeback: true, direct: false, noFlush: false } },
      { nodeName: 'base', backingFile: null, backingFileDepth: 0 },
    ]);
    expect(bdrvNamedNodesList(true)[0]?.backingFileDepth).toBe(0);
    await bdrvUnref(top);
  });

  test('the whole graph, with the permissions of its edges', async () => {
    const [format] = await chain('format', 'file');
    const blk = await blkNewWithBs(format, BLK_PERM_WRITE, BLK_PERM_ALL);
    const job = await blockJobCreate({ jobType: 'backup', run: () => Promise.resolve(), free: blockJobFree, userResume: blockJobUserResume }, { jobId: 'job0', bs: format }, 0, BLK_PERM_ALL, {});
    const graph = bdrvGetXdbgBlockGraph();
    expect(graph.nodes).toEqual([
      { id: 1, type: 'block-backend', name: '' }, { id: 2, type: 'block-job', name: 'job0' },
      { id: 3, type: 'block-driver', name: 'format' }, { id: 4, type: 'block-driver', name: 'file' },
    ]);
    expect(graph.edges.find((edge) => edge.parent === 1)).toMatchObject({ child: 3, name: 'root', perm: ['write'] });
    expect(graph.edges.find((edge) => edge.parent === 2)).toMatchObject({ child: 3, name: 'main node' });
    expect(graph.edges.find((edge) => edge.parent === 3)).toMatchObject({ child: 4, name: 'file', perm: ['consistent-read', 'write', 'resize'] });
    await jobCancelSync(job, true);
    await blkUnref(blk);
    await bdrvUnref(format);
    while (allNodes().length > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});

describe('life', () => {
  test('the last reference closes the node: flushed, closed by its driver, without children', async () => {
    const log: string[] = [];
    const driver = {
      ...plainFormat,
      bdrvCoFlushToOs: () => Promise.resolve(void log.push('flush')),
      bdrvClose: () => Promise.resolve(void log.push('close')),
    };
    const [top, base] = [plainNode('top', driver), plainNode('base')];
    await stack(top, base);
    top.writeGen = 1;
    bdrvRef(top);
    await bdrvUnref(top);
    expect(log).toEqual([]);
    await bdrvUnref(top);
    expect(log).toEqual(['flush', 'close']);
    expect([top.drv, top.children, bdrvFindNode('base')]).toEqual([null, [], null]);
    await expect(bdrvUnref(top)).rejects.toThrow('held by nobody');
    await bdrvUnref(null);
  });

  test('a flush that fails at the end keeps nothing open; a close that fails is told, and the node is gone', async () => {
    const driver = {
      ...plainFormat,
      bdrvCoFlushToOs: () => Promise.reject(blockError('EIO', 'no flush')),
      bdrvClose: () => Promise.reject(blockError('EIO', 'no close')),
    };
    const [top, base] = [plainNode('top', driver), plainNode('base')];
    await stack(top, base);
    await expect(bdrvUnref(top)).rejects.toThrow('no close');
    expect(mainContext.externalDisabled).toBe(0);
  });

  test('all are closed at the end, and what somebody still holds is named', async () => {
    const node = plainNode('node');
    bdrvSetMonitorOwned(node);
    bdrvRef(node);
    await expect(bdrvCloseAll()).rejects.toThrow("'node'");
    await bdrvUnref(node);
    await bdrvCloseAll();
  });

  test('all are flushed, also where some fail', async () => {
    const log: string[] = [];
    const failing = plainNode('failing', { ...plainProtocol, bdrvCoFlush: () => Promise.reject(blockError('EIO', 'no flush')) });
    const good = plainNode('good', { ...plainProtocol, bdrvCoFlush: () => Promise.resolve(void log.push('good')) });
    const empty = bdrvNew();
    for (const bs of [failing, good, empty]) {
      bs.writeGen = 1;
      bdrvSetMonitorOwned(bs);
    }
    await expect(bdrvFlushAll()).rejects.toThrow('no flush');
    expect(log).toEqual(['good']);
    await bdrvCloseAll();
  });
});

describe('hand-over', () => {
  test('inactivates parents before children, tells users, and is undone from the bottom', async () => {
    const log: string[] = [];
    const noting = (name: string) => ({
      ...plainFormat,
      bdrvInactivate: () => Promise.resolve(void log.push(`${name} inactive`)),
      bdrvCoInvalidateCache: () => Promise.resolve(void log.push(`${name} drops its cache`)),
    });
    const [top, base] = [plainNode('top', noting('top')), plainNode('base', noting('base'))];
    await stack(top, base);
    const user = await useNode(top, 'user', BLK_PERM_WRITE, BLK_PERM_ALL, {
      ...childOfUser,
      inactivate(child) {
        log.push('user inactive');
        child.perm = 0;
        return Promise.resolve();
      },
      activate: () => Promise.resolve(void log.push('user active')),
    });
    bdrvSetMonitorOwned(top);
    await bdrvInactivateAll();
    expect(log).toEqual(['top inactive', 'user inactive', 'base inactive']);
    expect([top.openFlags, base.openFlags]).toEqual([BDRV_O_RDWR | BDRV_O_INACTIVE, BDRV_O_RDWR | BDRV_O_INACTIVE]);
    await bdrvInactivateAll();
    log.length = 0;
    await bdrvInvalidateCacheAll();
    expect(log).toEqual(['base drops its cache', 'top drops its cache', 'user active']);
    expect([top.openFlags, base.openFlags]).toEqual([BDRV_O_RDWR, BDRV_O_RDWR]);
    await stopUsing(user);
    await bdrvCloseAll();
  });

  test('is refused while a user goes on writing', async () => {
    const node = plainNode('node');
    const user = await useNode(node, 'user', BLK_PERM_WRITE);
    bdrvSetMonitorOwned(node);
    await expect(bdrvInactivateAll()).rejects.toThrow("Node 'node' can't be inactivated: a user of it still writes");
    expect(node.openFlags).toBe(BDRV_O_RDWR);
    await stopUsing(user);
    await bdrvCloseAll();
  });

  test('a node that fails to become active stays inactive', async () => {
    const node = plainNode('node', { ...plainFormat, bdrvCoInvalidateCache: () => Promise.reject(blockError('EIO', 'unreadable')) });
    node.openFlags |= BDRV_O_INACTIVE;
    await expect(bdrvActivate(node)).rejects.toThrow('unreadable');
    expect(node.openFlags & BDRV_O_INACTIVE).toBe(BDRV_O_INACTIVE);
    node.drv = null;
    await expect(bdrvActivate(node)).rejects.toMatchObject({ code: 'ENOMEDIUM' });
    await bdrvUnref(node);
  });
});

describe('a transaction', () => {
  const step = (log: string[], name: string) => ({
    commit: () => void log.push(`commit ${name}`), abort: () => void log.push(`abort ${name}`), clean: () => void log.push(`clean ${name}`),
  });

  test('commits from the first step to the last, and settles afterwards', async () => {
    const log: string[] = [];
    const result = await tranRun((transaction) => {
      tranAdd(transaction, step(log, 'a'));
      tranAdd(transaction, step(log, 'b'));
      tranAfterwards(transaction, () => Promise.resolve(void log.push('after')));
      return 7;
    });
    expect([result, ...log]).toEqual([7, 'commit a', 'commit b', 'clean a', 'clean b', 'after']);
  });

  test('aborts from the last step to the first', async () => {
    const log: string[] = [];
    await expect(tranRun((transaction) => {
      tranAdd(transaction, step(log, 'a'));
      tranAdd(transaction, step(log, 'b'));
      throw blockError('EINVAL', 'no');
    })).rejects.toThrow('no');
    expect(log).toEqual(['abort b', 'abort a', 'clean b', 'clean a']);
  });

  test('does all that is left to do, and tells the first failure', async () => {
    const log: string[] = [];
    const transaction = tranNew();
    tranAfterwards(transaction, () => Promise.reject(blockError('EIO', 'first')));
    tranAfterwards(transaction, () => Promise.resolve(void log.push('second')));
    tranCommit(transaction);
    await expect(tranSettle(transaction)).rejects.toThrow('first');
    expect(log).toEqual(['second']);
  });
});
