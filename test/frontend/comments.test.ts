import { ts as bundled } from 'ts-morph';
import type typescript from 'typescript';
import { describe, expect, it } from 'vitest';
import { readWaivedAssertions, readWaivers } from '../../src/frontend/ts/comments.ts';
import { quickCompiler } from '../../src/frontend/ts/compiler.ts';
import type { AssertionKind } from '../../src/model/summary.ts';

const ts = bundled as unknown as typeof typescript;
const compiler = quickCompiler(ts);

const KINDS: Readonly<Record<string, AssertionKind>> = { GLOBAL_STATE_CODE: 'globalState', IO_CODE: 'io', assertMainThread: 'globalState' };

function parse(code: string, file = 'disk.ts') {
  return ts.createSourceFile(file, code, ts.ScriptTarget.ES2022, true);
}

function waivers(code: string, file?: string): string[] {
  return readWaivers(compiler, parse(code, file)).map((w) => `${w.source} ${w.all ? '*' : w.rules.join('+')} ${w.fromLine}-${w.toLine} ${w.reason ?? '(none)'}`);
}

function waived(code: string, file?: string): string[] {
  return readWaivedAssertions(compiler, parse(code, file), (name) => KINDS[name] ?? null).map((w) => `${w.name} ${w.kind} ${w.span.line}:${w.span.column}`);
}

