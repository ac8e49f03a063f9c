/** Input that is large, deep, circular or odd: a result, or one clear sentence. Never a stack trace, and never for ever. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';

const TSCONFIG = '{ "compilerOptions": { "strict": true, "types": [], "lib": ["es2022"], "target": "es2022", "module": "esnext", "moduleResolution": "bundler" } }';
const command = path.resolve(import.meta.dirname, '../../dist/src/cli/bin.js');

interface Outcome {
  readonly status: number | null;
  readonly stderr: string;
  readonly findings: readonly { readonly rule: string; readonly path: readonly unknown[]; readonly roots: number; readonly file: string; readonly line: number }[];
}

/** In a process of its own: a deep stack must not depend on the test runner's. */
function check(files: Record<string, string>, ...words: string[]): Outcome {
  const cwd = temporaryFolder({ 'tsconfig.json': TSCONFIG, ...files });
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, 'check', '--format', 'json', ...words], { cwd, encoding: 'utf8', maxBuffer: 1 << 30 });
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr).not.toContain('a fault of gsio');
  const findings = stdout === '' ? [] : (JSON.parse(stdout) as Pick<Outcome, 'findings'>).findings;
  return { status, stderr, findings };
}

const GLOBAL = '/** @globalState */\ndeclare function drain(): void;\n';

describe('depth', () => {
  test('a chain of 50 000 functions is followed to its end', () => {
    const length = 50_000;
    const chain = Array.from({ length }, (_, index) => `function f${index}(): void { ${index + 1 < length ? `f${index + 1}` : 'drain'}(); }`);
    const { status, findings } = check({ 'chain.ts': `${GLOBAL}/** @io */\nexport function start(): void { f0(); }\n${chain.join('\n')}\n` });
    expect(status).toBe(1);
    expect(findings).toMatchObject([{ rule: 'gs-from-io', roots: 1 }]);
    expect(findings[0]?.path).toHaveLength(length + 2);
  });

  test.each([
    ['calls in calls', `${'f('.repeat(50_000)}1${')'.repeat(50_000)};`],
    ['a chain of calls', `a${'.b()'.repeat(50_000)};`],
    ['a sum', `export const sum = ${'1 + '.repeat(50_000)}1;`],
    ['blocks', `${'{'.repeat(20_000)}${'}'.repeat(20_000)}`],
    ['else if', `declare const x: number;\n${Array.from({ length: 20_000 }, (_, i) => `if (x === ${i}) {} else `).join('')}{}`],
    ['arrow functions', `export const f = ${'() => '.repeat(20_000)}1;`],
    ['a type', `export type T = ${'['.repeat(20_000)}1${']'.repeat(20_000)};`],
    ['an object', `export const o = ${'{ a: '.repeat(20_000)}1${' }'.repeat(20_000)};`],
    ['array elements', `export const list = [${'drain, '.repeat(50_000)}];\nfunction drain(): void {}`],
  ])('%s, nested very deeply', (_, text) => {
    const { status, stderr } = check({ 'deep.ts': `declare const a: any;\ndeclare function f(x: number): number;\n${text}\n` });
    expect([0, 2]).toContain(status);
    if (status === 2) expect(stderr).toMatch(/^gsio: (deep\.ts|A source file) is nested too deeply to be analysed\.\n {2}[^\n]+\n$/);
  });
});

describe('size', () => {
  test('a generated file of 5 MB', () => {
    const entry = (index: number): string => `export const entry${index} = { id: ${index}, name: 'entry ${index}', run: (n: number): number => n + ${index}, tags: ['a', 'b'] };\n`;
    let text = '';
    for (let index = 0; text.length < 5_000_000; index++) text += entry(index);
    const { status, findings } = check({ 'generated.ts': text, 'main.ts': `import { entry7 } from './generated';\n${GLOBAL}/** @io */\nexport function start(): void { entry7.run(1); drain(); }\n` });
    expect(status).toBe(1);
    expect(findings).toMatchObject([{ rule: 'gs-from-io', file: 'main.ts', line: 5 }]);
  });

  test('one line of 5 MB', () => {
    const { status } = check({ 'line.ts': `export const list = [${'[1,"two",()=>3],'.repeat(300_000)}];` });
    expect(status).toBe(0);
  });
});

describe('circles', () => {
  test('imports', () => {
    const { findings } = check({
      'a.ts': `import { b } from './b';\n${GLOBAL}export function a(n: number): void { if (n > 0) b(n - 1); else drain(); }\n`,
      'b.ts': `import { c } from './c';\nexport function b(n: number): void { c(n); }\n`,
      'c.ts': `import { a } from './a';\n/** @io */\nexport function c(n: number): void { a(n); }\n`,
    });
    expect(findings).toMatchObject([{ rule: 'gs-from-io', file: 'a.ts', line: 4 }]);
  });

  test('inheritance, types, defaults, re-exports', () => {
    const { status, findings } = check({
      'classes.ts': `class A extends B { run() { this.run(); } }\nclass B extends C { override run() { super.run(); } }\nclass C extends A { override run() { new A().run(); } }\nexport const x = new C();\nx.run();\n`,
      'interfaces.ts': `interface A extends B { f(): void }\ninterface B extends A { g(): void }\nexport function use(a: A): void { a.f(); a.g(); }\n`,
      'types.ts': `type A = B;\ntype B = A;\nexport declare const a: A;\nexport function use(f = use): void { f(); }\nexport const g = (): unknown => g;\nexport const h: typeof h = () => h;\n`,
      'x.ts': `export * from './y';\nexport { z as w } from './y';\n`,
      'y.ts': `export * from './x';\nexport { w as z } from './x';\n`,
    });
    expect(status).toBe(0);
    expect(findings).toEqual([]);
  });
});

describe('odd programs', () => {
  test('type errors, missing modules and any are no obstacle', () => {
    const { status, findings } = check({
      'odd.ts': `import { gone } from './gone';\nimport lost from 'lost';\n${GLOBAL}declare const anything: any;\nconst wrong: string = 3;\n/** @io */\nexport function start(): void {\n  gone(); lost.x.y(); anything.a[wrong](); missing();\n  drain();\n}\n`,
    });
    expect(status).toBe(1);
    expect(findings).toMatchObject([{ rule: 'gs-from-io', line: 10 }]);
  });

  test('an empty file, a byte order mark, a shebang, and other line ends', () => {
    const { findings } = check({
      'empty.ts': '',
      'bom.ts': `\ufeff${GLOBAL}/** @io */\nexport function start(): void { drain(); }\n`,
      'shebang.ts': `#!/usr/bin/env node\r\n/** @globalState */\r\ndeclare function drain(): void;\r\n/** @io */\r\nexport function start(): void {\r\n  drain();\r\n}\r\n`,
    });
    expect(findings.map(({ file, line }) => `${file}:${line}`)).toEqual(['bom.ts:4', 'shebang.ts:6']);
  });

  test('names that JavaScript’s own objects have', () => {
    const { status } = check({
      'names.ts': `export const table = { constructor() {}, __proto__: null, hasOwnProperty() {}, toString() { return ''; } };\nexport class constructor { valueOf() { return 1; } ['__proto__']() {} }\nexport function toString(): void { table.constructor(); new constructor().valueOf(); }\nexport interface hasOwnProperty { __proto__(): void; constructor: () => void }\nexport function isPrototypeOf(a: hasOwnProperty): void { a.__proto__(); a.constructor(); }\n`,
    });
    expect(status).toBe(0);
  });
});
