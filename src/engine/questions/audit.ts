/**
 * Everything that an audit shows, of several projects at once.
 *
 * In: models, and the report made of them. Out: an `Audit`.
 * Leaves to others: the findings (`analyze.ts`), pages (`report`).
 */
import type { Audit, AuditFunction, AuditWaiver, Coverage, Reached } from '../../model/audit.ts';
import type { Finding, Report } from '../../model/finding.ts';
import type { CallGraph } from '../../model/questions.ts';
import type { FunctionNode } from '../../model/rule.ts';
import type { Model } from '../model.ts';
import { buildCallGraph } from './call-graph.ts';
import { inferredIn } from './inference.ts';
import { assertionOf, buildInventory, exportersOf } from './inventory.ts';
import { isNameless } from './names.ts';
import { comparePlaces } from './order.ts';

export function buildAudit(models: readonly Model[], report: Report): Audit {
  const graph = buildCallGraph(models);
  const { nodes, placeOf } = listed(models, graph);
  const inferred = inferredIn(models);
  const exporters = exportersOf(models);
  const reachedBy = reachIn(models);
  const own = new Set(models.flatMap(({ reported }) => [...reported]));
  const functions = nodes.map((fn): AuditFunction => {
    const { summary, file, classification: { class: tag, why, coroutine } } = fn;
    return {
      listed: own.has(file) && !isNameless(summary.name), function: summary.name, file, line: summary.nameSpan.line, class: tag, why, coroutine, inferred: inferred(fn), assertion: assertionOf(fn),
      exportedFrom: exporters.get(summary.key) ?? [], hasBody: summary.hasBody, reached: reachedBy(summary.key),
    };
  });
  const places = graph.functions.map(({ key }) => placeOf.get(key) ?? -1);
  // Everybody calls assertions and predicates; in a drawing they would hide what leads where.
  const isCheck = (fn: FunctionNode | undefined): boolean => fn?.summary.tags.asserts !== undefined || fn?.summary.tags.predicate !== undefined;
  const edges = graph.edges.map(({ from, to, line, kind }) => ({ from: places[from] ?? -1, to: places[to] ?? -1, line, kind })).filter(({ from, to }) => from >= 0 && to >= 0 && !isCheck(nodes[to]));
  return {
    functions,
    edges,
    slots: buildInventory(models).slots,
    waivers: waiversOf(models, report),
    coverage: coverageOf(functions),
    hops: hopsOf(report.findings, functions, graph, places),
  };
}

/** Named functions of the projects, with or without a body, and all that have a part in the call graph, by place. */
function listed(models: readonly Model[], graph: CallGraph): { nodes: FunctionNode[]; placeOf: ReadonlyMap<string, number> } {
  const inGraph = new Set(graph.functions.map(({ key }) => key));
  const found = new Map<string, FunctionNode>();
  for (const { program, reported } of models) {
    for (const fn of program.functions) {
      const { key, name } = fn.summary;
      if (!found.has(key) && (inGraph.has(key) || (reported.has(fn.file) && !isNameless(name)))) found.set(key, fn);
    }
  }
  const nodes = [...found.values()].sort((a, b) => comparePlaces({ file: a.file, ...a.summary.nameSpan }, { file: b.file, ...b.summary.nameSpan }) || (a.summary.key < b.summary.key ? -1 : 1));
  return { nodes, placeOf: new Map(nodes.map((fn, index) => [fn.summary.key, index])) };
}

/** What one project does not reach, another one may that refers to it. */
function reachIn(models: readonly Model[]): (key: string) => Reached {
  const io = new Set<string>();
  const main = new Set<string>();
  for (const { contexts, program } of models) {
    const add = (to: Set<string>, fn: number): void => {
      const key = program.functions[fn]?.summary.key;
      if (key !== undefined) to.add(key);
    };
    for (const visit of contexts.offMain.visits) if (!visit.switched) add(io, visit.fn);
    for (const visit of contexts.main.visits) add(main, visit.fn);
  }
  return (key) => (io.has(key) ? (main.has(key) ? 'both' : 'io') : main.has(key) ? 'main' : null);
}

function coverageOf(functions: readonly AuditFunction[]): Coverage {
  const count = (fits: (fn: AuditFunction) => boolean): number => functions.filter((fn) => fn.listed && fits(fn)).length;
  return {
    functions: count(() => true),
    classified: count((fn) => fn.class !== null),
    globalState: count((fn) => fn.class === 'globalState' && fn.hasBody),
    asserted: count((fn) => fn.class === 'globalState' && fn.hasBody && fn.assertion === 'globalState'),
    exported: count((fn) => fn.exportedFrom.length > 0),
    exportedClassified: count((fn) => fn.exportedFrom.length > 0 && fn.class !== null),
    reached: count((fn) => fn.hasBody && fn.reached !== null),
    bodies: count((fn) => fn.hasBody),
  };
}

function waiversOf(models: readonly Model[], { findings }: Report): AuditWaiver[] {
  const unused = new Set(findings.filter(({ rule }) => rule === 'unused-waiver').map(({ file, line }) => `${file}:${String(line)}`));
  const found = new Map<string, AuditWaiver>();
  for (const { program, reported } of models) {
    for (const { file, waivers } of program.files) {
      if (!reported.has(file)) continue;
      for (const { span: { line, column }, rules, all, reason, source } of waivers) {
        found.set(`${file}:${String(line)}:${String(column)}`, { file, line, rules: all ? [] : rules, reason, source, unused: unused.has(`${file}:${String(line)}`) });
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
}

/**
 * A hop tells where the call stands that leads to it. The first one tells where its function is declared, and from there each call leads to
 * the next function of that name.
 */
function hopsOf(findings: readonly Finding[], functions: readonly AuditFunction[], graph: CallGraph, places: readonly number[]): number[][] {
  const declared = new Map(functions.map(({ file, line, function: name }, index) => [`${file}:${String(line)} ${name}`, index]));
  const called = new Map<string, number>();
  for (const { from, to, file, line, column } of graph.edges) {
    const caller = places[from] ?? -1;
    const callee = places[to] ?? -1;
    const key = `${String(caller)} ${file}:${String(line)}:${String(column)} ${functions[callee]?.function ?? ''}`;
    if (!called.has(key)) called.set(key, callee);
  }
  const byName = uniqueNames(functions);
  return findings.map(({ path }) => {
    let at = -1;
    return path.map((hop, index) => {
      const found = index === 0 ? declared.get(`${hop.file}:${String(hop.line)} ${hop.function}`) : called.get(`${String(at)} ${hop.file}:${String(hop.line)}:${String(hop.column)} ${hop.function}`);
      at = found ?? byName.get(hop.function) ?? -1;
      return at;
    });
  });
}

function uniqueNames(functions: readonly AuditFunction[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  functions.forEach(({ function: name }, index) => found.set(name, found.has(name) ? -1 : index));
  return found;
}
