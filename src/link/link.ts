/**
 * Ties the summaries of all files into one program: names become integers, members find what implements them.
 *
 * In: summaries, sorted by file. Out: a `Program` of functions, slots, call sites and the type hierarchy.
 * Leaves to others: which functions a value may be (`callgraph`), who runs where (`propagate`).
 */
import { classify } from '../classify/classify.ts';
import type { FunctionNode, SlotNode } from '../model/rule.ts';
import type { CallSite, FileSummary, SlotAssignment, TypeSummary, Value } from '../model/summary.ts';

export interface Site {
  readonly id: number;
  readonly file: string;
  /** Id of the function whose body holds the call. */
  readonly caller: number;
  readonly summary: CallSite;
  /** Id of the file's first site: `call` values count from it. */
  readonly base: number;
}

export interface LinkedSlotAssignment {
  readonly file: string;
  readonly base: number;
  readonly summary: SlotAssignment;
}

interface LinkedType {
  readonly supers: readonly string[];
  readonly members: Readonly<Record<string, string>>;
  readonly kind: TypeSummary['kind'];
  readonly constructorKey: string | null;
  readonly initializer: string | null;
  readonly subtypes: string[];
  constructed: boolean;
}

/** What a member may run: functions and places that hold functions. */
export interface MemberTargets {
  readonly functions: readonly number[];
  readonly cells: readonly string[];
}

export class Program {
  readonly files: readonly FileSummary[];
  readonly functions: readonly FunctionNode[];
  readonly slots: readonly SlotNode[];
  readonly sites: readonly Site[];
  readonly sitesOf: readonly (readonly Site[])[];
  readonly slotAssignments: readonly LinkedSlotAssignment[];
  /** First site of each file, by the file's name. */
  readonly baseOf: ReadonlyMap<string, number>;
  private readonly functionIds = new Map<string, number>();
  private readonly slotIds = new Map<string, number>();
  private readonly types = new Map<string, LinkedType>();
  private readonly memberOwner = new Map<string, { readonly type: string; readonly name: string }>();
  private readonly memberCache = new Map<string, MemberTargets>();

  constructor(files: readonly FileSummary[]) {
    this.files = files;
    const functions: FunctionNode[] = [];
    const slots: SlotNode[] = [];
    for (const file of files) {
      for (const summary of file.functions) {
        if (this.functionIds.has(summary.key)) continue;
        this.functionIds.set(summary.key, functions.length);
        functions.push({ id: functions.length, file: file.file, summary, classification: classify(summary), permissionApi: summary.tags.permissionApi === true || summary.inheritedTags.permissionApi === true });
      }
      for (const summary of file.members) {
        if (this.slotIds.has(summary.key)) continue;
        this.slotIds.set(summary.key, slots.length);
        slots.push({ id: slots.length, file: file.file, summary, classification: classify(summary) });
      }
      for (const type of file.types) this.addType(type);
    }
    this.functions = functions;
    this.slots = slots;
    this.linkTypes();
    for (const file of files) this.markConstructed(file);
    const sites: Site[] = [];
    const sitesOf: Site[][] = functions.map(() => []);
    const baseOf = new Map<string, number>();
    const slotAssignments: LinkedSlotAssignment[] = [];
    for (const file of files) {
      const base = sites.length;
      baseOf.set(file.file, base);
      for (const summary of file.calls) {
        const caller = this.functionIds.get(summary.caller) ?? -1;
        const site: Site = { id: sites.length, file: file.file, caller, summary, base };
        sites.push(site);
        sitesOf[caller]?.push(site);
      }
      for (const summary of file.slotAssignments) slotAssignments.push({ file: file.file, base, summary });
    }
    this.sites = sites;
    this.sitesOf = sitesOf;
    this.baseOf = baseOf;
    this.slotAssignments = slotAssignments;
  }

  functionId(key: string): number | undefined {
    return this.functionIds.get(key);
  }

  slot(key: string): SlotNode | undefined {
    const id = this.slotIds.get(key);
    return id === undefined ? undefined : this.slots[id];
  }

  private addType(type: TypeSummary): void {
    const known = this.types.get(type.key);
    this.types.set(type.key, {
      supers: [...new Set([...(known?.supers ?? []), ...type.supers])],
      members: { ...known?.members, ...type.members },
      kind: known?.kind === 'class' ? 'class' : type.kind,
      constructorKey: type.constructorKey ?? known?.constructorKey ?? null,
      initializer: type.initializer ?? known?.initializer ?? null,
      subtypes: [],
      constructed: false,
    });
  }

