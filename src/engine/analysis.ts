/** The view of an analysed program that rules get. */
import { libraryUse, type Target, type ValueFlow } from '../callgraph/flow.ts';
import type { Program, Site } from '../link/link.ts';
import type { Config } from '../model/config.ts';
import type { Analysis, Callee, FunctionNode, Implementation, PlainCall, Reach, ReachedCall, SlotFilling, SlotNode } from '../model/rule.ts';
import type { RunsTag, Span, Value } from '../model/summary.ts';
import { slotsOf, type Contexts } from '../propagate/contexts.ts';
import { calleeOf, externalCallee, functionCallee, runsOf, slotCallee, type Search, type Visit } from '../propagate/search.ts';
import { pollingCode, waysToGlobalState } from './ways.ts';

export function buildAnalysis(program: Program, flow: ValueFlow, contexts: Contexts, config: Config): Analysis {
  const calls = program.sites.flatMap((site) => plainCall(program, flow, site) ?? []).sort((a, b) => order(a.file, a.site.span, b.file, b.site.span));
  const callsOf = new Map<number, PlainCall[]>();
  for (const call of calls) {
    const own = callsOf.get(call.caller.id);
    if (own === undefined) callsOf.set(call.caller.id, [call]);
    else own.push(call);
  }
  const callsIn = (fn: FunctionNode): readonly PlainCall[] => callsOf.get(fn.id) ?? [];
  const functionByKey = (key: string): FunctionNode | undefined => program.functions[program.functionId(key) ?? -1];
  const fillings = slotFillings(program, contexts);
  const ways = waysToGlobalState(program, calls);
  const polling = pollingCode(program, calls, fillings);
  const values = usedAsValues(program);
  return {
    config,
    files: program.files,
    functions: program.functions,
    slots: program.slots,
    functionByKey,
    slotByKey: (key) => program.slot(key),
    ioCalls: contexts.offMain.reported(),
    callsGlobalState: (fn) => callsIn(fn).some(({ callees }) => callees.some(isGlobalState)),
    callsInCoroutine: contexts.inCoroutine.reported(),
    callsOutOfCoroutine: contexts.outOfCoroutine.reported(),
    blockingCalls: blockingCalls(contexts),
    calls,
    callsIn,
    slotFillings: fillings,
    implementations: implementations(program),
    offMain: reaches(program, contexts.offMain),
    inMain: reaches(program, contexts.main),
    inCoroutine: reaches(program, contexts.inCoroutine),
    outOfCoroutine: reaches(program, contexts.outOfCoroutine),
    isHandedToMain: (fn) => contexts.handedToMain.has(fn.id),
    isUsedAsValue: (fn) => values.has(fn.id),
    wayToGlobalState: (fn) => ways(fn),
    polls: (callee) => polling.has(callee.key) || callee.classification.coroutine === 'coroutineWrapper',
  };
}

function plainCall(program: Program, flow: ValueFlow, site: Site): PlainCall | null {
  const caller = program.functions[site.caller];
  if (caller === undefined) return null;
  const slots = slotsOf(program, site.summary.callee);
  // A slot with a class stands for all that is in it.
  const isOpaque = slots.length > 0 && slots.every((slot) => slot.classification.class !== null) && slots.length === partsOf(site.summary.callee);
  const callees = [...slots.map(slotCallee), ...(isOpaque ? [] : flow.callees(site).flatMap((target) => calleesOf(program, target)))];
  return { site: site.summary, file: site.file, caller, callees, slots, handed: handedOver(program, flow, site, slots) };
}

function partsOf(value: Value): number {
  return value.k === 'any' ? value.of.reduce((count, part) => count + partsOf(part), 0) : 1;
}

/** Functions given as arguments that the call, or what it passes them to, runs where it stands. */
function handedOver(program: Program, flow: ValueFlow, site: Site, slots: readonly SlotNode[]): Callee[] {
  const functions = site.summary.args.map(({ value }) => (value === null ? [] : functionsIn(program, value)));
  if (functions.every((given) => given.length === 0)) return [];
  const targets = flow.callees(site);
  const { event } = site.summary;
  if (event?.role === 'listen' && flow.isEmitted(event)) return [];
  if (targets.length > 0 && targets.every((target) => target.kind === 'external' && !libraryUse(target, site.summary.kind === 'construct').calls)) return [];
  const elsewhere = new Set<number>();
  for (const { param, context } of [...slots.flatMap(runsOf), ...targets.flatMap((target) => runsOfTarget(program, target))]) if (context !== 'caller') elsewhere.add(param);
  return functions.flatMap((given, index) => (elsewhere.has(index) ? [] : given.map(functionCallee)));
}

function functionsIn(program: Program, value: Value): FunctionNode[] {
  if (value.k === 'any') return value.of.flatMap((part) => functionsIn(program, part));
  const fn = value.k === 'fn' ? program.functions[program.functionId(value.key) ?? -1] : undefined;
  return fn === undefined ? [] : [fn];
}

function runsOfTarget(program: Program, target: Target): readonly RunsTag[] {
  const fn = target.kind === 'function' ? program.functions[target.fn] : undefined;
  return fn !== undefined ? runsOf(fn) : target.kind === 'external' ? target.tags.runs ?? [] : [];
}

