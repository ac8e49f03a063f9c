/**
 * What ran against what the call graph says.
 *
 * In: the models of the projects, what the rules found in them, a trace of the same source. Out: a `Recall`, sorted.
 * Leaves to others: the graph's edges (`engine/questions/call-graph.ts`), printing (`report/recall.ts`).
 */
import { callEdges } from '../engine/questions/call-graph.ts';
import { unresolvedCall } from '../engine/resolution.ts';
import type { Model } from '../engine/model.ts';
import type { Site } from '../link/link.ts';
import type { RawFinding } from '../model/finding.ts';
import type { FunctionNode } from '../model/rule.ts';
import type { FanOut, JudgedViolation, Miss, MissCause, Recall, SourceSpan, Trace, TracedCall, TracedFunction, TracedSite, TracedViolation } from '../model/trace.ts';
import { compareSpans, compareText } from './order.ts';

/** Rules whose findings say that an assertion will fail. */
const PREDICTING: ReadonlySet<string> = new Set([
  'gs-from-io', 'perm-change-in-io', 'gs-from-coroutine', 'coroutine-context', 'callback-class', 'slot-call-unasserted', 'dual-use', 'assertion-mismatch', 'graph-write',
]);
const MOST_FAN_OUTS = 10;
const MOST_NAMES = 3;

export function compareTrace(models: readonly Model[], findings: readonly RawFinding[], trace: Trace): Recall {
  const graphs = models.map((model) => new StaticGraph(model));
  const misses: Miss[] = [];
  let atSite = 0;
  let inCaller = 0;
  let scheduled = 0;
  let untraced = 0;
  const ran = new Map<number, Set<number>>();
  const through = new Map<string, TracedCall['through']>();
  for (const call of trace.calls) {
    ran.set(call.site, (ran.get(call.site) ?? new Set()).add(call.function));
    const pair = `${String(call.site)}>${String(call.function)}`;
    // A plain call among them is what counts.
    if (!through.has(pair) || call.through === null) through.set(pair, call.through);
  }
  for (const [siteIndex, functions] of ran) {
    const site = trace.sites[siteIndex];
    if (site === undefined) continue;
    const knowing = graphs.filter((graph) => graph.sitesAt(site).length > 0).sort((a, b) => Number(b.owns(site.file)) - Number(a.owns(site.file)));
    for (const fnIndex of functions) {
      const fn = trace.functions[fnIndex];
      if (fn === undefined) continue;
      const between = through.get(`${String(siteIndex)}>${String(fnIndex)}`) ?? null;
      if (knowing.some((graph) => graph.hasAtSite(site, fn))) atSite++;
      else if (knowing.some((graph) => graph.hasInCaller(site, fn))) inCaller++;
      else if (between?.kind === 'untraced') untraced++;
      else if (knowing.some((graph) => graph.isScheduled(fn))) scheduled++;
      else misses.push(missOf({ graph: knowing[0] ?? null, graphs, site, fn, between, trace }));
    }
  }
  const files = new Set(trace.files.map(({ file }) => file));
  const own = trace.violations.filter(({ stack: [first] }) => first === undefined || files.has(first.file));
  misses.sort((a, b) => compareText(a.cause, b.cause) || compareSpans(a, b) || compareText(a.function, b.function));
  return {
    calls: atSite + inCaller + misses.length, atSite, inCaller, scheduled, untraced, misses,
    precision: precisionOf(graphs, trace, ran),
    violations: own.map((violation) => judge(violation, findings, graphs)),
    foreignViolations: trace.violations.length - own.length,
  };
}

// ---- the static side -------------------------------------------------------------------------------------------------

/** One thing that a call may run: a function, or what `new` runs for one class. `handed`: a library runs it. */
interface Target {
  readonly functions: readonly number[];
  readonly handed: boolean;
}

class StaticGraph {
  readonly model: Model;
  private readonly sites = new Map<string, Site[]>();
  private readonly functions = new Map<string, number>();
  private readonly bySite = new Map<number, Set<number>>();
  private readonly byCaller = new Map<number, Set<number>>();
  private readonly byFile = new Map<string, FunctionNode[]>();

