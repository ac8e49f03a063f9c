/**
 * What expressions do: calls, flows of functions, writes to the graph, and what conditions tell.
 *
 * In: expressions and the state before them. Out: the state after them; call sites, flows and writes go to the `Walk`.
 * Leaves to others: the order of statements (`statements.ts`), which functions an expression may stand for (`values.ts`).
 */
import type ts from 'typescript';
import type { Compiler } from './compiler.ts';
import type { Argument, CallKind, CallSite, Span, Tags, UnknownReason, Value } from '../../model/summary.ts';
import { assume, assumeCoroutine, assumeThread, forget, mapWays, union, type AtomFact, type State, type Way } from './facts.ts';
import { isStatic, memberName } from './names.ts';
import { NO_TAGS, type PredicateMeaning } from './symbols.ts';
import { skipTypes } from './traverse.ts';
import { GraphEffects, MUTATORS } from './graph-effects.ts';
import type { Statements } from './statements.ts';
import { any } from './values.ts';
import { forEachAssignedName, type Walk } from './walk.ts';

export interface Branches {
  readonly whenTrue: State;
  readonly whenFalse: State;
}

const LISTEN = new Set(['on', 'once', 'addListener', 'prependListener', 'prependOnceListener', 'addEventListener']);
const EMIT = new Set(['emit', 'dispatchEvent']);
const UNREACHED: State = [];
const MAX_TEXT = 60;
const NOWHERE: Span = { line: 1, column: 1, endLine: 1, endColumn: 1 };

export class Expressions {
  private readonly walk: Walk;
  private readonly ts: Compiler;
  private readonly statements: Statements;
  private readonly graph: GraphEffects;

  constructor(walk: Walk, statements: Statements) {
    this.walk = walk;
    this.ts = walk.ts;
    this.statements = statements;
    this.graph = new GraphEffects(walk);
  }

  expression(node: ts.Expression, state: State): State {
    const { ts } = this;
    const { SyntaxKind } = ts;
    switch (node.kind) {
      case SyntaxKind.ParenthesizedExpression: case SyntaxKind.AsExpression: case SyntaxKind.SatisfiesExpression:
      case SyntaxKind.NonNullExpression: case SyntaxKind.TypeAssertionExpression: case SyntaxKind.ExpressionWithTypeArguments:
      case SyntaxKind.TypeOfExpression: case SyntaxKind.VoidExpression: case SyntaxKind.PartiallyEmittedExpression:
        return this.expression((node as ts.ParenthesizedExpression).expression, state);
      case SyntaxKind.PropertyAccessExpression: return this.propertyRead(node as ts.PropertyAccessExpression, state);
      case SyntaxKind.ElementAccessExpression: {
        const access = node as ts.ElementAccessExpression;
        const after = this.expression(access.argumentExpression, this.expression(access.expression, state));
        this.accessor(access, 'get', after);
        return after;
      }
      case SyntaxKind.CallExpression: return this.call(node as ts.CallExpression, state);
      case SyntaxKind.NewExpression: return this.construct(node as ts.NewExpression, state);
      case SyntaxKind.TaggedTemplateExpression: return this.taggedTemplate(node as ts.TaggedTemplateExpression, state);
      case SyntaxKind.BinaryExpression: return this.binary(node as ts.BinaryExpression, state);
      case SyntaxKind.ConditionalExpression: {
        const { condition, whenTrue, whenFalse } = node as ts.ConditionalExpression;
        const branches = this.condition(condition, state);
        return union(this.expression(whenTrue, branches.whenTrue), this.expression(whenFalse, branches.whenFalse));
      }
      case SyntaxKind.ArrowFunction: case SyntaxKind.FunctionExpression:
        this.closure(node as ts.FunctionExpression, state);
        return state;
      case SyntaxKind.ClassExpression: return this.classLike(node as ts.ClassExpression, state);
      case SyntaxKind.AwaitExpression: return this.awaited(node as ts.AwaitExpression, state);
      case SyntaxKind.YieldExpression: {
        const { expression, asteriskToken } = node as ts.YieldExpression;
        if (expression === undefined) return state;
        const after = this.expression(expression, state);
        if (asteriskToken !== undefined) this.iterated(expression, expression, after, false);
        this.returned(expression);
        return after;
      }
      case SyntaxKind.PrefixUnaryExpression: case SyntaxKind.PostfixUnaryExpression: return this.unary(node as ts.PrefixUnaryExpression, state);
      case SyntaxKind.DeleteExpression: {
        const { expression } = node as ts.DeleteExpression;
        const after = this.expression(expression, state);
        this.written(expression, node, after);
        return after;
      }
      case SyntaxKind.ObjectLiteralExpression: return this.objectLiteral(node as ts.ObjectLiteralExpression, state);
      case SyntaxKind.ArrayLiteralExpression: {
        let at = state;
        for (const element of (node as ts.ArrayLiteralExpression).elements) {
          at = this.expression(element, at);
          if (this.walk.project.taggedTypes) this.intoTaggedType(element, this.walk.value(element));
        }
        return at;
      }
      case SyntaxKind.SpreadElement: {
        const { expression } = node as ts.SpreadElement;
        const after = this.expression(expression, state);
        this.iterated(expression, expression, after, false);
        return after;
      }
      case SyntaxKind.TemplateExpression: {
        let at = state;
        for (const part of (node as ts.TemplateExpression).templateSpans) at = this.expression(part.expression, at);
        return at;
      }
      case SyntaxKind.JsxElement: case SyntaxKind.JsxSelfClosingElement: case SyntaxKind.JsxFragment: return this.jsx(node as ts.JsxElement, state);
      default: return state;
    }
  }

  // ---- calls -------------------------------------------------------------------------------------------------------

  private call(node: ts.CallExpression, state: State): State {
    const { ts, walk } = this;
    const callee = skipTypes(ts, node.expression);
    if (callee.kind === ts.SyntaxKind.SuperKeyword) return this.superCall(node, state);
    if (callee.kind === ts.SyntaxKind.ImportKeyword) return this.arguments(node.arguments, state).state;
    let at = this.calleeParts(callee, state);
    const reflective = this.reflective(node, callee);
    const passed = this.arguments(node.arguments, at);
    at = passed.state;
    let value: Value | null;
    let args = passed.args;
    if (reflective !== null) {
      value = walk.values.callee(reflective.target, walk);
      if (reflective.bind) {
        this.record(node, 'call', { k: 'external', name: 'Function.bind', module: 'lib', tags: NO_TAGS }, callee, [], at, null);
        return at;
      }
      args = reflective.array ? this.spreadArgument(node.arguments[reflective.skip]) : args.slice(reflective.skip);
    } else {
      value = walk.values.callee(callee, walk);
    }
    const symbol = walk.symbols.meaning(reflective === null ? callee : skipTypes(ts, reflective.target));
    const tags = symbol === null ? NO_TAGS : walk.symbols.tagsOf(symbol);
    const receiver = ts.isPropertyAccessExpression(callee) && reflective === null ? walk.value(callee.expression) : null;
    const switched = ts.isPropertyAccessExpression(callee) && callee.name.text === 'then' ? this.switchBefore(callee.expression) : null;
    const during = switched === null ? at : mapWays(at, (way) => ({ ...way, thread: switched }));
    const constructs = reflective !== null && ts.isPropertyAccessExpression(callee) && callee.name.text === 'construct';
    if (constructs && value?.k === 'class') walk.constructed.add(value.key);
    this.record(node, constructs ? 'construct' : 'call', value ?? { k: 'unknown', reason: this.unknownReason(callee, symbol) }, callee, args, during, receiver);
    this.graph.call(node, callee, at);
    if (ts.isPropertyAccessExpression(callee) && MUTATORS.has(callee.name.text)) walk.body.writes = true;
    if (isObjectAssign(ts, node)) this.objectAssign(node);
    return this.afterCall(node, tags, symbol, at);
  }

  /** `toMain().then(f)`: f runs once the promise of a switch is fulfilled. */
  private switchBefore(promise: ts.Expression): 'main' | 'any' | null {
    const { ts, walk } = this;
    const e = skipTypes(ts, promise);
    if (!ts.isCallExpression(e)) return null;
    const callee = skipTypes(ts, e.expression);
    const symbol = walk.symbols.meaning(callee);
    const target = symbol === null ? undefined : walk.symbols.tagsOf(symbol).switchesTo;
    if (target !== undefined) return target === 'globalState' ? 'main' : 'any';
    const chained = ts.isPropertyAccessExpression(callee) && ['then', 'catch', 'finally'].includes(callee.name.text);
    return chained ? this.switchBefore(callee.expression) : null;
  }

