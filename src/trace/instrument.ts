/**
 * Source text that tells the recorder what it does, and does the same as before.
 *
 * In: one parsed file. Out: its text with insertions; every line stays where it was (of the first one, see `withoutChecks`).
 *
 *     function grow(disk) { return resize(disk, 8); }
 *     function grow(disk) {$.e(1); return $.r(resize(disk, 8, ...$.n(1))); }        with $ for globalThis.__gsio
 *
 * `n` comes after the arguments, when everything that they call has returned, and spreads to nothing. What stays as it is:
 * `import()`, `require`, calls that tools read as text (`vi.mock`, `import.meta.glob`, `new URL`), decorators, tagged
 * templates, and types. Accessors are no functions here: nothing in the text says where one is called.
 * Leaves to others: positions (`places.ts`), the functions that are called (`recorder.ts`).
 */
import type ts from 'typescript';
import type { Places } from './places.ts';

const RECORDER = 'globalThis.__gsio';
/** For programs that run a file where no recorder is: contexts of node:vm, browsers. */
const FALLBACK = `${RECORDER} ??= globalThis.process?.__gsio ?? { e() {}, n() { return []; }, r(x) { return x; }, c() {} };`;
/** Tools find calls of these in the text, and move or replace them. */
const READ_BY_TOOLS: ReadonlySet<string> = new Set(['vi', 'vitest', 'jest', 'require']);
const CLASSES_READ_BY_TOOLS: ReadonlySet<string> = new Set(['URL', 'Worker', 'SharedWorker']);

interface Edit {
  readonly at: number;
  readonly text: string;
}

type FunctionWithBody = ts.FunctionLikeDeclaration & { readonly body: ts.ConciseBody };

export function instrument(compiler: typeof ts, source: ts.SourceFile, places: Places): string {
  return new Instrumenter(compiler, source, places).text();
}

class Instrumenter {
  private readonly ts: typeof ts;
  private readonly source: ts.SourceFile;
  private readonly places: Places;
  /** In the order in which texts for one position follow each other. */
  private readonly edits: Edit[] = [];
  /** The function whose body is being read. */
  private owner: number;

  constructor(compiler: typeof ts, source: ts.SourceFile, places: Places) {
    this.ts = compiler;
    this.source = source;
    this.places = places;
    this.owner = places.functionId(source, 'module');
  }

  text(): string {
    const { source } = this;
    const [first] = source.statements;
    const directives = this.afterDirectives(source.statements);
    if (first !== undefined) this.insert(directives ?? first.getStart(source), `${directives === null ? '' : ';'}${FALLBACK}`);
    for (const statement of source.statements) this.visit(statement);
    return withoutChecks(this.ts, source, this.applied());
  }

  private applied(): string {
    const sorted = this.edits.map((edit, index) => ({ ...edit, index })).sort((a, b) => a.at - b.at || a.index - b.index);
    const parts: string[] = [];
    let done = 0;
    for (const { at, text } of sorted) {
      parts.push(this.source.text.slice(done, at), text);
      done = at;
    }
    return [...parts, this.source.text.slice(done)].join('');
  }

  private insert(at: number, text: string): void {
    this.edits.push({ at, text });
  }

  // ---- the walk ----------------------------------------------------------------------------------------------------

