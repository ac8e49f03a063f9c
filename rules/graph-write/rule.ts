/**
 * A write to the graph where nobody asserted that the graph may be written.
 *
 * In a closure the assertion of a function around it counts, if it comes before whatever there runs the closure.
 * Leaves to others: what is a write, and which ways lead to it past an assertion (the front end).
 */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule, FunctionNode, PlainCall } from '../../src/model/rule.ts';
import type { Span } from '../../src/model/summary.ts';
import { ASSERTION_OF } from '../class-words.ts';

export const graphWrite: AnalysisRule = {
  id: 'graph-write',
  level: 'error',
  title: 'A write to `@graphState` outside a function that asserted before it that the graph may be written.',
  why: 'Whoever walks the graph meanwhile, in whatever thread, sees a list that is half changed.',
  evaluate(analysis: Analysis): RawFinding[] {
    return analysis.files.flatMap((file) => file.graphWrites.flatMap((write): RawFinding[] => {
      const owner = analysis.functionByKey(write.owner);
      if (write.asserted || owner === undefined || isCovered(analysis, owner)) return [];
      return [{
        rule: 'graph-write',
        file: file.file,
        span: write.span,
        function: owner.summary.name,
        target: write.property,
        message: `${nameOf(owner)} writes ${write.property}, a part of the graph, without asserting before that the graph may be written.`,
        hint: `Call ${ASSERTION_OF.graphWritable}(), or an assertion of yours that is tagged @asserts graphWritable, before the write.`,
      }];
    }));
  },
};

function nameOf({ summary }: FunctionNode): string {
  return summary.kind === 'module' ? 'The module' : summary.name;
}

/** Whether a function around this one asserts before anything in it can run this one. */
function isCovered(analysis: Analysis, fn: FunctionNode): boolean {
  for (let inner = fn; inner.summary.parent !== undefined;) {
    const outer = analysis.functionByKey(inner.summary.parent);
    if (outer === undefined) return false;
    const assertion = outer.summary.assertions.find(({ kind, placement }) => kind === 'graphWritable' && placement !== 'conditional');
    const { key } = inner.summary;
    if (assertion !== undefined && !analysis.callsIn(outer).some((call) => isBefore(call.site.span, assertion.span) && involves(call, key))) return true;
    inner = outer;
  }
  return false;
}

function involves({ callees, handed }: PlainCall, key: string): boolean {
  return callees.some((callee) => callee.key === key) || handed.some((callee) => callee.key === key);
}

function isBefore(a: Span, b: Span): boolean {
  return a.line < b.line || (a.line === b.line && a.column < b.column);
}
