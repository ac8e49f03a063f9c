/**
 * Assertions that are missing or stand in the wrong place.
 *
 * In: a function, or an assertion. Out: edits; null where the code has a form that is not changed without somebody who decides.
 * Leaves to others: which assertion it is, and its import (`imports.ts`).
 */
import { Node, type Block, type CallExpression } from 'ts-morph';
import type { Edit, FunctionWithBody, Source } from './source.ts';

/** `call`: the assertion as it is written here, with its parentheses. */
export function insertAssertion(fn: FunctionWithBody, call: string, source: Source): Edit | null {
  const body = fn.getBody();
  if (body === undefined) return null;
  if (!Node.isBlock(body)) return blockInstead(fn, body, call, source);
  // Whatever that call is, it was no assertion for gsio; a second one would be none, too.
  return body.getText().includes(call) ? null : atStart(body, call, source);
}

/** To the start of the body; `null` under a condition, where it may be meant. A repetition goes. */
export function placeAssertion(assertion: CallExpression, isRepetition: boolean, source: Source): Edit[] | null {
  const statement = assertion.getParent();
  const block = statement?.getParent();
  if (statement === undefined || !Node.isExpressionStatement(statement) || block === undefined || !Node.isBlock(block)) return null;
  const removal = { ...wholeLine(statement, source), text: '' };
  if (isRepetition) return [removal];
  if (!isBody(block) || assertion.getArguments().length > 0) return null;
  return [atStart(block, assertion.getText(), source), removal];
}

function isBody(block: Block): boolean {
  const parent = block.getParent();
  return Node.isBodied(parent) || Node.isBodyable(parent);
}

/** Behind the directives and the call of the base's constructor; what follows in one line stays there. */
function atStart(body: Block, call: string, source: Source): Edit {
  const statement = `${call}${semicolonFor(body, source)}`;
  const start = body.getStart() + 1;
  if (!body.getText().includes('\n')) {
    const leading = leadingEnd(body);
    const rest = source.text.slice(leading, body.getEnd() - 1);
    return rest.trim() === '' ? { start: leading, end: body.getEnd() - 1, text: ` ${statement} ` } : { start: leading, end: leading, text: ` ${statement}` };
  }
  const leading = leadingEnd(body);
  const comment = /^[ \t]*(?:\/\/[^\r\n]*|\/\*(?:(?!\*\/|\n).)*\*\/[ \t]*(?=\r?\n))/.exec(source.text.slice(leading))?.[0].trimEnd() ?? '';
  const at = leading + comment.length;
  const follows = /^[ \t]*\r?\n/.test(source.text.slice(at)) ? '' : `${source.lineBreak}${indentOf(body, source)}`;
  const blanks = follows === '' ? 0 : /^[ \t]*/.exec(source.text.slice(at))?.[0].length ?? 0;
  const isLast = start === leading && source.text.slice(at, body.getEnd() - 1).trim() === '';
  return { start: at, end: at + blanks, text: `${source.lineBreak}${indentOf(body, source)}${statement}${isLast ? '' : follows}` };
}

/** The end of the brace, of the last directive, or of `super();` where the body starts with it. */
function leadingEnd(body: Block): number {
  let end = body.getStart() + 1;
  for (const statement of body.getStatements()) {
    if (!Node.isExpressionStatement(statement)) break;
    const expression = statement.getExpression();
    const isSuper = Node.isCallExpression(expression) && Node.isSuperExpression(expression.getExpression());
    if (!isSuper && !Node.isStringLiteral(expression)) break;
    end = statement.getEnd();
  }
  return end;
}

/** As the first statement, or one level deeper than the line of the brace. */
function indentOf(body: Block, source: Source): string {
  const first = body.getStatements().find((statement) => source.startsLine(statement.getStart()));
  return first === undefined ? `${source.indentation(body.getStart())}${source.unit}` : source.indentation(first.getStart());
}

/** In code without semicolons, the next line could still go on with the call. */
function semicolonFor(body: Block, source: Source): string {
  const next = body.getStatements().find((statement) => statement.getStart() >= leadingEnd(body));
  return source.semicolon === '' && next !== undefined && /^[([`+\-/*,.<]/.test(next.getText()) ? ';' : source.semicolon;
}

/** `() => resize(disk)` as a body with the assertion in front. Comments before the value stay before it. */
function blockInstead(fn: FunctionWithBody, body: Node, call: string, source: Source): Edit | null {
  if (!Node.isArrowFunction(fn)) return null;
  const arrow = fn.getEqualsGreaterThan().getEnd();
  const indent = source.indentation(fn.getStart());
  const inner = `${source.lineBreak}${indent}${source.unit}`;
  const comments = source.text.slice(arrow, body.getStart()).trim();
  const value = source.text.slice(body.getStart(), fn.getEnd());
  const lines = [`${call}${source.semicolon}`, ...(comments === '' ? [] : [comments]), `return ${value}${source.semicolon}`];
  return { start: arrow, end: fn.getEnd(), text: ` {${lines.map((line) => `${inner}${line}`).join('')}${source.lineBreak}${indent}}` };
}

/** The statement with its line, where nothing else stands on it. */
function wholeLine(statement: Node, source: Source): { readonly start: number; readonly end: number } {
  const rest = /^[ \t]*\r?\n/.exec(source.text.slice(statement.getEnd()));
  if (source.startsLine(statement.getStart()) && rest !== null) return { start: source.lineStart(statement.getStart()), end: statement.getEnd() + rest[0].length };
  return { start: statement.getStart(), end: statement.getEnd() };
}
