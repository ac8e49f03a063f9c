/**
 * One report of several: findings together and in order, numbers added up.
 *
 * A file that two projects share is analysed in both; what both find in it is told once.
 */
import type { Finding, Report, ReportSummary, UnresolvedCall } from '../model/finding.ts';

export function mergeReports(reports: readonly Report[], milliseconds: number): Report {
  const [only] = reports;
  if (only !== undefined && reports.length === 1) return { ...only, summary: { ...only.summary, milliseconds: Math.round(milliseconds) } };

  const findings = mergeFindings(reports.map((report) => report.findings));
  const unresolved = once(reports.flatMap((report) => report.unresolved), unresolvedKey).sort(comparePlaces);
  const sum = (pick: (summary: ReportSummary) => number): number => reports.reduce((total, report) => total + pick(report.summary), 0);
  const count = (level: Finding['level']): number => findings.filter((finding) => finding.level === level).length;
  return {
    findings,
    unresolved,
    summary: {
      files: sum((s) => s.files),
      functions: sum((s) => s.functions),
      callSites: sum((s) => s.callSites),
      resolvedCallSites: sum((s) => s.resolvedCallSites),
      edges: sum((s) => s.edges),
      findings: { error: count('error'), warning: count('warning'), info: count('info') },
      unresolvedByReason: addedByReason(reports),
      capped: sum((s) => s.capped),
      milliseconds: Math.round(milliseconds),
    },
  };
}

/** What several projects find in a file that they share is told once. */
export function mergeFindings(found: readonly (readonly Finding[])[]): Finding[] {
  return once(found.flat(), findingKey).sort(compareFindings);
}

function addedByReason(reports: readonly Report[]): Record<string, number> {
  const total = new Map<string, number>();
  for (const report of reports) {
    for (const [reason, number] of Object.entries(report.summary.unresolvedByReason)) total.set(reason, (total.get(reason) ?? 0) + number);
  }
  return Object.fromEntries([...total].sort(([a], [b]) => compareText(a, b)));
}

function once<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[] {
  const byKey = new Map<string, Item>();
  for (const item of items) {
    const key = keyOf(item);
    if (!byKey.has(key)) byKey.set(key, item);
  }
  return [...byKey.values()];
}

function findingKey(finding: Finding): string {
  return JSON.stringify([finding.rule, finding.file, finding.line, finding.column, finding.endLine, finding.endColumn, finding.target, finding.message]);
}

function unresolvedKey(call: UnresolvedCall): string {
  return JSON.stringify([call.file, call.line, call.column, call.text, call.reason]);
}

function compareFindings(a: Finding, b: Finding): number {
  return comparePlaces(a, b) || compareText(a.rule, b.rule) || compareText(findingKey(a), findingKey(b));
}

interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

function comparePlaces(a: Place, b: Place): number {
  return compareText(a.file, b.file) || a.line - b.line || a.column - b.column;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
