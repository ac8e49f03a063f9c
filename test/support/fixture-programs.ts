/**
 * Small programs for tests: the fixtures on disk and sources given as text, analysed as the command would.
 *
 * Programs stay separate; only parsed files of the library and of `gsio/runtime` are shared between them, which is what
 * makes hundreds of programs affordable.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ProgramInput } from '../../src/engine/analyze.ts';
import { analyzeProgram } from '../../src/engine/analyze.ts';
import { completeConfig } from '../../src/config/complete-config.ts';
import type { UserConfig } from '../../src/config/user-config.ts';
import { ts, type typescript } from '../../src/project/compiler.ts';
import { createSourceHost } from '../../src/project/source-host.ts';
import type { Config } from '../../src/model/config.ts';
import { defaultConfig } from '../../src/model/config.ts';
import type { Finding, Report } from '../../src/model/finding.ts';
import { rules } from '../../rules/index.ts';

export const FIXTURES = fileURLToPath(new URL('../../fixtures', import.meta.url));
const SOURCE_FILE = /\.(?:[cm]?[jt]s|[jt]sx)$/;
/** Words for which a program needs the types of Node.js; the others are checked without, which is faster. */
const NEEDS_NODE = /\bnode:|\b(?:console|process|setTimeout|setInterval|setImmediate|queueMicrotask|Buffer|AbortSignal|EventTarget|URL)\b/;

/** One program: file names relative to its folder, with their text. */
export interface FixtureProgram {
  readonly name: string;
  /** Absolute folder. */
  readonly folder: string;
  readonly files: ReadonlyMap<string, string>;
  readonly config: Config;
  readonly tsconfig?: string;
}

/** A place that carries a finding, as `file:line rule`. */
export type Place = string;

/** The fixtures of the rules that exist, of the contract and of value flow, and the projects. */
export function fixturePrograms(ruleIds: readonly string[]): FixtureProgram[] {
  const folders = [...ruleIds.map((id) => `rules/${id}`), 'contract', 'flow'];
  const small = folders.flatMap((folder) => entries(folder).map((entry) => readProgram(`${folder}/${entry}`)));
  return [...small, ...projectFolders('projects').map(readProject)];
}

function entries(folder: string): string[] {
  const absolute = path.join(FIXTURES, folder);
  if (!fs.existsSync(absolute)) return [];
  return fs.readdirSync(absolute).filter((name) => SOURCE_FILE.test(name) || fs.statSync(path.join(absolute, name)).isDirectory()).sort();
}

function readProgram(name: string): FixtureProgram {
  const absolute = path.join(FIXTURES, name);
  if (!fs.statSync(absolute).isDirectory()) {
    return { name, folder: path.dirname(absolute), files: new Map([[path.basename(absolute), fs.readFileSync(absolute, 'utf8')]]), config: defaultConfig };
  }
  const names = fs.readdirSync(absolute, { recursive: true, encoding: 'utf8' }).filter((file) => SOURCE_FILE.test(file)).sort();
  const config = path.join(absolute, 'gsio.config.json');
  return {
    name, folder: absolute,
    files: new Map(names.map((file) => [file, fs.readFileSync(path.join(absolute, file), 'utf8')])),
    config: fs.existsSync(config) ? completeConfig(JSON.parse(fs.readFileSync(config, 'utf8')) as UserConfig) : defaultConfig,
  };
}

function projectFolders(folder: string): string[] {
  const absolute = path.join(FIXTURES, folder);
  if (!fs.existsSync(absolute)) return [];
  if (fs.existsSync(path.join(absolute, 'tsconfig.json'))) return [folder];
  return fs.readdirSync(absolute, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => `${folder}/${entry.name}`).sort().flatMap(projectFolders);
}

function readProject(name: string): FixtureProgram {
  const folder = path.join(FIXTURES, name);
  const tsconfig = path.join(folder, 'tsconfig.json');
  const parsed = parseTsconfig(tsconfig);
  const files = parsed.fileNames.map((file) => path.relative(folder, file)).sort();
  return { ...readProgram(name), files: new Map(files.map((file) => [file, fs.readFileSync(path.join(folder, file), 'utf8')])), tsconfig };
}

