/**
 * The TypeScript front end: a program in, one `FileSummary` for each of its own files out.
 *
 * The program brings its compiler along; instances must not mix. Files of libraries get no summary: what they declare
 * is known through the type checker where it is used.
 * Leaves to others: everything about how the files fit together (`link`).
 */
import type ts from 'typescript';
import type { Config } from '../../model/config.ts';
import { ProjectError } from '../../model/errors.ts';
import type { AssertionKind, DrainProblem, FileSummary, FunctionSummary, Value, WaivedAssertion } from '../../model/summary.ts';
import { readWaivedAssertions, readWaivers } from './comments.ts';
import { DeclarationReader, type FunctionHead } from './declarations.ts';
import { ENTRY, type State } from './facts.ts';
import { quickCompiler, type Compiler } from './compiler.ts';
import { Names } from './names.ts';
import { gatherNames, type GatheredNames } from './prepass.ts';
import { Statements } from './statements.ts';
import { AskedNames, type SummaryMemory } from './summary-memory.ts';
import { globPattern, RUNTIME_ASSERTIONS, Symbols } from './symbols.ts';
import { TagReader } from './tags.ts';
import { forEachNode, skipTypes } from './traverse.ts';
import { Values } from './values.ts';
import { Walk, type Body } from './walk.ts';

export interface SummarizedFile {
  /** Absolute, as the program names it. */
  readonly fileName: string;
  readonly summary: FileSummary;
}

/**
 * Summaries of all files of the program that are no library, sorted by name. `memory` holds those of an earlier program
 * with the same root and configuration; those that still hold are the same objects.
 */
