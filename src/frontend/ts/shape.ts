/**
 * What other files can see of a file: the file without the bodies that nobody looks into.
 *
 * In: a source file. Out: a digest; as long as it stays the same, the file looks the same to all others.
 * A body is closed when the type of what it returns is written down, so that the compiler infers nothing from it, and when
 * it cannot be a predicate (`symbols.ts` looks into those). Names made of positions are part of what others see: an edit
 * in a closed body changes them behind it. JavaScript, where assignments in bodies declare properties, is open as a whole.
 * Leaves to others: what the file imports (`sight.ts`).
 */
import type ts from 'typescript';
import { createHash } from 'node:crypto';
import type { Compiler } from './compiler.ts';
import { skipTypes } from './traverse.ts';

export function shapeOf(compiler: Compiler, source: ts.SourceFile): string {
  const hash = createHash('sha1');
  if (!/\.[cm]?tsx?$/.test(source.fileName)) return hash.update(source.text).digest('base64');
  const closed: ts.Node[] = [];
  const positions: number[] = [];
  const visit = (node: ts.Node): void => {
    if (isNamedByPosition(compiler, node)) positions.push(node.pos, source.getLineAndCharacterOfPosition(node.getStart(source)).line);
    const body = closedBody(compiler, node);
    if (body !== null) closed.push(body);
    compiler.forEachChild(node, (child) => { if (child !== body) pending.push(child); });
  };
  const pending: ts.Node[] = [source];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) visit(node);
  closed.sort((a, b) => a.pos - b.pos);
  let from = 0;
  for (const body of closed) {
    hash.update(source.text.slice(from, body.pos)).update('\0');
    from = body.end;
  }
  return hash.update(source.text.slice(from)).update(JSON.stringify(positions)).digest('base64');
}

function closedBody(compiler: Compiler, node: ts.Node): ts.Node | null {
  const isClosable = compiler.isFunctionDeclaration(node) || compiler.isMethodDeclaration(node) || compiler.isFunctionExpression(node) || compiler.isArrowFunction(node)
    || compiler.isGetAccessorDeclaration(node) || compiler.isSetAccessorDeclaration(node);
  if (!isClosable || node.body === undefined) return null;
  if (node.type === undefined && !compiler.isSetAccessorDeclaration(node)) return null;
  return mayBePredicate(compiler, node.body) ? null : node.body;
}

/** Whether all that a body returns has the form of a predicate's result: a call, a name, the negation of one. */
function mayBePredicate(compiler: Compiler, body: ts.ConciseBody): boolean {
  if (!compiler.isBlock(body)) return hasFormOfPredicate(compiler, body);
  let returns = 0;
  let others = 0;
  const pending: ts.Node[] = [body];
  for (let node = pending.pop(); node !== undefined && others === 0; node = pending.pop()) {
    if (compiler.isReturnStatement(node)) {
      if (node.expression !== undefined && hasFormOfPredicate(compiler, node.expression)) returns++;
      else others++;
    } else if (node === body || (!compiler.isFunctionLike(node) && !compiler.isClassLike(node))) {
      compiler.forEachChild(node, (child) => { pending.push(child); });
    }
  }
  return returns > 0 && others === 0;
}

function hasFormOfPredicate(compiler: Compiler, expression: ts.Expression): boolean {
  const e = skipTypes(compiler, expression);
  if (compiler.isAwaitExpression(e)) return hasFormOfPredicate(compiler, e.expression);
  if (compiler.isPrefixUnaryExpression(e)) return hasFormOfPredicate(compiler, e.operand);
  return compiler.isCallExpression(e) || compiler.isIdentifier(e);
}

/** Whether the key or the name of a node, or of its members, holds its position or its line (`names.ts`, `values.ts`). */
function isNamedByPosition(compiler: Compiler, node: ts.Node): boolean {
  if (compiler.isArrowFunction(node) || compiler.isFunctionExpression(node) || compiler.isClassExpression(node)) {
    const { parent } = node;
    return !compiler.isVariableDeclaration(parent) && !compiler.isPropertyAssignment(parent) && !compiler.isPropertyDeclaration(parent);
  }
  if (compiler.isVariableDeclaration(node)) return !compiler.isIdentifier(node.name) || !compiler.isSourceFile(node.parent.parent.parent);
  if (compiler.isTypeLiteralNode(node)) return !compiler.isTypeAliasDeclaration(node.parent);
  return compiler.isBindingElement(node) || compiler.isCallSignatureDeclaration(node) || compiler.isConstructSignatureDeclaration(node) || compiler.isIndexSignatureDeclaration(node)
    || compiler.isExportAssignment(node);
}
