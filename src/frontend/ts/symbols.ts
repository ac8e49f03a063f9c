/**
 * The type host: what names in the source mean, asked by symbol.
 *
 * In: nodes of one program. Out: declarations, effective tags, slots. The only part that talks to the type checker,
 * so that another back end can stand behind the same questions.
 * Leaves to others: walking bodies (`body.ts`), the class of a function (`classify`).
 */
import type ts from 'typescript';
import type { Config, Model } from '../../model/config.ts';
import type { Literal, Tags } from '../../model/summary.ts';
import { isStatic, memberName, type Compiler, type FunctionNode, type Names } from './names.ts';
import type { TagReader } from './tags.ts';
import { platformModels } from './platform.ts';

const RUNTIME = 'gsio/runtime';
const RUNTIME_TAGS: Readonly<Record<string, Tags>> = {
  GLOBAL_STATE_CODE: { asserts: 'globalState' },
  IO_CODE: { asserts: 'io' },
  IO_OR_GS_CODE: { asserts: 'ioOrGs' },
  assertGraphWritable: { asserts: 'graphWritable' },
  inMainThread: { predicate: 'mainThread' },
  inCoroutine: { predicate: 'coroutine' },
};
const NO_TAGS: Tags = {};

export interface Meaning {
  readonly symbol: ts.Symbol;
  readonly declarations: readonly ts.Declaration[];
}

export class Symbols {
  readonly ts: Compiler;
  readonly checker: ts.TypeChecker;
  readonly names: Names;
  readonly reader: TagReader;
  private readonly program: ts.Program;
  private readonly config: Config;
  private readonly tagCache = new Map<ts.Symbol, Tags>();
  private readonly externalCache = new Map<ts.SourceFile, boolean>();
  private readonly models: readonly CompiledModel[];
  private readonly meanings = new Map<ts.Node, ts.Symbol | null>();

  constructor(compiler: Compiler, program: ts.Program, names: Names, reader: TagReader, config: Config) {
    this.ts = compiler;
    this.program = program;
    this.checker = program.getTypeChecker();
    this.names = names;
    this.reader = reader;
    this.config = config;
    this.models = [...config.models, ...platformModels].map(compileModel);
  }

  /** The symbol a name node means, aliases followed; null where there is none. */
  symbolAt(node: ts.Node): ts.Symbol | null {
    const known = this.meanings.get(node);
    if (known !== undefined) return known;
    let symbol = this.checker.getSymbolAtLocation(node) ?? null;
    if (symbol !== null && (symbol.flags & this.ts.SymbolFlags.Alias) !== 0) {
      const target = this.checker.getAliasedSymbol(symbol);
      symbol = target.declarations === undefined && this.runtimeImport(symbol) !== null ? symbol : target;
    }
    this.meanings.set(node, symbol);
    return symbol;
  }

  /** What a reference expression means: identifiers, property accesses and literal element accesses. */
  meaning(expression: ts.Expression): ts.Symbol | null {
    const { ts } = this;
    if (ts.isIdentifier(expression)) {
      if (ts.isShorthandPropertyAssignment(expression.parent)) {
        const value = this.checker.getShorthandAssignmentValueSymbol(expression.parent);
        return value !== undefined && (value.flags & ts.SymbolFlags.Alias) !== 0 ? this.checker.getAliasedSymbol(value) : value ?? null;
      }
      return this.symbolAt(expression);
    }
    if (ts.isPropertyAccessExpression(expression)) return this.symbolAt(expression.name);
    if (ts.isElementAccessExpression(expression) && ts.isStringLiteralLike(expression.argumentExpression)) return this.symbolAt(expression.argumentExpression);
    return null;
  }

  private runtimeImport(symbol: ts.Symbol): string | null {
    const declaration = symbol.declarations?.[0];
    if (declaration === undefined || !this.ts.isImportSpecifier(declaration)) return null;
    const specifier = declaration.parent.parent.parent.moduleSpecifier;
    return this.ts.isStringLiteral(specifier) && specifier.text === RUNTIME ? (declaration.propertyName ?? declaration.name).text : null;
  }

  isExternal(source: ts.SourceFile): boolean {
    let external = this.externalCache.get(source);
    if (external === undefined) {
      external = this.program.isSourceFileFromExternalLibrary(source) || this.program.isSourceFileDefaultLibrary(source) || source.fileName.includes('/node_modules/');
      this.externalCache.set(source, external);
    }
    return external;
  }

