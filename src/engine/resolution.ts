/** How much of the calls is resolved: counts for the report, and the calls that stay without a target, with the reason. */
import type { ValueFlow } from '../callgraph/flow.ts';
import type { Program, Site } from '../link/link.ts';
import type { UnresolvedCall } from '../model/finding.ts';
import type { Value } from '../model/summary.ts';

export interface Resolution {
  readonly callSites: number;
  /** Pairs of a call site and a function with a body that it may run. */
  readonly edges: number;
  readonly unresolved: readonly UnresolvedCall[];
  readonly byReason: Readonly<Record<string, number>>;
}

export function resolveSites(program: Program, flow: ValueFlow, reported: ReadonlySet<string>): Resolution {
  let callSites = 0;
  let edges = 0;
  const unresolved: UnresolvedCall[] = [];
  for (const site of program.sites) {
    if (!reported.has(site.file)) continue;
    callSites++;
    const targets = flow.callees(site);
    for (const target of targets) {
      if (target.kind === 'function') edges += program.functions[target.fn]?.summary.hasBody === true ? 1 : 0;
      else if (target.kind === 'class') edges += program.constructorsOf(target.key).length;
    }
    if (targets.length > 0 || isKnownByDeclaration(program, site.summary.callee)) continue;
    unresolved.push({ file: site.file, line: site.summary.span.line, column: site.summary.span.column, text: site.summary.text, reason: reasonOf(site) });
  }
  unresolved.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column));
  const byReason: Record<string, number> = {};
  for (const { reason } of unresolved) byReason[reason] = (byReason[reason] ?? 0) + 1;
  return { callSites, edges, unresolved, byReason: Object.fromEntries(Object.entries(byReason).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))) };
}

/** A slot with a class says what may be in it, whether or not anything was seen to be put there. */
function isKnownByDeclaration(program: Program, value: Value): boolean {
  if (value.k === 'member') return (program.slot(value.key)?.classification.class ?? null) !== null;
  return value.k === 'any' && value.of.some((part) => isKnownByDeclaration(program, part));
}

function reasonOf(site: Site): string {
  return site.summary.callee.k === 'unknown' ? site.summary.callee.reason : 'no-value-seen';
}
