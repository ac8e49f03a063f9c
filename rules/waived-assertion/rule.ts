/** An assertion that stands in a comment, where it asserts nothing. */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule } from '../../src/model/rule.ts';
import { declaredClass } from '../declared-class.ts';

export const waivedAssertion: AnalysisRule = {
  id: 'waived-assertion',
  level: 'error',
  title: 'An assertion that is commented out, in a Global State function or in one that calls Global State code.',
  why: 'An assertion is commented out where it failed: some caller is off the main thread, and nobody is told any more.',
  evaluate(analysis: Analysis): RawFinding[] {
    return analysis.functions.flatMap((fn) => {
      if (fn.summary.waivedAssertions.length === 0) return [];
      const isGlobalState = declaredClass(fn) === 'globalState';
      if (!isGlobalState && !analysis.callsGlobalState(fn)) return [];
      const reason = isGlobalState ? 'is Global State' : 'calls Global State code';
      return fn.summary.waivedAssertions.map((assertion): RawFinding => ({
        rule: 'waived-assertion',
        file: fn.file,
        span: assertion.span,
        function: fn.summary.name,
        target: assertion.name,
        message: `${fn.summary.name} ${reason}, and its assertion ${assertion.name} is commented out.`,
        hint: 'Put the assertion back and repair the caller that makes it fail; if no caller needs the main thread, change the tag and delete the comment.',
      }));
    });
  },
};
