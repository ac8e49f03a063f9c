/**
 * Which code runs where: searches with their roots and what they forbid.
 *
 * `offMain`: code that may run off the main thread; it must not reach GS code. `main`: code that GS functions reach in
 * the main thread. `inCoroutine` and `outOfCoroutine`: code that runs inside a coroutine, and code that does not.
 * `blocking`: code off the main thread, and code in coroutines, on their ways to calls that block.
 * In: a program with its value flow. Out: what each search visits and reports. Leaves to others: messages (`rules`).
 */
import { isIoClass } from '../classify/classify.ts';
import type { Target, ValueFlow } from '../callgraph/flow.ts';
import type { Program, Site } from '../link/link.ts';
import type { Config } from '../model/config.ts';
import type { Why } from '../model/finding.ts';
import type { Callee, Classification, SlotNode } from '../model/rule.ts';
import type { RunsTag, Value } from '../model/summary.ts';
import { Bindings, type Bound } from './bindings.ts';
import { calleeOf, Givers, nameOf, runsOf, Search, whyOf, type Discipline, type Verdict } from './search.ts';

const TAKEN_FOR_GLOBAL_STATE: Classification = { class: 'globalState', why: 'inferred', coroutine: null };

export interface Contexts {
  readonly bindings: Bindings;
  readonly offMain: Search;
  readonly main: Search;
  readonly inCoroutine: Search;
  readonly outOfCoroutine: Search;
  /** None where nothing blocks. */
  readonly blocking: readonly Search[];
  /** Functions that a call hands to what runs them as GS code. */
  readonly handedToMain: ReadonlySet<number>;
  /** Functions that a call hands to what runs them in another context, whichever: they begin there. */
  readonly handedElsewhere: ReadonlySet<number>;
}

