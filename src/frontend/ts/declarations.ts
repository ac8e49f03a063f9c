/**
 * The declarations of one file: functions, members, types, exports, and the faults in their tags.
 *
 * In: the syntax tree, tags and types. Out: the matching parts of the `FileSummary`.
 * Leaves to others: what happens inside bodies (`statements.ts`), which class follows from the tags (`classify`).
 */
import type ts from 'typescript';
import type { Compiler } from './compiler.ts';
import type {
  ExportSummary, FunctionKind, MemberSummary, ParamSummary, TagProblem, Tags, TypeSummary,
} from '../../model/summary.ts';
import { isStatic, memberName, spanOf, type FunctionNode } from './names.ts';
import { NO_TAGS } from './symbols.ts';
import { allowedOn, moduleComment, type TagUse } from './tags.ts';
import { forEachNode, skipTypes } from './traverse.ts';
import type { Walk } from './walk.ts';

/** What is known of a function before its body is walked. */
export interface FunctionHead {
  readonly key: string;
  readonly name: string;
  readonly kind: FunctionKind;
  readonly node: FunctionNode | ts.SourceFile | ts.ClassLikeDeclaration | ts.SignatureDeclaration;
  readonly nameNode: ts.Node;
  readonly parent: string | null;
  readonly container: string | null;
  readonly hasBody: boolean;
  readonly async: boolean;
  readonly generator: boolean;
  readonly tags: Tags;
  readonly inheritedTags: Tags;
  readonly inheritedContainerTags: Tags;
  readonly containerTags: Tags;
  readonly moduleTags: Tags;
  readonly typeTags: Tags;
  readonly literalMember: boolean;
  readonly expressionBody: boolean;
  readonly params: readonly ParamSummary[];
}

export interface Declarations {
  readonly functions: readonly FunctionHead[];
  readonly members: readonly MemberSummary[];
  readonly types: readonly TypeSummary[];
  readonly tagProblems: readonly TagProblem[];
}

type TagTarget = Parameters<typeof allowedOn>[1];

export class DeclarationReader {
  private readonly walk: Walk;
  private readonly ts: Compiler;
  private readonly functions: FunctionHead[] = [];
  private readonly members: MemberSummary[] = [];
  private readonly types: TypeSummary[] = [];
  private readonly tagProblems: TagProblem[] = [];
  private readonly moduleTags: Tags;
  /** Whether a doc comment stands behind other code on its line. */
  private readonly hasCommentsBehind: boolean;

  constructor(walk: Walk) {
    this.walk = walk;
    this.ts = walk.ts;
    this.moduleTags = walk.symbols.moduleTags(walk.source);
    this.hasCommentsBehind = /[^\s][ \t]*\/\*\*[^/]/.test(walk.source.text);
  }

  read(): Declarations {
    const { source } = this.walk;
    this.functions.push(this.moduleHead());
    this.moduleFaults();
    forEachNode(this.ts, source, (node) => { this.visit(node); });
    return { functions: this.functions, members: this.members, types: this.types, tagProblems: this.tagProblems };
  }

  private visit(node: ts.Node): void {
    const { ts } = this;
    const docs = (node as { jsDoc?: readonly ts.JSDoc[] }).jsDoc;
    this.faults(node, docs ?? []);
    if (this.walk.names.isFunction(node)) { this.functionLike(node); return; }
    if (ts.isClassLike(node)) this.classLike(node);
    else if (ts.isInterfaceDeclaration(node)) this.typeLike(node, node.members, 'interface');
    else if (ts.isTypeAliasDeclaration(node)) this.alias(node);
    else if (ts.isTypeLiteralNode(node) && !ts.isTypeAliasDeclaration(node.parent)) this.membersOf(node.members, node, '{…}');
  }

  // ---- functions ---------------------------------------------------------------------------------------------------

