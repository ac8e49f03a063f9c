/**
 * Which functions are to assert their class at run time.
 *
 * In: the analysis. Out: an answer for a function and a class.
 * Leaves to others: whether the function asserts (`missing-assertion`), writing the assertion (`gsio fix`).
 */
import type { Analysis, FunctionNode } from '../src/model/rule.ts';
import type { ClassTag } from '../src/model/summary.ts';
import { declaredClass } from './declared-class.ts';

export function owesAssertion(analysis: Analysis, fn: FunctionNode, tag: ClassTag): boolean {
  const { summary } = fn;
  if (!summary.hasBody || declaredClass(fn) !== tag) return false;
  if (summary.kind === 'module' || summary.kind === 'initializer' || summary.kind === 'signature') return false;
  // An assertion or a predicate is what others call to learn where they run.
  if (summary.tags.asserts !== undefined || summary.tags.predicate !== undefined) return false;
  if (summary.tags.class === undefined && (summary.literalMember === true || isNameless(summary.name))) return false;
  return !isClosure(analysis, fn);
}

/** A function written inside another one runs where that one lets it; methods of a class written there do not. */
function isClosure(analysis: Analysis, fn: FunctionNode): boolean {
  if (fn.summary.parent === undefined || fn.summary.container !== undefined) return false;
  const parent = analysis.functionByKey(fn.summary.parent);
  return parent !== undefined && parent.summary.kind !== 'module' && parent.summary.kind !== 'initializer';
}

/** A callback written where it is passed: `callback@12`. The tag of a module is not meant for it. */
function isNameless(name: string): boolean {
  return /@\d+$/.test(name);
}
