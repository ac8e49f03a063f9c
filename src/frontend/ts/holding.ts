/**
 * Which places can hold a function, by the type that is written there.
 *
 * In: type nodes. Out: no, where neither a function nor a container of functions fits the type; yes in all other cases.
 * An interface or class is no container: what its members hold is known member by member. Where nothing can be held, no
 * value needs to be followed; that keeps the flow of a large program small.
 * Types that are not written are asked of the checker, and only where it has to know them anyway.
 */
import type ts from 'typescript';
import type { Compiler } from './compiler.ts';
import type { Symbols } from './symbols.ts';

/** Types of the library that stand for (a part of) their first argument. */
const FIRST_ARGUMENT = new Set(['Partial', 'Required', 'Readonly', 'NonNullable', 'Awaited', 'Pick', 'Omit', 'Exclude', 'Extract', 'ThisType', 'NoInfer']);
/** Types of the library that hold what their argument holds: an index signature of theirs is of its type. */
const LISTS = new Set(['Array', 'ReadonlyArray', 'ConcatArray']);
/** Types of the library to which every function belongs, and those whose methods the language itself calls. */
const ALWAYS = new Set(['Function', 'CallableFunction', 'NewableFunction', 'Object', 'Iterator', 'AsyncIterator', 'IterableIterator', 'AsyncIterableIterator', 'IteratorObject', 'AsyncIteratorObject']);

export class Holding {
  private readonly symbols: Symbols;
  private readonly ts: Compiler;
  private readonly known = new Map<ts.Symbol, boolean>();

  constructor(symbols: Symbols) {
    this.symbols = symbols;
    this.ts = symbols.ts;
  }

  /** Whether what a variable, parameter or property is declared as, or starts with, can be or contain a function. */
  declared(declaration: ts.Node): boolean {
    const { type, initializer } = declaration as { type?: ts.TypeNode; initializer?: ts.Expression };
    if (type !== undefined) return this.mayHold(type);
    // A parameter that starts as a number is a number; a property of a class, too.
    return initializer === undefined || (declaration.flags & this.ts.NodeFlags.JavaScriptFile) !== 0 || !this.isPlain(initializer);
  }

  /** A literal of a type that a later value must fit, too. */
  private isPlain(e: ts.Expression): boolean {
    const { SyntaxKind } = this.ts;
    switch (e.kind) {
      case SyntaxKind.StringLiteral: case SyntaxKind.NoSubstitutionTemplateLiteral: case SyntaxKind.TemplateExpression: case SyntaxKind.NumericLiteral:
      case SyntaxKind.BigIntLiteral: case SyntaxKind.RegularExpressionLiteral: case SyntaxKind.TrueKeyword: case SyntaxKind.FalseKeyword:
        return true;
      case SyntaxKind.PrefixUnaryExpression: return true;
      default: return false;
    }
  }

  mayHold(type: ts.TypeNode): boolean {
    const { ts } = this;
    const { SyntaxKind } = ts;
    switch (type.kind) {
      case SyntaxKind.StringKeyword: case SyntaxKind.NumberKeyword: case SyntaxKind.BooleanKeyword: case SyntaxKind.BigIntKeyword: case SyntaxKind.SymbolKeyword:
      case SyntaxKind.VoidKeyword: case SyntaxKind.UndefinedKeyword: case SyntaxKind.NeverKeyword: case SyntaxKind.LiteralType: case SyntaxKind.TemplateLiteralType:
      case SyntaxKind.ThisType: case SyntaxKind.TypePredicate:
        return false;
      case SyntaxKind.ParenthesizedType: case SyntaxKind.OptionalType: case SyntaxKind.RestType: case SyntaxKind.NamedTupleMember:
        return this.mayHold((type as ts.ParenthesizedTypeNode).type);
      case SyntaxKind.ArrayType: return this.mayHold((type as ts.ArrayTypeNode).elementType);
      case SyntaxKind.TupleType: return (type as ts.TupleTypeNode).elements.some((element) => this.mayHold(element));
      case SyntaxKind.TypeOperator: {
        const { operator, type: operand } = type as ts.TypeOperatorNode;
        return operator === SyntaxKind.ReadonlyKeyword && this.mayHold(operand);
      }
      case SyntaxKind.UnionType: case SyntaxKind.IntersectionType: return (type as ts.UnionTypeNode).types.some((part) => this.mayHold(part));
      case SyntaxKind.TypeLiteral: return this.members((type as ts.TypeLiteralNode).members);
      case SyntaxKind.MappedType: {
        const held = (type as ts.MappedTypeNode).type;
        return held === undefined || this.mayHold(held);
      }
      case SyntaxKind.TypeReference: {
        const { typeName, typeArguments } = type as ts.TypeReferenceNode;
        return this.named(ts.isQualifiedName(typeName) ? typeName.right : typeName, typeArguments);
      }
      default: return true;
    }
  }

  /** An object type that says nothing, or that can be called, or that is a dictionary of functions. */
  private members(members: readonly ts.TypeElement[]): boolean {
    const { ts } = this;
    return members.length === 0 || members.some((member) => ts.isCallSignatureDeclaration(member) || ts.isConstructSignatureDeclaration(member)
      || (ts.isIndexSignatureDeclaration(member) && this.mayHold(member.type)));
  }

