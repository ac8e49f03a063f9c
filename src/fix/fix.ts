/**
 * Repairs source files: tags first, then the assertions that follow from them, until nothing is left to do.
 *
 * In: projects, and where tags may come from. Out: the files that change, before and after, with counts and what was left alone.
 * Nothing is written. Every round analyses the text of the last one, so that a tag which makes others follow is followed, and a second run
 * finds nothing to do.
 */
import fs from 'node:fs';
import path from 'node:path/posix';
import { Node, type CallExpression } from 'ts-morph';
import { owesAssertion } from '../../rules/owed-assertions.ts';
import { findingsOf } from '../engine/analyze.ts';
import { buildModel, type Model, type ProgramInput } from '../engine/model.ts';
import type { Finding } from '../model/finding.ts';
import type { FunctionNode } from '../model/rule.ts';
import type { AssertionKind } from '../model/summary.ts';
import { forEachProject, type AnalyzeRequest } from '../project/analyze-projects.ts';
import { insertAssertion, placeAssertion } from './assertions.ts';
import { addTags } from './doc-comments.ts';
import { AssertionImports } from './imports.ts';
import type { ListEntry } from './list.ts';
import { applyEdits, Source, type Edit, type FunctionWithBody } from './source.ts';
import { functionsByPlace, placeKey, wishesOfInference, wishesOfList, wishesOfModules, type Wish } from './wishes.ts';

export interface FixRequest extends Omit<AnalyzeRequest, 'texts'> {
  readonly list: readonly ListEntry[];
  readonly fromModules: boolean;
  readonly fromInference: boolean;
  /** Whether `@io` and `@ioOrGs` functions get assertions, too. */
  readonly assertIo: boolean;
  /** A package, or the absolute name of a file; null: what the project uses. */
  readonly assertionsFrom: string | null;
}

export interface FixedFile {
  /** As reports name it. */
  readonly file: string;
  readonly absolute: string;
  readonly before: string;
  readonly after: string;
}

export interface Fixed {
  /** Sorted. */
  readonly files: readonly FixedFile[];
  readonly tags: number;
  readonly assertions: number;
  readonly moved: number;
  readonly corrected: number;
  /** Entries of the list that no function fits, and those that several fit. */
  readonly unknown: readonly string[];
  readonly ambiguous: readonly string[];
  /** Sentences about what was left as it is. */
  readonly left: readonly string[];
}

type Counted = 'tags' | 'assertions' | 'moved' | 'corrected';

/** Inference goes on while tags make others follow; a chain this long is none that anybody reads. */
const MOST_ROUNDS = 60;

export async function fixProjects(request: FixRequest): Promise<Fixed> {
  const job = new Job(request);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const { root } = await forEachProject({ ...request, texts: job.texts }, (input, config) => job.collect(input, buildModel(input, config)));
    if (!job.applyRound(root)) return job.result(root);
  }
  throw new Error('repairs follow from repairs without end');
}

/** One repair: what it is, and the edits that belong together in one file. */
interface Repair {
  readonly what: Counted;
  readonly file: string;
  readonly edits: readonly Edit[];
}

class Job {
  /** The present text of the files that changed, by absolute name. */
  readonly texts = new Map<string, string>();
  private readonly request: FixRequest;
  private readonly counts: Record<Counted, number> = { tags: 0, assertions: 0, moved: 0, corrected: 0 };
  private readonly before = new Map<string, string>();
  private readonly found = new Set<ListEntry>();
  private readonly ambiguous = new Set<ListEntry>();
  private left = new Set<string>();
  /** Of this round: texts that the edits belong to, and repairs. Of a file in two projects, the first speaks. */
  private round = new Map<string, { readonly text: string; readonly repairs: Repair[] }>();

  constructor(request: FixRequest) {
    this.request = request;
  }

  collect(input: ProgramInput, model: Model): void {
    const repairs = new ProjectRepairs(input, model, this.request);
    const done = repairs.collect();
    for (const entry of repairs.found) this.found.add(entry);
    for (const entry of repairs.ambiguous) this.ambiguous.add(entry);
    for (const sentence of repairs.left) this.left.add(sentence);
    const known = new Set(this.round.keys());
    for (const repair of done) {
      if (known.has(repair.file)) continue;
      const of = this.round.get(repair.file) ?? { text: repairs.textOf(repair.file), repairs: [] };
      of.repairs.push(repair);
      this.round.set(repair.file, of);
    }
  }

  /** Whether anything changed. */
  applyRound(root: string): boolean {
    let changed = false;
    for (const [name, { text, repairs }] of this.round) {
      const file = path.resolve(root, name);
      const taken: Repair[] = [];
      for (const repair of repairs) if (!taken.some((other) => overlap(other.edits, repair.edits))) taken.push(repair);
      const after = applyEdits(text, withoutRepetitions(taken.flatMap(({ edits }) => edits)));
      if (after === text) continue;
      changed = true;
      if (!this.before.has(file)) this.before.set(file, fs.readFileSync(file, 'utf8'));
      this.texts.set(file, after);
      for (const { what } of taken) this.counts[what] += 1;
    }
    this.round = new Map();
    if (changed) this.left = new Set();
    return changed;
  }

