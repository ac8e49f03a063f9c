/** `gsio fix`: what it writes, what it leaves alone, and that a second run finds nothing to do. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ts } from '../../src/project/compiler.ts';
import { createSourceHost } from '../../src/project/source-host.ts';
import { FIXTURES } from '../support/fixture-programs.ts';
import { gsio, type Outcome } from '../support/command.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const RUNTIME = path.resolve(import.meta.dirname, '../../src/runtime/index.ts');
const TSCONFIG = JSON.stringify({
  compilerOptions: {
    strict: true, target: 'es2022', lib: ['es2023', 'dom'], module: 'esnext', moduleResolution: 'bundler', allowImportingTsExtensions: true, noEmit: true, skipLibCheck: true, types: [],
    typeRoots: [path.resolve(import.meta.dirname, '../../node_modules/@types')], allowJs: true, paths: { 'gsio/runtime': [RUNTIME] },
  },
  include: ['**/*.ts', '**/*.js'],
});

function project(files: Record<string, string>): string {
  return temporaryFolder({ 'tsconfig.json': TSCONFIG, ...files });
}

const read = (folder: string, file: string): string => fs.readFileSync(path.join(folder, file), 'utf8');

/** Errors of the compiler, as `file: text`. */
function compileErrors(folder: string): string[] {
  const parsed = ts.getParsedCommandLineOfConfigFile(path.join(folder, 'tsconfig.json'), {}, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined });
  const options = parsed?.options ?? {};
  const program = ts.createProgram(parsed?.fileNames ?? [], options, createSourceHost(options));
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => `${path.relative(folder, file?.fileName ?? '')}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
}

/** Fixes one file and returns its text, once it compiles, is clean and stays as it is. */
async function fixed(source: string, words: readonly string[] = [], others: Record<string, string> = {}): Promise<string> {
  const folder = project({ 'disk.ts': source, ...others });
  expect((await gsio(folder, ['fix', ...words])).status).toBe(0);
  const after = read(folder, 'disk.ts');
  expect(await gsio(folder, ['fix', ...words])).toMatchObject({ status: 0, out: '', err: expect.stringContaining('Nothing to fix.') as string });
  expect(read(folder, 'disk.ts')).toBe(after);
  expect(compileErrors(folder)).toEqual([]);
  expect(await gsio(folder, ['check', '--max-warnings', '0'])).toMatchObject({ status: 0 });
  return after;
}

const IMPORT = "import { GLOBAL_STATE_CODE } from 'gsio/runtime';\n";

describe('a missing assertion', () => {
  test('becomes the first statement, and is imported', async () => {
    expect(await fixed('let sectors = 0;\n/** @globalState */\nexport function resizeImage(size: number): void {\n  sectors = size;\n}\n')).toBe(
      `${IMPORT}let sectors = 0;\n/** @globalState */\nexport function resizeImage(size: number): void {\n  GLOBAL_STATE_CODE();\n  sectors = size;\n}\n`);
  });

  test('stands behind directives and the call of the base, and before comments', async () => {
    const source = `${IMPORT}
class Node {
  name = '';
}
/** @globalState */
export class Disk extends Node {
  sectors: number; // in all
  constructor(size: number) { // of 512 bytes
    'use strict';
    super();
    // Starts with none.
    this.sectors = size;
  }
  get size(): number { return this.sectors; }
  set size(sectors: number) {this.sectors = sectors;}
  close(): void {}
  async flush(): Promise<void> {
  }
  static *all(): Generator<number> {
    yield 1;
  }
}
`;
    expect(await fixed(source)).toBe(source
      .replace('super();\n', 'super();\n    GLOBAL_STATE_CODE();\n')
      .replace('{ return', '{ GLOBAL_STATE_CODE(); return')
      .replace('{this.sectors', '{ GLOBAL_STATE_CODE();this.sectors')
      .replace('close(): void {}', 'close(): void { GLOBAL_STATE_CODE(); }')
      .replace('<void> {\n', '<void> {\n    GLOBAL_STATE_CODE();\n')
      .replace('    yield', '    GLOBAL_STATE_CODE();\n    yield'));
  });

  test('gives an arrow function a body', async () => {
    const source = `${IMPORT}let sectors = 0;
