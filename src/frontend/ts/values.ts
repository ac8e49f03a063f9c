/**
 * Which functions an expression may stand for, as a `Value` over cells.
 *
 * In: expressions. Out: values, or null where no function can come from it.
 * Objects and containers are one cell with what they hold, except that members with a declaration have cells of their own.
 * Leaves to others: where values flow (`body.ts`), solving (`callgraph`).
 */
import type ts from 'typescript';
import type { Compiler } from './compiler.ts';
import type { MemberSummary, Value } from '../../model/summary.ts';
import { isStatic, type Names } from './names.ts';
import type { NameSet } from './prepass.ts';
import { NO_TAGS, type Symbols } from './symbols.ts';
import { skipTypes } from './traverse.ts';

export interface SiteIndex {
  /** Index of the call site made for a call expression that was walked already. */
  siteOf(node: ts.Node): number | undefined;
  /** Whether the call takes anything that could come out of it again. */
  takesValues(site: number): boolean;
}

/** A table with more members than this is no list of handlers to choose from. */
const MAX_MEMBERS = 256;

const NO_SITES: SiteIndex = { siteOf: () => undefined, takesValues: () => true };

export class Values {
  /** Tagged members of libraries that the file at hand fills; emptied for every file. */
  readonly externalSlots = new Map<string, MemberSummary>();
  private readonly symbols: Symbols;
  private readonly names: Names;
  private readonly callable: NameSet;
  private readonly aliases = new Map<ts.Declaration, Value | null>();

  /** `callable`: names of members that can hold functions. */
  constructor(symbols: Symbols, callable: NameSet) {
    this.symbols = symbols;
    this.names = symbols.names;
    this.callable = callable;
  }

  /** `called`: the value is called, so that it is a function whatever its declared type seems to say. */
  of(expression: ts.Expression, sites: SiteIndex, called = false): Value | null {
    const { ts } = this.symbols;
    const e = skipTypes(ts, expression);
    if (ts.isArrowFunction(e) || ts.isFunctionExpression(e)) return { k: 'fn', key: this.names.key(e) };
    if (ts.isClassExpression(e)) return { k: 'class', key: this.names.key(e) };
    if (ts.isIdentifier(e)) return this.reference(e, sites, called);
    if (ts.isPropertyAccessExpression(e)) return called || this.mayHoldFunction(e) ? this.reference(e, sites, called) : this.constant(e);
    if (ts.isElementAccessExpression(e)) {
      const named = ts.isStringLiteralLike(e.argumentExpression) ? this.reference(e, sites, called) : null;
      if (named !== null) return named;
      const held = this.of(e.expression, sites);
      return called ? any([held, this.membersByName(e, true)]) : held ?? this.membersByName(e, false);
    }
    if (ts.isCallExpression(e) || ts.isNewExpression(e) || ts.isTaggedTemplateExpression(e)) {
      const bound = ts.isCallExpression(e) ? this.boundFunction(e, sites) : null;
      if (bound !== null) return bound;
      const site = sites.siteOf(e);
      return site === undefined || !this.resultHolds(e, site, sites, called) ? null : { k: 'call', site };
    }
    if (ts.isAwaitExpression(e)) return this.of(e.expression, sites);
    if (ts.isYieldExpression(e)) return null;
    if (ts.isConditionalExpression(e)) return any([this.of(e.whenTrue, sites), this.of(e.whenFalse, sites)]);
    if (ts.isBinaryExpression(e)) {
      switch (e.operatorToken.kind) {
        case ts.SyntaxKind.BarBarToken: case ts.SyntaxKind.QuestionQuestionToken: case ts.SyntaxKind.AmpersandAmpersandToken:
          return any([this.of(e.left, sites), this.of(e.right, sites)]);
        case ts.SyntaxKind.CommaToken: case ts.SyntaxKind.EqualsToken:
        case ts.SyntaxKind.BarBarEqualsToken: case ts.SyntaxKind.QuestionQuestionEqualsToken: case ts.SyntaxKind.AmpersandAmpersandEqualsToken:
          return this.of(e.right, sites);
        default: return null;
      }
    }
    if (ts.isArrayLiteralExpression(e)) return any(e.elements.map((element) => this.of(ts.isSpreadElement(element) ? element.expression : element, sites)));
    if (ts.isObjectLiteralExpression(e)) {
      return any(e.properties.map((property) => {
        if (ts.isMethodDeclaration(property)) return { k: 'fn', key: this.names.key(property) };
        if (ts.isPropertyAssignment(property)) return this.of(property.initializer, sites);
        if (ts.isShorthandPropertyAssignment(property)) return this.reference(property.name, sites);
        return ts.isSpreadAssignment(property) ? this.of(property.expression, sites) : null;
      }));
    }
    if (e.kind === ts.SyntaxKind.ThisKeyword) return this.staticThis(e);
    return this.constant(e);
  }