  /** Parts of a callee that run before the call: the object of a member, a call that returns the callee. */
  private calleeParts(callee: ts.Expression, state: State): State {
    const { ts } = this;
    if (ts.isIdentifier(callee)) return state;
    if (ts.isPropertyAccessExpression(callee)) {
      const after = this.expression(callee.expression, state);
      this.accessor(callee, 'get', after);
      return after;
    }
    return this.expression(callee, state);
  }

  /** `f.call(x, a)`, `f.apply(x, [a])`, `f.bind(x)`, `Reflect.apply(f, x, [a])`, `Reflect.construct(C, [a])`. */
  private reflective(node: ts.CallExpression, callee: ts.Expression): { target: ts.Expression; skip: number; array: boolean; bind: boolean } | null {
    const { ts, walk } = this;
    if (!ts.isPropertyAccessExpression(callee)) return null;
    const name = callee.name.text;
    if (name !== 'call' && name !== 'apply' && name !== 'bind' && name !== 'construct') return null;
    const declaration = walk.symbols.meaning(callee)?.declarations?.[0];
    if (declaration === undefined || !walk.symbols.isExternal(declaration.getSourceFile())) return null;
    const owner = walk.symbols.externalName(declaration).name;
    if (owner === 'Reflect.apply' && node.arguments[0] !== undefined) return { target: node.arguments[0], skip: 2, array: true, bind: false };
    if (owner === 'Reflect.construct' && node.arguments[0] !== undefined) return { target: node.arguments[0], skip: 1, array: true, bind: false };
    if (!/^(Callable|Newable)?Function\./.test(owner)) return null;
    return { target: callee.expression, skip: 1, array: name === 'apply', bind: name === 'bind' };
  }

  private spreadArgument(argument: ts.Expression | undefined): Argument[] {
    if (argument === undefined) return [];
    const list = skipTypes(this.ts, argument);
    if (this.ts.isArrayLiteralExpression(list)) return list.elements.map((element) => this.argument(element));
    return [{ value: this.walk.value(argument), span: this.walk.span(argument), spread: true }];
  }

  private arguments(nodes: readonly ts.Expression[] | undefined, state: State): { state: State; args: Argument[] } {
    let at = state;
    for (const node of nodes ?? []) at = this.expression(node, at);
    const args = (nodes ?? []).map((node) => this.argument(node));
    nodes?.forEach((node, index) => { this.intoTaggedType(node, args[index]?.value ?? null); });
    return { state: at, args };
  }

  private argument(node: ts.Expression): Argument {
    const { ts, walk } = this;
    if (ts.isSpreadElement(node)) return { value: walk.value(node.expression), span: walk.span(node), spread: true };
    const value = walk.value(node);
    if (walk.dry === 0) this.structural(node);
    // Where nothing is handed over, nobody asks for the place.
    return { value, span: value === null ? NOWHERE : walk.span(node), ...(this.isName(node) ? { named: true as const } : {}) };
  }

  private isName(node: ts.Expression): boolean {
    const { ts } = this;
    const e = skipTypes(ts, node);
    return ts.isIdentifier(e) || ts.isPropertyAccessExpression(e)
      || (ts.isCallExpression(e) && ts.isPropertyAccessExpression(e.expression) && e.expression.name.text === 'bind');
  }

  private construct(node: ts.NewExpression, state: State): State {
    const { ts, walk } = this;
    const callee = skipTypes(ts, node.expression);
    const { state: at, args } = this.arguments(node.arguments, ts.isIdentifier(callee) ? state : this.expression(callee, state));
    const value = walk.values.callee(callee, walk);
    if (value?.k === 'class') walk.constructed.add(value.key);
    const symbol = walk.symbols.meaning(callee);
    this.record(node, 'construct', value ?? { k: 'unknown', reason: this.unknownReason(callee, symbol) }, callee, args, at, null);
    return at;
  }

  private superCall(node: ts.CallExpression, state: State): State {
    const { ts, walk } = this;
    const { state: at, args } = this.arguments(node.arguments, state);
    let holder: ts.Node = node;
    while (!ts.isClassLike(holder) && !ts.isSourceFile(holder)) holder = holder.parent;
    const base = ts.isClassLike(holder) ? holder.heritageClauses?.find((c) => c.token === ts.SyntaxKind.ExtendsKeyword)?.types[0]?.expression : undefined;
    const value = base === undefined ? null : walk.values.callee(base, walk);
    this.record(node, 'construct', value ?? { k: 'unknown', reason: 'no-declaration' }, node.expression, args, at, null);
    return at;
  }

  private taggedTemplate(node: ts.TaggedTemplateExpression, state: State): State {
    const { ts, walk } = this;
    const tag = skipTypes(ts, node.tag);
    let at = this.calleeParts(tag, state);
    const { template } = node;
    const values = ts.isTemplateExpression(template) ? template.templateSpans.map((part) => part.expression) : [];
    for (const value of values) at = this.expression(value, at);
    const args: Argument[] = [{ value: null, span: walk.span(template) }, ...values.map((value) => this.argument(value))];
    const symbol = walk.symbols.meaning(tag);
    const receiver = ts.isPropertyAccessExpression(tag) ? walk.value(tag.expression) : null;
    this.record(node, 'call', walk.values.callee(tag, walk) ?? { k: 'unknown', reason: this.unknownReason(tag, symbol) }, tag, args, at, receiver);
    return this.afterCall(node, symbol === null ? NO_TAGS : walk.symbols.tagsOf(symbol), symbol, at);
  }

  private record(node: ts.Node, kind: CallKind, callee: Value, calleeNode: ts.Node, args: readonly Argument[], state: State, receiver: Value | null): void {
    const { walk } = this;
    if (walk.dry > 0) return;
    const event = this.ts.isCallExpression(node) ? this.event(node, callee) : null;
    const site: CallSite = {
      caller: walk.body.key,
      span: walk.span(node),
      kind,
      text: this.text(calleeNode),
      callee,
      ...(receiver === null ? {} : { receiver }),
      args: trimArguments(args),
      argumentCount: args.length,
      guard: walk.guard(state),
      result: this.useOf(node),
      ...(event === null ? {} : { event }),
    };
    walk.addCall(node, site);
  }

  private text(node: ts.Node): string {
    // Of a long chain of calls, the end is enough.
    const start = Math.max(node.getStart(this.walk.source), node.end - 8 * MAX_TEXT);
    const written = this.walk.source.text.slice(start, node.end);
    const text = /\s/.test(written) ? written.replace(/\s+/g, ' ').trimStart() : written;
    return text.length > MAX_TEXT ? `…${text.slice(text.length - MAX_TEXT + 1)}` : text;
  }

  /** What happens to a result: awaited, dropped as a statement of its own, or used in some way. */
  private useOf(node: ts.Node): CallSite['result'] {
    const { ts } = this;
    let child = node;
    for (let at = node.parent; !ts.isSourceFile(at); child = at, at = at.parent) {
      if (ts.isAwaitExpression(at)) return 'awaited';
      if (ts.isExpressionStatement(at) || ts.isVoidExpression(at)) return 'dropped';
      if (ts.isParenthesizedExpression(at) || ts.isAsExpression(at) || ts.isNonNullExpression(at) || ts.isSatisfiesExpression(at)) continue;
      if (ts.isConditionalExpression(at) && at.condition !== child) continue;
      if (ts.isBinaryExpression(at)) {
        const { kind } = at.operatorToken;
        const passes = kind === ts.SyntaxKind.AmpersandAmpersandToken || kind === ts.SyntaxKind.BarBarToken || kind === ts.SyntaxKind.QuestionQuestionToken;
        if (passes && at.right === child) continue;
        if (kind === ts.SyntaxKind.CommaToken) {
          if (at.left === child) return 'dropped';
          continue;
        }
      }
      return 'used';
    }
    return 'used';
  }

  private event(node: ts.CallExpression, callee: Value): NonNullable<CallSite['event']> | null {
    const { ts, walk } = this;
    const access = skipTypes(ts, node.expression);
    if (!ts.isPropertyAccessExpression(access) || callee.k !== 'external') return null;
    const role = LISTEN.has(access.name.text) ? 'listen' : EMIT.has(access.name.text) ? 'emit' : null;
    const first = node.arguments[0];
    if (role === null || first === undefined) return null;
    const name = ts.isStringLiteralLike(first) ? first.text : walk.symbols.literal(first);
    const channels = walk.values.channels(access.expression);
    return channels.length === 0 ? null : { role, channels, name: typeof name === 'string' ? name : null };
  }

