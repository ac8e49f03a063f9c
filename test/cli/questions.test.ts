/** The commands that answer questions: classify, graph, why, explain. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Inventory } from '../../src/model/questions.ts';
import { gsio } from '../support/command.ts';
import { FIXTURES } from '../support/fixture-programs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const POSTED = path.join(FIXTURES, 'projects/fuse-export/posted');
const REPAIRED = path.join(FIXTURES, 'projects/fuse-export/repaired');
const TSCONFIG = '{ "compilerOptions": { "strict": true, "types": [], "lib": ["es2022"], "target": "es2022", "module": "esnext", "moduleResolution": "bundler" } }';

const project = (files: Record<string, string>): string => temporaryFolder({ 'tsconfig.json': TSCONFIG, ...files });

const DISK = `/** @asserts globalState */
declare function GLOBAL_STATE_CODE(): void;
/** @mainThreadCheck */
declare function inMainThread(): boolean;
/** @runs work globalState */
declare function runInMainThread(work: () => void): void;
/** @switchesTo globalState */
declare function toMainThread(): Promise<void>;

export interface DiskDriver {
  /** @io */
  read(sector: number): number;
  close(): void;
}

/** @globalState */
export function resizeImage(): void {
  GLOBAL_STATE_CODE();
}

function growFor(): void {
  resizeImage();
}

function countSectors(): number {
  return [1, 2].map((sector) => sectorsAt(sector)).length;
}

function sectorsAt(sector: number): number {
  return sector;
}

export const rawDriver: DiskDriver = {
  read: (sector) => sectorsAt(sector) + countSectors(),
  close() { growFor(); },
};

/** @io */
export function writeSector(): void {
  growFor();
  if (inMainThread()) shrink();
}

function shrink(): void {
  GLOBAL_STATE_CODE();
}

/** @io */
export function queueShrink(): void {
  runInMainThread(() => shrink());
}

/** @io */
export async function moveAndShrink(): Promise<void> {
  await toMainThread();
  shrink();
}

export class Cache {
  private dirty = sectorsAt(0);
  get size(): number { return this.dirty; }
  set size(value: number) { this.dirty = value; }
  /** @coroutine */
  async flush(): Promise<void> {}
  async flushTwice(): Promise<void> { await this.flush(); }
}

