/**
 * The call graph as data: every function with a body, every resolved call between two of them.
 *
 * In: models of projects. Out: one `CallGraph`, sorted; of projects that they refer to, it holds the functions at the other end of a call.
 * A closure that is handed to a function without a body has an edge from the caller, at that call. One that `@runs` hands to
 * another context begins there: no edge leads to it.
 * Leaves to others: contexts (`ways.ts`), printing (`report`).
 */
import { libraryUse, mayCall, type Target } from '../../callgraph/flow.ts';
import type { Site } from '../../link/link.ts';
import type { UnresolvedCall } from '../../model/finding.ts';
import type { CallGraph, GraphEdge, GraphFunction } from '../../model/questions.ts';
import type { FunctionNode } from '../../model/rule.ts';
import type { RunsTag, Value } from '../../model/summary.ts';
import { slotsOf } from '../../propagate/contexts.ts';
import { runsOf } from '../../propagate/search.ts';
import type { Model } from '../model.ts';
import { comparePlaces, compareText } from './order.ts';
import { unresolvedCall } from '../resolution.ts';

export interface CallEdge {
  readonly site: Site;
  /** Ids of the linked program. */
  readonly from: number;
  readonly to: number;
  readonly kind: GraphEdge['kind'];
}

/** Every call from one function with a body to another, in the order of call sites; once for each pair, place and kind. */
export function callEdges(model: Model): CallEdge[] {
  const { program, flow } = model;
  const edges: CallEdge[] = [];
  for (const site of program.sites) {
    if (program.functions[site.caller]?.summary.hasBody !== true) continue;
    const seen = new Set<string>();
    const add = (to: number, kind: GraphEdge['kind']): void => {
      const id = `${String(to)} ${kind}`;
      if (program.functions[to]?.summary.hasBody !== true || seen.has(id)) return;
      seen.add(id);
      edges.push({ site, from: site.caller, to, kind });
    };
    const kindOf = kindsOf(model, site);
    for (const target of flow.callees(site)) {
      if (target.kind === 'function') add(target.fn, kindOf(target.fn));
      else if (target.kind === 'class') for (const fn of program.constructorsOf(target.key)) add(fn, 'construct');
    }
    for (const fn of callbacksOf(model, site)) add(fn, 'callback');
  }
  return edges;
}

export function buildCallGraph(models: readonly Model[]): CallGraph {
  const nodes = new Map<string, GraphFunction>();
  const calls = new Map<string, { readonly from: string; readonly to: string; readonly call: Omit<GraphEdge, 'from' | 'to'> }>();
  const open = new Map<string, UnresolvedCall & { readonly caller: string }>();
  for (const model of models) {
    const { program, flow, reported } = model;
    const list = (id: number): string => {
      const fn = program.functions[id] as FunctionNode;
      const { key } = fn.summary;
      if (nodes.get(key)?.own !== true) nodes.set(key, graphFunction(fn, reported.has(fn.file)));
      return key;
    };
    for (const fn of program.functions) if (reported.has(fn.file) && runs(fn)) list(fn.id);
    for (const { site, from, to, kind } of callEdges(model)) {
      if (!isOwn(model, from) && !isOwn(model, to)) continue;
      const call = { file: site.file, line: site.summary.span.line, column: site.summary.span.column, kind };
      const ends = { from: list(from), to: list(to) };
      calls.set(JSON.stringify([ends, call]), { ...ends, call });
    }
    for (const site of program.sites) {
      const caller = program.functions[site.caller];
      const call = caller === undefined || !reported.has(site.file) ? null : unresolvedCall(program, flow, site);
      if (call !== null && caller !== undefined) open.set(JSON.stringify(call), { ...call, caller: caller.summary.key });
    }
  }
  const functions = [...nodes.values()].sort(compareFunctions);
  const places = new Map(functions.map(({ key }, index) => [key, index]));
  const place = (key: string): number => places.get(key) ?? -1;
  return {
    functions,
    edges: [...calls.values()].map(({ from, to, call }) => ({ from: place(from), to: place(to), ...call })).sort(compareEdges),
    unresolved: [...open.values()].map(({ caller, ...call }) => ({ ...call, from: place(caller) })).sort((a, b) => comparePlaces(a, b) || compareText(a.text, b.text)),
  };
}