function calleesOf(program: Program, target: Target): Callee[] {
  switch (target.kind) {
    case 'function': {
      const fn = program.functions[target.fn];
      return fn === undefined ? [] : [functionCallee(fn)];
    }
    case 'class': return program.constructorsOf(target.key).flatMap((fn) => calleesOf(program, { kind: 'function', fn, shift: 0 }));
    case 'external': return [externalCallee(target)];
    case 'resolver': return [];
  }
}

function isGlobalState(callee: Callee): boolean {
  return callee.classification.class === 'globalState';
}

/** How a search comes to each function it visits. */
function reaches(program: Program, search: Search): (fn: FunctionNode) => Reach | null {
  const visits = new Map<number, Visit[]>();
  for (const visit of search.visits) {
    if (visit.switched) continue;
    const known = visits.get(visit.fn);
    if (known === undefined) visits.set(visit.fn, [visit]);
    else known.push(visit);
  }
  return ({ id }) => {
    const own = visits.get(id);
    const first = own?.[0];
    if (own === undefined || first === undefined) return null;
    const callers = new Set(own.flatMap((visit) => visit.entries.map(({ from }) => from.fn)));
    const root = search.rootOf(first);
    return {
      root: { name: root === first ? null : program.functions[root.fn]?.summary.name ?? null, class: root.root?.class ?? null },
      callers: [...callers].sort((a, b) => a - b).flatMap((fn) => program.functions[fn] ?? []),
      begins: own.some((visit) => visit.root !== null),
      path: () => search.pathTo(first),
    };
  };
}

/** Members with the members of bases that they stand for. */
function implementations(program: Program): Implementation[] {
  const found: Implementation[] = [];
  const calleeFor = (key: string): Callee | null => {
    const slot = program.slot(key);
    if (slot !== undefined) return slotCallee(slot);
    const fn = program.functions[program.functionId(key) ?? -1];
    return fn === undefined ? null : functionCallee(fn);
  };
  const add = (file: string, span: Span, key: string, member: Callee): void => {
    for (const base of program.implementedBy(key)) {
      const implemented = calleeFor(base);
      if (implemented !== null) found.push({ file, span, member, implemented });
    }
  };
  for (const slot of program.slots) add(slot.file, slot.summary.span, slot.summary.key, slotCallee(slot));
  for (const fn of program.functions) if (fn.summary.container !== undefined) add(fn.file, fn.summary.nameSpan, fn.summary.key, functionCallee(fn));
  return found.sort((a, b) => order(a.file, a.span, b.file, b.span));
}

/** Functions that are put somewhere, handed over or returned; the variable or property that names one is none of that. */
function usedAsValues(program: Program): ReadonlySet<number> {
  const used = new Set<number>();
  const use = (value: Value | null | undefined, holder: string): void => {
    if (value === null || value === undefined) return;
    if (value.k === 'any') for (const part of value.of) use(part, holder);
    else if (value.k === 'bound') { use(value.target, holder); for (const argument of value.args) use(argument, holder); }
    else if ((value.k === 'fn' || value.k === 'member') && value.key !== holder) {
      const id = program.functionId(value.key);
      if (id !== undefined) used.add(id);
    }
  };
  for (const file of program.files) {
    for (const { from, to } of file.flows) use(from, to.k === 'cell' || to.k === 'member' ? to.key : '');
    for (const fn of file.functions) {
      for (const value of fn.returns) use(value, '');
      for (const param of fn.params) use(param.default, '');
    }
    for (const { slot, value } of file.slotAssignments) use(value, slot);
    for (const { args } of file.calls) for (const { value } of args) use(value, '');
  }
  return used;
}

function slotFillings(program: Program, contexts: Contexts): SlotFilling[] {
  const fillings: SlotFilling[] = [];
  for (const { summary, file, base } of program.slotAssignments) {
    const slot = program.slot(summary.slot);
    if (slot === undefined) continue;
    const seen = new Set<string>();
    for (const bound of contexts.bindings.resolve(summary.value, base, contexts.bindings.empty)) {
      const member = calleeOf(program, bound);
      if (member === null || seen.has(member.key)) continue;
      seen.add(member.key);
      fillings.push({ file, slot, span: summary.span, owner: program.functions[program.functionId(summary.owner) ?? -1], member, fn: bound.kind === 'closure' ? program.functions[bound.fn] : undefined });
    }
  }
  return fillings.sort((a, b) => order(a.file, a.span, b.file, b.span));
}

/** Calls that block, once for each place, whether I/O code or a coroutine reaches it. */
function blockingCalls({ blocking }: Contexts): ReachedCall[] {
  const places = new Map<string, ReachedCall>();
  for (const call of blocking.flatMap((search) => search.reported())) {
    const place = [call.file, call.span.line, call.span.column, call.span.endLine, call.span.endColumn].join(':');
    if (!places.has(place)) places.set(place, call);
  }
  return [...places.values()].sort((a, b) => order(a.file, a.span, b.file, b.span));
}

function order(fileA: string, a: PlainCall['site']['span'], fileB: string, b: PlainCall['site']['span']): number {
  return fileA < fileB ? -1 : fileA > fileB ? 1 : a.line - b.line || a.column - b.column;
}