export function summarizeProgram(given: typeof ts, program: ts.Program, root: string, config: Config, memory?: SummaryMemory): SummarizedFile[] {
  const compiler = quickCompiler(given);
  const names = new Names(compiler, root);
  const reader = new TagReader(compiler, config.tags);
  const symbols = new Symbols(compiler, program, names, reader, config);
  const sources = program.getSourceFiles().filter((source) => !symbols.isExternal(source) && !source.fileName.endsWith('.json'));
  const graphTags = ['graphState', ...Object.entries(config.tags).filter(([, to]) => to === 'graphState').map(([tag]) => tag)];
  const gather = (files: readonly ts.SourceFile[]): GatheredNames => gatherNames(compiler, files, graphTags, (declaration) => symbols.ownTags(declaration));
  const project = memory?.names(sources, (source) => gather([source])) ?? gather(sources);
  const apiModules = [...config.modules.globalState, ...config.modules.io, ...config.modules.common].map((glob) => globPattern(glob, true));
  const assertionNames = gatherAssertionNames(compiler, symbols, sources, config);
  const sights = memory?.signatures(compiler, program, (source) => symbols.isExternal(source));
  const assertions = JSON.stringify([...assertionNames]);
  const summaries = sources.map((source) => {
    const sight = sights?.get(source) ?? '';
    const known = memory?.recall(source, sight, assertions, project);
    if (known !== undefined) return { fileName: source.fileName, summary: known };
    const base = names.fileOf(source).replace(/^.*\//, '').replace(/(?:\.d)?\.[^.]+$/, '');
    try {
      // Every file asks for itself: what it asked decides how long its summary holds.
      const asked = memory === undefined ? project : new AskedNames(project);
      symbols.constantObjects = asked.constantObjects;
      const walk = new Walk(symbols, new Values(symbols, asked.callable), asked, source, config.expireFactsAtAwait);
      const summary = new FileSummarizer(walk, assertionNames).summarize(apiModules.some((p) => p.test(base)));
      if (asked instanceof AskedNames) memory?.keep(source, sight, assertions, asked, project, summary);
      return { fileName: source.fileName, summary };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new ProjectError('too-deep', `${names.fileOf(source)} nests its code too deeply to be analysed.`, 'Exclude the file from the tsconfig, or split its largest expression.');
    }
  });
  return summaries.sort((a, b) => (a.summary.file < b.summary.file ? -1 : a.summary.file > b.summary.file ? 1 : 0));
}

/** Names by which a commented-out call is known as an assertion: of the run-time library, the configuration, tagged functions. */
function gatherAssertionNames(compiler: Compiler, symbols: Symbols, sources: readonly ts.SourceFile[], config: Config): ReadonlyMap<string, AssertionKind> {
  const known = new Map<string, AssertionKind>([...Object.entries(RUNTIME_ASSERTIONS), ...Object.entries(config.assertions)]);
  const tagNames = ['asserts', ...Object.entries(config.tags).filter(([, to]) => to === 'asserts').map(([tag]) => tag)];
  for (const source of sources) {
    if (!tagNames.some((tag) => source.text.includes(`@${tag}`))) continue;
    forEachNode(compiler, source, (node) => {
      const name = (node as ts.NamedDeclaration).name;
      if (name !== undefined && compiler.isIdentifier(name) && (compiler.isFunctionLike(node) || compiler.isVariableDeclaration(node))) {
        const { asserts } = symbols.ownTags(node);
        if (asserts !== undefined) known.set(name.text, asserts);
      }
    });
  }
  return known;
}

class FileSummarizer {
  private readonly walk: Walk;
  private readonly ts: Compiler;
  private readonly statements: Statements;
  private readonly assertionNames: ReadonlyMap<string, AssertionKind>;

  constructor(walk: Walk, assertionNames: ReadonlyMap<string, AssertionKind>) {
    this.walk = walk;
    this.ts = walk.ts;
    this.statements = new Statements(walk);
    this.assertionNames = assertionNames;
  }

  summarize(isApiModule: boolean): FileSummary {
    const { walk } = this;
    const { source } = walk;
    walk.values.externalSlots.clear();
    const reader = new DeclarationReader(walk);
    const declared = reader.read();
    const waived = this.waivedByFunction(declared.functions);
    const functions = declared.functions.map((head) => this.function(head, waived.get(head.key) ?? []));
    return {
      file: walk.names.fileOf(source),
      lines: source.getLineStarts().length,
      functions,
      calls: walk.calls,
      flows: walk.flows,
      members: [...declared.members, ...walk.values.externalSlots.values()],
      types: declared.types,
      slotAssignments: walk.slotAssignments,
      graphWrites: walk.graphWrites,
      drains: walk.drains.filter((problem) => !this.isSharedWithClosure(problem, declared.functions)),
      exports: isApiModule ? reader.exports() : [],
      constructed: [...walk.constructed].sort(),
      waivers: readWaivers(this.ts, source),
      tagProblems: declared.tagProblems,
    };
  }

  /** `begin(); return work().finally(() => end());`: a section that a function and a closure in it open and close together. */
  private isSharedWithClosure(problem: DrainProblem, heads: readonly FunctionHead[]): boolean {
    const parents = new Map(heads.map((head) => [head.key, head.parent]));
    const isInside = (inner: string | null | undefined, outer: string): boolean => {
      for (let at = inner; at !== null && at !== undefined; at = parents.get(at)) if (at === outer) return true;
      return false;
    };
    const others = [...(this.walk.drainCalls.get(`${problem.kind === 'left-open' ? 'end' : 'begin'} ${problem.drain}`) ?? [])].filter((key) => key !== problem.owner);
    return others.some((key) => (problem.kind === 'left-open' ? isInside(key, problem.owner) : isInside(problem.owner, key)));
  }

  private function(head: FunctionHead, waivedAssertions: readonly WaivedAssertion[]): FunctionSummary {
    const { walk } = this;
    const body = head.hasBody ? this.walkBody(head) : null;
    const { node, nameNode, parent, container, literalMember, expressionBody } = head;
    const whole = head.kind === 'module';
    return {
      key: head.key, name: head.name, kind: head.kind, hasBody: head.hasBody, async: head.async, generator: head.generator, params: head.params,
      tags: head.tags, inheritedTags: head.inheritedTags, inheritedContainerTags: head.inheritedContainerTags, containerTags: head.containerTags,
      moduleTags: head.moduleTags, typeTags: head.typeTags,
      nameSpan: whole ? { line: 1, column: 1, endLine: 1, endColumn: 1 } : walk.span(nameNode),
      span: walk.span(node),
      ...(parent === null ? {} : { parent }),
      ...(container === null ? {} : { container }),
      ...(literalMember ? { literalMember: true as const } : {}),
      ...(expressionBody ? { expressionBody: true as const } : {}),
      ...(this.isIdle(node) ? { idle: true as const } : {}),
      ...(body?.writes === true ? { writes: true as const } : {}),
      returns: body === null ? [] : distinct(body.returns),
      assertions: body === null ? [] : body.assertions,
      waivedAssertions,
    };
  }

  /** Walks a body; a second time with all conditions followed where something in it depends on the context. */
  private walkBody(head: FunctionHead): Body {
    const { walk } = this;
    let leading: ReadonlySet<ts.Node> | undefined;
    const body: Body = {
      key: head.key, node: head.node, name: head.name, returns: [], assertions: [], leading: () => leading ??= this.leadingStatements(head.node),
      returnsFunctions: this.returnsFunctions(head.node), tracking: false, sensitive: false, skipped: false, looseDrains: new Set(), kills: 0, writes: false,
    };
    walk.body = body;
    const mark = walk.mark();
    this.run(head);
    if (body.sensitive && body.skipped) {
      walk.reset(mark);
      body.tracking = true;
      this.run(head);
    }
    return body;
  }

  private returnsFunctions(node: ts.Node): boolean {
    const type = this.walk.names.isFunction(node) ? node.type : undefined;
    return type === undefined || this.walk.symbols.holding.mayHold(type);
  }

  private run(head: FunctionHead): void {
    const { ts, walk } = this;
    const { node } = head;
    const inherited = walk.closures.get(node)?.state;
    const entry: State = inherited === undefined || inherited.length === 0 ? [ENTRY] : inherited;
    this.statements.body((statements) => {
      const x = statements.expressions;
      if (ts.isSourceFile(node)) return statements.list(node.statements, entry);
      let state = entry;
      if (ts.isClassLike(node)) {
        for (const member of node.members) {
          if (!ts.isPropertyDeclaration(member) || member.initializer === undefined || this.isStatic(member)) continue;
          state = x.expression(member.initializer, state);
          x.field(member);
        }
        return state;
      }
      if (!walk.names.isFunction(node) || node.body === undefined) return state;
      const params = node.parameters.filter((p) => !(ts.isIdentifier(p.name) && p.name.text === 'this'));
      params.forEach((p, index) => {
        if (p.initializer !== undefined) state = x.expression(p.initializer, state);
        const from: Value = { k: 'param', fn: head.key, index };
        if (!ts.isIdentifier(p.name)) x.bind(p.name, from);
        else if (ts.isConstructorDeclaration(node) && ts.isParameterPropertyDeclaration(p, node)) walk.addFlow({ k: 'cell', key: walk.names.key(p) }, from);
      });
      const body: ts.Node = node.body;
      if (ts.isBlock(body)) return statements.list(body.statements, state);
      state = x.expression(body as ts.Expression, state);
      x.returned(body as ts.Expression);
      return state;
    }, node);
  }

  private isStatic(member: ts.PropertyDeclaration): boolean {
    return this.ts.getModifiers(member)?.some((m) => m.kind === this.ts.SyntaxKind.StaticKeyword) ?? false;
  }

  /** Statements of a body before the first one with an effect, and that one: an assertion may be any of them. */
  private leadingStatements(node: ts.Node): ReadonlySet<ts.Node> {
    const { ts, walk } = this;
    const leading = new Set<ts.Node>();
    const body = walk.names.isFunction(node) ? node.body : undefined;
    if (body === undefined || !ts.isBlock(body)) return leading;
    this.addLeading(body.statements, leading);
    return leading;
  }

  /** Adds the statements up to the first with an effect; false once that is met. */
  private addLeading(statements: readonly ts.Statement[], leading: Set<ts.Node>): boolean {
    const { ts } = this;
    for (const statement of statements) {
      leading.add(statement);
      if (ts.isBlock(statement) || ts.isTryStatement(statement)) {
        if (this.addLeading(ts.isBlock(statement) ? statement.statements : statement.tryBlock.statements, leading) && ts.isBlock(statement)) continue;
        return false;
      }
      if (ts.isFunctionDeclaration(statement) || ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement) || ts.isEmptyStatement(statement) || ts.isEnumDeclaration(statement)) continue;
      if (ts.isVariableStatement(statement)) {
        if (statement.declarationList.declarations.every((d) => d.initializer === undefined || !this.hasEffect(d.initializer))) continue;
        return false;
      }
      if (ts.isExpressionStatement(statement)) {
        const e = skipTypes(ts, statement.expression);
        if (ts.isStringLiteral(e)) continue;
        if (ts.isCallExpression(e) && (e.expression.kind === ts.SyntaxKind.SuperKeyword || this.isAssertion(e))) continue;
      }
      return false;
    }
    return true;
  }

  /** A body that asserts at most. */
  private isIdle(node: ts.Node): boolean {
    const { ts } = this;
    const body: ts.Node | undefined = this.walk.names.isFunction(node) ? node.body : undefined;
    if (body === undefined || !ts.isBlock(body)) return false;
    return body.statements.every((statement) => {
      const e = ts.isExpressionStatement(statement) ? skipTypes(ts, statement.expression) : null;
      return e !== null && (ts.isStringLiteral(e) || (ts.isCallExpression(e) && this.isAssertion(e)));
    });
  }

  private isAssertion(call: ts.CallExpression): boolean {
    const symbol = this.walk.symbols.meaning(skipTypes(this.ts, call.expression));
    return symbol !== null && this.walk.symbols.tagsOf(symbol).asserts !== undefined;
  }

  /** Whether an initialiser calls or writes something; a closure's body runs later. */
  private hasEffect(expression: ts.Expression): boolean {
    const { ts, walk } = this;
    const visit = (node: ts.Node): boolean => {
      if (walk.names.isFunction(node)) return false;
      if (ts.isCallExpression(node) || ts.isNewExpression(node) || ts.isTaggedTemplateExpression(node) || ts.isAwaitExpression(node) || ts.isYieldExpression(node) || ts.isDeleteExpression(node)) return true;
      if (ts.isBinaryExpression(node) && node.operatorToken.kind >= ts.SyntaxKind.FirstAssignment && node.operatorToken.kind <= ts.SyntaxKind.LastAssignment) return true;
      if ((ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) && (node.operator === ts.SyntaxKind.PlusPlusToken || node.operator === ts.SyntaxKind.MinusMinusToken)) return true;
      if (ts.isPropertyAccessExpression(node) && walk.project.accessors.has(node.name.text) && (walk.symbols.meaning(node)?.declarations?.some((d) => ts.isGetAccessor(d)) ?? false)) return true;
      return ts.forEachChild(node, visit) === true;
    };
    return visit(expression);
  }

  /** Commented-out assertions by the innermost function they stand in. */
  private waivedByFunction(heads: readonly FunctionHead[]): Map<string, WaivedAssertion[]> {
    const { walk } = this;
    const byFunction = new Map<string, WaivedAssertion[]>();
    for (const { start, ...waived } of readWaivedAssertions(this.ts, walk.source, (name) => this.assertionNames.get(name) ?? null)) {
      let innermost: FunctionHead | null = null;
      for (const head of heads) {
        if (!head.hasBody || !walk.names.isFunction(head.node)) continue;
        const { body } = head.node;
        if (body === undefined || body.pos > start || start >= body.end) continue;
        if (innermost === null || body.pos >= ((innermost.node as ts.FunctionDeclaration).body?.pos ?? 0)) innermost = head;
      }
      if (innermost === null) continue;
      const list = byFunction.get(innermost.key) ?? [];
      list.push(waived);
      byFunction.set(innermost.key, list);
    }
    return byFunction;
  }
}

function distinct(values: readonly Value[]): Value[] {
  return values.length < 2 ? [...values] : [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}