  /** The declaration that defines a function, method or variable best: the one with a body. */
  definition(symbol: ts.Symbol): ts.Declaration | null {
    const declarations = symbol.declarations;
    if (declarations === undefined) return null;
    for (const declaration of declarations) if (this.names.isFunction(declaration) && declaration.body !== undefined) return declaration;
    return symbol.valueDeclaration ?? declarations[0] ?? null;
  }

  /** Tags that hold for a use of this symbol: its own, inherited ones, names known by configuration, models. */
  tagsOf(symbol: ts.Symbol): Tags {
    const known = this.tagCache.get(symbol);
    if (known !== undefined) return known;
    this.tagCache.set(symbol, NO_TAGS);
    let tags: Tags = NO_TAGS;
    for (const declaration of symbol.declarations ?? []) {
      tags = merge(tags, this.ownTags(declaration));
      tags = merge(tags, this.inheritedTags(declaration, symbol.name));
    }
    tags = merge(tags, this.namedTags(symbol));
    this.tagCache.set(symbol, tags);
    return tags;
  }

  /** Tags written at the declaration itself, or given to it by a model. */
  ownTags(declaration: ts.Declaration): Tags {
    const uses = this.reader.uses(declaration);
    const own = uses.length === 0 ? NO_TAGS : this.reader.parse(uses, this.parameterNames(declaration));
    return merge(own, this.modelTags(declaration));
  }

  private namedTags(symbol: ts.Symbol): Tags {
    const imported = this.runtimeImport(symbol);
    if (imported !== null) return RUNTIME_TAGS[imported] ?? NO_TAGS;
    const asserts = Object.hasOwn(this.config.assertions, symbol.name) ? this.config.assertions[symbol.name] : undefined;
    const predicate = Object.hasOwn(this.config.predicates, symbol.name) ? this.config.predicates[symbol.name] : undefined;
    return { ...(asserts === undefined ? {} : { asserts }), ...(predicate === undefined ? {} : { predicate }) };
  }

  private inheritedTags(declaration: ts.Declaration, name: string): Tags {
    const { ts } = this;
    const holder = declaration.parent;
    if (holder === undefined || !(ts.isClassLike(holder) || ts.isInterfaceDeclaration(holder)) || isStatic(ts, declaration) || ts.isConstructorDeclaration(declaration)) return NO_TAGS;
    let tags: Tags = NO_TAGS;
    for (const base of this.baseSymbols(holder)) {
      const member = base.members?.get(name as ts.__String);
      if (member !== undefined) tags = merge(tags, this.tagsOf(member));
    }
    return tags;
  }

  /** Classes and interfaces that a class or interface names in its heritage clauses. */
  baseSymbols(node: ts.ClassLikeDeclaration | ts.InterfaceDeclaration): ts.Symbol[] {
    const bases: ts.Symbol[] = [];
    for (const clause of node.heritageClauses ?? []) {
      for (const type of clause.types) {
        const symbol = this.meaning(type.expression);
        if (symbol !== null) bases.push(symbol);
      }
    }
    return bases;
  }

  parameterNames(declaration: ts.Node): string[] {
    const signature = this.signatureNode(declaration);
    return signature === null ? [] : signature.parameters.map((p) => (this.ts.isIdentifier(p.name) ? p.name.text : ''));
  }

  /** The function-like node a declaration holds: itself, its initialiser, or its function type. */
  signatureNode(declaration: ts.Node): ts.SignatureDeclaration | null {
    const { ts } = this;
    if (ts.isFunctionLike(declaration)) return declaration;
    if (ts.isTypeAliasDeclaration(declaration)) return ts.isFunctionTypeNode(declaration.type) ? declaration.type : null;
    if (ts.isVariableDeclaration(declaration) || ts.isPropertyDeclaration(declaration) || ts.isPropertyAssignment(declaration)) {
      const initializer = declaration.initializer === undefined ? undefined : ts.skipPartiallyEmittedExpressions(declaration.initializer);
      if (initializer !== undefined && (ts.isArrowFunction(initializer) || ts.isFunctionExpression(initializer))) return initializer;
    }
    if (ts.isVariableDeclaration(declaration) || ts.isPropertyDeclaration(declaration) || ts.isPropertySignature(declaration) || ts.isParameter(declaration)) {
      const type = declaration.type;
      if (type !== undefined) return this.functionType(type);
    }
    return null;
  }