  private unknownReason(callee: ts.Expression, symbol: ts.Symbol | null): UnknownReason {
    const { ts, walk } = this;
    if (ts.isElementAccessExpression(callee) && !ts.isStringLiteralLike(callee.argumentExpression)) return 'computed-member';
    if (symbol === null || symbol.declarations === undefined) return ts.isIdentifier(callee) || ts.isPropertyAccessExpression(callee) ? 'any-typed' : 'no-value-seen';
    const declaration = symbol.declarations[0];
    if (declaration !== undefined && ts.isImportSpecifier(declaration)) return 'library-without-types';
    return declaration !== undefined && walk.symbols.isExternal(declaration.getSourceFile()) ? 'library-without-types' : 'no-value-seen';
  }

  /** What holds once the call has returned (or its promise is fulfilled). */
  private afterCall(node: ts.Node, tags: Tags, symbol: ts.Symbol | null, state: State): State {
    const { walk } = this;
    const { body } = walk;
    let at = state;
    if (tags.asserts !== undefined) {
      body.sensitive = true;
      this.assertion(node, tags.asserts);
      if (tags.asserts === 'globalState') at = mapWays(at, (way) => assumeThread(way, 'main'));
      if (tags.asserts === 'graphWritable') at = mapWays(at, (way) => ({ ...way, graphWritable: true }));
    }
    if (tags.switchesTo !== undefined && this.takesEffect(node, symbol)) {
      body.sensitive = true;
      body.kills++;
      const thread = tags.switchesTo === 'globalState' ? 'main' as const : 'any' as const;
      at = mapWays(at, (way) => ({ ...way, thread }));
    }
    if (tags.drainBegin !== undefined) {
      body.sensitive = true;
      body.kills++;
      this.noteDrain('begin', tags.drainBegin);
      const opened = { name: tags.drainBegin, site: node.getStart(walk.source) };
      at = mapWays(at, (way) => (way.drains.length < 8 ? { ...way, drains: [...way.drains, opened] } : way));
    }
    if (tags.drainEnd !== undefined) {
      body.sensitive = true;
      body.kills++;
      this.noteDrain('end', tags.drainEnd);
      at = this.endDrain(node, tags.drainEnd, at);
    }
    return symbol !== null && this.neverReturns(node, symbol) ? UNREACHED : at;
  }

  private takesEffect(node: ts.Node, symbol: ts.Symbol | null): boolean {
    if (this.useOf(node) === 'awaited') return true;
    const declaration = symbol === null ? null : this.walk.symbols.definition(symbol);
    const signature = declaration === null ? null : this.walk.symbols.signatureNode(declaration);
    if (signature === null) return true;
    const isAsync = this.ts.canHaveModifiers(signature) && (this.ts.getModifiers(signature)?.some((m) => m.kind === this.ts.SyntaxKind.AsyncKeyword) ?? false);
    return !isAsync && !/^Promise(Like)?\b/.test(signature.type?.getText() ?? '');
  }

  private neverReturns(node: ts.Node, symbol: ts.Symbol): boolean {
    if (!this.ts.isExpressionStatement(node.parent)) return false;
    const declaration = this.walk.symbols.definition(symbol);
    const signature = declaration === null ? null : this.walk.symbols.signatureNode(declaration);
    return signature?.type?.kind === this.ts.SyntaxKind.NeverKeyword;
  }

  private assertion(node: ts.Node, kind: NonNullable<Tags['asserts']>): void {
    const { ts, walk } = this;
    const { body } = walk;
    if (walk.dry > 0) return;
    let statement = node.parent;
    while (ts.isVoidExpression(statement) || ts.isParenthesizedExpression(statement) || ts.isAwaitExpression(statement)) statement = statement.parent;
    const atTop = statement === body.node || ((ts.isExpressionStatement(statement) || ts.isReturnStatement(statement)) && runsAlways(ts, statement, body.node));
    const repeated = body.assertions.some((other) => other.kind === kind && other.placement !== 'conditional');
    const placement = !atTop ? 'conditional' : repeated ? 'repeated' : statement === body.node || body.leading().has(statement) ? 'ok' : 'late';
    const name = ts.isCallExpression(node) ? this.text(node.expression) : this.text(node);
    body.assertions.push({ kind, span: walk.span(node), placement, name });
  }

  private noteDrain(role: 'begin' | 'end', name: string): void {
    const { drainCalls, body } = this.walk;
    drainCalls.set(`${role} ${name}`, (drainCalls.get(`${role} ${name}`) ?? new Set()).add(body.key));
  }

  private endDrain(node: ts.Node, name: string, state: State): State {
    const { walk } = this;
    const matches = (way: Way): number => way.drains.findLastIndex((drain) => drain.name === name);
    const stray = state.length > 0 && !walk.body.looseDrains.has(name) && state.some((way) => matches(way) < 0 && !way.loose.has(name));
    if (stray && walk.dry === 0 && !this.isDrainItself()) {
      walk.drains.push({ owner: walk.body.key, span: walk.span(node), kind: 'stray-end', drain: name, exit: 'end', exitLine: walk.span(node).line });
    }
    return mapWays(state, (way) => {
      const index = matches(way);
      return index < 0 ? way : { ...way, drains: way.drains.filter((_, i) => i !== index) };
    });
  }

  /** Sections still open where the function is left. */
  leftOpen(state: State, exit: string, node: ts.Node): void {
    const { walk } = this;
    if (walk.dry > 0 || this.isDrainItself()) return;
    for (const way of state) {
      for (const drain of way.drains) {
        const begin = nodeAt(this.ts, walk.source, drain.site);
        const span = walk.span(begin);
        if (walk.drains.some((other) => other.kind === 'left-open' && other.owner === walk.body.key && other.span.line === span.line && other.span.column === span.column)) continue;
        const exitLine = walk.source.getLineAndCharacterOfPosition(exit === 'end' ? Math.max(node.end - 1, 0) : node.getStart(walk.source)).line + 1;
        walk.drains.push({ owner: walk.body.key, span, kind: 'left-open', drain: drain.name, exit, exitLine });
      }
    }
  }

  /** A function that opens or closes a section on behalf of its callers. */
  private isDrainItself(): boolean {
    const { node } = this.walk.body;
    if (!this.walk.names.isFunction(node)) return false;
    const tags = this.walk.symbols.functionTags(node);
    return tags.drainBegin !== undefined || tags.drainEnd !== undefined;
  }

  // ---- property accesses -------------------------------------------------------------------------------------------

  private propertyRead(node: ts.PropertyAccessExpression, state: State): State {
    const after = this.expression(node.expression, state);
    this.accessor(node, 'get', after);
    return after;
  }

  /** A read or write that runs a getter or setter is a call. */
  private accessor(node: ts.PropertyAccessExpression | ts.ElementAccessExpression, kind: 'get' | 'set', state: State, value: Argument | null = null): void {
    const { ts, walk } = this;
    const name = ts.isPropertyAccessExpression(node) ? node.name.text : ts.isStringLiteralLike(node.argumentExpression) ? node.argumentExpression.text : null;
    if (name === null || !walk.project.accessors.has(name) || walk.dry > 0) return;
    const declarations = walk.symbols.meaning(node)?.declarations ?? [];
    const accessors = declarations.filter((d) => (kind === 'get' ? ts.isGetAccessor(d) : ts.isSetAccessor(d)));
    if (accessors.length === 0) return;
    const exact = node.expression.kind === ts.SyntaxKind.SuperKeyword;
    const values = accessors.map((d): Value => {
      if (walk.symbols.isExternal(d.getSourceFile())) return walk.values.external(d, walk.symbols.meaning(node) as ts.Symbol);
      return { k: 'member', key: walk.names.key(d), ...(exact || isStatic(ts, d) || ts.isObjectLiteralExpression(d.parent) ? { exact: true } : {}) };
    });
    walk.addCall(kind === 'get' ? node : node.parent, {
      caller: walk.body.key, span: walk.span(node), kind: 'accessor', text: this.text(node),
      callee: values.length === 1 ? values[0] as Value : { k: 'any', of: values },
      args: value === null ? [] : trimArguments([value]), argumentCount: value === null ? 0 : 1, guard: walk.guard(state), result: kind === 'get' ? this.useOf(node) : 'dropped',
    });
  }

