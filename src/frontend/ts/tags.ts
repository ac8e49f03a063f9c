/**
 * Reads our JSDoc tags.
 *
 * In: a declaration node. Out: its own `Tags`, or the faults in them (`TagProblem`).
 * Leaves to others: precedence and inheritance between declarations (`classify`), models (`symbols.ts`).
 */
import type ts from 'typescript';
import type { AssertionKind, ClassTag, CoroutineTag, RunContext, RunsTag, SwitchTarget, Tags } from '../../model/summary.ts';
import type { Compiler } from './compiler.ts';

const CLASS_TAGS = ['globalState', 'io', 'ioOrGs', 'common'] as const satisfies readonly ClassTag[];
const COROUTINE_TAGS = ['coroutine', 'coroutineMixed', 'coroutineWrapper', 'noCoroutine'] as const satisfies readonly CoroutineTag[];
const OTHER_TAGS = ['runs', 'mainThreadCheck', 'coroutineCheck', 'asserts', 'switchesTo', 'permissionApi', 'graphState', 'drainBegin', 'drainEnd'] as const;
const OUR_TAGS: readonly string[] = [...CLASS_TAGS, ...COROUTINE_TAGS, ...OTHER_TAGS];
const RUN_CONTEXTS: readonly string[] = ['globalState', 'io', 'coroutine', 'caller'] satisfies RunContext[];
const ASSERTION_KINDS: readonly string[] = ['globalState', 'io', 'ioOrGs', 'graphWritable'] satisfies AssertionKind[];
const SWITCH_TARGETS: readonly string[] = ['globalState', 'io', 'any'] satisfies SwitchTarget[];

/** Tags of JSDoc, TSDoc, TypeDoc and their relatives; never taken for a misspelling of ours. */
const KNOWN_TAGS = new Set(`abstract access alias alpha async augments author beta borrows callback category class classdesc constant constructs
copyright decorator default defaultValue deprecated description enum event eventProperty example experimental export exports extends external file fires function
generator generic global hideconstructor ignore implements import inheritDoc inner instance interface internal jsx jsxImportSource kind lends license link listens
member memberof mixes mixin module name namespace override overload package packageDocumentation param private privateRemarks prop property protected
public readonly record remarks requires return returns sealed see sideEffects since static summary template this throws todo ts tutorial type typedef typeParam
variation version virtual yields`.split(/\s+/));

