/**
 * Paths between two functions, shortest first.
 *
 * In: a model, where to start and where to end, what to pass and what to avoid. Out: `Ways`.
 * The search tells functions apart by what their parameters are bound to, as the check does: a helper that two callers hand
 * different callbacks joins no caller with the other's callback. From I/O code, calls under a main-thread check do not count; from
 * Global State code, those off the main thread. A callback that another thread runs begins a path and does not go on with one.
 * Where no path is left, the search is done again with all that, so as to say what cuts it.
 * Leaves to others: what a name stands for (`names.ts`), what a guard means (`conditions.ts`), printing (`report`).
 */
import type { Program, Site } from '../../link/link.ts';
import type { EdgeKind } from '../../model/finding.ts';
import type { NamedPlace, WayHop, Ways } from '../../model/questions.ts';
import type { Callee, Classification, FunctionNode } from '../../model/rule.ts';
import { slotsOf } from '../../propagate/contexts.ts';
import { Givers, nameOf, Search, type Discipline, type Visit } from '../../propagate/search.ts';
import type { Model } from '../model.ts';
import { callEdges } from './call-graph.ts';
import { Conditions, isTaken, stays, threadOf, type ConditionOfCall, type Thread } from './conditions.ts';
import { cheapest, type Link, type Network, type Path } from './network.ts';
import { comparePlaces, compareText } from './order.ts';

export interface WayQuestion {
  readonly from: NamedPlace;
  readonly to: NamedPlace;
  /** Functions to pass, in any order: of each group one. */
  readonly through: readonly ReadonlySet<string>[];
  readonly avoid: ReadonlySet<string>;
  /** Kinds of calls that count; null: all. */
  readonly kinds: ReadonlySet<EdgeKind> | null;
  /** How many paths are wanted. */
  readonly count: number;
}

/** A function in a context, or the end of a path that has no body to search. */
interface Stop {
  readonly key: string;
  readonly name: string;
  readonly classification: Classification;
  /** Id of the function in the linked program; null for slots and library functions. */
  readonly fn: number | null;
}

interface Step extends ConditionOfCall {
  readonly site: Site;
  readonly edge: EdgeKind;
  readonly slot: string | null;
  readonly further: number;
}

/** Undefined where the model has no such function. */
export function findWays(model: Model, question: WayQuestion): Ways | undefined {
  const { from, to, count } = question;
  const start = model.program.functions[model.program.functionId(from.key) ?? -1];
  if (start === undefined || !start.summary.hasBody) return undefined;
  const isEnd = (key: string): boolean => key === to.key;
  const search = (open: boolean, wanted: number): WayHop[][] => {
    const network = contextualNetwork(model, question, start, isEnd, open);
    return cheapest(network, wanted).map((links) => hopsOf(start, links));
  };
  const paths = search(false, count + 1);
  if (paths.length > 0) return { from, to, paths: paths.slice(0, count), more: paths.length > count, cut: null };
  const [opened] = search(true, 1);
  if (opened !== undefined) return { from, to, paths: [], more: false, cut: { by: 'conditions', path: opened } };
  const [merged] = cheapest(plainNetwork(model, question, start), 1).map((links) => hopsOf(start, links));
  return { from, to, paths: [], more: false, cut: merged === undefined ? null : { by: 'arguments', path: merged } };
}

/** A shortest path from a function to Global State code, not under a check; null where there is none. */
export function wayToGlobalState(model: Model, start: FunctionNode): readonly WayHop[] | null {
  const question = { through: [], avoid: new Set<string>(), kinds: null };
  const isEnd = (_: string, { class: tag }: Classification): boolean => tag === 'globalState';
  const [links] = cheapest(contextualNetwork(model, question, start, isEnd, false, 'off'), 1);
  return links === undefined ? null : hopsOf(start, links);
}

/** All that can be reached from a function, as far as it matters for the question. `open`: nothing is cut. */
function contextualNetwork(
  model: Model,
  { through, avoid, kinds }: Pick<WayQuestion, 'through' | 'avoid' | 'kinds'>,
  start: FunctionNode,
  isEnd: (key: string, classification: Classification) => boolean,
  open: boolean,
  thread = threadOf(start.classification),
): Network<Stop, Step> {
  const { program, flow, contexts: { bindings } } = model;
  const ends: { visit: Visit; site: Site; callee: Callee }[] = [];
  const discipline: Discipline = {
    takes: (facts, visit) => open || isTaken(facts, threadAt(program, visit, thread)),
    judge: (callee, site, visit) => {
      if (avoid.has(callee.key)) return 'stop';
      if (!isEnd(callee.key, callee.classification)) return 'enter';
      ends.push({ visit, site, callee });
      return 'stop';
    },
    entersCallback: (context) => open || stays(context, thread),
    unknownCallee: null,
  };
  const search = new Search(program, flow, bindings, new Givers(program, flow), discipline);
  search.addRoot(start.id, bindings.unknownCaller(start.id), { class: start.classification.class, why: start.classification.why });
  search.run();

  const stops: Stop[] = [];
  const links: Link<Step>[] = [];
  const places = new Map<Visit | string, number>();
  const conditions = new Conditions(model, thread);
  const placeFor = (id: Visit | string, make: () => Stop): number => {
    const known = places.get(id);
    if (known !== undefined) return known;
    places.set(id, stops.length);
    return stops.push(make()) - 1;
  };
  const visited = (visit: Visit): number => placeFor(visit, () => stopOf(program.functions[visit.fn] as FunctionNode));
  const add = (from: number, to: number, site: Site, edge: EdgeKind): void => {
    if (kinds === null || kinds.has(edge)) links.push({ from, to, step: { site, edge, slot: slotName(model, site, edge), ...conditions.of(site, edge, (stops[to] as Stop).fn), further: 0 } });
  };
  for (const visit of search.visits) visited(visit);
  for (const visit of search.visits) for (const { from, site, edge } of visit.entries) add(visited(from), visited(visit), site, edge);
  const goals = new Set<number>();
  for (const { visit, site, callee } of ends) {
    const fn = program.functionId(callee.key) ?? null;
    const goal = placeFor(callee.key, () => ({ key: callee.key, name: callee.name, classification: callee.classification, fn }));
    goals.add(goal);
    add(visited(visit), goal, site, edgeTo(model, site, callee));
  }
  return { stops, links: joined(links, stops), start: 0, goals, identity: ({ key }) => key, marks: (stop) => marksOf(stop, through), wanted: 2 ** through.length - 1 };
}

