/**
 * Whether what an expression gives can be or contain a function, for the expressions that say so without inference.
 *
 * In: expressions. Out: yes or no, or null where only the checker knows.
 * What arrays give depends on what they are given, and nearly all of it is plain: `disks.filter(isOpen)` holds what `disks`
 * holds, `disks.map((disk) => disk.size)` what its callback gives. The checker would check every callback for that.
 * Leaves to others: what a type can hold (`holding.ts`), types (`plain-types.ts`).
 */
import type ts from 'typescript';
import type { Compiler } from './compiler.ts';
import { forEachNode, skipTypes } from './traverse.ts';
import type { Symbols } from './symbols.ts';

const GIVES_ELEMENTS = new Set(['filter', 'find', 'findLast', 'slice', 'reverse', 'toReversed', 'sort', 'toSorted', 'at', 'pop', 'shift']);
const ARRAY = /^(?:Readonly)?Array\.(\w+)$/;

export class Results {
  private readonly symbols: Symbols;
  private readonly ts: Compiler;

  constructor(symbols: Symbols) {
    this.symbols = symbols;
    this.ts = symbols.ts;
  }

  holds(expression: ts.Expression): boolean | null {
    const { ts, symbols } = this;
    const { SyntaxKind } = ts;
    if (ts.isAsExpression(expression) && !isConst(ts, expression.type)) return symbols.holding.mayHold(expression.type) ? null : false;
    const e = skipTypes(ts, expression);
    switch (e.kind) {
      case SyntaxKind.StringLiteral: case SyntaxKind.NoSubstitutionTemplateLiteral: case SyntaxKind.TemplateExpression: case SyntaxKind.NumericLiteral:
      case SyntaxKind.BigIntLiteral: case SyntaxKind.TrueKeyword: case SyntaxKind.FalseKeyword: case SyntaxKind.NullKeyword: case SyntaxKind.PrefixUnaryExpression:
      case SyntaxKind.PostfixUnaryExpression: case SyntaxKind.TypeOfExpression: case SyntaxKind.VoidExpression: case SyntaxKind.DeleteExpression:
        return false;
      case SyntaxKind.ObjectLiteralExpression: case SyntaxKind.ArrowFunction: case SyntaxKind.FunctionExpression: case SyntaxKind.ClassExpression:
        return true;
      case SyntaxKind.BinaryExpression: return this.operation(e as ts.BinaryExpression);
      case SyntaxKind.ConditionalExpression: {
        const { whenTrue, whenFalse } = e as ts.ConditionalExpression;
        return this.every([whenTrue, whenFalse]);
      }
      case SyntaxKind.ArrayLiteralExpression: return this.every((e as ts.ArrayLiteralExpression).elements);
      case SyntaxKind.Identifier: case SyntaxKind.PropertyAccessExpression: {
        const type = symbols.plain.declared(e);
        return type !== null && !symbols.holding.type(type) ? false : null;
      }
      case SyntaxKind.CallExpression: {
        const type = symbols.plain.result(e as ts.CallExpression);
        return type === null ? this.call(e as ts.CallExpression) : symbols.holding.type(type);
      }
      default: return null;
    }
  }

  /** The same of the result of an array's method; null for all other calls. */
  call(e: ts.CallExpression): boolean | null {
    const { ts, symbols } = this;
    const callee = skipTypes(ts, e.expression);
    if (!ts.isPropertyAccessExpression(callee) || e.typeArguments !== undefined) return null;
    const symbol = symbols.meaning(callee);
    const definition = symbol === null ? null : symbols.definition(symbol);
    if (definition === null || !symbols.isLibrary(definition.getSourceFile())) return null;
    const { name } = symbols.externalName(definition);
    const method = ARRAY.exec(name)?.[1];
    const [first, second] = e.arguments;
    if (name === 'Object.entries' || name === 'Object.values') return first === undefined ? null : this.dictionary(first);
    if (method === undefined) return null;
    if (GIVES_ELEMENTS.has(method)) return this.elements(callee.expression) === false ? false : null;
    if (method === 'map' || method === 'flatMap') return first === undefined || second !== undefined || this.callback(first) !== false ? null : false;
    if (method !== 'reduce' && method !== 'reduceRight') return null;
    // With what it starts from, or else with the first element, begins what the callback has to give again.
    return (second === undefined || this.isPrimitive(second)) && this.elements(callee.expression) === false ? false : null;
  }