  /**
   * Whether the result of a call can hold a function. A declared type tells, and where that is open (`get<T>(id: Id<T>): T`)
   * the type at the call does. What a project's function returns without saying so is followed anyway.
   */
  private resultHolds(e: ts.CallExpression | ts.NewExpression | ts.TaggedTemplateExpression, site: number, sites: SiteIndex, called: boolean): boolean {
    const { ts, holding } = this.symbols;
    if (called) return true;
    const symbol = this.symbols.meaning(skipTypes(ts, ts.isTaggedTemplateExpression(e) ? e.tag : e.expression));
    const definition = symbol === null ? null : this.symbols.definition(symbol);
    if (definition === null) return true;
    const external = this.symbols.isExternal(definition.getSourceFile());
    // A library gives back what it was given, or nothing that we know of.
    if (external && !sites.takesValues(site)) return false;
    if (ts.isNewExpression(e)) return external ? this.isHeld(e) : !ts.isClassLike(definition);
    const type = this.symbols.signatureNode(definition)?.type;
    return type === undefined || ts.isFunctionTypeNode(type) || (holding.mayHold(type) && this.isHeld(e));
  }

  private isHeld(e: ts.CallExpression | ts.NewExpression | ts.TaggedTemplateExpression): boolean {
    const { ts, checker, holding, plain, results } = this.symbols;
    const type = ts.isTaggedTemplateExpression(e) ? null : plain.result(e);
    if (type !== null) return holding.type(type);
    return (ts.isCallExpression(e) ? results.call(e) : ts.isNewExpression(e) ? results.collection(e) : null) ?? holding.type(checker.getTypeAtLocation(e));
  }

  /** `table[name]`, where the table is known by its type: the members that the name's type allows. */
  private membersByName(e: ts.ElementAccessExpression, called: boolean): Value | null {
    const { ts, checker, holding } = this.symbols;
    if (!called && (ts.isNumericLiteral(e.argumentExpression) || !holding.type(checker.getTypeAtLocation(e)))) return null;
    const table = checker.getNonNullableType(checker.getTypeAtLocation(e.expression));
    const name = checker.getTypeAtLocation(e.argumentExpression);
    const names = (name.isUnion() ? name.types : [name]).map((part) => (part.isStringLiteral() ? part.value : null));
    const properties = names.includes(null)
      ? (name.flags & ts.TypeFlags.NumberLike) === 0 ? checker.getPropertiesOfType(table) : []
      : names.flatMap((text) => checker.getPropertyOfType(table, text as string) ?? []);
    if (properties.length > MAX_MEMBERS) return null;
    return any(properties.map((property) => {
      const declaration = this.symbols.definition(property);
      if (declaration === null || !this.symbols.isExternal(declaration.getSourceFile())) return this.boundProperty(table, property.name, null);
      return ts.isFunctionLike(declaration) || (isTyped(ts, declaration) && holding.declared(declaration)) ? this.external(declaration, property) : null;
    }));
  }

  /** What a call calls; any member can be that. */
  callee(expression: ts.Expression, sites: SiteIndex): Value | null {
    return this.of(expression, sites, true);
  }

  private constant(e: ts.Expression): Value | null {
    const literal = this.symbols.literal(e);
    return literal === undefined ? null : { k: 'lit', value: literal };
  }