/** @globalState */
export const sizeOf = (): number => sectors;
/** @globalState */
export const stateOf = () => /* in sectors */ ({
  sectors,
});
/** @globalState */
export const grow = ((by: number) => { sectors += by; }) as (by: number) => void;
`;
    expect(await fixed(source)).toBe(`${IMPORT}let sectors = 0;
/** @globalState */
export const sizeOf = (): number => {
  GLOBAL_STATE_CODE();
  return sectors;
};
/** @globalState */
export const stateOf = () => {
  GLOBAL_STATE_CODE();
  /* in sectors */
  return ({
  sectors,
});
};
/** @globalState */
export const grow = ((by: number) => { GLOBAL_STATE_CODE(); sectors += by; }) as (by: number) => void;
`);
  });

  test('follows the habits of the file: quotes, tabs, no semicolons, line ends, sorted imports', async () => {
    const source = '\uFEFFimport { b } from "./a.ts"\r\nimport { inMainThread } from "./main.ts"\r\n\r\nlet size = b\r\n/** @globalState */\r\nexport function resizeImage() {\r\n\tif (inMainThread()) size = 1\r\n}\r\n/** @globalState */\r\nexport function list() {\r\n\t[1].forEach((each) => { size += each })\r\n}\r\n';
    const others = { 'a.ts': 'export const b = 1;\n', 'main.ts': 'export const inMainThread = (): boolean => true;\n' };
    expect(await fixed(source, [], others)).toBe(source
      .replace('import { b', 'import { GLOBAL_STATE_CODE } from "gsio/runtime"\r\nimport { b')
      .replace('\tif', '\tGLOBAL_STATE_CODE()\r\n\tif')
      .replace('\t[1]', '\tGLOBAL_STATE_CODE();\r\n\t[1]'));
  });

  test('uses the import that is there, whatever it is called', async () => {
    expect(await fixed("import { inMainThread } from 'gsio/runtime';\n/** @globalState */\nexport function close(): boolean {\n  return inMainThread();\n}\n")).toContain(
      "import { inMainThread, GLOBAL_STATE_CODE } from 'gsio/runtime';\n");
    expect(await fixed("import { GLOBAL_STATE_CODE as assertMain } from 'gsio/runtime';\n/** @globalState */\nexport function close(): void {\n}\n")).toContain('{\n  assertMain();\n}');
  });

  test('is the one that the project has, imported as the project imports', async () => {
    const own = { 'lib/assert.ts': '/** @asserts globalState */\nexport function assertMainThread(): void {}\n' };
    expect(await fixed('/** @globalState */\nexport function close(): void {\n}\n', [], own)).toBe(
      "import { assertMainThread } from './lib/assert.ts';\n/** @globalState */\nexport function close(): void {\n  assertMainThread();\n}\n");
    const js = { ...own, 'net.ts': "import { close } from './disk.js';\nclose();\n" };
    expect(await fixed('/** @globalState */\nexport function close(): void {\n}\n', [], js)).toContain("from './lib/assert.js';");
  });

  test('comes from where --import says', async () => {
    const own = { 'main.ts': "export { GLOBAL_STATE_CODE } from 'gsio/runtime';\n" };
    expect(await fixed('/** @globalState */\nexport function close(): void {\n}\n', ['--import', './main.ts'], own)).toContain("import { GLOBAL_STATE_CODE } from './main.ts';");
    const folder = project({ 'disk.ts': '' });
    expect(await gsio(folder, ['fix', '--import', './none.ts'])).toMatchObject({ status: 2, err: expect.stringContaining('The file ./none.ts does not exist.') as string });
  });

  test('of an I/O function is asked for', async () => {
    const source = '/** @io */\nexport function readSector(): number {\n  return 0;\n}\n/** @ioOrGs @coroutine */\nexport async function flush(): Promise<void> {\n}\n';
    expect(await fixed(source)).toBe(source);
    expect(await fixed(source, ['--assert-io'])).toBe(`import { IO_CODE, IO_OR_GS_CODE } from 'gsio/runtime';\n${source.replace('  return', '  IO_CODE();\n  return').replace('<void> {\n', '<void> {\n  IO_OR_GS_CODE();\n')}`);
  });

  test('is not inserted where its name means something else, nor into a script; that is told', async () => {
    const taken = '/** @globalState */\nexport function close(GLOBAL_STATE_CODE: () => void): void {\n  void 0;\n}\n';
    const script = '/** @globalState */\nfunction openImage() {\n}\n';
    const folder = project({ 'disk.ts': taken, 'page.js': script });
    expect(await gsio(folder, ['fix'])).toEqual({
      status: 0, out: '', err: 'gsio: Nothing to fix.\ngsio: 2 places left as they are:\n  close (disk.ts) gets no assertion: there is none that could be imported here under its name.\n  openImage (page.js) gets no assertion: there is none that could be imported here under its name.\n',
    });
    expect([read(folder, 'disk.ts'), read(folder, 'page.js')]).toEqual([taken, script]);
  });

  test('is left alone where it is waived, off, or commented out', async () => {
    const source = '/** @globalState */\nexport function close(): void {} // gsio-allow missing-assertion -- tests have no main thread\n/** @globalState */\nexport function open(): void {\n  // GLOBAL_STATE_CODE();\n}\n';
    const folder = project({ 'disk.ts': source });
    await gsio(folder, ['fix']);
    expect(read(folder, 'disk.ts')).toBe(source);
  });
});

describe('an assertion in the wrong place', () => {
  const body = (...lines: string[]): string => `${IMPORT}let size = 0;\n/** @globalState */\nexport function close(): void {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;

  test('moves to the start, and is not repeated', async () => {
    expect(await fixed(body('size = 1;', 'GLOBAL_STATE_CODE(); // late'))).toBe(body('GLOBAL_STATE_CODE();', 'size = 1;', ' // late'));
    expect(await fixed(body('size = 1;', 'GLOBAL_STATE_CODE();'))).toBe(body('GLOBAL_STATE_CODE();', 'size = 1;'));
    expect(await fixed(body('GLOBAL_STATE_CODE();', 'GLOBAL_STATE_CODE();', 'size = 1;'))).toBe(body('GLOBAL_STATE_CODE();', 'size = 1;'));
  });

  test('stays under a condition, and that is told', async () => {
    const source = body('if (size > 0) {', '  GLOBAL_STATE_CODE();', '}');
    const folder = project({ 'disk.ts': source });
    expect((await gsio(folder, ['fix'])).err).toContain('close (disk.ts:6) asserts under a condition; whether it may be moved is for somebody to decide.');
    expect(read(folder, 'disk.ts')).toBe(source);
  });
});

