/**
 * Which functions may be where: a subset-based, field-based flow of function values over the whole program.
 *
 * In: a linked program. Out: for every place (variable, parameter, property, result) the functions it may hold, and for
 * every call site what it may call. Contexts are not told apart here; `propagate` does that where it matters.
 * A place only takes what is new since it was last looked at (difference propagation).
 */
import type { Tags, Value } from '../model/summary.ts';
import type { Program, Site } from '../link/link.ts';
import { CALLS_NOTHING, isOfPlainType, LEAVES_RECEIVER, libraryName, PASSES_ARGUMENTS, STORES } from './library.ts';

/** What a value may be at run time. */
export type Target =
  | { readonly kind: 'function'; readonly fn: number; readonly shift: number }
  | { readonly kind: 'class'; readonly key: string }
  | { readonly kind: 'external'; readonly name: string; readonly module: string; readonly tags: Tags }
  /** Calling it gives its arguments to a place: the `resolve` of a promise. */
  | { readonly kind: 'resolver'; readonly cell: number };

interface Cell {
  readonly values: Set<number>;
  pending: number[];
  readonly successors: { readonly to: number; readonly shift: number }[];
  readonly known: Set<string>;
  readonly watchers: ((target: number) => void)[];
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

export class ValueFlow {
  readonly targets: Target[] = [];
  readonly program: Program;
  private readonly targetIds = new Map<string, number>();
  private readonly cells: Cell[] = [];
  private readonly cellIds = new Map<string, number>();
  private readonly dirty: number[] = [];
  private readonly calleeCells: number[] = [];
  private readonly stores = new Set<number>();
  private readonly usedResults = new Set<number>();
  private readonly emitted: { readonly channels: ReadonlySet<string>; readonly name: string | null }[] = [];

  constructor(program: Program) {
    this.program = program;
    this.findUsedResults();
    for (const site of program.sites) {
      const { event } = site.summary;
      if (event?.role === 'emit') this.emitted.push({ channels: new Set(event.channels), name: event.name });
    }
    for (const file of program.files) {
      const base = program.baseOf.get(file.file) as number;
      for (const flow of file.flows) this.into(flow.to, base, (cell) => { this.add(flow.from, base, cell, 0); });
      for (const fn of file.functions) {
        if (fn.returns.length > 0) {
          const cell = this.cell(`r:${fn.key}`);
          for (const value of fn.returns) this.add(value, base, cell, 0);
        }
        fn.params.forEach((param, index) => {
          if (param.default !== undefined && param.plain !== true) this.add(param.default, base, this.paramCell(fn.key, index), 0);
        });
      }
    }
    for (const { summary, base } of program.slotAssignments) this.add(summary.value, base, this.cell(summary.slot), 0);
    for (const site of program.sites) this.call(site);
    this.solve();
  }

  /** What a call site may call, contexts not told apart. */
  callees(site: Site): readonly Target[] {
    const cell = this.calleeCells[site.id];
    return cell === undefined ? [] : this.at(cell);
  }

  at(cell: number): readonly Target[] {
    return [...(this.cells[cell]?.values ?? [])].sort((a, b) => a - b).map((id) => this.targets[id] as Target);
  }

  /** What a place named by a key, parameter or result may hold. */
  held(value: Value, base: number): readonly Target[] {
    switch (value.k) {
      case 'cell': return this.atName(value.key);
      case 'param': return this.atName(`p:${value.fn}$${String(value.index)}`);
      case 'call': return this.atName(`s:${String(base + value.site)}`);
      case 'member': {
        const { functions, cells } = this.program.memberTargets(value.key, value.exact === true);
        const found = new Map<number, Target>();
        for (const fn of functions) found.set(this.intern({ kind: 'function', fn, shift: 0 }), { kind: 'function', fn, shift: 0 });
        for (const cell of cells) for (const id of this.cells[this.cellIds.get(cell) ?? -1]?.values ?? []) found.set(id, this.targets[id] as Target);
        return [...found].sort((a, b) => a[0] - b[0]).map(([, target]) => target);
      }
      default: return [];
    }
  }

  /** Whether library calls put values into a place, beside what is assigned to it. */
  isStore(name: string): boolean {
    return this.stores.has(this.cellIds.get(name) ?? -1);
  }

