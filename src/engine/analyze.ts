/**
 * Runs the stages in order: summaries → link → call graph → contexts → rules → policy → report.
 *
 * In: a program with the compiler that made it, the configuration, the rules. Out: one `Report`.
 * Leaves to others: finding and loading projects (`project`), printing (`report`), exit codes (`cli`).
 */
import type ts from 'typescript';
import { ValueFlow } from '../callgraph/flow.ts';
import { summarizeProgram } from '../frontend/ts/summarize.ts';
import { Program } from '../link/link.ts';
import type { Config } from '../model/config.ts';
import type { Level, Report } from '../model/finding.ts';
import type { Rule } from '../model/rule.ts';
import { applyPolicy } from '../policy/apply-policy.ts';
import { propagate } from '../propagate/contexts.ts';
import { buildAnalysis } from './analysis.ts';
import { resolveSites } from './resolution.ts';

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
  const started = performance.now();
  const { compiler, program, root, reports } = input;
  const all = summarizeProgram(compiler, program, root, config);
  const reported = new Set(all.filter(({ fileName }) => reports(fileName)).map(({ summary }) => summary.file));
  const linked = new Program(all.map(({ summary }) => summary));
  const flow = new ValueFlow(linked);
  const contexts = propagate(linked, flow, config);
  const analysis = buildAnalysis(linked, flow, contexts, config);
  const raw = rules.flatMap((rule) => ('evaluate' in rule ? rule.evaluate(analysis) : []));
  const findings = applyPolicy({ findings: raw, files: linked.files, rules, config, reports: (file) => reported.has(file) });
  const resolution = resolveSites(linked, flow, reported);
  const count = (level: Level): number => findings.filter((finding) => finding.level === level).length;
  return {
    findings,
    unresolved: resolution.unresolved,
    summary: {
      files: reported.size,
      functions: linked.functions.filter((fn) => reported.has(fn.file) && fn.summary.hasBody && fn.summary.kind !== 'module').length,
      callSites: resolution.callSites,
      resolvedCallSites: resolution.callSites - resolution.unresolved.length,
      edges: resolution.edges,
      findings: { error: count('error'), warning: count('warning'), info: count('info') },
      unresolvedByReason: resolution.byReason,
      capped: contexts.bindings.capped.size,
      milliseconds: Math.round(performance.now() - started),
    },
  };
}