describe('tags', () => {
  test('in the wrong case are corrected', async () => {
    expect(await fixed('/** @IO */\nexport function readSector(): void {}\n')).toBe('/** @io */\nexport function readSector(): void {}\n');
  });

  test('come from the names of modules', async () => {
    const others = { 'block-io.ts': 'export function readSector(): void {}\nexport { flush } from "./disk.ts";\n' };
    const source = '/** Writes all. */\nexport function flush(): void {}\n/**\n * Not exported by any.\n */\nexport function close(): void {}\n';
    expect(await fixed(source, ['--tags', 'modules'], others)).toBe(source.replace('/** Writes all. */', '/**\n * Writes all.\n * @io\n */'));
  });

  test('come from use, as long as one follows from another, and bring their assertions', async () => {
    const source = `${IMPORT}/** @globalState */
export function resizeImage(): void {
  GLOBAL_STATE_CODE();
}
export class Disk {
  grow(): void {
    resizeImage();
  }
}
export const growAll = (disks: Disk[]): void => {
  for (const disk of disks) disk.grow();
};
/** @io */
export function readSector(): number {
  return half(4);
}
function half(size: number): number {
  return size / 2;
}
`;
    expect(await fixed(source, ['--tags', 'inferred'])).toBe(source
      .replace('  grow', '  /** @globalState */\n  grow').replace('    resizeImage', '    GLOBAL_STATE_CODE();\n    resizeImage')
      .replace('export const', '/** @globalState */\nexport const').replace('  for', '  GLOBAL_STATE_CODE();\n  for')
      .replace('function half', '/** @io */\nfunction half'));
  });

  test('come from a list of a header, with assertions', async () => {
    const list = JSON.stringify([
      { name: 'bdrv_open', tsName: 'bdrvOpen', module: 'disk', class: 'gs', coroutine: false, asserted: true },
      { name: 'bdrv_co_flush', tsName: 'bdrvCoFlush', module: 'disk', class: 'io', coroutine: true, asserted: true },
      { tsName: 'bdrvIsActive', class: 'gs-or-io' }, { tsName: 'bdrvGeneratedFlush', class: 'io', generatedCoWrapper: true },
      { tsName: 'pathHasProtocol', class: 'common' }, { tsName: 'bdrvNone', class: 'gs' }, { tsName: 'twice', class: 'io' }, { name: 'Driver.open', class: 'gs' },
      { tsName: 'bdrvSync', coroutine: true }, { tsName: 'bdrvTagged', class: 'gs' }, { tsName: 'bdrvClosed', module: 'disk', class: 'gs' },
    ]);
    const source = `/**
 * The disk.
 *
 * @module
 */
export interface Driver { open: () => void; close: () => void }
export function bdrvOpen(): void {}
/**
 * Writes all.
 *
 * @returns when all is written
 */
export const bdrvCoFlush = async (): Promise<void> => {
  await Promise.resolve();
};
export const bdrvIsActive = (): boolean => true, bdrvGeneratedFlush = async (): Promise<void> => {};
/** Tells. */
export function pathHasProtocol(path: string): boolean;
export function pathHasProtocol(path: string, deep: boolean): boolean;
export function pathHasProtocol(path: string): boolean {
  return path.includes(':');
}
export function twice(): void {}
export function bdrvSync(): number { return 0; }
/** @io */
export function bdrvTagged(): void {}
export default { bdrvClosed: (): void => {} };
`;
    const folder = project({ 'disk.ts': source, 'net.ts': 'export function twice(): void {}\n', 'list.json': list });
    expect((await gsio(folder, ['fix', '--list', 'list.json'])).err).toBe(`gsio: 6 declarations tagged, 2 assertions inserted in 1 file.
gsio: 2 places left as they are:
  bdrvSync (disk.ts) neither is async nor returns a promise, and gets no @coroutine.
  bdrvTagged (disk.ts) is tagged @io, and the list says globalState.
gsio: 1 name of the list fits functions in several files; "file" in the entry tells which:
  twice
gsio: 1 name of the list is not in the project:
  bdrvNone
`);
    expect(read(folder, 'disk.ts')).toBe(`/**
 * The disk.
 *
 * @module
 */
import { GLOBAL_STATE_CODE, IO_CODE } from 'gsio/runtime';
export interface Driver { /** @globalState */ open: () => void; close: () => void }
/** @globalState */
export function bdrvOpen(): void { GLOBAL_STATE_CODE(); }
/**
 * Writes all.
 *
 * @io
 * @coroutine
 * @returns when all is written
 */
export const bdrvCoFlush = async (): Promise<void> => {
  IO_CODE();
  await Promise.resolve();
};
export const /** @ioOrGs */ bdrvIsActive = (): boolean => true, /** @io @coroutineWrapper */ bdrvGeneratedFlush = async (): Promise<void> => {};
${source.slice(source.indexOf('/** Tells. */')).replace('export function pathHasProtocol(path: string): boolean {', '/** @common */\nexport function pathHasProtocol(path: string): boolean {')}`);
    expect(await gsio(folder, ['fix', '--list', 'list.json'])).toMatchObject({ err: expect.stringContaining('Nothing to fix.') as string });
    expect(compileErrors(folder)).toEqual([]);
  });

  test('from a list that is none are not taken', async () => {
    const folder = project({ 'disk.ts': '', 'broken.json': '[{', 'empty.json': '{}', 'nameless.json': '[{ "class": "io" }]', 'wrong.json': '[{ "name": "close", "class": "iosafe" }]' });
    for (const [file, words] of [
      ['broken.json', 'is not JSON'], ['empty.json', 'holds no list of functions'], ['nameless.json', 'has an entry [0] without a name'],
      ['wrong.json', 'names a class of [0] (close) that does not exist: "iosafe"'], ['none.json', 'cannot be read'],
    ] as const) {
      const { status, err } = await gsio(folder, ['fix', '--list', file]);
      expect([status, err.split('\n')[0]]).toEqual([2, expect.stringContaining(`The list ${file} ${words}`)]);
    }
    expect(await gsio(folder, ['fix', '--tags', 'module'])).toMatchObject({ status: 2, err: expect.stringContaining('did you mean "modules"?') as string });
  });

  test('that a whole code base has lost come back with its assertions, from the list of what it had', async () => {
    const folder = temporaryFolder({ 'package.json': '{ "type": "module" }' });
    fs.cpSync(path.join(FIXTURES, 'projects/fuse-export/repaired'), folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'tsconfig.json'), read(folder, 'tsconfig.json').replace('../../../../src/runtime/index.ts', RUNTIME).replace('"types"', `"typeRoots": [${JSON.stringify(path.resolve(import.meta.dirname, '../../node_modules/@types'))}], "types"`));
    const files = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    const original = new Map(files.map((file) => [file, read(folder, file)]));
    const classes = async (): Promise<string> => (await gsio(folder, ['classify', '--format', 'json'])).out.replaceAll(/"line":\d+/g, '"line":0');
    const before = await classes();
    fs.writeFileSync(path.join(folder, 'list.json'), before);
    for (const [file, text] of original) {
      const bare = text.replaceAll(/^[ \t]*(?:GLOBAL_STATE|IO|IO_OR_GS)_CODE\(\);\n/gm, '')
        .replaceAll(/^[ \t]*\/\*\* @(?:globalState|io|ioOrGs|common)(?: @coroutine)? \*\/\n/gm, '').replaceAll(/^[ \t]*\* @(?:globalState|io|ioOrGs|common|coroutine)\n/gm, '');
      fs.writeFileSync(path.join(folder, file), bare);
    }
    const outcome: Outcome = await gsio(folder, ['fix', '--list', 'list.json']);
    expect(outcome).toEqual({ status: 0, out: '', err: 'gsio: 142 declarations tagged, 57 assertions inserted in 26 files.\n' });
    expect(await classes()).toBe(before);
    expect(compileErrors(folder)).toEqual([]);
    expect((await gsio(folder, ['check', '--max-warnings', '0'])).status).toBe(0);
    // A tag that stood on a class stands on its constructor now, which is the only function of it.
    expect(files.filter((file) => read(folder, file) !== original.get(file))).toEqual(['errors.ts']);
  });
});

