/**
 * Which functions may be where: a subset-based, field-based flow of function values over the whole program.
 *
 * In: a linked program. Out: for every place (variable, parameter, property, result) the functions it may hold, and for
 * every call site what it may call. Contexts are not told apart here; `propagate` does that where it matters.
 * Leaves to others: how values travel (`places.ts`).
 */
import type { Argument, Tags, Value } from '../model/summary.ts';
import type { Program, Site } from '../link/link.ts';
import { Places } from './places.ts';
import { CALLS_NOTHING, isOfPlainType, LEAVES_RECEIVER, libraryName, PASSES_ARGUMENTS, STORES } from './library.ts';

/** What a value may be at run time. */
export type Target =
  | { readonly kind: 'function'; readonly fn: number; readonly shift: number }
  | { readonly kind: 'class'; readonly key: string }
  | { readonly kind: 'external'; readonly name: string; readonly module: string; readonly tags: Tags; readonly opaque?: readonly number[] }
  /** Calling it gives its arguments to a place: the `resolve` of a promise. */
  | { readonly kind: 'resolver'; readonly cell: number };

/** The target that a reference to a library function is. */
export function libraryTarget({ name, module, tags, opaque }: Value & { k: 'external' }): Target & { kind: 'external' } {
  return { kind: 'external', name, module, tags, ...(opaque === undefined ? {} : { opaque }) };
}

/** How a library function treats what it is handed. */
export interface LibraryUse {
  readonly calls: boolean;
  readonly stores: boolean;
  readonly passes: boolean;
  /** Whether its result may hold what the object holds that it is called on. */
  readonly gives: boolean;
}

export function libraryUse(target: { readonly name: string; readonly module: string }, constructs: boolean): LibraryUse {
  const name = libraryKey(target.name, constructs);
  const isPlain = isOfPlainType(name);
  return {
    calls: !CALLS_NOTHING.has(name) && !STORES.has(name) && (!isPlain || name.startsWith('String.')),
    stores: STORES.has(name),
    passes: PASSES_ARGUMENTS.has(name),
    gives: !isPlain && !LEAVES_RECEIVER.has(name),
  };
}

/** Whether a library function can call what an argument holds: by the parameter's type, or because a function is written there. */
export function mayCall({ opaque }: { readonly opaque?: readonly number[] }, { value, named }: Argument, index: number): boolean {
  return opaque?.includes(index) !== true || value?.k === 'fn' || named === true;
}

/** Whether a function tags a parameter to be run in another context than the call's: its body does not run it then. */
export function runsElsewhere(tags: Tags, index: number): boolean {
  return tags.runs?.some((r) => r.param === index && r.context !== 'caller') === true;
}

export function libraryKey(name: string, constructs: boolean): string {
  const short = libraryName(name.split('.').slice(-2).join('.'));
  return constructs ? `${short}.new` : short;
}

/** Cells of a channel beside those of its events: listeners of unknown events, and all listeners. */
const ANY_EVENT = '?';
const ALL_EVENTS = '*';
const NOTHING: readonly Target[] = [];

export class ValueFlow {
  readonly targets: Target[] = [];
  readonly program: Program;
  private readonly targetIds = new Map<string, number>();
  private readonly places: Places;
  /** Places come in blocks: parameters of all functions, results of all functions, results of all calls; then the named ones. */
  private readonly firstParameter: number[] = [];
  private readonly firstResult: number;
  private readonly firstCall: number;
  private readonly named = new Map<string, number>();
  private readonly members = new Map<string, number>();
  /** Places of values that are no place by themselves. */
  private readonly compound = new Map<Value, number>();
  private readonly constants = new Map<number, number>();
  private readonly bound = new Set<Value>();
  private readonly calleePlaces: Int32Array;
  private readonly listenerPlaces = new Map<number, number>();
  private readonly stores = new Set<number>();
  private readonly usedResults = new Set<number>();
  private readonly emitted: { readonly channels: ReadonlySet<string>; readonly name: string | null }[] = [];
  private readonly sorted = new Map<number, readonly Target[]>();

  constructor(program: Program) {
    this.program = program;
    this.places = new Places((target, shift) => this.shifted(target, shift));
    for (const fn of program.functions) this.firstParameter.push(this.places.make(fn.summary.params.length));
    this.firstResult = this.places.make(program.functions.length);
    this.firstCall = this.places.make(program.sites.length);
    this.calleePlaces = new Int32Array(program.sites.length).fill(-1);
    this.findUsedResults();
    for (const site of program.sites) {
      const { event } = site.summary;
      if (event?.role === 'emit') this.emitted.push({ channels: new Set(event.channels), name: event.name });
    }
    for (const file of program.files) {
      const base = program.baseOf.get(file.file) as number;
      for (const flow of file.flows) this.into(flow.to, base, (place) => { this.add(flow.from, base, place, 0); });
      for (const fn of file.functions) {
        const id = program.functionId(fn.key) as number;
        for (const value of fn.returns) this.add(value, base, this.firstResult + id, 0);
        fn.params.forEach((param, index) => {
          if (param.default !== undefined && param.plain !== true) this.add(param.default, base, this.parameter(fn.key, index), 0);
        });
      }
    }
    for (const { summary, base } of program.slotAssignments) this.add(summary.value, base, this.name(summary.slot), 0);
    for (const site of program.sites) this.call(site);
    this.places.solve();
  }

