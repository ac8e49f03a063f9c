/**
 * What is known of a program before any rule has spoken: the linked functions and calls, where function values flow, who runs where.
 *
 * In: a program with the compiler that made it, or the summaries of its files; the configuration. Out: a `Model`.
 * Leaves to others: findings (`analyze.ts`), answers to questions (`questions`).
 */
import type ts from 'typescript';
import { ValueFlow } from '../callgraph/flow.ts';
import { summarizeProgram } from '../frontend/ts/summarize.ts';
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
  const all = summarizeProgram(input.compiler, input.program, input.root, config);
  const reported = new Set(all.filter(({ fileName }) => input.reports(fileName)).map(({ summary }) => summary.file));
  const program = new Program(all.map(({ summary }) => summary));
  const flow = new ValueFlow(program);
  const contexts = propagate(program, flow, config);
  return { config, program, flow, contexts, analysis: buildAnalysis(program, flow, contexts, config), reported };
}
