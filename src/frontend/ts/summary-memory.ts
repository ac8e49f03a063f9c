/**
 * The summaries of an earlier program that still hold for the next one.
 *
 * A summary follows from its file, from what the file sees of others (`sight.ts`), from the answers it got about the names
 * of the whole project (`prepass.ts`), and from the names of assertions. It is kept as long as all four are the same.
 * In: programs of one project, one after the other, that share the objects of unchanged files, as those of language
 * servers and watchers do. Out: what was known, or nothing. A file that is parsed anew is a new object and is never known.
 * Leaves to others: making summaries (`summarize.ts`). One memory serves one root and one configuration.
 */
import type ts from 'typescript';
import type { FileSummary } from '../../model/summary.ts';
import type { Compiler } from './compiler.ts';
import { uniteNames, type GatheredNames, type NameSet, type ProjectNames } from './prepass.ts';
import { Sight } from './sight.ts';

interface Entry {
  readonly sight: string;
  readonly assertions: string;
  readonly answers: readonly Answer[];
  /** The state of the project's names for which the answers were last found to be the same. */
  checked: ProjectNames;
  readonly summary: FileSummary;
}

export class SummaryMemory {
  private readonly entries = new WeakMap<ts.SourceFile, Entry>();
  private readonly namesOfSource = new WeakMap<ts.SourceFile, GatheredNames>();
  private namesOfFile = new Map<string, GatheredNames>();
  private parts: readonly GatheredNames[] = [];
  private united: GatheredNames | undefined;
  private sight: Sight | undefined;

  signatures(compiler: Compiler, program: ts.Program, isExternal: (source: ts.SourceFile) => boolean): Map<ts.SourceFile, string> {
    this.sight ??= new Sight(compiler);
    return this.sight.signatures(program, isExternal);
  }

  /** The names of all files; the same object as before where none has come or gone. */
  names(sources: readonly ts.SourceFile[], gather: (source: ts.SourceFile) => GatheredNames): ProjectNames {
    const namesOfFile = new Map<string, GatheredNames>();
    const parts = sources.map((source) => {
      let names = this.namesOfSource.get(source);
      if (names === undefined) {
        const gathered = gather(source);
        const before = this.namesOfFile.get(source.fileName);
        names = before !== undefined && isSame(before, gathered) ? before : gathered;
        this.namesOfSource.set(source, names);
      }
      namesOfFile.set(source.fileName, names);
      return names;
    });
    this.namesOfFile = namesOfFile;
    const unchanged = parts.length === this.parts.length && parts.every((part, index) => part === this.parts[index]);
    this.parts = parts;
    const united = (unchanged ? this.united : undefined) ?? uniteNames(parts);
    this.united = this.united !== undefined && isSame(this.united, united) ? this.united : united;
    return this.united;
  }

  recall(source: ts.SourceFile, sight: string, assertions: string, names: ProjectNames): FileSummary | undefined {
    const entry = this.entries.get(source);
    if (entry?.sight !== sight || entry.assertions !== assertions) return undefined;
    if (entry.checked !== names && !entry.answers.every((answer) => answer.holdsFor(names))) return undefined;
    entry.checked = names;
    return entry.summary;
  }

  keep(source: ts.SourceFile, sight: string, assertions: string, asked: AskedNames, names: ProjectNames, summary: FileSummary): void {
    this.entries.set(source, { sight, assertions, answers: asked.answers(), checked: names, summary });
  }
}

type SetName = Exclude<keyof ProjectNames, 'taggedTypes'>;
const SETS = Object.keys({
  accessors: true, callable: true, slots: true, graphState: true, constantObjects: true, wellKnown: true,
} satisfies Record<SetName, true>) as SetName[];

/** What was learnt about the names; it keeps no hold of the names themselves. */
interface Answer {
  holdsFor(names: ProjectNames): boolean;
}

/** The names of a project, with a record of the questions that were asked about them. */
export class AskedNames implements ProjectNames {
  readonly accessors: AskedSet;
  readonly callable: AskedSet;
  readonly slots: AskedSet;
  readonly graphState: AskedSet;
  readonly constantObjects: AskedSet;
  readonly wellKnown: AskedSet;
  private readonly names: ProjectNames;
  private typesAsked = false;

  constructor(names: ProjectNames) {
    this.names = names;
    this.accessors = new AskedSet(names.accessors);
    this.callable = new AskedSet(names.callable);
    this.slots = new AskedSet(names.slots);
    this.graphState = new AskedSet(names.graphState);
    this.constantObjects = new AskedSet(names.constantObjects);
    this.wellKnown = new AskedSet(names.wellKnown);
  }

  get taggedTypes(): boolean {
    this.typesAsked = true;
    return this.names.taggedTypes;
  }

  answers(): Answer[] {
    const { taggedTypes } = this.names;
    return [
      ...SETS.map((set) => this[set].answer(set)),
      ...(this.typesAsked ? [{ holdsFor: (names: ProjectNames) => names.taggedTypes === taggedTypes }] : []),
    ];
  }
}

class AskedSet implements NameSet {
  private readonly set: NameSet;
  private readonly asked = new Map<string, boolean>();
  private sizeAsked = false;

  constructor(set: NameSet) {
    this.set = set;
  }

  get size(): number {
    this.sizeAsked = true;
    return this.set.size;
  }

  has(name: string): boolean {
    const answer = this.set.has(name);
    this.asked.set(name, answer);
    return answer;
  }

  answer(name: SetName): Answer {
    const { asked, sizeAsked } = this;
    // Nobody asks for more than whether there are any.
    const wasEmpty = this.set.size === 0;
    return {
      holdsFor(names) {
        const set = names[name];
        return !(sizeAsked && (set.size === 0) !== wasEmpty) && [...asked].every(([text, answer]) => set.has(text) === answer);
      },
    };
  }
}

function isSame(a: GatheredNames, b: GatheredNames): boolean {
  return a === b || (a.taggedTypes === b.taggedTypes && SETS.every((set) => a[set].size === b[set].size && [...a[set]].every((name) => b[set].has(name))));
}
