/**
 * What code off the main thread can reach.
 *
 * A breadth-first search over functions in their contexts, from all roots at once: I/O functions, functions in I/O slots,
 * callbacks that somebody runs in I/O context, and code behind a switch away from the main thread. The first visit of a
 * function in a context is a shortest path to it. GS functions and slots end the search while it runs, and so do
 * functions with an I/O class, which are roots themselves. A call that a main-thread check dominates is not followed.
 *
 *     @io read ──call──▶ retry(cb = ƒ) ──callback──▶ ƒ ──call──▶ drain @globalState     one finding, at the call of drain
 *
 * In: a program with its value flow. Out: the calls of GS code, each with its path. Leaves to others: messages (`rules`).
 */
import { isIoClass } from '../classify/classify.ts';
import { libraryUse, type Target, type ValueFlow } from '../callgraph/flow.ts';
import type { Program, Site } from '../link/link.ts';
import type { Config } from '../model/config.ts';
import type { EdgeKind, Hop, Why } from '../model/finding.ts';
import type { Classification, FunctionNode, IoCall, SlotNode } from '../model/rule.ts';
import type { ClassTag, RunsTag, Span, Tags, Value } from '../model/summary.ts';
import { Bindings, type Bound, type Env } from './bindings.ts';

/** A function in a context, with how the search first came to it. */
interface Visit {
  readonly fn: number;
  readonly env: Env;
  /** Only calls behind a switch away from the main thread are off it. */
  readonly switched: boolean;
  readonly from: Visit | null;
  readonly site: Site | null;
  readonly edge: EdgeKind;
  readonly root: RootReason | null;
  readonly callers: Visit[];
}

interface RootReason {
  readonly class: ClassTag;
  readonly why: Why;
}

interface Reached {
  readonly call: Omit<IoCall, 'roots'>;
  readonly visits: (Visit | string)[];
}

interface Callee {
  readonly name: string;
  readonly key: string;
  readonly classification: Classification;
  readonly permissionApi: boolean;
}

export class OffMain {
  readonly bindings: Bindings;
  private readonly program: Program;
  private readonly flow: ValueFlow;
  private readonly config: Config;
  private readonly visits = new Map<string, Visit>();
  private readonly queue: Visit[] = [];
  private readonly reached = new Map<string, Reached>();
  private readonly givers = new Map<string, { readonly site: Site; readonly argument: number }[]>();

  constructor(program: Program, flow: ValueFlow, config: Config) {
    this.program = program;
    this.flow = flow;
    this.config = config;
    this.bindings = new Bindings(program, flow);
    this.indexGivers();
    this.addRoots();
    for (let next = 0; next < this.queue.length; next++) this.walk(this.queue[next] as Visit);
  }

  /** Calls of GS code that I/O code can reach, one a place, in the order of files and lines. */
  calls(): IoCall[] {
    const calls = [...this.reached.values()].map(({ call, visits }) => ({ ...call, roots: this.countRoots(visits) }));
    return calls.sort((a, b) => compare(a.file, b.file) || a.span.line - b.span.line || a.span.column - b.span.column || compare(a.target.key, b.target.key));
  }

  /** Functions that run off the main thread in some context. */
  reaches(fn: number): boolean {
    return this.reachedFunctions.has(fn);
  }

  private get reachedFunctions(): ReadonlySet<number> {
    return new Set([...this.visits.values()].filter((visit) => !visit.switched).map((visit) => visit.fn));
  }

  // ---- roots -------------------------------------------------------------------------------------------------------

  private addRoots(): void {
    const { functions } = this.program;
    for (const fn of functions) {
      const { class: tag, why } = fn.classification;
      if (fn.summary.hasBody && tag !== null && isIoClass(tag)) this.visit(fn.id, this.bindings.empty, false, null, null, 'root', { class: tag, why });
    }
    for (const { summary, base } of this.program.slotAssignments) {
      const slot = this.program.slot(summary.slot);
      const tag = slot?.classification.class ?? null;
      if (slot === undefined || tag === null || !isIoClass(tag)) continue;
      for (const bound of this.bindings.resolve(summary.value, base, this.bindings.empty)) {
        if (bound.kind === 'closure' && functions[bound.fn]?.classification.class === null) this.visit(bound.fn, bound.env, false, null, null, 'root', { class: tag, why: 'inherited' });
      }
    }
    for (const site of this.program.sites) this.addScheduled(site);
    for (const site of this.program.sites) {
      if (site.summary.guard.some((facts) => facts.thread === 'any') && functions[site.caller] !== undefined) {
        this.visit(site.caller, this.bindings.empty, true, null, null, 'root', { class: 'io', why: 'inferred' });
      }
    }
  }