  private binary(node: ts.BinaryExpression, state: State): State {
    const { ts } = this;
    const { SyntaxKind } = ts;
    const { kind } = node.operatorToken;
    switch (kind) {
      case SyntaxKind.AmpersandAmpersandToken: case SyntaxKind.BarBarToken: {
        const { whenTrue, whenFalse } = this.condition(node, state);
        return union(whenTrue, whenFalse);
      }
      case SyntaxKind.QuestionQuestionToken: {
        const left = this.expression(node.left, state);
        return union(left, this.expression(node.right, left));
      }
      case SyntaxKind.EqualsToken: return this.assignment(node, state);
      case SyntaxKind.BarBarEqualsToken: case SyntaxKind.AmpersandAmpersandEqualsToken: case SyntaxKind.QuestionQuestionEqualsToken: {
        const left = this.expression(node.left, state);
        return union(left, this.assigned(node, this.expression(node.right, left)));
      }
      default:
    }
    if (kind >= SyntaxKind.FirstAssignment && kind <= SyntaxKind.LastAssignment) {
      return this.assigned(node, this.expression(node.right, this.expression(node.left, state)));
    }
    // Long sums lean to the left; walking that spine needs no recursion.
    const spine: ts.BinaryExpression[] = [];
    let left: ts.Expression = node;
    while (ts.isBinaryExpression(left) && isPlainOperator(ts, left.operatorToken.kind)) { spine.push(left); left = left.left; }
    let at = spine.length === 0 ? this.expression(node.left, state) : this.expression(left, state);
    for (let i = spine.length - 1; i >= 0; i--) at = this.expression((spine[i] as ts.BinaryExpression).right, at);
    return spine.length === 0 ? this.expression(node.right, at) : at;
  }

  private assignment(node: ts.BinaryExpression, state: State): State {
    const { ts } = this;
    const left = skipTypes(ts, node.left);
    let at = state;
    if (ts.isPropertyAccessExpression(left)) at = this.expression(left.expression, at);
    else if (ts.isElementAccessExpression(left)) at = this.expression(left.argumentExpression, this.expression(left.expression, at));
    return this.assigned(node, this.valueState(node.right, at, ts.isIdentifier(left) ? left : null));
  }

  /** After the right side of an assignment: the write, its flows, its facts. */
  private assigned(node: ts.BinaryExpression, state: State): State {
    const { ts, walk } = this;
    const left = skipTypes(ts, node.left);
    const names = new Set<string>();
    forEachAssignedName(ts, node, (name) => { names.add(name); });
    let at = forget(state, names);
    this.flowInto(left, node.right, node);
    if (ts.isPropertyAccessExpression(left) || ts.isElementAccessExpression(left)) this.accessor(left, 'set', at, this.argument(node.right));
    this.written(left, node, at);
    if (ts.isIdentifier(left) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken) {
      const literal = walk.symbols.literal(node.right);
      const key = literal === undefined ? null : walk.atomKey(left);
      if (key !== null && literal !== undefined) at = mapWays(at, (way) => assume(way, key, { eq: literal }));
    }
    return at;
  }

  /** An assignment, increment or deletion: of the graph, and of anything that outlives the body. */
  private written(target: ts.Expression, place: ts.Node, state: State): void {
    const { ts, walk } = this;
    this.graph.write(target, place, state);
    if (walk.body.writes) return;
    const e = skipTypes(ts, target);
    const declaration = ts.isIdentifier(e) ? walk.symbols.meaning(e)?.valueDeclaration : undefined;
    const { node } = walk.body;
    walk.body.writes = declaration === undefined || declaration.getSourceFile() !== walk.source || declaration.pos < node.pos || declaration.end > node.end;
  }

  private flowInto(left: ts.Expression, right: ts.Expression, place: ts.BinaryExpression): void {
    const { ts, walk } = this;
    if (walk.dry > 0) return;
    const value = walk.value(right);
    if (ts.isIdentifier(left)) {
      if (value !== null) walk.addSlotValue(walk.values.target(left), value, place);
    } else if (ts.isPropertyAccessExpression(left)) {
      if (value?.k === 'lit') return;
      if (value !== null) walk.addSlotValue(walk.values.target(left), value, place);
      this.structural(right);
    } else if (ts.isElementAccessExpression(left)) {
      if (value !== null && ts.isStringLiteralLike(left.argumentExpression)) walk.addSlotValue(walk.values.target(left), value, place);
      else if (value !== null) walk.addFlow(walk.value(left.expression), value);
    } else if (ts.isArrayLiteralExpression(left) || ts.isObjectLiteralExpression(left)) {
      this.destructured(left, value);
    }
  }

  private destructured(pattern: ts.ArrayLiteralExpression | ts.ObjectLiteralExpression, value: Value | null): void {
    const { ts, walk } = this;
    const parts = ts.isArrayLiteralExpression(pattern) ? [...pattern.elements] : pattern.properties.map((p) => (ts.isPropertyAssignment(p) ? p.initializer : ts.isShorthandPropertyAssignment(p) ? p.name : null));
    for (const part of parts) {
      if (part === null) continue;
      let target: ts.Expression = ts.isSpreadElement(part) ? part.expression : part;
      if (ts.isBinaryExpression(target)) {
        walk.addFlow(walk.values.target(target.left), walk.value(target.right));
        target = target.left;
      }
      if (ts.isArrayLiteralExpression(target) || ts.isObjectLiteralExpression(target)) this.destructured(target, value);
      else walk.addFlow(walk.values.target(target), value);
    }
  }

  private unary(node: ts.PrefixUnaryExpression | ts.PostfixUnaryExpression, state: State): State {
    const { ts } = this;
    if (node.operator === ts.SyntaxKind.ExclamationToken) {
      const { whenTrue, whenFalse } = this.condition(node, state);
      return union(whenTrue, whenFalse);
    }
    let at = this.expression(node.operand, state);
    if (node.operator === ts.SyntaxKind.PlusPlusToken || node.operator === ts.SyntaxKind.MinusMinusToken) {
      const names = new Set<string>();
      forEachAssignedName(ts, node, (name) => { names.add(name); });
      at = forget(at, names);
      const operand = skipTypes(ts, node.operand);
      if (ts.isPropertyAccessExpression(operand) || ts.isElementAccessExpression(operand)) this.accessor(operand, 'set', at);
      this.written(operand, node, at);
    }
    return at;
  }

  // ---- awaits, iteration, disposal ---------------------------------------------------------------------------------

  private awaited(node: ts.AwaitExpression, state: State): State {
    const { walk } = this;
    let at = this.expression(node.expression, state);
    if (walk.project.wellKnown.has('then')) this.implicit(node.expression, node, ['then'], at, false);
    if (walk.expireAtAwait) {
      walk.body.kills++;
      at = mapWays(at, (way) => (way.thread === null ? way : { ...way, thread: way.thread === 'any' ? 'any' : null }));
    }
    return at;
  }

  /** `for…of`, `for await`, spread and `yield*` run the iterator of a project's class. */
  iterated(expression: ts.Expression, place: ts.Node, state: State, asynchronous: boolean): void {
    const { wellKnown } = this.walk.project;
    const names = asynchronous ? ['[Symbol.asyncIterator]', '[Symbol.iterator]'] : ['[Symbol.iterator]'];
    const used = names.filter((name) => wellKnown.has(name));
    if (used.length > 0) this.implicit(expression, place, used, state, true);
  }

  /** `using` calls the dispose method when its block ends. */
  dispose(declaration: ts.VariableDeclaration, state: State): void {
    const { wellKnown } = this.walk.project;
    const used = ['[Symbol.asyncDispose]', '[Symbol.dispose]'].filter((name) => wellKnown.has(name));
    if (used.length > 0 && declaration.initializer !== undefined) this.implicit(declaration.initializer, declaration, used, state, false);
  }

  private implicit(expression: ts.Expression, place: ts.Node, names: readonly string[], state: State, iterates: boolean): void {
    const { ts, walk } = this;
    if (walk.dry > 0) return;
    const type = walk.symbols.checker.getNonNullableType(walk.symbols.checker.getTypeAtLocation(expression));
    const found = walk.symbols.wellKnownMember(type, names);
    if (found === null) return;
    const callee: Value = { k: 'member', key: walk.names.key(found) };
    const first = walk.calls.length;
    const base = { caller: walk.body.key, span: walk.span(place), kind: 'call' as const, text: names[0] as string, args: [], argumentCount: 0, guard: walk.guard(state), result: 'used' as const };
    walk.addCall(found, { ...base, callee });
    const generator = ts.isMethodDeclaration(found) && found.asteriskToken !== undefined;
    if (iterates && !generator) walk.addCall(place, { ...base, callee: { k: 'call', site: first } });
  }

