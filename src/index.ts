/**
 * gsio as a library.
 *
 * In: which project, and how. Out: a `Report`, the same that the command prints. A user's mistake is thrown as one of three errors,
 * each with a `code`, one sentence and a `hint`.
 */
import { rules } from '../rules/index.ts';
import type { UserConfig } from './config/user-config.ts';
import type { Report } from './model/finding.ts';
import { analyzeProjects } from './project/analyze-projects.ts';

export interface AnalyzeOptions {
  /** A tsconfig.json or its folder, or several; by default the nearest from `cwd` upward. */
  readonly project?: string | readonly string[] | undefined;
  /** Files, folders or globs whose findings are wanted; by default all. The whole project is analysed in any case. */
  readonly paths?: readonly string[] | undefined;
  /** What the names above are relative to; by default the current folder. */
  readonly cwd?: string | undefined;
  /** Takes the place of the configuration file that is otherwise searched from the project upward. */
  readonly config?: UserConfig | undefined;
}

/** Analyses a project; file names in the report are relative to the folder of its tsconfig.json. */
export async function analyze(options: AnalyzeOptions = {}): Promise<Report> {
  const { project = [] } = options;
  const { report } = await analyzeProjects({
    projects: typeof project === 'string' ? [project] : project,
    paths: options.paths ?? [],
    cwd: options.cwd ?? process.cwd(),
    config: options.config,
    rules,
    now: () => performance.now(),
    onProgress: () => { /* a library is silent */ },
  });
  return report;
}

export { defineConfig, type UserConfig } from './config/user-config.ts';
export { ConfigError, ProjectError, UsageError } from './model/errors.ts';
export type { Config, Model } from './model/config.ts';
export type { EdgeKind, Finding, Hop, Level, Report, UnresolvedCall, Why } from './model/finding.ts';
export type { AssertionKind, ClassTag, CoroutineTag, RunContext } from './model/summary.ts';
