/** The view of an analysed program that rules get. */
import { isIoClass } from '../classify/classify.ts';
import type { Target, ValueFlow } from '../callgraph/flow.ts';
import type { Program, Site } from '../link/link.ts';
import type { Config } from '../model/config.ts';
import type { Analysis, Callee, FunctionNode, PlainCall, ReachedCall, SlotFilling } from '../model/rule.ts';
import { slotsOf, type Contexts } from '../propagate/contexts.ts';
import { calleeOf, externalCallee, functionCallee, slotCallee, type Search } from '../propagate/search.ts';

export function buildAnalysis(program: Program, flow: ValueFlow, contexts: Contexts, config: Config): Analysis {
  const calls = program.sites.flatMap((site) => plainCall(program, flow, site) ?? []).sort((a, b) => order(a.file, a.site.span, b.file, b.site.span));
  const callsOf = new Map<number, PlainCall[]>();
  for (const call of calls) callsOf.set(call.caller.id, [...(callsOf.get(call.caller.id) ?? []), call]);
  const callsIn = (fn: FunctionNode): readonly PlainCall[] => callsOf.get(fn.id) ?? [];
  const functionByKey = (key: string): FunctionNode | undefined => program.functions[program.functionId(key) ?? -1];
  const offMain = visited(contexts.offMain);
  const inMain = visited(contexts.main);
  const ways = waysToGlobalState(program, calls);
  const polling = pollingFunctions(program, calls);
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
    blockingCalls: blockingCalls(program, flow, contexts),
    calls,
    callsIn,
    slotFillings: slotFillings(program, contexts),
    runsOffMain: (fn) => offMain.has(fn.id),
    runsInMain: (fn) => inMain.has(fn.id),
    wayToGlobalState: (fn) => ways(fn),
    polls: (callee) => {
      const id = program.functionId(callee.key);
      return polling.has(id ?? -1) || callee.classification.coroutine === 'coroutineWrapper';
    },
  };
}

function plainCall(program: Program, flow: ValueFlow, site: Site): PlainCall | null {
  const caller = program.functions[site.caller];
  if (caller === undefined) return null;
  const slots = slotsOf(program, site.summary.callee);
  const callees = [...slots.map(slotCallee), ...flow.callees(site).flatMap((target) => calleesOf(program, target))];
  return { site: site.summary, file: site.file, caller, callees, slots };
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

function visited(search: Search): ReadonlySet<number> {
  return new Set(search.visits.filter((visit) => !visit.switched).map((visit) => visit.fn));
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

/** Calls of functions known to block, met by the searches of I/O code and of coroutines, off the main thread. */
function blockingCalls(program: Program, flow: ValueFlow, contexts: Contexts): ReachedCall[] {
  const blocking = new Map<number, Callee>();
  for (const site of program.sites) {
    const callee = flow.callees(site).flatMap((target) => calleesOf(program, target)).find((c) => c.blocking);
    if (callee !== undefined) blocking.set(site.id, callee);
  }
  const found = new Map<number, { call: Omit<ReachedCall, 'roots'>; search: Search; starts: Search['visits'][number][] }>();
  for (const search of [contexts.offMain, contexts.inCoroutine]) {
    for (const visit of search.visits) {
      for (const site of program.sitesOf[visit.fn] ?? []) {
        const target = blocking.get(site.id);
        const caller = program.functions[site.caller];
        if (target === undefined || caller === undefined || !search.takes(site, visit) || site.summary.guard.every((facts) => facts.thread === 'main')) continue;
        const known = found.get(site.id);
        if (known !== undefined) { if (known.search === search) known.starts.push(visit); continue; }
        const { span } = site.summary;
        const last = { function: target.name, file: site.file, line: span.line, column: span.column, edge: 'call' as const, class: target.classification.class, why: target.classification.why };
        found.set(site.id, { call: { site: site.summary, file: site.file, caller, target, span, edge: 'call', path: [...search.pathTo(visit), last] }, search, starts: [visit] });
      }
    }
  }
  return [...found.values()].map(({ call, search, starts }) => ({ ...call, roots: search.countRoots(starts) })).sort((a, b) => order(a.file, a.span, b.file, b.span));
}

/** Backwards from the calls of GS code, through functions of no class: for each function its next step on a shortest way. */
function waysToGlobalState(program: Program, calls: readonly PlainCall[]): (fn: FunctionNode) => readonly string[] | null {
  const callers = new Map<number, Set<number>>();
  const next = new Map<number, number | string>();
  let level: number[] = [];
  for (const { site, caller, callees } of calls) {
    if (site.guard.length === 0 || site.guard.every((facts) => facts.thread === 'main')) continue;
    for (const callee of callees) {
      if (isGlobalState(callee)) {
        if (!next.has(caller.id)) { next.set(caller.id, callee.name); level.push(caller.id); }
        continue;
      }
      const id = program.functionId(callee.key);
      if (id === undefined || isIoClass(callee.classification.class)) continue;
      callers.set(id, (callers.get(id) ?? new Set()).add(caller.id));
    }
  }
  while (level.length > 0) {
    const further: number[] = [];
    for (const fn of level) {
      if (program.functions[fn]?.classification.class !== null) continue;
      for (const caller of callers.get(fn) ?? []) {
        if (next.has(caller)) continue;
        next.set(caller, fn);
        further.push(caller);
      }
    }
    level = further;
  }
  return (fn) => {
    if (!next.has(fn.id)) return null;
    const names: string[] = [];
    for (let at: number | string | undefined = fn.id; at !== undefined;) {
      if (typeof at === 'string') { names.push(at); break; }
      names.push(program.functions[at]?.summary.name ?? '');
      at = next.get(at);
    }
    return names;
  };
}

/** Functions that poll: they reach a wrapper, the begin of a drained section, or a call that waits for its callback. */
function pollingFunctions(program: Program, calls: readonly PlainCall[]): ReadonlySet<number> {
  const polling = new Set<number>();
  const callers = new Map<number, number[]>();
  const waits = (key: string): boolean => {
    const fn = program.functions[program.functionId(key) ?? -1];
    const tags = fn === undefined ? program.slot(key)?.summary.tags : { ...fn.summary.inheritedTags, ...fn.summary.tags };
    return tags?.drainBegin !== undefined || tags?.runs?.some((runs) => runs.wait) === true;
  };
  for (const fn of program.functions) if (waits(fn.summary.key)) polling.add(fn.id);
  for (const { caller, callees } of calls) {
    for (const callee of callees) {
      if (callee.classification.coroutine === 'coroutineWrapper' || waits(callee.key)) polling.add(caller.id);
      const id = program.functionId(callee.key);
      if (id !== undefined) callers.set(id, [...(callers.get(id) ?? []), caller.id]);
    }
  }
  const pending = [...polling];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const caller of callers.get(at) ?? []) {
      if (polling.has(caller)) continue;
      polling.add(caller);
      pending.push(caller);
    }
  }
  return polling;
}

function order(fileA: string, a: PlainCall['site']['span'], fileB: string, b: PlainCall['site']['span']): number {
  return fileA < fileB ? -1 : fileA > fileB ? 1 : a.line - b.line || a.column - b.column;
}