  loopVariable(node: ts.ForOfStatement): void {
    const { ts, walk } = this;
    if (walk.dry > 0) return;
    const value = walk.value(node.expression);
    if (value === null) return;
    if (ts.isVariableDeclarationList(node.initializer)) {
      for (const declaration of node.initializer.declarations) this.bind(declaration.name, value);
    } else {
      const target = skipTypes(ts, node.initializer);
      if (ts.isArrayLiteralExpression(target) || ts.isObjectLiteralExpression(target)) this.destructured(target, value);
      else walk.addFlow(walk.values.target(target), value);
    }
  }

  // ---- declarations inside bodies ----------------------------------------------------------------------------------

  variable(declaration: ts.VariableDeclaration, state: State): State {
    const { ts, walk } = this;
    const { initializer, name } = declaration;
    if (initializer === undefined) return state;
    const at = this.valueState(initializer, state, ts.isIdentifier(name) ? name : null);
    if (walk.dry === 0) {
      const value = walk.value(initializer);
      if (ts.isIdentifier(name)) {
        const typed = walk.symbols.taggedType(declaration);
        if (typed !== null) walk.addSlotValue({ k: 'member', key: walk.names.key(typed.alias) }, value, name);
        if (walk.symbols.holding.declared(declaration)) walk.addFlow({ k: 'cell', key: walk.values.cellKey(declaration) }, value);
        if (declaration.type !== undefined) this.structural(initializer);
      } else {
        this.bind(name, value);
        this.accessorsInPattern(name, at);
      }
    }
    if (!ts.isIdentifier(name) && ts.isArrayBindingPattern(name)) this.iterated(initializer, initializer, at, false);
    if (ts.isIdentifier(name) && !isConstant(ts, declaration)) {
      const literal = walk.symbols.literal(initializer);
      const key = literal === undefined ? null : walk.atomKey(name);
      if (key !== null && literal !== undefined) return mapWays(at, (way) => assume(way, key, { eq: literal }));
    }
    return at;
  }

  /** The state after an expression that a variable holds: what its truth tells stays tied to the variable. */
  private valueState(expression: ts.Expression, state: State, variable: ts.Identifier | null): State {
    if (variable === null || !this.isConditionLike(expression)) return this.expression(expression, state);
    const { whenTrue, whenFalse } = this.condition(expression, state);
    const key = this.walk.atomKey(variable);
    if (key === null) {
      if (whenTrue !== whenFalse) this.walk.body.sensitive = true;
      return union(whenTrue, whenFalse);
    }
    const known = new Set([variable.text]);
    const exact = isBoolean(this.ts, expression);
    const tie = (branch: State, truthy: boolean): State => mapWays(forget(branch, known), (way) => assume(way, key, exact ? { eq: truthy } : { truthy }));
    return union(tie(whenTrue, true), tie(whenFalse, false));
  }

  private isConditionLike(expression: ts.Expression): boolean {
    const { ts } = this;
    const e = skipTypes(ts, expression);
    if (ts.isPrefixUnaryExpression(e)) return e.operator === ts.SyntaxKind.ExclamationToken;
    if (ts.isAwaitExpression(e)) return this.isConditionLike(e.expression);
    if (ts.isConditionalExpression(e)) return this.isConditionLike(e.condition);
    if (ts.isBinaryExpression(e)) {
      const { kind } = e.operatorToken;
      return kind === ts.SyntaxKind.AmpersandAmpersandToken || kind === ts.SyntaxKind.BarBarToken
        || kind === ts.SyntaxKind.EqualsEqualsEqualsToken || kind === ts.SyntaxKind.ExclamationEqualsEqualsToken
        || kind === ts.SyntaxKind.EqualsEqualsToken || kind === ts.SyntaxKind.ExclamationEqualsToken;
    }
    if (!ts.isCallExpression(e)) return false;
    const symbol = this.walk.symbols.meaning(skipTypes(ts, e.expression));
    return symbol !== null && this.walk.symbols.predicateOf(symbol) !== null;
  }

  /** Binds the names of a pattern: to the member that a property name means, or to what the whole holds. */
  bind(name: ts.BindingName, from: Value | null): void {
    const { ts, walk } = this;
    if (ts.isIdentifier(name)) {
      const declaration = name.parent;
      if (ts.isVariableDeclaration(declaration) || ts.isBindingElement(declaration)) walk.addFlow({ k: 'cell', key: walk.values.cellKey(declaration) }, from);
      return;
    }
    let type: ts.Type | null = null;
    for (const element of name.elements) {
      if (ts.isOmittedExpression(element)) continue;
      let value = from;
      if (ts.isObjectBindingPattern(name) && element.dotDotDotToken === undefined) {
        const property = element.propertyName ?? element.name;
        const text = ts.isIdentifier(property) || ts.isStringLiteralLike(property) ? property.text : null;
        if (text !== null && walk.project.callable.has(text)) {
          type ??= walk.symbols.checker.getTypeAtLocation(name);
          value = walk.values.boundProperty(type, text, from);
        }
      }
      this.bind(element.name, value);
      if (element.initializer !== undefined) this.bind(element.name, walk.value(element.initializer));
    }
  }

  private accessorsInPattern(name: ts.BindingName, state: State): void {
    const { ts, walk } = this;
    if (!ts.isObjectBindingPattern(name)) return;
    for (const element of name.elements) {
      const property = element.propertyName ?? element.name;
      if (!ts.isIdentifier(property) || !walk.project.accessors.has(property.text)) continue;
      const member = walk.symbols.checker.getPropertyOfType(walk.symbols.checker.getTypeAtLocation(name), property.text);
      const getter = member?.declarations?.find((d) => ts.isGetAccessor(d));
      if (getter === undefined || walk.symbols.isExternal(getter.getSourceFile())) continue;
      walk.addCall(element, {
        caller: walk.body.key, span: walk.span(element), kind: 'accessor', text: property.text,
        callee: { k: 'member', key: walk.names.key(getter) }, args: [], argumentCount: 0, guard: walk.guard(state), result: 'used',
      });
    }
  }

  returned(expression: ts.Expression): void {
    const { walk } = this;
    if (walk.dry > 0) return;
    const value = walk.value(expression);
    if (value?.k === 'lit') return;
    this.structural(expression);
    if (value === null || !walk.body.returnsFunctions) return;
    walk.body.returns.push(value);
    this.intoTaggedType(expression, value);
  }

  defaultExport(node: ts.ExportAssignment): void {
    this.walk.addFlow({ k: 'cell', key: this.walk.names.key(node) }, this.walk.value(node.expression));
  }

  /** A closure inherits what cannot change: facts on constants, and that the graph is writable. */
  private closure(node: ts.FunctionExpression | ts.ArrowFunction, state: State): void {
    const { walk } = this;
    if (walk.dry > 0) return;
    const inherited = mapWays(state, (way) => ({
      thread: null,
      coroutine: null,
      graphWritable: way.graphWritable,
      drains: [],
      loose: new Set(),
      atoms: way.atoms.size === 0 ? way.atoms : new Map([...way.atoms].filter(([key]) => !key.includes('.') && walk.isNeverAssigned(key))),
    }));
    walk.closures.set(node, { node, state: inherited.length === 0 ? [] : inherited });
  }

  functionDeclaration(node: ts.FunctionDeclaration, state: State): void {
    const { walk } = this;
    if (walk.dry > 0 || node.body === undefined) return;
    const writable = state.length > 0 && state.every((way) => way.graphWritable);
    walk.closures.set(node, { node, state: writable ? [{ ...(state[0] as Way), thread: null, coroutine: null, drains: [], atoms: new Map() }] : [] });
  }

  // ---- literals and classes ----------------------------------------------------------------------------------------

