/**
 * Functions told apart by what their parameters are bound to.
 *
 * One helper called with two callbacks is two functions here: `withRetry(flush)` and `withRetry(resize)`. A *closure* is
 * a function with the bindings it captured; bindings hold closures and literals, a few levels deep. What is not bound,
 * and what nests deeper or would multiply beyond the cap, is read from the flow over the whole program instead.
 * In: values in a context. Out: targets with their contexts. Leaves to others: who calls whom off the main thread.
 */
import type { Literal, ParamFact, ParamSummary, PathFacts, Value } from '../model/summary.ts';
import type { Program, Site } from '../link/link.ts';
import { libraryTarget, runsElsewhere, type Target, type ValueFlow } from '../callgraph/flow.ts';

/** What a function value is, in a context. */
export type Bound =
  | { readonly id: number; readonly kind: 'closure'; readonly fn: number; readonly env: Env; readonly shift: number; readonly given: readonly Bound[][]; readonly origin: Origin | null; readonly depth: number }
  | { readonly id: number; readonly kind: 'other'; readonly target: Exclude<Target, { kind: 'function' }>; readonly origin: Origin | null; readonly depth: number }
  | { readonly id: number; readonly kind: 'literal'; readonly value: Literal; readonly origin: null; readonly depth: number };

/** The argument by which a function was given by name. */
export interface Origin {
  readonly site: number;
  readonly argument: number;
}

/** One parameter's values; `open`: also values that nobody knows. */
interface Binding {
  readonly values: readonly Bound[];
  readonly open: boolean;
}

/** A parameter that matters. */
interface Parameter {
  readonly index: number;
  readonly name: string;
  readonly param: ParamSummary;
  /** Whoever runs it elsewhere is told at the call; inside, nothing of it is left. */
  readonly elsewhere: boolean;
}

export interface Env {
  readonly id: number;
  readonly bindings: ReadonlyMap<string, Binding>;
  readonly depth: number;
}

const MAX_ENV_DEPTH = 3;
const MAX_EVALUATION_DEPTH = 6;
const MAX_SOURCES = 6;
/** Contexts of one function that are kept apart whole; then by function values without what those captured; then not at all. */
const MAX_CONTEXTS = 64;
const MAX_SHALLOW_CONTEXTS = 256;
/** Function values that a library may hand to a callback before its parameters are read from the flow over the whole program. */
const MAX_CALLBACK_VALUES = 16;

export class Bindings {
  readonly empty: Env = { id: 0, bindings: new Map(), depth: 0 };
  /** Functions whose contexts were merged because they grew too many. */
  readonly capped = new Set<number>();
  private readonly program: Program;
  private readonly flow: ValueFlow;
  private readonly envIds = new Map<string, Env>();
  private readonly boundIds = new Map<string, Bound>();
  /** Most are closures that captured nothing, and a few literals: those need no key. */
  private readonly plainClosures = new Map<number, Bound & { kind: 'closure' }>();
  private readonly literals = new Map<Literal, Bound>();
  private readonly parameters = new Map<number, readonly Parameter[]>();
  private readonly contexts = new Map<number, Set<number>>();
  /** Parameters that matter: they are called, passed on, returned, stored or tested. */
  private readonly relevant = new Set<string>();
  /** For a closure: parameters of functions around it that its code reads. */
  private readonly captured = new Map<string, Set<string>>();
  private readonly sources = new Map<string, { readonly from: Value; readonly owner: string; readonly base: number }[]>();
  private readonly memo = new Map<string, readonly Bound[]>();
  /** By value: each stands in one file, so its base is always the same. */
  private readonly mergedMemo = new Map<Value, readonly Bound[]>();

  constructor(program: Program, flow: ValueFlow) {
    this.program = program;
    this.flow = flow;
    this.gather();
  }

  // ---- values ------------------------------------------------------------------------------------------------------

