/**
 * The call graph for programs: one object, with exactly the keys that the contract with its readers names, in that order.
 *
 * In: a `CallGraph`, or a `ModuleGraph`. Out: text that ends with a newline; the same graph gives the same bytes.
 */
import type { CallGraph, ModuleGraph } from '../model/questions.ts';
import { jsonDocument } from './json-document.ts';

export function formatGraphJson(graph: CallGraph): string {
  return jsonDocument({
    functions: graph.functions.map(({ function: name, file, line, column, endLine, endColumn }, id) => ({ id, function: name, file, line, column, endLine, endColumn })),
    edges: graph.edges.map(({ from, to, file, line, column, kind }) => ({ from, to, file, line, column, kind })),
    unresolved: graph.unresolved.map(({ file, line, column, reason }) => ({ file, line, column, reason })),
  });
}

export function formatModuleGraphJson(graph: ModuleGraph): string {
  return jsonDocument({
    modules: graph.modules.map(({ file, functions }, id) => ({ id, file, functions })),
    edges: graph.edges.map(({ from, to, calls }) => ({ from, to, calls })),
  });
}