  result(root: string): Fixed {
    const mark = '\uFEFF';
    const files = [...this.texts].map(([absolute, text]): FixedFile => {
      const before = this.before.get(absolute) ?? '';
      return { file: path.relative(root, absolute), absolute, before, after: before.startsWith(mark) ? mark + text : text };
    });
    const names = (entries: Iterable<ListEntry>): string[] => [...new Set([...entries].map(({ name }) => name))].sort();
    return {
      files: files.sort((a, b) => (a.file < b.file ? -1 : 1)),
      ...this.counts,
      unknown: names(this.request.list.filter((entry) => !this.found.has(entry))),
      ambiguous: names(this.ambiguous),
      left: [...this.left].sort(),
    };
  }
}

/** Two insertions at one place do not disturb each other; they keep their order. */
function overlap(some: readonly Edit[], others: readonly Edit[]): boolean {
  return some.some((a) => others.some((b) => (a.start === a.end && b.start === b.end ? false : a.start < b.end && b.start < a.end)));
}

/** Several assertions of one file ask for the same import. */
function withoutRepetitions(edits: readonly Edit[]): Edit[] {
  const seen = new Set<string>();
  return edits.filter(({ start, end, text }) => {
    if (!isImport({ start, end, text })) return true;
    const key = `${String(start)}:${String(end)}:${text}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function isImport({ text }: Edit): boolean {
  return /^(?:import |, )/.test(text);
}

/** The repairs of one project in one round. */
class ProjectRepairs {
  readonly found: Set<ListEntry>;
  readonly ambiguous: Set<ListEntry>;
  readonly left: string[] = [];
  private readonly input: ProgramInput;
  private readonly model: Model;
  private readonly request: FixRequest;
  private readonly sources = new Map<string, Source>();
  private readonly findings: readonly Finding[];
  private readonly list: ReturnType<typeof wishesOfList>;
  private imports: AssertionImports | null = null;

  constructor(input: ProgramInput, model: Model, request: FixRequest) {
    this.input = input;
    this.model = model;
    this.request = request;
    this.findings = findingsOf(model, request.rules, 'apply');
    this.list = wishesOfList(model, request.list);
    this.found = new Set(this.list.found);
    this.ambiguous = new Set(this.list.ambiguous);
    this.left.push(...this.list.conflicts);
  }

  /** Tags in the order of how sure they are; assertions once no tag is missing. */
  collect(): Repair[] {
    const { request, model } = this;
    const corrections = this.corrections();
    const steps: (() => Repair[])[] = [
      () => this.tags(this.list.tags),
      () => (request.fromModules ? this.tags(wishesOfModules(model)) : []),
      () => (request.fromInference ? this.tags(wishesOfInference(model, this.findings)) : []),
      () => [...this.missing(), ...this.misplaced()],
    ];
    for (const step of steps) {
      const repairs = step();
      if (repairs.length > 0 || corrections.length > 0) return [...corrections, ...repairs];
    }
    return [];
  }

  textOf(file: string): string {
    return this.source(file).text;
  }

  private source(file: string): Source {
    let source = this.sources.get(file);
    if (source === undefined) {
      const compiled = this.input.program.getSourceFile(path.resolve(this.input.root, file));
      if (compiled === undefined) throw new Error(`the program has no file ${file}`);
      source = new Source(this.input.program, compiled);
      this.sources.set(file, source);
    }
    return source;
  }

  /** A tag in the wrong case. Other letters may have meant another tag. */
  private corrections(): Repair[] {
    return this.findings.flatMap(({ rule, file, line, column, endLine, endColumn, replacement }): Repair[] => {
      if (rule !== 'invalid-annotation' || replacement === undefined) return [];
      const source = this.source(file);
      const edit = { start: source.offset(line, column), end: source.offset(endLine, endColumn), text: replacement };
      return source.text.slice(edit.start, edit.end).toLowerCase() === replacement.toLowerCase() ? [{ what: 'corrected', file, edits: [edit] }] : [];
    });
  }

  private tags(wishes: readonly Wish[]): Repair[] {
    return wishes.flatMap((wish): Repair[] => {
      const { file, summary } = wish.node;
      if (!this.model.reported.has(file)) return [];
      const source = this.source(file);
      const holder = this.nodeOf(wish.node, source);
      if (holder === null) return [];
      const canSuspend = wish.coroutine !== 'coroutine' || this.suspends(wish.node, holder, source);
      if (!canSuspend) this.left.push(`${summary.name} (${file}) neither is async nor returns a promise, and gets no @coroutine.`);
      const tags = [...(wish.class === null ? [] : [`@${wish.class}`]), ...(wish.coroutine === null || !canSuspend ? [] : [`@${wish.coroutine}`])];
      const edit = tags.length === 0 ? null : addTags(holder, tags, source);
      return edit === null ? [] : [{ what: 'tags', file, edits: [edit] }];
    });
  }

  private nodeOf({ summary }: Wish['node'], source: Source): Node | null {
    if ('nameSpan' in summary) {
      const fn = source.functionAt(summary.span);
      if (fn !== null) return fn;
    }
    const { line, column } = 'nameSpan' in summary ? summary.nameSpan : summary.span;
    return source.around(source.offset(line, column), (node): node is Node => Node.isJSDocable(node) || Node.isVariableDeclaration(node));
  }

  /** Only a function that is async, or returns what one can wait for, can be a coroutine. */
  private suspends({ summary }: Wish['node'], holder: Node, source: Source): boolean {
    if (!('nameSpan' in summary)) return true;
    if (summary.async || summary.generator) return true;
    const signature = source.checker.getSignatureFromDeclaration(holder.compilerNode as never);
    if (signature === undefined) return true;
    const type = source.checker.getReturnTypeOfSignature(signature);
    return (type.isUnion() ? type.types : [type]).some((part) => part.getProperty('then') !== undefined || part.getProperty('next') !== undefined);
  }

  private missing(): Repair[] {
    const places = functionsByPlace(this.model.analysis);
    const owed = new Map<FunctionNode, Exclude<AssertionKind, 'graphWritable'>>();
    for (const { rule, file, line, column } of this.findings) {
      const fn = rule === 'missing-assertion' ? places.get(placeKey(file, line, column)) : undefined;
      if (fn !== undefined) owed.set(fn, 'globalState');
    }
    const { analysis, reported } = this.model;
    for (const fn of analysis.functions) {
      if (!reported.has(fn.file) || owed.has(fn)) continue;
      const listed = this.list.assertions.get(fn.summary.key);
      // Where the rule asks for one, it and its waivers decide; where it would contradict the class, nobody wants it.
      const tag = fn.classification.class;
      const isOpen = listed !== undefined && (listed === 'globalState' ? (tag === null || tag === 'globalState') && !owesAssertion(analysis, fn, 'globalState') : tag !== 'globalState');
      const kind = isOpen ? listed : this.request.assertIo ? (['io', 'ioOrGs'] as const).find((tag) => owesAssertion(analysis, fn, tag)) : undefined;
      const has = [...fn.summary.assertions, ...fn.summary.waivedAssertions].some((assertion) => assertion.kind !== 'graphWritable');
      if (kind !== undefined && !has) owed.set(fn, kind);
    }
    const repairs = [...owed].flatMap(([fn, kind]) => this.insertion(fn, kind));
    // One import a round: the next name joins it.
    const imported = new Map<string, string>();
    return repairs.filter(({ file, edits: [first] }) => {
      if (first === undefined || !isImport(first)) return true;
      const text = imported.get(file) ?? first.text;
      imported.set(file, text);
      return text === first.text;
    });
  }

  private insertion({ file, summary }: FunctionNode, kind: AssertionKind): Repair[] {
    const source = this.source(file);
    const fn = source.functionAt(summary.span) ?? this.initialised(summary, source);
    const body = fn?.getBody();
    if (fn === null || body === undefined) return [];
    this.imports ??= new AssertionImports(this.input, this.model, this.request.assertionsFrom);
    const assertion = this.imports.assertion(kind, Node.isBlock(body) ? body.getStatements()[0] ?? body : body, source);
    const edit = assertion === null ? null : insertAssertion(fn, `${assertion.name}()`, source);
    if (assertion === null || edit === null) {
      this.left.push(`${summary.name} (${file}) gets no assertion: ${assertion === null ? 'there is none that could be imported here under its name' : 'something of its name is called there already'}.`);
      return [];
    }
    return [{ what: 'assertions', file, edits: assertion.edit === null ? [edit] : [assertion.edit, edit] }];
  }

  /** The function that a variable or property holds, through parentheses and assertions of its type. */
  private initialised({ nameSpan }: FunctionNode['summary'], source: Source): FunctionWithBody | null {
    const holder = source.around(source.offset(nameSpan.line, nameSpan.column), (node) => Node.isInitializerExpressionGetable(node));
    let held: Node | undefined = holder?.getInitializer();
    while (Node.isParenthesizedExpression(held) || Node.isAsExpression(held) || Node.isSatisfiesExpression(held)) held = held.getExpression();
    return Node.isArrowFunction(held) || Node.isFunctionExpression(held) ? held : null;
  }

  private misplaced(): Repair[] {
    return this.findings.flatMap(({ rule, file, line, column, replacement, function: name }): Repair[] => {
      if (rule !== 'assertion-placement') return [];
      const source = this.source(file);
      const call = source.around(source.offset(line, column), (node): node is CallExpression => Node.isCallExpression(node));
      const edits = call === null ? null : placeAssertion(call, replacement === '', source);
      if (edits !== null) return [{ what: 'moved', file, edits }];
      this.left.push(`${name} (${file}:${String(line)}) asserts under a condition; whether it may be moved is for somebody to decide.`);
      return [];
    });
  }
}