  private linkTypes(): void {
    for (const [key, type] of this.types) {
      for (const base of type.supers) this.types.get(base)?.subtypes.push(key);
      for (const [name, member] of Object.entries(type.members)) this.memberOwner.set(member, { type: key, name });
    }
  }

  /** Classes made in a file, or handed around as values, so that somebody may make them: their members can be reached. */
  private markConstructed(file: FileSummary): void {
    const mark = (key: string): void => {
      const type = this.types.get(key);
      if (type !== undefined) type.constructed = true;
    };
    const visit = (value: Value | null | undefined): void => {
      if (value === null || value === undefined) return;
      if (value.k === 'class') mark(value.key);
      else if (value.k === 'any') value.of.forEach(visit);
      else if (value.k === 'bound') { visit(value.target); value.args.forEach(visit); }
    };
    file.constructed.forEach(mark);
    for (const flow of file.flows) visit(flow.from);
    for (const fn of file.functions) fn.returns.forEach(visit);
    for (const assignment of file.slotAssignments) visit(assignment.value);
    for (const call of file.calls) for (const argument of call.args) visit(argument.value);
  }

  /** The constructor and field initialisers that `new` runs for a class, bases last. */
  constructorsOf(key: string): number[] {
    const ids: number[] = [];
    const seen = new Set<string>();
    let hasOwn = false;
    for (let at: string | undefined = key; at !== undefined && !seen.has(at);) {
      seen.add(at);
      const type: LinkedType | undefined = this.types.get(at);
      if (type === undefined) break;
      const own = type.constructorKey === null ? undefined : this.functionIds.get(type.constructorKey);
      if (own !== undefined && !hasOwn) { ids.push(own); hasOwn = true; }
      const fields = type.initializer === null ? undefined : this.functionIds.get(type.initializer);
      if (fields !== undefined) ids.push(fields);
      at = type.supers.find((base) => this.types.get(base)?.kind === 'class');
    }
    return ids;
  }

  /** What a call through a member may run: itself, overriding and implementing members of classes that are made, held functions. */
  memberTargets(key: string, exact: boolean): MemberTargets {
    const id = exact ? `!${key}` : key;
    const known = this.memberCache.get(id);
    if (known !== undefined) return known;
    const functions = new Set<number>();
    const cells = new Set<string>([key]);
    const own = this.functionIds.get(key);
    if (own !== undefined) functions.add(own);
    const owner = this.memberOwner.get(key);
    if (owner !== undefined && !exact && !owner.name.startsWith('static ')) {
      for (const sub of this.subtypesOf(owner.type)) {
        const type = this.types.get(sub) as LinkedType;
        const member = type.kind !== 'class' ? type.members[owner.name] : type.constructed ? this.lookup(sub, owner.name) : undefined;
        if (member === undefined) continue;
        cells.add(member);
        const fn = this.functionIds.get(member);
        if (fn !== undefined) functions.add(fn);
      }
    }
    const targets = { functions: [...functions].sort((a, b) => a - b), cells: [...cells] };
    this.memberCache.set(id, targets);
    return targets;
  }

  /** The member that instances of a class have by a name: its own or the nearest base's. */
  private lookup(key: string, name: string): string | undefined {
    const seen = new Set<string>();
    for (let at: string | undefined = key; at !== undefined && !seen.has(at);) {
      seen.add(at);
      const type: LinkedType | undefined = this.types.get(at);
      const member = type?.members[name];
      if (member !== undefined) return member;
      at = type?.supers.find((base) => this.types.get(base)?.kind === 'class');
    }
    return undefined;
  }

  private subtypesOf(key: string): string[] {
    const found = new Set<string>();
    const pending = [...(this.types.get(key)?.subtypes ?? [])];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      if (found.has(at)) continue;
      found.add(at);
      pending.push(...(this.types.get(at)?.subtypes ?? []));
    }
    return [...found];
  }

  /** The members of bases that a member implements or overrides, nearest first. */
  implementedBy(key: string): string[] {
    const owner = this.memberOwner.get(key);
    if (owner === undefined || owner.name.startsWith('static ')) return [];
    const found: string[] = [];
    const seen = new Set<string>([owner.type]);
    const pending = [...(this.types.get(owner.type)?.supers ?? [])];
    for (let at = pending.shift(); at !== undefined; at = pending.shift()) {
      if (seen.has(at)) continue;
      seen.add(at);
      const type = this.types.get(at);
      const member = type?.members[owner.name];
      if (member !== undefined) found.push(member);
      pending.push(...(type?.supers ?? []));
    }
    return found;
  }
}
