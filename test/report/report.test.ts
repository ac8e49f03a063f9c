import { describe, expect, test } from 'vitest';
import type { Finding, Report } from '../../src/model/finding.ts';
import { codeFrame } from '../../src/report/code-frame.ts';
import { formatJson } from '../../src/report/json.ts';
import { formatPretty } from '../../src/report/pretty.ts';

const SOURCE = `/** @io */
export async function readSector(disk: Disk) {
  await disk.lock();
  resizeImage(disk, 512);
  return disk.read(0);
}
`;

const finding: Finding = {
  rule: 'gs-from-io', level: 'error', file: 'src/disk.ts', line: 4, column: 3, endLine: 4, endColumn: 25,
  function: 'readSector', target: 'resizeImage',
  message: 'resizeImage is Global State, and readSector calls it from I/O code.', hint: 'Call it under inMainThread().',
  path: [
    { function: 'readSector', file: 'src/disk.ts', line: 2, column: 23, edge: 'root', class: 'io', why: 'declared' },
    { function: 'grow', file: 'src/grow.ts', line: 40, column: 3, edge: 'callback', class: null, why: 'inferred' },
    { function: 'resizeImage', file: 'src/disk.ts', line: 4, column: 3, edge: 'call', class: 'globalState', why: 'module' },
  ],
  roots: 3, fingerprint: '0123456789abcdef',
};

function report(findings: readonly Finding[]): Report {
  return {
    findings,
    unresolved: [{ file: 'src/disk.ts', line: 5, column: 10, text: 'disk.read', reason: 'any-typed' }],
    summary: {
      files: 1, functions: 12_345, callSites: 3, resolvedCallSites: 2, edges: 1,
      findings: { error: findings.length, warning: 0, info: 0 }, unresolvedByReason: { 'any-typed': 1 }, capped: 0, milliseconds: 1234,
    },
  };
}

const pretty = (given: Report, options: { colour?: boolean; unresolved?: boolean; source?: string } = {}): string =>
  formatPretty(given, { colour: options.colour ?? false, unresolved: options.unresolved ?? false, readSource: () => options.source ?? SOURCE });

describe('pretty', () => {
  test('shows the call, the way to it, the repair and the page', () => {
    expect(pretty(report([finding]))).toMatchInlineSnapshot(`
      "error gs-from-io src/disk.ts:4:3
        resizeImage is Global State, and readSector calls it from I/O code.

          2 | export async function readSector(disk: Disk) {
          3 |   await disk.lock();
        > 4 |   resizeImage(disk, 512);
            |   ^^^^^^^^^^^^^^^^^^^^^^
          5 |   return disk.read(0);
          6 | }

        The way there, from the nearest of 3 roots:
          1. readSector   src/disk.ts:2   starts here; I/O by its own tag
          2. grow         src/grow.ts:40  run as a callback; no class of its own
          3. resizeImage  src/disk.ts:4   called; Global State by the tag of its module

        To fix: Call it under inMainThread().
        More: gsio explain gs-from-io

      1 error in 1 file: 12 345 functions, 3 calls, 1 unresolved (list them with --unresolved); 1.2 s.
      "
    `);
  });

  test('says so when nothing was found', () => {
    expect(pretty({ ...report([]), summary: { ...report([]).summary, callSites: 2 } }))
      .toBe('Nothing found in 1 file: 12 345 functions, 2 calls, all resolved; 1.2 s.\n');
  });

  test('lists unresolved calls with their reason', () => {
    expect(pretty(report([]), { unresolved: true })).toContain('src/disk.ts:5:10  disk.read  its type is any');
  });

  test('says the same with and without colours', () => {
    const coloured = pretty(report([finding]), { colour: true });
    expect(coloured).toContain('\u001b[');
    // eslint-disable-next-line no-control-regex -- escape sequences are what is looked for
    expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(pretty(report([finding])));
  });

  test('prints no control characters of the source', () => {
    const text = pretty(report([{ ...finding, message: 'a\u001b[31mb' }]), { source: SOURCE.replace('512', '"\u001b[2J\u202e"') });
    // eslint-disable-next-line no-control-regex -- escape sequences are what is looked for
    expect(text).not.toMatch(/[\u001b\u202e]/);
  });

  test('does without the source', () => {
    expect(formatPretty(report([finding]), { colour: false, unresolved: false, readSource: () => undefined })).toContain('To fix:');
  });

  test('keeps a finding in a very long line readable', () => {
    const line = `${'a();'.repeat(1_000_000)}resizeImage();${'b();'.repeat(1_000_000)}`;
    const frame = codeFrame([line], { line: 1, column: 4_000_001, endLine: 1, endColumn: 4_000_014 }, false) ?? '';
    expect(frame.length).toBeLessThan(500);
    const [code, mark] = frame.split('\n');
    expect(code?.slice(mark?.indexOf('^'), (mark?.lastIndexOf('^') ?? 0) + 1)).toBe('resizeImage()');
  });

  test('marks a span of several lines, and of very many on its first line', () => {
    const lines = Array.from({ length: 50 }, (_, index) => `call${String(index)}(`);
    expect(codeFrame(lines, { line: 3, column: 1, endLine: 5, endColumn: 4 }, false)?.match(/^>/gm)).toHaveLength(3);
    expect(codeFrame(lines, { line: 3, column: 1, endLine: 40, endColumn: 4 }, false)?.match(/^>/gm)).toHaveLength(1);
  });
});

describe('json', () => {
  test('has exactly the keys of the contract, in their order', () => {
    const document: unknown = JSON.parse(formatJson(report([finding]), { version: '1.2.3', unresolved: false }));
    expect(JSON.stringify(document)).toBe(JSON.stringify({
      schemaVersion: 1,
      tool: { name: 'gsio', version: '1.2.3' },
      findings: [{
        rule: 'gs-from-io', level: 'error', file: 'src/disk.ts', line: 4, column: 3, endLine: 4, endColumn: 25,
        function: 'readSector', target: 'resizeImage', message: finding.message, path: finding.path, roots: 3, fingerprint: finding.fingerprint,
      }],
      summary: { functions: 12_345, callSites: 3, resolvedCallSites: 2, edges: 1, findings: { error: 1, warning: 0, info: 0 }, milliseconds: 1234 },
    }));
  });

  test('lists unresolved calls where asked to', () => {
    expect(JSON.parse(formatJson(report([]), { version: '1.2.3', unresolved: true }))).toMatchObject({ unresolved: report([]).unresolved });
  });
});
