/** How a trace compares with the call graph and the findings. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { gsio, type Outcome } from '../support/command.ts';
import { programFolder, RUN_TYPESCRIPT } from './program-folder.ts';

async function traced(files: Readonly<Record<string, string>>): Promise<string> {
  const cwd = programFolder(files);
  expect(await gsio(cwd, ['trace', '--', ...RUN_TYPESCRIPT, 'main.ts'], { env: process.env as Record<string, string> })).toMatchObject({ status: 0, out: '' });
  return cwd;
}

async function recall(cwd: string, ...words: string[]): Promise<Outcome> {
  return gsio(cwd, ['recall', 'gsio-trace.json', ...words]);
}

const DISK = `export interface Driver { read(sector: number): string }
export class FileDriver implements Driver { read(sector: number): string { return show(sector); } }
export class NullDriver implements Driver { read(): string { return ''; } }
export function show(sector: number): string { return String(sector); }
`;

describe('calls', () => {
  test('that the graph has make its recall; the other targets its precision', async () => {
    const cwd = await traced({
      'disk.ts': DISK,
      'main.ts': `import { FileDriver, NullDriver, type Driver } from './disk.ts';
const drivers: Driver[] = [new FileDriver()];
if (drivers.length > 1) drivers.push(new NullDriver());
for (const driver of drivers) driver.read(1);
`,
    });
    const first = await recall(cwd);
    expect(first).toEqual({ status: 0, err: '', out: `Recall      100.0 % of 2 recorded calls between functions of the project are in the call graph
            100.0 % at the very call

Precision   1.50 targets for each of 2 call sites that call code of the project
            1.50 for each of 2 call sites that ran; 66.6 % of these targets were seen

  Most targets:
    targets  seen  call         at            in
    2        1     driver.read  main.ts:4:31  <module>

Violations  0 recorded, 0 of them without a finding that tells of it
` });
    expect(await recall(cwd)).toEqual(first);
    const { out } = await recall(cwd, '--format', 'json');
    expect(JSON.parse(out)).toMatchObject({ schemaVersion: 1, recall: 1, recallAtSite: 1, targetsPerCallSite: 1.5, calls: 2, misses: [], violations: [] });
  });

  test('that the graph lacks are listed by cause', async () => {
    const cwd = await traced({
      'disk.ts': DISK,
      'main.ts': `import { show } from './disk.ts';
const table: any = { show };
table.show(1);
const log = { toJSON: () => show(2) };
JSON.stringify(log);
function run(callback: () => void): void { callback(); }
run(() => {});
function replaced(): void {}
const api = { call(): void {} };
Reflect.set(api, 'call', replaced);
api.call();
`,
    });
    const { status, out } = await recall(cwd, '--format', 'json');
    const { misses } = JSON.parse(out) as { misses: { cause: string; line: number; caller: string; function: string; detail: string }[] };
    expect(misses.map(({ cause, line, function: fn, detail }) => [cause, line, fn, detail])).toEqual([
      ['other-targets', 11, 'replaced', 'api.call'],
      ['through-library', 5, 'log.toJSON', 'JSON.stringify'],
      ['unresolved', 3, 'show', 'any-typed'],
    ]);
    expect(status).toBe(0);
    const pretty = (await recall(cwd)).out;
    expect(pretty).toContain('  Missed: a library runs the function: 1\n    main.ts:5:1  <module> runs log.toJSON (main.ts:4), by JSON.stringify\n');
    expect(pretty).toContain('  Missed: nothing is known that the call could run (any-typed): 1\n    main.ts:3:1  <module> runs show (disk.ts:4)\n');
    expect(pretty).toContain('; the graph has api.call\n');
  });

  test('of callbacks that begin in another context, and those that foreign code made, are not counted', async () => {
    const cwd = await traced({
      'outside/plugin.mjs': 'export function load(callback) { return callback(); }\n',
      'main.ts': `/** @runs callback io */
function schedule(callback: () => void): void { queue.push(callback); }
const queue: (() => void)[] = [];
schedule(() => {});
for (const callback of queue) callback();
const plugin = await import('./outside/' + 'plugin.mjs') as { load(callback: () => void): void };
plugin.load(() => {});
`,
    });
    const { out } = await recall(cwd, '--format', 'json');
    expect(JSON.parse(out)).toMatchObject({ calls: 1, scheduled: 1, untraced: 1, misses: [] });
  });
});

describe('a failed assertion', () => {
  const program = (call: string): Record<string, string> => ({
    'main.ts': `import { GLOBAL_STATE_CODE, setContextProvider } from 'gsio/runtime';
setContextProvider({ inMainThread: () => false, inCoroutine: () => false });
const table: any = { resize };
/** @globalState */
function resize(): void {
  GLOBAL_STATE_CODE();
}
/** @io */
function request(): void {
  ${call}
}
try { request(); } catch { /* as it must */ }
`,
  });

  test('that a finding tells of passes', async () => {
    const { status, out } = await recall(await traced(program('resize();')));
    expect(out).toContain('Violations  1 recorded, 0 of them without a finding that tells of it\n    resize (GLOBAL_STATE_CODE) in another thread at main.ts:6: gs-from-io main.ts:10\n');
    expect(status).toBe(0);
  });

  test('that none tells of fails', async () => {
    const { status, out } = await recall(await traced(program('table.resize();')));
    expect(out).toContain('Violations  1 recorded, 1 of them without a finding that tells of it\n  ! resize (GLOBAL_STATE_CODE) in another thread at main.ts:6: no finding\n        called from main.ts:10\n        called from main.ts:12\n');
    expect(status).toBe(1);
  });
});

test('a trace of other source is refused, in one sentence', async () => {
  const cwd = await traced({ 'main.ts': 'function run(): void {}\nrun();\n' });
  const told = async (...words: string[]): Promise<string> => {
    const { status, out, err } = await gsio(cwd, words);
    expect([status, out]).toEqual([2, '']);
    return err.split('\n')[0] ?? '';
  };
  expect(await told('recall', 'none.json')).toBe('gsio: The trace none.json cannot be read.');
  expect(await told('recall', 'package.json')).toBe('gsio: package.json is not a trace.');
  expect(await told('recall', 'gsio-trace.json', '--format', 'html')).toBe('gsio: Unknown format "html"; did you mean "json"?');
  fs.writeFileSync(path.join(cwd, 'main.ts'), 'function run(): void {}\n\nrun();\n');
  expect(await told('recall', 'gsio-trace.json')).toBe('gsio: main.ts has changed since gsio-trace.json was recorded.');
  fs.writeFileSync(path.join(cwd, 'other.ts'), 'export {};\n');
  fs.rmSync(path.join(cwd, 'main.ts'));
  expect(await told('recall', 'gsio-trace.json')).toBe('gsio: gsio-trace.json was recorded of main.ts, which does not exist here.');
  fs.writeFileSync(path.join(cwd, 'gsio-trace.json'), JSON.stringify({ schemaVersion: 2, files: [], functions: [], sites: [], calls: [], violations: [] }));
  expect(await told('recall', 'gsio-trace.json')).toBe('gsio: gsio-trace.json was written by another version of gsio.');
});
