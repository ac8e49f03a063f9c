/**
 * An assertion that comes too late, does not hold on every way, or says again what was said.
 *
 * Leaves to others: assertions that contradict the tag (`assertion-mismatch`); where those stand does not matter.
 * `graphWritable` belongs before the write, not at the start of the body, and is not asked.
 */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule } from '../../src/model/rule.ts';
import type { AssertionSite } from '../../src/model/summary.ts';
import { contradicts, declaredClass } from '../declared-class.ts';

type Misplacement = Exclude<AssertionSite['placement'], 'ok'>;

const FAULT: Readonly<Record<Misplacement, string>> = {
  late: 'only after a statement that already has an effect',
  conditional: 'only under a condition',
  repeated: 'a second time',
};

const REPAIR: Readonly<Record<Misplacement, string>> = {
  late: 'Move the assertion to the start of the body.',
  conditional: 'Move the assertion out of the condition, to the start of the body.',
  repeated: 'Remove the repetition.',
};

export const assertionPlacement: AnalysisRule = {
  id: 'assertion-placement',
  level: 'warning',
  title: 'An assertion after a statement with an effect, under a condition, or repeated.',
  why: 'What runs before the assertion runs in the wrong thread before anybody notices.',
  evaluate(analysis: Analysis): RawFinding[] {
    return analysis.functions.flatMap((fn) => fn.summary.assertions.flatMap((assertion): RawFinding[] => {
      if (assertion.placement === 'ok' || assertion.kind === 'graphWritable' || contradicts(assertion, declaredClass(fn))) return [];
      return [{
        rule: 'assertion-placement',
        file: fn.file,
        span: assertion.span,
        function: fn.summary.name,
        target: assertion.name,
        message: `${fn.summary.name} asserts ${assertion.name} ${FAULT[assertion.placement]}.`,
        hint: REPAIR[assertion.placement],
        ...(assertion.placement === 'repeated' ? { replacement: '' } : {}),
      }];
    }));
  },
};
