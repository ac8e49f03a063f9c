/**
 * A breadth-first search over functions in their contexts, from many roots at once.
 *
 * The first visit of a function in a context is a shortest path to it. A discipline says which ways through a body are
 * taken, and for every callee whether it ends the search, is entered, or is reported.
 *
 *     root read ──call──▶ retry(cb = ƒ) ──callback──▶ ƒ ──call──▶ drain      one report, at the call of drain
 *
 * In: a program with its value flow, roots, a discipline. Out: visits, and reports with their paths.
 * Leaves to others: which code is a root and what is forbidden (`contexts.ts`).
 */
import { libraryUse, mayCall, type Target, type ValueFlow } from '../callgraph/flow.ts';
import type { Program, Site } from '../link/link.ts';
import type { EdgeKind, Hop, Why } from '../model/finding.ts';
import type { Callee, Classification, FunctionNode, ReachedCall, SlotNode } from '../model/rule.ts';
import type { ClassTag, PathFacts, RunContext, RunsTag, Span, Tags, Value } from '../model/summary.ts';
import type { Bindings, Bound, Env } from './bindings.ts';

/** A function in a context, with how the search first came to it. */
export interface Visit {
  readonly fn: number;
  readonly env: Env;
  /** Only calls behind a switch away from the main thread count. */
  readonly switched: boolean;
  readonly from: Visit | null;
  readonly site: Site | null;
  readonly edge: EdgeKind;
  readonly root: RootReason | null;
  /** Every way the search came to it, the first one first. */
  readonly entries: Entry[];
}

/** A call by which one visit leads to another. */
export interface Entry {
  readonly from: Visit;
  readonly site: Site;
  readonly edge: EdgeKind;
}

export interface RootReason {
  readonly class: ClassTag | null;
  readonly why: Why;
}

/** What runs a callback elsewhere, and as what. */
export interface Scheduler extends RootReason {
  readonly name: string;
}

export type Verdict = 'report' | 'stop' | 'enter';

export interface Discipline {
  /** Whether a way through a body with these facts can be taken here. */
  takes(facts: PathFacts, visit: Visit): boolean;
  judge(callee: Callee, site: Site, visit: Visit): Verdict;
  /** Whether a callback that `@runs` gives this context runs in the context of the call. */
  entersCallback(context: RunContext): boolean;
  /** What an unresolved call is taken for; null where it is safe. */
  readonly unknownCallee: Classification | null;
}

interface Report {
  call: Omit<ReachedCall, 'roots'>;
  readonly starts: (Visit | string)[];
}

export class Search {
  private readonly program: Program;
  private readonly flow: ValueFlow;
  private readonly bindings: Bindings;
  private readonly discipline: Discipline;
  private readonly known = new Map<number, Visit>();
  private readonly queue: Visit[] = [];
  private next = 0;
  private readonly roots = new Map<Visit, Visit>();
  private readonly reports = new Map<string, Report>();
  private readonly givers: Givers;

  constructor(program: Program, flow: ValueFlow, bindings: Bindings, givers: Givers, discipline: Discipline) {
    this.program = program;
    this.flow = flow;
    this.bindings = bindings;
    this.givers = givers;
    this.discipline = discipline;
  }

  addRoot(fn: number, env: Env, reason: RootReason, switched = false): void {
    this.visit(fn, env, switched, null, null, 'root', reason);
  }

  run(): void {
    for (; this.next < this.queue.length; this.next++) {
      const visit = this.queue[this.next] as Visit;
      for (const site of this.program.sitesOf[visit.fn] ?? []) if (this.takes(site, visit)) this.follow(visit, site);
    }
  }

  get visits(): readonly Visit[] {
    return this.queue;
  }

  takes(site: Site, visit: Visit): boolean {
    return site.summary.guard.some((facts) => this.discipline.takes(facts, visit) && this.bindings.feasible(facts, visit.env));
  }