  /** What a value may be for a caller in `env`; `base` counts the sites of the file it stands in. */
  resolve(value: Value, base: number, env: Env, depth = 0): readonly Bound[] {
    switch (value.k) {
      case 'fn': {
        const fn = this.program.functionId(value.key);
        return fn === undefined ? [] : [this.closure(fn, this.capture(value.key, env), 0, [])];
      }
      case 'class': return [this.other({ kind: 'class', key: value.key })];
      case 'external': return [this.other(libraryTarget(value))];
      case 'lit': return [this.literal(value.value)];
      case 'unknown': return [];
      case 'param': {
        const binding = env.bindings.get(paramKey(value.fn, value.index));
        return binding === undefined ? this.merged(value, base) : binding.values;
      }
      case 'any': return distinct(value.of.flatMap((part) => this.resolve(part, base, env, depth)));
      case 'bound': {
        const given = value.args.map((argument) => (argument === null ? [] : [...this.resolve(argument, base, env, depth)]));
        return this.resolve(value.target, base, env, depth).map((bound) => (bound.kind === 'closure' ? this.closure(bound.fn, bound.env, bound.shift, [...bound.given, ...given], bound.origin) : bound));
      }
      case 'cell': return this.place(value, value.key, base, env, depth);
      case 'member': {
        const { functions, cells } = this.program.memberTargets(value.key, value.exact === true);
        const direct = functions.map((fn) => this.closure(fn, this.empty, 0, []));
        if (cells.length === 1 && functions.length === 0) return this.place(value, value.key, base, this.empty, depth);
        return distinct([...direct, ...this.merged(value, base)]);
      }
      case 'call': return this.result(value, base, env, depth);
    }
  }

  /** A place with few sources is read in the context at hand; any other holds what flows there in the whole program. */
  private place(value: Value, key: string, base: number, env: Env, depth: number): readonly Bound[] {
    const sources = this.flow.isStore(key) ? [] : this.sources.get(key) ?? [];
    const merged = this.merged(value, base);
    if (merged.length === 0 || sources.length === 0 || sources.length > MAX_SOURCES || depth >= MAX_EVALUATION_DEPTH) return merged;
    const local = key.includes('@');
    const memo = `${key}|${local ? String(env.id) : ''}`;
    const known = this.memo.get(memo);
    if (known !== undefined) return known;
    this.memo.set(memo, merged);
    const found = distinct(sources.flatMap((s) => this.resolve(s.from, s.base, local || (key.startsWith(s.owner) && !s.owner.endsWith('<module>')) ? env : this.empty, depth + 1)));
    this.memo.set(memo, found);
    return found;
  }

  private result(value: Value & { k: 'call' }, base: number, env: Env, depth: number): readonly Bound[] {
    const merged = this.merged(value, base);
    if (merged.length === 0 || depth >= MAX_EVALUATION_DEPTH) return merged;
    const site = this.program.sites[base + value.site];
    if (site === undefined) return merged;
    const memo = `s${String(site.id)}|${String(env.id)}`;
    const known = this.memo.get(memo);
    if (known !== undefined) return known;
    this.memo.set(memo, merged);
    const found: Bound[] = [];
    for (const bound of this.resolve(site.summary.callee, base, env, depth + 1)) {
      if (bound.kind !== 'closure') return merged;
      const fn = this.program.functions[bound.fn];
      if (fn === undefined) continue;
      const inner = this.enter(bound, site, env);
      const fnBase = this.program.baseOf.get(fn.file) ?? 0;
      for (const returned of fn.summary.returns) found.push(...this.resolve(returned, fnBase, inner, depth + 1));
    }
    const all = distinct(found);
    this.memo.set(memo, all);
    return all;
  }

  /** From the flow over the whole program: closures without bindings. */
  private merged(value: Value, base: number): readonly Bound[] {
    let bounds = this.mergedMemo.get(value);
    if (bounds === undefined) {
      bounds = this.flow.held(value, base).map((target) => this.fromTarget(target));
      this.mergedMemo.set(value, bounds);
    }
    return bounds;
  }

  fromTarget(target: Target): Bound {
    return target.kind === 'function' ? this.closure(target.fn, this.empty, target.shift, []) : this.other(target);
  }

  /**
   * The environment of a function whose caller is not told: a root, or one with too many contexts. A callback that `@runs` speaks of is
   * not run in it: each call hands its own to the context that the tag names.
   */
  unknownCaller(fn: number): Env {
    const summary = this.program.functions[fn]?.summary;
    const bindings = new Map<string, Binding>();
    for (const { param } of summary?.tags.runs ?? []) {
      const name = paramKey(summary?.key ?? '', param);
      if (this.relevant.has(name)) bindings.set(name, { values: [], open: true });
    }
    return this.env(bindings);
  }

