/** What a traced program does, and what is recorded of it. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Names } from '../../src/frontend/ts/names.ts';
import type { Trace } from '../../src/model/trace.ts';
import { ts } from '../../src/project/compiler.ts';
import { instrument } from '../../src/trace/instrument.ts';
import { Places } from '../../src/trace/places.ts';
import { recordTrace } from '../../src/trace/record.ts';
import { gsio } from '../support/command.ts';
import { programFolder, RUN_TYPESCRIPT } from './program-folder.ts';

const FIXTURES = path.resolve(import.meta.dirname, '../../fixtures/trace');

function record(cwd: string, ...command: string[]): Promise<Trace> {
  return recordTrace({ projects: [], cwd, command, env: process.env, version: '0', onProgress: () => { /* silent */ } });
}

/** `caller → function`, once for each pair. */
function pairs({ calls, sites, functions }: Trace): string[] {
  const found = calls.map(({ site, function: fn }) => `${functions[sites[site]?.caller ?? -1]?.function ?? '?'} → ${functions[fn]?.function ?? '?'}`);
  return [...new Set(found)].sort();
}

describe('a traced program', () => {
  // Built by the compiler in the copy: type errors of the insertions must not stop it.
  const BUILD = `import { execFileSync } from 'node:child_process';
    import fs from 'node:fs';
    const run = (...words) => execFileSync(process.execPath, words, { encoding: 'utf8' });
    run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.json');
    fs.writeFileSync(process.argv[2], run('dist/program.js'));`;

  test.each(['constructs', 'decorators'])('does what it did before, whatever its syntax: %s', async (name) => {
    const program = fs.readFileSync(path.join(FIXTURES, `${name}.ts`), 'utf8');
    const cwd = programFolder({ 'program.ts': program, 'build.mjs': BUILD }, { outDir: 'dist', noEmitOnError: true, lib: ['es2023', 'esnext.decorators'] });
    const plain = path.join(cwd, 'plain.txt');
    const traced = path.join(cwd, 'traced.txt');
    expect(spawnSync(process.execPath, ['build.mjs', plain], { cwd, encoding: 'utf8' })).toMatchObject({ status: 0 });
    fs.rmSync(path.join(cwd, 'dist'), { recursive: true });
    const trace = await record(cwd, process.execPath, 'build.mjs', traced);
    expect(trace.status).toBe(0);
    expect(fs.readFileSync(traced, 'utf8')).toBe(fs.readFileSync(plain, 'utf8'));
    expect(fs.existsSync(path.join(cwd, 'dist'))).toBe(false);
    expect(trace.calls.length).toBeGreaterThan(name === 'constructs' ? 100 : 5);
    // All of it is one file: no call is taken for one that foreign code made.
    expect(trace.calls.filter(({ through }) => through?.kind === 'untraced')).toEqual([]);
  });

  test('keeps its lines', () => {
    const lines = (text: string): number => text.split('\n').length;
    for (const name of fs.readdirSync(FIXTURES)) {
      const text = fs.readFileSync(path.join(FIXTURES, name), 'utf8');
      expect(lines(instrumented(text))).toBe(lines(text));
    }
    // No comment and no empty line above the code: only the first line of code moves.
    const moved = instrumented('import fs from "node:fs";\nexport function read() {\n  return fs;\n}\n').split('\n');
    expect(moved[0]).toBe('// @ts-nocheck');
    expect(moved[2]).toContain('return fs');
    expect(moved).toHaveLength(5);
    expect(instrumented('#!/usr/bin/env node\nread();\nfunction read() {}\n').split('\n')[0]).toBe('#!/usr/bin/env node');
  });

  test('ends with its own status, and leaves the project as it was', async () => {
    const cwd = programFolder({ 'program.ts': 'export const size = 1;\n' });
    const before = fs.readdirSync(cwd, { recursive: true }).sort();
    expect((await record(cwd, process.execPath, '-e', 'require("node:fs").writeFileSync("made.txt", ""); process.exit(7)')).status).toBe(7);
    expect((await record(cwd, process.execPath, '-e', 'process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000)')).status).toBe(128 + 15);
    expect(fs.readdirSync(cwd, { recursive: true }).sort()).toEqual(before);
  });

  test('that cannot be started is a mistake of the user', async () => {
    const cwd = programFolder({ 'program.ts': 'export const size = 1;\n' });
    await expect(record(cwd, 'no-such-command')).rejects.toMatchObject({ code: 'command-failed', message: 'The command no-such-command cannot be started (ENOENT).' });
    expect(await gsio(cwd, ['trace', '--output', 'none/trace.json', '--', 'true'])).toMatchObject({ status: 2, out: '' });
    expect((await gsio(cwd, ['trace'])).err).toContain('Missing required argument');
  });
});