  /** What a call site may call, contexts not told apart. */
  callees(site: Site): readonly Target[] {
    const place = this.calleePlaces[site.id] as number;
    return place < 0 ? NOTHING : this.at(place);
  }

  private at(place: number): readonly Target[] {
    const values = this.places.at(place);
    if (values.length === 0) return NOTHING;
    let targets = this.sorted.get(place);
    if (targets === undefined) {
      targets = [...values].sort((a, b) => a - b).map((id) => this.targets[id] as Target);
      this.sorted.set(place, targets);
    }
    return targets;
  }

  /** What a place named by a key, parameter or result may hold. */
  held(value: Value, base: number): readonly Target[] {
    switch (value.k) {
      case 'cell': return this.atName(value.key);
      case 'param': {
        const fn = this.program.functionId(value.fn);
        return fn !== undefined && value.index < this.parameterCount(fn) ? this.at((this.firstParameter[fn] as number) + value.index) : this.atName(`p:${value.fn}$${String(value.index)}`);
      }
      case 'call': return this.at(this.firstCall + base + value.site);
      case 'member': {
        const place = this.members.get(memberId(value));
        if (place !== undefined) return this.at(place);
        const { functions, cells } = this.program.memberTargets(value.key, value.exact === true);
        const found = new Map<number, Target>();
        for (const fn of functions) found.set(this.intern({ kind: 'function', fn, shift: 0 }), { kind: 'function', fn, shift: 0 });
        for (const cell of cells) for (const id of this.places.at(this.named.get(cell) ?? -1)) found.set(id, this.targets[id] as Target);
        return [...found].sort((a, b) => a[0] - b[0]).map(([, target]) => target);
      }
      default: return NOTHING;
    }
  }

  /** Whether library calls put values into a place, beside what is assigned to it. */
  isStore(name: string): boolean {
    return this.stores.has(this.named.get(name) ?? -1);
  }

  private atName(name: string): readonly Target[] {
    const place = this.named.get(name);
    return place === undefined ? NOTHING : this.at(place);
  }

  /** Whether an emit that a listener would hear is in sight. */
  isEmitted(event: { readonly channels: readonly string[]; readonly name: string | null }): boolean {
    return this.emitted.some((e) => event.channels.some((channel) => e.channels.has(channel)) && (e.name === null || event.name === null || e.name === event.name));
  }

  intern(target: Target): number {
    const id = target.kind === 'function' ? `f${String(target.fn)}+${String(target.shift)}` : target.kind === 'class' ? `c${target.key}`
      : target.kind === 'resolver' ? `r${String(target.cell)}` : `x${target.module}#${target.name}`;
    let number = this.targetIds.get(id);
    if (number === undefined) {
      number = this.targets.length;
      this.targets.push(target);
      this.targetIds.set(id, number);
    }
    return number;
  }

  private shifted(target: number, shift: number): number {
    const value = this.targets[target] as Target;
    return value.kind !== 'function' ? target : this.intern({ ...value, shift: value.shift + shift });
  }

  // ---- places ------------------------------------------------------------------------------------------------------

  private name(name: string): number {
    let place = this.named.get(name);
    if (place === undefined) {
      place = this.places.make();
      this.named.set(name, place);
    }
    return place;
  }

  private parameterCount(fn: number): number {
    return this.program.functions[fn]?.summary.params.length ?? 0;
  }

  private parameter(key: string, index: number): number {
    const fn = this.program.functionId(key);
    return fn !== undefined && index < this.parameterCount(fn) ? (this.firstParameter[fn] as number) + index : this.name(`p:${key}$${String(index)}`);
  }

  /** Everything that a member may be: its own place where nothing else can be meant, else one that all reads of it share. */
  private member(value: Value & { k: 'member' }): number {
    const id = memberId(value);
    let place = this.members.get(id);
    if (place !== undefined) return place;
    const { functions, cells } = this.program.memberTargets(value.key, value.exact === true);
    place = functions.length === 0 && cells.length === 1 ? this.name(value.key) : this.places.make();
    this.members.set(id, place);
    for (const fn of functions) this.places.put(place, this.intern({ kind: 'function', fn, shift: 0 }));
    for (const cell of cells) this.places.edge(this.name(cell), place, 0);
    return place;
  }

