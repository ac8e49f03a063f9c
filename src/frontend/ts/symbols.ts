/**
 * The type host: what names in the source mean, asked by symbol.
 *
 * In: nodes of one program. Out: declarations, effective tags, slots. The only part that talks to the type checker,
 * so that another back end can stand behind the same questions.
 * Leaves to others: walking bodies (`body.ts`), the class of a function (`classify`).
 */
import type ts from 'typescript';
import type { Config, Model } from '../../model/config.ts';
import type { AssertionKind, Literal, Tags } from '../../model/summary.ts';
import type { Compiler } from './compiler.ts';
import { isStatic, memberName, type Names } from './names.ts';
import { Holding } from './holding.ts';
import { PlainTypes } from './plain-types.ts';
import { Results } from './results.ts';
import { Scopes } from './scopes.ts';
import type { TagReader } from './tags.ts';
import { platformModels } from './platform.ts';
import type { NameSet } from './prepass.ts';
import { skipTypes } from './traverse.ts';

const RUNTIME = 'gsio/runtime';
/** The assertions of the run-time library, by name. */
export const RUNTIME_ASSERTIONS: Readonly<Record<string, AssertionKind>> = {
  GLOBAL_STATE_CODE: 'globalState', IO_CODE: 'io', IO_OR_GS_CODE: 'ioOrGs', assertGraphWritable: 'graphWritable',
};
const RUNTIME_TAGS: Readonly<Record<string, Tags>> = {
  ...Object.fromEntries(Object.entries(RUNTIME_ASSERTIONS).map(([name, asserts]) => [name, { asserts }])),
  inMainThread: { predicate: 'mainThread' },
  inCoroutine: { predicate: 'coroutine' },
};
export const NO_TAGS: Tags = {};
const NOTHING_INHERITED = { member: NO_TAGS, container: NO_TAGS } as const;

/** What a true result of a predicate tells; `negated`: a false one does. */
export interface PredicateMeaning {
  readonly kind: 'mainThread' | 'coroutine';
  readonly negated: boolean;
}

export class Symbols {
  readonly ts: Compiler;
  readonly checker: ts.TypeChecker;
  readonly names: Names;
  readonly reader: TagReader;
  /** Which places can hold functions. */
  readonly holding: Holding;
  readonly plain: PlainTypes;
  readonly results: Results;
  private readonly scopes: Scopes;
  private readonly program: ts.Program;
  private readonly config: Config;
  private readonly tagCache = new Map<ts.Symbol, Tags>();
  private readonly ownTagCache = new Map<ts.Declaration, Tags>();
  /** Names of enums and of objects declared `as const`. */
  constantObjects: NameSet = new Set();
  private taggedLibraries: boolean | null = null;
  private readonly taggedCache = new Map<ts.SourceFile, boolean>();
  private readonly externalCache = new Map<ts.SourceFile, boolean>();
  private readonly models: readonly CompiledModel[];
  private readonly modelsByModule = new Map<string, readonly CompiledModel[]>();
  private readonly externalNames = new Map<ts.Declaration, ExternalName>();
  private readonly modules = new Map<ts.SourceFile, string>();
  private readonly meanings = new Map<ts.Node, ts.Symbol | null>();
  private readonly moduleCache = new Map<ts.SourceFile, Tags>();
  private readonly predicates = new Map<ts.Symbol, PredicateMeaning | null>();

  constructor(compiler: Compiler, program: ts.Program, names: Names, reader: TagReader, config: Config) {
    this.ts = compiler;
    this.program = program;
    this.checker = program.getTypeChecker();
    this.names = names;
    this.reader = reader;
    this.config = config;
    this.models = [...config.models, ...platformModels].map(compileModel);
    this.holding = new Holding(this);
    this.plain = new PlainTypes(this);
    this.results = new Results(this);
    this.scopes = new Scopes(compiler, this.checker);
  }

