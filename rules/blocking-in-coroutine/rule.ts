/**
 * A call that blocks its thread, where a coroutine or I/O code can reach it.
 *
 * Leaves to others: which functions block (models, of the platform and of the configuration).
 */
import type { Hop, RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule } from '../../src/model/rule.ts';
import { CODE_OF } from '../class-words.ts';
import { story } from '../io-calls.ts';

export const blockingInCoroutine: AnalysisRule = {
  id: 'blocking-in-coroutine',
  level: 'warning',
  title: 'A blocking call in code that a coroutine or I/O code can reach.',
  why: 'While the call blocks, its thread serves no other request, and nothing that could end the wait.',
  evaluate(analysis: Analysis): RawFinding[] {
    return analysis.blockingCalls.map((call) => ({
      rule: 'blocking-in-coroutine',
      file: call.file,
      span: call.span,
      function: call.caller.summary.name,
      target: call.target.name,
      message: `${story(call, rootKind)}, which blocks the thread.`,
      hint: `Await the asynchronous form of ${call.target.name}, or do it before the request in the main thread.`,
      path: call.path,
      roots: call.roots,
    }));
  },
};

/** A root that is no I/O code is one because it is a coroutine. */
function rootKind({ class: tag }: Hop): string {
  return tag === null || tag === 'globalState' ? 'a coroutine' : CODE_OF[tag];
}