  /** Callbacks that a call schedules in I/O context are roots, whoever makes the call. */
  private addScheduled(site: Site): void {
    const seen = new Set<string>();
    for (const target of [...this.flow.callees(site), ...this.slotRuns(site)]) {
      const { tags, name, why } = this.runsOf(target);
      for (const runs of tags) {
        if (runs.context !== 'io') continue;
        const id = `${name}/${String(runs.param)}`;
        if (seen.has(id)) continue;
        seen.add(id);
        const argument = site.summary.args[runs.param];
        if (argument === undefined || argument.value === null) continue;
        for (const bound of this.bindings.resolve(argument.value, site.base, this.bindings.empty)) {
          const callee = this.calleeOf(bound);
          if (callee !== null && isForbidden(callee)) this.reportScheduled(site, runs, name, why, callee, bound, argument.span, argument.value);
          else if (bound.kind === 'closure' && callee?.classification.class === null) this.visit(bound.fn, bound.env, false, null, null, 'root', { class: 'io', why });
        }
      }
    }
  }

  private slotRuns(site: Site): SlotNode[] {
    return memberKeys(site.summary.callee).map((key) => this.program.slot(key)).filter((slot) => slot !== undefined);
  }

  private runsOf(target: Target | SlotNode): { tags: readonly RunsTag[]; name: string; why: Why } {
    const node = 'summary' in target ? target : target.kind === 'function' ? this.program.functions[target.fn] : undefined;
    if (node !== undefined) {
      const own: Tags = node.summary.tags;
      return { tags: own.runs ?? node.summary.inheritedTags.runs ?? node.summary.typeTags.runs ?? [], name: slotOrFunctionName(node), why: own.fromModel === true ? 'model' : 'declared' };
    }
    if ('kind' in target && target.kind === 'external') return { tags: target.tags.runs ?? [], name: target.name, why: target.tags.fromModel === true ? 'model' : 'declared' };
    return { tags: [], name: '', why: 'declared' };
  }

  // ---- the search --------------------------------------------------------------------------------------------------

  private visit(fn: number, env: Env, switched: boolean, from: Visit | null, site: Site | null, edge: EdgeKind, root: RootReason | null): void {
    const key = `${String(fn)}/${String(env.id)}/${switched ? 's' : ''}`;
    const known = this.visits.get(key);
    if (known !== undefined) {
      if (from !== null) known.callers.push(from);
      return;
    }
    const visit: Visit = { fn, env, switched, from, site, edge, root, callers: from === null ? [] : [from] };
    this.visits.set(key, visit);
    this.queue.push(visit);
  }

  private walk(visit: Visit): void {
    for (const site of this.program.sitesOf[visit.fn] ?? []) {
      const taken = site.summary.guard.some((facts) => (visit.switched ? facts.thread === 'any' : facts.thread !== 'main') && this.bindings.feasible(facts, visit.env));
      if (taken) this.follow(visit, site);
    }
  }

  private follow(visit: Visit, site: Site): void {
    const { callee } = site.summary;
    for (const part of callee.k === 'any' ? callee.of : [callee]) this.followValue(visit, site, part);
    for (const target of this.flow.listeners(site)) this.enter(visit, site, this.bindings.fromTarget(target), 'callback', null);
    if (this.config.unresolved === 'assume-global-state' && callee.k === 'unknown') {
      this.report(visit, site, { name: site.summary.text, key: `?${site.summary.text}`, classification: { class: 'globalState', why: 'inferred', coroutine: null }, permissionApi: false }, 'call', site.summary.span, site.file, this.callerOf(site));
    }
  }