  private named(name: ts.Node, args: readonly ts.TypeNode[] | undefined): boolean {
    const symbol = this.symbols.symbolAt(name);
    if (symbol?.declarations === undefined) return true;
    const first = symbol.declarations[0];
    const external = first !== undefined && this.symbols.isExternal(first.getSourceFile());
    if (external && this.symbols.isLibrary(first.getSourceFile())) {
      if (ALWAYS.has(symbol.name)) return true;
      if (symbol.name === 'Record') return args?.[1] === undefined || this.mayHold(args[1]);
      if (FIRST_ARGUMENT.has(symbol.name)) return args?.[0] === undefined || this.mayHold(args[0]);
      if (LISTS.has(symbol.name)) return args?.[0] === undefined || this.mayHold(args[0]);
      if (symbol.name === 'InstanceType') return false;
    }
    if (this.isHolder(symbol)) return true;
    // What a project's own generic type holds, its members tell; of an alias and of a library's type nobody else does.
    const ownMembers = !external && symbol.declarations.some((d) => this.ts.isClassLike(d) || this.ts.isInterfaceDeclaration(d));
    return !ownMembers && args?.some((arg) => this.mayHold(arg)) === true;
  }

  /** Whether the declarations of a named type, its arguments aside, can be a function or contain functions. */
  private isHolder(symbol: ts.Symbol): boolean {
    const known = this.known.get(symbol);
    if (known !== undefined) return known;
    // A type that contains itself holds what its other parts hold.
    this.known.set(symbol, false);
    const holds = (symbol.declarations ?? []).some((d) => this.declares(d));
    this.known.set(symbol, holds);
    return holds;
  }

  private declares(declaration: ts.Declaration): boolean {
    const { ts } = this;
    if (ts.isInterfaceDeclaration(declaration)) {
      const bases = declaration.heritageClauses?.flatMap((clause) => [...clause.types]) ?? [];
      return (declaration.members.length === 0 ? bases.length === 0 : this.members(declaration.members)) || bases.some((base) => this.base(base));
    }
    if (ts.isTypeAliasDeclaration(declaration)) return this.mayHold(declaration.type);
    if (ts.isTypeParameterDeclaration(declaration)) {
      // Of an alias, the arguments tell.
      if (ts.isTypeAliasDeclaration(declaration.parent)) return declaration.default !== undefined && this.mayHold(declaration.default);
      return declaration.constraint === undefined || this.mayHold(declaration.constraint);
    }
    return !ts.isClassLike(declaration) && !ts.isEnumDeclaration(declaration) && !ts.isEnumMember(declaration) && !ts.isVariableDeclaration(declaration) && !ts.isFunctionDeclaration(declaration) && !ts.isModuleDeclaration(declaration);
  }

  /** The same for a type that the checker worked out: of a call whose declaration leaves it open. */
  type(type: ts.Type, depth = 0): boolean {
    const { ts } = this;
    const { TypeFlags, ObjectFlags, SymbolFlags } = ts;
    if ((type.flags & (TypeFlags.StringLike | TypeFlags.NumberLike | TypeFlags.BigIntLike | TypeFlags.BooleanLike | TypeFlags.ESSymbolLike | TypeFlags.EnumLike
      | TypeFlags.VoidLike | TypeFlags.Null | TypeFlags.Never | TypeFlags.Index)) !== 0) return false;
    if (type.isUnionOrIntersection()) return type.types.some((part) => this.type(part, depth + 1));
    const symbol = type.symbol as ts.Symbol | undefined;
    if ((type.flags & TypeFlags.Object) === 0 || depth > 4) return true;
    const { objectFlags, target } = type as ts.TypeReference;
    if ((objectFlags & ObjectFlags.Reference) !== 0 && (target.objectFlags & ObjectFlags.Tuple) !== 0) return this.arguments(type as ts.TypeReference, depth);
    if (symbol === undefined) return true;
    if ((objectFlags & (ObjectFlags.ClassOrInterface | ObjectFlags.Reference)) !== 0 && (symbol.flags & (SymbolFlags.Class | SymbolFlags.Interface)) !== 0) {
      const first = symbol.declarations?.[0];
      if (first === undefined) return true;
      const external = this.symbols.isExternal(first.getSourceFile());
      if (external && this.symbols.isLibrary(first.getSourceFile())) {
        if (ALWAYS.has(symbol.name)) return true;
        if (LISTS.has(symbol.name)) return this.arguments(type as ts.TypeReference, depth);
      }
      if (this.isHolder(symbol)) return true;
      return external && (objectFlags & ObjectFlags.Reference) !== 0 && this.arguments(type as ts.TypeReference, depth);
    }
    const declaration = symbol.declarations?.[0];
    return declaration === undefined || !ts.isTypeLiteralNode(declaration) || this.members(declaration.members);
  }

  private arguments(type: ts.TypeReference, depth: number): boolean {
    return this.symbols.checker.getTypeArguments(type).some((argument) => argument !== type && this.type(argument, depth + 1));
  }

  private base(base: ts.ExpressionWithTypeArguments): boolean {
    const { ts } = this;
    const name = ts.isPropertyAccessExpression(base.expression) ? base.expression.name : base.expression;
    return !ts.isIdentifier(name) || this.named(name, base.typeArguments);
  }
}