/** @coroutine */
export async function closeCache(cache: Cache): Promise<void> {
  await cache.flushTwice();
}
`;

interface Answer {
  paths: { function: string; file: string; line: number; column: number; edge: string; condition: unknown }[][];
  more: boolean;
  cut: { by: string; path: { function: string; condition: unknown }[] } | null;
}

async function why(cwd: string, ...words: string[]): Promise<{ status: number; answer: Answer }> {
  const { status, out } = await gsio(cwd, ['why', ...words, '--format', 'json']);
  return { status, answer: JSON.parse(out) as Answer };
}

const names = (hops: readonly { function: string }[]): string => hops.map((hop) => hop.function).join(' ');

describe('classify', () => {
  const inventory = async (cwd: string, ...words: string[]): Promise<Inventory> => JSON.parse((await gsio(cwd, ['classify', '--format', 'json', ...words])).out) as Inventory;

  test('lists named functions, with and without a body, and no callbacks or modules', async () => {
    const { functions } = await inventory(project({ 'disk.ts': DISK }));
    expect(functions.map((fn) => fn.function)).toEqual([
      'GLOBAL_STATE_CODE', 'inMainThread', 'runInMainThread', 'toMainThread', 'resizeImage', 'growFor', 'countSectors', 'sectorsAt',
      'rawDriver.read', 'rawDriver.close', 'writeSector', 'shrink', 'queueShrink', 'moveAndShrink',
      'Cache.size', 'Cache.size', 'Cache.flush', 'Cache.flushTwice', 'closeCache',
    ]);
  });

  test('tells the class, where it comes from, and what the use says', async () => {
    const { functions } = await inventory(project({ 'disk.ts': DISK }));
    const of = (name: string): unknown => functions.find((fn) => fn.function === name);
    expect(of('resizeImage')).toEqual({
      function: 'resizeImage', file: 'disk.ts', line: 17, class: 'globalState', why: 'declared', coroutine: null, inferred: { class: null, coroutine: null }, assertion: 'globalState', exportedFrom: [],
    });
    expect(of('growFor')).toMatchObject({ class: null, why: 'inferred', inferred: { class: 'globalState', coroutine: null }, assertion: null });
    expect(of('sectorsAt')).toMatchObject({ class: null, inferred: { class: 'io' } });
    expect(of('Cache.flush')).toMatchObject({ coroutine: 'coroutine', inferred: { coroutine: null } });
    expect(of('Cache.flushTwice')).toMatchObject({ coroutine: null, inferred: { class: null, coroutine: 'coroutine' } });
    expect(of('GLOBAL_STATE_CODE')).toMatchObject({ class: null, inferred: { class: null, coroutine: null } });
  });

  test('lists slots with what is in them', async () => {
    const { slots } = await inventory(project({ 'disk.ts': DISK }));
    expect(slots).toEqual([
      { table: 'DiskDriver', slot: 'read', file: 'disk.ts', line: 12, class: 'io', coroutine: null, members: ['rawDriver.read'] },
      { table: 'DiskDriver', slot: 'close', file: 'disk.ts', line: 13, class: null, coroutine: null, members: ['rawDriver.close'] },
    ]);
  });

  test('knows what API modules export, and what implements a slot', async () => {
    const { functions, slots } = await inventory(POSTED);
    expect(functions.find((fn) => fn.function === 'blkSetPerm')).toMatchObject({ exportedFrom: ['block-backend-global-state.ts'], class: 'globalState' });
    expect(slots.find((slot) => slot.slot === 'bdrvOpen')).toMatchObject({ table: 'BlockDriver', class: 'globalState', members: ['bdrvHostCdrom.bdrvOpen', 'bdrvQcow2.bdrvOpen', 'fileOpen'] });
  });

  test('PATHS choose the files', async () => {
    const { functions } = await inventory(POSTED, 'export');
    expect(new Set(functions.map((fn) => fn.file))).toEqual(new Set(['export/export.ts', 'export/fuse.ts']));
    expect(await gsio(POSTED, ['classify', 'none.ts'])).toMatchObject({ status: 2, err: expect.stringContaining('The path none.ts matches no file') as string });
  });

  test('the table has a line for each and figures at its end', async () => {
    const { status, out } = await gsio(project({ 'disk.ts': DISK }), ['classify']);
    expect(status).toBe(0);
    expect(out).toContain('disk.ts\n');
    expect(out).toMatch(/^ {2}17 {2}resizeImage +Global State +asserts$/m);
    expect(out).toMatch(/^ {2}21 {2}growFor +- \(Global State by its use\)$/m);
    expect(out).toMatch(/^ {2}12 {2}DiskDriver\.read +I\/O +slot of 1 member$/m);
    expect(out).toMatch(/\n19 functions, 4 \(21 %\) with a class: 1 Global State, 3 I\/O\.\n/);
    expect(out).toContain('1 Global State function with a body, 1 (100 %) with an assertion.\n');
    expect(out).toContain('0 exported functions of API modules, none with a class.\n');
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThan(81);
  });

  test('several projects are one inventory; what one says of another counts', async () => {
    const folder = temporaryFolder({
      'tsconfig.json': '{ "files": [], "references": [{ "path": "disk" }, { "path": "net" }] }',
      'disk/tsconfig.json': TSCONFIG.replace('{ ', '{ "references": [], ').replace('"strict"', '"composite": true, "strict"'), 'disk/disk.ts': 'export function sectorsAt(): number { return 1; }\n',
      'net/tsconfig.json': TSCONFIG.replace('{ ', '{ "references": [{ "path": "../disk" }], ').replace('"strict"', '"composite": true, "strict"'),
      'net/net-io.ts': `import { sectorsAt } from '../disk/disk';\nexport { sectorsAt };\n/** @io */\nexport function read(): void { sectorsAt(); }\n`,
    });
    const { functions } = await inventory(folder);
    expect(functions).toMatchObject([
      { function: 'sectorsAt', file: 'disk/disk.ts', inferred: { class: 'io' }, exportedFrom: ['net/net-io.ts'] },
      { function: 'read', file: 'net/net-io.ts', class: 'io' },
    ]);
    const graph = JSON.parse((await gsio(folder, ['graph', '--format', 'json'])).out) as { functions: { function: string }[]; edges: { from: number; to: number }[] };
    expect(graph.edges.map(({ from, to }) => [graph.functions[from]?.function, graph.functions[to]?.function])).toEqual([['read', 'sectorsAt']]);
    expect((await why(folder, 'read', 'sectorsAt')).status).toBe(0);
  });
});

describe('graph', () => {
  test('JSON has the keys of its readers and no others', async () => {
    const { out } = await gsio(project({ 'disk.ts': DISK.replace('return sector;', 'return (sector as any).anything();') }), ['graph', '--format', 'json']);
    const graph = JSON.parse(out) as { functions: object[]; edges: object[]; unresolved: object[] };
    expect(Object.keys(graph)).toEqual(['schemaVersion', 'functions', 'edges', 'unresolved']);
    for (const fn of graph.functions) expect(Object.keys(fn)).toEqual(['id', 'function', 'file', 'line', 'column', 'endLine', 'endColumn']);
    for (const edge of graph.edges) expect(Object.keys(edge)).toEqual(['from', 'to', 'file', 'line', 'column', 'kind']);
    expect(graph.unresolved).toEqual([{ file: 'disk.ts', line: 30, column: 10, reason: 'any-typed' }]);
  });

  test('DOT and Mermaid tell classes apart by shape and colour', async () => {
    const folder = project({ 'disk.ts': DISK });
    const dot = (await gsio(folder, ['graph'])).out;
    expect(dot).toMatch(/^digraph gsio \{$/m);
    expect(dot).toMatch(/^ {2}subgraph cluster_0 \{\n {4}label="disk\.ts";$/m);
    expect(dot).toMatch(/\[label="resizeImage", shape=box, .*fillcolor="#fbe0d3"/);
    expect(dot).toMatch(/\[label="writeSector", shape=ellipse, .*fillcolor="#d9e9fb"/);
    expect(dot).toMatch(/\[label="closeCache", shape=hexagon, .*fillcolor="#dcf2dc"/);
    expect(dot).toMatch(/-> n\d+ \[style=dotted, label="callback"\];/);
    const mermaid = (await gsio(folder, ['graph', '--format', 'mermaid'])).out;
    expect(mermaid).toMatch(/^flowchart LR\n {2}subgraph m0\["disk\.ts"\]$/m);
    expect(mermaid).toMatch(/n\d+\["resizeImage"\]:::globalState/);
    expect(mermaid).toMatch(/n\d+\(\["writeSector"\]\):::io/);
    expect(mermaid).toMatch(/n\d+\{\{"closeCache"\}\}:::coroutine/);
    expect(mermaid).toMatch(/n\d+\("#60;module#62;"\):::plain/);
  });

  test('hostile names stay names', async () => {
    const folder = project({ 'disk.ts': 'export const disk = {\n  \'a"];\\n b -> c; /* <b>`x`#quot; \\u202e\': () => 1,\n};\n' });
    const dot = (await gsio(folder, ['graph'])).out;
    expect(dot).toContain(String.raw`label="disk.a\"];\n b -> c; /* <b>` + '`x`#quot; \ufffd"');
    expect(dot.split('\n').filter((line) => line.includes(' -> '))).toHaveLength(1);
    const mermaid = (await gsio(folder, ['graph', '--format', 'mermaid'])).out;
    expect(mermaid).toContain('("disk.a#34;#93;#59;<br/> b -#62; c#59; /#42; #60;b#62;#96;x#96;#35;quot#59; #65533;")');
  });

  test('a neighbourhood of a function or file, by function or module', async () => {
    const around = async (...words: string[]): Promise<string[]> => (JSON.parse((await gsio(POSTED, ['graph', '--format', 'json', ...words])).out) as { functions: { function: string }[] }).functions.map((fn) => fn.function);
    expect(await around('--around', 'fuseEnsureLength', '--depth', '0')).toEqual(['fuseEnsureLength']);
    expect(await around('--around', 'fuseEnsureLength')).toEqual(['blkGetlength', 'fuseFallocate', 'fuseWrite', 'fuseEnsureLength', 'fuseDoTruncate']);
    expect((await around('--around', 'fuseEnsureLength', '--depth', '2')).length).toBeGreaterThan(8);
    const { modules, edges } = JSON.parse((await gsio(POSTED, ['graph', '--format', 'json', '--by', 'module'])).out) as { modules: { file: string }[]; edges: { from: number; to: number; calls: number }[] };
    const fuse = modules.findIndex(({ file }) => file === 'export/fuse.ts');
    const backend = modules.findIndex(({ file }) => file === 'block-backend-global-state.ts');
    expect(edges.find(({ from, to }) => from === fuse && to === backend)?.calls).toBeGreaterThan(3);
    expect((await gsio(POSTED, ['graph', '--by', 'module', '--around', 'export/fuse.ts'])).out).toContain('label="export/fuse.ts\\n');
  });

  test.each([
    ['an unknown format', ['--format', 'dott'], 'Unknown format "dott"; did you mean "dot"?'],
    ['an unknown grouping', ['--by', 'modul'], 'Unknown grouping "modul"; did you mean "module"?'],
    ['a depth around nothing', ['--depth', '2'], '--depth needs --around.'],
    ['a depth that is no number', ['--around', 'shrink', '--depth', 'far'], '--depth needs a whole number of 0 or more, not "far".'],
    ['an unknown function', ['--around', 'shrnk'], 'No function is called "shrnk"; did you mean "shrink"?'],
    ['a function without a body', ['--around', 'inMainThread'], 'inMainThread has no body, so it is not in the call graph.'],
    ['an output in no folder', ['--output', 'none/graph.dot'], 'The folder of the output none/graph.dot does not exist.'],
  ])('2 for %s', async (_, words, message) => {
    const { status, out, err } = await gsio(project({ 'disk.ts': DISK }), ['graph', ...words]);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain(message);
  });

  test('to a file', async () => {
    const folder = project({ 'disk.ts': DISK });
    expect(await gsio(folder, ['graph', '-o', 'graph.dot'])).toEqual({ status: 0, out: '', err: '' });
    expect(fs.readFileSync(path.join(folder, 'graph.dot'), 'utf8')).toContain('digraph gsio');
  });
});

