/**
 * What is known of a program before any rule has spoken: the linked functions and calls, where function values flow, who runs where.
 *
 * In: a program with the compiler that made it, or the summaries of its files; the configuration. Out: a `Model`.
 * Leaves to others: findings (`analyze.ts`), answers to questions (`questions`).
 */
import type ts from 'typescript';
import { ValueFlow } from '../callgraph/flow.ts';
import type { SummaryMemory } from '../frontend/ts/summary-memory.ts';
import { summarizeProgram, type SummarizedFile } from '../frontend/ts/summarize.ts';
import { Program } from '../link/link.ts';
import type { Config } from '../model/config.ts';
import type { Analysis } from '../model/rule.ts';
import { propagate, type Contexts } from '../propagate/contexts.ts';
import { buildAnalysis } from './analysis.ts';

export interface ProgramInput {
  /** The compiler that made the program; instances must not mix. */
  readonly compiler: typeof ts;
  readonly program: ts.Program;
  /** Absolute folder, with `/`, that file names in the report are relative to. */
  readonly root: string;
  /** Whether findings of a source file (absolute name) belong to this check; files of referenced projects do not. */
  readonly reports: (fileName: string) => boolean;
  /** What is known of an earlier program of the same project, for those who analyse again and again. */
  readonly memory?: SummaryMemory;
}

export interface Model {
  readonly config: Config;
  readonly program: Program;
  readonly flow: ValueFlow;
  readonly contexts: Contexts;
  readonly analysis: Analysis;
  /** Files, by the names of the report, that the check is about. */
  readonly reported: ReadonlySet<string>;
}

export function buildModel(input: ProgramInput, config: Config): Model {
  return modelOf(summarize(input, config), input, config);
}

/** With the memory of an earlier program: where no list element is another object than before, the model would be the same, too. */
export function summarize({ compiler, program, root, memory }: ProgramInput, config: Config): readonly SummarizedFile[] {
  return summarizeProgram(compiler, program, root, config, memory);
}

export function modelOf(all: readonly SummarizedFile[], input: Pick<ProgramInput, 'reports'>, config: Config): Model {
  const reported = new Set(all.filter(({ fileName }) => input.reports(fileName)).map(({ summary }) => summary.file));
  const program = new Program(all.map(({ summary }) => summary));
  const flow = new ValueFlow(program);
  const contexts = propagate(program, flow, config);
  return { config, program, flow, contexts, analysis: buildAnalysis(program, flow, contexts, config), reported };
}
