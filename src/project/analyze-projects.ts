/**
 * From what a user asked for to one answer: find the projects, read their configurations, load and analyse them in turn.
 *
 * In: options of the command or of the library, and the rules. Out: a `Report` or, for questions, the model of each project; and the
 * folder that file names in them are relative to.
 * Leaves to others: what is found (`engine`), printing (`report`), exit codes (`cli`).
 */
import { findConfig, loadConfig } from '../config/load-config.ts';
import { completeConfig } from '../config/complete-config.ts';
import { validateConfig } from '../config/schema.ts';
import type { UserConfig } from '../config/user-config.ts';
import { analyzeProgram, reportOf } from '../engine/analyze.ts';
import { buildModel, type Model, type ProgramInput } from '../engine/model.ts';
import { buildAudit } from '../engine/questions/audit.ts';
import type { Audit } from '../model/audit.ts';
import type { Config } from '../model/config.ts';
import type { Report } from '../model/finding.ts';
import type { Rule } from '../model/rule.ts';
import { ts } from './compiler.ts';
import { findProjects, type Project, type ProjectSet } from './find-projects.ts';
import { loadProgram, withinStack } from './load-program.ts';
import { mergeReports } from './merge-reports.ts';
import { PathFilter } from './path-filter.ts';
import { absolutePath, relativePath } from './paths.ts';
import { placeConfig } from './place-config.ts';

export interface AnalyzeRequest {
  /** Files or folders; empty: the nearest tsconfig.json from `cwd` upward. */
  readonly projects: readonly string[];
  /** Files, folders and globs whose findings are wanted; empty: all. */
  readonly paths: readonly string[];
  readonly cwd: string;
  /** A configuration file, or a configuration itself; without one each project's own is searched. */
  readonly config: string | UserConfig | undefined;
  readonly rules: readonly Rule[];
  /** Milliseconds since some fixed point. */
  readonly now: () => number;
  readonly onProgress: (step: string) => void;
  /** Files, by absolute name, that are analysed as if this were their text. */
  readonly texts?: ReadonlyMap<string, string>;
}

export interface AnalyzedProjects {
  readonly report: Report;
  /** Absolute, with `/`. */
  readonly root: string;
}

export async function analyzeProjects(request: AnalyzeRequest): Promise<AnalyzedProjects> {
  const started = request.now();
  const { results, root } = await forEachProject(request, (input, config) => analyzeProgram(input, config, request.rules));
  return { report: mergeReports(results, request.now() - started), root };
}

/** The models of the projects, for questions; no rule has looked at them. */
export async function modelProjects(request: AnalyzeRequest): Promise<{ readonly models: readonly Model[]; readonly root: string }> {
  const { results, root } = await forEachProject(request, buildModel);
  return { models: results, root };
}

/** The report together with what stands behind it. */
export async function auditProjects(request: AnalyzeRequest): Promise<AnalyzedProjects & { readonly audit: Audit }> {
  const started = request.now();
  const { results, root } = await forEachProject(request, (input, config) => {
    const model = buildModel(input, config);
    return { model, report: reportOf(model, request.rules) };
  });
  const report = mergeReports(results.map((result) => result.report), request.now() - started);
  return { report, root, audit: buildAudit(results.map(({ model }) => model), report) };
}

/** Loads each project, and hands it to `work` with its configuration. */
export async function forEachProject<Result>(request: AnalyzeRequest, work: (input: ProgramInput, config: Config) => Result): Promise<{ results: Result[]; root: string }> {
  const found = findProjects(request.projects, request.cwd);
  const configs = await configsOf(found, request);
  const filter = new PathFilter(request.paths, request.cwd);

  const results = found.projects.map((project, index) => {
    const name = relativePath(request.cwd, project.configFile);
    const config = configs.get(project) ?? completeConfig({});
    request.onProgress(`Loading ${name}`);
    const { program, ownFiles } = loadProgram(project, found.root, Object.keys(config.tags), request.texts);
    const selected = filter.select(ownFiles);
    if (index === found.projects.length - 1) filter.rejectUnmatched();
    request.onProgress(`Analysing ${name}, files: ${String(ownFiles.size)}`);
    const input = { compiler: ts, program, root: found.root, reports: (file: string) => selected.has(file) };
    return withinStack(() => null, found.root, () => work(input, config));
  });
  return { results, root: found.root };
}

async function configsOf({ projects, root }: ProjectSet, request: AnalyzeRequest): Promise<Map<Project, Config>> {
  const ruleIds = request.rules.map((rule) => rule.id);
  const given = request.config === undefined ? null
    : typeof request.config === 'string' ? await loadConfig(absolutePath(request.config, request.cwd), ruleIds, request.config)
      : completeConfig(validateConfig(request.config, ruleIds, 'config'));
  const configs = new Map<Project, Config>();
  for (const project of projects) {
    configs.set(project, placeConfig(given ?? await findConfig(project.folder, ruleIds), relativePath(root, project.folder)));
  }
  return configs;
}