  constructor(model: Model) {
    this.model = model;
    for (const site of model.program.sites) {
      const key = spanKey({ file: site.file, ...site.summary.span });
      const list = this.sites.get(key);
      if (list === undefined) this.sites.set(key, [site]);
      else list.push(site);
    }
    for (const fn of model.program.functions) {
      this.functions.set(functionKey({ file: fn.file, function: fn.summary.name, ...fn.summary.span }), fn.id);
      const list = this.byFile.get(fn.file);
      if (list === undefined) this.byFile.set(fn.file, [fn]);
      else list.push(fn);
    }
    for (const { site, from, to } of callEdges(model)) {
      this.bySite.set(site.id, (this.bySite.get(site.id) ?? new Set()).add(to));
      this.byCaller.set(from, (this.byCaller.get(from) ?? new Set()).add(to));
    }
  }

  owns(file: string): boolean {
    return this.model.reported.has(file);
  }

  sitesAt(span: SourceSpan): readonly Site[] {
    return this.sites.get(spanKey(span)) ?? [];
  }

  functionOf(fn: TracedFunction): number | undefined {
    return this.functions.get(functionKey(fn));
  }

  hasAtSite(site: TracedSite, fn: TracedFunction): boolean {
    const id = this.functionOf(fn);
    return id !== undefined && this.sitesAt(site).some((s) => this.bySite.get(s.id)?.has(id) === true);
  }

  hasInCaller(site: TracedSite, fn: TracedFunction): boolean {
    const id = this.functionOf(fn);
    return id !== undefined && this.sitesAt(site).some((s) => this.byCaller.get(s.caller)?.has(id) === true);
  }

  isScheduled(fn: TracedFunction): boolean {
    return this.model.contexts.handedElsewhere.has(this.functionOf(fn) ?? -1);
  }

  /** What a call site may run of the project's own code. */
  targetsOf(site: Site): Target[] {
    const { program, flow } = this.model;
    const all = new Set(this.bySite.get(site.id));
    const called = new Set<number>();
    const targets: Target[] = [];
    for (const target of flow.callees(site)) {
      if (target.kind === 'function') called.add(target.fn);
      if (target.kind !== 'class') continue;
      const functions = program.constructorsOf(target.key);
      for (const fn of functions) all.delete(fn);
      // Nothing to be seen of a class without a constructor.
      if (functions.some((fn) => program.functions[fn]?.summary.kind === 'constructor')) targets.push({ functions, handed: false });
    }
    return [...targets, ...[...all].map((fn) => ({ functions: [fn], handed: !called.has(fn) }))];
  }

  name(fn: number): string {
    return this.model.program.functions[fn]?.summary.name ?? '';
  }

  /** The function whose text holds the line: the smallest. */
  functionAt(file: string, line: number): string | null {
    let found: FunctionNode | null = null;
    for (const fn of this.byFile.get(file) ?? []) {
      const { span, hasBody, kind } = fn.summary;
      if (!hasBody || kind === 'module' || line < span.line || line > span.endLine) continue;
      if (found === null || span.endLine - span.line <= found.summary.span.endLine - found.summary.span.line) found = fn;
    }
    return found?.summary.name ?? null;
  }
}

function spanKey({ file, line, column, endLine, endColumn }: SourceSpan): string {
  return [file, line, column, endLine, endColumn].join(':');
}

function functionKey(fn: TracedFunction): string {
  return `${spanKey(fn)}:${fn.function}`;
}

// ---- misses ----------------------------------------------------------------------------------------------------------

interface Missed {
  readonly graph: StaticGraph | null;
  readonly graphs: readonly StaticGraph[];
  readonly site: TracedSite;
  readonly fn: TracedFunction;
  readonly between: TracedCall['through'];
  readonly trace: Trace;
}

function missOf(missed: Missed): Miss {
  const { site, fn, trace } = missed;
  const { file, line, column, endLine, endColumn } = site;
  const { cause, detail } = causeOf(missed);
  return {
    cause, file, line, column, endLine, endColumn,
    caller: trace.functions[site.caller]?.function ?? '<module>',
    function: fn.function,
    declared: { file: fn.file, line: fn.line, column: fn.column },
    detail,
  };
}

