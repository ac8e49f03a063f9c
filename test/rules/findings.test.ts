/** What findings say besides their place: function, target, path, roots, message and hint. */
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/model/finding.ts';
import { analyzeFixture, textProgram } from '../support/fixture-programs.ts';

function findings(files: Readonly<Record<string, string>> | string): readonly Finding[] {
  return analyzeFixture(textProgram('findings', typeof files === 'string' ? { 'disk.ts': files } : files)).findings;
}

function only(files: Readonly<Record<string, string>> | string): Finding {
  const [first, ...others] = findings(files);
  if (first === undefined || others.length > 0) throw new Error(`expected one finding, got ${JSON.stringify([first, ...others], null, 2)}`);
  return first;
}

function route(finding: Finding): string[] {
  return finding.path.map((hop) => `${hop.edge} ${hop.function} ${hop.class ?? '-'} ${hop.why}`);
}

const RESIZE = '/** @globalState */ declare function resizeImage(sectors?: number): void;\n';
const EXPORTED_RESIZE = RESIZE.replace('declare', 'export declare');

describe('gs-from-io', () => {
  it('names caller and target, stands at the call, and leads from the root to the target', () => {
    const finding = only({
      'image.ts': EXPORTED_RESIZE,
      'disk.ts': `import { resizeImage } from './image.ts';
function growFor(): void {
  resizeImage(1);
}
/** @io */
export function writeSector(): void {
  growFor();
}
`,
    });
    expect(finding).toMatchObject({ rule: 'gs-from-io', level: 'error', file: 'disk.ts', line: 3, column: 3, endLine: 3, endColumn: 17, function: 'growFor', target: 'resizeImage', roots: 1 });
    expect(route(finding)).toEqual(['root writeSector io declared', 'call growFor io inferred', 'call resizeImage globalState declared']);
    expect(finding.path.map((hop) => `${hop.file}:${String(hop.line)}:${String(hop.column)}`)).toEqual(['disk.ts:6:17', 'disk.ts:7:3', 'disk.ts:3:3']);
    expect(finding.message).toBe('growFor is reached from writeSector (I/O code), and calls resizeImage, which is Global State.');
    expect(finding.hint).not.toContain('\n');
  });

  it('takes a shortest path and counts the roots', () => {
    const finding = only(`${RESIZE}
function grow(): void { resizeImage(); }
function growSlowly(): void { grow(); }
/** @io */ export function readSector(): void { growSlowly(); }
/** @ioOrGs */ export function writeSector(): void { grow(); }
/** @common */ export function discard(): void { growSlowly(); }
`);
    expect(finding.roots).toBe(3);
    expect(route(finding)).toEqual(['root writeSector ioOrGs declared', 'call grow ioOrGs inferred', 'call resizeImage globalState declared']);
    expect(finding.message).toBe('grow is reached from writeSector (I/O-or-GS code) and 2 more roots, and calls resizeImage, which is Global State.');
  });

  it('says so where the caller is the root', () => {
    const finding = only(`${RESIZE}/** @io */ export function writeSector(): void { resizeImage(); }`);
    expect(finding.message).toBe('writeSector is I/O code and calls resizeImage, which is Global State.');
    expect(route(finding)).toEqual(['root writeSector io declared', 'call resizeImage globalState declared']);
  });

  it('names the callback that runs in I/O context as the root', () => {
    const finding = only(`${RESIZE}/** @runs work io */ declare function runInIothread(work: () => void): void;
export function start(): void {
  runInIothread(() => {
    resizeImage();
  });
}`);
    expect(finding).toMatchObject({ line: 5, target: 'resizeImage', roots: 1 });
    expect(finding.path[0]?.edge).toBe('root');
    expect(finding.function).toMatch(/^start\/callback@4$/);
  });

  it('stands at the argument where a function is handed over by name', () => {
    const finding = only(`${RESIZE}/** @runs work io */ declare function runInIothread(work: () => void): void;
export function start(): void {
  runInIothread(resizeImage);
}`);
    expect(finding).toMatchObject({ line: 4, column: 17, endColumn: 28, target: 'resizeImage' });
  });

  it('tells constructions, accessors and slots apart in the path', () => {
    const found = findings(`
/** @globalState */ declare class Snapshot { constructor(); }
declare class Disk {
  /** @globalState */ get mode(): number;
}
interface BlockDriver {
  /** @globalState */ close: () => void;
}
/** @io */ export function writeSector(disk: Disk, driver: BlockDriver): unknown {
  new Snapshot();
  disk.mode;
  driver.close();
  return null;
}`);
    expect(found.map((finding) => finding.path.at(-1)?.edge)).toEqual(['construct', 'accessor', 'slot']);
    expect(found.map((finding) => finding.line)).toEqual([10, 11, 12]);
    expect(found[2]?.target).toBe('BlockDriver.close');
  });

  it('says inherited and module where a class comes from there', () => {
    const found = findings({
      'graph.ts': '/**\n * @module\n * @globalState\n */\nexport declare function attach(): void;\n',
      'disk.ts': `import { attach } from './graph.ts';
interface Driver {
  /** @io */ read(): void;
}
export class Raw implements Driver {
  read(): void { attach(); }
}`,
    });
    expect(found.map(route)).toEqual([['root Raw.read io inherited', 'call attach globalState module']]);
  });

  it('keeps its fingerprint when lines are added above', () => {
    const code = `${RESIZE}/** @io */ export function writeSector(): void { resizeImage(); }`;
    expect(only(`// a comment\n\n${code}`).fingerprint).toBe(only(code).fingerprint);
    expect(only(code).fingerprint).not.toBe('');
  });

  it('tells two calls of one line apart', () => {
    const found = findings(`${RESIZE}/** @io */ export function writeSector(): void { resizeImage(1); resizeImage(2); }`);
    expect(found).toHaveLength(2);
    expect(new Set(found.map((finding) => finding.fingerprint)).size).toBe(2);
  });
});