  /** The reported calls, one a place, in the order of files and lines. */
  reported(): ReachedCall[] {
    const calls = [...this.reports.values()].map(({ call, starts }) => ({ ...call, roots: this.countRoots(starts) }));
    return calls.sort((a, b) => compare(a.file, b.file) || a.span.line - b.span.line || a.span.column - b.span.column || compare(a.target.key, b.target.key));
  }

  // ---- following calls ---------------------------------------------------------------------------------------------

  private visit(fn: number, env: Env, switched: boolean, from: Visit | null, site: Site | null, edge: EdgeKind, root: RootReason | null): void {
    const key = (env.id * this.program.functions.length + fn) * 2 + (switched ? 1 : 0);
    const entry = from === null || site === null ? null : { from, site, edge };
    const known = this.known.get(key);
    if (known !== undefined) {
      if (entry !== null) known.entries.push(entry);
      return;
    }
    const visit: Visit = { fn, env, switched, from, site, edge, root, entries: entry === null ? [] : [entry] };
    this.known.set(key, visit);
    this.queue.push(visit);
  }

  private follow(visit: Visit, site: Site): void {
    const { callee } = site.summary;
    for (const part of callee.k === 'any' ? callee.of : [callee]) this.followValue(visit, site, part);
    for (const target of this.flow.listeners(site)) this.enter(visit, site, this.bindings.fromTarget(target), 'callback', null);
    if (callee.k === 'unknown' && this.discipline.unknownCallee !== null) {
      this.report(visit, site, { name: site.summary.text, key: `?${site.summary.text}`, classification: this.discipline.unknownCallee, permissionApi: false, blocking: false }, 'call');
    }
  }

  private followValue(visit: Visit, site: Site, value: Value): void {
    let edge: EdgeKind = site.summary.kind === 'construct' ? 'construct' : site.summary.kind === 'accessor' ? 'accessor' : 'call';
    let param: (Value & { k: 'param' }) | null = null;
    if (value.k === 'member') {
      const slot = this.program.slot(value.key);
      if (slot !== undefined) {
        edge = 'slot';
        const callee = slotCallee(slot);
        const verdict = this.discipline.judge(callee, site, visit);
        if (verdict === 'report') this.report(visit, site, callee, edge);
        else this.runCallbacks(visit, site, runsOf(slot));
        if (verdict !== 'enter') return;
      }
    } else if (value.k === 'param') {
      edge = 'callback';
      param = value;
    }
    for (const bound of this.bindings.resolve(value, site.base, visit.env)) this.enter(visit, site, bound, edge, param);
  }

  private enter(visit: Visit, site: Site, bound: Bound, edge: EdgeKind, param: (Value & { k: 'param' }) | null): void {
    if (bound.kind === 'literal') return;
    if (bound.kind === 'other' && bound.target.kind === 'class') {
      for (const fn of this.program.constructorsOf(bound.target.key)) this.enter(visit, site, this.bindings.fromTarget({ kind: 'function', fn, shift: 0 }), edge, param);
      return;
    }
    const callee = calleeOf(this.program, bound);
    if (callee === null) return;
    const verdict = this.discipline.judge(callee, site, visit);
    if (verdict === 'report') { this.reportCall(visit, site, bound, callee, edge, param); return; }
    if (bound.kind === 'other') {
      if (bound.target.kind === 'external') this.enterLibrary(visit, site, bound.target);
      return;
    }
    const node = this.program.functions[bound.fn] as FunctionNode;
    const runs = runsOf(node);
    this.runCallbacks(visit, site, runs);
    if (verdict === 'stop') return;
    if (node.summary.hasBody) this.visit(bound.fn, this.bindings.enter(bound, site, visit.env), false, visit, site, edge, null);
    else this.callArguments(visit, site, runs, null);
  }