  /** The same of `new Map([…])`, `new Set(disks)`, whose types are inferred from a list. */
  collection(e: ts.NewExpression): boolean | null {
    const [list, ...others] = e.arguments ?? [];
    return e.typeArguments === undefined && list !== undefined && others.length === 0 && this.elements(list) === false ? false : null;
  }

  /** `Record<string, number>` and the like. */
  private dictionary(expression: ts.Expression): boolean | null {
    const { ts, symbols } = this;
    const type = symbols.plain.declared(skipTypes(ts, expression));
    const value = type === null ? undefined : symbols.checker.getIndexTypeOfType(type, ts.IndexKind.String);
    return value !== undefined && !symbols.holding.type(value) ? false : null;
  }

  private elements(array: ts.Expression): boolean | null {
    const { ts, symbols } = this;
    const e = skipTypes(ts, array);
    const type = symbols.plain.element(e);
    if (type !== null) return symbols.holding.type(type);
    return ts.isCallExpression(e) ? this.call(e) : ts.isArrayLiteralExpression(e) ? this.every(e.elements) : null;
  }

  private callback(e: ts.Expression): boolean | null {
    const { ts, symbols } = this;
    const callback = skipTypes(ts, e);
    if (!ts.isArrowFunction(callback) && !ts.isFunctionExpression(callback)) {
      const type = symbols.plain.returned(callback);
      return type === null ? null : symbols.holding.type(type);
    }
    if (callback.type !== undefined) return symbols.holding.mayHold(callback.type) ? null : false;
    if (callback.asteriskToken !== undefined || ts.getModifiers(callback) !== undefined) return null;
    const { body } = callback;
    if (!ts.isBlock(body)) return this.holds(body);
    const returned: ts.Expression[] = [];
    forEachNode(ts, body, (node) => {
      if (ts.isReturnStatement(node) && node.expression !== undefined) returned.push(node.expression);
      return !ts.isFunctionLike(node) && !ts.isClassLike(node);
    });
    return this.every(returned);
  }

  private operation(e: ts.BinaryExpression): boolean | null {
    const { ts } = this;
    const { kind } = e.operatorToken;
    if (kind === ts.SyntaxKind.CommaToken || kind === ts.SyntaxKind.EqualsToken) return this.holds(e.right);
    if (kind === ts.SyntaxKind.BarBarToken || kind === ts.SyntaxKind.QuestionQuestionToken || kind === ts.SyntaxKind.AmpersandAmpersandToken) return this.every([e.left, e.right]);
    return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment ? null : false;
  }

  /** One that holds is enough; for a no, all have to say so. */
  private every(expressions: readonly ts.Expression[]): boolean | null {
    let sure = true;
    for (const e of expressions) {
      const holds = this.ts.isSpreadElement(e) ? this.elements(e.expression) : this.holds(e);
      if (holds === true) return true;
      sure &&= holds !== null;
    }
    return sure ? false : null;
  }

  /** A string, a number or a boolean, as far as it shows. */
  private isPrimitive(expression: ts.Expression): boolean {
    const { ts } = this;
    const { TypeFlags } = ts;
    const e = skipTypes(ts, expression);
    if (ts.isStringLiteralLike(e) || ts.isNumericLiteral(e) || e.kind === ts.SyntaxKind.TrueKeyword || e.kind === ts.SyntaxKind.FalseKeyword) return true;
    if (ts.isConditionalExpression(e)) return this.isPrimitive(e.whenTrue) && this.isPrimitive(e.whenFalse);
    const type = ts.isIdentifier(e) || ts.isPropertyAccessExpression(e) ? this.symbols.plain.declared(e) : ts.isCallExpression(e) ? this.symbols.plain.result(e) : null;
    return type !== null && (type.flags & (TypeFlags.StringLike | TypeFlags.NumberLike | TypeFlags.BooleanLike)) !== 0;
  }
}

function isConst(compiler: Compiler, type: ts.TypeNode): boolean {
  return compiler.isTypeReferenceNode(type) && type.typeName.getText() === 'const';
}
