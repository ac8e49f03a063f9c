import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyPolicy } from '../../src/policy/apply-policy.ts';
import { defaultConfig, type Config } from '../../src/model/config.ts';
import type { Finding, RawFinding } from '../../src/model/finding.ts';
import type { Rule, WaiverRule } from '../../src/model/rule.ts';
import type { FileSummary, Waiver } from '../../src/model/summary.ts';

const unusedWaiver: WaiverRule = {
  id: 'unused-waiver', level: 'warning', title: '', why: '',
  evaluateWaivers: (uses) => uses
    .filter(({ waiver, idle, unknown }) => idle.length > 0 || unknown.length > 0 || (waiver.source === 'gsio' && waiver.reason === null))
    .map(({ file, waiver, idle, unknown }) => raw({ rule: 'unused-waiver', file, line: waiver.span.line, message: [...idle, ...unknown].join(' ') })),
};

const rules: Rule[] = [
  { id: 'gs-from-io', level: 'error', title: '', why: '', evaluate: () => [] },
  { id: 'misfiled-api', level: 'error', title: '', why: '', evaluate: () => [] },
  unusedWaiver,
];

function raw(given: { rule?: string; file?: string; line?: number; column?: number; function?: string; target?: string; message?: string; level?: RawFinding['level'] }): RawFinding {
  const { line = 10, column = 3 } = given;
  return {
    rule: given.rule ?? 'gs-from-io',
    file: given.file ?? 'src/disk.ts',
    span: { line, column, endLine: line, endColumn: column + 5 },
    function: given.function ?? 'readSector',
    target: given.target ?? 'resizeImage',
    message: given.message ?? 'It is so.',
    hint: 'Do so.',
    ...(given.level === undefined ? {} : { level: given.level }),
  };
}

function waiver(given: Partial<Waiver>): Waiver {
  const line = given.fromLine ?? 10;
  return {
    span: { line, column: 20, endLine: line, endColumn: 40 },
    rules: ['gs-from-io'], all: false, reason: 'the tests hold the lock', fromLine: line, toLine: line, source: 'gsio', ...given,
  };
}

function fileWith(waivers: readonly Waiver[], file = 'src/disk.ts'): FileSummary {
  return {
    file, lines: 100, functions: [], calls: [], flows: [], members: [], types: [], slotAssignments: [], graphWrites: [], drains: [],
    exports: [], constructed: [], waivers, tagProblems: [],
  };
}

function apply(findings: RawFinding[], waivers: Waiver[] = [], config: Partial<Config> = {}, reports = (): boolean => true): Finding[] {
  return applyPolicy({ findings, files: [fileWith(waivers)], rules, config: { ...defaultConfig, ...config }, reports });
}

const placed = (findings: readonly Finding[]): string[] => findings.map((f) => `${f.rule}@${String(f.line)}`);

describe('levels', () => {
  test('the rule has one, a finding may soften it, the configuration decides', () => {
    expect(apply([raw({})])[0]?.level).toBe('error');
    expect(apply([raw({ level: 'info' })])[0]?.level).toBe('info');
    expect(apply([raw({ level: 'info' })], [], { rules: { 'gs-from-io': 'warning' } })[0]?.level).toBe('warning');
    expect(apply([raw({})], [], { rules: { 'gs-from-io': 'off' } })).toEqual([]);
  });
});

describe('overrides', () => {
  const overrides = [
    { files: ['src'], rules: { 'gs-from-io': 'warning', 'misfiled-api': 'off' } },
    { files: ['**/disk.ts'], rules: { 'gs-from-io': 'info' } },
    { files: ['test/**'], rules: { 'gs-from-io': 'off' } },
  ] as const;
  const levels = (rules: Config['rules'] = {}): string[] => ['src/disk.ts', 'src/net.ts', 'test/net.ts', 'bench/net.ts', 'srcs/net.ts']
    .flatMap((file) => apply([raw({ file })], [], { rules, overrides }).map((found) => `${found.file} ${found.level}`));

  test('the last one that fits counts; elsewhere what holds for all files', () => {
    expect(levels()).toEqual(['src/disk.ts info', 'src/net.ts warning', 'bench/net.ts error', 'srcs/net.ts error']);
    expect(levels({ 'gs-from-io': 'off' })).toEqual(['src/disk.ts info', 'src/net.ts warning']);
  });

  test('one that does not name the rule leaves it to those before', () => {
    expect(apply([raw({ rule: 'misfiled-api' })], [], { overrides })).toEqual([]);
    expect(apply([raw({ rule: 'misfiled-api', file: 'test/net.ts' })], [], { overrides })).toHaveLength(1);
  });

  test('a waiver of what is off in its file is unused, and that may be off there, too', () => {
    const off = { files: ['src'], rules: { 'gs-from-io': 'off' } } as const;
    expect(placed(apply([raw({})], [waiver({})], { overrides: [off] }))).toEqual(['unused-waiver@10']);
    expect(apply([raw({})], [waiver({})], { overrides: [off, { files: ['src/*.ts'], rules: { 'unused-waiver': 'off' } }] })).toEqual([]);
  });
});