  private runCallbacks(visit: Visit, site: Site, tags: readonly RunsTag[]): void {
    for (const runs of tags) if (this.discipline.entersCallback(runs.context)) this.callArgument(visit, site, runs.param);
  }

  /** A function without body calls what it is given, here and now, but for what `@runs` says. */
  private callArguments(visit: Visit, site: Site, tags: readonly RunsTag[], library: Target & { kind: 'external' } | null): void {
    site.summary.args.forEach((argument, index) => {
      if (library !== null && !mayCall(library, argument, index)) return;
      if (!tags.some((runs) => runs.param === index)) this.callArgument(visit, site, index);
    });
  }

  private enterLibrary(visit: Visit, site: Site, target: Target & { kind: 'external' }): void {
    const tags = target.tags.runs ?? [];
    this.runCallbacks(visit, site, tags);
    if (target.tags.class !== undefined && tags.length > 0) return;
    const { event } = site.summary;
    if (event?.role === 'emit' || (event?.role === 'listen' && this.flow.isEmitted(event))) return;
    if (libraryUse(target, site.summary.kind === 'construct').calls) this.callArguments(visit, site, tags, target);
  }

  private callArgument(visit: Visit, site: Site, index: number): void {
    const argument = site.summary.args[index];
    if (argument === undefined || argument.value === null || argument.value.k === 'lit') return;
    let given: readonly Bound[] | null = null;
    for (const bound of this.bindings.resolve(argument.value, site.base, visit.env)) {
      const callee = calleeOf(this.program, bound);
      if (callee === null) continue;
      const verdict = this.discipline.judge(callee, site, visit);
      if (verdict === 'report') {
        if (this.reportAtOrigin(visit, bound, callee)) continue;
        if (argument.value.k === 'param' && this.reportAtGivers(visit, bound, callee, argument.value)) continue;
        this.report(visit, site, callee, 'callback', argument.span);
      } else if (verdict === 'enter' && bound.kind === 'closure' && this.program.functions[bound.fn]?.summary.hasBody === true) {
        given ??= this.bindings.libraryValues(site, visit.env);
        this.visit(bound.fn, this.bindings.enterCallback(bound, site, visit.env, given), false, visit, site, 'callback', null);
      }
    }
  }

  // ---- reports -----------------------------------------------------------------------------------------------------

  /** A function that was given by name is judged at the argument that gave it; any other at the call. */
  private reportCall(visit: Visit, site: Site, bound: Bound, callee: Callee, edge: EdgeKind, param: (Value & { k: 'param' }) | null): void {
    if (param !== null && (this.reportAtOrigin(visit, bound, callee) || this.reportAtGivers(visit, bound, callee, param))) return;
    this.report(visit, site, callee, edge);
  }

  private reportAtOrigin(visit: Visit, bound: Bound, callee: Callee): boolean {
    if (bound.origin === null) return false;
    const site = this.program.sites[bound.origin.site];
    const argument = site?.summary.args[bound.origin.argument];
    if (site === undefined || argument === undefined) return false;
    this.report(visit, site, callee, 'callback', argument.span);
    return true;
  }

  private reportAtGivers(visit: Visit, bound: Bound, callee: Callee, param: Value & { k: 'param' }): boolean {
    const places = this.givers.of(bound, param);
    for (const { site, span } of places) this.report(visit, site, callee, 'callback', span);
    return places.length > 0;
  }

  private report(visit: Visit, site: Site, callee: Callee, edge: EdgeKind, span: Span = site.summary.span): void {
    this.add(site, callee, edge, span, () => [...this.pathTo(visit), targetHop(callee, edge, site.file, span)], visit);
  }

