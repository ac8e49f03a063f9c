/** Types whose values are no functions and hold none, as they are written: nothing is asked about what names mean. */
import type ts from 'typescript';
import type { Compiler } from './names.ts';

/** `string`, `readonly number[]`, `'a' | undefined`. */
export function isPlainType(compiler: Compiler, type: ts.TypeNode): boolean {
  const { SyntaxKind } = compiler;
  if (compiler.isArrayTypeNode(type)) return isPlainType(compiler, type.elementType);
  if (compiler.isTypeOperatorNode(type) || compiler.isParenthesizedTypeNode(type)) return isPlainType(compiler, type.type);
  if (compiler.isUnionTypeNode(type)) return type.types.every((part) => isPlainType(compiler, part));
  switch (type.kind) {
    case SyntaxKind.StringKeyword: case SyntaxKind.NumberKeyword: case SyntaxKind.BooleanKeyword: case SyntaxKind.BigIntKeyword: case SyntaxKind.SymbolKeyword:
    case SyntaxKind.UndefinedKeyword: case SyntaxKind.VoidKeyword: case SyntaxKind.NeverKeyword: case SyntaxKind.LiteralType: case SyntaxKind.TemplateLiteralType:
    case SyntaxKind.TypePredicate:
      return true;
    default:
      return false;
  }
}