  private objectLiteral(node: ts.ObjectLiteralExpression, state: State): State {
    const { ts, walk } = this;
    let at = state;
    let types: readonly ts.Type[] | undefined;
    const contextual = (): readonly ts.Type[] => {
      types ??= this.placesOf(node);
      return types;
    };
    for (const property of node.properties) {
      if (property.name !== undefined && ts.isComputedPropertyName(property.name)) at = this.expression(property.name.expression, at);
      if (ts.isPropertyAssignment(property)) at = this.expression(property.initializer, at);
      else if (ts.isSpreadAssignment(property)) at = this.expression(property.expression, at);
      else if (walk.names.isFunction(property)) this.closure(property as unknown as ts.FunctionExpression, at);
      if (walk.dry > 0) continue;
      if (ts.isSpreadAssignment(property)) { this.spreadInto(property.expression, contextual); continue; }
      if (ts.isGetAccessor(property) || ts.isSetAccessor(property)) continue;
      const value: Value | null = ts.isMethodDeclaration(property) ? { k: 'fn', key: walk.names.key(property) }
        : ts.isPropertyAssignment(property) ? walk.value(property.initializer)
          : walk.values.reference(property.name, walk);
      if (value === null || value.k === 'lit') continue;
      walk.addFlow({ k: 'cell', key: walk.names.key(property) }, value);
      const name = memberName(ts, property.name);
      if (!walk.project.slots.has(name) && !walk.project.taggedTypes && !walk.symbols.hasTaggedLibraries()) continue;
      const slots = contextual().map((wanted) => walk.values.slotOf(wanted, name, walk.project.slots.has(name) || this.isLibrary(wanted)));
      walk.addSlotValue(any(slots), value, property.name);
    }
    return at;
  }

  /** The types that a literal is put in a place of: of a union those that its own constants fit. */
  private placesOf(node: ts.ObjectLiteralExpression): readonly ts.Type[] {
    const { ts, walk } = this;
    const { checker } = walk.symbols;
    const type = this.constraintOf(node) ?? this.declaredPlace(node) ?? checker.getContextualType(node);
    if (type === undefined) return [];
    if (!type.isUnion()) return [type];
    const fits = (part: ts.Type): boolean => node.properties.every((property) => {
      const literal = ts.isPropertyAssignment(property) ? walk.symbols.literal(property.initializer) : undefined;
      if (literal === undefined || property.name === undefined) return true;
      const member = checker.getPropertyOfType(part, memberName(ts, property.name));
      const wanted = member === undefined ? undefined : checker.getTypeOfSymbol(member);
      const values = wanted === undefined ? [] : wanted.isUnion() ? wanted.types : [wanted];
      const excludes = (value: ts.Type): boolean => (value.isLiteral() ? value.value !== literal : (value.flags & ts.TypeFlags.BooleanLiteral) !== 0 && checker.typeToString(value) !== String(literal));
      return values.length === 0 || !values.every(excludes);
    });
    const parts = type.types.filter(fits);
    return parts.length > 0 ? parts : [type];
  }

  /** The written type of the place; undefined where only the checker knows it. */
  private declaredPlace(node: ts.ObjectLiteralExpression): ts.Type | undefined {
    const { ts, walk } = this;
    const { checker, plain } = walk.symbols;
    const { parent } = node;
    if (ts.isCallExpression(parent) || ts.isNewExpression(parent)) return plain.argument(parent, parent.arguments?.indexOf(node) ?? -1) ?? undefined;
    if ((ts.isVariableDeclaration(parent) || ts.isPropertyDeclaration(parent)) && parent.type !== undefined) return checker.getTypeFromTypeNode(parent.type);
    if (!ts.isReturnStatement(parent)) return undefined;
    let owner: ts.Node = parent;
    while (!ts.isFunctionLike(owner) && !ts.isSourceFile(owner)) owner = owner.parent;
    if (!ts.isFunctionLike(owner) || owner.type === undefined || ('asteriskToken' in owner && owner.asteriskToken !== undefined)) return undefined;
    if (ts.canHaveModifiers(owner) && ts.getModifiers(owner)?.some((m) => m.kind === ts.SyntaxKind.AsyncKeyword) === true) {
      const awaited = ts.isTypeReferenceNode(owner.type) && owner.type.typeName.getText() === 'Promise' ? owner.type.typeArguments?.[0] : undefined;
      return awaited === undefined ? undefined : checker.getTypeFromTypeNode(awaited);
    }
    return checker.getTypeFromTypeNode(owner.type);
  }

  /** For an argument whose type is inferred from itself: what the parameter asks of it. */
  private constraintOf(node: ts.ObjectLiteralExpression): ts.Type | undefined {
    const { ts, walk } = this;
    const { checker } = walk.symbols;
    const call = node.parent;
    if (!ts.isCallExpression(call)) return undefined;
    const symbol = walk.symbols.meaning(skipTypes(ts, call.expression));
    const declaration = symbol === null ? null : walk.symbols.definition(symbol);
    const signature = declaration === null ? null : walk.symbols.signatureNode(declaration);
    const wanted = signature?.typeParameters === undefined ? undefined : signature.parameters[call.arguments.indexOf(node)]?.type;
    if (wanted === undefined || !ts.isTypeReferenceNode(wanted)) return undefined;
    const type = checker.getTypeFromTypeNode(wanted);
    return (type.flags & ts.TypeFlags.TypeParameter) !== 0 ? checker.getBaseConstraintOfType(type) : undefined;
  }

  private isLibrary(type: ts.Type): boolean {
    const symbol = this.walk.symbols.checker.getNonNullableType(type).symbol as ts.Symbol | undefined;
    const declaration = symbol?.declarations?.[0];
    return declaration !== undefined && this.walk.symbols.isExternal(declaration.getSourceFile()) && this.walk.symbols.isTagged(declaration.getSourceFile());
  }

  /** `{ ...base }` in a place of type T: what the base's properties hold flows into T's slots. */
  private spreadInto(base: ts.Expression, contextual: () => readonly ts.Type[]): void {
    for (const wanted of contextual()) this.linkProperties(base, wanted);
  }

  /** A value of one object type given where another is declared: its properties flow into that type's slots. */
  private structural(expression: ts.Expression): void {
    const { ts, walk } = this;
    const place = walk.symbols.placeType(expression);
    if (place === null) return;
    const e = skipTypes(ts, expression);
    const wanted = (): ts.Type => walk.symbols.checker.getTypeFromTypeNode(place);
    if (ts.isCallExpression(e) && isObjectAssign(ts, e)) {
      for (const part of e.arguments) this.linkProperties(part, wanted());
      return;
    }
    const holder = this.classOf(e);
    if (holder !== null) {
      if (this.isForeign(holder, wanted())) this.linkProperties(e, wanted());
      return;
    }
    if (!ts.isIdentifier(e)) return;
    const declaration = walk.symbols.meaning(e)?.valueDeclaration;
    if (declaration === undefined || !ts.isVariableDeclaration(declaration) || declaration.type !== undefined || declaration.initializer === undefined) return;
    if (holdsLiteral(ts, declaration.initializer)) this.linkProperties(e, wanted());
  }

  /** The project's class that an expression is an instance of, as far as its syntax shows. */
  private classOf(e: ts.Expression): ts.ClassLikeDeclaration | null {
    const { ts, walk } = this;
    const named = (name: ts.Node): ts.ClassLikeDeclaration | null => {
      const found = walk.symbols.symbolAt(name)?.declarations?.find((d) => ts.isClassLike(d));
      return found !== undefined && ts.isClassLike(found) && !walk.symbols.isExternal(found.getSourceFile()) ? found : null;
    };
    if (ts.isNewExpression(e)) return ts.isIdentifier(e.expression) ? named(e.expression) : null;
    if (e.kind === ts.SyntaxKind.ThisKeyword) {
      let at: ts.Node = e;
      while (!ts.isClassLike(at) && !ts.isSourceFile(at) && !ts.isFunctionDeclaration(at) && !ts.isFunctionExpression(at)) at = at.parent;
      return ts.isClassLike(at) ? at : null;
    }
    if (!ts.isIdentifier(e)) return null;
    const declaration = walk.symbols.meaning(e)?.valueDeclaration;
    if (declaration === undefined || (!ts.isVariableDeclaration(declaration) && !ts.isParameter(declaration))) return null;
    if (declaration.type !== undefined) return ts.isTypeReferenceNode(declaration.type) && ts.isIdentifier(declaration.type.typeName) ? named(declaration.type.typeName) : null;
    const held = declaration.initializer === undefined ? undefined : skipTypes(ts, declaration.initializer);
    return held !== undefined && ts.isNewExpression(held) && ts.isIdentifier(held.expression) ? named(held.expression) : null;
  }

