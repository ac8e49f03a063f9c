/**
 * What the walk of one file shares: its output, the body at hand, and the marks that let a loop be walked again.
 *
 * Leaves to others: statements (`statements.ts`), expressions (`expressions.ts`), declarations (`declarations.ts`).
 */
import type ts from 'typescript';
import type {
  AssertionSite, CallSite, DrainProblem, Flow, GraphWrite, Guard, ParamFact, PathFacts, SlotAssignment, Span, Value,
} from '../../model/summary.ts';
import type { Compiler } from './compiler.ts';
import type { Names } from './names.ts';
import type { ProjectNames } from './prepass.ts';
import type { State } from './facts.ts';
import { forEachNode, skipTypes } from './traverse.ts';
import type { Symbols } from './symbols.ts';
import type { Values } from './values.ts';

const NOTHING_KNOWN: PathFacts = {};
const ALWAYS: Guard = [NOTHING_KNOWN];

/** Facts about one function while it is walked. */
export interface Body {
  readonly key: string;
  readonly node: ts.Node;
  readonly name: string;
  readonly returns: Value[];
  /** Whether the declared type of its result leaves room for functions. */
  readonly returnsFunctions: boolean;
  readonly assertions: AssertionSite[];
  /** Top-level statements of the body up to the first with an effect may hold assertions. */
  readonly leading: () => ReadonlySet<ts.Node>;
  /** Whether conditions on locals and properties are followed; only where something depends on them. */
  tracking: boolean;
  /** A predicate, assertion, switch or drain was met. */
  sensitive: boolean;
  /** A condition was met that tracking would follow. */
  skipped: boolean;
  /** Names of sections that a loop opens once a round; not followed. */
  readonly looseDrains: Set<string>;
  /** Counts what can make a loop's head know less: switches, drains. */
  kills: number;
  /** Something that outlives the body is written. */
  writes: boolean;
}

/** A closure found in a body: what its own body may take for granted. */
export interface Pending {
  readonly node: ts.Node;
  readonly state: State;
}

interface Mark {
  readonly lengths: readonly number[];
}

export class Walk {
  readonly ts: Compiler;
  readonly symbols: Symbols;
  readonly names: Names;
  readonly values: Values;
  readonly project: ProjectNames;
  readonly source: ts.SourceFile;
  readonly expireAtAwait: boolean;

  readonly calls: CallSite[] = [];
  readonly flows: Flow[] = [];
  readonly slotAssignments: SlotAssignment[] = [];
  readonly graphWrites: GraphWrite[] = [];
  readonly drains: DrainProblem[] = [];
  /** Which functions open or close sections of a name. */
  readonly drainCalls = new Map<string, Set<string>>();
  readonly constructed = new Set<string>();
  readonly closures = new Map<ts.Node, Pending>();

  /** Above zero: only the state counts, nothing is written down. */
  dry = 0;
  body!: Body;
  private readonly sites = new Map<ts.Node, number>();
  private readonly lineStarts: readonly number[];
  private lastLine = 0;
  private assigned: Map<string, Set<ts.Node>> | null = null;
  private readonly paramAtoms = new Map<string, { readonly fn: string; readonly index: number }>();

  constructor(symbols: Symbols, values: Values, project: ProjectNames, source: ts.SourceFile, expireAtAwait: boolean) {
    this.ts = symbols.ts;
    this.symbols = symbols;
    this.names = symbols.names;
    this.values = values;
    this.project = project;
    this.source = source;
    this.lineStarts = source.getLineStarts();
    this.expireAtAwait = expireAtAwait;
  }

  siteOf(node: ts.Node): number | undefined {
    return this.sites.get(node);
  }

  takesValues(site: number): boolean {
    const call = this.calls[site];
    return call === undefined || call.receiver !== undefined || call.args.some(({ value }) => value !== null && value.k !== 'lit');
  }

  span(node: ts.Node): Span {
    const start = node.getStart(this.source);
    const from = this.lineOf(start);
    const to = this.lineOf(node.end);
    const starts = this.lineStarts;
    return { line: from + 1, column: start - (starts[from] as number) + 1, endLine: to + 1, endColumn: node.end - (starts[to] as number) + 1 };
  }

