/**
 * The class that somebody wrote down for a function, and the assertions that go with it.
 *
 * In: functions of the analysis. Out: their declared class, and whether an assertion contradicts it.
 * Leaves to others: where a class comes from (`classify`).
 */
import type { FunctionNode } from '../src/model/rule.ts';
import type { AssertionSite, ClassTag } from '../src/model/summary.ts';

/** The function's class; null where it has none, or where it is only a guess from what the function does. */
export function declaredClass(fn: FunctionNode): ClassTag | null {
  return fn.classification.why === 'inferred' ? null : fn.classification.class;
}

/**
 * Whether an assertion says the opposite of the class: I/O in Global State code, Global State in code of any other
 * class. An assertion that merely says less (I/O-or-GS anywhere, I/O in I/O-or-GS or common code) is none.
 */
export function contradicts(assertion: AssertionSite, tag: ClassTag | null): boolean {
  if (tag === null) return false;
  return tag === 'globalState' ? assertion.kind === 'io' : assertion.kind === 'globalState';
}