describe('why', () => {
  test('the shortest path, with the place and reason of every hop', async () => {
    const { status, out } = await gsio(POSTED, ['why', 'fuseSetattr', 'blkSetPerm']);
    expect(status).toBe(0);
    expect(out).toBe(`One path leads from fuseSetattr (I/O by its own tag) to blkSetPerm (Global State by its own tag), with 2 calls:

  1. fuseSetattr     export/fuse.ts:94   starts here; I/O by its own tag
  2. fuseDoTruncate  export/fuse.ts:98   called; no class of its own
  3. blkSetPerm      export/fuse.ts:143  called; Global State by its own tag; in 1 more place
`);
    expect(fs.readFileSync(path.join(FIXTURES, '../README.md'), 'utf8')).toContain(out);
  });

  test('further paths, shortest first, and that there are more', async () => {
    const one = await why(POSTED, 'fuseWrite', 'blkGetlength');
    expect(one.answer.paths).toHaveLength(1);
    const all = await why(POSTED, 'fuseProcessRequest', 'blkSetPerm', '--paths', '9');
    expect(all.answer.paths.map(names)).toEqual([
      'fuseProcessRequest fuseSetattr fuseDoTruncate blkSetPerm',
      'fuseProcessRequest fuseFallocate fuseEnsureLength fuseDoTruncate blkSetPerm',
      'fuseProcessRequest fuseWrite fuseEnsureLength fuseDoTruncate blkSetPerm',
    ]);
    expect(all.answer.more).toBe(false);
    const first = await why(POSTED, 'fuseProcessRequest', 'blkSetPerm');
    expect(first.answer.more).toBe(true);
    expect((await gsio(POSTED, ['why', 'fuseProcessRequest', 'blkSetPerm'])).out).toContain('There are more: --paths 5 shows them.');
  });

  test('--through, --avoid and --kind choose among them', async () => {
    const path = async (...words: string[]): Promise<string[]> => (await why(POSTED, 'fuseProcessRequest', 'blkSetPerm', '--paths', '9', ...words)).answer.paths.map(names);
    expect(await path('--through', 'fuseWrite')).toEqual(['fuseProcessRequest fuseWrite fuseEnsureLength fuseDoTruncate blkSetPerm']);
    expect(await path('--avoid', 'fuseSetattr', '--avoid', 'fuseFallocate')).toEqual(['fuseProcessRequest fuseWrite fuseEnsureLength fuseDoTruncate blkSetPerm']);
    expect(await path('--through', 'fuseWrite', '--through', 'fuseSetattr')).toEqual([]);
    expect(await path('--kind', 'call,callback')).toEqual([]);
    expect(await path('--kind', 'call', '--kind', 'slot')).toHaveLength(3);
  });

  test('where a check cuts the way, it says so and ends with 1', async () => {
    const { status, out } = await gsio(REPAIRED, ['why', 'fuseSetattr', 'blkSetPerm']);
    expect(status).toBe(1);
    expect(out).toContain('No path leads from fuseSetattr (I/O by its own tag) to blkSetPerm (Global State by its own tag).\n');
    expect(out).toContain('What is in the way:\n  fuseDoTruncate calls blkSetPerm at export/fuse.ts:156, under a check, only in the main thread.\n');
  });

  test('an assertion, a switch and a callback for another thread are told apart', async () => {
    const folder = project({ 'disk.ts': DISK });
    const cut = async (from: string): Promise<unknown[] | undefined> => (await why(folder, from, 'shrink')).answer.cut?.path.map((hop) => hop.condition).filter((condition) => condition !== null);
    expect(await cut('writeSector')).toEqual([{ by: 'check', holds: 'main' }]);
    expect(await cut('moveAndShrink')).toEqual([{ by: 'switch', holds: 'main' }]);
    expect(await cut('queueShrink')).toEqual([{ by: 'runs', scheduler: 'runInMainThread', context: 'globalState' }]);
    expect((await gsio(folder, ['why', 'queueShrink', 'shrink'])).out).toContain('queueShrink hands over queueShrink/callback@50 at disk.ts:50, which runInMainThread runs in the main thread.');
  });

  test('where there is none at all, it says just that', async () => {
    const { status, out } = await gsio(project({ 'disk.ts': DISK }), ['why', 'sectorsAt', 'resizeImage']);
    expect({ status, out }).toEqual({ status: 1, out: 'No path leads from sectorsAt to resizeImage (Global State by its own tag).\n' });
  });

  test('a helper joins nobody with the callback of another caller', async () => {
    const folder = project({ 'disk.ts': `function retry(work: () => void): void { work(); }
function drain(): void {}
function flush(): void {}
export function read(): void { retry(() => flush()); }
export function open(): void { retry(() => drain()); }
` });
    expect(names((await why(folder, 'open', 'drain')).answer.paths[0] ?? [])).toBe('open retry open/callback@5 drain');
    const { status, answer } = await why(folder, 'read', 'drain');
    expect({ status, paths: answer.paths, by: answer.cut?.by }).toEqual({ status: 1, paths: [], by: 'arguments' });
    expect((await gsio(folder, ['why', 'read', 'drain'])).out).toContain('none of them happens with arguments that lead on to the next');
  });

  test('ends may be slots, functions without a body, library functions, or the same function', async () => {
    const folder = project({ 'disk.ts': `${DISK}
export function readFirst(driver: DiskDriver): number { return driver.read(0); }
export function countDown(from: number): void { if (from > 0) countDown(from - 1); JSON.stringify(from); }
` });
    expect((await why(folder, 'readFirst', 'DiskDriver.read')).answer.paths[0]).toMatchObject([{ edge: 'root' }, { function: 'DiskDriver.read', edge: 'slot' }]);
    expect((await why(folder, 'readFirst', 'sectorsAt')).answer.paths[0]).toMatchObject([{ edge: 'root' }, { function: 'rawDriver.read', edge: 'slot', slot: 'DiskDriver.read' }, { function: 'sectorsAt' }]);
    expect(names((await why(folder, 'writeSector', 'inMainThread')).answer.paths[0] ?? [])).toBe('writeSector inMainThread');
    expect(names((await why(folder, 'countDown', 'JSON.stringify')).answer.paths[0] ?? [])).toBe('countDown JSON.stringify');
    expect(names((await why(folder, 'countDown', 'countDown')).answer.paths[0] ?? [])).toBe('countDown countDown');
    expect((await why(folder, 'growFor', 'growFor')).status).toBe(1);
  });

  test.each([
    ['an unknown name', ['writeSektor', 'shrink'], 'No function is called "writeSektor"; did you mean "writeSector"?'],
    ['a member without its class', ['flush', 'shrink'], 'No function is called "flush"; did you mean "Cache.flush"?'],
    ['a name in the wrong file', ['net.ts#shrink', 'shrink'], 'No function is called "net.ts#shrink"; did you mean "shrink"?'],
    ['a start without a body', ['inMainThread', 'shrink'], 'inMainThread has no body that could call anything.'],
    ['an unknown kind', ['writeSector', 'shrink', '--kind', 'calls'], 'Unknown kind "calls"; did you mean "call"?'],
    ['no path at all', ['writeSector', 'shrink', '--paths', '0'], '--paths needs a whole number of 1 or more, not "0".'],
    ['one name only', ['writeSector'], "Missing required argument 'to'."],
  ])('2 for %s', async (_, words, message) => {
    const { status, out, err } = await gsio(project({ 'disk.ts': DISK }), ['why', ...words]);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toMatch(/^gsio: [^\n]+\n {2}[^\n]+\n$/);
    expect(err).toContain(message);
  });

  test('a name that fits several lists them; file or key tells them apart', async () => {
    const folder = project({ 'a/disk.ts': `export function open(): void {}\n`, 'b/disk.ts': `import { open as inner } from '../a/disk';\nexport function open(): void { inner(); }\n`, 'cache.ts': DISK });
    const { status, err } = await gsio(folder, ['why', 'open', 'growFor']);
    expect(status).toBe(2);
    expect(err).toBe('gsio: The name "open" fits 2 functions.\n  Write one of: a/disk.ts#open, b/disk.ts#open.\n');
    expect((await why(folder, 'b/disk.ts#open', 'a/disk.ts#open')).status).toBe(0);
    expect((await gsio(folder, ['explain', 'Cache.size'])).err).toContain('Write one of: cache.ts#Cache.get size, cache.ts#Cache.set size.');
    expect((await gsio(folder, ['explain', 'cache.ts#Cache.get size'])).status).toBe(0);
  });
});

