/** The order of what is recorded and compared: by file, by place, what contains another first; text by code unit. */
import type { SourceSpan } from '../model/trace.ts';

export function compareSpans(a: SourceSpan, b: SourceSpan): number {
  return compareText(a.file, b.file) || a.line - b.line || a.column - b.column || b.endLine - a.endLine || b.endColumn - a.endColumn;
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
