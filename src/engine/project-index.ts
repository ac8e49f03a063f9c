/**
 * What is known of one project from one program to the next.
 *
 * In: the programs of a project as it is edited, one after the other. Out: what is made of the findings of each and of the model behind
 * them. Whoever keeps no model frees its memory. A program of which every summary is the one of the program before has the same findings, too; else all is linked and
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

export interface IndexedProject<Result> {
  /** Absolute folder, with `/`, that file names in findings are relative to. */
  readonly root: string;
  readonly config: Config;
  readonly rules: readonly Rule[];
  /** Who heeds ESLint's disable comments. */
  readonly disableComments: 'apply' | 'leave';
  /** Makes what is remembered of a program. */
  readonly result: (findings: FindingsByFile, model: Model) => Result;
}

/** Files, by absolute names, whose findings are wanted; null: all. */
type Reported = ReadonlySet<string> | null;

interface Known<Result> {
  readonly summaries: readonly SummarizedFile[];
  readonly result: Result;
}

export class ProjectIndex<Result> {
  private readonly project: IndexedProject<Result>;
  private readonly memory = new SummaryMemory();
  private readonly known = new WeakMap<ts.Program, Known<Result>>();
  private last: Known<Result> | null = null;

  constructor(project: IndexedProject<Result>) {
    this.project = project;
  }

  resultOf(compiler: typeof ts, program: ts.Program, reported: Reported = null): Result {
    let known = this.known.get(program);
    if (known === undefined) {
      known = this.next(compiler, program, reported);
      this.last = known;
      this.known.set(program, known);
    }
    return known.result;
  }

  private next(compiler: typeof ts, program: ts.Program, reported: Reported): Known<Result> {
    const { root, config, rules, disableComments, result } = this.project;
    const input = { compiler, program, root, memory: this.memory, reports: (file: string) => reported === null || reported.has(file) };
    const summaries = summarize(input, config);
    if (this.last !== null && isSame(this.last.summaries, summaries)) return this.last;
    const model = modelOf(summaries, input, config);
    return { summaries, result: result(byFile(summaries, findingsOf(model, rules, disableComments)), model) };
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
