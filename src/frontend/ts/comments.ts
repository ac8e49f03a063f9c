/**
 * Comments that speak to gsio: waivers, and assertions that are commented out.
 *
 * In: one parsed file. Out: its waivers with the lines they cover, and the calls of assertions that stand in comments.
 * Leaves to others: which findings a waiver suppresses (`policy`), which function a comment belongs to (`body.ts`).
 *
 * A regular expression finds candidates in the text; only then the syntax tree is asked whether a real comment starts
 * there, so that a file without such words costs one scan of its text, and strings, templates, regular expressions and
 * the text of JSX elements are never taken for comments.
 */
import type ts from 'typescript';
import type { AssertionKind, Waiver, WaivedAssertion } from '../../model/summary.ts';
import type { Compiler } from './compiler.ts';
import { spanOf } from './names.ts';

/** A commented-out assertion with its place in the text, by which the function around it is found. */
export interface WaivedAssertionComment extends WaivedAssertion {
  readonly start: number;
}

interface Comment {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly block: boolean;
}

interface Directive {
  readonly comment: Comment;
  readonly kind: 'gsio-allow' | 'eslint-disable-line' | 'eslint-disable-next-line' | 'eslint-disable' | 'eslint-enable';
  readonly names: readonly string[];
  readonly reason: string | null;
  readonly firstLine: number;
  readonly lastLine: number;
}

const WAIVER_CANDIDATE = /\/\/+[ \t]*(?:gsio-allow|eslint-(?:disable|enable))|\/\*(?!\*)[\s*]*(?:gsio-allow|eslint-(?:disable|enable))/g;
const DIRECTIVE = /^(gsio-allow|eslint-disable-next-line|eslint-disable-line|eslint-disable|eslint-enable)(?![\w-])/;
/** Where the reason starts: two hyphens or more with a blank before them. */
const REASON = /\s-{2,}(?:\s+|$)/;
const ESLINT_PREFIX = 'gsio/';

const CALL = String.raw`(?:[A-Za-z_$][\w$]*\.)*([A-Za-z_$][\w$]*)[ \t]*\([^()\r\n]*\)[ \t]*;?`;
const WAIVED_CANDIDATE = new RegExp(String.raw`\/\/+[ \t]*${CALL}[ \t]*(?=[\r\n\u2028\u2029]|$)|\/\*(?!\*)[\s*]*${CALL}\s*\*\/`, 'g');

/** Waivers of a file, in source order. */
export function readWaivers(compiler: Compiler, source: ts.SourceFile): Waiver[] {
  const directives = readDirectives(compiler, source);
  if (directives.length === 0) return [];
  const waivers: { readonly start: number; readonly waiver: Waiver }[] = [];
  const add = (directive: Directive, rules: readonly string[], all: boolean, fromLine: number, toLine: number): void => {
    const { comment, reason } = directive;
    const span = spanOf(source, comment.start, comment.end);
    waivers.push({ start: comment.start, waiver: { span, rules, all, reason, fromLine, toLine, source: directive.kind === 'gsio-allow' ? 'gsio' : 'eslint' } });
  };
  const aloneOnLines = waiverLines(source, directives);
  for (const directive of directives) {
    if (directive.kind === 'gsio-allow') {
      const line = coveredLine(source, directive, aloneOnLines);
      add(directive, directive.names, false, line, line);
    } else if (directive.kind === 'eslint-disable-line' || directive.kind === 'eslint-disable-next-line') {
      const line = directive.kind === 'eslint-disable-line' ? directive.firstLine : directive.lastLine + 1;
      const rules = ourRules(directive.names);
      if (directive.names.length === 0) add(directive, [], true, line, line);
      else if (rules.length > 0) add(directive, rules, false, line, line);
    }
  }
  for (const range of disabledRanges(source, directives)) add(range.directive, range.rules, range.all, range.fromLine, range.toLine);
  // The sort is stable: parts of one comment stay in the order of their ends.
  return waivers.sort((a, b) => a.start - b.start).map(({ waiver }) => waiver);
}

