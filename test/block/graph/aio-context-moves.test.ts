import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import '../../../src/block/contexts/main-loop.ts';
import { mainContext, qemuGetCurrentAioContext, type AioContext } from '../../../src/block/contexts/aio-context.ts';
import { aioCoEnter } from '../../../src/block/contexts/coroutine.ts';
import { iothreadDestroy, iothreadNew } from '../../../src/block/contexts/iothread.ts';
import type { BdrvChild, BlockDriverState } from '../../../src/block/model/node.ts';
import {
  bdrvAddAioContextNotifier, bdrvCanSetAioContext, bdrvChildCanSetAioContext, bdrvChildGetParentAioContext, bdrvChildTrySetAioContext, bdrvCoLock, bdrvCoUnlock,
  bdrvRemoveAioContextNotifier, bdrvSetAioContextIgnore, bdrvTrySetAioContext, childOfBdsGetParentAioContext,
} from '../../../src/block/graph/aio-context-moves.ts';
import { bdrvDrainedBegin, bdrvDrainedEnd } from '../../../src/block/graph/drain.ts';
import { bdrvDecInFlight, bdrvIncInFlight } from '../../../src/block/graph/in-flight.ts';
import { allNodes } from '../../../src/block/graph/node-lists.ts';
import { bdrvUnref } from '../../../src/block/graph/nodes.ts';
import { bdrvCoEnter, bdrvCoLeave, bdrvCoroutineEnter, bdrvGetAioContext } from '../../../src/block/requests/node-context.ts';
import { chain, childOfUser, plainFormat, plainNode, plainProtocol, stack, stopUsing, useNode } from '../support/graph.ts';

let iothread: AioContext;

beforeEach(() => {
  iothread = iothreadNew('io');
});

afterEach(() => {
  iothreadDestroy('io');
  expect(allNodes().map((bs) => bs.nodeName)).toEqual([]);
  expect([mainContext.externalDisabled, iothread.externalDisabled]).toEqual([0, 0]);
});

/** A driver that notes its moves. */
const noting = (log: string[]) => ({
  ...plainFormat,
  bdrvDetachAioContext: (bs: BlockDriverState) => void log.push(`${bs.nodeName} leaves`),
  bdrvAttachAioContext: (bs: BlockDriverState, context: AioContext) => void log.push(`${bs.nodeName} comes to ${context.name}`),
});

describe('a move', () => {
  test('takes along all that is connected: parents leave before children, and come after them', async () => {
    const log: string[] = [];
    const [top, bottom] = [plainNode('top', noting(log)), plainNode('bottom', noting(log))];
    await stack(top, bottom);
    const user = await useNode(top, 'user');
    await bdrvTrySetAioContext(bottom, iothread);
    expect(log).toEqual(['top leaves', 'bottom leaves', 'bottom comes to io', 'top comes to io']);
    expect([top.aioContext, bottom.aioContext, user.context].map((context) => context.name)).toEqual(['io', 'io', 'io']);
    expect(top.quiesceCounter).toBe(0);
    await stopUsing(user);
    await bdrvUnref(top);
  });

  test('is refused before anything moves, and names who is against it', async () => {
    const [format, file] = await chain('format', 'file');
    const user = await useNode(format, 'user', 0, 31, { getParentDesc: () => "user 'stubborn'" });
    await expect(bdrvTrySetAioContext(file, iothread)).rejects.toThrow("Changing iothreads is not supported by user 'stubborn'");
    expect([format.aioContext, file.aioContext]).toEqual([mainContext, mainContext]);
    if (!user.edge) throw new Error('no edge');
    await bdrvChildTrySetAioContext(format, iothread, user.edge);
    expect(file.aioContext).toBe(iothread);
    expect(() => bdrvCanSetAioContext(file, mainContext, new Set())).toThrow('stubborn');
    expect(() => bdrvChildCanSetAioContext(file.parents[0] as BdrvChild, mainContext, new Set([user.edge as BdrvChild]))).not.toThrow();
    await bdrvChildTrySetAioContext(format, mainContext, user.edge);
    await stopUsing(user);
    await bdrvUnref(format);
  });

  test('waits for what is in flight', async () => {
    const node = plainNode('node');
    bdrvIncInFlight(node);
    const moved = bdrvTrySetAioContext(node, iothread);
    await new Promise((resolve) => setImmediate(resolve));
    expect(node.aioContext).toBe(mainContext);
    bdrvDecInFlight(node);
    await moved;
    expect(node.aioContext).toBe(iothread);
    await bdrvUnref(node);
  });

  test('of a drained node keeps clients off in its new context', async () => {
    const node = plainNode('node');
    await bdrvDrainedBegin(node);
    await bdrvTrySetAioContext(node, iothread);
    expect([mainContext.externalDisabled, iothread.externalDisabled]).toEqual([0, 1]);
    await bdrvDrainedEnd(node);
    await bdrvUnref(node);
  });

  test('follows no edge that is to be ignored', async () => {
    const [format, file] = await chain('format', 'file');
    const [edge] = file.parents;
    if (!edge) throw new Error('no edge');
    await bdrvSetAioContextIgnore(file, iothread, new Set([edge]));
    expect([format.aioContext, file.aioContext]).toEqual([mainContext, iothread]);
    await bdrvSetAioContextIgnore(file, mainContext, new Set([edge]));
    await bdrvUnref(format);
  });
});

