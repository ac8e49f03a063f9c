/**
 * Names files as a code host does: relative to the root of the repository, not to the folder of the tsconfig.json.
 *
 * In: a report, and the way from the root to the folder that its names are relative to (`''` or `packages/disk/`).
 * Out: the same report with other names.
 */
import path from 'node:path/posix';
import type { Finding, Report } from '../model/finding.ts';

export function relocate(report: Report, prefix: string): Report {
  if (prefix === '') return report;
  const place = <Item extends { readonly file: string }>(item: Item): Item => ({ ...item, file: path.join(prefix, item.file) });
  const placeFinding = (finding: Finding): Finding => ({ ...place(finding), path: finding.path.map(place) });
  return { ...report, findings: report.findings.map(placeFinding), unresolved: report.unresolved.map(place) };
}