describe('recorded', () => {
  test('are calls with original positions, sorted, each with its context', async () => {
    const cwd = programFolder({
      'disk.ts': `export class Disk {
  sectors = Disk.count();
  static count(): number { return 8; }
  resize(by: number, to = this.sectors + size(by)): void { this.sectors = to; }
}
export const size = (by: number): number => by * 2;
export function* walk(disk: Disk) { yield disk.sectors; }
`,
      'main.ts': `import { setContextProvider } from 'gsio/runtime';
import { Disk, walk } from './disk.js';
let main = true;
setContextProvider({ inMainThread: () => isMain(), inCoroutine: () => false });
function isMain(): boolean { return main; }
function run(disk: Disk): void {
  disk.resize(1);
}
const disk = new Disk();
run(disk);
main = false;
run(disk);
for (const sectors of walk(disk)) [1].map(double).concat(sectors);
function double(x: number): number { return x * 2; }
`,
    });
    const trace = await record(cwd, ...RUN_TYPESCRIPT, 'main.ts');
    expect(trace.status).toBe(0);
    expect(pairs(trace)).toEqual(['<module> → double', '<module> → run', '<module> → walk', 'Disk.<fields> → Disk.count', 'Disk.resize → size', 'run → Disk.resize']);
    const { calls, sites, functions, files } = trace;
    const described = calls.map(({ site, function: fn, context: { mainThread, coroutine }, through }) => {
      const { file, line, column, endLine, endColumn } = sites[site] ?? { file: '', line: 0, column: 0, endLine: 0, endColumn: 0 };
      return [`${file}:${line}:${column}-${endLine}:${endColumn}`, functions[fn]?.function, mainThread, coroutine, through?.name ?? null];
    });
    expect(described).toEqual([
      ['disk.ts:2:13-2:25', 'Disk.count', true, false, null],
      ['disk.ts:4:42-4:50', 'size', false, false, null],
      ['disk.ts:4:42-4:50', 'size', true, false, null],
      ['main.ts:7:3-7:17', 'Disk.resize', false, false, null],
      ['main.ts:7:3-7:17', 'Disk.resize', true, false, null],
      ['main.ts:10:1-10:10', 'run', true, false, null],
      ['main.ts:12:1-12:10', 'run', false, false, null],
      ['main.ts:13:23-13:33', 'walk', false, false, null],
      ['main.ts:13:35-13:50', 'double', false, false, 'Array.map'],
    ]);
    expect(functions.find(({ function: name }) => name === 'size')).toEqual({ function: 'size', file: 'disk.ts', line: 6, column: 21, endLine: 6, endColumn: 51 });
    expect(files.map(({ file }) => file)).toEqual(['disk.ts', 'main.ts']);
    expect(await record(cwd, ...RUN_TYPESCRIPT, 'main.ts')).toEqual(trace);
  });

  test('is no call that never reached its function, and none after an exception', async () => {
    const cwd = programFolder({
      'main.ts': `function parse(text: string): unknown { return JSON.parse(text); }
function attempt(): void { try { parse('{'); } catch { handlers[0]?.(); } finally { handlers[1]?.(); } }
const handlers: (() => void)[] = [];
const handle = { get caught() { return () => {}; } };
handlers.push(handle.caught, () => {});
attempt();
await Promise.resolve().then(() => { JSON.parse('{'); }).catch(() => {});
setTimeout(later);
function later(): void { new Map([[1, 2]]).forEach(visit); }
function visit(): void {}
`,
    });
    expect(pairs(await record(cwd, ...RUN_TYPESCRIPT, 'main.ts'))).toEqual(['<module> → attempt', 'attempt → handle.caught/function@4', 'attempt → callback@5', 'attempt → parse', 'later → visit'].sort());
  });

  test('are the calls of a process that was killed, of child processes and of threads', async () => {
    const cwd = programFolder({
      'main.ts': `import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
const program = 'node_modules/jiti/lib/jiti-cli.mjs';
switch (process.argv[2]) {
  case 'child': child(); process.kill(process.pid, 'SIGKILL'); break;
  case 'thread': thread(); break;
  default:
    await once(fork(program, ['main.ts', 'child']), 'exit');
    await once(new Worker('./' + program, { argv: ['main.ts', 'thread'] }), 'exit');
}
function child(): void { deeper(); }
function thread(): void { deeper(); }
function deeper(): void {}
`,
    });
    const trace = await record(cwd, ...RUN_TYPESCRIPT, 'main.ts');
    expect(pairs(trace)).toEqual(['<module> → child', '<module> → thread', 'child → deeper', 'thread → deeper']);
    const mainThread = (name: string): unknown => trace.calls.find(({ function: fn }) => trace.functions[fn]?.function === name)?.context.mainThread;
    expect([mainThread('child'), mainThread('thread')]).toEqual([true, false]);
  });

  test('are failed assertions, with the stack in the source', async () => {
    const cwd = programFolder({
      'main.ts': `import { GLOBAL_STATE_CODE, setContextProvider } from 'gsio/runtime';
setContextProvider({ inMainThread: () => false, inCoroutine: () => false, describe: () => 'an iothread' });
function resize(): void {
  GLOBAL_STATE_CODE('resize');
}
function request(depth: number): void {
  if (depth > 0) request(depth - 1);
  else resize();
}
try { request(20); } catch { /* recorded all the same */ }
`,
    });
    const { violations } = await record(cwd, ...RUN_TYPESCRIPT, 'main.ts');
    expect(violations).toHaveLength(1);
    expect(violations[0]).toMatchObject({ function: 'resize', assertion: 'GLOBAL_STATE_CODE', needs: 'the main thread', runsIn: 'an iothread' });
    const { stack = [] } = violations[0] ?? {};
    expect(stack.map(({ file, line }) => `${file}:${line}`)).toEqual(['main.ts:4', 'main.ts:8', ...Array.from({ length: 20 }, () => 'main.ts:7'), 'main.ts:10']);
  });

  test('are calls in packages of the workspace, but none in installed ones', async () => {
    const cwd = programFolder({
      'packages/disk/package.json': '{ "name": "disk", "type": "module", "exports": "./index.ts" }',
      'packages/disk/index.ts': 'export function open(): number { return sectors(); }\nfunction sectors(): number { return 8; }\n',
      'main.ts': "import { open } from 'disk';\nopen();\n",
    });
    fs.symlinkSync('../packages/disk', path.join(cwd, 'node_modules/disk'), 'dir');
    expect(pairs(await record(cwd, ...RUN_TYPESCRIPT, 'main.ts'))).toEqual(['<module> → open', 'open → sectors']);
  });

  test('are the calls of a test-suite that vitest runs', async () => {
    const cwd = programFolder({
      'disk.ts': "import { size } from './size.ts';\nexport async function grow(by: number): Promise<number> { return (await size()) + by; }\n",
      'size.ts': 'export async function size(): Promise<number> { return real(); }\nfunction real(): number { return 4; }\n',
      'disk.test.ts': `// @vitest-environment node
import { expect, test, vi } from 'vitest';
import { grow } from './disk.ts';

vi.mock(import('./size.ts'), async (original) => {
  const { size } = await original();
  return { size: vi.fn(size) };
});

test.each([1, 2])('grows by %i', async (by) => {
  const { size } = await import('./size.ts');
  await expect(grow(by)).resolves.toBe(4 + by);
  expect(vi.mocked(size).mock.calls.length).toBe(by);
  expect({ sectors: 4 }).toMatchInlineSnapshot(\`
    {
      "sectors": 4,
    }
  \`);
});
`,
    });
    const trace = await record(cwd, process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--reporter=dot');
    expect(trace.status).toBe(0);
    expect(pairs(trace)).toEqual(['callback@10 → grow', 'grow → size', 'size → real']);
    expect(trace.calls.find(({ function: fn }) => trace.functions[fn]?.function === 'size')?.through).toMatchObject({ kind: 'library' });
  });
});

function instrumented(text: string): string {
  const source = ts.createSourceFile('/disk.ts', text, ts.ScriptTarget.ES2022, true);
  return instrument(ts, source, new Places(new Names(ts, '/')));
}
