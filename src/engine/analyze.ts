/**
 * Runs the stages in order: model (summaries → link → call graph → contexts) → rules → policy → report.
 *
 * In: a program with the compiler that made it, the configuration, the rules. Out: one `Report`.
 * Leaves to others: finding and loading projects (`project`), printing (`report`), exit codes (`cli`).
 */
import type { Config } from '../model/config.ts';
import type { Finding, Level, Report } from '../model/finding.ts';
import type { Rule } from '../model/rule.ts';
import { applyPolicy } from '../policy/apply-policy.ts';
import { buildModel, type Model, type ProgramInput } from './model.ts';
import { resolveSites } from './resolution.ts';

export type { ProgramInput } from './model.ts';

export function analyzeProgram(input: ProgramInput, config: Config, rules: readonly Rule[]): Report {
  const started = performance.now();
  const report = reportOf(buildModel(input, config), rules);
  return { ...report, summary: { ...report.summary, milliseconds: Math.round(performance.now() - started) } };
}

/** What rules and policy say of a model. How long it took is for those to tell who made the model. */
export function reportOf(model: Model, rules: readonly Rule[]): Report {
  const { program, flow, contexts, reported } = model;
  const findings = findingsOf(model, rules, 'apply');
  const resolution = resolveSites(program, flow, reported);
  const count = (level: Level): number => findings.filter((finding) => finding.level === level).length;
  return {
    findings,
    unresolved: resolution.unresolved,
    summary: {
      files: reported.size,
      functions: program.functions.filter((fn) => reported.has(fn.file) && fn.summary.hasBody && fn.summary.kind !== 'module').length,
      callSites: resolution.callSites,
      resolvedCallSites: resolution.callSites - resolution.unresolved.length,
      edges: resolution.edges,
      findings: { error: count('error'), warning: count('warning'), info: count('info') },
      unresolvedByReason: resolution.byReason,
      capped: contexts.bindings.capped.size,
      milliseconds: 0,
    },
  };
}

/** `disableComments`: who heeds ESLint's disable comments. Within ESLint that is ESLint, which counts their uses. */
export function findingsOf({ program, analysis, reported, config }: Model, rules: readonly Rule[], disableComments: 'apply' | 'leave'): Finding[] {
  const raw = rules.flatMap((rule) => ('evaluate' in rule ? rule.evaluate(analysis) : []));
  return applyPolicy({ findings: raw, files: program.files, rules, config, reports: (file) => reported.has(file), disableComments });
}
