import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { qemuInMainThread } from '../../../src/block/contexts/main-loop.ts';
import { mainContext } from '../../../src/block/contexts/aio-context.ts';
import { aioCoEnter, coroutineYield } from '../../../src/block/contexts/coroutine.ts';
import { qemuInCoroutine } from '../../../src/block/contexts/execution.ts';
import { iothreadDestroy, iothreadNew } from '../../../src/block/contexts/iothread.ts';
import { aioWaitKick, pollWhile } from '../../../src/block/contexts/poll.ts';
import { BDRV_CHILD_DATA } from '../../../src/block/model/constants.ts';
import type { BlockDriver } from '../../../src/block/model/driver.ts';
import type { BdrvChild, BlockDriverState } from '../../../src/block/model/node.ts';
import { bdrvTrySetAioContext } from '../../../src/block/graph/aio-context-moves.ts';
import { childOfBds } from '../../../src/block/graph/child-of-bds.ts';
import { bdrvDrainAll, bdrvDrainAllBegin, bdrvDrainAllEnd, bdrvDrainAllEndQuiesce } from '../../../src/block/graph/drain-all.ts';
import {
  bdrvApplySubtreeDrain, bdrvCoDrain, bdrvDoDrainedBeginQuiesce, bdrvDrain, bdrvDrainPoll, bdrvDrainedBegin, bdrvDrainedEnd, bdrvDrainedEndNoPoll,
  bdrvParentDrainedBeginSingle, bdrvParentDrainedEndSingle, bdrvSubtreeDrainedBegin, bdrvSubtreeDrainedEnd, bdrvUnapplySubtreeDrain, quiesceNewDriver,
} from '../../../src/block/graph/drain.ts';
import { bdrvAttachChild } from '../../../src/block/graph/edges.ts';
import { bdrvDecInFlight, bdrvIncInFlight, bdrvPollWhile } from '../../../src/block/graph/in-flight.ts';
import { allNodes } from '../../../src/block/graph/node-lists.ts';
import { bdrvRef, bdrvUnref, bdrvUnrefChild } from '../../../src/block/graph/nodes.ts';
import { bdrvReplaceChildBs } from '../../../src/block/graph/replace.ts';
import { brokenDrainCounts, chain, plainFormat, plainNode, plainProtocol, stack, stopUsing, useNode } from '../support/graph.ts';

afterEach(() => {
  expect(allNodes().map((bs) => bs.nodeName)).toEqual([]);
});

