/**
 * All that is known of one function or slot, on one card.
 *
 * In: models, and the place that a name stands for. Out: a `Card`; undefined for a library function.
 * Leaves to others: what a name stands for (`names.ts`), printing (`report`).
 */
import type { Hop } from '../../model/finding.ts';
import type { Card, CardCall, Inferred, NamedPlace } from '../../model/questions.ts';
import type { Callee, FunctionNode } from '../../model/rule.ts';
import { nameOf, type Search } from '../../propagate/search.ts';
import type { Model } from '../model.ts';
import { callEdges } from './call-graph.ts';
import { inferredIn } from './inference.ts';
import { exportersOf, membersOfSlots } from './inventory.ts';
import { comparePlaces, compareText } from './order.ts';
import { wayToGlobalState } from './paths.ts';

const UNKNOWN: Inferred = { class: null, coroutine: null };

export function buildCard(models: readonly Model[], place: NamedPlace): Card | undefined {
  const { key } = place;
  const holders = holdersOf(models, key);
  const roots = rootNames(models, key);
  const fn = (holders.find(({ model }) => model.reported.has(place.file)) ?? holders[0])?.fn;
  const slot = models.map(({ program }) => program.slot(key)).find((found) => found !== undefined);
  const node = fn ?? slot;
  if (node === undefined) return undefined;

  const asserted = fn?.summary.assertions[0];
  return {
    place,
    kind: fn === undefined ? 'slot' : 'function',
    coroutine: node.classification.coroutine,
    inferred: fn === undefined ? UNKNOWN : inferredIn(models)(fn),
    hasBody: fn?.summary.hasBody === true,
    assertion: asserted === undefined ? null : { kind: asserted.kind, line: asserted.span.line },
    exportedFrom: exportersOf(models).get(key) ?? [],
    callers: callersOf(models, key),
    calls: joined(holders.flatMap(({ model, fn: same }) => callsOf(model, same))),
    ioRoots: roots.io,
    mainRoots: roots.main,
    slots: fn === undefined ? [] : names(slotsWith(models, fn)),
    members: slot === undefined ? [] : membersOfSlots(models).get(key) ?? [],
    fromIo: shortest(holders.map(({ model, fn: same }) => wayFromIo(model, same))),
    toGlobalState: shortest(holders.map(({ model, fn: same }) => (same.summary.hasBody && same.classification.class !== 'globalState' ? wayToGlobalState(model, same) : null))),
  };
}

/** Names of the roots that reach a function off the main thread, and of GS functions that reach it in the main thread. */
export function rootNames(models: readonly Model[], key: string): { readonly io: readonly string[]; readonly main: readonly string[] } {
  const holders = holdersOf(models, key);
  return {
    io: names(holders.flatMap(({ model, fn }) => rootsOf(model, fn, model.contexts.offMain))),
    main: names(holders.flatMap(({ model, fn }) => rootsOf(model, fn, model.contexts.main))),
  };
}

function holdersOf(models: readonly Model[], key: string): { readonly model: Model; readonly fn: FunctionNode }[] {
  return models.flatMap((model) => {
    const fn = model.program.functions[model.program.functionId(key) ?? -1];
    return fn === undefined ? [] : [{ model, fn }];
  });
}

function callersOf(models: readonly Model[], key: string): CardCall[] {
  const found = models.flatMap((model): CardCall[] => {
    const { program, analysis } = model;
    const id = program.functionId(key);
    const between = callEdges(model).filter((edge) => edge.to === id).map(({ site, from, kind }) => callAt(program.functions[from] as FunctionNode, site.file, site.summary.span, kind));
    // What has no body is no end of an edge.
    const plain = program.functions[id ?? -1]?.summary.hasBody === true ? []
      : analysis.calls.filter(({ callees }) => callees.some((callee) => callee.key === key)).map(({ caller, file, site }) => callAt(caller, file, site.span, program.slot(key) === undefined ? site.kind : 'slot'));
    return [...between, ...plain];
  });
  return joined(found);
}

