/**
 * What somebody may decide about a call that I/O code reaches: to guard it, or to waive the finding.
 *
 * In: the finding. Out: suggestions; none of them keeps the meaning of the code, or nobody would have to decide.
 */
import type ts from 'typescript';
import type { Finding } from '../model/finding.ts';
import { importOf } from './imports.ts';
import type { Suggestion } from './repair.ts';
import type { Source } from './source.ts';

const CHECK = 'inMainThread';

/** `if (inMainThread()) resizeImage(disk);`, where the call is a statement of its own. */
export function guardCall(finding: Finding, source: Source): Suggestion[] {
  const { ts: compiler } = source;
  const statement = source.around(finding, (node) => compiler.isExpressionStatement(node));
  if (statement === null || !isInList(statement, source)) return [];
  const { expression } = statement;
  const call = compiler.isAwaitExpression(expression) ? expression.expression : expression;
  const isWhole = (compiler.isCallExpression(call) || compiler.isNewExpression(call)) && call.getStart() === source.startOf(finding) && call.end === source.endOf(finding);
  if (!isWhole) return [];
  const check = importOf(CHECK, statement, source);
  if (check === null) return [];
  const start = statement.getStart();
  return [{ text: 'Call it only where the main thread runs.', edits: [...check.edits, { start, end: start, text: `if (${check.name}()) ` }] }];
}

/** Elsewhere the `else` of an outer condition would become that of the inserted one. */
function isInList({ parent }: ts.Statement, { ts: compiler }: Source): boolean {
  return compiler.isBlock(parent) || compiler.isSourceFile(parent) || compiler.isModuleBlock(parent) || compiler.isCaseOrDefaultClause(parent);
}

/** A waiver above the line. It has no reason yet, so that it suppresses nothing until somebody has written one. */
export function addWaiver(finding: Finding, source: Source): Suggestion[] {
  const start = source.lineStart(source.startOf(finding));
  if (isInsideText(source, start)) return [];
  const waiver = `${source.indentation(start)}// gsio-allow ${finding.rule} -- ${source.lineBreak}`;
  return [{ text: `Waive ${finding.rule} here, with a reason to be filled in.`, edits: [{ start, end: start, text: waiver }] }];
}

/** Whether a line starts within a template, a string or the text of an element, where a comment would be none. */
function isInsideText(source: Source, index: number): boolean {
  const { ts: compiler } = source;
  const node = source.nodeAt(index);
  if (compiler.isJsxText(node) || compiler.isJsxElement(node) || compiler.isJsxFragment(node)) return true;
  return compiler.isLiteralExpression(node) || compiler.isTemplateHead(node) || compiler.isTemplateMiddleOrTemplateTail(node) ? node.getStart() < index : false;
}
