/** Audits of any size, and of any evil, that no analysis made. */
import type { Audit, AuditFunction } from '../../src/model/audit.ts';
import type { Finding, Report } from '../../src/model/finding.ts';
import { finding, hostileFindings, HOSTILE, OPTIONS, reportOf } from './reports.ts';
import type { HtmlOptions } from '../../src/report/html/html.ts';

const CLASSES = ['globalState', 'io', 'ioOrGs', 'common', null] as const;

function functionNamed(name: string, index: number): AuditFunction {
  const tag = CLASSES[index % CLASSES.length] ?? null;
  return {
    listed: true, function: name, file: `src/module-${String(index % 400)}/part.ts`, line: index + 1, class: tag, why: tag === null ? 'inferred' : 'declared', coroutine: index % 7 === 0 ? 'coroutine' : null,
    inferred: { class: tag === null ? 'io' : null, coroutine: null }, assertion: tag === 'globalState' && index % 10 !== 0 ? 'globalState' : null,
    exportedFrom: index % 3 === 0 ? ['src/block-io.ts'] : [], hasBody: true, reached: (['io', 'main', 'both', null] as const)[index % 4] ?? null,
  };
}

function auditOf(names: readonly string[], findings: readonly Finding[]): Audit {
  const functions = names.map(functionNamed);
  const last = names.length - 1;
  return {
    functions,
    edges: functions.flatMap((_, from) => [1, 2, 3].map((step) => ({ from, to: Math.min(last, from + step ** 3), line: from + 2, kind: 'call' as const }))).filter(({ from, to }) => from !== to),
    slots: names.slice(0, 50).map((name) => ({ table: 'BlockDriver', slot: name, file: 'src/driver.ts', line: 3, class: 'io', coroutine: null, members: [name] })),
    waivers: names.slice(0, 50).map((name, index) => ({ file: 'src/disk.ts', line: index + 1, rules: ['gs-from-io'], reason: index % 5 === 0 ? null : name, source: 'gsio', unused: index % 4 === 0 })),
    coverage: { functions: names.length, classified: Math.ceil(names.length * 0.8), globalState: 20, asserted: 18, exported: 30, exportedClassified: 24, reached: names.length - 1, bodies: names.length },
    hops: findings.map(({ path }, index) => path.map((_, hop) => Math.min(last, index + hop))),
  };
}

export interface Made {
  readonly report: Report;
  readonly options: HtmlOptions;
}

const SOURCE = Array.from({ length: 12_000 }, (_, index) => `  resizeImage(disk, ${String(index)}); // one of many`).join('\n');

export function largeAudit(findings: number, functions: number, template: string): Made {
  const names = Array.from({ length: functions }, (_, index) => `Disk${String(index % 97)}.readSector${String(index)}`);
  const made = Array.from({ length: findings }, (_, index): Finding => ({
    ...finding, level: (['error', 'warning', 'info'] as const)[index % 3] ?? 'error', rule: ['gs-from-io', 'missing-assertion', 'suggest-class'][index % 3] ?? '', line: index + 1, endLine: index + 1,
    file: `src/module-${String(index % 400)}/part.ts`, function: names[index % functions] ?? '', fingerprint: index.toString(16).padStart(16, '0'),
    message: `${names[index % functions] ?? ''} is I/O code, and calls resizeImage, which is Global State.`,
    path: finding.path.map((hop, at) => ({ ...hop, function: names[Math.min(functions - 1, index + at)] ?? '', file: `src/module-${String(index % 400)}/part.ts`, line: index + 1 + at })),
  }));
  return { report: reportOf(made), options: { ...OPTIONS, template, audit: auditOf(names, made), trend: null, readSource: () => SOURCE } };
}

/** Everything that source can hold, everywhere. */
export function hostileAudit(template: string): Made {
  const evil = ['</script><script>window.pwned = 1</script>', '<img src=x onerror="window.pwned = 2">', '"><svg onload=window.pwned=3>', '<!-- gsio:data -->', "'-alert(1)-'", '#finding/../../x?y=z&<', ...HOSTILE];
  const made = [...hostileFindings(), ...evil.map((text, index): Finding => ({ ...finding, rule: 'gs-from-io', file: `src/${text}.ts`, function: text, target: text, message: text, hint: text, fingerprint: `e${String(index)}`, line: 1, path: finding.path.map((hop) => ({ ...hop, function: text, file: `src/${text}.ts` })) }))];
  const page = `# x\n\n## How to fix it\n\n${evil.slice(0, 4).join('\n\n')}\n`;
  return {
    report: reportOf(made),
    options: { ...OPTIONS, project: evil[0] ?? '', rules: OPTIONS.rules.map((rule) => ({ ...rule, page })), template, audit: auditOf(evil, made), trend: null, readSource: () => evil.join('\n') },
  };
}
