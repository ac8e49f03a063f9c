/**
 * Finds the tsconfigs to analyse and reads them.
 *
 * In: what the user named, or nothing; the current folder. Out: one `Project` per tsconfig that has files of its own.
 * Leaves to others: making programs (`load-program.ts`), gsio's own configuration (`config`).
 */
import fs from 'node:fs';
import path from 'node:path';
import { ProjectError } from '../model/errors.ts';
import { diagnosticText, ts, type typescript } from './compiler.ts';
import { absolutePath, commonFolder, relativePath } from './paths.ts';

export interface Project {
  /** Absolute, with `/`. */
  readonly configFile: string;
  readonly folder: string;
  readonly commandLine: typescript.ParsedCommandLine;
  /** Absolute names of the files of all projects it refers to, directly or not. */
  readonly referencedFiles: ReadonlySet<string>;
}

export interface ProjectSet {
  readonly projects: readonly Project[];
  /** The folder that file names in the report are relative to. */
  readonly root: string;
}

export function findProjects(named: readonly string[], cwd: string): ProjectSet {
  const given = named.length > 0 ? named.map((name) => configFileFor(name, cwd)) : [nearestConfigFile(cwd)];
  const reader = new ConfigReader(cwd);
  const projects = new Map<string, Project>();
  for (const configFile of given) {
    for (const project of reader.projectsOf(configFile)) projects.set(project.configFile, project);
  }
  return { projects: [...projects.values()], root: commonFolder(given.map((file) => path.posix.dirname(file))) };
}

function configFileFor(name: string, cwd: string): string {
  const absolute = absolutePath(name, cwd);
  const stats = fs.statSync(absolute, { throwIfNoEntry: false });
  if (stats === undefined) {
    throw new ProjectError('project-not-found', `The project ${name} does not exist.`, 'Name a tsconfig.json, or a folder that has one; the path is relative to the current folder.');
  }
  if (!stats.isDirectory()) return absolute;
  for (const file of ['tsconfig.json', 'jsconfig.json']) {
    if (fs.existsSync(path.join(absolute, file))) return `${absolute.replace(/\/$/, '')}/${file}`;
  }
  throw new ProjectError('project-not-found', `The folder ${name} has no tsconfig.json.`, 'Name another folder, or the configuration file itself, with --project.');
}

function nearestConfigFile(cwd: string): string {
  for (let folder = absolutePath('.', cwd); ; folder = path.posix.dirname(folder)) {
    for (const name of ['tsconfig.json', 'jsconfig.json']) {
      const file = `${folder.replace(/\/$/, '')}/${name}`;
      if (fs.existsSync(file)) return file;
    }
    if (folder === path.posix.dirname(folder)) break;
  }
  throw new ProjectError('project-not-found', 'No tsconfig.json was found in the current folder or above it.', 'Go to the project, name its tsconfig.json with --project, or make one with npx tsc --init.');
}

/** Reads each configuration once; projects may refer to each other in many ways. */
class ConfigReader {
  private readonly cwd: string;
  private readonly parsed = new Map<string, typescript.ParsedCommandLine>();

  constructor(cwd: string) {
    this.cwd = cwd;
  }

  /** A configuration that only lists others stands for those. */
  projectsOf(configFile: string, above: readonly string[] = []): Project[] {
    const commandLine = this.read(configFile);
    const references = this.referencesOf(configFile, commandLine);
    const referencedFiles = new Set<string>();
    for (const reference of this.reachable(references)) {
      if (reference === configFile) continue;
      for (const file of this.read(reference).fileNames) referencedFiles.add(file);
    }
    if (commandLine.fileNames.some((file) => !referencedFiles.has(file))) {
      return [{ configFile, folder: path.posix.dirname(configFile), commandLine, referencedFiles }];
    }
    const below = references.filter((reference) => reference !== configFile && !above.includes(reference));
    if (below.length === 0) {
      throw new ProjectError('no-files', `${this.nameOf(configFile)} matches no files.`, 'Check its "files", "include" and "exclude"; JavaScript needs "allowJs".');
    }
    return below.flatMap((reference) => this.projectsOf(reference, [...above, configFile]));
  }

  private reachable(references: readonly string[]): Set<string> {
    const seen = new Set(references);
    for (const reference of seen) {
      for (const next of this.referencesOf(reference, this.read(reference))) seen.add(next);
    }
    return seen;
  }

  private referencesOf(configFile: string, commandLine: typescript.ParsedCommandLine): string[] {
    return (commandLine.projectReferences ?? []).map((reference) => {
      const file = ts.resolveProjectReferencePath(reference);
      if (!fs.existsSync(file)) {
        throw new ProjectError('reference-not-found', `${this.nameOf(configFile)} refers to ${this.nameOf(file)}, which does not exist.`, 'Mend the "path" in its "references".');
      }
      return file;
    });
  }

  private read(configFile: string): typescript.ParsedCommandLine {
    const known = this.parsed.get(configFile);
    if (known !== undefined) return known;
    const commandLine = parse(configFile, (file) => this.nameOf(file));
    this.parsed.set(configFile, commandLine);
    return commandLine;
  }

  private nameOf(file: string): string {
    const relative = relativePath(this.cwd, file);
    return relative.startsWith('../../..') ? file : relative;
  }
}

/** That there are no files is judged by the caller; an option of a newer compiler does no harm. */
const HARMLESS = new Set([18002, 18003, 5023]);

function parse(configFile: string, nameOf: (file: string) => string): typescript.ParsedCommandLine {
  const { error: syntaxError } = ts.readConfigFile(configFile, (file) => ts.sys.readFile(file));
  if (syntaxError !== undefined) throw brokenConfig(configFile, syntaxError, 1, nameOf);
  const unreadable: typescript.Diagnostic[] = [];
  const host: typescript.ParseConfigFileHost = {
    ...ts.sys,
    getCurrentDirectory: () => path.posix.dirname(configFile),
    onUnRecoverableConfigFileDiagnostic: (diagnostic) => unreadable.push(diagnostic),
  };
  const commandLine = ts.getParsedCommandLineOfConfigFile(configFile, {}, host);
  const problems = [...unreadable, ...(commandLine?.errors ?? [])]
    .filter((problem) => problem.category === ts.DiagnosticCategory.Error && !HARMLESS.has(problem.code));
  const [first] = problems;
  if (commandLine === undefined || first !== undefined) throw brokenConfig(configFile, first, problems.length, nameOf);

  const missing = commandLine.fileNames.find((file) => !fs.existsSync(file));
  if (missing !== undefined) {
    throw new ProjectError('file-not-found', `${nameOf(configFile)} lists ${nameOf(missing)}, which does not exist.`, 'Mend its "files".');
  }
  return { ...commandLine, fileNames: commandLine.fileNames.map((file) => absolutePath(file, '/')) };
}

function brokenConfig(configFile: string, problem: typescript.Diagnostic | undefined, count: number, nameOf: (file: string) => string): ProjectError {
  const more = count > 1 ? ` (and ${String(count - 1)} more)` : '';
  let where = nameOf(configFile);
  if (problem?.file !== undefined && problem.start !== undefined) {
    const { line, character } = ts.getLineAndCharacterOfPosition(problem.file, problem.start);
    where = `${nameOf(problem.file.fileName)}:${String(line + 1)}:${String(character + 1)}`;
  }
  const text = problem === undefined ? 'it cannot be read' : diagnosticText(problem);
  return new ProjectError('broken-tsconfig', `${where} is not a valid project configuration: ${text}${more}.`, `Run npx tsc --noEmit -p ${nameOf(configFile)} to see what TypeScript says.`);
}