  /** The one target that a value is, whatever flows; null for places. */
  private constant(value: Value): number | null {
    if (value.k === 'class') return this.intern({ kind: 'class', key: value.key });
    if (value.k === 'external') return this.intern(libraryTarget(value));
    if (value.k !== 'fn') return null;
    const fn = this.program.functionId(value.key);
    return fn === undefined ? null : this.intern({ kind: 'function', fn, shift: 0 });
  }

  /** The place that holds what a value may be. */
  private placeOf(value: Value, base: number): number {
    switch (value.k) {
      case 'cell': return this.name(value.key);
      case 'param': return this.parameter(value.fn, value.index);
      case 'call': return this.firstCall + base + value.site;
      case 'member': return this.member(value);
      default:
    }
    const constant = this.constant(value);
    let place = constant === null ? this.compound.get(value) : this.constants.get(constant);
    if (place !== undefined) return place;
    place = this.places.make();
    if (constant === null) this.compound.set(value, place);
    else this.constants.set(constant, place);
    this.add(value, base, place, 0);
    return place;
  }

  /** Tells `use` of every target that a value may be. */
  private each(value: Value, base: number, use: (target: number) => void): void {
    const constant = this.constant(value);
    if (constant !== null) use(constant);
    else this.places.watch(this.placeOf(value, base), use);
  }

  /** Calls back with each place that a target value names. */
  private into(value: Value, base: number, use: (place: number) => void): void {
    switch (value.k) {
      case 'cell': case 'member': use(this.name(value.key)); break;
      case 'param': use(this.parameter(value.fn, value.index)); break;
      case 'call': use(this.firstCall + base + value.site); break;
      case 'any': for (const part of value.of) this.into(part, base, use); break;
      default:
    }
  }

  /** Lets everything that a value may be flow into a place; `shift` counts arguments already bound. */
  private add(value: Value, base: number, to: number, shift: number): void {
    switch (value.k) {
      case 'fn': {
        const fn = this.program.functionId(value.key);
        if (fn !== undefined) this.places.put(to, this.intern({ kind: 'function', fn, shift }));
        break;
      }
      case 'class': case 'external': this.places.put(to, this.constant(value) as number); break;
      case 'cell': case 'param': case 'call': case 'member': this.places.edge(this.placeOf(value, base), to, shift); break;
      case 'bound': {
        this.add(value.target, base, to, shift + value.args.length);
        if (this.bound.has(value)) break;
        this.bound.add(value);
        // The bound arguments reach the first parameters of whatever is bound.
        this.each(value.target, base, (id) => {
          const target = this.targets[id] as Target;
          if (target.kind !== 'function') return;
          value.args.forEach((argument, index) => { if (argument !== null) this.argument(target.fn, index + target.shift, argument, base, false); });
        });
        break;
      }
      case 'any': for (const part of value.of) this.add(part, base, to, shift); break;
      case 'lit': case 'unknown': break;
    }
  }

  // ---- calls -------------------------------------------------------------------------------------------------------

  private call(site: Site): void {
    const { summary, base } = site;
    const { callee } = summary;
    if (callee.k === 'unknown' || callee.k === 'lit') return;
    this.calleePlaces[site.id] = this.placeOf(callee, base);
    this.each(callee, base, (id) => { this.reach(site, this.targets[id] as Target); });
    if (summary.event?.role === 'emit') this.emit(site, summary.event);
  }

  private reach(site: Site, target: Target): void {
    const { summary, base } = site;
    switch (target.kind) {
      case 'function':
        this.bindCall(site, target.fn, target.shift);
        break;
      case 'class':
        for (const fn of this.program.constructorsOf(target.key)) this.bindCall(site, fn, 0);
        break;
      case 'resolver':
        for (const argument of summary.args) if (argument.value !== null) this.add(argument.value, base, target.cell, 0);
        break;
      case 'external': this.callLibrary(site, target); break;
    }
  }

  private bindCall(site: Site, fn: number, shift: number): void {
    const { summary, base } = site;
    const node = this.program.functions[fn];
    if (node === undefined) return;
    let spread = false;
    summary.args.forEach((argument, index) => {
      spread ||= argument.spread === true;
      if (argument.value === null) return;
      this.argument(fn, index + shift, argument.value, base, spread);
    });
    if (this.usedResults.has(site.id)) this.places.edge(this.firstResult + fn, this.firstCall + site.id, 0);
  }

  private argument(fn: number, index: number, value: Value, base: number, spread: boolean): void {
    const node = this.program.functions[fn];
    if (node === undefined || value.k === 'lit') return;
    const { params, key } = node.summary;
    const last = params.length - 1;
    if (spread) {
      for (let i = Math.min(index, Math.max(last, 0)); i <= last; i++) if (params[i]?.plain !== true) this.add(value, base, this.parameter(key, i), 0);
      return;
    }
    const at = index >= last && params[last]?.rest === true ? last : index;
    if (params[at]?.plain === true || runsElsewhere(node.summary.tags, at)) return;
    if (at < params.length) this.add(value, base, this.parameter(key, at), 0);
  }

