/** An assertion that contradicts the class of the function that holds it. */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule } from '../../src/model/rule.ts';
import { ASSERTION_OF, CLAIM_OF, tagOf } from '../class-words.ts';
import { contradicts, declaredClass } from '../declared-class.ts';

export const assertionMismatch: AnalysisRule = {
  id: 'assertion-mismatch',
  level: 'error',
  title: 'An assertion that contradicts the tag of its function.',
  why: 'Callers trust the tag and the program trusts the assertion; where they disagree, one of the two is wrong.',
  evaluate(analysis: Analysis): RawFinding[] {
    return analysis.functions.flatMap((fn) => {
      const tag = declaredClass(fn);
      if (tag === null) return [];
      return fn.summary.assertions.filter((assertion) => contradicts(assertion, tag)).map((assertion): RawFinding => ({
        rule: 'assertion-mismatch',
        file: fn.file,
        span: assertion.span,
        function: fn.summary.name,
        target: assertion.name,
        message: `${fn.summary.name} is ${tagOf(tag)} and asserts with ${assertion.name} ${CLAIM_OF[assertion.kind]}.`,
        hint: tag === 'globalState'
          ? `Assert ${ASSERTION_OF.globalState}(), or tag ${fn.summary.name} ${tagOf('io')} if any thread may run it.`
          : `Tag ${fn.summary.name} ${tagOf('globalState')} if it needs the main thread; otherwise remove the assertion.`,
      }));
    });
  },
};
