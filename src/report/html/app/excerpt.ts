/** A few lines of source, with a mark at one place in them. */
import { data } from './data.ts';
import { h } from './dom.ts';

export interface Mark {
  readonly file: number;
  readonly line: number;
  readonly column: number;
  /** Where the mark ends, if on the same line. */
  readonly endColumn: number | null;
}

const AROUND = 2;

export function excerpt(mark: Mark): HTMLElement {
  const lines = linesOf(mark.file, mark.line - AROUND, mark.line + AROUND);
  if (lines.length === 0) return h('p', { class: 'muted' }, 'The source was not there when the report was made.');
  return h('pre', { class: 'excerpt', tabindex: 0, role: 'region', 'aria-label': `Source, line ${String(mark.line)}` },
    lines.map(([line, text]) => h('span', { class: line === mark.line ? 'line here' : 'line' },
      h('span', { class: 'number', 'aria-hidden': 'true' }, String(line)),
      line === mark.line ? h('code', {}, ...marked(text, mark)) : h('code', {}, text), '\n')));
}

function marked(text: string, { column, endColumn }: Mark): (string | HTMLElement)[] {
  const start = Math.max(0, Math.min(column - 1, text.length));
  const end = endColumn !== null && endColumn - 1 > start ? endColumn - 1 : start + Math.max(1, /^[^\s(;,]*/.exec(text.slice(start))?.[0].length ?? 1);
  return [text.slice(0, start), h('mark', {}, text.slice(start, end)), text.slice(end)];
}

function linesOf(file: number, first: number, last: number): (readonly [number, string])[] {
  return (data.lines[file] ?? []).flatMap(([start, texts]) => texts.map((text, at) => [start + at, text] as const)).filter(([line]) => line >= first && line <= last);
}
