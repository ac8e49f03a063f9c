/**
 * The report for programs: one object, with exactly the keys that the contract with its readers names, in that order.
 *
 * In: a `Report`. Out: text that ends with a newline. Two runs give the same bytes, `milliseconds` aside.
 */
import type { Finding, Hop, Report, UnresolvedCall } from '../model/finding.ts';

export interface JsonOptions {
  readonly version: string;
  /** Adds the calls without a known target. */
  readonly unresolved: boolean;
}

export function formatJson(report: Report, options: JsonOptions): string {
  const { summary } = report;
  const document = {
    schemaVersion: 1,
    tool: { name: 'gsio', version: options.version },
    findings: report.findings.map(jsonFinding),
    ...(options.unresolved ? { unresolved: report.unresolved.map(jsonUnresolved) } : {}),
    summary: {
      functions: summary.functions,
      callSites: summary.callSites,
      resolvedCallSites: summary.resolvedCallSites,
      edges: summary.edges,
      findings: { error: summary.findings.error, warning: summary.findings.warning, info: summary.findings.info },
      milliseconds: summary.milliseconds,
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Written out key by key, so that a key added to the model does not leak into the output. */
export function jsonFinding(finding: Finding): object {
  const { rule, level, file, line, column, endLine, endColumn, target, message, roots, fingerprint } = finding;
  return { rule, level, file, line, column, endLine, endColumn, function: finding.function, target, message, path: finding.path.map(jsonHop), roots, fingerprint };
}

function jsonHop(hop: Hop): object {
  return { function: hop.function, file: hop.file, line: hop.line, column: hop.column, edge: hop.edge, class: hop.class, why: hop.why };
}

function jsonUnresolved({ file, line, column, text, reason }: UnresolvedCall): object {
  return { file, line, column, text, reason };
}
