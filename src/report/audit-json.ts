/** The audit for programs. Its findings have the form that `--format json` gives them. */
import type { Audit } from '../model/audit.ts';
import type { Report } from '../model/finding.ts';
import { jsonFinding } from './json.ts';
import { jsonDocument } from './json-document.ts';

/** Two runs give the same bytes. */
export function formatAuditJson(report: Report, { functions, edges, slots, waivers, coverage }: Audit, version: string): string {
  const { files, functions: bodies, callSites, resolvedCallSites, edges: calls, findings, unresolvedByReason } = report.summary;
  return jsonDocument({
    tool: { name: 'gsio', version },
    summary: { files, functions: bodies, callSites, resolvedCallSites, edges: calls, findings, unresolvedByReason },
    coverage,
    findings: report.findings.map(jsonFinding),
    functions,
    slots,
    waivers,
    edges,
  });
}
