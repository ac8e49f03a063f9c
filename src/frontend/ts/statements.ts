/**
 * The forward flow over a body: which states reach which statement, and how they leave it.
 *
 * In: statements and the state before them. Out: the state after them; expressions do the recording.
 * Jumps carry their states to where they land, through every `finally` on the way.
 * Leaves to others: what an expression does and what a condition tells (`expressions.ts`).
 */
import type ts from 'typescript';
import type { Compiler } from './compiler.ts';
import { forget, mapWays, stateId, union, type OpenDrain, type State } from './facts.ts';
import { Expressions } from './expressions.ts';
import { assignedNames, type Walk } from './walk.ts';

interface Target {
  readonly kind: 'loop' | 'switch' | 'block';
  readonly labels: readonly string[];
  breaks: State;
  continues: State;
}

interface Try {
  readonly kind: 'try';
  readonly catches: boolean;
  readonly finalizes: boolean;
  thrown: State;
  readonly abrupt: Jump[];
}

interface Jump {
  readonly kind: 'return' | 'throw' | 'break' | 'continue';
  readonly target: Target | null;
  readonly node: ts.Node;
  state: State;
}

const MAX_LOOP_WALKS = 4;
const UNREACHED: State = [];

export class Statements {
  readonly expressions: Expressions;
  private readonly walk: Walk;
  private readonly ts: Compiler;
  private frames: (Target | Try)[] = [];
  private labels: string[] = [];
  private readonly assignedCache = new Map<ts.Node, ReadonlySet<string>>();

  constructor(walk: Walk) {
    this.walk = walk;
    this.ts = walk.ts;
    this.expressions = new Expressions(walk, this);
  }

  /** Walks a whole function body, field initialiser list or module. */
  body(run: (statements: Statements) => State, end: ts.Node): void {
    this.frames = [];
    this.labels = [];
    const state = run(this);
    this.leave({ kind: 'return', target: null, node: end, state }, 'end');
  }

  list(statements: readonly ts.Statement[], state: State): State {
    let at = state;
    const disposals: ts.Node[] = [];
    for (const statement of statements) {
      at = this.statement(statement, at);
      if (this.ts.isVariableStatement(statement)) disposals.push(...this.disposed(statement));
    }
    for (const node of disposals.reverse()) this.expressions.dispose(node as ts.VariableDeclaration, at);
    return at;
  }

  private disposed(statement: ts.VariableStatement): ts.Node[] {
    const { NodeFlags } = this.ts;
    const disposes: readonly number[] = [NodeFlags.Using, NodeFlags.AwaitUsing];
    return disposes.includes(statement.declarationList.flags & NodeFlags.BlockScoped) ? [...statement.declarationList.declarations] : [];
  }

  statement(node: ts.Statement, state: State): State {
    const { ts } = this;
    const x = this.expressions;
    if (ts.isExpressionStatement(node)) return x.expression(node.expression, state);
    if (ts.isVariableStatement(node)) return this.variables(node.declarationList, state);
    if (ts.isReturnStatement(node)) {
      let after = state;
      if (node.expression !== undefined) {
        after = x.expression(node.expression, state);
        x.returned(node.expression);
      }
      this.leave({ kind: 'return', target: null, node, state: after });
      return UNREACHED;
    }
    if (ts.isIfStatement(node)) {
      const { whenTrue, whenFalse } = x.condition(node.expression, state);
      const first = this.statement(node.thenStatement, whenTrue);
      return union(first, node.elseStatement === undefined ? whenFalse : this.statement(node.elseStatement, whenFalse));
    }
    if (ts.isBlock(node)) return this.labelled(node, state, () => this.list(node.statements, state));
    if (ts.isForStatement(node) || ts.isWhileStatement(node) || ts.isDoStatement(node) || ts.isForOfStatement(node) || ts.isForInStatement(node)) return this.loop(node, state);
    if (ts.isThrowStatement(node)) {
      this.leave({ kind: 'throw', target: null, node, state: x.expression(node.expression, state) });
      return UNREACHED;
    }
    if (ts.isTryStatement(node)) return this.tryStatement(node, state);
    if (ts.isSwitchStatement(node)) return this.switchStatement(node, state);
    if (ts.isBreakStatement(node) || ts.isContinueStatement(node)) {
      const target = this.jumpTarget(node);
      if (target !== null) this.leave({ kind: ts.isBreakStatement(node) ? 'break' : 'continue', target, node, state });
      return UNREACHED;
    }
    if (ts.isLabeledStatement(node)) {
      this.labels.push(node.label.text);
      const after = this.statement(node.statement, state);
      this.labels = [];
      return after;
    }
    if (ts.isClassDeclaration(node)) return x.classLike(node, state);
    if (ts.isFunctionDeclaration(node)) x.functionDeclaration(node, state);
    if (ts.isExportAssignment(node)) {
      const after = x.expression(node.expression, state);
      x.defaultExport(node);
      return after;
    }
    if (ts.isModuleDeclaration(node)) {
      let body = node.body;
      while (body !== undefined && ts.isModuleDeclaration(body)) body = body.body;
      return body !== undefined && ts.isModuleBlock(body) ? this.list(body.statements, state) : state;
    }
    if (ts.isWithStatement(node)) return this.statement(node.statement, x.expression(node.expression, state));
    if (ts.isEnumDeclaration(node)) {
      let at = state;
      for (const member of node.members) if (member.initializer !== undefined) at = x.expression(member.initializer, at);
      return at;
    }
    return state;
  }

