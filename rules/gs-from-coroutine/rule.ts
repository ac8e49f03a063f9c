/**
 * A call of Global State code in the body of a coroutine that is not Global State itself.
 *
 * Leaves to others: calls that I/O code reaches (`gs-from-io`, `perm-change-in-io`), and what the coroutine's helpers call.
 */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule, Callee, PlainCall } from '../../src/model/rule.ts';
import type { Span } from '../../src/model/summary.ts';

export const gsFromCoroutine: AnalysisRule = {
  id: 'gs-from-coroutine',
  level: 'warning',
  title: 'A call of Global State code from a `@coroutine` function that is not Global State itself.',
  why: 'A coroutine runs in the thread of its node, which need not be the main one; and what polls waits for the coroutine that called it.',
  evaluate(analysis: Analysis): RawFinding[] {
    const reported = new Set(analysis.ioCalls.map((call) => placeOf(call.file, call.span)));
    return analysis.calls.flatMap((call): RawFinding[] => {
      const target = globalStateCallee(analysis, call);
      if (target === null || reported.has(placeOf(call.file, call.site.span))) return [];
      const polls = analysis.polls(target);
      return [{
        rule: 'gs-from-coroutine',
        level: polls ? 'warning' : 'info',
        file: call.file,
        span: call.site.span,
        function: call.caller.summary.name,
        target: target.name,
        message: `${call.caller.summary.name} is a coroutine and calls ${target.name}, which is Global State${polls ? ' and polls' : ''}.`,
        hint: `Call ${target.name} before the coroutine starts or after it ended, have the main thread run it, or tag ${call.caller.summary.name} @globalState if it always runs there.`,
      }];
    });
  },
};

/** The Global State code a coroutine's call may run: first what polls. Null where there is none, or a check excludes it. */
function globalStateCallee(analysis: Analysis, { site, caller, callees }: PlainCall): Callee | null {
  const { coroutine, class: tag } = caller.classification;
  if (coroutine !== 'coroutine' || tag === 'globalState') return null;
  if (!site.guard.some((facts) => facts.thread !== 'main' && facts.coroutine !== 'out')) return null;
  const forbidden = callees.filter((callee) => callee.classification.class === 'globalState');
  return forbidden.find((callee) => analysis.polls(callee)) ?? forbidden[0] ?? null;
}

function placeOf(file: string, { line, column }: Span): string {
  return `${file}:${String(line)}:${String(column)}`;
}
