/**
 * What the use of functions without tags says about them.
 *
 * Class: code that reaches Global State code without a check must be Global State itself; else, code that I/O code reaches is I/O.
 * Coroutine: code that is called, only inside coroutines, and that reaches a call which suspends, is one.
 * In: models. Out: an answer for each function. Leaves to others: whether to suggest it (`rules`).
 */
import type { Inferred } from '../../model/questions.ts';
import type { FunctionNode } from '../../model/rule.ts';
import type { Model } from '../model.ts';
import { callEdges, type CallEdge } from './call-graph.ts';

const NOTHING: Inferred = { class: null, coroutine: null };

/** What one project does not show, another one may that refers to it. */
export function inferredIn(models: readonly Model[]): (fn: FunctionNode) => Inferred {
  const answers = models.map((model) => ({ model, inferred: inference(model, callEdges(model)) }));
  return (fn) => {
    const said = answers.flatMap(({ model, inferred }) => {
      const same = model.program.functions[model.program.functionId(fn.summary.key) ?? -1];
      return same === undefined ? [] : [inferred(same)];
    });
    const classes = said.map((answer) => answer.class);
    return { class: classes.includes('globalState') ? 'globalState' : classes.includes('io') ? 'io' : null, coroutine: said.some(({ coroutine }) => coroutine !== null) ? 'coroutine' : null };
  };
}

function inference(model: Model, edges: readonly CallEdge[]): (fn: FunctionNode) => Inferred {
  const { contexts, analysis } = model;
  const offMain = new Set(contexts.offMain.visits.filter((visit) => !visit.switched).map((visit) => visit.fn));
  const coroutines = inferredCoroutines(model, edges);
  return (fn) => {
    if (!fn.summary.hasBody) return NOTHING;
    const isOpen = fn.classification.class === null;
    return {
      class: !isOpen ? null : analysis.wayToGlobalState(fn) !== null ? 'globalState' : offMain.has(fn.id) ? 'io' : null,
      coroutine: coroutines.has(fn.id) ? 'coroutine' : null,
    };
  };
}

function inferredCoroutines({ program, analysis, contexts }: Model, edges: readonly CallEdge[]): ReadonlySet<number> {
  const isPlain = (fn: FunctionNode | undefined): boolean => fn !== undefined && fn.classification.class === null && fn.classification.coroutine === null;
  const callers = new Map<number, Set<number>>();
  for (const { from, to } of edges) callers.set(to, (callers.get(to) ?? new Set()).add(from));

  // Only coroutines call it: what a search from coroutines meets, less what anybody else calls, until nothing more falls out.
  const outside = new Set(contexts.outOfCoroutine.visits.map((visit) => visit.fn));
  const only = new Set(contexts.inCoroutine.visits.map((visit) => visit.fn).filter((fn) => isPlain(program.functions[fn]) && !outside.has(fn)));
  const isInside = (fn: number): boolean => only.has(fn) || program.functions[fn]?.classification.coroutine === 'coroutine';
  for (let changed = true; changed;) {
    changed = false;
    for (const fn of only) {
      if ([...(callers.get(fn) ?? [])].every(isInside)) continue;
      only.delete(fn);
      changed = true;
    }
  }

  const suspending = new Set<number>();
  const pending = analysis.calls.filter(({ callees }) => callees.some(({ classification }) => classification.coroutine === 'coroutine')).map(({ caller }) => caller.id);
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (suspending.has(at) || !isPlain(program.functions[at])) continue;
    suspending.add(at);
    pending.push(...(callers.get(at) ?? []));
  }
  return new Set([...only].filter((fn) => suspending.has(fn)));
}