/**
 * Comments, of lines or blocks, that are the call of an assertion and nothing else: `// GLOBAL_STATE_CODE();`.
 * Prose around the call, JSDoc and comments inside comments are none.
 */
export function readWaivedAssertions(compiler: Compiler, source: ts.SourceFile, isAssertion: (name: string) => AssertionKind | null): WaivedAssertionComment[] {
  const waived: WaivedAssertionComment[] = [];
  for (const match of source.text.matchAll(WAIVED_CANDIDATE)) {
    const name = match[1] ?? match[2] ?? '';
    const kind = isAssertion(name);
    if (kind === null) continue;
    const comment = commentAt(compiler, source, match.index);
    if (comment === null) continue;
    waived.push({ kind, name, span: spanOf(source, comment.start, comment.end), start: comment.start });
  }
  return waived;
}

function readDirectives(compiler: Compiler, source: ts.SourceFile): Directive[] {
  const directives: Directive[] = [];
  for (const match of source.text.matchAll(WAIVER_CANDIDATE)) {
    const comment = commentAt(compiler, source, match.index);
    const directive = comment === null ? null : directiveOf(source, comment);
    if (directive !== null) directives.push(directive);
  }
  return directives;
}

function directiveOf(source: ts.SourceFile, comment: Comment): Directive | null {
  const content = (comment.block ? comment.text.slice(2, -2).replace(/\r?\n[ \t]*\*?[ \t]*/g, ' ') : comment.text.replace(/^\/+/, '')).trim();
  const kind = DIRECTIVE.exec(content)?.[1] as Directive['kind'] | undefined;
  if (kind === undefined) return null;
  // ESLint takes its ranges from block comments alone.
  if (!comment.block && (kind === 'eslint-disable' || kind === 'eslint-enable')) return null;
  const rest = content.slice(kind.length);
  const separator = REASON.exec(rest);
  const names = (separator === null ? rest : rest.slice(0, separator.index)).split(/[\s,]+/).filter((name) => name !== '');
  const reason = separator === null ? '' : rest.slice(separator.index + separator[0].length).trim();
  return {
    comment, kind, names, reason: reason === '' ? null : reason,
    firstLine: lineOf(source, comment.start), lastLine: lineOf(source, comment.end),
  };
}

/** A waiver beside code covers that code's line; alone on its lines it covers the next one. */
function coveredLine(source: ts.SourceFile, directive: Directive, alone: ReadonlyMap<number, number>): number {
  const { comment, firstLine, lastLine } = directive;
  if (hasCode(textBefore(source, comment.start))) return firstLine;
  if (hasCode(textAfter(source, comment.end))) return lastLine;
  // Waivers stacked above each other all cover the first line that is none of them.
  let line = lastLine + 1;
  for (let last = alone.get(line); last !== undefined; last = alone.get(line)) line = last + 1;
  return line;
}

/** First line → last line of the waivers that stand alone on their lines. */
function waiverLines(source: ts.SourceFile, directives: readonly Directive[]): Map<number, number> {
  const lines = new Map<number, number>();
  for (const { comment, kind, firstLine, lastLine } of directives) {
    if (kind !== 'gsio-allow' && kind !== 'eslint-disable-next-line') continue;
    if (!hasCode(textBefore(source, comment.start)) && !hasCode(textAfter(source, comment.end))) lines.set(firstLine, lastLine);
  }
  return lines;
}

interface DisabledRange {
  readonly directive: Directive;
  readonly rules: string[];
  readonly all: boolean;
  readonly fromLine: number;
  toLine: number;
}

/**
 * The lines between `eslint-disable` and `eslint-enable`. One comment becomes as many ranges as it has different ends.
 * Naming a rule in `eslint-enable` ends a bare `eslint-disable` for all rules of gsio: a range cannot say "all but one",
 * and a finding too many is better than one too few.
 */