/** A declaration file has no code of its own. */
function runs({ file, summary }: FunctionNode): boolean {
  return summary.hasBody && !(summary.kind === 'module' && /\.d\.(?:\w+\.)?[cm]?ts$/.test(file));
}

function graphFunction({ file, summary, classification }: FunctionNode, own: boolean): GraphFunction {
  const { key, name, span: { line, column, endLine, endColumn } } = summary;
  return { key, function: name, file, line, column, endLine, endColumn, class: classification.class, coroutine: classification.coroutine, own };
}

/** What contains another comes first. */
function compareFunctions(a: GraphFunction, b: GraphFunction): number {
  return comparePlaces(a, b) || b.endLine - a.endLine || b.endColumn - a.endColumn || compareText(a.key, b.key);
}

function compareEdges(a: GraphEdge, b: GraphEdge): number {
  return comparePlaces(a, b) || a.from - b.from || a.to - b.to || compareText(a.kind, b.kind);
}

function isOwn({ program, reported }: Model, fn: number): boolean {
  return reported.has(program.functions[fn]?.file ?? '');
}

/** How a call comes to a function: through a slot, as the callback that a parameter is, or plainly. */
function kindsOf({ program, flow }: Model, site: Site): (fn: number) => GraphEdge['kind'] {
  const { callee, kind } = site.summary;
  const special = new Map<number, GraphEdge['kind']>();
  const note = (part: Value, as: GraphEdge['kind']): void => {
    for (const target of flow.held(part, site.base)) if (target.kind === 'function' && !special.has(target.fn)) special.set(target.fn, as);
  };
  for (const part of callee.k === 'any' ? callee.of : [callee]) {
    if (part.k === 'member' && program.slot(part.key) !== undefined) note(part, 'slot');
    else if (part.k === 'param') note(part, 'callback');
  }
  return (fn) => special.get(fn) ?? kind;
}

/** Functions that the call hands to something without a body, which runs them at once, and the listeners of an emit. */
function callbacksOf(model: Model, site: Site): Set<number> {
  const { program, flow } = model;
  const found = new Set<number>();
  const take = (index: number): void => { for (const fn of functionsIn(model, site, index)) found.add(fn); };
  const takeAll = (runs: readonly RunsTag[], onlyTagged: boolean, library: Target & { kind: 'external' } | null): void => {
    site.summary.args.forEach((argument, index) => {
      if (library !== null && !mayCall(library, argument, index)) return;
      const tag = runs.find(({ param }) => param === index);
      if (tag === undefined ? !onlyTagged : tag.context === 'caller') take(index);
    });
  };
  for (const target of flow.callees(site)) {
    if (target.kind === 'external') takeAll(target.tags.runs ?? [], !runsArguments(model, site, target), target);
    const fn = target.kind === 'function' ? program.functions[target.fn] : undefined;
    if (fn !== undefined && !fn.summary.hasBody) takeAll(runsOf(fn), false, null);
  }
  for (const slot of slotsOf(program, site.summary.callee)) takeAll(runsOf(slot), true, null);
  for (const target of flow.listeners(site)) if (target.kind === 'function') found.add(target.fn);
  return found;
}

/** Whether a library function runs what it is handed, without being told so. */
function runsArguments({ flow }: Model, site: Site, target: Target & { kind: 'external' }): boolean {
  const { event, kind } = site.summary;
  if (target.tags.class !== undefined && (target.tags.runs ?? []).length > 0) return false;
  if (event?.role === 'emit' || (event?.role === 'listen' && flow.isEmitted(event))) return false;
  return libraryUse(target, kind === 'construct').calls;
}

function functionsIn({ contexts: { bindings } }: Model, site: Site, index: number): number[] {
  const value = site.summary.args[index]?.value;
  if (value === null || value === undefined || value.k === 'lit') return [];
  return bindings.resolve(value, site.base, bindings.empty).flatMap((bound) => (bound.kind === 'closure' ? [bound.fn] : []));
}