  /** The symbol a name node means, aliases followed; null where there is none. */
  symbolAt(node: ts.Node): ts.Symbol | null {
    const known = this.meanings.get(node);
    if (known !== undefined) return known;
    let symbol = this.plainSymbol(node) ?? this.checker.getSymbolAtLocation(node) ?? null;
    if (symbol !== null && (symbol.flags & this.ts.SymbolFlags.Alias) !== 0) {
      const target = this.checker.getAliasedSymbol(symbol);
      symbol = target.declarations === undefined && this.runtimeImport(symbol) !== null ? symbol : target;
    }
    this.meanings.set(node, symbol);
    return symbol;
  }

  /** Where the declarations tell without the checker's help. */
  private plainSymbol(node: ts.Node): ts.Symbol | null {
    const { parent } = node;
    if (!this.ts.isPropertyAccessExpression(parent) || parent.name !== node) return this.ts.isIdentifier(node) ? this.scopes.variable(node) : null;
    // In `extends scheduler.Queue` a chain of names stands for a type.
    let at: ts.Node = parent.parent;
    while (this.ts.isPropertyAccessExpression(at)) at = at.parent;
    return this.ts.isExpressionWithTypeArguments(at) ? null : this.plain.member(parent);
  }

  sources(): readonly ts.SourceFile[] {
    return this.program.getSourceFiles();
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

  /** Whether a file is part of the language's own library. */
  isLibrary(source: ts.SourceFile): boolean {
    return this.program.isSourceFileDefaultLibrary(source);
  }

  /** Whether a library's file has any of our class tags in it. */
  isTagged(source: ts.SourceFile): boolean {
    let tagged = this.taggedCache.get(source);
    if (tagged === undefined) {
      tagged = /@(?:globalState|io|ioOrGs|common|coroutine|noCoroutine)\b/.test(source.text) || Object.keys(this.config.tags).some((tag) => source.text.includes(`@${tag}`));
      this.taggedCache.set(source, tagged);
    }
    return tagged;
  }

  /** Whether any library that the program sees has our tags in it. */
  hasTaggedLibraries(): boolean {
    this.taggedLibraries ??= this.program.getSourceFiles().some((source) => !this.program.isSourceFileDefaultLibrary(source) && this.isExternal(source) && this.isTagged(source));
    return this.taggedLibraries;
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
    for (const declaration of symbol.declarations ?? []) tags = merge(tags, this.ownTags(declaration));
    for (const declaration of symbol.declarations ?? []) {
      tags = merge(tags, this.inheritedTags(declaration, symbol.name));
      const typed = this.taggedType(declaration);
      if (typed !== null) tags = merge(tags, typed.tags);
      if (this.isExternal(declaration.getSourceFile())) {
        tags = merge(tags, this.containerTags(declaration));
        if (this.ts.isFunctionLike(declaration)) tags = merge(tags, this.moduleTags(declaration.getSourceFile()));
      }
    }
    tags = merge(tags, this.namedTags(symbol));
    this.tagCache.set(symbol, tags);
    return tags;
  }

  /** Tags written at the declaration itself, or given to it by a model. */
  ownTags(declaration: ts.Declaration): Tags {
    const known = this.ownTagCache.get(declaration);
    if (known !== undefined) return known;
    const uses = this.reader.mentions(declaration.getSourceFile()) ? this.reader.uses(declaration) : [];
    const own = uses.length === 0 ? NO_TAGS : this.reader.parse(uses, this.parameterNames(declaration));
    const tags = merge(own, this.modelTags(declaration));
    this.ownTagCache.set(declaration, tags);
    return tags;
  }

  /**
   * The predicate a function is: by its tags, or because every return of its body is a predicate's result or the
   * negation of one. Null for all others.
   */
  predicateOf(symbol: ts.Symbol): PredicateMeaning | null {
    const known = this.predicates.get(symbol);
    if (known !== undefined) return known;
    this.predicates.set(symbol, null);
    const tagged = this.tagsOf(symbol).predicate;
    const meaning = tagged !== undefined ? { kind: tagged, negated: false } : this.helperPredicate(symbol);
    this.predicates.set(symbol, meaning);
    return meaning;
  }

  private helperPredicate(symbol: ts.Symbol): PredicateMeaning | null {
    const { ts } = this;
    const declaration = this.definition(symbol);
    const node = declaration === null ? null : this.signatureNode(declaration);
    if (node === null || !this.names.isFunction(node) || node.body === undefined) return null;
    const body: ts.Node = node.body;
    if (!ts.isBlock(body)) return this.predicateExpression(body as ts.Expression);
    let result: PredicateMeaning | null | undefined;
    let steps = 0;
    const visit = (child: ts.Node): boolean => {
      if (++steps > 200 || this.names.isFunction(child) || ts.isClassLike(child)) return steps > 200;
      if (!ts.isReturnStatement(child)) return ts.forEachChild(child, visit) === true;
      const meaning = child.expression === undefined ? null : this.predicateExpression(child.expression);
      if (meaning === null || (result !== undefined && result !== null && (result.kind !== meaning.kind || result.negated !== meaning.negated))) {
        result = null;
        return true;
      }
      result = meaning;
      return false;
    };
    const stopped = ts.forEachChild(body, visit) === true;
    return stopped ? null : result ?? null;
  }

  private predicateExpression(expression: ts.Expression): PredicateMeaning | null {
    const { ts } = this;
    const e = skipTypes(ts, expression);
    if (ts.isAwaitExpression(e)) return this.predicateExpression(e.expression);
    if (ts.isPrefixUnaryExpression(e) && e.operator === ts.SyntaxKind.ExclamationToken) {
      const inner = this.predicateExpression(e.operand);
      return inner === null ? null : { kind: inner.kind, negated: !inner.negated };
    }
    if (ts.isCallExpression(e)) {
      const symbol = this.meaning(skipTypes(ts, e.expression));
      return symbol === null ? null : this.predicateOf(symbol);
    }
    if (ts.isIdentifier(e)) {
      const declaration = this.meaning(e)?.valueDeclaration;
      if (declaration !== undefined && ts.isVariableDeclaration(declaration) && declaration.initializer !== undefined
        && (ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const) !== 0 && !ts.isSourceFile(declaration.parent.parent.parent)) {
        return this.predicateExpression(declaration.initializer);
      }
    }
    return null;
  }

  private namedTags(symbol: ts.Symbol): Tags {
    const imported = this.runtimeImport(symbol);
    if (imported !== null) return RUNTIME_TAGS[imported] ?? NO_TAGS;
    const asserts = Object.hasOwn(this.config.assertions, symbol.name) ? this.config.assertions[symbol.name] : undefined;
    const predicate = Object.hasOwn(this.config.predicates, symbol.name) ? this.config.predicates[symbol.name] : undefined;
    return { ...(asserts === undefined ? {} : { asserts }), ...(predicate === undefined ? {} : { predicate }) };
  }

  private inheritedTags(declaration: ts.Declaration, name: string): Tags {
    const { member, container } = this.inherited(declaration, name);
    return merge(member, container);
  }

  /** Tags of the members it implements or overrides, and of the classes or interfaces that hold those. */
  inherited(declaration: ts.Declaration, name: string): { readonly member: Tags; readonly container: Tags } {
    const { ts } = this;
    const holder = declaration.parent as ts.Node | undefined;
    if (holder === undefined || !(ts.isClassLike(holder) || ts.isInterfaceDeclaration(holder)) || isStatic(ts, declaration) || ts.isConstructorDeclaration(declaration)) return NOTHING_INHERITED;
    if (holder.heritageClauses === undefined) return NOTHING_INHERITED;
    let member: Tags = NO_TAGS;
    let container: Tags = NO_TAGS;
    const seen = new Set<ts.Symbol>();
    const pending = this.baseSymbols(holder);
    for (let base = pending.shift(); base !== undefined; base = pending.shift()) {
      if (seen.has(base) || seen.size > 256) continue;
      seen.add(base);
      const inherited = base.members?.get(ts.escapeLeadingUnderscores(name));
      for (const d of inherited?.declarations ?? []) member = merge(member, this.ownTags(d));
      for (const d of base.declarations ?? []) {
        if (!ts.isClassLike(d) && !ts.isInterfaceDeclaration(d)) continue;
        if (inherited !== undefined) container = merge(container, this.classOnly(this.ownTags(d)));
        pending.push(...this.baseSymbols(d));
      }
    }
    return { member, container };
  }

  /** The tags of a class, interface or module that hold for the functions in it. */
  classOnly(tags: Tags): Tags {
    if (tags.class === undefined && tags.coroutine === undefined) return NO_TAGS;
    return { ...(tags.class === undefined ? {} : { class: tags.class }), ...(tags.coroutine === undefined ? {} : { coroutine: tags.coroutine }) };
  }

  /** Class and coroutine tags of the module that a source file is. */
  moduleTags(source: ts.SourceFile): Tags {
    let tags = this.moduleCache.get(source);
    if (tags === undefined) {
      tags = this.classOnly(this.reader.parse(this.reader.moduleUses(source), []));
      this.moduleCache.set(source, tags);
    }
    return tags;
  }

  /** Class and coroutine tags of the class, interface or object type around a member. */
  containerTags(declaration: ts.Node): Tags {
    const holder = declaration.parent as ts.Node | undefined;
    if (holder === undefined) return NO_TAGS;
    if (this.ts.isClassLike(holder) || this.ts.isInterfaceDeclaration(holder)) return this.classOnly(this.ownTags(holder));
    return this.ts.isTypeLiteralNode(holder) && this.ts.isTypeAliasDeclaration(holder.parent) ? this.classOnly(this.ownTags(holder.parent)) : NO_TAGS;
  }

  /** The declaration that names a function expression: a variable, property, assignment or export. */
  holderOf(node: ts.Node): ts.Node {
    const { ts } = this;
    if (!ts.isArrowFunction(node) && !ts.isFunctionExpression(node)) return node;
    let child: ts.Node = node;
    let at = node.parent;
    while (ts.isParenthesizedExpression(at) || ts.isAsExpression(at) || ts.isSatisfiesExpression(at) || ts.isNonNullExpression(at)) { child = at; at = at.parent; }
    const holds = (ts.isVariableDeclaration(at) || ts.isPropertyDeclaration(at) || ts.isPropertyAssignment(at)) ? at.initializer === child
      : ts.isExportAssignment(at) || (ts.isBinaryExpression(at) && at.right === child && at.operatorToken.kind === ts.SyntaxKind.EqualsToken);
    return holds ? at : node;
  }

  /** Tags written at a function or at what names it. */
  functionTags(node: ts.Node): Tags {
    const holder = this.holderOf(node);
    const own = this.ownTags(node as ts.Declaration);
    return holder === node ? own : merge(own, this.ownTags(holder as ts.Declaration));
  }

  /** A project's own member with one of these names (such as `[Symbol.iterator]`) in a type; null where there is none. */
  wellKnownMember(type: ts.Type, names: readonly string[]): ts.Declaration | null {
    const parts = type.isUnion() ? type.types : [type];
    for (const part of parts) {
      const symbol = part.symbol as ts.Symbol | undefined;
      if (symbol?.declarations?.some((d) => !this.isExternal(d.getSourceFile())) !== true) continue;
      for (const property of this.checker.getPropertiesOfType(part)) {
        for (const d of property.declarations ?? []) {
          const { name } = d as ts.NamedDeclaration;
          if (name !== undefined && this.ts.isFunctionLike(d) && names.includes(memberName(this.ts, name)) && !this.isExternal(d.getSourceFile())) return d;
        }
      }
    }
    return null;
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
      const initializer = declaration.initializer === undefined ? undefined : skipTypes(ts, declaration.initializer);
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

  /** The tagged function type that the place an expression is put into is declared with. */
  taggedPlace(expression: ts.Expression): ts.TypeAliasDeclaration | null {
    const alias = this.typeAlias(this.declaredType(expression));
    if (alias === null || this.functionType(alias.type) === null) return null;
    const tags = this.ownTags(alias);
    return tags.class === undefined && tags.coroutine === undefined ? null : alias;
  }

  /**
   * The declared type of the place that an expression is put into: a variable, a property, a parameter of a project's
   * function, a result. Null where none is declared, or where it names a class or a type that can hold no function.
   */
  placeType(expression: ts.Expression): ts.TypeNode | null {
    return this.structuralType(this.declaredType(expression));
  }

  private declaredType(expression: ts.Expression): ts.TypeNode | undefined {
    const { ts } = this;
    let child: ts.Node = expression;
    let at: ts.Node = expression.parent;
    while (ts.isParenthesizedExpression(at) || ts.isNonNullExpression(at) || (ts.isConditionalExpression(at) && at.condition !== child)) { child = at; at = at.parent; }
    if (!ts.isArrayLiteralExpression(at)) return this.declaredPlace(at, child);
    const whole = this.declaredType(at);
    const list = whole !== undefined && ts.isTypeOperatorNode(whole) ? whole.type : whole;
    if (list === undefined) return undefined;
    return ts.isArrayTypeNode(list) ? list.elementType : ts.isTypeReferenceNode(list) && /^(Readonly)?Array$/.test(list.typeName.getText()) ? list.typeArguments?.[0] : undefined;
  }

  private declaredPlace(at: ts.Node, child: ts.Node): ts.TypeNode | undefined {
    const { ts } = this;
    if (ts.isVariableDeclaration(at) || ts.isPropertyDeclaration(at) || ts.isParameter(at)) return at.type;
    if (ts.isAsExpression(at) || ts.isSatisfiesExpression(at)) return at.type;
    if (ts.isReturnStatement(at) || ts.isArrowFunction(at)) {
      let owner: ts.Node = at;
      while (!ts.isFunctionLike(owner) && !ts.isSourceFile(owner)) owner = owner.parent;
      const type = ts.isFunctionLike(owner) ? owner.type : undefined;
      return type !== undefined && ts.isTypeReferenceNode(type) && type.typeName.getText() === 'Promise' ? type.typeArguments?.[0] : type;
    }
    if (ts.isBinaryExpression(at) && at.right === child && (ts.isPropertyAccessExpression(at.left) || ts.isIdentifier(at.left))) {
      const declaration = this.meaning(at.left)?.valueDeclaration as { type?: ts.TypeNode } | undefined;
      return declaration?.type;
    }
    if (!ts.isCallExpression(at) && !ts.isNewExpression(at)) return undefined;
    const index = at.arguments?.indexOf(child as ts.Expression) ?? -1;
    const symbol = index < 0 ? null : this.meaning(skipTypes(ts, at.expression));
    const definition = symbol === null ? null : this.definition(symbol);
    if (definition === null) return undefined;
    if (this.isExternal(definition.getSourceFile())) return this.storedType(at.expression);
    const signature = ts.isClassLike(definition) ? definition.members.find((m) => ts.isConstructorDeclaration(m)) : this.signatureNode(definition);
    const parameters = signature === null || signature === undefined || !('parameters' in signature) ? [] : signature.parameters;
    const parameter = parameters[Math.min(index, parameters.length - 1)];
    if (parameter === undefined || (index >= parameters.length && parameter.dotDotDotToken === undefined)) return undefined;
    return parameter.dotDotDotToken !== undefined && parameter.type !== undefined && ts.isArrayTypeNode(parameter.type) ? parameter.type.elementType : parameter.type;
  }

  /** `list.push(f)`, `set.add(f)`, `map.set(k, f)`: the declared type of what the container holds. */
  private storedType(callee: ts.Expression): ts.TypeNode | undefined {
    const { ts } = this;
    if (!ts.isPropertyAccessExpression(callee) || !/^(push|unshift|splice|fill|add|set)$/.test(callee.name.text)) return undefined;
    const container = skipTypes(ts, callee.expression);
    if (!ts.isIdentifier(container) && !ts.isPropertyAccessExpression(container)) return undefined;
    const type = (this.meaning(container)?.valueDeclaration as { type?: ts.TypeNode } | undefined)?.type;
    if (type === undefined) return undefined;
    return ts.isArrayTypeNode(type) ? type.elementType : ts.isTypeReferenceNode(type) ? type.typeArguments?.at(-1) : undefined;
  }

  private structuralType(type: ts.TypeNode | undefined): ts.TypeNode | null {
    const { ts } = this;
    if (type === undefined) return null;
    if (ts.isTypeLiteralNode(type) || ts.isUnionTypeNode(type) || ts.isIntersectionTypeNode(type)) return type;
    if (!ts.isTypeReferenceNode(type)) return null;
    const declaration = this.symbolAt(ts.isQualifiedName(type.typeName) ? type.typeName.right : type.typeName)?.declarations?.[0];
    if (declaration === undefined) return null;
    if (ts.isTypeParameterDeclaration(declaration)) return this.structuralType(declaration.constraint);
    return ts.isClassLike(declaration) || ts.isEnumDeclaration(declaration) ? null : type;
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
  externalName(declaration: ts.Declaration): ExternalName {
    let name = this.externalNames.get(declaration);
    if (name === undefined) {
      name = { module: this.moduleOf(declaration), name: this.pathInModule(declaration) };
      this.externalNames.set(declaration, name);
    }
    return name;
  }

  private pathInModule(declaration: ts.Declaration): string {
    const { ts } = this;
    const parts: string[] = [];
    for (let at: ts.Node = declaration; !ts.isSourceFile(at); at = at.parent) {
      if (ts.isModuleDeclaration(at) && ts.isStringLiteral(at.name)) break;
      if (ts.isConstructorDeclaration(at) || ts.isConstructSignatureDeclaration(at)) { parts.unshift('new'); continue; }
      const name = (at as ts.NamedDeclaration).name;
      if (name !== undefined && !ts.isParameter(at)) parts.unshift(memberName(ts, name));
    }
    return parts.join('.').replace(/Constructor\b/, '');
  }

  private moduleOf(declaration: ts.Declaration): string {
    const { ts } = this;
    const source = declaration.getSourceFile();
    if (source.isDeclarationFile) {
      for (let at: ts.Node = declaration; !ts.isSourceFile(at); at = at.parent) if (ts.isModuleDeclaration(at) && ts.isStringLiteral(at.name)) return at.name.text;
    }
    let module = this.modules.get(source);
    if (module === undefined) {
      module = this.moduleOfFile(source);
      this.modules.set(source, module);
    }
    return module;
  }

  private moduleOfFile(source: ts.SourceFile): string {
    if (this.program.isSourceFileDefaultLibrary(source)) return 'lib';
    const inPackages = source.fileName.lastIndexOf('/node_modules/');
    if (inPackages < 0) return this.names.fileOf(source);
    const path = source.fileName.slice(inPackages + '/node_modules/'.length).split('/');
    const packageName = (path[0] ?? '').startsWith('@') ? `${path[0] ?? ''}/${path[1] ?? ''}` : path[0] ?? '';
    if (packageName === '@types/node') return 'node';
    return packageName.startsWith('@types/') ? packageName.slice('@types/'.length) : packageName;
  }

  private modelTags(declaration: ts.Declaration): Tags {
    const models = this.modelsOf(this.moduleOf(declaration));
    if (models.length === 0) return NO_TAGS;
    const isLibraryConstant = this.ts.isVariableDeclaration(declaration) && this.isExternal(declaration.getSourceFile());
    if (!isLibraryConstant && !this.ts.isFunctionLike(declaration) && this.signatureNode(declaration) === null) return NO_TAGS;
    const name = this.modelName(declaration);
    if (name === null) return NO_TAGS;
    for (const model of models) if (model.matches(name)) return model.tags;
    return NO_TAGS;
  }

  /**
   * The name by which a model speaks of a function: its own, within its class or object. Of a function inside another one that is the
   * inner name alone; a closure that nothing names has none, so that what a model says of a function does not hold for what it makes.
   */
  private modelName(declaration: ts.Declaration): string | null {
    const { ts } = this;
    if (this.isExternal(declaration.getSourceFile())) return this.externalName(declaration).name;
    if (ts.isParameter(declaration)) return null;
    const isAnonymous = ts.isArrowFunction(declaration) || (ts.isFunctionExpression(declaration) && declaration.name === undefined);
    const start = isAnonymous ? holderOf(ts, declaration) : declaration;
    if (start === null) return null;
    const { name } = this.externalName(start);
    let depth = 0;
    for (let at: ts.Node = start; !ts.isSourceFile(at); at = at.parent) {
      if (at !== start && ts.isFunctionLike(at)) return name.split('.').slice(-depth).join('.');
      if (ts.isConstructorDeclaration(at) || (at as ts.NamedDeclaration).name !== undefined) depth++;
    }
    return name;
  }

  /** The models that speak of a module. */
  private modelsOf(module: string): readonly CompiledModel[] {
    let models = this.modelsByModule.get(module);
    if (models === undefined) {
      models = this.models.filter((model) => model.isOf(module));
      this.modelsByModule.set(module, models);
    }
    return models;
  }

  private mayBeConstant(e: ts.PropertyAccessExpression): boolean {
    const root = e.expression;
    return this.ts.isIdentifier(root) && (/^\p{Lu}/u.test(root.text) || /^\p{Lu}/u.test(e.name.text) || this.constantObjects.has(root.text));
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
    if (ts.isPropertyAccessExpression(e) && !this.mayBeConstant(e)) return undefined;
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

/** `first` wins where both speak. */
export function merge(first: Tags, second: Tags): Tags {
  if (second === NO_TAGS) return first;
  return first === NO_TAGS ? second : { ...second, ...first };
}

interface ExternalName {
  readonly module: string;
  readonly name: string;
}

interface CompiledModel {
  readonly tags: Tags;
  isOf(module: string): boolean;
  matches(name: string): boolean;
}

function compileModel(model: Model): CompiledModel {
  const { module, name, except, runs, ...rest } = model;
  const modulePattern = globPattern(module.replace(/^node:/, ''), true);
  const namePattern = globPattern(name, false);
  const exceptions = (except ?? []).map((e) => globPattern(e, false));
  const tags: Tags = {
    ...(Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as Tags),
    ...(runs === undefined ? {} : { runs: runs.map((r) => ({ param: r.param, context: r.context, wait: r.wait === true })) }),
  };
  return {
    tags: { ...tags, fromModel: true },
    isOf: (m) => [m.replace(/^node:/, ''), m.replace(/(\.d)?\.[cm]?[jt]sx?$/, '')].some((path) => modulePattern.test(path)),
    matches: (n) => namePattern.test(n) && !exceptions.some((e) => e.test(n)),
  };
}

/** The variable, property or member that an anonymous function is the value of. */
function holderOf(compiler: Compiler, value: ts.Node): ts.Declaration | null {
  let at = value;
  while (compiler.isParenthesizedExpression(at.parent) || compiler.isAsExpression(at.parent) || compiler.isSatisfiesExpression(at.parent)) at = at.parent;
  const holder = at.parent;
  const holds = compiler.isVariableDeclaration(holder) || compiler.isPropertyDeclaration(holder) || compiler.isPropertyAssignment(holder);
  return holds && holder.initializer === at ? holder : null;
}

/** A pattern as a regular expression: with `segments`, `*` stays within a part of a path, and `**` crosses none or many. */
export function globPattern(glob: string, segments: boolean): RegExp {
  const source = glob.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replace(/\*\*\/|\*\*|\*/g, (star) => {
    if (star === '**/' && segments) return '(?:.*/)?';
    return star === '*' && segments ? '[^/]*' : `.*${star === '**/' ? '/' : ''}`;
  });
  return new RegExp(`^${source}$`);
}
