/**
 * The part of the compiler that the front end uses, as an object whose members are read fast.
 *
 * In: the compiler that made the program. Out: a `Compiler`.
 * A compiler has two thousand members, each behind an accessor; a walk over a program reads them a hundred million times.
 */
import type ts from 'typescript';

const USED = [
  'IndexKind', 'NodeFlags', 'ObjectFlags', 'SymbolFlags', 'SyntaxKind', 'TypeFlags', 'canHaveDecorators', 'canHaveModifiers', 'escapeLeadingUnderscores',
  'forEachChild', 'getCombinedNodeFlags', 'getDecorators', 'getJSDocTags', 'getLeadingCommentRanges', 'getModifiers', 'getShebang',
  'getTextOfJSDocComment', 'getTrailingCommentRanges', 'isArrayBindingPattern', 'isArrayLiteralExpression', 'isArrayTypeNode',
  'isArrowFunction', 'isAsExpression', 'isAwaitExpression', 'isBinaryExpression', 'isBindingElement', 'isBlock', 'isBreakStatement',
  'isCallExpression', 'isCallSignatureDeclaration', 'isClassDeclaration', 'isClassElement', 'isClassExpression', 'isClassLike',
  'isClassStaticBlockDeclaration', 'isComputedPropertyName', 'isConditionalExpression', 'isConstructSignatureDeclaration',
  'isConstructorDeclaration', 'isContinueStatement', 'isDecorator', 'isDefaultClause', 'isDeleteExpression', 'isDoStatement',
  'isElementAccessExpression', 'isEmptyStatement', 'isEnumDeclaration', 'isEnumMember', 'isExportAssignment', 'isExportDeclaration',
  'isExpressionStatement', 'isExpressionWithTypeArguments', 'isExternalModule', 'isExternalModuleReference', 'isForInStatement', 'isForOfStatement', 'isForStatement',
  'isFunctionDeclaration', 'isFunctionExpression', 'isFunctionLike', 'isFunctionTypeNode', 'isGetAccessor', 'isGetAccessorDeclaration',
  'isIdentifier', 'isIfStatement', 'isImportDeclaration', 'isImportEqualsDeclaration', 'isImportSpecifier', 'isImportTypeNode',
  'isIndexSignatureDeclaration', 'isInterfaceDeclaration', 'isIntersectionTypeNode', 'isJSDoc', 'isJsxAttribute', 'isJsxElement',
  'isJsxExpression', 'isJsxFragment', 'isJsxNamespacedName', 'isJsxSpreadAttribute', 'isJsxText', 'isLabeledStatement',
  'isLiteralTypeNode', 'isMethodDeclaration', 'isMethodSignature', 'isModuleBlock', 'isModuleDeclaration', 'isNewExpression',
  'isNonNullExpression', 'isNumericLiteral', 'isObjectBindingPattern', 'isObjectLiteralElement', 'isObjectLiteralExpression',
  'isOmittedExpression', 'isParameter', 'isParameterPropertyDeclaration', 'isParenthesizedExpression', 'isParenthesizedTypeNode',
  'isPostfixUnaryExpression', 'isPrefixUnaryExpression', 'isPrivateIdentifier', 'isPropertyAccessExpression', 'isPropertyAssignment',
  'isPropertyDeclaration', 'isPropertySignature', 'isQualifiedName', 'isReturnStatement', 'isSatisfiesExpression', 'isSetAccessor',
  'isSetAccessorDeclaration', 'isShorthandPropertyAssignment', 'isSourceFile', 'isSpreadAssignment', 'isSpreadElement', 'isStringLiteral',
  'isStringLiteralLike', 'isSwitchStatement', 'isTaggedTemplateExpression', 'isTemplateExpression', 'isThrowStatement', 'isTryStatement',
  'isTypeAliasDeclaration', 'isTypeAssertionExpression', 'isTypeElement', 'isTypeLiteralNode', 'isTypeNode', 'isTypePredicateNode', 'isTypeOperatorNode',
  'isTypeParameterDeclaration', 'isTypeReferenceNode', 'isUnionTypeNode', 'isVariableDeclaration', 'isVariableDeclarationList',
  'isVariableStatement', 'isVoidExpression', 'isWhileStatement', 'isWithStatement', 'isYieldExpression',
] as const;

export type Compiler = Pick<typeof ts, (typeof USED)[number]>;

const made = new WeakMap<typeof ts, Compiler>();

export function quickCompiler(compiler: typeof ts): Compiler {
  let quick = made.get(compiler);
  if (quick === undefined) {
    quick = Object.fromEntries(USED.map((name) => [name, compiler[name]])) as unknown as Compiler;
    made.set(compiler, quick);
  }
  return quick;
}