describe('explain', () => {
  test('the card of a function', async () => {
    const { status, out } = await gsio(POSTED, ['explain', 'fuseDoTruncate']);
    expect(status).toBe(0);
    expect(out).toBe(`fuseDoTruncate  export/fuse.ts:137

  class      none; Global State from its use: it reaches Global State code
  assertion  none
  I/O roots  fuseFallocate, fuseSetattr, fuseWrite

Called by
  fuseSetattr       export/fuse.ts:98   I/O
  fuseEnsureLength  export/fuse.ts:133  no class

Calls
  blkGetPerm   export/fuse.ts:142  Global State
  blkSetPerm   export/fuse.ts:143  Global State; in 1 more place
  blkTruncate  export/fuse.ts:146  I/O

From I/O code, the shortest path
  1. fuseSetattr     export/fuse.ts:94  starts here; I/O by its own tag
  2. fuseDoTruncate  export/fuse.ts:98  called; I/O from its use

To Global State code, the shortest path without a check
  1. fuseDoTruncate  export/fuse.ts:137  starts here; no class of its own
  2. blkGetPerm      export/fuse.ts:142  called; Global State by its own tag
`);
  });

  test('who reaches Global State code, from either side', async () => {
    const { out } = await gsio(POSTED, ['explain', 'blkSetPerm']);
    expect(out).toMatch(/exported +from block-backend-global-state\.ts\n/);
    expect(out).toMatch(/I\/O roots +fuseFallocate, fuseSetattr, fuseWrite\n/);
    expect(out).toMatch(/GS roots +.*fuseExportCreate/);
  });

  test('slots: what is in them, and which ones a function is in', async () => {
    const slot = (await gsio(POSTED, ['explain', 'BlockDriver.bdrvOpen'])).out;
    expect(slot).toMatch(/members +bdrvHostCdrom\.bdrvOpen, bdrvQcow2\.bdrvOpen, fileOpen\n/);
    expect(slot).toMatch(/Called by\n {2}bdrvOpenDriver .*called through a slot/);
    expect((await gsio(POSTED, ['explain', 'fileOpen'])).out).toMatch(/in slots +BlockDriver\.bdrvOpen\n/);
  });

  test('rules need no project; other names do', async () => {
    const empty = temporaryFolder({});
    expect((await gsio(empty, ['explain', 'gs-from-io'])).status).toBe(0);
    expect((await gsio(empty, ['explain', 'gs-form-io'])).err).toContain('Unknown rule "gs-form-io"; did you mean "gs-from-io"?');
    const folder = project({ 'disk.ts': DISK });
    expect(await gsio(folder, ['explain', 'shrinkk'])).toMatchObject({ status: 2, err: expect.stringContaining('No rule or function is called "shrinkk"; did you mean "shrink"?') as string });
    expect((await gsio(folder, ['explain', 'shrink'])).out).toContain('shrink  disk.ts:');
  });
});

test('two runs print the same bytes', async () => {
  for (const words of [['classify', '--format', 'json'], ['classify'], ['graph', '--format', 'json'], ['graph'], ['graph', '--format', 'mermaid'], ['why', 'fuseProcessRequest', 'blkSetPerm', '--paths', '5', '--format', 'json'], ['explain', 'blkSetPerm']]) {
    const { out } = await gsio(POSTED, words);
    expect(out).not.toBe('');
    expect((await gsio(POSTED, words)).out).toBe(out);
  }
});