  private visit(node: ts.Node): void {
    const { ts } = this;
    if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || modifiersOf(node).some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword)) return;
    if (ts.isExpressionWithTypeArguments(node)) { this.visit(node.expression); return; }
    if (ts.isTypeNode(node)) return;
    if (ts.isFunctionLike(node)) { this.functionLike(node); return; }
    if (ts.isPropertyDeclaration(node)) { this.property(node); return; }
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) { this.call(node); return; }
    if (ts.isHeritageClause(node) && node.token === ts.SyntaxKind.ImplementsKeyword) return;
    if (ts.isCatchClause(node)) this.insert(node.block.getStart(this.source) + 1, `${RECORDER}.c();`);
    if (ts.isTryStatement(node) && node.finallyBlock !== undefined) this.insert(node.finallyBlock.getStart(this.source) + 1, `${RECORDER}.c();`);
    const wraps = this.isChainAroundCall(node);
    if (wraps) this.insert(node.getStart(this.source), `${RECORDER}.r(`);
    this.children(node);
    if (wraps) this.insert(node.end, ')');
  }

  private children(node: ts.Node): void {
    this.ts.forEachChild(node, (child) => { this.visit(child); });
  }

  private within(owner: number, work: () => void): void {
    const before = this.owner;
    this.owner = owner;
    work();
    this.owner = before;
  }

  // ---- functions ---------------------------------------------------------------------------------------------------

  private functionLike(node: ts.SignatureDeclaration): void {
    if (!this.hasBody(node)) return;
    const { ts } = this;
    for (const modifier of modifiersOf(node)) this.visit(modifier);
    if (node.name !== undefined) this.visit(node.name);
    const id = this.places.functionId(node, 'function');
    this.within(id, () => {
      const isAccessor = ts.isGetAccessor(node) || ts.isSetAccessor(node);
      for (const parameter of node.parameters) this.parameter(parameter, isAccessor ? null : id);
      if (!isAccessor) this.enter(node, id);
      this.body(node, id);
    });
  }

  private hasBody(node: ts.SignatureDeclaration): node is FunctionWithBody & ts.SignatureDeclaration {
    return 'body' in node && node.body !== undefined;
  }

  /** The parameters of a generator are all that runs when it is called; its body waits. */
  private enter(node: FunctionWithBody, id: number): void {
    const { ts } = this;
    const { body, parameters } = node;
    if (!ts.isBlock(body)) return;
    const directives = this.afterDirectives(body.statements);
    if (!isGenerator(node)) {
      this.insert(directives ?? body.getStart(this.source) + 1, `${directives === null ? '' : ';'}${RECORDER}.e(${String(id)});`);
      return;
    }
    if (directives !== null || parameters.some((parameter) => parameter.dotDotDotToken !== undefined)) return;
    const comma = parameters.length === 0 || parameters.hasTrailingComma ? '' : ', ';
    this.insert(parameters.end, `${comma}__gsio = ${RECORDER}.e(${String(id)})`);
  }

  private body(node: FunctionWithBody, id: number): void {
    const { body } = node;
    if (this.ts.isBlock(body)) { this.visit(body); return; }
    this.insert(body.getStart(this.source), `(${RECORDER}.e(${String(id)}), `);
    this.visit(body);
    this.insert(body.end, ')');
  }

  /** Where the directives at the head of a body or file end; null where there are none. */
  private afterDirectives(statements: readonly ts.Statement[]): number | null {
    let end: number | null = null;
    for (const statement of statements) {
      if (!this.ts.isExpressionStatement(statement) || !this.ts.isStringLiteral(statement.expression)) break;
      end = statement.end;
    }
    return end;
  }

  /** A default that calls something runs before the body does. */
  private parameter(node: ts.ParameterDeclaration | ts.BindingElement, id: number | null): void {
    const { ts } = this;
    for (const modifier of modifiersOf(node)) this.visit(modifier);
    if (node.initializer !== undefined && id !== null) this.entering(node.initializer, id);
    else if (node.initializer !== undefined) this.visit(node.initializer);
    if (ts.isBindingElement(node) && node.propertyName !== undefined) this.visit(node.propertyName);
    if (ts.isIdentifier(node.name)) return;
    for (const element of node.name.elements) if (ts.isBindingElement(element)) this.parameter(element, id);
  }

  /** An initialiser that runs on entry to a function, before its body. */
  private entering(initializer: ts.Expression, id: number): void {
    const calls = this.callsSomething(initializer);
    if (calls) this.insert(initializer.getStart(this.source), `(${RECORDER}.e(${String(id)}), `);
    this.visit(initializer);
    if (calls) this.insert(initializer.end, ')');
  }

  private callsSomething(node: ts.Node): boolean {
    const { ts } = this;
    if (ts.isFunctionLike(node)) return false;
    // A class in parentheses would lose the name that it takes from its place.
    if (ts.isClassExpression(node)) return false;
    return ts.isCallExpression(node) || ts.isNewExpression(node) || ts.isTaggedTemplateExpression(node) || ts.forEachChild(node, (child) => this.callsSomething(child)) === true;
  }

  private property(node: ts.PropertyDeclaration): void {
    const { ts } = this;
    const { initializer } = node;
    for (const modifier of modifiersOf(node)) this.visit(modifier);
    this.visit(node.name);
    if (initializer === undefined) return;
    if (modifiersOf(node).some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword)) { this.visit(initializer); return; }
    const holder = node.parent;
    this.within(this.places.functionId(holder, 'fields'), () => {
      // Fields of a class without a base are initialised before the body of its constructor.
      const made = holder.heritageClauses?.some(({ token }) => token === ts.SyntaxKind.ExtendsKeyword) === true ? undefined
        : holder.members.find((member) => ts.isConstructorDeclaration(member) && member.body !== undefined);
      if (made === undefined) this.visit(initializer);
      else this.entering(initializer, this.places.functionId(made, 'function'));
    });
  }

  // ---- calls -------------------------------------------------------------------------------------------------------

  private call(node: ts.CallExpression | ts.NewExpression): void {
    const { ts, source } = this;
    if (this.staysAsItIs(node)) { this.children(node); return; }
    const id = this.places.siteId(node, this.owner);
    if (node.expression.kind === ts.SyntaxKind.SuperKeyword && ts.isExpressionStatement(node.parent) && ts.isBlock(node.parent.parent)) {
      // TypeScript looks for `super(…)` as a statement, and puts the fields behind it.
      this.children(node);
      this.nameSite(node, id);
      this.insert(node.end, `;${RECORDER}.c();`);
      return;
    }
    const wraps = !this.continuesChain(node) && !this.isMadeByNew(node);
    if (wraps) this.insert(node.getStart(source), `${RECORDER}.r(`);
    this.children(node);
    this.nameSite(node, id);
    if (wraps) this.insert(node.end, ')');
  }

  private nameSite(node: ts.CallExpression | ts.NewExpression, id: number): void {
    const spread = `...${RECORDER}.n(${String(id)})`;
    if (node.arguments === undefined) { this.insert(node.end, `(${spread})`); return; }
    if (this.source.text[node.end - 1] !== ')') return;
    this.insert(node.end - 1, node.arguments.length === 0 || node.arguments.hasTrailingComma ? spread : `, ${spread}`);
  }

  private staysAsItIs(node: ts.CallExpression | ts.NewExpression): boolean {
    const { ts } = this;
    if (ts.isNewExpression(node)) return ts.isIdentifier(node.expression) && CLASSES_READ_BY_TOOLS.has(node.expression.text);
    if (ts.isDecorator(node.parent)) return true;
    let root: ts.Expression = node;
    while (ts.isCallExpression(root) || ts.isPropertyAccessExpression(root) || ts.isElementAccessExpression(root)) root = root.expression;
    return root.kind === ts.SyntaxKind.ImportKeyword || ts.isMetaProperty(root) || (ts.isIdentifier(root) && READ_BY_TOOLS.has(root.text));
  }

  /** `a?.b().c`: nothing may come between the parts, for all of them are left out together. */
  private continuesChain(node: ts.Node): boolean {
    const { ts } = this;
    let at = node;
    while (ts.isNonNullExpression(at.parent)) at = at.parent;
    const { parent } = at;
    const isLink = ts.isPropertyAccessExpression(parent) || ts.isElementAccessExpression(parent) || ts.isCallExpression(parent);
    return isLink && ts.isOptionalChain(parent) && parent.questionDotToken === undefined && parent.expression === at;
  }

  /** `new new Layer().Disk()`: the inner one cannot stand in parentheses of a call. */
  private isMadeByNew(node: ts.Node): boolean {
    const { ts } = this;
    let at = node;
    while ((ts.isPropertyAccessExpression(at.parent) || ts.isElementAccessExpression(at.parent)) && at.parent.expression === at) at = at.parent;
    return ts.isNewExpression(at.parent) && at.parent.expression === at;
  }

  /** The end of a chain that is no call, but has one in it. */
  private isChainAroundCall(node: ts.Node): boolean {
    const { ts } = this;
    if (!(ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) || !ts.isOptionalChain(node)) return false;
    if (this.continuesChain(node) || ts.isDeleteExpression(node.parent)) return false;
    for (let at: ts.Expression = node; ;) {
      if (ts.isCallExpression(at)) return true;
      if (ts.isNonNullExpression(at)) { at = at.expression; continue; }
      // What stands before `?.` is no part of what is left out.
      if (!(ts.isPropertyAccessExpression(at) || ts.isElementAccessExpression(at)) || !ts.isOptionalChain(at) || at.questionDotToken !== undefined) return false;
      at = at.expression;
    }
  }
}

