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
    for (const target of flow.callees(site)) {
      if (target.kind === 'function') edges += program.functions[target.fn]?.summary.hasBody === true ? 1 : 0;
      else if (target.kind === 'class') edges += program.constructorsOf(target.key).length;
    }
    const call = unresolvedCall(program, flow, site);
    if (call !== null) unresolved.push(call);
  }
  unresolved.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column));
  const byReason: Record<string, number> = {};
  for (const { reason } of unresolved) byReason[reason] = (byReason[reason] ?? 0) + 1;
  return { callSites, edges, unresolved, byReason: Object.fromEntries(Object.entries(byReason).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))) };
}

/** The call, where nothing is known that it could run; null where something is. */
export function unresolvedCall(program: Program, flow: ValueFlow, site: Site): UnresolvedCall | null {
  const { callee, span, text } = site.summary;
  if (flow.callees(site).length > 0 || isKnownByDeclaration(program, callee)) return null;
  return { file: site.file, line: span.line, column: span.column, text, reason: callee.k === 'unknown' ? callee.reason : 'no-value-seen' };
}

/** A slot with a class says what may be in it, whether or not anything was seen to be put there. */
function isKnownByDeclaration(program: Program, value: Value): boolean {
  if (value.k === 'member') return (program.slot(value.key)?.classification.class ?? null) !== null;
  return value.k === 'any' && value.of.some((part) => isKnownByDeclaration(program, part));
}