/** A program whose files exist only here. They can import each other and `gsio/runtime`. */
export function textProgram(name: string, files: Readonly<Record<string, string>>, config: Config = defaultConfig): FixtureProgram {
  return { name, folder: path.join(FIXTURES, '.text', name), files: new Map(Object.entries(files)), config };
}

/** Analyses a program with all rules. `order` arranges the root files; the result must not depend on it. */
export function analyzeFixture(program: FixtureProgram, order: (files: string[]) => string[] = (files) => files): Report {
  return analyzeProgram(compile(program, order), program.config, rules);
}

/** The program as the engine takes it. */
export function compile(program: FixtureProgram, order: (files: string[]) => string[] = (files) => files): ProgramInput {
  const rootNames = order([...program.files.keys()].map((file) => path.join(program.folder, file)));
  const base = program.tsconfig === undefined ? sharedOptions() : parseTsconfig(program.tsconfig).options;
  const needsNode = [...program.files.values()].some((text) => NEEDS_NODE.test(text));
  const options: typescript.CompilerOptions = { ...base, types: needsNode ? ['node'] : [] };
  const own = new Set(rootNames);
  return {
    compiler: ts,
    program: ts.createProgram({ rootNames, options, host: hostFor(program, options) }),
    root: program.folder,
    reports: (file) => own.has(file),
  };
}

let options: typescript.CompilerOptions | undefined;
function sharedOptions(): typescript.CompilerOptions {
  options ??= parseTsconfig(path.join(FIXTURES, 'tsconfig.json')).options;
  return options;
}

export function parseTsconfig(file: string): typescript.ParsedCommandLine {
  const { config } = ts.readConfigFile(file, (name) => ts.sys.readFile(name)) as { config?: unknown };
  return ts.parseJsonConfigFileContent(config, ts.sys, path.dirname(file), undefined, file);
}

// A parsed file may serve every program that has the same target and module settings.
const parsed = new Map<string, typescript.SourceFile | undefined>();

function hostFor(program: FixtureProgram, options: typescript.CompilerOptions): typescript.CompilerHost {
  const base = createSourceHost(options);
  const texts = new Map([...program.files].map(([file, text]) => [path.join(program.folder, file), text]));
  const folders = new Set([...texts.keys()].map((file) => path.dirname(file)));
  return {
    ...base,
    fileExists: (file) => texts.has(file) || base.fileExists(file),
    readFile: (file) => texts.get(file) ?? base.readFile(file),
    directoryExists: (folder) => folders.has(folder) || folder === program.folder || (base.directoryExists?.(folder) ?? true),
    realpath: (file) => (texts.has(file) ? file : base.realpath?.(file) ?? file),
    getSourceFile: (file, languageVersion) => {
      const text = texts.get(file);
      if (text !== undefined) return ts.createSourceFile(file, text, languageVersion, true);
      const settings = typeof languageVersion === 'object' ? languageVersion : { languageVersion };
      const key = JSON.stringify([file, settings.languageVersion, settings.impliedNodeFormat]);
      if (!parsed.has(key)) parsed.set(key, base.getSourceFile(file, languageVersion));
      return parsed.get(key);
    },
  };
}

/**
 * The places where comments in the sources expect findings: `// expect: RULE, RULE` at the end of the line,
 * `// expect-next-line: RULE` above it, `// expect-at +2: RULE` two lines above it.
 */
export function expectedPlaces(program: FixtureProgram): Place[] {
  const places: Place[] = [];
  for (const [file, text] of program.files) {
    text.split('\n').forEach((line, index) => {
      const match = /\/\/ expect(?:(-next-line)|-at \+(\d+))?: ([a-z-]+(?:, [a-z-]+)*)\s*$/.exec(line);
      if (match === null) return;
      const offset = match[1] !== undefined ? 1 : Number(match[2] ?? 0);
      for (const rule of (match[3] ?? '').split(', ')) places.push(`${file}:${String(index + 1 + offset)} ${rule}`);
    });
  }
  return places.sort();
}

/** Where findings stand. Suggestions are no faults: they count only in the fixtures of the rule that makes them. */
export function foundPlaces(program: FixtureProgram, findings: readonly Finding[]): Place[] {
  const counts = (rule: string): boolean => rule !== 'suggest-class' || program.name.includes('suggest-class');
  return findings.filter((finding) => counts(finding.rule)).map((finding) => `${finding.file}:${String(finding.line)} ${finding.rule}`).sort();
}
