/**
 * A waiver that suppresses nothing, or does not say why it should.
 *
 * Leaves to others: which waivers were of use (`policy`). Comments of ESLint need no reason, as they need none there.
 */
import type { RawFinding } from '../../src/model/finding.ts';
import type { WaiverRule, WaiverUse } from '../../src/model/rule.ts';

export const unusedWaiver: WaiverRule = {
  id: 'unused-waiver',
  level: 'warning',
  title: 'A waiver that suppresses nothing, names no rule, or has no reason.',
  why: 'A waiver that outlives its finding hides the next one, and without a reason nobody dares to remove it.',
  evaluateWaivers(uses: readonly WaiverUse[]): RawFinding[] {
    return uses.flatMap((use) => {
      const fault = faultOf(use);
      return fault === null ? [] : [{
        rule: 'unused-waiver',
        file: use.file,
        span: use.waiver.span,
        function: use.function,
        target: use.waiver.rules.join(', '),
        message: fault.message,
        hint: fault.hint,
      }];
    });
  },
};

interface Fault {
  readonly message: string;
  readonly hint: string;
}

function faultOf({ waiver, idle, unknown }: WaiverUse): Fault | null {
  if (waiver.source === 'gsio' && waiver.rules.length === 0) {
    return { message: 'The waiver names no rule and suppresses nothing.', hint: 'Write gsio-allow RULE -- reason.' };
  }
  if (waiver.source === 'gsio' && waiver.reason === null) {
    return { message: `The waiver of ${listed(waiver.rules)} has no reason and suppresses nothing.`, hint: 'Write the reason behind the rule, after " -- ".' };
  }
  if (unknown.length > 0) {
    return { message: `The waiver names ${listed(unknown)}, which ${unknown.length === 1 ? 'is no rule' : 'are no rules'} of gsio.`, hint: 'Correct the name, or remove it.' };
  }
  if (idle.length > 0) {
    return { message: `The waiver of ${listed(idle)} suppresses nothing.`, hint: idle.length < waiver.rules.length ? `Remove ${listed(idle)} from the waiver.` : 'Remove the waiver.' };
  }
  return null;
}

/** `a`, `a and b`, `a, b and c`. */
function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}
