/**
 * A call of a permission function that I/O code can reach, above all in a function that reads the permissions, widens them,
 * does its I/O and restores them.
 *
 * Takes the place of `gs-from-io` at such a call, because it has repairs of its own.
 */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule, FunctionNode, PlainCall } from '../../src/model/rule.ts';
import { ioCallsByPlace, story } from '../io-calls.ts';

export const permChangeInIo: AnalysisRule = {
  id: 'perm-change-in-io',
  level: 'error',
  title: 'A call that reads or changes permissions and that I/O code can reach.',
  why: 'A permission change walks and rewrites the whole graph above and below a node, which only the main thread may do.',
  evaluate(analysis: Analysis): RawFinding[] {
    const restores = new Map<number, boolean>();
    const isShaped = (fn: FunctionNode): boolean => {
      const known = restores.get(fn.id) ?? widensAndRestores(analysis.callsIn(fn));
      restores.set(fn.id, known);
      return known;
    };
    return ioCallsByPlace(analysis).filter((call) => call.target.permissionApi).map((call) => {
      const shape = isShaped(call.caller) ? `; ${call.caller.summary.name} reads the permissions, widens them, does its I/O and restores them` : '';
      return {
        rule: 'perm-change-in-io',
        file: call.file,
        span: call.span,
        function: call.caller.summary.name,
        target: call.target.name,
        message: `${story(call)}, which reads or changes permissions${shape}: return an error when not in the main thread, or take the permission once in GS code.`,
        hint: 'Return an error such as EPERM where inMainThread() is false, or take the permission once in GS code, where the user of the node is created.',
        path: call.path,
        roots: call.roots,
      };
    });
  },
};

/**
 * Whether a body reads permissions, sets them, calls something else and sets them again. The read is a call of its own, or
 * the first of the two gives back what was:
 *
 *     before = getPermissions(); setPermissions(wider); await truncate(); setPermissions(before);
 */
function widensAndRestores(calls: readonly PlainCall[]): boolean {
  const permissionCalls = calls.filter(changesPermissions);
  return permissionCalls.some((widening, index) => {
    const hasRead = widening.site.result === 'used' || permissionCalls.slice(0, index).some((call) => call.site.result !== 'dropped' && !sharesCallee(call, widening));
    const restoring = hasRead ? permissionCalls.slice(index + 1).find((call) => sharesCallee(call, widening)) : undefined;
    return restoring !== undefined && calls.slice(calls.indexOf(widening) + 1, calls.indexOf(restoring)).some((call) => !changesPermissions(call));
  });
}

function changesPermissions({ callees }: PlainCall): boolean {
  return callees.some((callee) => callee.permissionApi);
}

function sharesCallee(a: PlainCall, b: PlainCall): boolean {
  return a.callees.some((callee) => callee.permissionApi && b.callees.some((other) => other.key === callee.key));
}