it('perm-change-in-io names both repairs', () => {
  const finding = only(`/** @globalState @permissionApi */ declare function setPermissions(): void;
/** @io */ export function truncate(): void { setPermissions(); }`);
  expect(finding).toMatchObject({ rule: 'perm-change-in-io', level: 'error', target: 'setPermissions', function: 'truncate' });
  expect(finding.message).toContain('return an error when not in the main thread');
  expect(finding.message).toContain('take the permission once in GS code');
});

describe('assertions', () => {
  it('missing: at the name, with the hint for expression bodies', () => {
    const finding = only('/** @globalState */\nexport const isOpen = (disk: { open: boolean }): boolean => disk.open;');
    expect(finding).toMatchObject({ rule: 'missing-assertion', line: 2, column: 14, endColumn: 20, function: 'isOpen', target: 'GLOBAL_STATE_CODE' });
    expect(finding.hint).toContain('block body');
  });

  it('missing: says where the class comes from', () => {
    expect(only('interface Driver {\n  /** @globalState */ close(): void;\n}\nexport class Raw implements Driver { close(): void {} }').message).toContain('what it implements or overrides');
  });

  it('mismatch: at the assertion', () => {
    const finding = only("import { GLOBAL_STATE_CODE } from 'gsio/runtime';\n/** @io */\nexport function read(): void {\n  GLOBAL_STATE_CODE();\n}");
    expect(finding).toMatchObject({ rule: 'assertion-mismatch', line: 4, column: 3, target: 'GLOBAL_STATE_CODE', function: 'read' });
  });

  it('placement: a warning at the assertion', () => {
    const finding = only("import { GLOBAL_STATE_CODE } from 'gsio/runtime';\n/** @globalState */\nexport function open(): void {\n  open();\n  GLOBAL_STATE_CODE();\n}");
    expect(finding).toMatchObject({ rule: 'assertion-placement', level: 'warning', line: 5, column: 3 });
  });

  it('waived: at the comment, instead of missing', () => {
    const finding = only('/** @globalState */\nexport function open(): void {\n  // GLOBAL_STATE_CODE();\n}');
    expect(finding).toMatchObject({ rule: 'waived-assertion', line: 3, column: 3, endColumn: 26, function: 'open' });
  });
});