  private followValue(visit: Visit, site: Site, value: Value): void {
    let edge: EdgeKind = site.summary.kind === 'construct' ? 'construct' : site.summary.kind === 'accessor' ? 'accessor' : 'call';
    let param: (Value & { k: 'param' }) | null = null;
    if (value.k === 'member') {
      const slot = this.program.slot(value.key);
      if (slot !== undefined) {
        const { class: tag } = slot.classification;
        if (tag === 'globalState' || (tag === null && slot.summary.tags.permissionApi === true)) {
          this.report(visit, site, { name: slotOrFunctionName(slot), key: slot.summary.key, classification: slot.classification, permissionApi: slot.summary.tags.permissionApi === true }, 'slot', site.summary.span, site.file, this.callerOf(site));
          return;
        }
        this.runCallbacks(visit, site, this.runsOf(slot).tags);
        if (tag !== null) return;
        edge = 'slot';
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
    const callee = this.calleeOf(bound);
    if (callee === null) return;
    if (isForbidden(callee)) { this.reportCall(visit, site, bound, callee, edge, param); return; }
    if (bound.kind === 'other') {
      if (bound.target.kind === 'external') this.enterLibrary(visit, site, bound.target);
      return;
    }
    const node = this.program.functions[bound.fn] as FunctionNode;
    this.runCallbacks(visit, site, this.runsOf({ kind: 'function', fn: bound.fn, shift: 0 }).tags);
    if (callee.classification.class !== null) return;
    if (node.summary.hasBody) this.visit(bound.fn, this.bindings.enter(bound, site, visit.env), false, visit, site, edge, null);
    else this.callArguments(visit, site, node.summary.tags.runs ?? []);
  }

  /** `@runs PARAM coroutine` and `caller` run the callback in the thread of the call; `io` made it a root, `globalState` is safe. */
  private runCallbacks(visit: Visit, site: Site, tags: readonly RunsTag[]): void {
    for (const runs of tags) {
      if (runs.context === 'coroutine' || runs.context === 'caller') this.callArgument(visit, site, runs.param);
    }
  }

  /** A function without body calls what it is given, here and now, but for what `@runs` says. */
  private callArguments(visit: Visit, site: Site, tags: readonly RunsTag[]): void {
    site.summary.args.forEach((_, index) => {
      if (!tags.some((runs) => runs.param === index)) this.callArgument(visit, site, index);
    });
  }

  private enterLibrary(visit: Visit, site: Site, target: Target & { kind: 'external' }): void {
    const tags = target.tags.runs ?? [];
    this.runCallbacks(visit, site, tags);
    if (target.tags.class !== undefined && tags.length > 0) return;
    const { event } = site.summary;
    if (event?.role === 'emit' || (event?.role === 'listen' && this.flow.isEmitted(event))) return;
    if (libraryUse(target, site.summary.kind === 'construct').calls) this.callArguments(visit, site, tags);
  }

  private callArgument(visit: Visit, site: Site, index: number): void {
    const argument = site.summary.args[index];
    if (argument === undefined || argument.value === null || argument.value.k === 'lit') return;
    for (const bound of this.bindings.resolve(argument.value, site.base, visit.env)) {
      const callee = this.calleeOf(bound);
      if (callee === null) continue;
      if (isForbidden(callee)) {
        const origin = bound.origin === null ? null : this.program.sites[bound.origin.site];
        const place = origin === null || origin === undefined ? null : origin.summary.args[bound.origin?.argument ?? 0];
        if (origin !== null && origin !== undefined && place !== undefined && place !== null) this.report(visit, origin, callee, 'callback', place.span, origin.file, this.callerOf(origin));
        else if (argument.value.k === 'param' && this.reportAtGivers(visit, bound, callee, argument.value)) continue;
        else this.report(visit, site, callee, 'callback', argument.span, site.file, this.callerOf(site));
      } else if (bound.kind === 'closure' && callee.classification.class === null && this.program.functions[bound.fn]?.summary.hasBody === true) {
        this.visit(bound.fn, this.bindings.enterCallback(bound, site, visit.env), false, visit, site, 'callback', null);
      }
    }
  }

  // ---- reports -----------------------------------------------------------------------------------------------------

  /** A GS function that was given by name is judged at the argument that gave it; any other at the call. */
  private reportCall(visit: Visit, site: Site, bound: Bound, callee: Callee, edge: EdgeKind, param: (Value & { k: 'param' }) | null): void {
    if (bound.origin !== null && param !== null) {
      const origin = this.program.sites[bound.origin.site];
      const argument = origin?.summary.args[bound.origin.argument];
      if (origin !== undefined && argument !== undefined) { this.report(visit, origin, callee, 'callback', argument.span, origin.file, this.callerOf(origin)); return; }
    }
    if (param !== null && this.reportAtGivers(visit, bound, callee, param)) return;
    this.report(visit, site, callee, edge, site.summary.span, site.file, this.callerOf(site));
  }

  private reportAtGivers(visit: Visit, bound: Bound, callee: Callee, param: Value & { k: 'param' }): boolean {
    const givers = bound.kind === 'closure' ? this.givers.get(`${String(bound.fn)}>${param.fn}$${String(param.index)}`) ?? [] : [];
    for (const { site, argument } of givers) {
      const place = site.summary.args[argument];
      if (place !== undefined) this.report(visit, site, callee, 'callback', place.span, site.file, this.callerOf(site));
    }
    return givers.length > 0;
  }

  private reportScheduled(site: Site, runs: RunsTag, name: string, why: Why, callee: Callee, bound: Bound, span: Span, value: Value): void {
    const places = value.k === 'param' && bound.kind === 'closure'
      ? (this.givers.get(`${String(bound.fn)}>${value.fn}$${String(value.index)}`) ?? []).flatMap(({ site: giver, argument }) => {
        const place = giver.summary.args[argument];
        return place === undefined ? [] : [{ giver, span: place.span }];
      })
      : [];
    for (const { giver, span: at } of places.length > 0 ? places : [{ giver: site, span }]) {
      const root: Hop = { function: name, file: site.file, line: site.summary.span.line, column: site.summary.span.column, edge: 'root', class: 'io', why };
      this.add(giver, callee, 'callback', at, [root, this.targetHop(callee, 'callback', giver.file, at)], `${name}#${String(runs.param)}`);
    }
  }

  private report(visit: Visit, site: Site, callee: Callee, edge: EdgeKind, span: Span, file: string, caller: FunctionNode | null): void {
    if (caller === null) return;
    this.add(site, callee, edge, span, [...this.pathTo(visit), this.targetHop(callee, edge, file, span)], visit);
  }

  private add(site: Site, callee: Callee, edge: EdgeKind, span: Span, path: readonly Hop[], visit: Visit | string): void {
    const caller = this.callerOf(site);
    if (caller === null) return;
    const key = `${site.file}:${String(span.line)}:${String(span.column)}:${String(span.endLine)}:${String(span.endColumn)}`;
    const known = this.reached.get(key);
    if (known === undefined || (callee.permissionApi && !known.call.target.permissionApi)) {
      const target = { name: callee.name, classification: callee.classification, permissionApi: callee.permissionApi, key: callee.key };
      this.reached.set(key, { call: { site: site.summary, file: site.file, caller, target, span, edge, path }, visits: [...(known?.visits ?? []), visit] });
    } else known.visits.push(visit);
  }

  private pathTo(visit: Visit): Hop[] {
    const hops: Hop[] = [];
    let root = visit;
    while (root.from !== null) root = root.from;
    const tag = root.root?.class ?? 'io';
    for (let at: Visit | null = visit; at !== null; at = at.from) {
      const fn = this.program.functions[at.fn] as FunctionNode;
      const { nameSpan } = fn.summary;
      const place = at.site === null ? { file: fn.file, line: nameSpan.line, column: nameSpan.column } : { file: at.site.file, line: at.site.summary.span.line, column: at.site.summary.span.column };
      hops.push({ function: fn.summary.name, ...place, edge: at.edge, class: tag, why: at.root?.why ?? 'inferred' });
    }
    return hops.reverse();
  }

  private targetHop(callee: Callee, edge: EdgeKind, file: string, span: Span): Hop {
    return { function: callee.name, file, line: span.line, column: span.column, edge, class: callee.classification.class, why: callee.classification.why };
  }

  private callerOf(site: Site): FunctionNode | null {
    return this.program.functions[site.caller] ?? null;
  }

  private calleeOf(bound: Bound): Callee | null {
    if (bound.kind === 'closure') {
      const fn = this.program.functions[bound.fn];
      return fn === undefined ? null : { name: fn.summary.name, key: fn.summary.key, classification: fn.classification, permissionApi: fn.permissionApi };
    }
    if (bound.kind !== 'other' || bound.target.kind !== 'external') return null;
    const { name, module, tags } = bound.target;
    const why = tags.fromModel === true ? 'model' : 'declared';
    return { name, key: `${module}#${name}`, classification: { class: tags.class ?? null, why, coroutine: tags.coroutine ?? null }, permissionApi: tags.permissionApi === true };
  }

  /** How many roots reach the places where a call was met. */
  private countRoots(starts: readonly (Visit | string)[]): number {
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
      pending.push(...at.callers);
    }
    return roots.size;
  }

  /** Which arguments give a function by name to which parameter. */
  private indexGivers(): void {
    for (const site of this.program.sites) {
      site.summary.args.forEach((argument, index) => {
        if (argument.named !== true || argument.value === null || argument.value.k === 'param' || argument.value.k === 'lit') return;
        const given = this.flow.held(argument.value, site.base).filter((t) => t.kind === 'function');
        const direct = argument.value.k === 'fn' ? this.program.functionId(argument.value.key) : undefined;
        const functions = direct === undefined ? given.map((t) => t.fn) : [direct];
        for (const callee of this.flow.callees(site)) {
          if (callee.kind !== 'function') continue;
          const key = this.program.functions[callee.fn]?.summary.key ?? '';
          for (const fn of functions) {
            const id = `${String(fn)}>${key}$${String(index + callee.shift)}`;
            const list = this.givers.get(id) ?? [];
            list.push({ site, argument: index });
            this.givers.set(id, list);
          }
        }
      });
    }
  }
}

/** GS code, and permission functions of no class. */
function isForbidden(callee: Callee): boolean {
  return callee.classification.class === 'globalState' || (callee.permissionApi && callee.classification.class === null);
}

function memberKeys(value: Value): string[] {
  if (value.k === 'member') return [value.key];
  return value.k === 'any' ? value.of.flatMap(memberKeys) : [];
}

/** `Table.slot` for a slot, the function's own name otherwise. */
function slotOrFunctionName(node: FunctionNode | SlotNode): string {
  const { summary } = node;
  return 'table' in summary && summary.table !== summary.name ? `${summary.table}.${summary.name}` : summary.name;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