  variables(list: ts.VariableDeclarationList, state: State): State {
    let at = state;
    for (const declaration of list.declarations) at = this.expressions.variable(declaration, at);
    return at;
  }

  private takeLabels(): readonly string[] {
    const labels = this.labels;
    this.labels = [];
    return labels;
  }

  /** A labelled block can be left by `break label`. */
  private labelled(node: ts.Node, state: State, run: () => State): State {
    const labels = this.takeLabels();
    if (labels.length === 0) return run();
    const target: Target = { kind: 'block', labels, breaks: UNREACHED, continues: UNREACHED };
    this.frames.push(target);
    const after = run();
    this.frames.pop();
    return union(after, target.breaks);
  }

  private loop(node: ts.IterationStatement, entry: State): State {
    const { ts, walk } = this;
    const x = this.expressions;
    const labels = this.takeLabels();
    let before = entry;
    if (ts.isForStatement(node) && node.initializer !== undefined) {
      before = ts.isVariableDeclarationList(node.initializer) ? this.variables(node.initializer, before) : x.expression(node.initializer, before);
    } else if (ts.isForOfStatement(node) || ts.isForInStatement(node)) {
      before = x.expression(node.expression, before);
      if (ts.isForOfStatement(node)) x.iterated(node.expression, node.expression, before, node.awaitModifier !== undefined);
      if (ts.isForOfStatement(node)) x.loopVariable(node);
    }
    const changed = this.assignedIn(node);
    let head = forget(before, changed);
    for (let round = 1; ; round++) {
      const mark = walk.mark();
      const { kills } = walk.body;
      const target: Target = { kind: 'loop', labels, breaks: UNREACHED, continues: UNREACHED };
      this.frames.push(target);
      let exit: State;
      let back: State;
      if (ts.isDoStatement(node)) {
        const end = union(this.statement(node.statement, head), target.continues);
        const { whenTrue, whenFalse } = x.condition(node.expression, end);
        back = whenTrue;
        exit = whenFalse;
      } else {
        const test = ts.isWhileStatement(node) ? node.expression : ts.isForStatement(node) ? node.condition : undefined;
        const endless = test === undefined && ts.isForStatement(node);
        const { whenTrue, whenFalse } = test === undefined ? { whenTrue: head, whenFalse: endless ? UNREACHED : head } : x.condition(test, head);
        const end = union(this.statement(node.statement, whenTrue), target.continues);
        back = ts.isForStatement(node) && node.incrementor !== undefined ? x.expression(node.incrementor, end) : end;
        exit = whenFalse;
      }
      this.frames.pop();
      back = this.settleDrains(head, back);
      // What the last round leaves behind holds after a loop over values too.
      const after = union(ts.isForOfStatement(node) || ts.isForInStatement(node) ? union(exit, back) : exit, target.breaks);
      const next = forget(union(head, back), changed);
      if (walk.body.kills === kills || round === MAX_LOOP_WALKS || stateId(next) === stateId(head)) return after;
      walk.reset(mark);
      head = next;
    }
  }

  /**
   * Sections that every way around a loop leaves open are opened once a round (`for (node of nodes) begin(node)`), to be
   * closed by another loop: no single path tells whether they are balanced, so they are no longer followed in this body.
   */
  private settleDrains(head: State, back: State): State {
    if (back.length === 0 || back.every((way) => way.drains.length === 0)) return back;
    const before = new Set(head.flatMap((way) => way.drains.map(drainId)));
    const always = back.map((way) => new Set(way.drains.map(drainId).filter((id) => !before.has(id))));
    const kept = [...(always[0] ?? [])].filter((id) => always.every((ids) => ids.has(id)));
    if (kept.length === 0) return back;
    for (const id of kept) this.walk.body.looseDrains.add(id.slice(0, id.lastIndexOf('@')));
    return mapWays(back, (way) => ({ ...way, drains: way.drains.filter((d) => !kept.includes(drainId(d))) }));
  }

  private assignedIn(node: ts.Node): ReadonlySet<string> {
    let names = this.assignedCache.get(node);
    if (names === undefined) {
      names = assignedNames(this.ts, node);
      this.assignedCache.set(node, names);
    }
    return names;
  }