  /** A function handed by name to a parameter that another context runs: the path begins at that parameter's function. */
  reportScheduled(site: Site, scheduler: Scheduler, callee: Callee, bound: Bound, argument: { readonly value: Value; readonly span: Span }): void {
    const places = argument.value.k === 'param' ? this.givers.of(bound, argument.value) : [];
    for (const { site: giver, span } of places.length > 0 ? places : [{ site, span: argument.span }]) {
      const root: Hop = { function: scheduler.name, file: giver.file, line: giver.summary.span.line, column: giver.summary.span.column, edge: 'root', class: scheduler.class, why: scheduler.why };
      this.add(giver, callee, 'callback', span, () => [root, targetHop(callee, 'callback', giver.file, span)], scheduler.name);
    }
  }

  private add(site: Site, callee: Callee, edge: EdgeKind, span: Span, path: () => readonly Hop[], start: Visit | string): void {
    const caller = this.program.functions[site.caller];
    if (caller === undefined) return;
    const key = `${site.file}:${String(span.line)}:${String(span.column)}:${String(span.endLine)}:${String(span.endColumn)}`;
    const known = this.reports.get(key);
    if (known !== undefined) {
      known.starts.push(start);
      if (!callee.permissionApi || known.call.target.permissionApi) return;
    }
    const call = { site: site.summary, file: site.file, caller, target: callee, span, edge, path: path() };
    if (known === undefined) this.reports.set(key, { call, starts: [start] });
    else known.call = call;
  }

  /** The visit that the first way to another begins at. Ways are as long as programs are deep, so each step is asked once. */
  rootOf(visit: Visit): Visit {
    const passed: Visit[] = [];
    let at = visit;
    for (let known = this.roots.get(at); at.from !== null; known = this.roots.get(at)) {
      if (known !== undefined) { at = known; break; }
      passed.push(at);
      at = at.from;
    }
    for (const step of passed) this.roots.set(step, at);
    return at;
  }

  pathTo(visit: Visit): Hop[] {
    const hops: Hop[] = [];
    const root = this.rootOf(visit);
    for (let at: Visit | null = visit; at !== null; at = at.from) {
      const fn = this.program.functions[at.fn] as FunctionNode;
      const { nameSpan } = fn.summary;
      const place = at.site === null ? { file: fn.file, line: nameSpan.line, column: nameSpan.column } : { file: at.site.file, line: at.site.summary.span.line, column: at.site.summary.span.column };
      hops.push({ function: fn.summary.name, ...place, edge: at.edge, class: root.root?.class ?? null, why: at.root?.why ?? 'inferred' });
    }
    return hops.reverse();
  }

  /** How many roots reach the places where a call was met. */
  countRoots(starts: readonly (Visit | string)[]): number {
    return this.rootsOf(starts).size;
  }

  /** The roots, by their function or by the name of a scheduler, that reach the places where a call was met. */
  rootsOf(starts: readonly (Visit | string)[]): ReadonlySet<number | string> {
    const roots = new Set<number | string>();
    const seen = new Set<Visit>();
    const pending: Visit[] = [];
    for (const start of starts) {
      if (typeof start === 'string') roots.add(start);
      else pending.push(start);
    }
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      if (at.root !== null) roots.add(at.fn);
      for (const { from } of at.entries) pending.push(from);
    }
    return roots;
  }
}

interface Place {
  readonly site: Site;
  readonly span: Span;
}

/** Which arguments give a function by name to which parameter, also through parameters that pass it on. */
export class Givers {
  private readonly places = new Map<string, Place[]>();
  /** For a parameter: the parameters that are handed to it. */
  private readonly passed = new Map<string, Set<string>>();

  constructor(program: Program, flow: ValueFlow) {
    for (const site of program.sites) {
      for (const [index, argument] of site.summary.args.entries()) {
        if (argument.named !== true || argument.value === null || argument.value.k === 'lit') continue;
        if (argument.value.k === 'param') { this.addPassed(program, flow, site, index, argument.value); continue; }
        const direct = argument.value.k === 'fn' ? program.functionId(argument.value.key) : undefined;
        const functions = (direct !== undefined ? [direct] : flow.held(argument.value, site.base).filter((t) => t.kind === 'function').map((t) => t.fn)).filter((fn) => isJudged(program.functions[fn]));
        if (functions.length === 0) continue;
        for (const callee of flow.callees(site)) {
          if (callee.kind !== 'function') continue;
          const key = program.functions[callee.fn]?.summary.key ?? '';
          for (const fn of functions) {
            const id = `${String(fn)}>${key}$${String(index + callee.shift)}`;
            const list = this.places.get(id) ?? [];
            list.push({ site, span: argument.span });
            this.places.set(id, list);
          }
        }
      }
    }
  }

