/**
 * A coroutine called where no coroutine runs or left to itself, and what must not run inside of one called there.
 *
 * One finding for each call. Leaves to others: which code runs inside and outside of coroutines (the searches).
 */
import type { Hop, RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule, PlainCall, ReachedCall } from '../../src/model/rule.ts';
import type { Span } from '../../src/model/summary.ts';
import { story } from '../io-calls.ts';

export const coroutineContext: AnalysisRule = {
  id: 'coroutine-context',
  level: 'error',
  title: 'A coroutine called from code that is none or with its promise dropped, or a wrapper or `@noCoroutine` function called inside a coroutine.',
  why: 'A coroutine suspends whoever runs it: outside of one there is nothing to suspend, and a wrapper inside of one waits for itself.',
  evaluate(analysis: Analysis): RawFinding[] {
    const found = new Map<string, RawFinding>();
    const add = (finding: RawFinding): void => {
      const place = placeOf(finding.file, finding.span);
      if (!found.has(place)) found.set(place, finding);
    };
    const mixed = new Set(analysis.functions.filter(({ classification }) => classification.coroutine === 'coroutineMixed').map(({ file, summary }) => `${file}:${String(summary.nameSpan.line)} ${summary.name}`));
    const isMixed = (root: Hop | undefined): boolean => root !== undefined && mixed.has(`${root.file}:${String(root.line)} ${root.function}`);
    for (const call of analysis.callsOutOfCoroutine) add(outside(call, isMixed));
    for (const call of analysis.callsInCoroutine) add(inside(call, isMixed));
    for (const call of analysis.calls) if (dropsCoroutine(call)) add(dropped(call));
    return [...found.values()];
  },
};

function outside(call: ReachedCall, isMixed: (root: Hop | undefined) => boolean): RawFinding {
  return {
    ...reached(call),
    message: `${story(call, (root) => (isMixed(root) ? 'mixed code' : 'no coroutine'))}, which is a coroutine.`,
    hint: isMixed(call.path[0])
      ? `Call ${call.target.name} under the coroutine check only, and its wrapper elsewhere.`
      : `Call the wrapper of ${call.target.name}, enter a coroutine first, or tag ${call.caller.summary.name} @coroutine if it runs in one.`,
  };
}

function inside(call: ReachedCall, isMixed: (root: Hop | undefined) => boolean): RawFinding {
  const isWrapper = call.target.classification.coroutine === 'coroutineWrapper';
  return {
    ...reached(call),
    message: `${story(call, (root) => (isMixed(root) ? 'mixed code' : 'a coroutine'))}, which ${isWrapper ? 'enters a coroutine itself' : 'must not run inside a coroutine'}.`,
    hint: isWrapper ? `Call what ${call.target.name} wraps, and await it.` : `Leave the coroutine before ${call.target.name} is called, or call what does the same inside of one.`,
  };
}

function dropped({ site, file, caller, callees }: PlainCall): RawFinding {
  const target = callees.find(isCoroutine)?.name ?? site.text;
  return {
    rule: 'coroutine-context',
    file,
    span: site.span,
    function: caller.summary.name,
    target,
    message: `${caller.summary.kind === 'module' ? 'The module' : caller.summary.name} calls the coroutine ${target} and drops its promise.`,
    hint: `Await ${target}, or return or keep its promise for somebody who does.`,
  };
}

function reached(call: ReachedCall): Omit<RawFinding, 'message' | 'hint'> {
  return { rule: 'coroutine-context', file: call.file, span: call.span, function: call.caller.summary.name, target: call.target.name, path: call.path, roots: call.roots };
}

function dropsCoroutine({ site, callees }: PlainCall): boolean {
  return site.result === 'dropped' && site.guard.length > 0 && callees.some(isCoroutine);
}

function isCoroutine(callee: PlainCall['callees'][number]): boolean {
  return callee.classification.coroutine === 'coroutine';
}

function placeOf(file: string, { line, column, endLine, endColumn }: Span): string {
  return [file, line, column, endLine, endColumn].join(':');
}