  private functionType(type: ts.TypeNode): ts.SignatureDeclaration | null {
    const { ts } = this;
    if (ts.isParenthesizedTypeNode(type)) return this.functionType(type.type);
    if (ts.isFunctionTypeNode(type)) return type;
    if (ts.isUnionTypeNode(type)) {
      for (const part of type.types) {
        const found = this.functionType(part);
        if (found !== null) return found;
      }
    }
    const alias = this.typeAlias(type);
    return alias === null ? null : this.functionType(alias.type);
  }

  /** The alias a type node names: `Handler` in `Handler | undefined`. */
  typeAlias(type: ts.TypeNode | undefined): ts.TypeAliasDeclaration | null {
    const { ts } = this;
    if (type === undefined) return null;
    if (ts.isParenthesizedTypeNode(type)) return this.typeAlias(type.type);
    if (ts.isUnionTypeNode(type)) {
      for (const part of type.types) {
        const found = this.typeAlias(part);
        if (found !== null) return found;
      }
      return null;
    }
    if (!ts.isTypeReferenceNode(type)) return null;
    const symbol = this.symbolAt(ts.isQualifiedName(type.typeName) ? type.typeName.right : type.typeName);
    const declaration = symbol?.declarations?.find((d) => ts.isTypeAliasDeclaration(d));
    return declaration === undefined || !ts.isTypeAliasDeclaration(declaration) ? null : declaration;
  }

  /** The tagged function type that a variable, property or parameter is declared with. */
  taggedType(declaration: ts.Node): { readonly alias: ts.TypeAliasDeclaration; readonly tags: Tags } | null {
    const { ts } = this;
    if (!(ts.isVariableDeclaration(declaration) || ts.isPropertyDeclaration(declaration) || ts.isPropertySignature(declaration) || ts.isParameter(declaration))) return null;
    const alias = this.typeAlias(declaration.type);
    if (alias === null || this.functionType(alias.type) === null) return null;
    const tags = this.ownTags(alias);
    return tags.class === undefined && tags.coroutine === undefined ? null : { alias, tags };
  }

  isFunctionDeclaredType(declaration: ts.Node): boolean {
    return this.signatureNode(declaration) !== null;
  }

  /** Do values of this declaration's type take calls? Costs a type query. */
  isCallable(node: ts.Node): boolean {
    const type = this.checker.getNonNullableType(this.checker.getTypeAtLocation(node));
    return this.hasCall(type);
  }

  hasCall(type: ts.Type): boolean {
    if (type.isUnion()) return type.types.some((part) => this.hasCall(part));
    return type.getCallSignatures().length > 0;
  }

  /** Module and name by which configuration and models speak of a declaration outside the project. */
  externalName(declaration: ts.Declaration): { readonly module: string; readonly name: string } {
    const { ts } = this;
    const source = declaration.getSourceFile();
    const parts: string[] = [];
    let ambient: string | null = null;
    for (let at: ts.Node = declaration; !ts.isSourceFile(at); at = at.parent) {
      if (ts.isModuleDeclaration(at) && ts.isStringLiteral(at.name)) { ambient = at.name.text; break; }
      if (ts.isConstructorDeclaration(at) || ts.isConstructSignatureDeclaration(at)) { parts.unshift('new'); continue; }
      const name = (at as ts.NamedDeclaration).name;
      if (name !== undefined && !ts.isParameter(at)) parts.unshift(memberName(ts, name));
    }
    const name = parts.join('.').replace(/Constructor\b/, '');
    if (ambient !== null) return { module: ambient, name };
    if (this.program.isSourceFileDefaultLibrary(source)) return { module: 'lib', name };
    const inPackages = source.fileName.lastIndexOf('/node_modules/');
    if (inPackages < 0) return { module: this.names.fileOf(source), name };
    const path = source.fileName.slice(inPackages + '/node_modules/'.length).split('/');
    const packageName = (path[0] ?? '').startsWith('@') ? `${path[0] ?? ''}/${path[1] ?? ''}` : path[0] ?? '';
    if (packageName === '@types/node') return { module: 'node', name };
    return { module: packageName.startsWith('@types/') ? packageName.slice('@types/'.length) : packageName, name };
  }