  /** Places are asked for in about the order of the text, so that the last line is the best guess. */
  private lineOf(position: number): number {
    const starts = this.lineStarts;
    let low = this.lastLine;
    if ((starts[low] as number) > position) low = 0;
    else if (position < (starts[low + 1] ?? Infinity)) return low;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] as number) <= position) low = middle;
      else high = middle;
    }
    this.lastLine = low;
    return low;
  }

  value(expression: ts.Expression): Value | null {
    return this.values.of(expression, this);
  }

  addCall(node: ts.Node, site: CallSite): void {
    if (this.dry > 0) return;
    this.sites.set(node, this.calls.length);
    this.calls.push(site);
  }

  addFlow(to: Value | null, from: Value | null): void {
    if (this.dry > 0 || to === null || from === null || from.k === 'lit' || from.k === 'unknown' || to.k === 'lit') return;
    if (to.k === 'any') {
      for (const part of to.of) this.addFlow(part, from);
      return;
    }
    this.flows.push({ to, from, owner: this.body.key });
  }

  /** A value put into a slot; places that are no slot take it as a plain flow. */
  addSlotValue(slot: Value | null, value: Value | null, place: ts.Node): void {
    if (this.dry > 0 || slot === null || value === null || value.k === 'lit' || value.k === 'unknown') return;
    if (slot.k === 'any') {
      for (const part of slot.of) this.addSlotValue(part, value, place);
      return;
    }
    if (slot.k !== 'member') { this.addFlow(slot, value); return; }
    this.slotAssignments.push({ slot: slot.key, value, span: this.span(place), owner: this.body.key });
  }

  mark(): Mark {
    return { lengths: [this.calls.length, this.flows.length, this.slotAssignments.length, this.graphWrites.length, this.drains.length, this.body.returns.length, this.body.assertions.length] };
  }

  reset(mark: Mark): void {
    if (this.dry > 0) return;
    const lists = [this.calls, this.flows, this.slotAssignments, this.graphWrites, this.drains, this.body.returns, this.body.assertions];
    lists.forEach((list, i) => { list.length = mark.lengths[i] as number; });
  }

  /** The key under which a condition on this expression is remembered, or null where it cannot be followed. */
  atomKey(expression: ts.Expression): string | null {
    const { ts } = this;
    if (ts.isIdentifier(expression)) {
      const declaration = this.symbols.meaning(expression)?.valueDeclaration;
      if (declaration === undefined || declaration.getSourceFile() !== this.source) return null;
      const isParameter = ts.isParameter(declaration);
      if (!isParameter && !ts.isVariableDeclaration(declaration) && !ts.isBindingElement(declaration)) return null;
      const key = `${expression.text}@${String(declaration.pos)}`;
      if (!this.followable(key)) return null;
      const alias = this.constantAlias(declaration);
      if (alias !== null) return this.atomKey(alias);
      if (isParameter && this.isNeverAssigned(key)) {
        const value = this.values.parameter(declaration);
        if (value?.k === 'param') { this.paramAtoms.set(key, { fn: value.fn, index: value.index }); return key; }
      }
      if (!this.body.tracking) { this.body.skipped = true; return null; }
      return key;
    }
    if (ts.isPropertyAccessExpression(expression)) {
      if (!this.body.tracking) { this.body.skipped = true; return null; }
      const object = expression.expression;
      const root = object.kind === ts.SyntaxKind.ThisKeyword ? 'this' : this.atomKey(object);
      return root === null ? null : `${root}.${expression.name.text}`;
    }
    return null;
  }

  /** `const g = f`: what is known of `f` holds for `g`, as long as nobody assigns `f`. */
  private constantAlias(declaration: ts.Declaration): ts.Identifier | null {
    const { ts } = this;
    if (!ts.isVariableDeclaration(declaration) || declaration.initializer === undefined || (ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const) === 0) return null;
    const held = skipTypes(ts, declaration.initializer);
    if (!ts.isIdentifier(held)) return null;
    const original = this.symbols.meaning(held)?.valueDeclaration;
    return original !== undefined && original !== declaration && original.getSourceFile() === this.source && this.isNeverAssigned(`${held.text}@${String(original.pos)}`) ? held : null;
  }

  /** Whether a variable is assigned, if at all, only in the function at hand. */
  private followable(key: string): boolean {
    const functions = this.assignments().get(key);
    return functions === undefined || (functions.size === 1 && functions.has(this.body.node));
  }

  isNeverAssigned(key: string): boolean {
    return !this.assignments().has(key);
  }

  /** For each variable (`name@position`): the functions that assign it after its declaration. */
  private assignments(): Map<string, Set<ts.Node>> {
    if (this.assigned !== null) return this.assigned;
    const assigned = new Map<string, Set<ts.Node>>();
    forEachAssignment(this.ts, this.source, (node) => {
      forEachAssignedName(this.ts, node, (_, target) => {
        if (target === null) return;
        const declaration = this.symbols.meaning(target)?.valueDeclaration;
        if (declaration === undefined) return;
        const key = `${target.text}@${String(declaration.pos)}`;
        const functions = assigned.get(key) ?? new Set();
        functions.add(this.ownerOf(node));
        assigned.set(key, functions);
      });
    });
    this.assigned = assigned;
    return assigned;
  }

  /** The function whose code a node is. */
  private ownerOf(node: ts.Node): ts.Node {
    let at = node.parent;
    while (!this.ts.isSourceFile(at) && !this.names.isFunction(at)) at = at.parent;
    return at;
  }

  guard(state: State): Guard {
    if (state.length === 1) {
      const facts = this.pathFacts(state[0] as State[number]);
      return facts === NOTHING_KNOWN ? ALWAYS : [facts];
    }
    const distinct = new Map<string, PathFacts>();
    for (const way of state) {
      const facts = this.pathFacts(way);
      distinct.set(JSON.stringify(facts), facts);
    }
    const plain = distinct.get('{}');
    return plain !== undefined ? [plain] : [...distinct.values()];
  }

  private pathFacts(way: State[number]): PathFacts {
    if (way.thread === null && way.coroutine === null && !way.graphWritable && way.atoms.size === 0) return NOTHING_KNOWN;
    const params: ParamFact[] = [];
    for (const [key, fact] of way.atoms) {
      const param = this.paramAtoms.get(key);
      if (param !== undefined) params.push({ ...param, ...fact });
    }
    return {
      ...(way.thread === null ? {} : { thread: way.thread }),
      ...(way.coroutine === null ? {} : { coroutine: way.coroutine }),
      ...(way.graphWritable ? { graphWritable: true as const } : {}),
      ...(params.length === 0 ? {} : { params }),
    };
  }
}