  /** Whether a place's type is declared in the project, and the class does not name it among its bases. */
  private isForeign(holder: ts.ClassLikeDeclaration, wanted: ts.Type): boolean {
    const { ts, walk } = this;
    const type = walk.symbols.checker.getNonNullableType(wanted);
    const declarations = (type.isUnion() ? type.types : [type]).flatMap((part) => (part.symbol as ts.Symbol | undefined)?.declarations ?? []);
    if (!declarations.some((d) => (ts.isInterfaceDeclaration(d) || ts.isTypeLiteralNode(d)) && !walk.symbols.isExternal(d.getSourceFile()))) return false;
    const seen = new Set<ts.Node>([holder]);
    for (const at of seen) {
      if (declarations.includes(at as ts.Declaration)) return false;
      if (!ts.isClassLike(at) && !ts.isInterfaceDeclaration(at)) continue;
      for (const base of walk.symbols.baseSymbols(at)) for (const d of base.declarations ?? []) seen.add(d);
    }
    return true;
  }

  /** A function given where a tagged function type is asked for is put into that type's slot. */
  private intoTaggedType(expression: ts.Expression, value: Value | null): void {
    const { walk } = this;
    if (!walk.project.taggedTypes || value === null || value.k === 'lit' || walk.dry > 0) return;
    const alias = walk.symbols.taggedPlace(expression);
    if (alias === null) return;
    const slot: Value = { k: 'member', key: walk.names.key(alias) };
    if (value.k !== 'member' || value.key !== slot.key) walk.addSlotValue(slot, value, expression);
  }

  private linkProperties(from: ts.Expression, wanted: ts.Type): void {
    const { walk } = this;
    const type = walk.symbols.checker.getTypeAtLocation(from);
    for (const property of walk.symbols.checker.getPropertiesOfType(type)) {
      if (!walk.project.callable.has(property.name)) continue;
      const slot = walk.values.slotOf(wanted, property.name, walk.project.slots.has(property.name));
      const value = walk.values.propertyValue(type, property.name);
      if (slot === null || value === null || JSON.stringify(slot) === JSON.stringify(value)) continue;
      walk.addSlotValue(slot, value, from);
    }
  }

  /** `Object.assign(target, part)`: the part's properties flow into the slots of the target's type. */
  private objectAssign(node: ts.CallExpression): void {
    const { walk } = this;
    const [target, ...parts] = node.arguments;
    if (target === undefined || walk.dry > 0) return;
    const wanted = walk.symbols.checker.getTypeAtLocation(target);
    for (const part of parts) this.linkProperties(part, wanted);
  }

  classLike(node: ts.ClassLikeDeclaration, state: State): State {
    const { ts } = this;
    let at = state;
    const decorate = (holder: ts.HasDecorators): void => {
      for (const decorator of ts.getDecorators(holder) ?? []) at = this.decorator(decorator, at);
    };
    decorate(node);
    for (const clause of node.heritageClauses ?? []) {
      if (clause.token !== ts.SyntaxKind.ExtendsKeyword) continue;
      for (const base of clause.types) at = this.expression(base.expression, at);
    }
    for (const member of node.members) {
      if (ts.canHaveDecorators(member)) decorate(member);
      if ('parameters' in member) {
        for (const parameter of (member as ts.MethodDeclaration).parameters) decorate(parameter);
      }
      if (member.name !== undefined && ts.isComputedPropertyName(member.name)) at = this.expression(member.name.expression, at);
      if (ts.isPropertyDeclaration(member) && isStatic(ts, member) && member.initializer !== undefined) {
        at = this.expression(member.initializer, at);
        this.field(member);
      } else if (ts.isClassStaticBlockDeclaration(member)) {
        at = this.statements.list(member.body.statements, at);
      }
    }
    return at;
  }

  /** The initialiser of a property: its function value goes into the property's slot. */
  field(member: ts.PropertyDeclaration): void {
    const { walk } = this;
    if (member.initializer === undefined) return;
    if (walk.symbols.holding.declared(member)) walk.addSlotValue({ k: 'member', key: walk.names.key(member) }, walk.value(member.initializer), member.name);
    if (member.type !== undefined && walk.dry === 0) this.structural(member.initializer);
  }

  private decorator(node: ts.Decorator, state: State): State {
    const { ts, walk } = this;
    const e = skipTypes(ts, node.expression);
    // `@log` calls log; `@log(level)` calls log, and then what it returned.
    const at = ts.isIdentifier(e) ? state : this.expression(e, state);
    const symbol = walk.symbols.meaning(e);
    const value = walk.values.callee(e, walk) ?? { k: 'unknown' as const, reason: this.unknownReason(e, symbol) };
    this.record(node, 'call', value, e, [], at, null);
    return at;
  }

  private jsx(node: ts.JsxElement | ts.JsxSelfClosingElement | ts.JsxFragment, state: State): State {
    const { ts, walk } = this;
    let at = state;
    const child = (part: ts.JsxChild): void => {
      if (ts.isJsxExpression(part)) { if (part.expression !== undefined) at = this.expression(part.expression, at); }
      else if (!ts.isJsxText(part)) at = this.jsx(part, at);
    };
    if (ts.isJsxFragment(node)) {
      node.children.forEach(child);
      return at;
    }
    const opening = ts.isJsxElement(node) ? node.openingElement : node;
    const args: Argument[] = [];
    for (const attribute of opening.attributes.properties) {
      const e = ts.isJsxSpreadAttribute(attribute) ? attribute.expression : attribute.initializer !== undefined && ts.isJsxExpression(attribute.initializer) ? attribute.initializer.expression : undefined;
      if (e === undefined) continue;
      at = this.expression(e, at);
      if (ts.isJsxAttribute(attribute) && walk.dry === 0) {
        const value = walk.value(e);
        const wanted = value === null || value.k === 'lit' ? undefined : walk.symbols.checker.getContextualType(opening.attributes);
        if (wanted !== undefined) walk.addSlotValue(walk.values.slotOf(wanted, attribute.name.getText(), true), value, attribute);
        if (value !== null) args.push({ value, span: walk.span(attribute) });
      }
    }
    if (ts.isJsxElement(node)) node.children.forEach(child);
    const tag = opening.tagName;
    if ((ts.isIdentifier(tag) && /^[a-z]/.test(tag.text)) || ts.isJsxNamespacedName(tag)) return at;
    const value = walk.values.callee(tag, walk) ?? { k: 'unknown' as const, reason: this.unknownReason(tag, walk.symbols.meaning(tag)) };
    this.record(node, value.k === 'class' ? 'construct' : 'call', value, tag, value.k === 'external' ? [] : args.map((a) => ({ ...a, spread: true as const })), at, null);
    return at;
  }

  // ---- conditions --------------------------------------------------------------------------------------------------

  condition(node: ts.Expression, state: State): Branches {
    const { ts } = this;
    const { SyntaxKind } = ts;
    const e = skipTypes(ts, node);
    if (ts.isPrefixUnaryExpression(e) && e.operator === SyntaxKind.ExclamationToken) {
      const { whenTrue, whenFalse } = this.condition(e.operand, state);
      return { whenTrue: whenFalse, whenFalse: whenTrue };
    }
    if (ts.isBinaryExpression(e)) {
      switch (e.operatorToken.kind) {
        case SyntaxKind.AmpersandAmpersandToken: {
          const left = this.condition(e.left, state);
          const right = this.condition(e.right, left.whenTrue);
          return { whenTrue: right.whenTrue, whenFalse: union(left.whenFalse, right.whenFalse) };
        }
        case SyntaxKind.BarBarToken: {
          const left = this.condition(e.left, state);
          const right = this.condition(e.right, left.whenFalse);
          return { whenTrue: union(left.whenTrue, right.whenTrue), whenFalse: right.whenFalse };
        }
        case SyntaxKind.CommaToken: return this.condition(e.right, this.expression(e.left, state));
        case SyntaxKind.EqualsEqualsEqualsToken: case SyntaxKind.EqualsEqualsToken: return this.equality(e, state);
        case SyntaxKind.ExclamationEqualsEqualsToken: case SyntaxKind.ExclamationEqualsToken: {
          const { whenTrue, whenFalse } = this.equality(e, state);
          return { whenTrue: whenFalse, whenFalse: whenTrue };
        }
        default: return this.undecided(e, state);
      }
    }
    if (ts.isConditionalExpression(e)) {
      const test = this.condition(e.condition, state);
      const first = this.condition(e.whenTrue, test.whenTrue);
      const second = this.condition(e.whenFalse, test.whenFalse);
      return { whenTrue: union(first.whenTrue, second.whenTrue), whenFalse: union(first.whenFalse, second.whenFalse) };
    }
    if (ts.isAwaitExpression(e)) {
      const inner = skipTypes(ts, e.expression);
      if (ts.isCallExpression(inner) && this.predicate(inner) !== null) return this.condition(inner, state);
      return this.undecided(e, state);
    }
    if (ts.isCallExpression(e)) {
      const predicate = this.predicate(e);
      if (predicate !== null) return this.predicateBranches(predicate, this.expression(e, state));
      const first = e.arguments[0];
      if (ts.isIdentifier(e.expression) && e.expression.text === 'Boolean' && e.arguments.length === 1 && first !== undefined) return this.condition(first, state);
      return this.undecided(e, state);
    }
    const after = this.expression(e, state);
    const literal = this.walk.symbols.literal(e);
    if (literal !== undefined) return literal ? { whenTrue: after, whenFalse: UNREACHED } : { whenTrue: UNREACHED, whenFalse: after };
    const key = ts.isIdentifier(e) || ts.isPropertyAccessExpression(e) ? this.walk.atomKey(e) : null;
    if (key === null) return { whenTrue: after, whenFalse: after };
    return this.split(after, key, { truthy: true }, { truthy: false });
  }

