/**
 * What gsio says of the file that ESLint is looking at. All rules of a file share one answer.
 *
 * In: the context of a rule. Out: the file's findings and the configuration they were made with.
 * Leaves to others: making findings (`engine`), reporting them (`rule-module.ts`).
 */
import path from 'node:path';
import type { Rule as Eslint, SourceCode } from 'eslint';
import type ts from 'typescript';
import { rules } from '../../rules/index.ts';
import { completeConfig } from '../config/complete-config.ts';
import { findConfigNow } from '../config/load-config.ts';
import { validateConfig } from '../config/schema.ts';
import { ProjectIndex, type FindingsByFile } from '../engine/project-index.ts';
import type { Config } from '../model/config.ts';
import { ProjectError } from '../model/errors.ts';
import type { Finding } from '../model/finding.ts';
import { Source } from '../repair/source.ts';
import { compilerOf } from './compiler.ts';

export interface LintedFile {
  readonly config: Config;
  readonly source: Source;
  findings(rule: string): readonly Finding[];
}

/** What the parser of typescript-eslint leaves with the source. */
interface ParserServices {
  readonly program?: ts.Program | null;
  readonly esTreeNodeToTSNodeMap?: { get(node: unknown): ts.Node | undefined };
}

/** How the file was parsed; part of the compiler, if not of its declared API. */
type ParsedFile = ts.SourceFile & {
  readonly jsDocParsingMode?: number;
};

/** The value of `JSDocParsingMode.ParseAll`. */
const PARSE_ALL = 0;

const files = new WeakMap<SourceCode, LintedFile>();
const ruleIds = rules.map((rule) => rule.id);

export function verdictOn(context: Eslint.RuleContext, rule: string): LintedFile {
  const { sourceCode } = context;
  let file = files.get(sourceCode);
  if (file === undefined) {
    file = judge(context, rule);
    files.set(sourceCode, file);
  }
  return file;
}

function judge(context: Eslint.RuleContext, rule: string): LintedFile {
  const { program, source } = typedSource(context, rule);
  const compiler = compilerOf(source);
  const root = rootOf(program, context.cwd);
  const config = configFor(root, context.settings['gsio']);
  let findings: ReadonlyMap<string, readonly Finding[]> | null = null;
  const byRule = (): ReadonlyMap<string, readonly Finding[]> => grouped(indexFor(compiler, program, root, config).resultOf(compiler, program).get(source.fileName) ?? []);
  return { config, source: new Source(compiler, program, source), findings: (id) => (findings ??= byRule()).get(id) ?? [] };
}

function typedSource(context: Eslint.RuleContext, rule: string): { readonly program: ts.Program; readonly source: ts.SourceFile } {
  const { program, esTreeNodeToTSNodeMap } = context.sourceCode.parserServices as ParserServices;
  const source = esTreeNodeToTSNodeMap?.get(context.sourceCode.ast) as ts.SourceFile | undefined;
  const name = path.relative(context.cwd, context.filename) || context.filename;
  if (program === undefined || program === null || source === undefined) {
    throw new ProjectError(
      'no-types',
      `gsio/${rule} needs types, and there are none for ${name}: use the parser of typescript-eslint with languageOptions.parserOptions.projectService set to true, or leave the file out of what the rules of gsio are turned on for.`,
      'The README shows a configuration to copy.',
    );
  }
  if (((source as ParsedFile).jsDocParsingMode ?? PARSE_ALL) !== PARSE_ALL) {
    throw new ProjectError(
      'no-comments',
      `gsio/${rule} reads JSDoc tags, which were not parsed for ${name}: set languageOptions.parserOptions.jsDocParsingMode to 'all', or remove it.`,
      'The README shows a configuration to copy.',
    );
  }
  return { program, source };
}

/** As for the command: the folder of the tsconfig.json. */
function rootOf(program: ts.Program, cwd: string): string {
  const { configFilePath } = program.getCompilerOptions();
  return typeof configFilePath === 'string' && path.isAbsolute(configFilePath) ? path.posix.dirname(configFilePath) : cwd.split(path.sep).join('/');
}

/** `settings.gsio` has the form of a configuration file; its keys take the place of the file's. */
function configFor(root: string, settings: unknown): Config {
  const own = settings === undefined ? {} : validateConfig(settings, ruleIds, 'settings.gsio');
  return completeConfig({ ...findConfigNow(root, ruleIds), ...own });
}

const indices = new WeakMap<typeof ts, Map<string, { readonly config: string; readonly index: ProjectIndex<FindingsByFile> }>>();

/** One for each tsconfig.json and compiler; with another configuration it begins anew. */
function indexFor(compiler: typeof ts, program: ts.Program, root: string, config: Config): ProjectIndex<FindingsByFile> {
  const { configFilePath } = program.getCompilerOptions();
  const project = typeof configFilePath === 'string' ? configFilePath : root;
  const text = JSON.stringify(config);
  const projects = indices.get(compiler) ?? new Map<string, { readonly config: string; readonly index: ProjectIndex<FindingsByFile> }>();
  indices.set(compiler, projects);
  let known = projects.get(project);
  if (known?.config !== text) {
    known = { config: text, index: new ProjectIndex({ root, config, rules, disableComments: 'leave', result: (findings) => findings }) };
    projects.set(project, known);
  }
  return known.index;
}

function grouped(findings: readonly Finding[]): ReadonlyMap<string, readonly Finding[]> {
  const byRule = new Map<string, Finding[]>();
  for (const finding of findings) {
    const own = byRule.get(finding.rule);
    if (own === undefined) byRule.set(finding.rule, [finding]);
    else own.push(finding);
  }
  return byRule;
}