  // ---- entering a function -----------------------------------------------------------------------------------------

  /** The environment of a closure's body when it is called at a site. */
  enter(bound: Bound & { kind: 'closure' }, site: Site, callerEnv: Env): Env {
    const { args } = site.summary;
    return this.bindParameters(bound, callerEnv, site.base, (index) => {
      const spread = args.findIndex((argument) => argument.spread === true);
      if (spread >= 0 && index >= spread) {
        return { values: distinct(args.slice(spread).flatMap((a) => (a.value === null ? [] : this.resolve(a.value, site.base, callerEnv)))), open: true };
      }
      const argument = args[index];
      if (index < 0) return { values: [], open: true };
      if (argument === undefined) return index < site.summary.argumentCount ? { values: [], open: true } : null;
      if (argument.value === null) return { values: [], open: true };
      const values = this.resolve(argument.value, site.base, callerEnv);
      const named = argument.named === true ? values.map((v) => this.withOrigin(v, { site: site.id, argument: index })) : values;
      return { values: named, open: !this.isClosed(argument.value, callerEnv) };
    });
  }

  /** What a library may hand to the callbacks of a call: what its receiver and its arguments hold. */
  libraryValues(site: Site, callerEnv: Env): readonly Bound[] {
    const { receiver, args } = site.summary;
    return distinct([...(receiver === undefined ? [] : this.resolve(receiver, site.base, callerEnv)), ...args.flatMap((a) => (a.value === null ? [] : this.resolve(a.value, site.base, callerEnv)))])
      .filter((v) => v.kind !== 'literal');
  }

  /** Bindings of a callback that a library calls: its parameters hold some of `given`, of {@link libraryValues}. */
  enterCallback(bound: Bound & { kind: 'closure' }, site: Site, callerEnv: Env, given: readonly Bound[]): Env {
    // So many come from a place that holds what the whole program put there; telling them apart costs their square and tells nothing.
    if (given.length > MAX_CALLBACK_VALUES) return this.cap(bound.fn, bound.env);
    const values = given.filter((v) => v !== bound);
    return this.bindParameters(bound, callerEnv, site.base, () => ({ values, open: true }));
  }

  private bindParameters(bound: Bound & { kind: 'closure' }, callerEnv: Env, base: number, argument: (index: number) => Binding | null): Env {
    const parameters = this.parametersOf(bound.fn);
    // With nothing to bind, the environment is the one that was captured.
    if (parameters.length === 0) return this.cap(bound.fn, bound.env);
    const bindings = new Map(bound.env.bindings);
    for (const { index, name, param, elsewhere } of parameters) {
      if (elsewhere) { bindings.set(name, { values: [], open: true }); continue; }
      const given = bound.given[index];
      if (given !== undefined) { bindings.set(name, { values: given, open: !given.every((v) => v.kind === 'literal') || given.length === 0 }); continue; }
      if (param.rest === true) {
        const rest: Bound[] = [];
        for (let i = index - Math.max(bound.shift, bound.given.length); i < 16; i++) {
          const more = argument(i);
          if (more === null) break;
          rest.push(...more.values);
        }
        bindings.set(name, { values: distinct(rest), open: true });
        continue;
      }
      const passed = argument(index - Math.max(bound.shift, bound.given.length));
      if (passed !== null) bindings.set(name, passed);
      else if (param.default !== undefined) bindings.set(name, { values: this.resolve(param.default, base, callerEnv), open: param.default.k !== 'lit' });
      else bindings.set(name, { values: [this.literal(null)], open: false });
    }
    return this.cap(bound.fn, this.env(bindings));
  }

  private parametersOf(fn: number): readonly Parameter[] {
    let known = this.parameters.get(fn);
    if (known === undefined) {
      const summary = this.program.functions[fn]?.summary;
      known = (summary?.params ?? []).flatMap((param, index) => {
        const name = paramKey(summary?.key ?? '', index);
        return this.relevant.has(name) ? [{ index, name, param, elsewhere: summary !== undefined && runsElsewhere(summary.tags, index) }] : [];
      });
      this.parameters.set(fn, known);
    }
    return known;
  }

  /** A literal, or a parameter that is bound to nothing but known values. */
  private isClosed(value: Value, env: Env): boolean {
    if (value.k === 'lit') return true;
    if (value.k === 'any') return value.of.every((part) => this.isClosed(part, env));
    if (value.k === 'param') return env.bindings.get(paramKey(value.fn, value.index))?.open === false;
    return false;
  }