function causeOf({ graph, graphs, site, fn, between }: Missed): { cause: MissCause; detail: string } {
  if (!graphs.some((candidate) => candidate.functionOf(fn) !== undefined)) return { cause: 'unknown-function', detail: '' };
  if (graph === null) return { cause: 'unknown-site', detail: '' };
  if (between !== null) return { cause: 'through-library', detail: between.name };
  const { program, flow } = graph.model;
  const sites = graph.sitesAt(site);
  const own = [...new Set(sites.flatMap((s) => graph.targetsOf(s).flatMap(({ functions }) => functions.slice(0, 1).map((id) => graph.name(id)))))].sort(compareText);
  if (own.length > 0) return { cause: 'other-targets', detail: `${own.slice(0, MOST_NAMES).join(', ')}${own.length > MOST_NAMES ? `, and ${String(own.length - MOST_NAMES)} more` : ''}` };
  const library = sites.flatMap((s) => flow.callees(s).flatMap((target) => (target.kind === 'external' ? [target.name] : [])));
  if (library.length > 0) return { cause: 'other-targets', detail: [...new Set(library)].sort(compareText).join(', ') };
  const reasons = sites.flatMap((s) => unresolvedCall(program, flow, s)?.reason ?? []);
  return { cause: 'unresolved', detail: reasons[0] ?? 'declared-only' };
}

// ---- precision -------------------------------------------------------------------------------------------------------

function precisionOf(graphs: readonly StaticGraph[], trace: Trace, ran: ReadonlyMap<number, ReadonlySet<number>>): Recall['precision'] {
  const traced = new Map<string, Set<string>>();
  for (const [siteIndex, functions] of ran) {
    const site = trace.sites[siteIndex];
    if (site !== undefined) traced.set(spanKey(site), new Set([...functions].flatMap((index) => { const fn = trace.functions[index]; return fn === undefined ? [] : [functionKey(fn)]; })));
  }
  let callSites = 0;
  let targets = 0;
  let libraryCalls = 0;
  let libraryTargets = 0;
  let tracedCallSites = 0;
  let tracedTargets = 0;
  let seenTargets = 0;
  const fanOuts: FanOut[] = [];
  for (const graph of graphs) {
    for (const site of graph.model.program.sites) {
      if (!graph.owns(site.file)) continue;
      const possible = graph.targetsOf(site);
      if (possible.length === 0) continue;
      const called = possible.filter(({ handed }) => !handed).length;
      if (called > 0) callSites++;
      if (possible.length > called) libraryCalls++;
      targets += called;
      libraryTargets += possible.length - called;
      const place = { file: site.file, ...site.summary.span };
      const functions = traced.get(spanKey(place));
      const isSeen = ({ functions: ids }: Target): boolean => ids.some((id) => {
        const fn = graph.model.program.functions[id];
        return fn !== undefined && functions?.has(functionKey({ file: fn.file, function: fn.summary.name, ...fn.summary.span })) === true;
      });
      const seen = functions === undefined ? 0 : possible.filter(isSeen).length;
      if (functions !== undefined) {
        tracedCallSites++;
        tracedTargets += possible.length;
        seenTargets += seen;
      }
      if (possible.length > 1) fanOuts.push({ ...place, caller: graph.name(site.caller), text: site.summary.text, targets: possible.length, seen });
    }
  }
  fanOuts.sort((a, b) => b.targets - a.targets || compareSpans(a, b));
  return { callSites, targets, libraryCalls, libraryTargets, tracedCallSites, tracedTargets, seen: seenTargets, fanOuts: fanOuts.slice(0, MOST_FAN_OUTS) };
}

// ---- violations ------------------------------------------------------------------------------------------------------

/** A finding tells of a violation when it stands on the violation's stack, or names a function that does. */
function judge(violation: TracedViolation, findings: readonly RawFinding[], graphs: readonly StaticGraph[]): JudgedViolation {
  const predicting = findings.filter(({ rule }) => PREDICTING.has(rule));
  const standing = violation.stack.flatMap(({ file, line }) => predicting.find((finding) => finding.file === file && finding.span.line <= line && line <= finding.span.endLine) ?? []);
  const names = new Set([violation.function, ...violation.stack.flatMap(({ file, line }) => graphs.flatMap((graph) => graph.functionAt(file, line) ?? []))]);
  const [finding = predicting.find(({ target, function: holder }) => names.has(target) && (target === violation.function || names.has(holder)))] = standing;
  const { function: functionName, assertion, needs, runsIn, stack } = violation;
  return {
    function: functionName, assertion, needs, runsIn, stack,
    predictedBy: finding === undefined ? null : { rule: finding.rule, file: finding.file, line: finding.span.line },
  };
}
