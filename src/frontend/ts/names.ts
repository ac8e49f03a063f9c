/**
 * Keys and display names of declarations.
 *
 * In: AST nodes. Out: a key that is the same from whichever file it is asked (`file#Outer.name`), and a name for people.
 * Leaves to others: what a declaration means.
 */
import type ts from 'typescript';
import type { Span } from '../../model/summary.ts';
import type { Compiler } from './compiler.ts';
import { forEachNode } from './traverse.ts';

export type FunctionNode =
  | ts.FunctionDeclaration | ts.FunctionExpression | ts.ArrowFunction | ts.MethodDeclaration
  | ts.ConstructorDeclaration | ts.GetAccessorDeclaration | ts.SetAccessorDeclaration;

interface FileNames {
  readonly file: string;
  /** Names within the file. */
  readonly names: Map<ts.Node, string>;
}

export class Names {
  private readonly ts: Compiler;
  private readonly root: string;
  private readonly cache = new Map<ts.SourceFile, FileNames>();
  private readonly keys = new Map<ts.Node, string>();

  constructor(compiler: Compiler, root: string) {
    this.ts = compiler;
    this.root = root.endsWith('/') ? root.slice(0, -1) : root;
  }

  fileOf(source: ts.SourceFile): string {
    return this.namesOf(source).file;
  }

  isFunction(node: ts.Node): node is FunctionNode {
    const { SyntaxKind } = this.ts;
    switch (node.kind) {
      case SyntaxKind.FunctionDeclaration: case SyntaxKind.FunctionExpression: case SyntaxKind.ArrowFunction:
      case SyntaxKind.MethodDeclaration: case SyntaxKind.Constructor: case SyntaxKind.GetAccessor: case SyntaxKind.SetAccessor:
        return true;
      default:
        return false;
    }
  }

  /** Key of any declaration: functions, classes, interfaces, members, variables. */
  key(node: ts.Node): string {
    let key = this.keys.get(node);
    if (key === undefined) {
      const names = this.namesOf(node.getSourceFile());
      key = `${names.file}#${this.nameIn(names, node)}`;
      this.keys.set(node, key);
    }
    return key;
  }

  moduleKey(source: ts.SourceFile): string {
    return `${this.fileOf(source)}#<module>`;
  }

  fieldsKey(node: ts.ClassLikeDeclaration): string {
    return `${this.key(node)}.<fields>`;
  }

  /** Name for people: the key's path without `static`, `get` and `set`. */
  display(node: ts.Node): string {
    return this.nameIn(this.namesOf(node.getSourceFile()), node).replace(/(^|[./])(?:static )?(?:[gs]et )?/g, '$1');
  }

  /** The nearest function, field initialiser or module that runs the code at `node`, as a key. */
  enclosingKey(node: ts.Node): string {
    const { ts } = this;
    let child = node;
    for (let at = node.parent as ts.Node | undefined; at !== undefined; child = at, at = at.parent as ts.Node | undefined) {
      if (this.isFunction(at) && child !== (at as ts.MethodDeclaration).name && !ts.isDecorator(child)) return this.key(at);
      if (ts.isPropertyDeclaration(at) && child === at.initializer && !isStatic(ts, at) && ts.isClassLike(at.parent)) return this.fieldsKey(at.parent);
      if (ts.isSourceFile(at)) return this.moduleKey(at);
    }
    return this.moduleKey(node.getSourceFile());
  }

  private namesOf(source: ts.SourceFile): FileNames {
    let names = this.cache.get(source);
    if (names === undefined) {
      names = { file: relativePath(this.root, source.fileName), names: new Map() };
      this.cache.set(source, names);
      if (!source.isDeclarationFile) this.nameAll(source, names);
    }
    return names;
  }

  private nameIn(names: FileNames, node: ts.Node): string {
    let name = names.names.get(node);
    if (name === undefined) {
      name = this.pathOf(node, names);
      names.names.set(node, name);
    }
    return name;
  }

  /** Names every function with a body in source order, so that equal names get `~2`, `~3` whoever asks first. */
  private nameAll(source: ts.SourceFile, names: FileNames): void {
    const taken = new Map<string, number>();
    forEachNode(this.ts, source, (node) => {
      if (!(this.isFunction(node) && node.body !== undefined) && !this.ts.isClassLike(node)) return;
      const path = this.pathOf(node, names);
      const count = (taken.get(path) ?? 0) + 1;
      taken.set(path, count);
      names.names.set(node, count === 1 ? path : `${path}~${count}`);
    });
  }

  private pathOf(node: ts.Node, names: FileNames): string {
    const { ts } = this;
    const own = `${this.partOf(node)}${this.ownName(node)}`;
    // The name of what holds the node, found by walking outwards; a holder that is already named ends the walk.
    let holder = '';
    let separator = '';
    for (let at = node.parent as ts.Node | undefined; at !== undefined && !ts.isSourceFile(at); at = at.parent as ts.Node | undefined) {
      const isFunction = this.isFunction(at);
      const isType = ts.isClassLike(at) || ts.isInterfaceDeclaration(at) || ts.isModuleDeclaration(at) || ts.isTypeAliasDeclaration(at) || ts.isEnumDeclaration(at);
      const isHolder = isFunction || isType
        || (ts.isVariableDeclaration(at) && at.initializer !== undefined && this.skipWrappers(at.initializer) !== node && ts.isIdentifier(at.name))
        || ((ts.isPropertyAssignment(at) || ts.isPropertySignature(at)) && this.holdsFurther(at, node))
        || (ts.isPropertyDeclaration(at) && this.holdsFurther(at, node));
      if (!isHolder) continue;
      holder = names.names.get(at) ?? this.pathOf(at, names);
      names.names.set(at, holder);
      separator = isFunction ? '/' : '.';
      break;
    }
    return holder === '' ? own : `${holder}${separator}${own}`;
  }