describe('listeners', () => {
  test('are told before and after, and can go while they are told', async () => {
    const log: string[] = [];
    const node = plainNode('node');
    const attached = (context: AioContext, opaque: unknown): void => {
      log.push(`${String(opaque)}: in ${context.name}`);
      bdrvRemoveAioContextNotifier(node, attached, detach, opaque);
    };
    const detach = (opaque: unknown): void => void log.push(`${String(opaque)}: leaves ${node.aioContext.name}`);
    bdrvAddAioContextNotifier(node, attached, detach, 'a');
    bdrvAddAioContextNotifier(node, attached, detach, 'b');
    await bdrvTrySetAioContext(node, iothread);
    expect(log).toEqual(['a: leaves main', 'b: leaves main', 'a: in io', 'b: in io']);
    await bdrvTrySetAioContext(node, mainContext);
    expect(log.length).toBe(4);
    expect(() => bdrvRemoveAioContextNotifier(node, attached, detach, 'a')).toThrow('no such listener');
    bdrvAddAioContextNotifier(node, attached, detach, 'c');
    bdrvRemoveAioContextNotifier(node, attached, detach, 'c');
    expect(node.aioNotifiers).toEqual([]);
    await bdrvUnref(node);
  });
});

describe('the context of a parent', () => {
  test('is asked of its class; a class that does not know says the main one', async () => {
    const [format, file] = await chain('format', 'file');
    const user = await useNode(format, 'user');
    await bdrvTrySetAioContext(format, iothread);
    expect(bdrvChildGetParentAioContext(file.parents[0] as BdrvChild)).toBe(iothread);
    expect(childOfBdsGetParentAioContext(file.parents[0] as BdrvChild)).toBe(iothread);
    expect(bdrvChildGetParentAioContext(user.edge as BdrvChild)).toBe(iothread);
    expect(bdrvChildGetParentAioContext({ ...(user.edge as BdrvChild), klass: {} })).toBe(mainContext);
    expect(childOfBdsGetParentAioContext({ ...(user.edge as BdrvChild), klass: childOfUser })).toBe(mainContext);
    await stopUsing(user);
    await bdrvUnref(format);
  });
});

describe('coroutines', () => {
  test('go to the node, count as in flight there, and come back', async () => {
    const node = plainNode('node', plainProtocol);
    await bdrvTrySetAioContext(node, iothread);
    const contexts = await aioCoEnter(mainContext, async () => {
      const old = await bdrvCoEnter(node);
      const there = [qemuGetCurrentAioContext().name, node.inFlight];
      await bdrvCoLeave(node, old);
      return [...there, qemuGetCurrentAioContext().name, node.inFlight];
    });
    expect(contexts).toEqual(['io', 1, 'main', 0]);
    expect(bdrvGetAioContext(node)).toBe(iothread);
    await bdrvUnref(node);
  });

  test('are started at the node', async () => {
    const node = plainNode('node', plainProtocol);
    await bdrvTrySetAioContext(node, iothread);
    const where = await new Promise((resolve) => {
      bdrvCoroutineEnter(node, () => Promise.resolve(resolve(qemuGetCurrentAioContext().name)));
    });
    expect(where).toBe('io');
    await bdrvUnref(node);
  });

  test('of the main thread take the lock of a node elsewhere, and none of the main context', async () => {
    const [here, there] = [plainNode('here'), plainNode('there')];
    await bdrvTrySetAioContext(there, iothread);
    await aioCoEnter(mainContext, async () => {
      await bdrvCoLock(here);
      await bdrvCoLock(there);
      expect([mainContext.lockDepth, iothread.lockDepth, iothread.lockHolder]).toEqual([0, 1, mainContext.thread]);
      await bdrvCoUnlock(there);
      await bdrvCoUnlock(here);
    });
    expect(iothread.lockHolder).toBeNull();
    await bdrvUnref(here);
    await bdrvUnref(there);
  });
});