  private moduleHead(): FunctionHead {
    const { source, names } = this.walk;
    return {
      key: names.moduleKey(source), name: '<module>', kind: 'module', node: source, nameNode: source, parent: null, container: null, hasBody: true,
      async: false, generator: false, tags: NO_TAGS, inheritedTags: NO_TAGS, inheritedContainerTags: NO_TAGS, containerTags: NO_TAGS, moduleTags: NO_TAGS,
      typeTags: NO_TAGS, literalMember: false, expressionBody: false, params: [],
    };
  }

  private functionLike(node: FunctionNode): void {
    const { ts, walk } = this;
    const { names, symbols } = walk;
    const hasBody = node.body !== undefined;
    // Overload signatures say their tags for the implementation; a function without any body stands for itself.
    if (!hasBody && !this.isLoneSignature(node)) return;
    const holder = symbols.holderOf(node);
    const inClass = ts.isClassLike(node.parent);
    const field = ts.isPropertyDeclaration(holder) && holder !== (node as ts.Node);
    const literalMember = (ts.isObjectLiteralExpression(node.parent) && holder === node) || (ts.isPropertyAssignment(holder) && holder !== (node as ts.Node));
    const member = inClass ? node : field ? holder : null;
    const classNode = member === null ? null : member.parent as ts.ClassLikeDeclaration;
    const parent = this.parentFunction(inClass ? node.parent : node);
    const inherited = member === null ? { member: NO_TAGS, container: NO_TAGS } : symbols.inherited(member, member.name === undefined ? '' : memberName(ts, member.name));
    const named = ts.isFunctionDeclaration(node) || ts.isVariableDeclaration(holder) || ts.isExportAssignment(holder) || member !== null;
    const tags = this.ownTags(node, holder);
    this.functions.push({
      key: names.key(node),
      name: names.display(node),
      kind: this.kindOf(node, hasBody),
      node,
      nameNode: this.nameNode(node, holder),
      parent: parent === null ? null : parent,
      container: classNode === null ? null : names.key(classNode),
      hasBody,
      async: isAsync(ts, node),
      generator: 'asteriskToken' in node && node.asteriskToken !== undefined,
      tags,
      inheritedTags: inherited.member,
      inheritedContainerTags: inherited.container,
      containerTags: member === null ? NO_TAGS : symbols.containerTags(member),
      moduleTags: named && (parent === null || member !== null) && !literalMember ? this.moduleTags : NO_TAGS,
      typeTags: symbols.taggedType(holder)?.tags ?? NO_TAGS,
      literalMember,
      expressionBody: ts.isArrowFunction(node) && !ts.isBlock(node.body),
      params: node.parameters.filter((p) => !isThis(ts, p)).map((p) => this.param(p)),
    });
  }

  /** Tags of the function; those of its overload signatures count too. */
  private ownTags(node: FunctionNode, holder: ts.Node): Tags {
    const { walk } = this;
    const own = walk.symbols.functionTags(node);
    const nameNode = (node as ts.NamedDeclaration).name;
    if (holder !== node || nameNode === undefined || this.ts.isComputedPropertyName(nameNode)) return this.named(own, holder);
    const symbol = walk.symbols.symbolAt(nameNode);
    let tags = own;
    for (const d of symbol?.declarations ?? []) if (d !== node && d.kind === node.kind) tags = { ...walk.symbols.ownTags(d), ...tags };
    return this.named(tags, holder);
  }

  /** Assertions and predicates that the configuration knows by name. */
  private named(tags: Tags, holder: ts.Node): Tags {
    const name = (holder as ts.NamedDeclaration).name;
    const symbol = name !== undefined && this.ts.isIdentifier(name) ? this.walk.symbols.symbolAt(name) : null;
    if (symbol === null) return tags;
    const { asserts, predicate } = this.walk.symbols.tagsOf(symbol);
    return { ...(asserts === undefined ? {} : { asserts }), ...(predicate === undefined ? {} : { predicate }), ...tags };
  }