  /** Whether a property can hold a function: by its name, or because it is a member of a module. */
  private mayHoldFunction(e: ts.PropertyAccessExpression): boolean {
    const { ts } = this.symbols;
    if (this.callable.has(e.name.text)) return true;
    if (!ts.isIdentifier(e.expression)) return false;
    const declaration = this.symbols.symbolAt(e.expression)?.declarations?.[0];
    return declaration !== undefined && (ts.isSourceFile(declaration) || ts.isModuleDeclaration(declaration) || (ts.isVariableDeclaration(declaration) && this.symbols.isExternal(declaration.getSourceFile())));
  }

  /** `this` in a static member is the class. */
  private staticThis(e: ts.Node): Value | null {
    const { ts } = this.symbols;
    for (let at = e.parent; !ts.isSourceFile(at); at = at.parent) {
      if (ts.isClassElement(at)) return ts.isClassStaticBlockDeclaration(at) || isStatic(ts, at) ? { k: 'class', key: this.names.key(at.parent) } : null;
      if (ts.isFunctionDeclaration(at) || ts.isFunctionExpression(at)) return null;
    }
    return null;
  }

  /** `f.bind(x, a)` is `f` with its first parameter given. */
  private boundFunction(call: ts.CallExpression, sites: SiteIndex): Value | null {
    const { ts } = this.symbols;
    const callee = skipTypes(ts, call.expression);
    if (!ts.isPropertyAccessExpression(callee) || callee.name.text !== 'bind') return null;
    const declaration = this.symbols.meaning(callee)?.declarations?.[0];
    if (declaration !== undefined && !this.symbols.isExternal(declaration.getSourceFile())) return null;
    const target = this.of(callee.expression, sites);
    if (target === null || call.arguments.length <= 1) return target;
    return { k: 'bound', target, args: call.arguments.slice(1).map((argument) => (ts.isSpreadElement(argument) ? null : this.of(argument, sites))) };
  }

  /** What an identifier or property access refers to. */
  reference(e: ts.Expression, sites: SiteIndex, called = false): Value | null {
    const { ts } = this.symbols;
    const symbol = this.symbols.meaning(e);
    if (symbol === null) return null;
    const declarations = symbol.declarations;
    if (declarations === undefined || declarations.length === 0) {
      if (ts.isIdentifier(e) && e.text === 'undefined') return { k: 'lit', value: null };
      return ts.isPropertyAccessExpression(e) ? this.of(e.expression, sites) : null;
    }
    const runtime = declarations[0] !== undefined && ts.isImportSpecifier(declarations[0]) ? this.symbols.tagsOf(symbol) : null;
    if (runtime !== null) return { k: 'external', name: symbol.name, module: 'gsio/runtime', tags: runtime };
    if (declarations.length > 1 && ts.isPropertyAccessExpression(e)) {
      // A member of a union type: one declaration a constituent, or merged declarations of one function.
      const values = declarations.map((d) => this.declared(d, symbol, e, sites, called));
      const distinct = new Map(values.filter((v) => v !== null).map((v) => [JSON.stringify(v), v]));
      return any([...distinct.values()]);
    }
    const definition = this.symbols.definition(symbol);
    return definition === null ? null : this.declared(definition, symbol, e, sites, called);
  }

