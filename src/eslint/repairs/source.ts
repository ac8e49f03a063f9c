/** The source as the repairs look at it: nodes at places, indentation, lines. */
import type { TSESLint, TSESTree } from '@typescript-eslint/utils';
import type { Finding } from '../../model/finding.ts';

export type Source = TSESLint.SourceCode;
export type Node = TSESTree.Node;
export type FunctionNode = TSESTree.FunctionDeclaration | TSESTree.FunctionExpression | TSESTree.ArrowFunctionExpression;

export function startOf(finding: Finding, source: Source): number {
  return source.getIndexFromLoc({ line: finding.line, column: finding.column - 1 });
}

export function isFunction(node: Node): node is FunctionNode {
  // The types of nodes are an enumeration of strings; comparing the strings needs no import of it.
  const type: string = node.type;
  return type === 'FunctionDeclaration' || type === 'FunctionExpression' || type === 'ArrowFunctionExpression';
}

/** The innermost node at the finding that `accepts`, looking outwards. */
export function around<Found extends Node>(finding: Finding, source: Source, accepts: (node: Node) => node is Found): Found | null {
  for (let at: Node | null | undefined = source.getNodeByRangeIndex(startOf(finding, source)); at !== null && at !== undefined; at = at.parent) {
    if (accepts(at)) return at;
  }
  return null;
}

export function lineStart(source: Source, index: number): number {
  return source.getIndexFromLoc({ line: source.getLocFromIndex(index).line, column: 0 });
}

/** The blanks at the start of the line. */
export function indentation(source: Source, index: number): string {
  return /^[ \t]*/.exec(source.text.slice(lineStart(source, index)))?.[0] ?? '';
}

/** The line break of the file. */
export function lineBreak(source: Source): string {
  return source.text.includes('\r\n') ? '\r\n' : '\n';
}