function isGenerator(node: FunctionWithBody): boolean {
  return 'asteriskToken' in node && node.asteriskToken !== undefined;
}

function modifiersOf(node: ts.Node): readonly ts.ModifierLike[] {
  return (node as { readonly modifiers?: readonly ts.ModifierLike[] }).modifiers ?? [];
}

/**
 * Marks the text as not to be type-checked, for a build in the copy. The mark must be a comment of its own line before any
 * code. Where no line can take it, the first line of code moves down to the second, if it can; all others stay.
 */
function withoutChecks(compiler: typeof ts, source: ts.SourceFile, text: string): string {
  const mark = '// @ts-nocheck';
  // Nothing was inserted before the first statement.
  const start = source.statements[0]?.getStart(source) ?? 0;
  const head = text.slice(0, start);
  const shebang = compiler.getShebang(text)?.length ?? 0;
  for (const { kind, end } of compiler.getLeadingCommentRanges(text, shebang) ?? []) {
    if (kind === compiler.SyntaxKind.MultiLineCommentTrivia && end < start && /^[ \t]*\r?\n/.test(head.slice(end))) return `${text.slice(0, end)} ${mark}${text.slice(end)}`;
  }
  const blank = (shebang > 0 ? /\n[ \t]*(?=\r?\n)/ : /(?:^|\n)[ \t]*(?=\r?\n)/).exec(head);
  if (blank !== null) {
    const at = blank.index + blank[0].length;
    return `${text.slice(0, at)}${mark}${text.slice(at)}`;
  }
  const line = text.indexOf('\n', start);
  const first = text.slice(start, line);
  if (shebang > 0 || line < 0 || !/[;{,([]\r?$/.test(first) || /\/[/*]|`/.test(first)) return text;
  return `${mark}\n${text.slice(0, line).replace(/\r$/, '')} ${text.slice(line + 1)}`;
}