  private declared(declaration: ts.Declaration, symbol: ts.Symbol, e: ts.Expression, sites: SiteIndex, called: boolean): Value | null {
    const { ts } = this.symbols;
    const holds = (): boolean => called || this.symbols.holding.declared(declaration);
    if (ts.isEnumMember(declaration)) {
      const literal = this.symbols.literal(e);
      return literal === undefined ? null : { k: 'lit', value: literal };
    }
    if (ts.isClassLike(declaration)) {
      if (this.symbols.isExternal(declaration.getSourceFile())) return this.external(declaration, symbol);
      return { k: 'class', key: this.names.key(declaration) };
    }
    if (this.symbols.isExternal(declaration.getSourceFile())) return !isTyped(ts, declaration) || holds() ? this.external(declaration, symbol) : null;
    if (ts.isFunctionDeclaration(declaration) || ts.isFunctionExpression(declaration)) return { k: 'fn', key: this.names.key(declaration) };
    if (ts.isMethodDeclaration(declaration)) {
      if (ts.isObjectLiteralExpression(declaration.parent)) return { k: 'cell', key: this.names.key(declaration) };
      const exact = isStatic(ts, declaration) || isSuper(ts, e);
      return { k: 'member', key: this.memberKey(declaration), ...(exact ? { exact: true } : {}) };
    }
    if (ts.isMethodSignature(declaration)) return { k: 'member', key: this.memberKey(declaration) };
    if (ts.isPropertySignature(declaration) || ts.isPropertyDeclaration(declaration)) return holds() ? { k: 'member', key: this.memberKey(declaration) } : null;
    if (ts.isGetAccessor(declaration) || ts.isSetAccessor(declaration)) {
      const site = sites.siteOf(e);
      return site === undefined ? null : { k: 'call', site };
    }
    if (ts.isParameter(declaration)) return this.parameter(declaration);
    if (ts.isVariableDeclaration(declaration) || ts.isBindingElement(declaration)) {
      const typed = this.symbols.taggedType(declaration);
      if (typed !== null) return { k: 'member', key: this.names.key(typed.alias) };
      const held = constantFunction(ts, declaration);
      if (held !== null) return { k: 'fn', key: this.names.key(held) };
      const member = this.memberAlias(declaration);
      if (member !== null) return member;
      const literal = ts.isVariableDeclaration(declaration) ? this.symbols.literal(e) : undefined;
      if (literal !== undefined) return { k: 'lit', value: literal };
      return holds() ? { k: 'cell', key: this.cellKey(declaration) } : null;
    }
    if (ts.isPropertyAssignment(declaration) || ts.isShorthandPropertyAssignment(declaration)) return { k: 'cell', key: this.names.key(declaration) };
    if (ts.isBinaryExpression(declaration) || ts.isPropertyAccessExpression(declaration) || ts.isElementAccessExpression(declaration)) return { k: 'cell', key: this.expandoKey(declaration) };
    return null;
  }

  /** `const { flush } = driver;` and `const flush = driver.flush;`: the member that a constant or parameter is another name of. */
  private memberAlias(declaration: ts.VariableDeclaration | ts.BindingElement): Value | null {
    const known = this.aliases.get(declaration);
    if (known !== undefined) return known;
    this.aliases.set(declaration, null);
    const value = this.findMemberAlias(declaration);
    const member = value?.k === 'member' || value?.k === 'external' || value?.k === 'fn' ? value : null;
    this.aliases.set(declaration, member);
    return member;
  }

  private findMemberAlias(declaration: ts.VariableDeclaration | ts.BindingElement): Value | null {
    const { ts, checker } = this.symbols;
    let root: ts.Node = declaration;
    while (ts.isBindingElement(root)) root = root.parent.parent;
    if (ts.isVariableDeclaration(root) ? (ts.getCombinedNodeFlags(root) & ts.NodeFlags.Const) === 0 : !ts.isParameter(root)) return null;
    if (ts.isBindingElement(declaration)) {
      const { parent, propertyName, name, dotDotDotToken, initializer } = declaration;
      if (!ts.isObjectBindingPattern(parent) || dotDotDotToken !== undefined || initializer !== undefined) return null;
      const property = propertyName ?? name;
      const text = ts.isIdentifier(property) || ts.isStringLiteralLike(property) ? property.text : null;
      if (text === null) return null;
      if (ts.isVariableDeclaration(parent.parent) && this.isModule(parent.parent.initializer)) return this.moduleMember(checker.getTypeAtLocation(parent), text);
      return this.callable.has(text) ? this.propertyValue(checker.getTypeAtLocation(parent), text) : null;
    }
    if (declaration.initializer === undefined || declaration.type !== undefined) return null;
    const held = skipTypes(ts, declaration.initializer);
    return ts.isPropertyAccessExpression(held) && this.callable.has(held.name.text) ? this.reference(held, NO_SITES) : null;
  }

