/**
 * Parts and summaries of a call graph.
 *
 * In: a `CallGraph`. Out: the neighbourhood of some functions, or the graph of the files. Leaves drawing to `report`.
 */
import type { CallGraph, GraphFunction, ModuleGraph } from '../../model/questions.ts';
import type { ClassTag } from '../../model/summary.ts';
import { compareText } from './order.ts';

/** What the functions call and what calls them, up to so many calls away. */
export function neighbourhood(graph: CallGraph, isCentre: (fn: GraphFunction) => boolean, depth: number): CallGraph {
  const neighbours: number[][] = graph.functions.map(() => []);
  for (const { from, to } of graph.edges) {
    neighbours[from]?.push(to);
    neighbours[to]?.push(from);
  }
  const kept = new Set<number>();
  let level = graph.functions.flatMap((fn, index) => (isCentre(fn) ? [index] : []));
  for (let away = 0; away <= depth && level.length > 0; away++) {
    const fresh = level.filter((fn) => !kept.has(fn));
    for (const fn of fresh) kept.add(fn);
    level = [...new Set(fresh.flatMap((fn) => neighbours[fn] ?? []))];
  }
  return part(graph, kept);
}

function part(graph: CallGraph, kept: ReadonlySet<number>): CallGraph {
  const order = [...kept].sort((a, b) => a - b);
  const places = new Map(order.map((old, place) => [old, place]));
  return {
    functions: order.flatMap((old) => graph.functions[old] ?? []),
    edges: graph.edges.flatMap((edge) => {
      const [from, to] = [places.get(edge.from), places.get(edge.to)];
      return from === undefined || to === undefined ? [] : [{ ...edge, from, to }];
    }),
    unresolved: graph.unresolved.flatMap((call) => {
      const from = places.get(call.from);
      return from === undefined ? [] : [{ ...call, from }];
    }),
  };
}

/** Calls within a file are not counted. */
export function moduleGraph({ functions, edges }: CallGraph): ModuleGraph {
  const files = [...new Set(functions.map(({ file }) => file))].sort(compareText);
  const places = new Map(files.map((file, index) => [file, index]));
  const placeOf = (fn: number): number => places.get(functions[fn]?.file ?? '') ?? -1;
  const calls = new Map<string, { from: number; to: number; calls: number }>();
  for (const edge of edges) {
    const [from, to] = [placeOf(edge.from), placeOf(edge.to)];
    if (from === to) continue;
    const id = `${String(from)} ${String(to)}`;
    const known = calls.get(id);
    if (known === undefined) calls.set(id, { from, to, calls: 1 });
    else known.calls++;
  }
  return {
    modules: files.map((file) => {
      const own = functions.filter((fn) => fn.file === file && fn.function !== '<module>');
      const classes: Partial<Record<ClassTag, number>> = {};
      for (const tag of ['globalState', 'io', 'ioOrGs', 'common'] as const) {
        const count = own.filter((fn) => fn.class === tag).length;
        if (count > 0) classes[tag] = count;
      }
      return { file, functions: own.length, classes, coroutines: own.filter((fn) => fn.coroutine === 'coroutine').length };
    }),
    edges: [...calls.values()].sort((a, b) => a.from - b.from || a.to - b.to),
  };
}