  /** Tells apart members of type literals that share a holder: the parts of a union, the types of several parameters. */
  private partOf(node: ts.Node): string {
    const { ts } = this;
    const literal = node.parent as ts.Node | undefined;
    if (literal === undefined || !ts.isTypeLiteralNode(literal) || ts.isTypeAliasDeclaration(literal.parent) || ts.isPropertySignature(literal.parent)) return '';
    return `{${literal.pos}}.`;
  }

  private holdsFurther(at: ts.PropertyAssignment | ts.PropertySignature | ts.PropertyDeclaration, node: ts.Node): boolean {
    const held = this.ts.isPropertySignature(at) ? at.type : at.initializer;
    return held !== undefined && this.skipWrappers(held) !== node;
  }

  private skipWrappers(node: ts.Node): ts.Node {
    const { ts } = this;
    let at = node;
    while (ts.isParenthesizedExpression(at) || ts.isAsExpression(at) || ts.isSatisfiesExpression(at) || ts.isNonNullExpression(at)) at = at.expression;
    return at;
  }

  private ownName(node: ts.Node): string {
    const { ts } = this;
    if (ts.isConstructorDeclaration(node)) return 'constructor';
    const prefix = isStatic(ts, node) ? 'static ' : '';
    if (ts.isGetAccessor(node)) return `${prefix}get ${memberName(ts, node.name)}`;
    if (ts.isSetAccessor(node)) return `${prefix}set ${memberName(ts, node.name)}`;
    if (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node)) return node.name?.text ?? 'default';
    if (ts.isFunctionExpression(node) || ts.isArrowFunction(node) || ts.isClassExpression(node)) return this.expressionName(node);
    if (ts.isParameter(node)) return `$${(node.parent).parameters.indexOf(node)}`;
    if (ts.isTypeLiteralNode(node) || ts.isObjectLiteralExpression(node)) return `{${node.pos}}`;
    if (ts.isVariableDeclaration(node)) return ts.isIdentifier(node.name) ? node.name.text : `{${node.pos}}`;
    const name = (node as ts.NamedDeclaration).name;
    if (name !== undefined) return prefix + memberName(ts, name);
    return `${this.ts.SyntaxKind[node.kind]}@${node.pos}`;
  }

  private expressionName(node: ts.FunctionExpression | ts.ArrowFunction | ts.ClassExpression): string {
    const { ts } = this;
    let child: ts.Node = node;
    let at: ts.Node = node.parent;
    while (ts.isParenthesizedExpression(at) || ts.isAsExpression(at) || ts.isSatisfiesExpression(at) || ts.isNonNullExpression(at)) { child = at; at = at.parent; }
    if (ts.isVariableDeclaration(at) && ts.isIdentifier(at.name)) return at.name.text;
    if ((ts.isPropertyAssignment(at) || ts.isPropertyDeclaration(at)) && at.initializer === child) {
      return (isStatic(ts, at) ? 'static ' : '') + memberName(ts, at.name);
    }
    if (ts.isBinaryExpression(at) && at.operatorToken.kind === ts.SyntaxKind.EqualsToken && at.right === child) {
      const text = at.left.getText();
      if (text.length <= 60 && !/\s/.test(text)) return text;
    }
    if (node.name !== undefined) return node.name.text;
    if (ts.isExportAssignment(at)) return 'default';
    const line = node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1;
    if (ts.isCallExpression(at) || ts.isNewExpression(at)) return at.expression === child ? `function@${line}` : `callback@${line}`;
    return `${ts.isClassExpression(node) ? 'class' : 'function'}@${line}`;
  }
}

export function isStatic(compiler: Compiler, node: ts.Node): boolean {
  return compiler.canHaveModifiers(node) && (compiler.getModifiers(node)?.some((m) => m.kind === compiler.SyntaxKind.StaticKeyword) ?? false);
}

/** Text of a property name: `open`, `#open`, `[Symbol.iterator]`, or the literal's value. */
export function memberName(compiler: Compiler, name: ts.DeclarationName): string {
  if (compiler.isIdentifier(name) || compiler.isPrivateIdentifier(name)) return name.text;
  if (compiler.isStringLiteralLike(name) || compiler.isNumericLiteral(name)) return name.text;
  if (compiler.isComputedPropertyName(name) && compiler.isStringLiteralLike(name.expression)) return name.expression.text;
  return name.getText().replace(/\s+/g, '');
}

export function spanOf(source: ts.SourceFile, start: number, end: number): Span {
  const from = source.getLineAndCharacterOfPosition(start);
  const to = source.getLineAndCharacterOfPosition(end);
  return { line: from.line + 1, column: from.character + 1, endLine: to.line + 1, endColumn: to.character + 1 };
}

function relativePath(root: string, file: string): string {
  if (file.startsWith(`${root}/`)) return file.slice(root.length + 1);
  const from = root.split('/');
  const to = file.split('/');
  let shared = 0;
  while (shared < from.length && shared < to.length && from[shared] === to[shared]) shared++;
  return [...from.slice(shared).map(() => '..'), ...to.slice(shared)].join('/');
}
