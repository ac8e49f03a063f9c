/** Every rule has its page, its fixtures and the level of the contract; the examples of the pages behave as they say. */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { rules } from '../../rules/index.ts';
import type { Level } from '../../src/model/finding.ts';
import { withHeader } from '../docs/rule-docs.ts';
import { analyzeFixture, compile, expectedPlaces, FIXTURES, fixturePrograms, foundPlaces, textProgram } from '../support/fixture-programs.ts';

const RULES = fileURLToPath(new URL('../../rules', import.meta.url));

const LEVELS: Readonly<Record<string, Level>> = {
  'assertion-mismatch': 'error',
  'assertion-placement': 'warning',
  'blocking-in-coroutine': 'warning',
  'callback-class': 'error',
  'coroutine-context': 'error',
  'drain-balance': 'error',
  'dual-use': 'error',
  'graph-write': 'error',
  'gs-from-coroutine': 'warning',
  'gs-from-io': 'error',
  'invalid-annotation': 'error',
  'misfiled-api': 'error',
  'missing-assertion': 'error',
  'perm-change-in-io': 'error',
  'slot-call-unasserted': 'error',
  'suggest-class': 'info',
  'unclassified-api': 'warning',
  'unused-waiver': 'warning',
  'waived-assertion': 'error',
};

const SECTIONS = ['What it finds', 'Why', 'Wrong', 'Right', 'How to fix it', 'When not to use it'];

interface Example {
  readonly title: string;
  readonly verdict: 'wrong' | 'right';
  readonly file: string;
  readonly code: string;
}

function page(id: string): string {
  return fs.readFileSync(path.join(RULES, id, 'README.md'), 'utf8');
}

/** Code blocks marked `ts wrong` or `ts right`, with `file=NAME` where the name matters. */
function examples(id: string): Example[] {
  return [...page(id).matchAll(/^```tsx? (wrong|right)(?: file=(\S+))?\n([^]*?)^```$/gm)].map((match, index) => ({
    title: `${id}, example ${String(index + 1)} (${match[1] ?? ''})`,
    verdict: match[1] as Example['verdict'],
    file: match[2] ?? 'example.ts',
    code: match[3] ?? '',
  }));
}

describe('the list of rules', () => {
  it('is sorted and holds each rule once', () => {
    const ids = rules.map((rule) => rule.id);
    expect(ids).toEqual([...new Set(ids)].sort());
  });

  it('holds every folder under rules', () => {
    const folders = fs.readdirSync(RULES, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort();
    expect(rules.map((rule) => rule.id)).toEqual(folders);
  });
});

describe.each(rules.map((rule) => [rule.id, rule] as const))('%s', (id, rule) => {
  it('has the level of the contract and says what it finds and why', () => {
    expect(rule.level).toBe(LEVELS[id]);
    for (const sentence of [rule.title, rule.why]) expect(sentence).toMatch(/^[A-Z@][^\n!]+\.$/);
  });

  it('has a page with all its sections, and the header that `npm run docs` makes of what the rule says of itself', () => {
    const lines = page(id).split('\n');
    expect(page(id)).toBe(withHeader(rule, page(id)));
    expect(lines.filter((line) => line.startsWith('## ')).map((line) => line.slice(3))).toEqual(SECTIONS);
  });

  it('links only to pages that exist', () => {
    for (const [, target] of page(id).matchAll(/\]\((\.\.?\/[^)#]+)/g)) {
      expect(fs.existsSync(path.join(RULES, id, target ?? '')), target).toBe(true);
    }
  });

  it('shows at least one wrong and one right example', () => {
    const verdicts = examples(id).map((example) => example.verdict);
    expect(verdicts).toContain('wrong');
    expect(verdicts).toContain('right');
  });

  it.each(examples(id).map((example) => [example.title, example] as const))('%s', (_title, example) => {
    const program = textProgram(`page-${id}`, { [example.file]: example.code });
    const found = [...new Set(foundPlaces(program, analyzeFixture(program).findings).map((place) => place.split(' ').at(-1)))];
    expect(found).toEqual(example.verdict === 'wrong' ? [id] : []);
  });

  it.each(examples(id).map((example) => [example.title, example] as const))('%s compiles', (_title, example) => {
    const { program } = compile(textProgram(`page-${id}`, { [example.file]: example.code }));
    const own = program.getSourceFiles().find((file) => file.fileName.endsWith(`/${example.file}`));
    expect(program.getSemanticDiagnostics(own).map((diagnostic) => diagnostic.messageText)).toEqual([]);
  });

  it('has a bad, a repaired and a near-miss fixture', () => {
    const names = fs.readdirSync(path.join(FIXTURES, 'rules', id)).map((name) => name.replace(/\.[^.]+$/, ''));
    for (const name of ['bad', 'repaired', 'near-miss']) expect(names.some((found) => found === name || found.startsWith(`${name}-`)), name).toBe(true);
  });

  it('is expected in its bad fixtures and not in its repaired ones', () => {
    for (const program of fixturePrograms([id]).filter(({ name }) => name.startsWith(`rules/${id}/`))) {
      const expectsIt = expectedPlaces(program).some((place) => place.endsWith(` ${id}`));
      const kind = program.name.slice(`rules/${id}/`.length);
      if (kind.startsWith('bad')) expect(expectsIt, program.name).toBe(true);
      if (kind.startsWith('repaired')) expect(expectsIt, program.name).toBe(false);
    }
  });
});
