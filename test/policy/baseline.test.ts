/** What a baseline knows and what it does not: by fingerprint, not by number. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Finding } from '../../src/model/finding.ts';
import { compareWithBaseline, entriesFor, parseBaseline, type BaselineEntry } from '../../src/policy/baseline.ts';
import { touchesChange, type ChangedLines } from '../../src/policy/changed-lines.ts';
import { jsonDocument } from '../../src/report/json-document.ts';
import { finding } from '../support/reports.ts';

const GONE = new Set(['src/old.ts']);
const isGone = (file: string): boolean => GONE.has(file);

let number = 0;
function found(given: Partial<Finding>): Finding {
  number += 1;
  return { ...finding, fingerprint: number.toString(16).padStart(16, '0'), ...given };
}

const compare = (findings: readonly Finding[], baseline: readonly Finding[]): { fresh: number; known: number; moved: number; stale: number } => {
  const { fresh, known, moved, stale } = compareWithBaseline(findings, entriesFor(baseline, []), isGone);
  return { fresh: fresh.length, known: known.length, moved: moved.length, stale: stale.length };
};

describe('comparing', () => {
  const one = found({});
  const two = found({ function: 'writeSector' });

  test('what is in the baseline is known, and all else is new', () => {
    expect(compare([one, two], [one])).toEqual({ fresh: 1, known: 1, moved: 0, stale: 0 });
  });

  test('what no longer occurs is stale', () => {
    expect(compare([one], [one, two])).toEqual({ fresh: 0, known: 1, moved: 0, stale: 1 });
  });

  test('one in exchange for another is new', () => {
    expect(compare([two], [one])).toEqual({ fresh: 1, known: 0, moved: 0, stale: 1 });
    // The same function and target, but the other file is still there.
    expect(compare([found({ file: 'src/new.ts' })], [one])).toEqual({ fresh: 1, known: 0, moved: 0, stale: 1 });
  });

  test('a renamed file keeps its entries, each of them once', () => {
    const old = found({ file: 'src/old.ts' });
    expect(compare([found({ file: 'src/new.ts' })], [old])).toEqual({ fresh: 0, known: 1, moved: 1, stale: 0 });
    expect(compare([found({ file: 'src/new.ts' }), found({ file: 'src/other.ts' })], [old])).toEqual({ fresh: 1, known: 1, moved: 1, stale: 0 });
    expect(compare([found({ file: 'src/new.ts', target: 'setSize' })], [old])).toEqual({ fresh: 1, known: 0, moved: 0, stale: 1 });
    expect(compare([found({ file: 'src/new.ts', function: 'open/callback@9' })], [{ ...old, function: 'open/callback@3' }])).toMatchObject({ known: 1 });
  });

  test('every finding is either new or known, and an update leaves nothing new', () => {
    const pool = Array.from({ length: 12 }, (_, index) => found({ file: index % 3 === 0 ? 'src/old.ts' : `src/${String(index % 2)}.ts`, function: `f${String(index % 4)}` }));
    fc.assert(fc.property(fc.subarray(pool), fc.subarray(pool), (findings, baseline) => {
      const { fresh, known, moved, stale } = compareWithBaseline(findings, entriesFor(baseline, []), isGone);
      expect(fresh.length + known.length).toBe(findings.length);
      expect(known.length - moved.length + stale.length + moved.length).toBe(baseline.length);
      expect(compare(findings, findings)).toEqual({ fresh: 0, known: findings.length, moved: 0, stale: 0 });
    }));
  });
});

describe('the file', () => {
  const write = (entries: readonly BaselineEntry[]): string => jsonDocument({ findings: entries });

  test('is sorted, an entry a line, and does not change when lines move', () => {
    const findings = [found({ file: 'src/b.ts' }), found({ file: 'src/a.ts', function: 'open/callback@12' }), found({ file: 'src/a.ts', rule: 'dual-use' })];
    const text = write(entriesFor(findings, []));
    expect(text).toBe(write(entriesFor(findings.map((given) => ({ ...given, line: given.line + 10, function: given.function.replace('12', '22') })).reverse(), [])));
    expect(text.split('\n')[3]).toBe(`    {"rule":"dual-use","file":"src/a.ts","function":"readSector","target":"resizeImage","fingerprint":"${findings[2]?.fingerprint ?? ''}"},`);
    expect(parseBaseline(text, 'x')).toEqual(entriesFor(findings, []));
  });

  test.each([
    ['not JSON', '{', 'is not valid JSON'],
    ['a merge that was left undone', '{\n<<<<<<< HEAD\n', 'is not valid JSON'],
    ['something else', '[]', 'is not one that gsio wrote'],
    ['of a later version', '{ "schemaVersion": 2, "findings": [] }', 'is not one that gsio wrote: schemaVersion is not as it should be'],
    ['an entry without its fingerprint', '{ "schemaVersion": 1, "findings": [{ "rule": "a", "file": "a", "function": "a", "target": "a" }] }', 'findings.0.fingerprint is not as it should be'],
  ])('is refused when it is %s', (_, text, message) => {
    expect(() => parseBaseline(text, 'gsio-baseline.json')).toThrow(message);
  });
});

describe('a change', () => {
  const lines = ['/** What it does.', ' * @io', ' */', 'export function readSector() {', '  const a = 1;', '  resizeImage();', '}'];
  const touched = (changes: ChangedLines, given: Partial<Finding> = {}): boolean =>
    touchesChange({ ...finding, line: 6, endLine: 6, path: [{ ...(finding.path[0] as Finding['path'][number]), line: 4 }], ...given }, changes, () => lines);
  const at = (first: number, last = first): ChangedLines => new Map([['src/disk.ts', [{ first, last }]]]);

  test('is touched by the call, by a hop, and by the tags above it', () => {
    expect([1, 2, 3, 4, 5, 6, 7].filter((line) => touched(at(line)))).toEqual([1, 2, 3, 4, 6]);
    expect(touched(at(5, 9))).toBe(true);
    expect(touched(at(7, 9))).toBe(false);
    expect(touched(at(8), { endLine: 9 })).toBe(true);
  });

  test('is touched in its own file only', () => {
    expect(touched(new Map([['src/grow.ts', 'all']]))).toBe(false);
    expect(touched(new Map([['src/disk.ts', 'all']]))).toBe(true);
    expect(touched(new Map([['src/grow.ts', 'all']]), { path: [...finding.path] })).toBe(true);
  });
});
