/** Reports that no analysis made: with names and messages that break formats, and with very many findings. */
import type { Finding, Level, Report } from '../../src/model/finding.ts';
import type { RenderOptions } from '../../src/report/formats.ts';
import { rules } from '../../rules/index.ts';

export const finding: Finding = {
  rule: 'gs-from-io', level: 'error', file: 'src/disk.ts', line: 4, column: 3, endLine: 4, endColumn: 25,
  function: 'readSector', target: 'resizeImage',
  message: 'readSector is I/O code, and calls resizeImage, which is Global State.', hint: 'Call resizeImage where the main thread runs.',
  path: [
    { function: 'readSector', file: 'src/disk.ts', line: 2, column: 23, edge: 'root', class: 'io', why: 'declared' },
    { function: 'grow', file: 'src/grow.ts', line: 40, column: 3, edge: 'callback', class: null, why: 'inferred' },
    { function: 'resizeImage', file: 'src/disk.ts', line: 4, column: 3, edge: 'call', class: 'globalState', why: 'module' },
  ],
  roots: 3, fingerprint: '0123456789abcdef',
};

export function reportOf(findings: readonly Finding[]): Report {
  const count = (level: Level): number => findings.filter((found) => found.level === level).length;
  return {
    findings,
    unresolved: [{ file: 'src/disk.ts', line: 5, column: 10, text: 'disk.read', reason: 'any-typed' }],
    summary: {
      files: 2, functions: 12_345, callSites: 3, resolvedCallSites: 2, edges: 1,
      findings: { error: count('error'), warning: count('warning'), info: count('info') }, unresolvedByReason: { 'any-typed': 1 }, capped: 0, milliseconds: 1234,
    },
  };
}

/** What source text can hold, and formats trip over. */
export const HOSTILE: readonly string[] = [
  '"double" \'single\' `back` ```fence```',
  '100 % %0A %25 ::error::x',
  'two\nlines\r\nor\u2028more\u2029lines',
  '\n::set-output name=a::b\n##[error]no\n::stop-commands::x',
  ']]> <![CDATA[ <b onclick="x">&amp;&lt;</b> <!-- -- -->',
  '\u001b[31mred\u001b[0m\u0007\u0000\u009b',
  '👩‍👩‍👧‍👦 é 漢字 \u{1f600}',
  'half \ud83d and \ude00 halves \ufffe\uffff',
  '\u202eright to left\u202c \u2066isolate\u2069',
  '[link](javascript:alert(1)) ![x](y) @globalState @user #12 https://x.test www.x.test',
  '# heading\n- list\n1. one\n| a | b |\n~~~\n<details>',
  'a:b,c;d=e file=x,line=1',
  '{0} {{x}} ${y} \\ \\n [1]',
  'x'.repeat(100_000),
  '',
  ' ',
  '__proto__',
];

export function hostileFindings(): Finding[] {
  return HOSTILE.map((text, index) => ({
    ...finding, level: (['error', 'warning', 'info'] as const)[index % 3] ?? 'error', line: index + 1, endLine: index + 1,
    file: `src/${text.replaceAll('/', '')}.ts`, function: text, target: text, message: text, hint: text, fingerprint: index.toString(16).padStart(16, '0'),
    path: finding.path.map((hop) => ({ ...hop, function: text, file: `src/${text.replaceAll('/', '')}.ts` })),
  }));
}

export function manyFindings(count: number, level: Level = 'error'): Finding[] {
  return Array.from({ length: count }, (_, index) => ({ ...finding, level, line: index + 1, endLine: index + 1, fingerprint: index.toString(16).padStart(16, '0') }));
}

export const OPTIONS: RenderOptions = {
  version: '1.2.3',
  rules: rules.map(({ id, level, title, why }) => ({ id, level, title, why, page: `# ${id}\n\n${title} See [another](../other/README.md).\n` })),
  fails: (level) => level === 'error',
  colour: false,
  unresolved: false,
  prefix: '',
  project: 'disk',
  page: () => '<!doctype html>\n<!-- gsio:data -->\n',
  readSource: () => undefined,
};