describe('modules', () => {
  it('misfiled: at the name, or at the name in the export clause', () => {
    const found = findings({
      'image.ts': '/** @common */ export function imageName(): string { return ""; }',
      'image-io.ts': "export { imageName as label } from './image.ts';\n/** @common */ export function size(): number { return 0; }",
    });
    expect(found.map((f) => `${f.rule} ${f.file}:${String(f.line)}:${String(f.column)} ${f.function}`)).toEqual([
      'misfiled-api image-io.ts:1:23 label', 'misfiled-api image-io.ts:2:32 size',
    ]);
  });

  it('unclassified: a warning', () => {
    expect(only({ 'image-io.ts': 'export function size(): number { return 0; }' })).toMatchObject({ rule: 'unclassified-api', level: 'warning', function: 'size' });
  });
});

describe('unused-waiver', () => {
  it.each([
    ['// gsio-allow gs-from-io -- done elsewhere', 'The waiver of gs-from-io suppresses nothing.'],
    ['// gsio-allow gs-from-io, dual-us -- done elsewhere', 'The waiver names dual-us, which is no rule of gsio.'],
    ['// gsio-allow gs-from-io', 'The waiver of gs-from-io has no reason and suppresses nothing.'],
    ['// gsio-allow -- because', 'The waiver names no rule and suppresses nothing.'],
  ])('%s', (comment, message) => {
    const finding = only(`${comment}\nexport const size = 1;`);
    expect(finding).toMatchObject({ rule: 'unused-waiver', level: 'warning', line: 1, column: 1, message });
  });
});

describe('slots', () => {
  const TABLE = 'interface Driver {\n  /** @io */ flush(): void;\n  /** @globalState */ close(): void;\n}\n';

  it('callback-class: at the property, with both classes and the slot', () => {
    const finding = only(`${RESIZE}${TABLE}export const raw: Driver = { flush: resizeImage, close: resizeImage };`);
    expect(finding).toMatchObject({ rule: 'callback-class', level: 'error', line: 6, column: 30, endColumn: 35, target: 'resizeImage' });
    expect(finding.message).toBe('resizeImage is @globalState and is put into the slot Driver.flush, which is @io.');
  });

  it('slot-call-unasserted: at the call', () => {
    const found = findings(`${TABLE}export function close(driver: Driver): void {\n  driver.close();\n}`);
    expect(found.filter((finding) => finding.level !== 'info')).toMatchObject([{ rule: 'slot-call-unasserted', line: 6, column: 3, function: 'close', target: 'Driver.close' }]);
  });

  it('dual-use: at the name, with a user of each kind and the way on', () => {
    const found = findings(`${RESIZE}function grow(): void { resizeImage(); }
/** @io */ export function writeSector(): void { grow(); }
/** @globalState */ export function open(): void { GLOBAL_STATE_CODE(); grow(); }
/** @asserts globalState */ declare function GLOBAL_STATE_CODE(): void;`).filter((finding) => finding.rule === 'dual-use');
    expect(found).toMatchObject([{ line: 2, column: 10, endColumn: 14, function: 'grow', target: 'resizeImage' }]);
    expect(found[0]?.message).toBe('grow runs for Global State code (open) and for I/O code (writeSector), and reaches resizeImage, which is Global State.');
  });
});