  private modelTags(declaration: ts.Declaration): Tags {
    if (this.models.length === 0) return NO_TAGS;
    if (!this.ts.isFunctionLike(declaration) && this.signatureNode(declaration) === null) return NO_TAGS;
    const { module, name } = this.externalName(declaration);
    for (const model of this.models) if (model.matches(module, name)) return model.tags;
    return NO_TAGS;
  }

  /** The literal a constant expression stands for: literals, enum members, constants with a literal initialiser. */
  literal(expression: ts.Expression, depth = 0): Literal | undefined {
    const { ts } = this;
    const e = skipTypes(ts, expression);
    if (ts.isStringLiteralLike(e)) return e.text;
    if (ts.isNumericLiteral(e)) return Number(e.text);
    switch (e.kind) {
      case ts.SyntaxKind.TrueKeyword: return true;
      case ts.SyntaxKind.FalseKeyword: return false;
      case ts.SyntaxKind.NullKeyword: return null;
      default:
    }
    if (ts.isPrefixUnaryExpression(e)) {
      const inner = this.literal(e.operand, depth);
      if (inner === undefined) return undefined;
      if (e.operator === ts.SyntaxKind.ExclamationToken) return !inner;
      return e.operator === ts.SyntaxKind.MinusToken && typeof inner === 'number' ? -inner : undefined;
    }
    if (ts.isVoidExpression(e) || (ts.isIdentifier(e) && e.text === 'undefined')) return null;
    if (!ts.isIdentifier(e) && !ts.isPropertyAccessExpression(e)) return undefined;
    if (depth > 4) return undefined;
    // Only names that can be enum members or constants are worth a question.
    if (ts.isPropertyAccessExpression(e) && !ts.isIdentifier(e.expression)) return undefined;
    const declaration = this.meaning(e)?.valueDeclaration;
    if (declaration === undefined) return undefined;
    if (ts.isEnumMember(declaration)) return this.checker.getConstantValue(declaration) ?? `${declaration.parent.name.text}.${memberName(ts, declaration.name)}`;
    if (ts.isVariableDeclaration(declaration) && declaration.initializer !== undefined && (ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const) !== 0) {
      return this.literal(declaration.initializer, depth + 1);
    }
    if (ts.isPropertyAssignment(declaration) && constAsserted(ts, declaration)) return this.literal(declaration.initializer, depth + 1);
    return undefined;
  }
}

function constAsserted(compiler: Compiler, property: ts.PropertyAssignment): boolean {
  const holder = property.parent.parent;
  return compiler.isAsExpression(holder) && holder.type.getText() === 'const';
}

/** The expression without parentheses, type assertions and non-null marks. */
export function skipTypes(compiler: Compiler, expression: ts.Expression): ts.Expression {
  let e = expression;
  while (compiler.isParenthesizedExpression(e) || compiler.isAsExpression(e) || compiler.isSatisfiesExpression(e) || compiler.isNonNullExpression(e) || compiler.isTypeAssertionExpression(e)) e = e.expression;
  return e;
}

export function hasBody(node: ts.Node): node is FunctionNode & { body: ts.Node } {
  return (node as FunctionNode).body !== undefined;
}

/** `first` wins where both speak. */
export function merge(first: Tags, second: Tags): Tags {
  if (second === NO_TAGS) return first;
  return first === NO_TAGS ? second : { ...second, ...first };
}

interface CompiledModel {
  readonly tags: Tags;
  matches(module: string, name: string): boolean;
}

function compileModel(model: Model): CompiledModel {
  const { module, name, except, runs, ...rest } = model;
  const modulePattern = pattern(module.replace(/^node:/, ''), true);
  const namePattern = pattern(name, false);
  const exceptions = (except ?? []).map((e) => pattern(e, false));
  const tags: Tags = {
    ...(Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as Tags),
    ...(runs === undefined ? {} : { runs: runs.map((r) => ({ param: r.param, context: r.context, wait: r.wait === true })) }),
  };
  return {
    tags: { ...tags, fromModel: true },
    matches: (m, n) => modulePattern.test(m.replace(/^node:/, '')) && namePattern.test(n) && !exceptions.some((e) => e.test(n)),
  };
}

function pattern(glob: string, segments: boolean): RegExp {
  const source = glob.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replace(/\*\*|\*/g, (star) => (star === '**' || !segments ? '.*' : '[^/]*'));
  return new RegExp(`^${source}$`);
}
