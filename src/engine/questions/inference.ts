/**
 * What the use of functions without tags says about them.
 *
 * Class: code that reaches Global State code without a check must be Global State itself; else, code that I/O code reaches is I/O.
 * Coroutine: code that only coroutines call and that reaches a call which suspends is one, as `suggest-class` says.
 * In: models. Out: an answer for each function. Leaves to others: whether to suggest it (`rules`).
 */
import { inferredCoroutines } from '../../../rules/suggest-class/rule.ts';
import type { Inferred } from '../../model/questions.ts';
import type { FunctionNode } from '../../model/rule.ts';
import type { Model } from '../model.ts';

/** What one project does not show, another one may that refers to it. */
export function inferredIn(models: readonly Model[]): (fn: FunctionNode) => Inferred {
  const answers = models.map((model) => ({ program: model.program, inferred: inference(model) }));
  return (fn) => {
    const said = answers.flatMap(({ program, inferred }) => {
      const same = program.functions[program.functionId(fn.summary.key) ?? -1];
      return same === undefined ? [] : [inferred(same)];
    });
    const classes = said.map((answer) => answer.class);
    return {
      class: classes.includes('globalState') ? 'globalState' : classes.includes('io') ? 'io' : null,
      coroutine: said.some(({ coroutine }) => coroutine !== null) ? 'coroutine' : null,
    };
  };
}

function inference({ contexts, analysis }: Model): (fn: FunctionNode) => Inferred {
  const offMain = new Set(contexts.offMain.visits.filter((visit) => !visit.switched).map((visit) => visit.fn));
  const coroutines = inferredCoroutines(analysis);
  const classOf = (fn: FunctionNode): Inferred['class'] => {
    if (fn.classification.class !== null || !fn.summary.hasBody) return null;
    return analysis.wayToGlobalState(fn) !== null ? 'globalState' : offMain.has(fn.id) ? 'io' : null;
  };
  return (fn) => ({ class: classOf(fn), coroutine: coroutines.has(fn.id) ? 'coroutine' : null });
}