export function propagate(program: Program, flow: ValueFlow, config: Config): Contexts {
  const bindings = new Bindings(program, flow);
  const givers = new Givers(program, flow);
  const scheduled = scheduledCallbacks(program, flow, bindings);
  const search = (discipline: Discipline): Search => new Search(program, flow, bindings, givers, discipline);

  const offMain = search({
    takes: (facts, visit) => (visit.switched ? facts.thread === 'any' : facts.thread !== 'main'),
    judge: (callee) => (isForbidden(callee) ? 'report' : callee.classification.class === null ? 'enter' : 'stop'),
    entersCallback: (context) => context === 'coroutine' || context === 'caller',
    unknownCallee: config.unresolved === 'assume-global-state' ? TAKEN_FOR_GLOBAL_STATE : null,
  });
  const addIoRoots = (to: Search): void => {
    for (const fn of program.functions) {
      const { class: tag, why } = fn.classification;
      if (fn.summary.hasBody && isIoClass(tag)) to.addRoot(fn.id, bindings.unknownCaller(fn.id), { class: tag, why });
    }
    addSlotMembers(program, bindings, to, (slot) => isIoClass(slot.classification.class), hasNoClass);
    for (const { runs, bound, scheduler } of scheduled) {
      const callee = runs.context === 'io' ? calleeOf(program, bound) : null;
      if (callee !== null && bound.kind === 'closure' && hasNoClass(callee) && !isForbidden(callee)) to.addRoot(bound.fn, bound.env, { class: 'io', why: scheduler.why });
    }
    for (const site of program.sites) {
      if (program.functions[site.caller] !== undefined && site.summary.guard.some((facts) => facts.thread === 'any')) {
        to.addRoot(site.caller, bindings.unknownCaller(site.caller), { class: 'io', why: 'inferred' }, true);
      }
    }
  };
  addIoRoots(offMain);
  for (const { runs, bound, site, argument, scheduler } of scheduled) {
    const callee = runs.context === 'io' ? calleeOf(program, bound) : null;
    if (callee !== null && isForbidden(callee)) offMain.reportScheduled(site, { ...scheduler, class: 'io' }, callee, bound, argument);
  }
  offMain.run();

  const main = search({
    takes: (facts) => facts.thread !== 'off' && facts.thread !== 'any',
    judge: (callee) => (callee.classification.class === null ? 'enter' : 'stop'),
    entersCallback: (context) => context !== 'io',
    unknownCallee: null,
  });
  for (const fn of program.functions) {
    if (fn.summary.hasBody && fn.classification.class === 'globalState') main.addRoot(fn.id, bindings.unknownCaller(fn.id), { class: 'globalState', why: fn.classification.why });
  }
  addSlotMembers(program, bindings, main, (slot) => slot.classification.class === 'globalState', hasNoClass);
  const handedToMain = new Set<number>();
  for (const { runs, bound, scheduler } of scheduled) {
    const callee = runs.context === 'globalState' ? calleeOf(program, bound) : null;
    if (callee === null || bound.kind !== 'closure') continue;
    handedToMain.add(bound.fn);
    if (hasNoClass(callee)) main.addRoot(bound.fn, bound.env, { class: 'globalState', why: scheduler.why });
  }
  main.run();

  const enters = (callee: Callee): Verdict => (isPlain(callee) ? 'enter' : 'stop');
  const inCoroutine = search({
    // A mixed function is sure to be in a coroutine only where the check says so.
    takes: (facts, visit) => (isMixed(program, visit.fn) ? facts.coroutine === 'in' : facts.coroutine !== 'out'),
    judge: (callee) => (refusesCoroutine(callee) ? 'report' : enters(callee)),
    entersCallback: (context) => context === 'caller',
    unknownCallee: null,
  });
  const outOfCoroutine = search({
    takes: (facts) => facts.coroutine !== 'in',
    judge: (callee) => (callee.classification.coroutine === 'coroutine' ? 'report' : enters(callee)),
    entersCallback: (context) => context === 'caller',
    unknownCallee: null,
  });
  const addCoroutineRoots = (to: Search): void => {
    for (const fn of program.functions) {
      const { coroutine, class: tag, why } = fn.classification;
      if (fn.summary.hasBody && (coroutine === 'coroutine' || coroutine === 'coroutineMixed')) to.addRoot(fn.id, bindings.unknownCaller(fn.id), { class: tag, why });
    }
    addSlotMembers(program, bindings, to, (slot) => slot.classification.coroutine === 'coroutine', isPlain);
    for (const { runs, bound, scheduler } of scheduled) {
      const callee = runs.context === 'coroutine' ? calleeOf(program, bound) : null;
      if (callee !== null && bound.kind === 'closure' && isPlain(callee)) to.addRoot(bound.fn, bound.env, { class: null, why: scheduler.why });
    }
  };
  addCoroutineRoots(inCoroutine);
  for (const { runs, bound, site, argument, scheduler } of scheduled) {
    const callee = runs.context === 'coroutine' ? calleeOf(program, bound) : null;
    if (callee !== null && refusesCoroutine(callee)) inCoroutine.reportScheduled(site, { ...scheduler, class: null }, callee, bound, argument);
  }
  for (const fn of program.functions) {
    const { coroutine, class: tag, why } = fn.classification;
    const isNone = coroutine === 'noCoroutine' || (coroutine === null && tag !== null);
    if (fn.summary.hasBody && (isNone || coroutine === 'coroutineMixed')) outOfCoroutine.addRoot(fn.id, bindings.unknownCaller(fn.id), { class: tag, why });
  }
  for (const { runs, bound, site, argument, scheduler } of scheduled) {
    const callee = runs.context === 'io' || runs.context === 'globalState' ? calleeOf(program, bound) : null;
    if (callee === null || (runs.context !== 'io' && runs.context !== 'globalState')) continue;
    if (callee.classification.coroutine === 'coroutine') outOfCoroutine.reportScheduled(site, { ...scheduler, class: runs.context }, callee, bound, argument);
    else if (bound.kind === 'closure' && isPlain(callee)) outOfCoroutine.addRoot(bound.fn, bound.env, { class: runs.context, why: scheduler.why });
  }
  addSlotMembers(program, bindings, outOfCoroutine, ({ classification: { coroutine, class: tag } }) => coroutine === 'noCoroutine' || (coroutine === null && tag !== null), isPlain);
  inCoroutine.run();
  outOfCoroutine.run();

  const blocking: Search[] = [];
  if (anythingBlocks(program, flow)) {
    const offMainToBlocking = search({
      takes: (facts, visit) => (visit.switched ? facts.thread === 'any' : facts.thread !== 'main'),
      judge: (callee) => (callee.blocking ? 'report' : hasNoClass(callee) ? 'enter' : 'stop'),
      entersCallback: (context) => context === 'coroutine' || context === 'caller',
      unknownCallee: null,
    });
    const coroutineToBlocking = search({
      takes: (facts) => facts.thread !== 'main' && facts.coroutine !== 'out',
      judge: (callee) => (callee.blocking ? 'report' : enters(callee)),
      entersCallback: (context) => context === 'caller',
      unknownCallee: null,
    });
    addIoRoots(offMainToBlocking);
    addCoroutineRoots(coroutineToBlocking);
    blocking.push(offMainToBlocking, coroutineToBlocking);
    for (const to of blocking) to.run();
  }
  const handedElsewhere = new Set(scheduled.flatMap(({ bound }) => (bound.kind === 'closure' ? [bound.fn] : [])));
  return { bindings, offMain, main, inCoroutine, outOfCoroutine, blocking, handedToMain, handedElsewhere };
}

