/**
 * A call of a permission function that I/O code can reach: read, widen, do I/O, restore, all off the main thread.
 *
 * Takes the place of `gs-from-io` at such a call, because it has repairs of its own.
 */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule } from '../../src/model/rule.ts';
import { ioCallsByPlace, story } from '../io-calls.ts';

export const permChangeInIo: AnalysisRule = {
  id: 'perm-change-in-io',
  level: 'error',
  title: 'A call that reads or changes permissions and that I/O code can reach.',
  why: 'A permission change walks and rewrites the whole graph above and below a node, which only the main thread may do.',
  evaluate(analysis: Analysis): RawFinding[] {
    return ioCallsByPlace(analysis).filter((call) => call.target.permissionApi).map((call) => ({
      rule: 'perm-change-in-io',
      file: call.file,
      span: call.span,
      function: call.caller.summary.name,
      target: call.target.name,
      message: `${story(call)}, which reads or changes permissions: return an error when not in the main thread, or take the permission once in GS code.`,
      hint: 'Return an error such as EPERM where inMainThread() is false, or take the permission once in GS code, where the user of the node is created.',
      path: call.path,
      roots: call.roots,
    }));
  },
};