  private isLoneSignature(node: FunctionNode): boolean {
    const name = (node as ts.NamedDeclaration).name;
    if (name === undefined) return this.ts.isConstructorDeclaration(node) && !node.parent.members.some((m) => this.ts.isConstructorDeclaration(m) && m.body !== undefined);
    const symbol = this.walk.symbols.symbolAt(name);
    const same = (symbol?.declarations ?? []).filter((d) => this.walk.names.isFunction(d));
    return !same.some((d) => (d).body !== undefined) && (same[0] === undefined || same[0] === node);
  }

  private kindOf(node: FunctionNode, hasBody: boolean): FunctionKind {
    const { ts } = this;
    if (ts.isConstructorDeclaration(node)) return 'constructor';
    if (ts.isGetAccessor(node)) return 'getter';
    if (ts.isSetAccessor(node)) return 'setter';
    if (!hasBody) return 'signature';
    if (ts.isMethodDeclaration(node)) return 'method';
    return ts.isFunctionDeclaration(node) ? 'function' : 'arrow';
  }

  private nameNode(node: FunctionNode, holder: ts.Node): ts.Node {
    const { ts } = this;
    const name = (holder as ts.NamedDeclaration).name ?? (node as ts.NamedDeclaration).name;
    if (name !== undefined) return name;
    if (ts.isBinaryExpression(holder)) return holder.left;
    if (ts.isConstructorDeclaration(node)) return node.getChildren(this.walk.source).find((c) => c.kind === ts.SyntaxKind.ConstructorKeyword) ?? node;
    return node;
  }

  private param(node: ts.ParameterDeclaration): ParamSummary {
    const value = node.initializer === undefined ? null : this.walk.value(node.initializer);
    return {
      name: this.ts.isIdentifier(node.name) ? node.name.text : '{…}',
      ...(node.dotDotDotToken === undefined ? {} : { rest: true as const }),
      ...(this.walk.symbols.holding.declared(node) ? {} : { plain: true as const }),
      ...(value === null ? {} : { default: value }),
    };
  }

  private parentFunction(node: ts.Node): string | null {
    const key = this.walk.names.enclosingKey(node);
    return key === this.walk.names.moduleKey(this.walk.source) || key.endsWith('.<fields>') ? null : key;
  }

  // ---- classes, interfaces, types ----------------------------------------------------------------------------------

  private classLike(node: ts.ClassLikeDeclaration): void {
    const { ts, walk } = this;
    const members: Record<string, string> = {};
    let constructorKey: string | null = null;
    let initializes = false;
    for (const member of node.members) {
      if (ts.isConstructorDeclaration(member)) {
        if (member.body === undefined && constructorKey !== null) continue;
        constructorKey = walk.names.key(member);
        for (const p of member.parameters) if (ts.isParameterPropertyDeclaration(p, member) && ts.isIdentifier(p.name)) members[p.name.text] = walk.names.key(p);
        continue;
      }
      if (member.name === undefined) continue;
      const prefix = isStatic(ts, member) ? 'static ' : '';
      const kind = ts.isGetAccessor(member) ? 'get ' : ts.isSetAccessor(member) ? 'set ' : '';
      members[`${prefix}${kind}${memberName(ts, member.name)}`] = walk.names.key(member);
      if (!ts.isPropertyDeclaration(member)) continue;
      if (member.initializer !== undefined && !isStatic(ts, member)) initializes = true;
      this.member(member, walk.names.display(node), walk.names.key(node));
    }
    const fields = initializes ? walk.names.fieldsKey(node) : null;
    if (fields !== null) this.functions.push({ ...this.moduleHead(), key: fields, name: `${walk.names.display(node)}.<fields>`, kind: 'initializer', node, nameNode: node.name ?? node, container: walk.names.key(node) });
    const decorated = (ts.getDecorators(node)?.length ?? 0) > 0;
    if (decorated) walk.constructed.add(walk.names.key(node));
    this.types.push({
      key: walk.names.key(node), name: walk.names.display(node), kind: 'class', supers: this.supers(node), members,
      ...(constructorKey === null ? {} : { constructorKey }),
      ...(ts.getModifiers(node)?.some((m) => m.kind === ts.SyntaxKind.AbstractKeyword) === true ? { abstract: true as const } : {}),
      ...(fields === null ? {} : { initializer: fields }),
    });
  }