  private addPassed(program: Program, flow: ValueFlow, site: Site, index: number, value: Value & { k: 'param' }): void {
    for (const callee of flow.callees(site)) {
      if (callee.kind !== 'function') continue;
      const to = `${program.functions[callee.fn]?.summary.key ?? ''}$${String(index + callee.shift)}`;
      this.passed.set(to, (this.passed.get(to) ?? new Set()).add(`${value.fn}$${String(value.index)}`));
    }
  }

  of(bound: Bound, param: Value & { k: 'param' }): readonly Place[] {
    if (bound.kind !== 'closure') return [];
    const found: Place[] = [];
    const seen = new Set<string>();
    const pending = [`${param.fn}$${String(param.index)}`];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      found.push(...(this.places.get(`${String(bound.fn)}>${at}`) ?? []));
      pending.push(...(this.passed.get(at) ?? []));
    }
    return found;
  }
}

export function calleeOf(program: Program, bound: Bound): Callee | null {
  if (bound.kind === 'closure') {
    const fn = program.functions[bound.fn];
    return fn === undefined ? null : functionCallee(fn);
  }
  if (bound.kind !== 'other' || bound.target.kind !== 'external') return null;
  return externalCallee(bound.target);
}

export function functionCallee(fn: FunctionNode): Callee {
  return { name: fn.summary.name, key: fn.summary.key, classification: fn.classification, permissionApi: fn.permissionApi, blocking: fn.summary.tags.blocking === true };
}

export function externalCallee({ name, module, tags }: Target & { kind: 'external' }): Callee {
  const why = tags.fromModel === true ? 'model' : 'declared';
  return { name, key: `${module}#${name}`, classification: { class: tags.class ?? null, why, coroutine: tags.coroutine ?? null }, permissionApi: tags.permissionApi === true, blocking: tags.blocking === true };
}

export function slotCallee(slot: SlotNode): Callee {
  return { name: nameOf(slot), key: slot.summary.key, classification: slot.classification, permissionApi: slot.summary.tags.permissionApi === true, blocking: slot.summary.tags.blocking === true };
}

/** The `@runs` tags that hold for a function or slot. */
export function runsOf(node: FunctionNode | SlotNode): readonly RunsTag[] {
  const { tags, inheritedTags, typeTags } = node.summary;
  return tags.runs ?? inheritedTags.runs ?? typeTags.runs ?? [];
}

/** `Table.slot` for a slot, the function's own name otherwise. */
export function nameOf(node: FunctionNode | SlotNode): string {
  const { summary } = node;
  return 'table' in summary && summary.table !== summary.name ? `${summary.table}.${summary.name}` : summary.name;
}

export function whyOf(tags: Tags): Why {
  return tags.fromModel === true ? 'model' : 'declared';
}

function targetHop(callee: Callee, edge: EdgeKind, file: string, span: Span): Hop {
  return { function: callee.name, file, line: span.line, column: span.column, edge, class: callee.classification.class, why: callee.classification.why };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether anybody may want to report the function: only then it matters who gave it. */
function isJudged(fn: FunctionNode | undefined): boolean {
  if (fn === undefined) return false;
  const { classification, permissionApi, summary } = fn;
  return classification.class !== null || classification.coroutine !== null || permissionApi || summary.tags.blocking === true || summary.inheritedTags.blocking === true;
}