describe('waivers', () => {
  test('suppress the rules they name, on the lines they cover', () => {
    expect(placed(apply([raw({}), raw({ line: 11 })], [waiver({})]))).toEqual(['gs-from-io@11']);
  });

  test('to the end of the file', () => {
    expect(apply([raw({ line: 10 }), raw({ line: 99 })], [waiver({ toLine: -1 })])).toEqual([]);
  });

  test('without a reason ours suppress nothing, and ESLint’s do', () => {
    expect(placed(apply([raw({})], [waiver({ reason: null })]))).toEqual(['gs-from-io@10', 'unused-waiver@10']);
    expect(apply([raw({})], [waiver({ rules: ['gsio/gs-from-io'], reason: null, source: 'eslint' })])).toEqual([]);
  });

  test('that suppress nothing are told, rule by rule', () => {
    expect(apply([raw({})], [waiver({ rules: ['gs-from-io', 'misfiled-api'] })]).map((f) => f.message)).toEqual(['misfiled-api']);
  });

  test('with a name that is no rule are told', () => {
    expect(apply([raw({})], [waiver({ rules: ['gs-from-io', 'gs-form-io'] })]).map((f) => f.message)).toEqual(['gs-form-io']);
  });

  test('a bare eslint-disable suppresses all and is never unused', () => {
    expect(apply([raw({})], [waiver({ all: true, rules: [], source: 'eslint', fromLine: 1, toLine: -1 })])).toEqual([]);
    expect(apply([], [waiver({ all: true, rules: [], source: 'eslint' })])).toEqual([]);
  });

  test('of ESLint are judged by our rules in them', () => {
    expect(apply([], [waiver({ rules: ['gsio/gs-from-io'], source: 'eslint' })]).map((f) => f.message)).toEqual(['gs-from-io']);
    expect(apply([], [waiver({ rules: ['gsio/gs-form-io'], source: 'eslint' })]).map((f) => f.message)).toEqual(['gs-form-io']);
  });

  test('can waive the complaint about another waiver, and are themselves judged', () => {
    const idle = waiver({ fromLine: 20 });
    const pardon = waiver({ rules: ['unused-waiver'], fromLine: 19, toLine: 20 });
    expect(apply([], [idle, pardon])).toEqual([]);
    expect(placed(apply([], [pardon]))).toEqual([]);
    expect(placed(apply([], [waiver({ rules: ['unused-waiver'], fromLine: 5, toLine: 5, span: { line: 4, column: 1, endLine: 4, endColumn: 9 } })]))).toEqual(['unused-waiver@4']);
  });
});

describe('which findings are reported', () => {
  test('none of an excluded file or folder', () => {
    for (const glob of ['src/disk.ts', 'src', './src/', '**/*.ts', 'src/*']) {
      expect(apply([raw({})], [], { exclude: [glob] }), glob).toEqual([]);
    }
    expect(apply([raw({})], [], { exclude: ['lib'] })).toHaveLength(1);
  });

  test('none of a file of another project, and no complaint about its waivers', () => {
    expect(apply([raw({})], [waiver({ fromLine: 50 })], {}, () => false)).toEqual([]);
  });

  test('the same is said once', () => {
    expect(apply([raw({}), raw({}), raw({ target: 'setSize' })])).toHaveLength(2);
  });
});

describe('order', () => {
  test('by file, line, column, rule, whatever order the rules found them in', () => {
    const findings = ['src/b.ts', 'src/B.ts', 'src/ä.ts'].flatMap((file) => [9, 10].flatMap((line) => [2, 12].flatMap((column) =>
      ['gs-from-io', 'misfiled-api'].map((rule) => raw({ file, line, column, rule })))));
    const expected = apply(findings);
    expect(expected.map((f) => f.file).filter((file, index, all) => all.indexOf(file) === index)).toEqual(['src/B.ts', 'src/b.ts', 'src/ä.ts']);
    fc.assert(fc.property(fc.shuffledSubarray(findings, { minLength: findings.length }), (shuffled) => {
      expect(apply(shuffled)).toEqual(expected);
    }));
  });
});

describe('fingerprints', () => {
  const prints = (findings: RawFinding[]): string[] => apply(findings).map((f) => f.fingerprint);

  test('survive edits elsewhere in the file', () => {
    expect(prints([raw({ line: 40, column: 9 })])).toEqual(prints([raw({})]));
    expect(prints([raw({ function: 'openDisk/callback@12' })])).toEqual(prints([raw({ function: 'openDisk/callback@31' })]));
    expect(prints([raw({ line: 1, function: 'other' }), raw({})])[1]).toBe(prints([raw({})])[0]);
  });

  test('differ by rule, file, function, target, and by number among equals', () => {
    const all = [raw({}), raw({ line: 11 }), raw({ line: 12 }), raw({ rule: 'misfiled-api' }), raw({ file: 'src/a.ts' }), raw({ line: 13, function: 'a' }), raw({ target: 'a' })];
    expect(new Set(prints(all)).size).toBe(all.length);
  });

  test('stay when a waiver suppresses an equal finding above', () => {
    const [, second] = prints([raw({ line: 10 }), raw({ line: 11 })]);
    expect(apply([raw({ line: 10 }), raw({ line: 11 })], [waiver({})]).map((f) => f.fingerprint)).toEqual([second]);
  });
});
