/** Cheapest simple paths, against a search by hand on random networks. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cheapest, type Link, type Network } from '../../src/engine/questions/network.ts';

interface Given {
  readonly size: number;
  readonly links: readonly { readonly from: number; readonly to: number; readonly cost: number }[];
  readonly marked: readonly number[];
}

const given: fc.Arbitrary<Given> = fc.integer({ min: 2, max: 7 }).chain((size) => {
  const stop = fc.integer({ min: 0, max: size - 1 });
  return fc.record({
    size: fc.constant(size),
    links: fc.uniqueArray(fc.record({ from: stop, to: stop, cost: fc.integer({ min: 1, max: 3 }) }), { maxLength: 14, selector: ({ from, to }) => `${String(from)} ${String(to)}` }),
    marked: fc.uniqueArray(stop, { maxLength: 2 }),
  });
});

function network({ size, links, marked }: Given): Network<number, number> {
  return {
    stops: Array.from({ length: size }, (_, index) => index),
    links: links.map(({ from, to, cost }): Link<number> => ({ from, to, cost, step: cost })),
    start: 0,
    goals: new Set([size - 1]),
    identity: String,
    marks: (stop) => marked.reduce((marks, at, index) => (at === stop ? marks | (1 << index) : marks), 0),
    wanted: (1 << marked.length) - 1,
  };
}

/** The costs of all simple paths from 0 to the last stop that pass the marked ones. */
function byHand({ size, links, marked }: Given): number[] {
  const costs: number[] = [];
  const follow = (at: number, passed: readonly number[], cost: number): void => {
    for (const link of links.filter(({ from }) => from === at)) {
      if (link.to === size - 1) {
        if (marked.every((stop) => stop === link.to || passed.includes(stop))) costs.push(cost + link.cost);
      } else if (!passed.includes(link.to)) follow(link.to, [...passed, link.to], cost + link.cost);
    }
  };
  follow(0, [0], 0);
  return costs.sort((a, b) => a - b);
}

describe('cheapest paths', () => {
  test('are all there are, in the order of their costs', () => {
    fc.assert(fc.property(given, (program) => {
      const costs = cheapest(network(program), 1000).map((path) => path.reduce((sum, { step }) => sum + step, 0));
      expect(costs).toEqual(byHand(program));
    }), { numRuns: 500 });
  });

  test('are as many as wanted', () => {
    fc.assert(fc.property(given, fc.integer({ min: 1, max: 3 }), (program, count) => {
      const all = cheapest(network(program), 1000);
      expect(cheapest(network(program), count)).toEqual(all.slice(0, count));
    }), { numRuns: 200 });
  });

  test('come to no stop twice', () => {
    fc.assert(fc.property(given, (program) => {
      for (const path of cheapest(network(program), 1000)) {
        const stops = path.map(({ stop }) => stop);
        expect(new Set(stops).size).toBe(stops.length);
      }
    }), { numRuns: 200 });
  });
});