describe('waivers of gsio', () => {
  it('behind code cover its line', () => {
    expect(waivers('drain(); // gsio-allow gs-from-io -- tests hold the lock\n')).toEqual(['gsio gs-from-io 1-1 tests hold the lock']);
    expect(waivers('drain(); /* gsio-allow gs-from-io -- tests */\n')).toEqual(['gsio gs-from-io 1-1 tests']);
  });

  it('before code on the same line cover that line', () => {
    expect(waivers('\n/* gsio-allow gs-from-io -- tests */ drain();\n')).toEqual(['gsio gs-from-io 2-2 tests']);
  });

  it('alone on a line cover the next', () => {
    expect(waivers('// gsio-allow gs-from-io -- tests\ndrain();\n')).toEqual(['gsio gs-from-io 2-2 tests']);
    expect(waivers('/*\n * gsio-allow gs-from-io -- tests hold\n * the lock\n */\ndrain();\n')).toEqual(['gsio gs-from-io 5-5 tests hold the lock']);
  });

  it('stacked cover the same line, however many', () => {
    expect(waivers('// gsio-allow gs-from-io -- one\n// gsio-allow perm-change-in-io -- two\n// eslint-disable-next-line gsio/dual-use -- three\ndrain();')).toEqual([
      'gsio gs-from-io 4-4 one', 'gsio perm-change-in-io 4-4 two', 'eslint gsio/dual-use 4-4 three',
    ]);
  });

  it('do not reach over an empty line or other comments', () => {
    expect(waivers('// gsio-allow gs-from-io -- tests\n\ndrain();')).toEqual(['gsio gs-from-io 2-2 tests']);
    expect(waivers('// gsio-allow waived-assertion -- tests\n// GLOBAL_STATE_CODE();\ndrain();')).toEqual(['gsio waived-assertion 2-2 tests']);
  });

  it('name several rules', () => {
    expect(waivers('drain(); // gsio-allow gs-from-io, missing-assertion,dual-use -- tests')).toEqual(['gsio gs-from-io+missing-assertion+dual-use 1-1 tests']);
  });

  it('keep a missing or empty reason as none', () => {
    expect(waivers('drain(); // gsio-allow gs-from-io')).toEqual(['gsio gs-from-io 1-1 (none)']);
    expect(waivers('drain(); // gsio-allow gs-from-io --')).toEqual(['gsio gs-from-io 1-1 (none)']);
    expect(waivers('drain(); // gsio-allow gs-from-io -- ')).toEqual(['gsio gs-from-io 1-1 (none)']);
    expect(waivers('drain(); // gsio-allow -- no rule named')).toEqual(['gsio  1-1 no rule named']);
  });

  it('keep hyphens inside the reason', () => {
    expect(waivers('drain(); // gsio-allow gs-from-io -- one -- two-three')).toEqual(['gsio gs-from-io 1-1 one -- two-three']);
  });

  it('read Windows line ends', () => {
    expect(waivers('// gsio-allow gs-from-io -- tests\r\ndrain();\r\n')).toEqual(['gsio gs-from-io 2-2 tests']);
  });

  it('are comments of their own, not prose, strings, templates, expressions, JSX text or JSDoc', () => {
    for (const code of [
      '// Prose about gsio-allow gs-from-io -- is none',
      'const a = "// gsio-allow gs-from-io -- none";',
      'const a = `// gsio-allow gs-from-io -- none`;',
      'const a = `${b} // gsio-allow gs-from-io -- none ${c} // gsio-allow gs-from-io -- none`;',
      'const a = `\n// gsio-allow gs-from-io -- none\n`;',
      'const a = /[//gsio-allow gs-from-io]/;',
      '// see // gsio-allow gs-from-io -- none',
      '/*\n// gsio-allow gs-from-io -- none\n*/',
      '/** gsio-allow gs-from-io -- none */\nfunction f() {}',
      '// gsio-allowed gs-from-io -- none',
    ]) expect(waivers(code), code).toEqual([]);
    expect(waivers('const a = <p>\n// gsio-allow gs-from-io -- none\n</p>;', 'page.tsx')).toEqual([]);
  });

  it('stand anywhere a comment can', () => {
    expect(waivers('#!/usr/bin/env node // gsio-allow a -- none\n// gsio-allow b -- top\nf();')).toEqual(['gsio b 3-3 top']);
    expect(waivers('function f() {\n  // gsio-allow a -- empty body\n}')).toEqual(['gsio a 3-3 empty body']);
    expect(waivers('f(a, // gsio-allow a -- between arguments\n  b);')).toEqual(['gsio a 1-1 between arguments']);
    expect(waivers('f(`${a /* gsio-allow a -- in a template */}`);')).toEqual(['gsio a 1-1 in a template']);
    expect(waivers('f();\n// gsio-allow a -- last line')).toEqual(['gsio a 3-3 last line']);
    expect(waivers('const a = b // gsio-allow a -- before an operator\n  / c;')).toEqual(['gsio a 1-1 before an operator']);
    expect(waivers('const a = <p>{/* gsio-allow a -- in JSX */}</p>;', 'page.tsx')).toEqual(['gsio a 1-1 in JSX']);
  });

  it('take the span of the comment', () => {
    expect(readWaivers(compiler, parse('f(); // gsio-allow a -- b\n'))[0]?.span).toEqual({ line: 1, column: 6, endLine: 1, endColumn: 26 });
  });
});

describe('comments of ESLint', () => {
  it('disable a line or the next', () => {
    expect(waivers('drain(); // eslint-disable-line gsio/gs-from-io -- tests')).toEqual(['eslint gsio/gs-from-io 1-1 tests']);
    expect(waivers('// eslint-disable-next-line no-console, gsio/gs-from-io\ndrain();')).toEqual(['eslint gsio/gs-from-io 2-2 (none)']);
    expect(waivers('/* eslint-disable-next-line\n gsio/gs-from-io,\n gsio/dual-use */\ndrain();')).toEqual(['eslint gsio/gs-from-io+gsio/dual-use 4-4 (none)']);
  });

  it('speak to gsio when bare, and not when they name other rules', () => {
    expect(waivers('drain(); // eslint-disable-line')).toEqual(['eslint * 1-1 (none)']);
    expect(waivers('// eslint-disable-next-line -- tests\ndrain();')).toEqual(['eslint * 2-2 tests']);
    expect(waivers('// eslint-disable-next-line no-console\ndrain();')).toEqual([]);
  });

  it('disable a range of lines', () => {
    expect(waivers('/* eslint-disable gsio/gs-from-io */\ndrain();\n/* eslint-enable gsio/gs-from-io */\ndrain();')).toEqual(['eslint gsio/gs-from-io 1-2 (none)']);
    expect(waivers('/* eslint-disable */\ndrain();\n/* eslint-enable */')).toEqual(['eslint * 1-2 (none)']);
    expect(waivers('f();\n/* eslint-disable gsio/gs-from-io -- all of it */\ndrain();')).toEqual(['eslint gsio/gs-from-io 2--1 all of it']);
  });

  it('end ranges rule by rule', () => {
    expect(waivers('/* eslint-disable gsio/gs-from-io, gsio/dual-use */\nf();\n/* eslint-enable gsio/dual-use */\nf();\n/* eslint-enable no-console */\nf();')).toEqual([
      'eslint gsio/dual-use 1-2 (none)', 'eslint gsio/gs-from-io 1--1 (none)',
    ]);
  });

  it('open no range from a line comment, as in ESLint', () => {
    expect(waivers('// eslint-disable gsio/gs-from-io\ndrain();')).toEqual([]);
  });
});