  private atName(name: string): readonly Target[] {
    const cell = this.cellIds.get(name);
    return cell === undefined ? [] : this.at(cell);
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

  private cell(name: string): number {
    let id = this.cellIds.get(name);
    if (id === undefined) {
      id = this.cells.length;
      this.cells.push({ values: new Set(), pending: [], successors: [], known: new Set(), watchers: [] });
      this.cellIds.set(name, id);
    }
    return id;
  }

  private paramCell(fn: string, index: number): number {
    return this.cell(`p:${fn}$${String(index)}`);
  }

  /** Calls back with each place that a target value names. */
  private into(value: Value, base: number, use: (cell: number) => void): void {
    switch (value.k) {
      case 'cell': use(this.cell(value.key)); break;
      case 'member': use(this.cell(value.key)); break;
      case 'param': use(this.paramCell(value.fn, value.index)); break;
      case 'call': use(this.cell(`s:${String(base + value.site)}`)); break;
      case 'any': for (const part of value.of) this.into(part, base, use); break;
      default:
    }
  }

  /** Lets everything that a value may be flow into a cell; `shift` counts arguments already bound. */
  private add(value: Value, base: number, to: number, shift: number): void {
    switch (value.k) {
      case 'fn': {
        const fn = this.program.functionId(value.key);
        if (fn !== undefined) this.put(to, this.intern({ kind: 'function', fn, shift }));
        break;
      }
      case 'class': this.put(to, this.intern({ kind: 'class', key: value.key })); break;
      case 'external': this.put(to, this.intern({ kind: 'external', name: value.name, module: value.module, tags: value.tags })); break;
      case 'cell': this.edge(this.cell(value.key), to, shift); break;
      case 'param': this.edge(this.paramCell(value.fn, value.index), to, shift); break;
      case 'call': this.edge(this.cell(`s:${String(base + value.site)}`), to, shift); break;
      case 'member': {
        const { functions, cells } = this.program.memberTargets(value.key, value.exact === true);
        for (const fn of functions) this.put(to, this.intern({ kind: 'function', fn, shift }));
        for (const cell of cells) this.edge(this.cell(cell), to, shift);
        break;
      }
      case 'bound': {
        this.add(value.target, base, to, shift + value.args.length);
        // The bound arguments reach the first parameters of whatever is bound.
        const bound = this.cell(`b:${String(base)}:${JSON.stringify(value)}`);
        this.add(value.target, base, bound, 0);
        this.watch(bound, (id) => {
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

  private put(cell: number, target: number): void {
    const at = this.cells[cell] as Cell;
    if (at.values.has(target)) return;
    at.values.add(target);
    if (at.pending.length === 0) this.dirty.push(cell);
    at.pending.push(target);
  }

  private edge(from: number, to: number, shift: number): void {
    if (from === to) return;
    const cell = this.cells[from] as Cell;
    const id = `${String(to)}+${String(shift)}`;
    if (cell.known.has(id)) return;
    cell.known.add(id);
    cell.successors.push({ to, shift });
    for (const target of cell.values) this.put(to, this.shifted(target, shift));
  }

  private shifted(target: number, shift: number): number {
    const value = this.targets[target] as Target;
    return shift === 0 || value.kind !== 'function' ? target : this.intern({ ...value, shift: value.shift + shift });
  }

  private watch(cell: number, watcher: (target: number) => void): void {
    const at = this.cells[cell] as Cell;
    at.watchers.push(watcher);
    for (const target of [...at.values]) if (!at.pending.includes(target)) watcher(target);
  }

  private solve(): void {
    for (let next = this.dirty.pop(); next !== undefined; next = this.dirty.pop()) {
      const cell = this.cells[next] as Cell;
      const { pending } = cell;
      cell.pending = [];
      for (const target of pending) {
        for (const { to, shift } of cell.successors) this.put(to, this.shifted(target, shift));
        for (const watcher of [...cell.watchers]) watcher(target);
      }
    }
  }

  private call(site: Site): void {
    const { summary, base } = site;
    const { callee } = summary;
    if (callee.k === 'unknown' || callee.k === 'lit') return;
    const cell = this.cell(`k:${String(site.id)}`);
    this.calleeCells[site.id] = cell;
    this.watch(cell, (id) => { this.reach(site, this.targets[id] as Target); });
    this.add(callee, base, cell, 0);
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
    if (this.usedResults.has(site.id)) this.edge(this.cell(`r:${node.summary.key}`), this.cell(`s:${String(site.id)}`), 0);
  }

  private argument(fn: number, index: number, value: Value, base: number, spread: boolean): void {
    const node = this.program.functions[fn];
    if (node === undefined || value.k === 'lit') return;
    const { params, key } = node.summary;
    const last = params.length - 1;
    if (spread) {
      for (let i = Math.min(index, Math.max(last, 0)); i <= last; i++) if (params[i]?.plain !== true) this.add(value, base, this.paramCell(key, i), 0);
      return;
    }
    const at = index >= last && params[last]?.rest === true ? last : index;
    if (params[at]?.plain === true || runsElsewhere(node.summary.tags, at)) return;
    if (at < params.length) this.add(value, base, this.paramCell(key, at), 0);
  }

  private callLibrary(site: Site, target: Target & { kind: 'external' }): void {
    const { summary, base } = site;
    const constructs = summary.kind === 'construct';
    const use = libraryUse(target, constructs);
    const result = this.cell(`s:${String(site.id)}`);
    const { receiver, event, callee } = summary;
    const gives = callee.k !== 'external' || callee.plain !== true;
    if (receiver !== undefined && use.gives && gives) this.add(receiver, base, result, 0);
    const listens = event?.role === 'listen' && this.isEmitted(event);
    for (const argument of summary.args) {
      const { value } = argument;
      if (value === null || value.k === 'lit') continue;
      if (use.passes && gives) this.add(value, base, result, 0);
      if (use.stores && receiver !== undefined) this.into(receiver, base, (cell) => { this.stores.add(cell); this.add(value, base, cell, 0); });
      if (listens) {
        for (const channel of event.channels) {
          for (const name of [event.name ?? ANY_EVENT, ALL_EVENTS]) this.add(value, base, this.cell(`e:${channel}:${name}`), 0);
        }
        continue;
      }
      if (!use.calls) continue;
      this.callBack(site, value, receiver, { executor: libraryKey(target.name, constructs) === 'Promise.new', gives });
    }
  }

  /** A function handed to a library: its parameters take what the receiver and the other arguments hold. */
  private callBack(site: Site, value: Value, receiver: Value | undefined, { executor, gives }: { readonly executor: boolean; readonly gives: boolean }): void {
    const { summary, base } = site;
    const cell = this.cell(`cb:${String(site.id)}:${JSON.stringify(value)}`);
    const result = this.cell(`s:${String(site.id)}`);
    this.watch(cell, (id) => {
      const target = this.targets[id] as Target;
      if (target.kind !== 'function') return;
      const node = this.program.functions[target.fn];
      if (node === undefined) return;
      const { params, key } = node.summary;
      for (let i = target.shift; i < params.length; i++) {
        if (params[i]?.plain === true) continue;
        const param = this.paramCell(key, i);
        if (executor) { this.put(param, this.intern({ kind: 'resolver', cell: result })); continue; }
        if (receiver !== undefined) this.add(receiver, base, param, 0);
        for (const other of summary.args) if (other.value !== null && other.value !== value) this.add(other.value, base, param, 0);
      }
      if (gives) this.edge(this.cell(`r:${key}`), result, 0);
    });
    this.add(value, base, cell, 0);
  }

  /** An emit calls what listens on its channels: each event has a cell, and one that takes the listeners of all events. */
  private emit(site: Site, event: NonNullable<Site['summary']['event']>): void {
    const { base, summary } = site;
    const cell = this.cell(`l:${String(site.id)}`);
    for (const channel of event.channels) {
      for (const name of event.name === null ? [ALL_EVENTS] : [event.name, ANY_EVENT]) this.edge(this.cell(`e:${channel}:${name}`), cell, 0);
    }
    this.watch(cell, (id) => {
      const target = this.targets[id] as Target;
      if (target.kind !== 'function') return;
      summary.args.slice(1).forEach((argument, index) => { if (argument.value !== null) this.argument(target.fn, index + target.shift, argument.value, base, argument.spread === true); });
    });
  }

  /** The listeners an emit runs. */
  listeners(site: Site): readonly Target[] {
    return this.atName(`l:${String(site.id)}`);
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
