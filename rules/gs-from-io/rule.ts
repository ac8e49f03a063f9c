/**
 * A call of Global State code that I/O code can reach.
 *
 * Leaves to others: calls of permission functions (`perm-change-in-io`).
 */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule } from '../../src/model/rule.ts';
import { ioCallsByPlace, story } from '../io-calls.ts';

export const gsFromIo: AnalysisRule = {
  id: 'gs-from-io',
  level: 'error',
  title: 'A call of Global State code that I/O code can reach.',
  why: 'Global State code runs in the main thread only; called from another thread it races with all that the main thread does.',
  evaluate(analysis: Analysis): RawFinding[] {
    return ioCallsByPlace(analysis).filter((call) => !call.target.permissionApi).map((call) => ({
      rule: 'gs-from-io',
      file: call.file,
      span: call.span,
      function: call.caller.summary.name,
      target: call.target.name,
      message: `${story(call)}, which is Global State.`,
      hint: `Call ${call.target.name} where the main thread runs (schedule it there, or check inMainThread() first), or make it I/O-safe and tag it so.`,
      path: call.path,
      roots: call.roots,
    }));
  },
};