  /** `fs` of an import, `require('node:fs')`, `await import('node:fs')`. */
  private isModule(expression: ts.Expression | undefined): boolean {
    const { ts } = this.symbols;
    if (expression === undefined) return false;
    const e = skipTypes(ts, expression);
    if (ts.isIdentifier(e)) return ((this.symbols.meaning(e)?.flags ?? 0) & ts.SymbolFlags.ValueModule) !== 0;
    const call = ts.isAwaitExpression(e) ? skipTypes(ts, e.expression) : e;
    return ts.isCallExpression(call) && (call.expression.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(call.expression) && call.expression.text === 'require'));
  }

  private moduleMember(type: ts.Type, name: string): Value | null {
    const { ts, checker } = this.symbols;
    const found = checker.getPropertyOfType(type, name);
    if (found === undefined) return null;
    const symbol = (found.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(found) : found;
    const declaration = this.symbols.definition(symbol);
    return declaration !== null && this.symbols.isExternal(declaration.getSourceFile()) ? this.external(declaration, symbol) : this.propertyValue(type, name);
  }

  parameter(declaration: ts.ParameterDeclaration): Value | null {
    const { ts } = this.symbols;
    const typed = this.symbols.taggedType(declaration);
    if (typed !== null) return { k: 'member', key: this.names.key(typed.alias) };
    const owner = declaration.parent;
    if (!this.names.isFunction(owner) || owner.body === undefined) return null;
    const index = owner.parameters.filter((p) => !isThisParameter(ts, p)).indexOf(declaration);
    return { k: 'param', fn: this.names.key(owner), index };
  }

  /** Where a value assigned to this expression goes; null where an accessor takes it, or nobody knows. */
  target(expression: ts.Expression): Value | null {
    const { ts } = this.symbols;
    const e = skipTypes(ts, expression);
    if (ts.isElementAccessExpression(e) && !ts.isStringLiteralLike(e.argumentExpression)) return this.of(e.expression, NO_SITES);
    if (!ts.isIdentifier(e) && !ts.isPropertyAccessExpression(e) && !ts.isElementAccessExpression(e)) return null;
    const symbol = this.symbols.meaning(e);
    const declaration = symbol?.valueDeclaration ?? symbol?.declarations?.[0];
    if (declaration === undefined) return ts.isPropertyAccessExpression(e) ? this.of(e.expression, NO_SITES) : null;
    if (ts.isVariableDeclaration(declaration) || ts.isBindingElement(declaration)) {
      const typed = this.symbols.taggedType(declaration);
      return typed !== null ? { k: 'member', key: this.names.key(typed.alias) } : { k: 'cell', key: this.cellKey(declaration) };
    }
    if (ts.isGetAccessor(declaration) || ts.isSetAccessor(declaration)) return null;
    const value = this.reference(e, NO_SITES);
    return value !== null && (value.k === 'cell' || value.k === 'member' || value.k === 'param' || value.k === 'any') ? value : null;
  }

  /** The channels that an emitter speaks on: its project class and that one's bases, or the variable it is. */
  channels(receiver: ts.Expression): string[] {
    const { ts, checker } = this.symbols;
    const type = checker.getNonNullableType(checker.getTypeAtLocation(receiver));
    const channels: string[] = [];
    const pending = [type.symbol as ts.Symbol | undefined];
    for (let i = 0; i < pending.length && i < 64; i++) {
      for (const d of pending[i]?.declarations ?? []) {
        if ((!ts.isClassLike(d) && !ts.isInterfaceDeclaration(d)) || this.symbols.isExternal(d.getSourceFile())) continue;
        channels.push(this.names.key(d));
        pending.push(...this.symbols.baseSymbols(d));
      }
    }
    if (channels.length > 0) return channels;
    const declaration = this.symbols.meaning(skipTypes(ts, receiver))?.valueDeclaration;
    if (declaration === undefined || this.symbols.isExternal(declaration.getSourceFile())) return [];
    return [ts.isVariableDeclaration(declaration) || ts.isBindingElement(declaration) ? this.cellKey(declaration) : this.names.key(declaration)];
  }

  external(declaration: ts.Declaration, symbol: ts.Symbol): Value {
    const { module, name } = this.symbols.externalName(declaration);
    const { ts } = this.symbols;
    const plain = symbol.declarations?.every((d) => ts.isFunctionLike(d) && d.type !== undefined && !this.symbols.holding.mayHold(d.type)) === true;
    const opaque = this.opaqueParameters(symbol);
    return { k: 'external', name, module, tags: this.symbols.tagsOf(symbol), ...(plain ? { plain: true as const } : {}), ...(opaque.length === 0 ? {} : { opaque }) };
  }

  /** Parameters that a library can't call by their type: `unknown`, `object`, a type parameter without constraint. */
  private opaqueParameters(symbol: ts.Symbol): readonly number[] {
    const { ts } = this.symbols;
    const signatures = (symbol.declarations ?? []).flatMap((d) => (ts.isClassDeclaration(d) ? d.members.filter(ts.isConstructorDeclaration) : ts.isFunctionLike(d) ? [d] : []));
    const [first, ...others] = signatures;
    if (first === undefined) return [];
    return first.parameters.flatMap((parameter, index) => ([first, ...others].every((signature) => this.isOpaque(signature, signature.parameters[index] ?? parameter)) ? [index] : []));
  }

  private isOpaque(signature: ts.SignatureDeclaration, { type, dotDotDotToken }: ts.ParameterDeclaration): boolean {
    const { ts } = this.symbols;
    if (type === undefined || dotDotDotToken !== undefined) return false;
    if (type.kind === ts.SyntaxKind.UnknownKeyword || type.kind === ts.SyntaxKind.ObjectKeyword) return true;
    if (!ts.isTypeReferenceNode(type) || !ts.isIdentifier(type.typeName)) return false;
    const { text } = type.typeName;
    const declared = signature.typeParameters?.find((one) => one.name.text === text);
    return declared !== undefined && declared.constraint === undefined;
  }

  /** A tagged member of a library's interface is a slot like any other; the file that fills it tells of it. */
  private externalSlot(declaration: ts.Declaration, symbol: ts.Symbol): Value | null {
    const { ts } = this.symbols;
    if (!ts.isMethodSignature(declaration) && !ts.isPropertySignature(declaration) && !ts.isPropertyDeclaration(declaration)) return null;
    const tags = this.symbols.tagsOf(symbol);
    if (tags.class === undefined && tags.coroutine === undefined) return null;
    const key = this.names.key(declaration);
    const holder = declaration.parent;
    const table = (ts.isInterfaceDeclaration(holder) || ts.isClassLike(holder)) && holder.name !== undefined ? holder.name.text : '{…}';
    const span = { line: 1, column: 1, endLine: 1, endColumn: 1 };
    this.externalSlots.set(key, {
      key, table, name: symbol.name, span, container: this.names.key(holder), slot: true, external: true,
      tags, inheritedTags: NO_TAGS, inheritedContainerTags: NO_TAGS, containerTags: NO_TAGS, moduleTags: NO_TAGS, typeTags: NO_TAGS,
    });
    return { k: 'member', key };
  }

  memberKey(declaration: ts.Declaration): string {
    return this.names.key(declaration);
  }

  /** Cell of a variable: by name at the top level, where other files can see it; by place elsewhere. */
  cellKey(declaration: ts.VariableDeclaration | ts.BindingElement): string {
    const { ts } = this.symbols;
    const source = declaration.getSourceFile();
    const topLevel = ts.isVariableDeclaration(declaration) && ts.isVariableStatement(declaration.parent.parent) && ts.isSourceFile(declaration.parent.parent.parent);
    return topLevel && ts.isIdentifier(declaration.name) ? this.names.key(declaration) : `${this.names.fileOf(source)}@${String(declaration.pos)}`;
  }

  expandoKey(declaration: ts.Node): string {
    const { ts } = this.symbols;
    const target = ts.isBinaryExpression(declaration) ? declaration.left : declaration;
    return `${this.names.fileOf(declaration.getSourceFile())}#=${target.getText().slice(0, 80)}`;
  }

  /** The slot that a property of this name in a place of this type is put into; `known`: such a slot may exist by name. */
  slotOf(type: ts.Type, name: string, known: boolean): Value | null {
    const { ts, checker } = this.symbols;
    const wanted = checker.getNonNullableType(type);
    if (known) {
      const declared = this.propertyValue(wanted, name);
      if (declared !== null) return declared;
    }
    const property = checker.getPropertyOfType(wanted, name);
    const valueType = property === undefined ? checker.getIndexTypeOfType(wanted, ts.IndexKind.String) : property.declarations === undefined ? checker.getTypeOfSymbol(property) : undefined;
    const alias = valueType?.aliasSymbol?.declarations?.find((d) => ts.isTypeAliasDeclaration(d));
    return alias !== undefined && this.symbols.signatureNode(alias) !== null ? { k: 'member', key: this.names.key(alias) } : null;
  }

  /** The cells a property name of an object type stands for: the slot it is declared as. */
  propertyValue(type: ts.Type, name: string): Value | null {
    return this.boundProperty(type, name, null);
  }

  /** The same for a name that a pattern binds; what is not declared as a member is what the whole object holds. */
  boundProperty(type: ts.Type, name: string, whole: Value | null): Value | null {
    const { ts } = this.symbols;
    const found = this.symbols.checker.getPropertyOfType(this.symbols.checker.getNonNullableType(type), name);
    if (found === undefined) return whole;
    const property = (found.flags & ts.SymbolFlags.Alias) !== 0 ? this.symbols.checker.getAliasedSymbol(found) : found;
    const declarations = property.declarations ?? [];
    if (declarations.length > 0 && declarations.every((d) => isTyped(ts, d) && !this.symbols.holding.declared(d))) return null;
    return any(declarations.map((d) => {
      if (this.symbols.isExternal(d.getSourceFile())) return this.externalSlot(d, property);
      if (ts.isPropertyAssignment(d) || ts.isShorthandPropertyAssignment(d) || (ts.isMethodDeclaration(d) && ts.isObjectLiteralExpression(d.parent))) return { k: 'cell', key: this.names.key(d) };
      if (ts.isMethodSignature(d) || ts.isPropertySignature(d) || ts.isPropertyDeclaration(d) || ts.isMethodDeclaration(d)) return { k: 'member', key: this.memberKey(d) };
      if (ts.isFunctionDeclaration(d)) return { k: 'fn', key: this.names.key(d) };
      if (ts.isClassLike(d)) return { k: 'class', key: this.names.key(d) };
      if (ts.isVariableDeclaration(d)) {
        const held = constantFunction(ts, d);
        return held !== null ? { k: 'fn', key: this.names.key(held) } : { k: 'cell', key: this.cellKey(d) };
      }
      return ts.isParameter(d) ? this.parameter(d) : null;
    })) ?? whole;
  }
}