describe('what is written', () => {
  const source = '/** @globalState */\nexport function close(): void {\n}\n';

  test('is shown by --dry-run as a diff that git takes, and then not written', async () => {
    const folder = project({ 'disk.ts': source });
    expect(await gsio(folder, ['fix', '--dry-run'])).toEqual({
      status: 1,
      out: `--- a/disk.ts\n+++ b/disk.ts\n@@ -1,3 +1,5 @@\n+${IMPORT} /** @globalState */\n export function close(): void {\n+  GLOBAL_STATE_CODE();\n }\n`,
      err: 'gsio: 1 assertion inserted in 1 file; nothing is written.\n',
    });
    expect(read(folder, 'disk.ts')).toBe(source);
    await gsio(folder, ['fix']);
    expect(await gsio(folder, ['fix', '--dry-run'])).toEqual({ status: 0, out: '', err: 'gsio: Nothing to fix.\n' });
  });

  test('is limited to PATHS', async () => {
    const folder = project({ 'disk.ts': source, 'lib/net.ts': source });
    await gsio(folder, ['fix', 'lib']);
    expect([read(folder, 'disk.ts'), read(folder, 'lib/net.ts').includes('CODE();')]).toEqual([source, true]);
  });

  test('compiles and needs no second run, whatever the fixtures of all rules look like', async () => {
    const folder = project({});
    fs.cpSync(path.join(FIXTURES, 'rules'), folder, { recursive: true, filter: (file) => !/\.(?:json|jsx?|mjs)$/.test(file) });
    fs.writeFileSync(path.join(folder, 'tsconfig.json'), TSCONFIG.replace('"types":[]', '"types":["node"]'));
    const errors = compileErrors(folder);
    const words = ['fix', '--tags', 'modules,inferred', '--assert-io'];
    const { err } = await gsio(folder, words);
    expect(err).toMatch(/\d+ declarations tagged, \d+ assertions inserted/);
    expect(compileErrors(folder)).toEqual(errors);
    expect(await gsio(folder, words)).toMatchObject({ status: 0, err: expect.stringContaining('Nothing to fix.') as string });
  });
});