describe('commented-out assertions', () => {
  it('are comments that are the call and nothing else', () => {
    expect(waived('// GLOBAL_STATE_CODE();')).toEqual(['GLOBAL_STATE_CODE globalState 1:1']);
    expect(waived('//GLOBAL_STATE_CODE()')).toEqual(['GLOBAL_STATE_CODE globalState 1:1']);
    expect(waived('f();  // IO_CODE();  \r\n')).toEqual(['IO_CODE io 1:7']);
    expect(waived('/* GLOBAL_STATE_CODE(); */')).toEqual(['GLOBAL_STATE_CODE globalState 1:1']);
    expect(waived('/*\n  GLOBAL_STATE_CODE()\n*/')).toEqual(['GLOBAL_STATE_CODE globalState 1:1']);
    expect(waived("// runtime.GLOBAL_STATE_CODE('openImage');")).toEqual(['GLOBAL_STATE_CODE globalState 1:1']);
    expect(waived('// assertMainThread();')).toEqual(['assertMainThread globalState 1:1']);
  });

  it('are no prose, no JSDoc, no text and no other call', () => {
    for (const code of [
      '// GLOBAL_STATE_CODE() fails here',
      '// FIXME: GLOBAL_STATE_CODE();',
      '// GLOBAL_STATE_CODE(); // not here',
      '/** GLOBAL_STATE_CODE(); */\nfunction f() {}',
      '/**\n * GLOBAL_STATE_CODE();\n */\nfunction f() {}',
      '/* GLOBAL_STATE_CODE(); drain(); */',
      '/*\n// GLOBAL_STATE_CODE();\ndrain();\n*/',
      'const a = "// GLOBAL_STATE_CODE();"',
      'const a = `\n// GLOBAL_STATE_CODE();\n`;',
      'const a = `${b}\n// GLOBAL_STATE_CODE();\n`;',
      'const a = /x// GLOBAL_STATE_CODE();',
      '// GLOBAL_STATE_CODE',
      '// drain();',
      'GLOBAL_STATE_CODE();',
    ]) expect(waived(code), code).toEqual([]);
    expect(waived('const a = <p>\n// GLOBAL_STATE_CODE();\n</p>;', 'page.tsx')).toEqual([]);
  });

  it('tell where they start', () => {
    expect(readWaivedAssertions(compiler, parse('function f() {\n  // GLOBAL_STATE_CODE();\n}'), (name) => KINDS[name] ?? null)[0]?.start).toBe(17);
  });
});

it('a large file without such comments costs one scan', () => {
  const source = parse('const line = "// text"; // note\n'.repeat(20_000));
  const start = performance.now();
  expect(readWaivers(compiler, source)).toEqual([]);
  expect(readWaivedAssertions(compiler, source, (name) => KINDS[name] ?? null)).toEqual([]);
  expect(performance.now() - start).toBeLessThan(500);
});
