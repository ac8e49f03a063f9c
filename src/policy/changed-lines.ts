/**
 * Whether a finding has to do with a change.
 *
 * In: a finding, the changed lines, the source. Out: whether the call or a hop of its path is on one of those lines, or directly below
 * comments that are: a tag stands there.
 * Leaves to others: asking git (`cli`).
 */
import type { Finding } from '../model/finding.ts';

/** Both ends are included. */
export interface LineRange {
  readonly first: number;
  readonly last: number;
}

/** By file as reports name it; `all` for a file that is new as a whole. */
export type ChangedLines = ReadonlyMap<string, 'all' | readonly LineRange[]>;

/** `linesOf`: the lines of a file; none where it cannot be read. */
export function touchesChange(finding: Finding, changes: ChangedLines, linesOf: (file: string) => readonly string[]): boolean {
  const isChanged = (file: string, first: number, last: number): boolean => {
    const ranges = changes.get(file);
    if (ranges === undefined || ranges === 'all') return ranges === 'all';
    const start = withCommentsAbove(linesOf(file), first);
    return ranges.some((range) => range.first <= last && range.last >= start);
  };
  return isChanged(finding.file, finding.line, finding.endLine) || finding.path.some(({ file, line }) => isChanged(file, line, line));
}

function withCommentsAbove(lines: readonly string[], line: number): number {
  let first = line;
  while (first > 1 && /^\s*(?:\/\/|\/\*|\*|@)|\*\/\s*$/.test(lines[first - 2] ?? '')) first -= 1;
  return first;
}