  private supers(node: ts.ClassLikeDeclaration | ts.InterfaceDeclaration): string[] {
    const keys: string[] = [];
    for (const base of this.walk.symbols.baseSymbols(node)) {
      const declaration = base.declarations?.find((d) => this.ts.isClassLike(d) || this.ts.isInterfaceDeclaration(d));
      if (declaration !== undefined) keys.push(this.walk.names.key(declaration));
    }
    return keys;
  }

  private typeLike(node: ts.InterfaceDeclaration, members: ts.NodeArray<ts.TypeElement>, kind: 'interface'): void {
    const { walk } = this;
    const key = walk.names.key(node);
    this.types.push({ key, name: walk.names.display(node), kind, supers: this.supers(node), members: this.membersOf(members, node, walk.names.display(node)) });
  }

  private membersOf(members: ts.NodeArray<ts.TypeElement>, holder: ts.Node, table: string): Record<string, string> {
    const keys: Record<string, string> = {};
    for (const member of members) {
      if (member.name === undefined) continue;
      keys[memberName(this.ts, member.name)] = this.walk.names.key(member);
      if (this.ts.isMethodSignature(member) || this.ts.isPropertySignature(member)) this.member(member, table, this.walk.names.key(holder));
    }
    return keys;
  }

  private alias(node: ts.TypeAliasDeclaration): void {
    const { ts, walk } = this;
    const name = node.name.text;
    if (ts.isTypeLiteralNode(node.type)) {
      this.types.push({ key: walk.names.key(node), name, kind: 'type', supers: [], members: this.membersOf(node.type.members, node.type, name) });
      return;
    }
    if (walk.symbols.signatureNode(node) === null) return;
    this.members.push({
      key: walk.names.key(node), table: name, name, span: walk.span(node.name), container: walk.names.key(node), slot: true,
      tags: walk.symbols.ownTags(node), inheritedTags: NO_TAGS, inheritedContainerTags: NO_TAGS, containerTags: NO_TAGS, moduleTags: this.moduleTags, typeTags: NO_TAGS,
    });
  }

  private member(node: ts.MethodSignature | ts.PropertySignature | ts.PropertyDeclaration, table: string, container: string): void {
    const { walk } = this;
    if (walk.symbols.signatureNode(node) === null && !this.holdsNamedFunction(node)) return;
    const name = memberName(this.ts, node.name);
    const inherited = walk.symbols.inherited(node, name);
    this.members.push({
      key: walk.names.key(node), table, name, span: walk.span(node.name), container, slot: true,
      tags: walk.symbols.ownTags(node), inheritedTags: inherited.member, inheritedContainerTags: inherited.container,
      containerTags: walk.symbols.containerTags(node), moduleTags: this.moduleTags, typeTags: walk.symbols.taggedType(node)?.tags ?? NO_TAGS,
    });
  }

  /** `flush = flushQueue;` in a class: the type of the property is that of the function. */
  private holdsNamedFunction(node: ts.MethodSignature | ts.PropertySignature | ts.PropertyDeclaration): boolean {
    const { ts, walk } = this;
    if (!ts.isPropertyDeclaration(node) || node.type !== undefined || node.initializer === undefined) return false;
    return (ts.isIdentifier(node.initializer) || ts.isPropertyAccessExpression(node.initializer)) && walk.symbols.isCallable(node.initializer);
  }

  // ---- exports -----------------------------------------------------------------------------------------------------