function disabledRanges(source: ts.SourceFile, directives: readonly Directive[]): DisabledRange[] {
  const ended: DisabledRange[] = [];
  let open: DisabledRange[] = [];
  for (const directive of directives) {
    if (directive.kind === 'eslint-disable') {
      const rules = ourRules(directive.names);
      const all = directive.names.length === 0;
      if (all || rules.length > 0) open.push({ directive, rules, all, fromLine: directive.firstLine, toLine: -1 });
    } else if (directive.kind === 'eslint-enable') {
      const rules = ourRules(directive.names);
      if (directive.names.length > 0 && rules.length === 0) continue;
      const toLine = hasCode(textBefore(source, directive.comment.start)) ? directive.firstLine : directive.firstLine - 1;
      const still: DisabledRange[] = [];
      for (const range of open) {
        const ends = directive.names.length === 0 || range.all ? range.rules : range.rules.filter((rule) => rules.includes(rule));
        const stays = range.rules.filter((rule) => !ends.includes(rule));
        if (range.all || ends.length > 0) ended.push({ ...range, rules: ends, toLine });
        if (!range.all && stays.length > 0) still.push({ ...range, rules: stays });
      }
      open = still;
    }
  }
  return [...ended, ...open];
}

/** The names keep their prefix, by which a misspelt rule of ours differs from a rule of another plugin. */
function ourRules(names: readonly string[]): string[] {
  return names.filter((name) => name.startsWith(ESLINT_PREFIX));
}

/**
 * The comment that starts at `position`, or null where the text there is something else: part of a string, a template,
 * a regular expression, JSX text, or of another comment.
 *
 * Walks down to the innermost node around the position. What lies between its children are punctuation and trivia,
 * where slashes start comments; the same holds for the trivia in front of its first token.
 */
function commentAt(compiler: Compiler, source: ts.SourceFile, position: number): Comment | null {
  let node: ts.Node = source;
  let gap = compiler.getShebang(source.text)?.length ?? 0;
  for (;;) {
    let inner: ts.Node | undefined;
    compiler.forEachChild(node, (child) => {
      if (child.end <= position) gap = Math.max(gap, child.end);
      else if (child.pos <= position) { inner = child; return true; }
      return undefined;
    });
    if (inner === undefined) break;
    node = inner;
    gap = Math.max(gap, node.pos);
    const start = node.getStart(source);
    if (position < start) break;
    if (isTextual(compiler, node)) return null;
    gap = Math.max(gap, start);
  }
  return scanComments(source.text, gap, position);
}

function isTextual(compiler: Compiler, node: ts.Node): boolean {
  const { SyntaxKind } = compiler;
  switch (node.kind) {
    case SyntaxKind.StringLiteral: case SyntaxKind.NoSubstitutionTemplateLiteral: case SyntaxKind.RegularExpressionLiteral: case SyntaxKind.JsxText:
    case SyntaxKind.TemplateHead: case SyntaxKind.TemplateMiddle: case SyntaxKind.TemplateTail:
      return true;
    default:
      return false;
  }
}

/** Reads comments from `from` on, where only punctuation and trivia stand, until the one that starts at `position`. */
function scanComments(text: string, from: number, position: number): Comment | null {
  for (let at = from; at <= position;) {
    if (text.startsWith('//', at)) {
      const end = lineEnd(text, at);
      if (at === position) return { start: at, end, text: text.slice(at, end), block: false };
      at = end;
    } else if (text.startsWith('/*', at)) {
      const close = text.indexOf('*/', at + 2);
      const end = close < 0 ? text.length : close + 2;
      if (at === position) return { start: at, end, text: text.slice(at, end), block: true };
      at = end;
    } else {
      at++;
    }
  }
  return null;
}

function lineEnd(text: string, from: number): number {
  const rest = /[\r\n\u2028\u2029]/g;
  rest.lastIndex = from;
  return rest.exec(text)?.index ?? text.length;
}

function lineOf(source: ts.SourceFile, position: number): number {
  return source.getLineAndCharacterOfPosition(position).line + 1;
}

function textBefore(source: ts.SourceFile, position: number): string {
  return source.text.slice(source.getLineStarts()[lineOf(source, position) - 1] ?? 0, position);
}

function textAfter(source: ts.SourceFile, position: number): string {
  return source.text.slice(position, lineEnd(source.text, position));
}

function hasCode(text: string): boolean {
  return text.replace(/\/\*[^]*?\*\/|\/\/.*$/g, '').trim() !== '';
}
