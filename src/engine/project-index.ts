/**
 * What is known of one project from one program to the next.
 *
 * In: the programs of a project as it is edited, one after the other. Out: the findings of each, by file, and the model behind them.
 * A program of which every summary is the one of the program before has the same findings, too; else all is linked and
 * searched again, from summaries of which only those are new that had to be.
 * Leaves to others: which program a file belongs to, what of the findings is shown.
 */
import type ts from 'typescript';
import { SummaryMemory } from '../frontend/ts/summary-memory.ts';
import type { SummarizedFile } from '../frontend/ts/summarize.ts';
import type { Config } from '../model/config.ts';
import type { Finding } from '../model/finding.ts';
import type { Rule } from '../model/rule.ts';
import { findingsOf } from './analyze.ts';
import { modelOf, summarize, type Model } from './model.ts';

/** Findings by the absolute name of their file. */
export type FindingsByFile = ReadonlyMap<string, readonly Finding[]>;

export interface ProjectState {
  readonly findings: FindingsByFile;
  readonly model: Model;
}

export interface IndexedProject {
  /** Absolute folder, with `/`, that file names in findings are relative to. */
  readonly root: string;
  readonly config: Config;
  readonly rules: readonly Rule[];
  /** Who heeds ESLint's disable comments. */
  readonly disableComments: 'apply' | 'leave';
}

/** Files, by absolute names, whose findings are wanted; null: all. */
type Reported = ReadonlySet<string> | null;

interface Known extends ProjectState {
  readonly summaries: readonly SummarizedFile[];
}

export class ProjectIndex {
  private readonly project: IndexedProject;
  private readonly memory = new SummaryMemory();
  private readonly known = new WeakMap<ts.Program, Known>();
  private last: Known | null = null;

  constructor(project: IndexedProject) {
    this.project = project;
  }

  stateOf(compiler: typeof ts, program: ts.Program, reported: Reported = null): ProjectState {
    let state = this.known.get(program);
    if (state === undefined) {
      state = this.next(compiler, program, reported);
      this.last = state;
      this.known.set(program, state);
    }
    return state;
  }

  private next(compiler: typeof ts, program: ts.Program, reported: Reported): Known {
    const { root, config, rules, disableComments } = this.project;
    const input = { compiler, program, root, memory: this.memory, reports: (file: string) => reported === null || reported.has(file) };
    const summaries = summarize(input, config);
    if (this.last !== null && isSame(this.last.summaries, summaries)) return this.last;
    const model = modelOf(summaries, input, config);
    return { summaries, model, findings: byFile(summaries, findingsOf(model, rules, disableComments)) };
  }
}

function isSame(a: readonly SummarizedFile[], b: readonly SummarizedFile[]): boolean {
  return a.length === b.length && a.every((file, index) => file.summary === b[index]?.summary && file.fileName === b[index].fileName);
}

function byFile(summaries: readonly SummarizedFile[], findings: readonly Finding[]): FindingsByFile {
  const absolute = new Map(summaries.map(({ fileName, summary }) => [summary.file, fileName]));
  const files = new Map<string, Finding[]>();
  for (const finding of findings) {
    const name = absolute.get(finding.file) ?? finding.file;
    const own = files.get(name);
    if (own === undefined) files.set(name, [finding]);
    else own.push(finding);
  }
  return files;
}