  private undecided(e: ts.Expression, state: State): Branches {
    const after = this.expression(e, state);
    return { whenTrue: after, whenFalse: after };
  }

  private split(state: State, key: string, yes: AtomFact, no: AtomFact): Branches {
    return { whenTrue: mapWays(state, (way) => assume(way, key, yes)), whenFalse: mapWays(state, (way) => assume(way, key, no)) };
  }

  private predicate(node: ts.CallExpression): PredicateMeaning | null {
    const symbol = this.walk.symbols.meaning(skipTypes(this.ts, node.expression));
    return symbol === null ? null : this.walk.symbols.predicateOf(symbol);
  }

  private predicateBranches(predicate: PredicateMeaning, state: State): Branches {
    this.walk.body.sensitive = true;
    const yes = predicate.kind === 'mainThread'
      ? mapWays(state, (way) => assumeThread(way, 'main'))
      : mapWays(state, (way) => assumeCoroutine(way, 'in'));
    const no = predicate.kind === 'mainThread'
      ? mapWays(state, (way) => (way.thread === 'any' ? { ...way, thread: 'off' as const } : assumeThread(way, 'off')))
      : mapWays(state, (way) => assumeCoroutine(way, 'out'));
    return predicate.negated ? { whenTrue: no, whenFalse: yes } : { whenTrue: yes, whenFalse: no };
  }

  private equality(e: ts.BinaryExpression, state: State): Branches {
    const { walk } = this;
    for (const [side, other] of [[e.left, e.right], [e.right, e.left]] as const) {
      const literal = walk.symbols.literal(side);
      if (literal === undefined) continue;
      const otherLiteral = walk.symbols.literal(other);
      if (otherLiteral !== undefined) return otherLiteral === literal ? { whenTrue: state, whenFalse: UNREACHED } : { whenTrue: UNREACHED, whenFalse: state };
      return this.compare(other, literal, state);
    }
    return this.undecidedBinary(e, state);
  }

  private undecidedBinary(e: ts.BinaryExpression, state: State): Branches {
    const after = this.expression(e.right, this.expression(e.left, state));
    return { whenTrue: after, whenFalse: after };
  }

  private compare(expression: ts.Expression, literal: NonNullable<AtomFact['eq']> | null, state: State): Branches {
    const { ts } = this;
    const e = skipTypes(ts, expression);
    if (typeof literal === 'boolean') {
      const inner = ts.isAwaitExpression(e) ? skipTypes(ts, e.expression) : e;
      if (this.isConditionLike(e) || (ts.isCallExpression(inner) && this.predicate(inner) !== null)) {
        const { whenTrue, whenFalse } = this.condition(e, state);
        return literal ? { whenTrue, whenFalse } : { whenTrue: whenFalse, whenFalse: whenTrue };
      }
    }
    const after = this.expression(e, state);
    const key = ts.isIdentifier(e) || ts.isPropertyAccessExpression(e) ? this.walk.atomKey(e) : null;
    if (key === null) return { whenTrue: after, whenFalse: after };
    return this.split(after, key, { eq: literal }, { ne: [literal] });
  }

  /** One `case` against the switch's value; `switch (true)` takes the case as the condition. */
  caseCondition(value: ts.Expression, test: ts.Expression, state: State): Branches {
    const { walk } = this;
    const literal = walk.symbols.literal(test);
    const switched = walk.symbols.literal(value);
    if (switched === true) return this.condition(test, state);
    if (switched === false) {
      const { whenTrue, whenFalse } = this.condition(test, state);
      return { whenTrue: whenFalse, whenFalse: whenTrue };
    }
    const after = this.expression(test, state);
    if (literal === undefined) return { whenTrue: after, whenFalse: after };
    walk.dry++;
    const branches = this.compare(value, literal, after);
    walk.dry--;
    return branches;
  }
}

/** Whether an expression is true or false and nothing else, as far as its syntax shows. */
function isBoolean(compiler: Compiler, expression: ts.Expression): boolean {
  const e = skipTypes(compiler, expression);
  if (compiler.isPrefixUnaryExpression(e)) return e.operator === compiler.SyntaxKind.ExclamationToken;
  if (compiler.isAwaitExpression(e)) return isBoolean(compiler, e.expression);
  if (compiler.isCallExpression(e)) return true;
  if (!compiler.isBinaryExpression(e)) return false;
  const { kind } = e.operatorToken;
  return kind !== compiler.SyntaxKind.AmpersandAmpersandToken && kind !== compiler.SyntaxKind.BarBarToken ? true : isBoolean(compiler, e.left) && isBoolean(compiler, e.right);
}

/** Whether a statement stands in the body itself, or in plain blocks and `try` blocks only. */
function runsAlways(compiler: Compiler, statement: ts.Node, owner: ts.Node): boolean {
  for (let at = statement.parent; ; at = at.parent) {
    if (compiler.isBlock(at) && at.parent === owner) return true;
    const plain = compiler.isBlock(at) || (compiler.isTryStatement(at) && at.tryBlock.pos <= statement.pos && statement.end <= at.tryBlock.end);
    if (!plain) return false;
  }
}

function isPlainOperator(compiler: Compiler, kind: ts.SyntaxKind): boolean {
  const { SyntaxKind } = compiler;
  return !(kind >= SyntaxKind.FirstAssignment && kind <= SyntaxKind.LastAssignment) && kind !== SyntaxKind.AmpersandAmpersandToken
    && kind !== SyntaxKind.BarBarToken && kind !== SyntaxKind.QuestionQuestionToken;
}

function isConstant(compiler: Compiler, declaration: ts.VariableDeclaration): boolean {
  return (compiler.getCombinedNodeFlags(declaration) & compiler.NodeFlags.Const) !== 0;
}

function isObjectAssign(compiler: Compiler, node: ts.CallExpression): boolean {
  const callee = node.expression;
  return compiler.isPropertyAccessExpression(callee) && callee.name.text === 'assign' && compiler.isIdentifier(callee.expression) && callee.expression.text === 'Object';
}

function holdsLiteral(compiler: Compiler, initializer: ts.Expression): boolean {
  const e = skipTypes(compiler, initializer);
  return compiler.isObjectLiteralExpression(e) || (compiler.isCallExpression(e) && isObjectAssign(compiler, e));
}

/** Arguments after the last that carries a value say nothing but their number. */
function trimArguments(args: readonly Argument[]): readonly Argument[] {
  let length = args.length;
  while (length > 0 && args[length - 1]?.value === null) length--;
  return length === args.length ? args : args.slice(0, length);
}

/** The innermost call or decorator that starts at an offset. */
function nodeAt(compiler: Compiler, source: ts.SourceFile, start: number): ts.Node {
  let found: ts.Node = source;
  const stack: ts.Node[] = [source];
  while (stack.length > 0) {
    const node = stack.pop() as ts.Node;
    if (compiler.isCallExpression(node) && node.getStart(source) === start) return node;
    compiler.forEachChild(node, (child) => { if (child.pos <= start && start < child.end) stack.push(child); });
    found = node;
  }
  return found;
}
