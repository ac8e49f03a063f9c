/**
 * Assertions that are missing or stand in the wrong place.
 *
 * In: a finding of `missing-assertion` or `assertion-placement`. Out: the edits, or nothing where the code has a form that
 * cannot be changed without being asked.
 */
import type ts from 'typescript';
import type { Config } from '../model/config.ts';
import type { Finding } from '../model/finding.ts';
import { importOf, isVisible, type Imported } from './imports.ts';
import type { Repair } from './repair.ts';
import type { Edit, FunctionNode, Source } from './source.ts';

/** Puts the assertion at the start of the body, and imports it. */
export function insertAssertion(finding: Finding, source: Source, config: Config): Edit[] | undefined {
  const holder = source.around(finding, (node): node is ts.Node => heldFunction(node, source) !== null);
  const fn = holder === null ? null : heldFunction(holder, source);
  if (fn?.body === undefined) return undefined;
  const { body } = fn;
  const assertion = assertionFor(finding.target, body, source, config);
  if (assertion === null) return undefined;
  const call = `${assertion.name}();`;
  if (!source.ts.isBlock(body)) return [...assertion.edits, blockInstead(call, fn as ts.ArrowFunction, source)];
  // Whatever that call is, it was no assertion for gsio; a second one would be none, too.
  return body.getText(source.file).includes(call) ? undefined : [...assertion.edits, atStart(call, body, source)];
}

/** Projects with assertions of their own name them in the configuration; one that the file knows is taken. */
function assertionFor(name: string, body: ts.Node, source: Source, config: Config): Imported | null {
  const own = Object.entries(config.assertions).filter(([, kind]) => kind === 'globalState').map(([function_]) => function_);
  const known = own.find((function_) => isVisible(function_, body, source, 'module'));
  if (known !== undefined) return { name: known, edits: [] };
  return own.length > 0 && !source.text.includes('gsio/runtime') ? null : importOf(name, body, source);
}

/** Moves the assertion to the start of the body, or removes the one too many. Out of a condition it is a suggestion. */
export function placeAssertion(finding: Finding, source: Source): Repair {
  const { ts: compiler } = source;
  const call = source.around(finding, (node) => compiler.isCallExpression(node));
  const fn = source.around(finding, (node) => source.isFunction(node));
  const statement = call?.parent;
  if (call === null || statement === undefined || !compiler.isExpressionStatement(statement) || !compiler.isBlock(statement.parent) || fn?.body === undefined || !compiler.isBlock(fn.body)) return { suggestions: [] };
  const removal = { ...wholeLine(statement, source), text: '' };
  if (finding.replacement === '') return { fix: [removal], suggestions: [] };
  if (call.arguments.length > 0) return { suggestions: [] };
  const edits = [atStart(`${call.getText(source.file)};`, fn.body, source), removal];
  return statement.parent === fn.body ? { fix: edits, suggestions: [] } : { suggestions: [{ text: 'Move the assertion to the start of the body.', edits }] };
}

/** What a declaration, member or assignment names, through parentheses and type assertions. */
function heldFunction(node: ts.Node, source: Source): FunctionNode | null {
  const { ts: compiler } = source;
  if (source.isFunction(node)) return node;
  let at = compiler.isVariableDeclaration(node) || compiler.isPropertyAssignment(node) || compiler.isPropertyDeclaration(node) ? node.initializer
    : compiler.isBinaryExpression(node) && node.operatorToken.kind === compiler.SyntaxKind.EqualsToken ? node.right : undefined;
  while (at !== undefined) {
    if (source.isFunction(at)) return at;
    if (!compiler.isParenthesizedExpression(at) && !compiler.isAsExpression(at) && !compiler.isSatisfiesExpression(at) && !compiler.isNonNullExpression(at) && !compiler.isTypeAssertionExpression(at)) return null;
    at = at.expression;
  }
  return null;
}

/** Behind the opening brace and the directives. */
function atStart(statement: string, body: ts.Block, source: Source): Edit {
  const start = source.endOfDirectives(body.statements) ?? body.getStart() + 1;
  return { start, end: start, text: lineFor(statement, body, source) };
}

/** The statement on a line of its own, indented as its neighbours; in a body of one line, between blanks. */
function lineFor(statement: string, body: ts.Block, source: Source): string {
  const [first] = body.statements;
  const brace = source.lineOf(body.getStart());
  if (brace === source.lineOf(body.end)) return first === undefined ? ` ${statement} ` : ` ${statement}`;
  const isBelow = first !== undefined && source.lineOf(first.getStart()) > brace;
  return `${source.lineBreak}${isBelow ? source.indentation(first.getStart()) : `${source.indentation(body.getStart())}  `}${statement}`;
}

/** `() => resize(disk)` as a body with the assertion in front. */
function blockInstead(call: string, fn: ts.ArrowFunction, source: Source): Edit {
  const start = fn.equalsGreaterThanToken.end;
  const indent = source.indentation(fn.getStart());
  const line = source.lineBreak;
  return { start, end: fn.end, text: ` {${line}${indent}  ${call}${line}${indent}  return ${source.text.slice(start, fn.end).trim()};${line}${indent}}` };
}

/** The statement with its line, where nothing else stands on it. */
function wholeLine(statement: ts.Node, source: Source): { readonly start: number; readonly end: number } {
  const start = source.lineStart(statement.getStart());
  const rest = /^[ \t]*(?:\r\n|[\r\n])/.exec(source.text.slice(statement.end));
  const isAlone = source.text.slice(start, statement.getStart()).trim() === '';
  return isAlone && rest !== null ? { start, end: statement.end + rest[0].length } : { start: statement.getStart(), end: statement.end };
}
