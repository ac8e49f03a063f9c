/** Ways through syntax trees: walks that take no stack, however deep a tree is, and the step past what is only types. */
import type ts from 'typescript';
import type { Compiler } from './compiler.ts';

/** Visits every node from `root` on in source order. Below a node for which `visit` returns false it does not go. */
export function forEachNode(compiler: Compiler, root: ts.Node, visit: (node: ts.Node) => unknown): void {
  const stack: ts.Node[] = [root];
  const push = (child: ts.Node): void => { stack.push(child); };
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (visit(node) === false) continue;
    const first = stack.length;
    compiler.forEachChild(node, push);
    for (let low = first, high = stack.length - 1; low < high; low++, high--) {
      const lower = stack[low] as ts.Node;
      stack[low] = stack[high] as ts.Node;
      stack[high] = lower;
    }
  }
}

/** The expression without parentheses, type assertions and non-null marks. */
export function skipTypes(compiler: Compiler, expression: ts.Expression): ts.Expression {
  let e = expression;
  while (compiler.isParenthesizedExpression(e) || compiler.isAsExpression(e) || compiler.isSatisfiesExpression(e) || compiler.isNonNullExpression(e) || compiler.isTypeAssertionExpression(e)) e = e.expression;
  return e;
}
