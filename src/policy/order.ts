/**
 * The order of findings, and which of them are the same.
 *
 * Strings are compared by code unit: a locale would make the order depend on the machine.
 */
import type { RawFinding } from '../model/finding.ts';

/** By file, line, column and rule; the rest only settles ties. */
export function compareFindings(a: RawFinding, b: RawFinding): number {
  return compareText(a.file, b.file)
    || a.span.line - b.span.line
    || a.span.column - b.span.column
    || compareText(a.rule, b.rule)
    || a.span.endLine - b.span.endLine
    || a.span.endColumn - b.span.endColumn
    || compareText(a.target, b.target)
    || compareText(a.message, b.message)
    || (a.path?.length ?? 0) - (b.path?.length ?? 0);
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Drops repetitions from a sorted list; of two that say the same, the one with the shorter path stays. */
export function withoutRepetitions(sorted: readonly RawFinding[]): RawFinding[] {
  const kept: RawFinding[] = [];
  for (const finding of sorted) {
    const last = kept.at(-1);
    if (last === undefined || !saysTheSame(last, finding)) kept.push(finding);
  }
  return kept;
}

function saysTheSame(a: RawFinding, b: RawFinding): boolean {
  return a.rule === b.rule && a.file === b.file && a.target === b.target && a.message === b.message
    && a.span.line === b.span.line && a.span.column === b.span.column
    && a.span.endLine === b.span.endLine && a.span.endColumn === b.span.endColumn;
}