  private callLibrary(site: Site, target: Target & { kind: 'external' }): void {
    const { summary, base } = site;
    const constructs = summary.kind === 'construct';
    const use = libraryUse(target, constructs);
    const result = this.firstCall + site.id;
    const { receiver, event, callee } = summary;
    const gives = callee.k !== 'external' || callee.plain !== true;
    if (receiver !== undefined && use.gives && gives) this.add(receiver, base, result, 0);
    const listens = event?.role === 'listen' && this.isEmitted(event);
    for (const [index, argument] of summary.args.entries()) {
      const { value } = argument;
      if (value === null || value.k === 'lit') continue;
      if (use.passes && gives) this.add(value, base, result, 0);
      if (use.stores && receiver !== undefined) this.into(receiver, base, (place) => { this.stores.add(place); this.add(value, base, place, 0); });
      if (listens) {
        for (const channel of event.channels) {
          for (const name of [event.name ?? ANY_EVENT, ALL_EVENTS]) this.add(value, base, this.name(`e:${channel}:${name}`), 0);
        }
        continue;
      }
      if (!use.calls || !mayCall(target, argument, index)) continue;
      this.callBack(site, value, receiver, { executor: libraryKey(target.name, constructs) === 'Promise.new', gives });
    }
  }

  /** A function handed to a library: its parameters take what the receiver and the other arguments hold. */
  private callBack(site: Site, value: Value, receiver: Value | undefined, { executor, gives }: { readonly executor: boolean; readonly gives: boolean }): void {
    const { summary, base } = site;
    const result = this.firstCall + site.id;
    this.each(value, base, (id) => {
      const target = this.targets[id] as Target;
      if (target.kind !== 'function') return;
      const node = this.program.functions[target.fn];
      if (node === undefined) return;
      const { params, key } = node.summary;
      for (let i = target.shift; i < params.length; i++) {
        if (params[i]?.plain === true) continue;
        const param = this.parameter(key, i);
        if (executor) { this.places.put(param, this.intern({ kind: 'resolver', cell: result })); continue; }
        if (receiver !== undefined) this.add(receiver, base, param, 0);
        for (const other of summary.args) if (other.value !== null && other.value !== value) this.add(other.value, base, param, 0);
      }
      if (gives) this.places.edge(this.firstResult + target.fn, result, 0);
    });
  }

  /** An emit calls what listens on its channels: each event has a cell, and one that takes the listeners of all events. */
  private emit(site: Site, event: NonNullable<Site['summary']['event']>): void {
    const { base, summary } = site;
    const place = this.places.make();
    this.listenerPlaces.set(site.id, place);
    for (const channel of event.channels) {
      for (const name of event.name === null ? [ALL_EVENTS] : [event.name, ANY_EVENT]) this.places.edge(this.name(`e:${channel}:${name}`), place, 0);
    }
    this.places.watch(place, (id) => {
      const target = this.targets[id] as Target;
      if (target.kind !== 'function') return;
      summary.args.slice(1).forEach((argument, index) => { if (argument.value !== null) this.argument(target.fn, index + target.shift, argument.value, base, argument.spread === true); });
    });
  }

  /** The listeners an emit runs. */
  listeners(site: Site): readonly Target[] {
    const place = this.listenerPlaces.get(site.id);
    return place === undefined ? NOTHING : this.at(place);
  }

  /** Results that some value reads; the others need no flow. */
  private findUsedResults(): void {
    const visit = (value: Value | null | undefined, base: number): void => {
      if (value === null || value === undefined) return;
      if (value.k === 'call') this.usedResults.add(base + value.site);
      else if (value.k === 'any') for (const part of value.of) visit(part, base);
      else if (value.k === 'bound') { visit(value.target, base); for (const argument of value.args) visit(argument, base); }
    };
    for (const file of this.program.files) {
      const base = this.program.baseOf.get(file.file) as number;
      for (const flow of file.flows) { visit(flow.from, base); visit(flow.to, base); }
      for (const fn of file.functions) {
        for (const value of fn.returns) visit(value, base);
        for (const param of fn.params) visit(param.default, base);
      }
      for (const assignment of file.slotAssignments) visit(assignment.value, base);
      for (const call of file.calls) {
        visit(call.callee, base);
        visit(call.receiver, base);
        for (const argument of call.args) visit(argument.value, base);
      }
    }
  }
}

function memberId(value: Value & { k: 'member' }): string {
  return value.exact === true ? `!${value.key}` : value.key;
}
