/**
 * What somebody may decide about a call that I/O code reaches: to guard it, or to waive the finding.
 *
 * In: the finding. Out: suggestions; none of them keeps the meaning of the code, or nobody would have to decide.
 */
import type { TSESTree } from '@typescript-eslint/utils';
import type { Finding } from '../../model/finding.ts';
import { importOf } from './imports.ts';
import type { Suggestion } from './repairs.ts';
import { around, indentation, lineBreak, lineStart, startOf, type Node, type Source } from './source.ts';

const CHECK = 'inMainThread';

/** `if (inMainThread()) resizeImage(disk);`, where the call is a statement of its own. */
export function guardCall(finding: Finding, source: Source): Suggestion[] {
  const statement = around(finding, source, (node): node is TSESTree.ExpressionStatement => node.type as string === 'ExpressionStatement');
  if (statement === null) return [];
  const { expression } = statement;
  const call = expression.type as string === 'AwaitExpression' ? (expression as TSESTree.AwaitExpression).argument : expression;
  const isWhole = call.range[0] === startOf(finding, source) && (call.type as string === 'CallExpression' || call.type as string === 'NewExpression')
    && call.loc.end.line === finding.endLine && call.loc.end.column === finding.endColumn - 1;
  if (!isWhole) return [];
  const check = importOf(CHECK, statement, source);
  if (check === null) return [];
  const { edit } = check;
  return [{
    text: 'Call it only where the main thread runs.',
    fix: (fixer) => [
      ...(edit === null ? [] : [fixer.insertTextBeforeRange([edit.index, edit.index], edit.text)]),
      fixer.insertTextBeforeRange([statement.range[0], statement.range[0]], `if (${check.name}()) `),
    ],
  }];
}

/** A waiver above the line. It has no reason yet, so that it suppresses nothing until somebody has written one. */
export function addWaiver(finding: Finding, source: Source): Suggestion[] {
  const start = lineStart(source, startOf(finding, source));
  if (isInsideText(source, start)) return [];
  const waiver = `${indentation(source, start)}// gsio-allow ${finding.rule} -- ${lineBreak(source)}`;
  return [{ text: `Waive ${finding.rule} here, with a reason to be filled in.`, fix: (fixer) => fixer.insertTextBeforeRange([start, start], waiver) }];
}

/** Whether a line starts within a template or the text of an element, where a comment would be none. */
function isInsideText(source: Source, index: number): boolean {
  return source.ast.tokens.some((token) => token.range[0] < index && index < token.range[1]) || isElementText(source.getNodeByRangeIndex(index));
}

function isElementText(node: Node | null): boolean {
  return node !== null && /^JSX(?:Text|Element|Fragment)$/.test(node.type);
}
