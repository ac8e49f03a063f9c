/** The call graph of small programs, and its agreement with what the check tells of every fixture. */
import { describe, expect, test } from 'vitest';
import { buildModel } from '../../src/engine/model.ts';
import { buildCallGraph } from '../../src/engine/questions/call-graph.ts';
import type { CallGraph } from '../../src/model/questions.ts';
import { rules } from '../../rules/index.ts';
import { compile, fixturePrograms, textProgram, type FixtureProgram } from '../support/fixture-programs.ts';

function graphOf(program: FixtureProgram): CallGraph {
  return buildCallGraph([buildModel(compile(program), program.config)]);
}

/** `caller → callee kind line:column`, for the calls in the program's own files. */
function calls(text: string): string[] {
  const { functions, edges } = graphOf(textProgram('graph', { 'disk.ts': text }));
  return edges.map(({ from, to, kind, line, column }) => `${functions[from]?.function ?? ''} → ${functions[to]?.function ?? ''} ${kind} ${line}:${column}`);
}

describe('edges', () => {
  test('calls, constructions, accessors and field initialisers', () => {
    expect(calls(`class Disk {
  sectors = count();
  constructor() { this.reset(); }
  get size(): number { return this.sectors; }
  set size(value: number) { this.sectors = value; }
  reset(): void {}
}
function count(): number { return 1; }
export function open(): number {
  const disk = new Disk();
  disk.size = 2;
  return disk.size;
}
open();
`)).toEqual([
      'Disk.<fields> → count call 2:13',
      'Disk.constructor → Disk.reset call 3:19',
      'open → Disk.<fields> construct 10:16',
      'open → Disk.constructor construct 10:16',
      'open → Disk.size accessor 11:3',
      'open → Disk.size accessor 12:10',
      '<module> → open call 14:1',
    ]);
  });

  test('slots, parameters, and callbacks of what has no body', () => {
    expect(calls(`interface Driver { read(): void }
const raw: Driver = { read() {} };
declare function later(work: () => void): void;
/** @runs work io */
declare function queue(work: () => void): void;
function twice(work: () => void): void { work(); work(); }
export function open(driver: Driver = raw): void {
  driver.read();
  twice(() => {});
  [1].map(() => 1);
  later(flush);
  queue(() => {});
}
function flush(): void {}
`)).toEqual([
      'twice → open/callback@9 callback 6:42',
      'twice → open/callback@9 callback 6:50',
      'open → raw.read slot 8:3',
      'open → twice call 9:3',
      'open → open/callback@10 callback 10:3',
      'open → flush callback 11:3',
    ]);
  });

  test('listeners of an emit, and promises', () => {
    expect(calls(`import { EventEmitter } from 'node:events';
const bus = new EventEmitter();
bus.on('full', () => {});
export function open(ready: Promise<void>): void {
  bus.emit('full');
  void ready.then(() => {}).catch(fail);
}
function fail(): void {}
`)).toEqual([
      'open → callback@3 callback 5:3',
      'open → open/callback@6 callback 6:8',
      'open → fail callback 6:8',
    ]);
  });

  test('what becomes of the members of a list is no member', () => {
    expect(calls(`const rules = [{ id: 'a', judge() {} }];
export function open(): void {
  const ids = rules.map((rule) => rule.id);
  use(ids.join(), /a/.test(String(ids[0])), Math.max(...ids.map(Number)));
  rules.filter(({ id }) => id !== '').forEach((rule) => rule.judge());
}
declare function use(...values: unknown[]): void;
`)).toEqual([
      'open → open/ids.callback@3 callback 3:15',
      'open → open/callback@5 callback 5:3',
      'open → open/callback@5~2 callback 5:3',
      'open/callback@5~2 → rules.judge call 5:57',
    ]);
  });

  test('every body is listed, with the place of the whole function', () => {
    const { functions } = graphOf(textProgram('graph', { 'a.ts': '// A comment.\n\nexport const open = (): number => {\n  return 1;\n};\n', 'b.d.ts': 'export declare function close(): void;\n' }));
    expect(functions.map(({ function: name, file, line, column, endLine, endColumn }) => [name, file, line, column, endLine, endColumn])).toEqual([
      ['<module>', 'a.ts', 3, 1, 6, 1],
      ['open', 'a.ts', 3, 21, 5, 2],
    ]);
  });
});

describe('the graph and the findings', () => {
  test.each(fixturePrograms(rules.map(({ id }) => id)).map((program) => [program.name, program] as const))('%s: every hop of a path is a call of the graph', (_, program) => {
    const model = buildModel(compile(program), program.config);
    const { functions, edges } = buildCallGraph([model]);
    const known = new Set(edges.map(({ from, to, file, line, column }) => JSON.stringify([functions[from]?.function, functions[to]?.function, file, line, column])));
    const bodies = new Set(functions.map((fn) => fn.function));
    for (const { path = [] } of rules.flatMap((rule) => ('evaluate' in rule ? rule.evaluate(model.analysis) : []))) {
      path.forEach((hop, index) => {
        const before = path[index - 1];
        // A function given by name is found at the argument; one that runs in a coroutine of its own has no edge.
        if (before === undefined || hop.edge === 'callback' || !bodies.has(before.function) || !bodies.has(hop.function)) return;
        expect(known).toContain(JSON.stringify([before.function, hop.function, hop.file, hop.line, hop.column]));
      });
    }
  });
});