/** The call graph without contexts: what a search with contexts cannot find either is not in it by the arguments alone. */
function plainNetwork(model: Model, { to, through, avoid, kinds }: WayQuestion, start: FunctionNode): Network<Stop, Step> {
  const { program } = model;
  const stops = program.functions.map(stopOf);
  const conditions = new Conditions(model, threadOf(start.classification));
  const links = callEdges(model)
    .filter((edge) => !avoid.has((stops[edge.to] as Stop).key) && (kinds === null || kinds.has(edge.kind)))
    .map(({ from, to: end, site, kind }) => ({ from, to: end, step: { site, edge: kind, slot: slotName(model, site, kind), ...conditions.of(site, kind, end), further: 0 } }));
  const goals = new Set([program.functionId(to.key) ?? -1]);
  return { stops, links: joined(links, stops), start: start.id, goals, identity: ({ key }) => key, marks: (stop) => marksOf(stop, through), wanted: 2 ** through.length - 1 };
}

/** Past a GS function a way is judged as GS code is, whoever called it there: that call is what is wrong, not what follows. */
function threadAt(program: Program, visit: Visit, thread: Thread): Thread {
  for (let at: Visit | null = visit; at !== null; at = at.from) {
    if (program.functions[at.fn]?.classification.class === 'globalState') return 'main';
  }
  return thread;
}

function stopOf(fn: FunctionNode): Stop {
  return { key: fn.summary.key, name: fn.summary.name, classification: fn.classification, fn: fn.id };
}

function marksOf({ key }: Stop, through: WayQuestion['through']): number {
  return through.reduce((marks, group, index) => (group.has(key) ? marks | (2 ** index) : marks), 0);
}

/** Calls of one function by another in the same way are one link, at the first that nothing cuts. */
function joined(links: readonly Link<Step>[], stops: readonly Stop[]): Link<Step>[] {
  const byEnds = new Map<string, Link<Step>[]>();
  for (const link of links) {
    const id = `${String(link.from)} ${String(link.to)} ${link.step.edge}`;
    const list = byEnds.get(id);
    if (list === undefined) byEnds.set(id, [link]);
    else list.push(link);
  }
  const all = [...byEnds.values()].map((list) => {
    const [first] = list.sort((a, b) => weight(a) - weight(b) || Number(a.step.condition !== null) - Number(b.step.condition !== null) || compareSites(a.step.site, b.step.site)) as [Link<Step>];
    return { ...first, cost: weight(first), step: { ...first.step, further: new Set(list.map(({ step }) => step.site.id)).size - 1 } };
  });
  const keyOf = (link: Link<Step>): string => (stops[link.to] as Stop).key;
  return all.sort((a, b) => compareSites(a.step.site, b.step.site) || compareText(keyOf(a), keyOf(b)) || a.to - b.to || compareText(a.step.edge, b.step.edge));
}

/** A path without a cut is always the better one. */
const CUT = 10_000;

function weight({ step }: Link<Step>): number {
  return step.cut ? CUT : 1;
}

function compareSites(a: Site, b: Site): number {
  return comparePlaces({ file: a.file, line: a.summary.span.line, column: a.summary.span.column }, { file: b.file, line: b.summary.span.line, column: b.summary.span.column }) || a.id - b.id;
}

function hopsOf(start: FunctionNode, path: Path<Stop, Step>): WayHop[] {
  const { nameSpan } = start.summary;
  const first: WayHop = { function: start.summary.name, file: start.file, line: nameSpan.line, column: nameSpan.column, edge: 'root', ...classOf(start), slot: null, further: 0, condition: null };
  return [first, ...path.map(({ stop, step: { site, edge, slot, further, condition } }): WayHop => ({
    function: stop.name, file: site.file, line: site.summary.span.line, column: site.summary.span.column, edge, ...classOf(stop), slot, further, condition,
  }))];
}

function slotName({ program }: Model, site: Site, edge: EdgeKind): string | null {
  const [slot] = edge === 'slot' ? slotsOf(program, site.summary.callee) : [];
  return slot === undefined ? null : nameOf(slot);
}

function classOf({ classification }: Pick<Stop, 'classification'>): Pick<WayHop, 'class' | 'why'> {
  return { class: classification.class, why: classification.why };
}

/** How a call comes to what has no body to visit. */
function edgeTo({ program, flow }: Model, site: Site, callee: Callee): EdgeKind {
  if (slotsOf(program, site.summary.callee).some((slot) => slot.summary.key === callee.key)) return 'slot';
  const called = flow.callees(site).some((target) => (target.kind === 'function' ? program.functions[target.fn]?.summary.key : target.kind === 'external' ? `${target.module}#${target.name}` : null) === callee.key);
  return called ? site.summary.kind : 'callback';
}
