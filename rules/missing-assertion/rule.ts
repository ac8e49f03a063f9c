/**
 * A Global State function that does not assert at run time what its tag promises.
 *
 * Leaves to others: an assertion that is there but commented out (`waived-assertion`) or misplaced (`assertion-placement`).
 */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule, FunctionNode } from '../../src/model/rule.ts';
import { ASSERTION_OF } from '../class-words.ts';
import { owesAssertion } from '../owed-assertions.ts';

export const missingAssertion: AnalysisRule = {
  id: 'missing-assertion',
  level: 'error',
  title: 'A Global State function with a body and without its assertion.',
  why: 'The analyzer does not see every call; the assertion catches at run time those that it missed.',
  evaluate(analysis: Analysis): RawFinding[] {
    return analysis.functions.filter((fn) => owesAssertion(analysis, fn, 'globalState') && !hasOne(fn)).map((fn) => ({
      rule: 'missing-assertion',
      file: fn.file,
      span: fn.summary.nameSpan,
      function: fn.summary.name,
      target: ASSERTION_OF.globalState,
      message: `${fn.summary.name} is Global State (${origin(fn)}) and does not assert that the main thread runs.`,
      hint: fn.summary.expressionBody === true
        ? `Give ${fn.summary.name} a block body that starts with ${ASSERTION_OF.globalState}();.`
        : `Start the body of ${fn.summary.name} with ${ASSERTION_OF.globalState}();.`,
    }));
  },
};

function hasOne({ summary }: FunctionNode): boolean {
  return summary.assertions.some((assertion) => assertion.kind === 'globalState')
    || summary.waivedAssertions.some((assertion) => assertion.kind === 'globalState');
}

function origin({ classification }: FunctionNode): string {
  switch (classification.why) {
    case 'declared': return 'its tag says so';
    case 'inherited': return 'what it implements or overrides says so';
    case 'module': return 'its module says so';
    case 'model': return 'the configuration says so';
    case 'inferred': return 'by what it does';
  }
}