function callsOf(model: Model, fn: FunctionNode): CardCall[] {
  const { program, analysis } = model;
  const between = callEdges(model).filter((edge) => edge.from === fn.id).map(({ site, to, kind }) => callAt(program.functions[to] as FunctionNode, site.file, site.summary.span, kind));
  const others = analysis.callsIn(fn).flatMap(({ callees, file, site }) => callees
    .filter((callee) => isWorthTelling(model, callee))
    .map((callee) => callAt({ name: callee.name, classification: callee.classification }, file, site.span, program.slot(callee.key) === undefined ? site.kind : 'slot')));
  return [...between, ...others];
}

/** A slot, a function without a body, or a library function of which something is known. */
function isWorthTelling({ program }: Model, { key, classification, blocking, permissionApi }: Callee): boolean {
  const fn = program.functions[program.functionId(key) ?? -1];
  if (fn !== undefined) return !fn.summary.hasBody;
  return program.slot(key) !== undefined || classification.class !== null || classification.coroutine !== null || blocking || permissionApi;
}

function callAt(end: FunctionNode | Pick<Callee, 'name' | 'classification'>, file: string, { line, column }: { line: number; column: number }, edge: Hop['edge']): CardCall {
  const { class: tag, why } = end.classification;
  return { function: 'summary' in end ? nameOf(end) : end.name, file, line, column, edge, class: tag, why, further: 0 };
}

/** One entry for each function and kind of call, at the first place; a call that two projects see counts once. */
function joined(calls: readonly CardCall[]): CardCall[] {
  const distinct = new Map(calls.map((call) => [JSON.stringify([call.function, call.edge, call.file, call.line, call.column]), call]));
  const byEnd = new Map<string, CardCall>();
  for (const call of [...distinct.values()].sort(compareCalls)) {
    const id = JSON.stringify([call.function, call.edge]);
    const known = byEnd.get(id);
    byEnd.set(id, known === undefined ? call : { ...known, further: known.further + 1 });
  }
  return [...byEnd.values()];
}

function compareCalls(a: CardCall, b: CardCall): number {
  return comparePlaces(a, b) || compareText(a.function, b.function) || compareText(a.edge, b.edge);
}

/** The roots of a search that come to the function, or to a call of it where it ends the search. */
function rootsOf({ program, analysis }: Model, fn: FunctionNode, search: Search): string[] {
  const calling = new Map(analysis.calls.filter(({ callees }) => callees.some(({ key }) => key === fn.summary.key)).map(({ site, caller }) => [site, caller.id]));
  const callers = new Set(calling.values());
  const own = search.visits.filter((visit) => visit.fn === fn.id && !visit.switched);
  const before = search.visits.filter((visit) => callers.has(visit.fn) && (program.sitesOf[visit.fn] ?? []).some((site) => calling.has(site.summary) && search.takes(site, visit)));
  return [...search.rootsOf([...own, ...before])].filter((root) => root !== fn.id).map((root) => (typeof root === 'string' ? root : program.functions[root]?.summary.name ?? ''));
}

function wayFromIo({ contexts: { offMain } }: Model, fn: FunctionNode): readonly Hop[] | null {
  const visit = offMain.visits.find((candidate) => candidate.fn === fn.id && !candidate.switched);
  if (visit !== undefined) return visit.from === null ? null : offMain.pathTo(visit);
  return shortest(offMain.reported().filter(({ target }) => target.key === fn.summary.key).map(({ path }) => path));
}

function shortest(paths: readonly (readonly Hop[] | null)[]): readonly Hop[] | null {
  return paths.reduce((best, path) => (path !== null && (best === null || path.length < best.length) ? path : best), null);
}

function slotsWith(models: readonly Model[], fn: FunctionNode): string[] {
  return models.flatMap(({ program, analysis }) => {
    const put = analysis.slotFillings.filter(({ member }) => member.key === fn.summary.key).map(({ slot }) => slot);
    const implemented = program.implementedBy(fn.summary.key).flatMap((key) => program.slot(key) ?? []);
    return [...put, ...implemented].map(nameOf);
  });
}

function names(list: readonly string[]): string[] {
  return [...new Set(list)].sort(compareText);
}