/** The function that a constant holds and nothing else: a call of the constant is a call of it. */
function constantFunction(compiler: Compiler, declaration: ts.Node): ts.ArrowFunction | ts.FunctionExpression | null {
  if (!compiler.isVariableDeclaration(declaration) || declaration.initializer === undefined) return null;
  if ((compiler.getCombinedNodeFlags(declaration) & compiler.NodeFlags.Const) === 0) return null;
  const e = skipTypes(compiler, declaration.initializer);
  return compiler.isArrowFunction(e) || compiler.isFunctionExpression(e) ? e : null;
}

/** Whether a type stands (or could stand) beside the name. */
function isTyped(compiler: Compiler, declaration: ts.Declaration): boolean {
  return compiler.isPropertySignature(declaration) || compiler.isPropertyDeclaration(declaration) || compiler.isVariableDeclaration(declaration) || compiler.isParameter(declaration);
}

function isThisParameter(compiler: Compiler, parameter: ts.ParameterDeclaration): boolean {
  return compiler.isIdentifier(parameter.name) && parameter.name.text === 'this';
}

function isSuper(compiler: Compiler, e: ts.Expression): boolean {
  return (compiler.isPropertyAccessExpression(e) || compiler.isElementAccessExpression(e)) && e.expression.kind === compiler.SyntaxKind.SuperKeyword;
}

export function any(values: readonly (Value | null)[]): Value | null {
  const present = values.filter((value) => value !== null);
  return present.length === 0 ? null : present.length === 1 ? present[0] as Value : { k: 'any', of: present };
}

