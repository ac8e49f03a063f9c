/**
 * The source around a finding, with line numbers and a mark below it.
 *
 * In: the lines of a file, a span, whether to colour. Out: lines of text, or nothing where the span lies outside of the source.
 * Leaves to others: reading the file.
 */
import { codeFrameColumns } from '@babel/code-frame';
import type { Span } from '../model/summary.ts';
import { visible } from './visible.ts';

const LINES_AROUND = 2;
/** Longer lines are generated; what is not near the call is cut away. */
const LONGEST_LINE = 160;
/** A span over more lines than this is marked on its first line only. */
const MOST_LINES = 8;

export function codeFrame(lines: readonly string[], span: Span, colour: boolean): string | undefined {
  const line = lines[span.line - 1];
  if (line === undefined) return undefined;
  const endsLater = span.endLine > span.line && span.endLine - span.line < MOST_LINES && span.endLine <= lines.length;
  const end = endsLater ? { line: span.endLine, column: span.endColumn } : { line: span.line, column: span.endLine > span.line ? line.length + 1 : span.endColumn };

  const first = Math.max(1, span.line - LINES_AROUND);
  const window = lines.slice(first - 1, end.line + LINES_AROUND);
  const cut = window.some((text) => text.length > LONGEST_LINE) ? Math.max(0, span.column - 1 - LONGEST_LINE / 4) : 0;
  const source = window.map((text) => visible(text.slice(cut, cut + LONGEST_LINE))).join('\n');
  const location = {
    start: { line: span.line, column: span.column - cut },
    end: { line: end.line, column: Math.max(1, Math.min(end.column - cut, LONGEST_LINE + 1)) },
  };
  // The types of the library lag behind it: they lack `startLine`.
  const options = { startLine: first, linesAbove: LINES_AROUND, linesBelow: LINES_AROUND, highlightCode: false, forceColor: colour };
  return codeFrameColumns(source, location, options);
}
