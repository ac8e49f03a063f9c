/**
 * Which variable a name is, read from the scopes around it.
 *
 * In: names in expressions. Out: the symbol, or null wherever more than nested scopes decides and the checker is to be asked.
 * The binder has given every scope a table of its names; the checker's way through them allows for all that a name can be.
 * Names in parameter lists, decorators, computed names, namespaces and enums, and in JavaScript, are left to it.
 */
import type ts from 'typescript';
import type { Compiler } from './compiler.ts';

/** What the binder keeps at a node and a symbol. */
interface Scope extends ts.Node {
  readonly locals?: ReadonlyMap<ts.__String, BoundSymbol>;
}
interface BoundSymbol extends ts.Symbol {
  readonly exportSymbol?: BoundSymbol;
  /** Above zero where several declarations were made one. */
  readonly mergeId?: number;
}

export class Scopes {
  private readonly ts: Compiler;
  private readonly checker: ts.TypeChecker;
  private readonly parents: ReadonlySet<ts.SyntaxKind>;
  private readonly globals = new Map<ts.__String, ts.Symbol | null>();

  constructor(compiler: Compiler, checker: ts.TypeChecker) {
    this.ts = compiler;
    this.checker = checker;
    const { SyntaxKind } = compiler;
    this.parents = new Set([
      SyntaxKind.CallExpression, SyntaxKind.NewExpression, SyntaxKind.PropertyAccessExpression, SyntaxKind.ElementAccessExpression, SyntaxKind.BinaryExpression,
      SyntaxKind.PrefixUnaryExpression, SyntaxKind.PostfixUnaryExpression, SyntaxKind.ConditionalExpression, SyntaxKind.ParenthesizedExpression, SyntaxKind.AwaitExpression,
      SyntaxKind.ReturnStatement, SyntaxKind.IfStatement, SyntaxKind.ForOfStatement, SyntaxKind.ExpressionStatement, SyntaxKind.TemplateSpan, SyntaxKind.PropertyAssignment,
      SyntaxKind.ArrayLiteralExpression, SyntaxKind.SpreadElement, SyntaxKind.VariableDeclaration, SyntaxKind.ArrowFunction, SyntaxKind.NonNullExpression, SyntaxKind.SwitchStatement,
    ]);
  }

  /** Null as well where the name is no expression. */
  variable(node: ts.Identifier): ts.Symbol | null {
    const { SyntaxKind, NodeFlags } = this.ts;
    if (!this.isReference(node) || (node.flags & NodeFlags.JavaScriptFile) !== 0 || node.text === 'arguments') return null;
    const name = node.escapedText;
    for (let at: Scope = node.parent; ; at = at.parent) {
      switch (at.kind) {
        case SyntaxKind.Parameter: case SyntaxKind.Decorator: case SyntaxKind.ComputedPropertyName: case SyntaxKind.ModuleDeclaration: case SyntaxKind.EnumDeclaration:
        case SyntaxKind.ExpressionWithTypeArguments:
          return null;
        case SyntaxKind.FunctionExpression: case SyntaxKind.ClassExpression:
          if ((at as ts.FunctionExpression).name?.escapedText === name) return null;
          break;
        case SyntaxKind.SourceFile: return this.atTop(node, at as ts.SourceFile & Scope);
        default:
      }
      const found = at.locals?.get(name);
      if (found !== undefined) return this.value(found);
    }
  }

  private atTop(node: ts.Identifier, source: ts.SourceFile & Scope): ts.Symbol | null {
    if (source.locals === undefined || source.isDeclarationFile || !this.ts.isExternalModule(source)) return null;
    const found = source.locals.get(node.escapedText);
    return found === undefined ? this.global(node) : this.value(found);
  }

  private isReference(node: ts.Identifier): boolean {
    const { name } = node.parent as { readonly name?: ts.Node };
    return this.parents.has(node.parent.kind) && name !== node;
  }

  /** What the checker tells of a name in an expression: the symbol that other files see, not the module's own side of it. */
  private value(found: BoundSymbol): ts.Symbol | null {
    const { SymbolFlags } = this.ts;
    const symbol = found.exportSymbol ?? found;
    if ((symbol.mergeId ?? 0) !== 0) return null;
    if ((symbol.flags & SymbolFlags.Alias) === 0) return (symbol.flags & SymbolFlags.Value) === 0 ? null : symbol;
    const target = this.checker.getAliasedSymbol(symbol);
    return target.declarations !== undefined && (target.flags & SymbolFlags.Value) !== 0 ? symbol : null;
  }

  /** A name that no scope holds is the same for all modules. */
  private global(node: ts.Identifier): ts.Symbol | null {
    const name = node.escapedText;
    let symbol = this.globals.get(name);
    if (symbol === undefined) {
      symbol = this.checker.getSymbolAtLocation(node) ?? null;
      this.globals.set(name, symbol);
    }
    return symbol;
  }
}