/** Calls back with each node from `root` on that assigns something. */
function forEachAssignment(compiler: Compiler, root: ts.Node, report: (node: ts.Node) => void): void {
  const { SyntaxKind } = compiler;
  forEachNode(compiler, root, (node) => {
    switch (node.kind) {
      case SyntaxKind.BinaryExpression: {
        const { kind } = (node as ts.BinaryExpression).operatorToken;
        if (kind >= SyntaxKind.FirstAssignment && kind <= SyntaxKind.LastAssignment) report(node);
        return true;
      }
      case SyntaxKind.PrefixUnaryExpression: case SyntaxKind.PostfixUnaryExpression: case SyntaxKind.ForInStatement: case SyntaxKind.ForOfStatement:
        report(node);
        return true;
      case SyntaxKind.ExpressionWithTypeArguments: return true;
      default: return !compiler.isTypeNode(node);
    }
  });
}

/** Calls back with each name a node itself assigns: `x` with its identifier, and `.p` for a property of whatever object. */
export function forEachAssignedName(compiler: Compiler, node: ts.Node, report: (name: string, variable: ts.Identifier | null) => void): void {
  const { SyntaxKind } = compiler;
  const target = (e: ts.Node): void => {
    if (compiler.isIdentifier(e)) report(e.text, e);
    else if (compiler.isPropertyAccessExpression(e)) report(`.${e.name.text}`, null);
    else if (compiler.isParenthesizedExpression(e) || compiler.isNonNullExpression(e) || compiler.isAsExpression(e)) target(e.expression);
    else if (compiler.isArrayLiteralExpression(e)) e.elements.forEach(target);
    else if (compiler.isSpreadElement(e)) target(e.expression);
    else if (compiler.isBinaryExpression(e)) target(e.left);
    else if (compiler.isObjectLiteralExpression(e)) {
      for (const property of e.properties) {
        if (compiler.isPropertyAssignment(property)) target(property.initializer);
        else if (compiler.isShorthandPropertyAssignment(property)) report(property.name.text, property.name);
        else if (compiler.isSpreadAssignment(property)) target(property.expression);
      }
    }
  };
  if (compiler.isBinaryExpression(node)) {
    const kind = node.operatorToken.kind;
    if (kind >= SyntaxKind.FirstAssignment && kind <= SyntaxKind.LastAssignment) target(node.left);
  } else if (compiler.isPrefixUnaryExpression(node) || compiler.isPostfixUnaryExpression(node)) {
    if (node.operator === SyntaxKind.PlusPlusToken || node.operator === SyntaxKind.MinusMinusToken) target(node.operand);
  } else if ((compiler.isForInStatement(node) || compiler.isForOfStatement(node)) && !compiler.isVariableDeclarationList(node.initializer)) {
    target(node.initializer);
  }
}

/** The names assigned anywhere below a node, closures included. */
export function assignedNames(compiler: Compiler, node: ts.Node): Set<string> {
  const names = new Set<string>();
  forEachAssignment(compiler, node, (at) => { forEachAssignedName(compiler, at, (name) => { names.add(name); }); });
  return names;
}