  exports(): ExportSummary[] {
    const { ts, walk } = this;
    const { checker } = walk.symbols;
    const module = checker.getSymbolAtLocation(walk.source);
    if (module === undefined) return [];
    const result: ExportSummary[] = [];
    for (const symbol of checker.getExportsOfModule(module)) {
      const target = (symbol.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(symbol) : symbol;
      const declaration = walk.symbols.definition(target);
      if (declaration === null) continue;
      const key = this.exportedFunction(declaration);
      if (key === null) continue;
      const place = this.exportPlace(symbol, declaration);
      if (place !== null) result.push({ name: symbol.name, span: walk.span(place), key, reExport: declaration.getSourceFile() !== walk.source });
    }
    return result;
  }

  private exportedFunction(declaration: ts.Declaration): string | null {
    const { ts, walk } = this;
    const held = ts.isVariableDeclaration(declaration) ? declaration.initializer : ts.isExportAssignment(declaration) ? declaration.expression : undefined;
    const node = held === undefined ? declaration : skipTypes(ts, held);
    if (walk.names.isFunction(node)) return walk.names.key(node);
    if (held !== undefined && ts.isIdentifier(node)) {
      const value = walk.value(node);
      return value?.k === 'fn' ? value.key : null;
    }
    return ts.isVariableDeclaration(declaration) && walk.symbols.signatureNode(declaration) !== null ? walk.names.key(declaration) : null;
  }

  private exportPlace(symbol: ts.Symbol, declaration: ts.Declaration): ts.Node | null {
    const { ts, walk } = this;
    if (declaration.getSourceFile() === walk.source) return (declaration as ts.NamedDeclaration).name ?? (ts.isExportAssignment(declaration) ? declaration.expression : declaration);
    const clause = symbol.declarations?.find((d) => d.getSourceFile() === walk.source);
    if (clause !== undefined) return ts.isExportAssignment(clause) ? clause.expression : (clause as ts.NamedDeclaration).name ?? clause;
    for (const statement of walk.source.statements) {
      if (!ts.isExportDeclaration(statement) || statement.exportClause !== undefined || statement.moduleSpecifier === undefined) continue;
      const from = walk.symbols.checker.getSymbolAtLocation(statement.moduleSpecifier);
      if (from !== undefined && walk.symbols.checker.getExportsOfModule(from).includes(symbol)) return statement;
    }
    return null;
  }

  // ---- faults in tags ----------------------------------------------------------------------------------------------

  private moduleFaults(): void {
    const { walk } = this;
    const uses = walk.symbols.reader.moduleUses(walk.source);
    this.report(uses, 'module', null, '<module>', null);
  }

  private faults(node: ts.Node, docs: readonly ts.JSDoc[]): void {
    const { ts, walk } = this;
    const uses: TagUse[] = [];
    for (const doc of docs) {
      if (moduleComment(ts, doc)) continue;
      for (const tag of doc.tags ?? []) {
        const use = walk.symbols.reader.useOf(tag);
        if (use !== null) uses.push(use);
      }
    }
    if (docs.length === 0) {
      if (!this.hasCommentsBehind || ts.isVariableDeclaration(node)) return;
      uses.push(...walk.symbols.reader.usesBehind(node));
    }
    if (uses.length === 0) return;
    const declared = this.documented(node);
    const target = this.targetOf(declared);
    const signature = target === 'function' ? walk.symbols.signatureNode(declared) : null;
    const name = ts.isSourceFile(declared) ? '<module>' : (declared as ts.NamedDeclaration).name === undefined ? '' : walk.names.display(declared);
    this.report(uses, target, target === 'function' ? walk.symbols.parameterNames(signature ?? declared) : null, name, signature ?? declared);
  }

  /** What a comment before a node speaks of: the variable of a statement, the function that is assigned. */
  private documented(node: ts.Node): ts.Node {
    const { ts } = this;
    if (ts.isVariableStatement(node)) return node.declarationList.declarations[0] ?? node;
    if (ts.isExpressionStatement(node) && ts.isBinaryExpression(node.expression)) return node.expression.right;
    if (ts.isExportAssignment(node)) return node.expression;
    if (ts.isReturnStatement(node) && node.expression !== undefined) return node.expression;
    return node;
  }

  private targetOf(node: ts.Node): TagTarget {
    const { ts, walk } = this;
    if (ts.isFunctionLike(node)) return 'function';
    if (ts.isClassLike(node) || ts.isInterfaceDeclaration(node)) return 'type';
    if (ts.isTypeAliasDeclaration(node)) return walk.symbols.signatureNode(node) !== null ? 'function' : ts.isTypeLiteralNode(node.type) ? 'type' : 'other';
    const isProperty = ts.isPropertyDeclaration(node) || ts.isPropertySignature(node) || ts.isParameter(node);
    if (isProperty || ts.isVariableDeclaration(node) || ts.isPropertyAssignment(node)) {
      if (walk.symbols.signatureNode(node) !== null || walk.symbols.isCallable(node)) return isProperty ? 'function-property' : 'function';
      return isProperty ? 'property' : 'other';
    }
    return ts.isShorthandPropertyAssignment(node) && walk.symbols.isCallable(node.name) ? 'function' : 'other';
  }

  private report(uses: readonly TagUse[], target: TagTarget, parameters: readonly string[] | null, name: string, node: ts.Node | null): void {
    const { walk } = this;
    const add = (use: TagUse, message: string, hint: string): void => {
      const replacement = use.nearest === null ? {} : { replacement: `@${use.nearest}` };
      this.tagProblems.push({ span: spanOf(walk.source, use.start, use.end), message, hint, function: name, ...replacement });
    };
    const misplaced = new Set<TagUse>();
    for (const use of uses) {
      if (use.name === null || allowedOn(use.name, target)) continue;
      misplaced.add(use);
      add(use, `@${use.written} stands on what cannot carry it.`, use.name === 'graphState' ? 'Put @graphState on a property.' : `Put @${use.written} on a function, or remove it.`);
    }
    const rest = uses.filter((use) => !misplaced.has(use));
    for (const fault of walk.symbols.reader.faults(rest, parameters)) add(fault.use, fault.message, fault.hint);
    if (node === null || target !== 'function') return;
    for (const use of rest) {
      if (use.name !== 'coroutine' || !this.ts.isFunctionLike(node) || this.suspends(node)) continue;
      add(use, `@${use.written} stands on ${name === '' ? 'a function' : name}, which neither is async nor returns a promise or a generator.`, 'Make it async, or remove the tag.');
    }
  }

  private suspends(node: ts.SignatureDeclaration): boolean {
    const { ts, walk } = this;
    if (isAsync(ts, node) || ('asteriskToken' in node && node.asteriskToken !== undefined)) return true;
    if (node.type !== undefined && /^(Promise|PromiseLike|Generator|AsyncGenerator|AsyncIterable|AsyncIterableIterator|IterableIterator|Iterator|AsyncIterator)\b/.test(node.type.getText())) return true;
    const signature = walk.symbols.checker.getSignatureFromDeclaration(node);
    if (signature === undefined) return false;
    const type = walk.symbols.checker.getReturnTypeOfSignature(signature);
    if ((type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.TypeParameter)) !== 0) return true;
    return (type.isUnion() ? type.types : [type]).some((part) => part.getProperty('then') !== undefined || part.getProperty('next') !== undefined);
  }
}

function isAsync(compiler: Compiler, node: ts.Node): boolean {
  return compiler.canHaveModifiers(node) && (compiler.getModifiers(node)?.some((m) => m.kind === compiler.SyntaxKind.AsyncKeyword) ?? false);
}

function isThis(compiler: Compiler, parameter: ts.ParameterDeclaration): boolean {
  return compiler.isIdentifier(parameter.name) && parameter.name.text === 'this';
}
