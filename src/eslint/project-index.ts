/**
 * What is known of one project from one program to the next.
 *
 * In: the programs that the parser makes of a project, one after the other. Out: the findings of each, by file.
 * A program of which every summary is the one of the program before has the same findings, too; else all is linked and
 * searched again, from summaries of which only those are new that had to be.
 * Leaves to others: which program a file belongs to, what of the findings is shown.
 */
import type ts from 'typescript';
import { rules } from '../../rules/index.ts';
import { findingsOf } from '../engine/analyze.ts';
import { modelOf, summarize } from '../engine/model.ts';
import { SummaryMemory } from '../frontend/ts/summary-memory.ts';
import type { SummarizedFile } from '../frontend/ts/summarize.ts';
import type { Config } from '../model/config.ts';
import type { Finding } from '../model/finding.ts';

/** Findings by the absolute name of their file. */
export type FindingsByFile = ReadonlyMap<string, readonly Finding[]>;

interface State {
  readonly summaries: readonly SummarizedFile[];
  readonly findings: FindingsByFile;
}

export class ProjectIndex {
  private readonly root: string;
  private readonly config: Config;
  private readonly memory = new SummaryMemory();
  private readonly known = new WeakMap<ts.Program, FindingsByFile>();
  private last: State | null = null;

  constructor(root: string, config: Config) {
    this.root = root;
    this.config = config;
  }

  findings(compiler: typeof ts, program: ts.Program): FindingsByFile {
    let findings = this.known.get(program);
    if (findings === undefined) {
      const input = { compiler, program, root: this.root, memory: this.memory, reports: () => true };
      const summaries = summarize(input, this.config);
      if (this.last === null || !isSame(this.last.summaries, summaries)) {
        this.last = { summaries, findings: byFile(summaries, findingsOf(modelOf(summaries, input, this.config), rules, 'leave')) };
      }
      ({ findings } = this.last);
      this.known.set(program, findings);
    }
    return findings;
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