export interface TagUse {
  /** The canonical name, `null` for a misspelling. */
  readonly name: string | null;
  readonly written: string;
  readonly nearest: string | null;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export class TagReader {
  private readonly ts: Compiler;
  private readonly renamed: ReadonlyMap<string, string>;
  private readonly anyTag: RegExp;
  private readonly mentioning = new Map<ts.SourceFile, boolean>();

  constructor(compiler: Compiler, renamed: Readonly<Record<string, string>>) {
    this.ts = compiler;
    this.renamed = new Map(Object.entries(renamed));
    const names = [...OUR_TAGS, ...this.renamed.keys()].map((name) => name.replace(/[^\w]/g, '\\$&'));
    this.anyTag = new RegExp(`@(?:${names.join('|')})\\b`);
  }

  /** Whether any of our tags is in the file at all; most files have none. */
  mentions(source: ts.SourceFile): boolean {
    let mentions = this.mentioning.get(source);
    if (mentions === undefined) {
      mentions = this.anyTag.test(source.text);
      this.mentioning.set(source, mentions);
    }
    return mentions;
  }

  /** Our tags and their misspellings in the JSDoc comment that belongs to `node`; a module comment belongs to the file. */
  uses(node: ts.Node): TagUse[] {
    const uses: TagUse[] = [];
    for (const tag of this.ts.getJSDocTags(node)) {
      if (!isOfDocComment(this.ts, tag) || moduleComment(this.ts, tag.parent)) continue;
      const use = this.useOf(tag);
      if (use !== null) uses.push(use);
    }
    return uses.length > 0 ? uses : this.usesBehind(node);
  }

  /**
   * Tags of a doc comment that stands behind other code on its line (`{ /** … *\/ open(): void; … }`). The compiler takes
   * such a comment for one that trails the code before it, and gives it to no declaration.
   */
  usesBehind(node: ts.Node): TagUse[] {
    const { ts } = this;
    if (!ts.isTypeElement(node) && !ts.isClassElement(node) && !ts.isObjectLiteralElement(node) && !ts.isFunctionDeclaration(node) && !ts.isVariableStatement(node)
      && !ts.isClassDeclaration(node) && !ts.isInterfaceDeclaration(node) && !ts.isTypeAliasDeclaration(node)) {
      const statement = ts.isVariableDeclaration(node) ? node.parent.parent : undefined;
      return statement !== undefined && ts.isVariableStatement(statement) && statement.declarationList.declarations[0] === node ? this.usesBehind(statement) : [];
    }
    const { text } = node.getSourceFile();
    if (node.pos === 0) return [];
    let at = node.pos;
    while (text[at] === ' ' || text[at] === '\t') at++;
    if (!text.startsWith('/**', at)) return [];
    const range = ts.getTrailingCommentRanges(text, node.pos)?.findLast((r) => text.startsWith('/**', r.pos) && r.end <= node.getStart());
    return range === undefined ? [] : this.usesIn(text, range);
  }

  useOf(tag: ts.JSDocTag): TagUse | null {
    const written = tag.tagName.text;
    const text = this.ts.getTextOfJSDocComment(tag.comment) ?? '';
    const start = tag.getStart();
    return this.classifyTag(written, text, start, start + 1 + written.length);
  }

  private classifyTag(written: string, text: string, start: number, end: number): TagUse | null {
    const renamed = this.renamed.get(written);
    if (renamed !== undefined) return { name: renamed, written, nearest: null, text, start, end };
    if (OUR_TAGS.includes(written)) return { name: written, written, nearest: null, text, start, end };
    if (KNOWN_TAGS.has(written)) return null;
    const nearest = nearestTag(written);
    return nearest === null ? null : { name: null, written, nearest, text, start, end };
  }

  /** Tags of the file's first comment, when it says `@module`. */
  moduleUses(source: ts.SourceFile): TagUse[] {
    const range = this.moduleRange(source);
    if (range === null) return [];
    return this.usesIn(source.text, range);
  }

  /** Tags at the start of the lines of a comment, or after a blank in it where it has one line. */
  private usesIn(whole: string, range: ts.CommentRange): TagUse[] {
    const uses: TagUse[] = [];
    const text = whole.slice(range.pos, range.end);
    for (const match of text.matchAll(/^([ \t]*(?:\/\*\*|\*)?[ \t]*)@([A-Za-z]+)\b[ \t]*([^\n]*)/gm)) {
      const start = range.pos + match.index + (match[1] ?? '').length;
      const written = match[2] ?? '';
      const use = this.classifyTag(written, (match[3] ?? '').replace(/\*\/\s*$/, '').trim(), start, start + 1 + written.length);
      if (use !== null) uses.push(use);
    }
    return uses;
  }

  private moduleRange(source: ts.SourceFile): ts.CommentRange | null {
    const shebang = this.ts.getShebang(source.text)?.length ?? 0;
    for (const range of this.ts.getLeadingCommentRanges(source.text, shebang) ?? []) {
      const text = source.text.slice(range.pos, range.end);
      if (text.startsWith('/**') && /(^|[\s*])@module\b/.test(text)) return range;
      if (text.startsWith('/**')) return null;
    }
    return null;
  }

  /** The meaning of the uses; faulty ones are left out (they are reported where they stand). */
  parse(uses: readonly TagUse[], parameters: readonly string[]): Tags {
    const tags: { -readonly [K in keyof Tags]: Tags[K] } = {};
    const runs: RunsTag[] = [];
    for (const use of uses) {
      const words = use.text.trim().split(/\s+/);
      const first = words[0] ?? '';
      switch (use.name) {
        case null: break;
        case 'globalState': case 'io': case 'ioOrGs': case 'common': tags.class ??= use.name; break;
        case 'coroutine': case 'coroutineMixed': case 'coroutineWrapper': case 'noCoroutine': tags.coroutine ??= use.name; break;
        case 'mainThreadCheck': tags.predicate = 'mainThread'; break;
        case 'coroutineCheck': tags.predicate = 'coroutine'; break;
        case 'permissionApi': tags.permissionApi = true; break;
        case 'graphState': tags.graphState = true; break;
        case 'drainBegin': tags.drainBegin = first; break;
        case 'drainEnd': tags.drainEnd = first; break;
        case 'asserts': if (ASSERTION_KINDS.includes(first)) tags.asserts = first as AssertionKind; break;
        case 'switchesTo': if (SWITCH_TARGETS.includes(first)) tags.switchesTo = first as SwitchTarget; break;
        case 'runs': {
          const param = parameters.indexOf(first);
          if (param >= 0 && RUN_CONTEXTS.includes(words[1] ?? '')) runs.push({ param, context: words[1] as RunContext, wait: words[2] === 'wait' });
          break;
        }
        default: break;
      }
    }
    if (runs.length > 0) tags.runs = runs;
    return tags;
  }

  /** Faults that can be seen from the tags alone. `parameters` is null where there is no function to look at. */
  faults(uses: readonly TagUse[], parameters: readonly string[] | null): { use: TagUse; message: string; hint: string }[] {
    const faults: { use: TagUse; message: string; hint: string }[] = [];
    const seen = new Map<string, TagUse>();
    for (const use of uses) {
      if (use.name === null) {
        faults.push({ use, message: `@${use.written} is not a tag of gsio; did you mean @${use.nearest ?? ''}?`, hint: `Write @${use.nearest ?? ''}.` });
        continue;
      }
      const family = (CLASS_TAGS as readonly string[]).includes(use.name) ? 'class' : (COROUTINE_TAGS as readonly string[]).includes(use.name) ? 'coroutine' : null;
      const before = family === null ? undefined : seen.get(family);
      if (family !== null && before !== undefined && before.name !== use.name) {
        faults.push({ use, message: `@${use.written} contradicts @${before.written}: one declaration has one ${family === 'class' ? 'class' : 'coroutine kind'}.`, hint: `Keep one of @${before.written} and @${use.written}.` });
      }
      if (family !== null && before === undefined) seen.set(family, use);
      const words = use.text.trim().split(/\s+/).filter((word) => word !== '');
      const oneOf = (what: string, word: string | undefined, allowed: readonly string[]): void => {
        if (word === undefined || !allowed.includes(word)) {
          faults.push({ use, message: `@${use.written} needs ${what}: ${allowed.join(', ')}${word === undefined ? '' : `; "${word}" is none`}.`, hint: `Write one of ${allowed.join(', ')}.` });
        }
      };
      if (use.name === 'asserts') oneOf('a KIND', words[0], ASSERTION_KINDS);
      if (use.name === 'switchesTo') oneOf('a CONTEXT', words[0], SWITCH_TARGETS);
      if ((use.name === 'drainBegin' || use.name === 'drainEnd') && words[0] === undefined) {
        faults.push({ use, message: `@${use.written} needs the NAME that its pair shares.`, hint: 'Give both functions of the pair the same NAME.' });
      }
      if (use.name === 'runs') {
        if (parameters !== null && (words[0] === undefined || !parameters.includes(words[0]))) {
          faults.push({ use, message: `@runs names the parameter "${words[0] ?? ''}", which does not exist.`, hint: parameters.length === 0 ? 'The function has no parameters; remove the tag.' : `Name one of ${parameters.join(', ')}.` });
        } else oneOf('a CONTEXT', words[1], RUN_CONTEXTS);
      }
    }
    return faults;
  }
}

/** Which tags a kind of declaration can carry. */
export function allowedOn(tag: string, target: 'function' | 'function-property' | 'type' | 'property' | 'module' | 'other'): boolean {
  const isClass = (CLASS_TAGS as readonly string[]).includes(tag) || (COROUTINE_TAGS as readonly string[]).includes(tag);
  switch (target) {
    case 'function': return tag !== 'graphState';
    case 'function-property': return true;
    case 'type': case 'module': return isClass;
    case 'property': return tag === 'graphState';
    case 'other': return false;
  }
}

function isOfDocComment(compiler: Compiler, tag: ts.JSDocTag): tag is ts.JSDocTag & { parent: ts.JSDoc } {
  return compiler.isJSDoc(tag.parent);
}

export function moduleComment(compiler: Compiler, doc: ts.JSDoc): boolean {
  return doc.tags?.some((tag) => tag.tagName.text === 'module') === true && doc.pos <= firstCommentStart(compiler, doc.getSourceFile());
}

function firstCommentStart(compiler: Compiler, source: ts.SourceFile): number {
  const shebang = compiler.getShebang(source.text)?.length ?? 0;
  const doc = compiler.getLeadingCommentRanges(source.text, shebang)?.find((range) => source.text.startsWith('/**', range.pos));
  return doc?.pos ?? -1;
}

function nearestTag(written: string): string | null {
  const lower = written.toLowerCase();
  for (const tag of OUR_TAGS) if (tag.toLowerCase() === lower) return tag;
  if (written.length < 5) return null;
  let best: string | null = null;
  let bestDistance = 3;
  for (const tag of OUR_TAGS) {
    if (tag.length < 5) continue;
    const distance = editDistance(lower, tag.toLowerCase(), bestDistance);
    if (distance < bestDistance) { best = tag; bestDistance = distance; }
  }
  return best;
}

/** Optimal string alignment distance (edits and swaps of neighbours), given up at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let older: number[] = [];
  let before = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((before[j] as number) + 1, (row[j - 1] as number) + 1, (before[j - 1] as number) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (older[j - 2] as number) + 1);
      row.push(cost);
    }
    older = before;
    before = row;
  }
  return before[b.length] as number;
}