describe('coroutines', () => {
  const READ = '/** @coroutine */ export async function readSector(): Promise<void> {}\n';

  it('coroutine-context: one finding a call, with the way to it', () => {
    const found = findings(`${READ}/** @io */ export function serve(): void {\n  readSector();\n}`);
    expect(found).toMatchObject([{ rule: 'coroutine-context', level: 'error', line: 3, column: 3, function: 'serve', target: 'readSector', roots: 1 }]);
    expect(found[0]?.message).toBe('serve is no coroutine and calls readSector, which is a coroutine.');
  });

  it('gs-from-coroutine: info where nothing polls', () => {
    const code = (tag: string): string => `/** @globalState ${tag} */ declare function close(task?: () => void): void;\n/** @coroutine */ export async function copy(): Promise<void> { close(); }`;
    expect(only(code('@runs task io wait'))).toMatchObject({ rule: 'gs-from-coroutine', level: 'warning' });
    expect(only(code(''))).toMatchObject({ rule: 'gs-from-coroutine', level: 'info' });
  });

  it('blocking-in-coroutine: names the root', () => {
    const finding = only("import { readFileSync } from 'node:fs';\nfunction load(): unknown { return readFileSync('header'); }\n/** @io */ export function read(): unknown { return load(); }");
    expect(finding).toMatchObject({ rule: 'blocking-in-coroutine', level: 'warning', line: 2, function: 'load', target: 'readFileSync' });
    expect(finding.path.map((hop) => hop.function)).toEqual(['read', 'load', 'readFileSync']);
  });
});

describe('graph and drains', () => {
  it('graph-write: at the write', () => {
    const finding = only('interface Node {\n  /** @graphState */ children: Node[];\n}\nexport function attach(node: Node): void {\n  node.children.push(node);\n}');
    expect(finding).toMatchObject({ rule: 'graph-write', line: 5, column: 3, function: 'attach', target: 'children' });
  });

  it('drain-balance: at the begin, with the way out', () => {
    const finding = only('/** @drainBegin disk */ declare function begin(): void;\nexport function resize(sectors: number): void {\n  begin();\n  if (sectors === 0) return;\n}');
    expect(finding).toMatchObject({ rule: 'drain-balance', line: 3, column: 3, function: 'resize', target: 'disk' });
    expect(finding.message).toMatch(/leaves it open where it (returns in line 4|ends in line 5)/);
  });
});

it('perm-change-in-io says so where a function reads, widens, does I/O and restores', () => {
  const finding = findings(`/** @globalState @permissionApi */ declare function setPermissions(next: number): number;
/** @io */ declare function truncateImage(): void;
/** @io */ export function truncate(): void {
  const before = setPermissions(8);
  truncateImage();
  setPermissions(before);
}`)[0];
  expect(finding?.message).toContain('truncate reads the permissions, widens them, does its I/O and restores them');
});

it('unused-waiver names the function that holds the comment', () => {
  const waiver = '// gsio-allow gs-from-io -- done elsewhere';
  expect(only(`export function open(): void {\n  ${waiver}\n}`).function).toBe('open');
  expect(only(`${waiver}\nexport function open(): void {}`).function).toBe('<module>');
});

it('hints and messages are one line each, for every rule', () => {
  const found = findings({
    'image-io.ts': `import { GLOBAL_STATE_CODE } from 'gsio/runtime';
/** @globalState */
export function open(): void {}
export function name(): string { return ''; }
/** @io */
function read(): void {
  GLOBAL_STATE_CODE();
  open();
}
/** @io */
function write(): void {
  open();
  read();
}
/** @globalstate */
export const size = write;
// gsio-allow gs-from-io
`,
  });
  expect(new Set(found.map((finding) => finding.rule)).size).toBeGreaterThanOrEqual(6);
  for (const { message, hint } of found) {
    expect(message).toMatch(/^[^\n!]+[.?]$/);
    expect(hint).toMatch(/^[A-Z][^\n!]+\.$/);
  }
});