  private switchStatement(node: ts.SwitchStatement, state: State): State {
    const { ts } = this;
    const x = this.expressions;
    const target: Target = { kind: 'switch', labels: this.takeLabels(), breaks: UNREACHED, continues: UNREACHED };
    let rest = x.expression(node.expression, state);
    const { clauses } = node.caseBlock;
    const matched: State[] = [];
    for (const clause of clauses) {
      if (ts.isDefaultClause(clause)) { matched.push(UNREACHED); continue; }
      const { whenTrue, whenFalse } = x.caseCondition(node.expression, clause.expression, rest);
      matched.push(whenTrue);
      rest = whenFalse;
    }
    this.frames.push(target);
    let fallen: State = UNREACHED;
    clauses.forEach((clause, i) => {
      fallen = this.list(clause.statements, union(fallen, ts.isDefaultClause(clause) ? rest : matched[i] as State));
    });
    this.frames.pop();
    return union(clauses.some((clause) => ts.isDefaultClause(clause)) ? fallen : union(fallen, rest), target.breaks);
  }

  private tryStatement(node: ts.TryStatement, state: State): State {
    const frame: Try = { kind: 'try', catches: node.catchClause !== undefined, finalizes: node.finallyBlock !== undefined, thrown: UNREACHED, abrupt: [] };
    const { kills } = this.walk.body;
    this.frames.push(frame);
    let after = this.list(node.tryBlock.statements, state);
    this.frames.pop();
    if (node.catchClause !== undefined) {
      // A call may throw anywhere in the block, with what was known before it; after a switch that may be less.
      const entry = this.walk.body.kills === kills ? state : interrupted(state, after);
      const caught: Try = { ...frame, catches: false };
      this.frames.push(caught);
      const names = this.assignedIn(node.tryBlock);
      after = union(after, this.list(node.catchClause.block.statements, union(forget(entry, names), frame.thrown)));
      this.frames.pop();
    }
    if (node.finallyBlock === undefined) return after;
    const { statements } = node.finallyBlock;
    let entering = after;
    for (const jump of frame.abrupt) entering = union(entering, jump.state);
    if (entering.length === 0) entering = state;
    const recorded = this.list(statements, entering);
    if (frame.abrupt.length === 0) return after.length === 0 ? UNREACHED : recorded;
    this.walk.dry++;
    const end = after.length === 0 ? UNREACHED : this.list(statements, after);
    const onward = frame.abrupt.map((jump) => ({ ...jump, state: this.list(statements, jump.state) }));
    this.walk.dry--;
    for (const jump of onward) this.leave(jump);
    return end;
  }

  /** Carries a state to where a jump lands; a `finally` on the way takes it first. */
  private leave(jump: Jump, exit: string = jump.kind): void {
    if (jump.state.length === 0) return;
    for (let i = this.frames.length - 1; i >= 0; i--) {
      const frame = this.frames[i] as Target | Try;
      if (frame.kind === 'try') {
        if (jump.kind === 'throw' && frame.catches) { frame.thrown = union(frame.thrown, jump.state); return; }
        if (frame.finalizes) { frame.abrupt.push(jump); return; }
      } else if (frame === jump.target) {
        if (jump.kind === 'continue') frame.continues = union(frame.continues, jump.state);
        else frame.breaks = union(frame.breaks, jump.state);
        return;
      }
    }
    this.expressions.leftOpen(jump.state, exit, jump.node);
  }

  private jumpTarget(node: ts.BreakOrContinueStatement): Target | null {
    for (let i = this.frames.length - 1; i >= 0; i--) {
      const frame = this.frames[i] as Target | Try;
      if (frame.kind === 'try') continue;
      if (node.label !== undefined) {
        if (frame.labels.includes(node.label.text)) return frame;
      } else if (frame.kind === 'loop' || (frame.kind === 'switch' && this.ts.isBreakStatement(node))) return frame;
    }
    return null;
  }
}

/**
 * The state in a `catch`: a section that the block opens or closes may be open or not, and a call that throws is no way
 * out of it, so that such sections are no longer followed there.
 */
function interrupted(before: State, after: State): State {
  const ids = (state: State): Set<string>[] => state.map((way) => new Set(way.drains.map(drainId)));
  const all = [...ids(before), ...ids(after)];
  const settled = (id: string): boolean => all.every((set) => set.has(id));
  const open = new Set([...before, ...after].flatMap((way) => way.drains).filter((d) => !settled(drainId(d))).map((d) => d.name));
  if (open.size === 0) return union(before, after);
  return mapWays(union(before, after), (way) => ({ ...way, drains: way.drains.filter((d) => settled(drainId(d))), loose: new Set([...way.loose, ...open]) }));
}

function drainId(drain: OpenDrain): string {
  return `${drain.name}@${String(drain.site)}`;
}