function anythingBlocks(program: Program, flow: ValueFlow): boolean {
  return flow.targets.some((target) => target.kind === 'external' && target.tags.blocking === true)
    || program.functions.some((fn) => fn.summary.tags.blocking === true) || program.slots.some((slot) => slot.summary.tags.blocking === true);
}

function hasNoClass(callee: Callee): boolean {
  return callee.classification.class === null;
}

/** No class, no coroutine tag: it runs as its callers do. */
function isPlain(callee: Callee): boolean {
  return callee.classification.class === null && callee.classification.coroutine === null;
}

function refusesCoroutine({ classification: { coroutine } }: Callee): boolean {
  return coroutine === 'coroutineWrapper' || coroutine === 'noCoroutine';
}

/** GS code, and permission functions of no class. */
function isForbidden(callee: Callee): boolean {
  return callee.classification.class === 'globalState' || (callee.permissionApi && callee.classification.class === null);
}

function isMixed(program: Program, fn: number): boolean {
  return program.functions[fn]?.classification.coroutine === 'coroutineMixed';
}

/** What is put into slots of a kind runs as the slot says, where it says nothing itself. */
function addSlotMembers(program: Program, bindings: Bindings, search: Search, ofKind: (slot: SlotNode) => boolean, plain: (callee: Callee) => boolean): void {
  for (const { summary, base } of program.slotAssignments) {
    const slot = program.slot(summary.slot);
    if (slot === undefined || !ofKind(slot)) continue;
    for (const bound of bindings.resolve(summary.value, base, bindings.empty)) {
      const callee = calleeOf(program, bound);
      if (callee !== null && bound.kind === 'closure' && plain(callee)) search.addRoot(bound.fn, bound.env, { class: slot.classification.class, why: 'inherited' });
    }
  }
}

interface Scheduled {
  readonly site: Site;
  readonly runs: RunsTag;
  readonly scheduler: { readonly name: string; readonly why: Why };
  readonly bound: Bound;
  readonly argument: { readonly value: Value; readonly span: Site['summary']['span'] };
}

/** Callbacks that a call hands to another context, whoever makes the call. */
function scheduledCallbacks(program: Program, flow: ValueFlow, bindings: Bindings): Scheduled[] {
  const scheduled: Scheduled[] = [];
  for (const site of program.sites) {
    const seen = new Set<string>();
    for (const target of [...flow.callees(site), ...slotsOf(program, site.summary.callee)]) {
      const { tags, name, why } = schedulerOf(program, target);
      for (const runs of tags) {
        const id = `${name}/${String(runs.param)}`;
        if (runs.context === 'caller' || seen.has(id)) continue;
        seen.add(id);
        const argument = site.summary.args[runs.param];
        if (argument === undefined || argument.value === null) continue;
        for (const bound of bindings.resolve(argument.value, site.base, bindings.empty)) {
          scheduled.push({ site, runs, scheduler: { name, why }, bound, argument: { value: argument.value, span: argument.span } });
        }
      }
    }
  }
  return scheduled;
}

function schedulerOf(program: Program, target: Target | SlotNode): { tags: readonly RunsTag[]; name: string; why: Why } {
  const node = 'summary' in target ? target : target.kind === 'function' ? program.functions[target.fn] : undefined;
  if (node !== undefined) return { tags: runsOf(node), name: nameOf(node), why: whyOf(node.summary.tags) };
  if ('kind' in target && target.kind === 'external') return { tags: target.tags.runs ?? [], name: target.name, why: whyOf(target.tags) };
  return { tags: [], name: '', why: 'declared' };
}

/** The slots a callee goes through. */
export function slotsOf(program: Program, value: Value): SlotNode[] {
  if (value.k === 'any') return value.of.flatMap((part) => slotsOf(program, part));
  const slot = value.k === 'member' ? program.slot(value.key) : undefined;
  return slot === undefined ? [] : [slot];
}