  /** Whether a path with these facts can be taken in `env`. */
  feasible(facts: PathFacts, env: Env): boolean {
    return (facts.params ?? []).every((fact) => this.possible(fact, env));
  }

  private possible(fact: ParamFact, env: Env): boolean {
    const binding = env.bindings.get(paramKey(fact.fn, fact.index));
    if (binding === undefined || binding.open) return true;
    return binding.values.some((bound) => {
      if (bound.kind !== 'literal') return fact.truthy !== false && fact.eq === undefined;
      const { value } = bound;
      if (fact.truthy !== undefined && Boolean(value) !== fact.truthy) return false;
      if (fact.eq !== undefined && fact.eq !== value) return false;
      return !(fact.ne ?? []).includes(value);
    });
  }

  // ---- interning ---------------------------------------------------------------------------------------------------

  private capture(key: string, env: Env): Env {
    const wanted = this.captured.get(key);
    if (wanted === undefined || env.bindings.size === 0) return this.empty;
    const bindings = new Map<string, Binding>();
    for (const name of wanted) {
      const binding = env.bindings.get(name);
      if (binding !== undefined) bindings.set(name, binding);
    }
    return this.env(bindings);
  }

  private env(bindings: Map<string, Binding>): Env {
    if (bindings.size === 0) return this.empty;
    const kept = [...bindings];
    if (kept.length > 1) kept.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    let below = 0;
    let id = '';
    for (const [name, { values, open }] of kept) {
      id += `${id === '' ? '' : ';'}${name}=`;
      for (const value of values) {
        below = Math.max(below, value.depth);
        id += `${String(value.id)},`;
      }
      if (open) id += '+';
    }
    const depth = 1 + below;
    if (depth > MAX_ENV_DEPTH) {
      // Too deep: the closures in it forget what they captured.
      return this.env(new Map(kept.map(([name, b]) => [name, { ...b, values: distinct(b.values.map((v) => (v.kind === 'closure' && v.env.depth > 0 ? this.closure(v.fn, this.empty, v.shift, [], v.origin) : v))) }])));
    }
    let env = this.envIds.get(id);
    if (env === undefined) {
      env = { id: this.envIds.size + 1, bindings: new Map(kept), depth };
      this.envIds.set(id, env);
    }
    return env;
  }

  private cap(fn: number, env: Env): Env {
    const seen = this.contexts.get(fn) ?? new Set();
    this.contexts.set(fn, seen);
    if (seen.has(env.id)) return env;
    if (seen.size < MAX_CONTEXTS) { seen.add(env.id); return env; }
    const shallow = this.shallow(env);
    if (seen.has(shallow.id)) return shallow;
    this.capped.add(fn);
    if (seen.size >= MAX_SHALLOW_CONTEXTS) return this.unknownCaller(fn);
    seen.add(shallow.id);
    return shallow;
  }

  /** The same functions in the same parameters, without what they captured and without literals. */
  private shallow(env: Env): Env {
    const bindings = new Map<string, Binding>();
    for (const [name, { values }] of env.bindings) {
      const functions = values.filter((value) => value.kind !== 'literal').map((value) => (value.kind === 'closure' ? this.closure(value.fn, this.empty, value.shift, [], value.origin) : value));
      bindings.set(name, { values: distinct(functions), open: true });
    }
    return this.env(bindings);
  }

  private closure(fn: number, env: Env, shift: number, given: readonly Bound[][], origin: Origin | null = null): Bound & { kind: 'closure' } {
    if (env.id === 0 && shift === 0 && given.length === 0 && origin === null) {
      const known = this.plainClosures.get(fn);
      if (known !== undefined) return known;
      const plain = { id: this.boundIds.size, kind: 'closure' as const, fn, env, shift, given, origin, depth: 0 };
      this.boundIds.set(`f${String(fn)}`, plain);
      this.plainClosures.set(fn, plain);
      return plain;
    }
    const id = `f${String(fn)}/${String(env.id)}/${String(shift)}/${given.map((g) => g.map((b) => b.id).join(',')).join('|')}/${originId(origin)}`;
    const depth = Math.max(env.depth, ...given.flatMap((g) => g.map((b) => b.depth)));
    return this.interned(id, (n) => ({ id: n, kind: 'closure', fn, env, shift, given, origin, depth })) as Bound & { kind: 'closure' };
  }