/** Whether `promise` is settled after some turns of the loop. */
async function settles(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

function parentEdge(bs: BlockDriverState): BdrvChild {
  const [edge] = bs.parents;
  if (!edge) throw new Error('no parent');
  return edge;
}

describe('a section of one node', () => {
  test('waits for what is in flight', async () => {
    const node = plainNode('node');
    bdrvIncInFlight(node);
    const begun = bdrvDrainedBegin(node);
    expect(await settles(begun)).toBe(false);
    expect(bdrvDrainPoll(node, false, null, false)).toBe(true);
    bdrvDecInFlight(node);
    await begun;
    expect(node.quiesceCounter).toBe(1);
    expect(mainContext.externalDisabled).toBe(1);
    await bdrvDrainedEnd(node);
    expect(mainContext.externalDisabled).toBe(0);
    await bdrvUnref(node);
  });

  test('stops the parents, of all kinds, and waits for them', async () => {
    const [format, file] = await chain('format', 'file');
    const user = await useNode(format, 'user');
    user.busy = 1;
    const begun = bdrvDrainedBegin(file);
    expect(user.drained).toBe(1);
    expect(await settles(begun)).toBe(false);
    user.busy = 0;
    aioWaitKick();
    await begun;
    expect([format.quiesceCounter, file.quiesceCounter]).toEqual([1, 1]);
    expect(brokenDrainCounts()).toEqual([]);
    await bdrvDrainedEnd(file);
    expect(user.drained).toBe(0);
    await stopUsing(user);
    await bdrvUnref(format);
  });

  test('of a subtree ends for a child that is taken away, and taking it waits for the child\'s driver', async () => {
    let gate: () => void = () => undefined;
    const top = plainNode('top');
    const bottom = plainNode('bottom', { ...plainProtocol, bdrvCoDrainEnd: () => new Promise((resolve) => { gate = resolve; }) });
    bdrvRef(bottom);
    const edge = await bdrvAttachChild(top, bottom, 'file', childOfBds, BDRV_CHILD_DATA);
    await bdrvSubtreeDrainedBegin(top);
    expect(bottom.quiesceCounter).toBeGreaterThan(0);
    const taken = bdrvUnrefChild(top, edge);
    expect(await settles(taken)).toBe(false);
    gate();
    await taken;
    expect(bottom.quiesceCounter).toBe(0);
    await bdrvSubtreeDrainedEnd(top);
    await bdrvUnref(bottom);
    await bdrvUnref(top);
  });

  test('nests, and an end too many is a fault', async () => {
    const node = plainNode('node');
    const user = await useNode(node, 'user');
    await bdrvDrainedBegin(node);
    await bdrvDrainedBegin(node);
    await bdrvDrainedEnd(node);
    expect([node.quiesceCounter, user.drained]).toEqual([1, 1]);
    const counter = { pending: 0 };
    bdrvDrainedEndNoPoll(node, counter);
    expect(counter.pending).toBe(0);
    await expect(bdrvDrainedEnd(node)).rejects.toThrow('never began');
    await expect(bdrvParentDrainedEndSingle(parentEdge(node))).rejects.toThrow('never began');
    await stopUsing(user);
    await bdrvUnref(node);
  });

  test('tells the driver, once, and waits for its coroutines', async () => {
    const log: string[] = [];
    let gate: () => void = () => undefined;
    const note = (what: string) => async () => {
      log.push(`${what} ${qemuInCoroutine() ? 'in a coroutine' : ''}`);
      await new Promise<void>((resolve) => {
        gate = resolve;
      });
      log.push(`${what} done`);
    };
    const driver: BlockDriver = { ...plainProtocol, bdrvCoDrainBegin: note('begin'), bdrvCoDrainEnd: note('end') };
    const node = plainNode('node', driver);
    const begun = bdrvDrainedBegin(node);
    expect(await settles(begun)).toBe(false);
    gate();
    await begun;
    bdrvDoDrainedBeginQuiesce(node, null, false);
    await bdrvDrainedEnd(node);
    const ended = bdrvDrainedEnd(node);
    expect(await settles(ended)).toBe(false);
    gate();
    await ended;
    expect(log).toEqual(['begin in a coroutine', 'begin done', 'end in a coroutine', 'end done']);
    node.drv = plainProtocol;
    await bdrvUnref(node);
  });

  test('reaches a driver that comes into a quiesced node', async () => {
    let begun = 0;
    const node = plainNode('node');
    await bdrvDrainedBegin(node);
    node.drv = { ...plainProtocol, bdrvCoDrainBegin: () => Promise.resolve().then(() => { begun++; }) };
    quiesceNewDriver(node);
    await bdrvDrain(node);
    expect(begun).toBe(1);
    await bdrvDrainedEnd(node);
    await bdrvUnref(node);
  });

  test('can be opened and closed in a coroutine: a bottom half does it', async () => {
    const node = plainNode('node');
    bdrvIncInFlight(node);
    const done = aioCoEnter(mainContext, async () => {
      await bdrvCoDrain(node);
      return qemuInCoroutine();
    });
    expect(await settles(done)).toBe(false);
    bdrvDecInFlight(node);
    expect(await done).toBe(true);
    expect(node.quiesceCounter).toBe(0);
    await bdrvUnref(node);
  });

  test('of a node of an iothread is entered from the main thread', async () => {
    const iothread = iothreadNew('io');
    const node = plainNode('node');
    await bdrvTrySetAioContext(node, iothread);
    bdrvIncInFlight(node);
    const begun = bdrvDrainedBegin(node);
    void aioCoEnter(iothread, async () => {
      await coroutineYield();
      bdrvDecInFlight(node);
    });
    await begun;
    expect(iothread.externalDisabled).toBe(1);
    await bdrvDrainedEnd(node);
    await bdrvUnref(node);
    iothreadDestroy('io');
  });
});

test('one parent can be drained by itself', async () => {
  const node = plainNode('node');
  const user = await useNode(node, 'user');
  user.busy = 1;
  const begun = bdrvParentDrainedBeginSingle(parentEdge(node), true);
  expect(await settles(begun)).toBe(false);
  user.busy = 0;
  aioWaitKick();
  await begun;
  await bdrvParentDrainedBeginSingle(parentEdge(node), false);
  expect(user.drained).toBe(2);
  await bdrvParentDrainedEndSingle(parentEdge(node));
  await bdrvParentDrainedEndSingle(parentEdge(node));
  expect(user.drained).toBe(0);
  await stopUsing(user);
  await bdrvUnref(node);
});

describe('a section of a subtree', () => {
  test('drains what is below, and waits for it', async () => {
    const [format, file] = await chain('format', 'file');
    bdrvIncInFlight(file);
    const begun = bdrvSubtreeDrainedBegin(format);
    expect(await settles(begun)).toBe(false);
    bdrvDecInFlight(file);
    await begun;
    expect([format.quiesceCounter, file.quiesceCounter]).toEqual([1, 1]);
    expect([format.recursiveQuiesceCounter, file.recursiveQuiesceCounter]).toEqual([1, 1]);
    expect(brokenDrainCounts()).toEqual([]);
    await bdrvSubtreeDrainedEnd(format);
    expect([format.quiesceCounter, file.quiesceCounter, file.recursiveQuiesceCounter]).toEqual([0, 0, 0]);
    await bdrvUnref(format);
  });

  test('takes in what is attached, and lets out what is detached', async () => {
    const format = plainNode('format');
    const file = plainNode('file', plainProtocol);
    bdrvRef(file);
    await bdrvSubtreeDrainedBegin(format);
    const edge = await bdrvAttachChild(format, file, 'file', childOfBds, BDRV_CHILD_DATA);
    expect([file.quiesceCounter, file.recursiveQuiesceCounter]).toEqual([1, 1]);
    expect(brokenDrainCounts()).toEqual([]);
    await bdrvUnapplySubtreeDrain(edge, format);
    expect(file.quiesceCounter).toBe(0);
    await bdrvApplySubtreeDrain(edge, format);
    expect(file.quiesceCounter).toBe(1);
    await bdrvUnrefChild(format, edge);
    expect([file.quiesceCounter, file.recursiveQuiesceCounter]).toEqual([0, 0]);
    await bdrvSubtreeDrainedEnd(format);
    await bdrvUnref(file);
    await bdrvUnref(format);
  });
});

describe('a section of all nodes', () => {
  test('reaches all nodes and the parents that are none, and waits for all', async () => {
    const [format, file] = await chain('format', 'file');
    const user = await useNode(format, 'user');
    bdrvIncInFlight(file);
    const begun = bdrvDrainAllBegin();
    expect(await settles(begun)).toBe(false);
    bdrvDecInFlight(file);
    await begun;
    expect([format.quiesceCounter, file.quiesceCounter, user.drained]).toEqual([1, 1, 1]);
    expect(brokenDrainCounts()).toEqual([]);
    const late = plainNode('late');
    expect(late.quiesceCounter).toBe(1);
    await bdrvDrainAllEnd();
    expect([format.quiesceCounter, file.quiesceCounter, late.quiesceCounter, user.drained]).toEqual([0, 0, 0, 0]);
    await bdrvDrainAll();
    await stopUsing(user);
    await bdrvUnref(late);
    await bdrvUnref(format);
  });

  test('is left by a node that is closed in it', async () => {
    await bdrvDrainAllBegin();
    const node = plainNode('node');
    expect(() => bdrvDrainAllEndQuiesce(node)).toThrow('is in use');
    await bdrvUnref(node);
    expect(node.quiesceCounter).toBe(0);
    await bdrvDrainAllEnd();
    expect(mainContext.externalDisabled).toBe(0);
  });

  test('in a coroutine, a bottom half of the main loop does it', async () => {
    const node = plainNode('node');
    await aioCoEnter(mainContext, async () => {
      await bdrvDrainAllBegin();
      expect(node.quiesceCounter).toBe(1);
      await bdrvDrainAllEnd();
    });
    expect(node.quiesceCounter).toBe(0);
    await bdrvUnref(node);
  });
});

describe('waiting', () => {
  test('for a condition of a node, in plain code and in a coroutine', async () => {
    const node = plainNode('node');
    let busy = true;
    const plain = bdrvPollWhile(node, () => busy);
    const coroutine = aioCoEnter(mainContext, () => pollWhile(mainContext, () => busy));
    expect(await settles(Promise.all([plain, coroutine]))).toBe(false);
    busy = false;
    aioWaitKick();
    await plain;
    await coroutine;
    await aioCoEnter(mainContext, () => pollWhile(null, () => false));
    expect(qemuInMainThread()).toBe(true);
    await bdrvUnref(node);
  });
});

describe('properties', () => {
  test('counters agree with each other after any changes, and are back at 0 when all sections have ended', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constantFrom('begin', 'subtree'), node: fc.nat(4) }),
      fc.record({ kind: fc.constantFrom('end'), node: fc.nat(20) }),
      fc.record({ kind: fc.constantFrom('attach', 'detach', 'replace'), node: fc.nat(4), other: fc.nat(4) }),
      fc.record({ kind: fc.constantFrom('all') }),
    );
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const nodes = ['n0', 'n1', 'n2', 'n3', 'n4'].map((name) => plainNode(name, plainFormat));
      const users = [];
      for (const bs of nodes) users.push(await useNode(bs, `user of ${bs.nodeName}`));
      const ends: (() => Promise<void>)[] = [];
      for (const one of steps) {
        await take(one, nodes, ends);
        expect(brokenDrainCounts()).toEqual([]);
        for (const user of users) expect(user.drained).toBe(user.edge?.bs?.quiesceCounter);
      }
      for (const end of ends) await end();
      expect(nodes.map((bs) => [bs.quiesceCounter, bs.recursiveQuiesceCounter])).toEqual(nodes.map(() => [0, 0]));
      for (const user of users) await stopUsing(user);
      for (const bs of nodes) await bdrvUnref(bs);
      expect(mainContext.externalDisabled).toBe(0);
    }), { numRuns: 80 });
  });

  interface Step {
    readonly kind: string;
    readonly node?: number;
    readonly other?: number;
  }

  async function take(step: Step, nodes: readonly BlockDriverState[], ends: (() => Promise<void>)[]): Promise<void> {
    const { kind, node = 0, other = 0 } = step;
    const [above, below] = [nodes[Math.min(node, other)], nodes[Math.max(node, other)]];
    const bs = nodes[node];
    if (kind === 'all') {
      await bdrvDrainAllBegin();
      ends.push(bdrvDrainAllEnd);
    } else if (kind === 'end') {
      const [end] = ends.splice(node % Math.max(ends.length, 1), 1);
      await end?.();
    } else if (kind === 'begin' && bs) {
      await bdrvDrainedBegin(bs);
      ends.push(() => bdrvDrainedEnd(bs));
    } else if (kind === 'subtree' && bs) {
      await bdrvSubtreeDrainedBegin(bs);
      ends.push(() => bdrvSubtreeDrainedEnd(bs));
    } else if (above && below && above !== below) {
      await changeEdge(kind, above, below);
    }
  }

  /** Edges lead from lower to higher numbers, so that there is no cycle. */
  async function changeEdge(kind: string, above: BlockDriverState, below: BlockDriverState): Promise<void> {
    const edge = above.children[0];
    if (kind === 'attach') {
      bdrvRef(below);
      await bdrvAttachChild(above, below, 'data', childOfBds, BDRV_CHILD_DATA);
    } else if (kind === 'detach') {
      await bdrvUnrefChild(above, edge ?? null);
    } else if (edge) {
      await bdrvReplaceChildBs(edge, below);
    }
  }
});

test('a stack is drained upwards only', async () => {
  const [top, bottom] = [plainNode('top'), plainNode('bottom')];
  await stack(top, bottom);
  await bdrvDrainedBegin(top);
  expect([top.quiesceCounter, bottom.quiesceCounter]).toEqual([1, 0]);
  await bdrvDrainedEnd(top);
  await bdrvUnref(top);
});
