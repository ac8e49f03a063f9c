/** A report with some of its findings: what the user wants to see of them. The analysis behind it stays whole. */
import type { Finding, Level, Report } from '../model/finding.ts';

/** `why` says what was left out, for the words of the reports. */
export function keepFindings(report: Report, findings: readonly Finding[], why: Pick<Report, 'known' | 'since'>): Report {
  const count = (level: Level): number => findings.filter((finding) => finding.level === level).length;
  return { ...report, ...why, findings, summary: { ...report.summary, findings: { error: count('error'), warning: count('warning'), info: count('info') } } };
}
