/**
 * The report as GitLab's Code Quality takes it: a list, each entry with the keys that GitLab reads.
 *
 * In: a `Report` with files relative to the root of the repository. Out: text that ends with a newline.
 */
import type { Level, Report } from '../model/finding.ts';
import { oneLine } from './visible.ts';

const SEVERITIES: Readonly<Record<Level, string>> = { error: 'major', warning: 'minor', info: 'info' };

export function formatGitlab(report: Report): string {
  const entries = report.findings.map(({ rule, level, file, line, endLine, message, hint, fingerprint }) => ({
    description: oneLine(hint === '' ? message : `${message} To fix: ${hint}`),
    check_name: rule,
    fingerprint,
    severity: SEVERITIES[level],
    location: { path: oneLine(file), lines: { begin: line, end: endLine } },
  }));
  return `${JSON.stringify(entries, null, 2)}\n`;
}
