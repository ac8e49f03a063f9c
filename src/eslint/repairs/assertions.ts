/**
 * Assertions that are missing or stand in the wrong place.
 *
 * In: a finding of `missing-assertion` or `assertion-placement`. Out: the fix, or nothing where the code has a form that
 * cannot be changed without being asked.
 */
import type { Rule as Eslint } from 'eslint';
import type { TSESTree } from '@typescript-eslint/utils';
import type { Config } from '../../model/config.ts';
import type { Finding } from '../../model/finding.ts';
import { importOf, isVisible, type Imported } from './imports.ts';
import type { Fix, Repair } from './repairs.ts';
import { around, indentation, isFunction, lineBreak, lineStart, type FunctionNode, type Node, type Source } from './source.ts';

interface Edit {
  readonly range: readonly [number, number];
  readonly text: string;
}

/** Puts the assertion at the start of the body, and imports it. */
export function insertAssertion(finding: Finding, source: Source, config: Config): Fix | undefined {
  const fn = namedFunction(finding, source);
  const body = fn?.body as Node | null | undefined;
  if (fn === null || body === null || body === undefined) return undefined;
  const assertion = assertionFor(finding.target, body, source, config);
  if (assertion === null) return undefined;
  const call = `${assertion.name}();`;
  // Whatever that call is, it was no assertion for gsio; a second one would be none, too.
  if (isBlock(body) && source.getText(body).includes(call)) return undefined;
  const inserted = isBlock(body) ? { range: [startOfBody(body), startOfBody(body)] as const, text: lineFor(call, body, source) } : blockInstead(call, fn, source);
  if (inserted === null) return undefined;
  const { edit } = assertion;
  return apply(edit === null ? [inserted] : [{ range: [edit.index, edit.index], text: edit.text }, inserted]);
}

/** Projects with assertions of their own name them in the configuration; one that the file knows is taken. */
function assertionFor(name: string, body: Node, source: Source, config: Config): Imported | null {
  const own = Object.entries(config.assertions).filter(([, kind]) => kind === 'globalState').map(([function_]) => function_);
  const known = own.find((function_) => isVisible(function_, body, source, 'module'));
  if (known !== undefined) return { name: known, edit: null };
  return own.length > 0 && !source.text.includes('gsio/runtime') ? null : importOf(name, body, source);
}

/** Moves the assertion to the start of the body, or removes the one too many. Out of a condition it is a suggestion. */
export function placeAssertion(finding: Finding, source: Source): Repair {
  const call = around(finding, source, (node): node is TSESTree.CallExpression => node.type as string === 'CallExpression');
  const statement = call?.parent;
  const fn = statement === undefined ? null : around(finding, source, isFunction);
  if (call === null || statement === undefined || fn === null || statement.type as string !== 'ExpressionStatement' || !isBlock(fn.body) || !isBlock(statement.parent as Node)) return { suggestions: [] };
  const removal = { range: wholeLine(statement, source), text: '' };
  if (finding.replacement === '') return { fix: apply([removal]), suggestions: [] };
  if (call.arguments.length > 0) return { suggestions: [] };
  const body = fn.body;
  const start = startOfBody(body);
  const fix = apply([{ range: [start, start], text: lineFor(`${source.getText(call)};`, body, source) }, removal]);
  return statement.parent === body ? { fix, suggestions: [] } : { suggestions: [{ text: 'Move the assertion to the start of the body.', fix }] };
}

/** The function whose name the finding stands at. */
function namedFunction(finding: Finding, source: Source): FunctionNode | null {
  const holder = around(finding, source, (node): node is Node => heldFunction(node) !== null);
  return holder === null ? null : heldFunction(holder);
}

/** What a declaration, member or assignment names, through parentheses and type assertions. */
function heldFunction(node: Node): FunctionNode | null {
  if (isFunction(node)) return node;
  const held = 'init' in node ? node.init : 'value' in node ? node.value : node.type as string === 'AssignmentExpression' ? (node as TSESTree.AssignmentExpression).right : null;
  let at = held as Node | null | undefined;
  while (at !== null && at !== undefined && typeof at === 'object' && 'type' in at) {
    if (isFunction(at)) return at;
    if (!/^TS(?:As|Satisfies|NonNull)Expression$|^TSTypeAssertion$/.test(at.type)) return null;
    at = (at as TSESTree.TSAsExpression).expression;
  }
  return null;
}

function isBlock(node: Node): node is TSESTree.BlockStatement {
  return node.type as string === 'BlockStatement';
}

/** Behind the opening brace and the directives. */
function startOfBody({ body, range }: TSESTree.BlockStatement): number {
  const directives = body.filter((statement) => 'directive' in statement && statement.directive !== undefined);
  return directives.at(-1)?.range[1] ?? range[0] + 1;
}

/** The statement on a line of its own, indented as its neighbours; in a body of one line, between blanks. */
function lineFor(statement: string, body: TSESTree.BlockStatement, source: Source): string {
  const [first] = body.body;
  if (body.loc.start.line === body.loc.end.line) return first === undefined ? ` ${statement} ` : ` ${statement}`;
  const indent = first !== undefined && first.loc.start.line > body.loc.start.line ? indentation(source, first.range[0]) : `${indentation(source, body.range[0])}  `;
  return `${lineBreak(source)}${indent}${statement}`;
}

/** `() => resize(disk)` as a body with the assertion in front. */
function blockInstead(call: string, fn: FunctionNode, source: Source): Edit | null {
  const arrow = source.getTokenBefore(fn.body, (token) => token.value === '=>');
  if (arrow === null) return null;
  const value = source.text.slice(arrow.range[1], fn.range[1]).trim();
  const indent = indentation(source, fn.range[0]);
  const line = lineBreak(source);
  return { range: [arrow.range[1], fn.range[1]], text: ` {${line}${indent}  ${call}${line}${indent}  return ${value};${line}${indent}}` };
}

/** The statement with its line, where nothing else stands on it. */
function wholeLine(statement: Node, source: Source): readonly [number, number] {
  const start = lineStart(source, statement.range[0]);
  const rest = /^[ \t]*(?:\r\n|[\r\n])/.exec(source.text.slice(statement.range[1]));
  const isAlone = source.text.slice(start, statement.range[0]).trim() === '';
  return isAlone && rest !== null ? [start, statement.range[1] + rest[0].length] : [statement.range[0], statement.range[1]];
}

function apply(edits: readonly Edit[]): Fix {
  return (fixer: Eslint.RuleFixer) => edits.map(({ range, text }) => fixer.replaceTextRange([range[0], range[1]], text));
}
