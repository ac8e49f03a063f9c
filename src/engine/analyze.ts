/**
 * Runs the stages in order: summaries → link → call graph → contexts → rules → policy → report.
 *
 * In: a program with the compiler that made it, the configuration, the rules. Out: one `Report`.
 * Leaves to others: finding and loading projects (`project`), printing (`report`), exit codes (`cli`).
 */
import type ts from 'typescript';
import type { Config } from '../model/config.ts';
import type { Report } from '../model/finding.ts';
import type { Rule } from '../model/rule.ts';

export interface ProgramInput {
  /** The compiler that made the program; instances must not mix. */
  readonly compiler: typeof ts;
  readonly program: ts.Program;
  /** Absolute folder, with `/`, that file names in the report are relative to. */
  readonly root: string;
  /** Whether findings of a source file (absolute name) belong to this check; files of referenced projects do not. */
  readonly reports: (fileName: string) => boolean;
}

export function analyzeProgram(input: ProgramInput, config: Config, rules: readonly Rule[]): Report {
  throw new Error(`not built yet: ${input.root} ${String(config)} ${String(rules.length)}`);
}