  private other(target: Exclude<Target, { kind: 'function' }>, origin: Origin | null = null): Bound {
    const id = target.kind === 'class' ? `c${target.key}` : target.kind === 'resolver' ? `r${String(target.cell)}` : `x${target.module}#${target.name}`;
    return this.interned(`${id}/${originId(origin)}`, (n) => ({ id: n, kind: 'other', target, origin, depth: 0 }));
  }

  private literal(value: Literal): Bound {
    let bound = this.literals.get(value);
    if (bound === undefined) {
      bound = this.interned(`l${JSON.stringify(value)}`, (n) => ({ id: n, kind: 'literal', value, origin: null, depth: 0 }));
      this.literals.set(value, bound);
    }
    return bound;
  }

  private withOrigin(bound: Bound, origin: Origin): Bound {
    if (bound.origin !== null || bound.kind === 'literal' || !this.isGlobalState(bound)) return bound;
    return bound.kind === 'closure' ? this.closure(bound.fn, bound.env, bound.shift, bound.given, origin) : this.other(bound.target, origin);
  }

  /** Only where a GS function was given matters: the finding stands at that argument. */
  private isGlobalState(bound: Bound): boolean {
    if (bound.kind === 'closure') return this.program.functions[bound.fn]?.classification.class === 'globalState';
    return bound.kind === 'other' && bound.target.kind === 'external' && bound.target.tags.class === 'globalState';
  }

  private interned(id: string, make: (n: number) => Bound): Bound {
    let bound = this.boundIds.get(id);
    if (bound === undefined) {
      bound = make(this.boundIds.size);
      this.boundIds.set(id, bound);
    }
    return bound;
  }

  // ---- what the program's code reads -------------------------------------------------------------------------------

  private gather(): void {
    const parents = new Map<string, string>();
    for (const fn of this.program.functions) if (fn.summary.parent !== undefined) parents.set(fn.summary.key, fn.summary.parent);
    const read = (reader: string, name: string, owner: string): void => {
      this.relevant.add(name);
      for (let at: string | undefined = reader; at !== undefined && at !== owner; at = parents.get(at)) {
        const set = this.captured.get(at) ?? new Set();
        this.captured.set(at, set);
        if (set.has(name)) break;
        set.add(name);
      }
    };
    const visit = (value: Value | null | undefined, reader: string): void => {
      if (value === null || value === undefined) return;
      if (value.k === 'param') read(reader, paramKey(value.fn, value.index), value.fn);
      else if (value.k === 'any') for (const part of value.of) visit(part, reader);
      else if (value.k === 'bound') { visit(value.target, reader); for (const argument of value.args) visit(argument, reader); }
    };
    const source = (key: string, from: Value, owner: string, base: number): void => {
      const list = this.sources.get(key) ?? [];
      list.push({ from, owner, base });
      this.sources.set(key, list);
    };
    for (const file of this.program.files) {
      const base = this.program.baseOf.get(file.file) ?? 0;
      for (const flow of file.flows) {
        visit(flow.from, flow.owner);
        if (flow.to.k === 'cell' || flow.to.k === 'member') source(flow.to.key, flow.from, flow.owner, base);
      }
      for (const fn of file.functions) {
        for (const value of fn.returns) visit(value, fn.key);
        for (const param of fn.params) visit(param.default, fn.key);
      }
      for (const assignment of file.slotAssignments) {
        visit(assignment.value, assignment.owner);
        source(assignment.slot, assignment.value, assignment.owner, base);
      }
      for (const call of file.calls) {
        visit(call.callee, call.caller);
        visit(call.receiver, call.caller);
        for (const argument of call.args) visit(argument.value, call.caller);
        for (const facts of call.guard) for (const fact of facts.params ?? []) read(call.caller, paramKey(fact.fn, fact.index), fact.fn);
      }
    }
  }
}

function paramKey(fn: string, index: number): string {
  return `${fn}$${String(index)}`;
}

function originId(origin: Origin | null): string {
  return origin === null ? '' : `${String(origin.site)}:${String(origin.argument)}`;
}

function distinct(bounds: readonly Bound[]): Bound[] {
  return [...new Set(bounds)].sort((a, b) => a.id - b.id);
}
