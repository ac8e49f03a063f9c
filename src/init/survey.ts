/**
 * Looks at a folder that gsio is to be set up in.
 *
 * In: the folder. Out: what is there: projects, the package manager, configurations, continuous integration. Nothing is written.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import picomatch from 'picomatch';
import { ProjectError } from '../model/errors.ts';
import { findProjects } from '../project/find-projects.ts';

export type PackageManager = 'npm' | 'pnpm' | 'yarn' | 'bun';
export type Ci = 'github' | 'gitlab';

export interface Survey {
  /** Words after --project; none where the folder's own tsconfig.json is the project. */
  readonly projects: readonly string[];
  /** Workspaces that have no tsconfig.json, relative to the folder. */
  readonly without: readonly string[];
  readonly isTypeScript: boolean;
  readonly packageManager: PackageManager;
  /** Yarn 1 and the later ones install by different words. */
  readonly isClassicYarn: boolean;
  /** The text of package.json. */
  readonly manifest: string | null;
  readonly isInstalled: boolean;
  /** Names of files that are there. */
  readonly config: string | null;
  readonly eslintConfig: string | null;
  readonly ci: Ci | null;
  readonly gitlabFile: boolean;
  readonly githubWorkflow: boolean;
  /** The way from the top of the repository to the folder: `''`, or `packages/disk`. */
  readonly below: string;
}

const CONFIGS = ['gsio.config.ts', 'gsio.config.mts', 'gsio.config.js', 'gsio.config.mjs', 'gsio.config.json'];
const ESLINT_CONFIGS = ['js', 'mjs', 'cjs', 'ts', 'mts', 'cts'].map((extension) => `eslint.config.${extension}`);
const LOCKS: readonly (readonly [string, PackageManager])[] = [
  ['pnpm-lock.yaml', 'pnpm'], ['yarn.lock', 'yarn'], ['bun.lock', 'bun'], ['bun.lockb', 'bun'], ['package-lock.json', 'npm'], ['npm-shrinkwrap.json', 'npm'],
];
const DEEPEST_WORKSPACE = 4;

/** `top`: the top of the repository, where there is one. */
export function survey(folder: string, top: string | undefined): Survey {
  const has = (name: string, where = folder): boolean => fs.existsSync(path.join(where, name));
  const manifest = readText(path.join(folder, 'package.json'));
  const fields = fieldsOf(manifest);
  const repository = top ?? folder;
  const { projects, without } = projectsIn(folder, workspaces(folder, fields));
  return {
    projects,
    without,
    isTypeScript: projects.length > 0 || has('tsconfig.json'),
    packageManager: packageManagerOf(folder, repository),
    isClassicYarn: !has('.yarnrc.yml', repository) && !has('.yarnrc.yml'),
    manifest,
    isInstalled: [fields['dependencies'], fields['devDependencies']].some((list) => isFields(list) && 'gsio' in list),
    config: CONFIGS.find((name) => has(name)) ?? ('gsio' in fields ? 'package.json' : null),
    eslintConfig: ESLINT_CONFIGS.find((name) => has(name)) ?? null,
    ci: ciOf(repository, has),
    gitlabFile: has('.gitlab-ci.yml', repository),
    githubWorkflow: has('.github/workflows/gsio.yml', repository),
    below: path.relative(repository, folder).split(path.sep).join('/'),
  };
}

/** The folder's own project; where it has none, those of its workspaces. */
function projectsIn(folder: string, members: readonly string[]): Pick<Survey, 'projects' | 'without'> {
  if (isProject('.', folder)) return { projects: [], without: [] };
  const projects = members.filter((member) => isProject(member, folder));
  if (projects.length > 0) return { projects, without: members.filter((member) => !projects.includes(member)) };
  // Says what is wrong, in the words that the check would use.
  findProjects([], folder);
  return { projects: [], without: [] };
}

function isProject(member: string, folder: string): boolean {
  try {
    return findProjects([member], folder).projects.length > 0;
  } catch (error) {
    if (error instanceof ProjectError && ['project-not-found', 'no-files'].includes(error.code)) return false;
    throw error;
  }
}

/** Folders of npm, yarn, bun and pnpm workspaces, sorted. */
function workspaces(folder: string, fields: Fields): string[] {
  const declared = fields['workspaces'];
  const listed = Array.isArray(declared) ? declared : isFields(declared) && Array.isArray(declared['packages']) ? declared['packages'] : [];
  const globs = [...listed.filter((glob): glob is string => typeof glob === 'string'), ...pnpmGlobs(readText(path.join(folder, 'pnpm-workspace.yaml')) ?? '')]
    .map((glob) => glob.replace(/^(!?)\.\//, '$1').replace(/\/$/, ''));
  const wanted = globs.filter((glob) => !glob.startsWith('!'));
  if (wanted.length === 0) return [];
  const matches = picomatch(wanted, { ignore: globs.filter((glob) => glob.startsWith('!')).map((glob) => glob.slice(1)) });
  return packageFolders(folder, '', 0).filter((name) => matches(name)).sort();
}

/** The list under `packages:`; gsio needs no more of that file. */
function pnpmGlobs(text: string): string[] {
  const list = /^packages:[ \t]*\r?\n((?:[ \t]*(?:-[^\n]*|#[^\n]*)?\r?\n?)*)/m.exec(text)?.[1] ?? '';
  return [...list.matchAll(/^[ \t]*-[ \t]*(["']?)([^"'#\n\r]+?)\1[ \t]*(?:#.*)?$/gm)].map(([, , glob]) => glob ?? '');
}

function packageFolders(folder: string, below: string, depth: number): string[] {
  if (depth > DEEPEST_WORKSPACE) return [];
  return fs.readdirSync(path.join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    if (!entry.isDirectory() || entry.name === 'node_modules' || entry.name.startsWith('.')) return [];
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    return [...(fs.existsSync(path.join(folder, name, 'package.json')) ? [name] : []), ...packageFolders(folder, name, depth + 1)];
  });
}

/** What the manifest says, then the lock file, from the folder up to the top of the repository. */
function packageManagerOf(start: string, top: string): PackageManager {
  for (let folder = start; ; folder = path.dirname(folder)) {
    const named = fieldsOf(readText(path.join(folder, 'package.json')))['packageManager'];
    const said = typeof named === 'string' ? /^(npm|pnpm|yarn|bun)@/.exec(named)?.[1] : undefined;
    if (said !== undefined) return said as PackageManager;
    const lock = LOCKS.find(([name]) => fs.existsSync(path.join(folder, name)));
    if (lock !== undefined) return lock[1];
    if (folder === top || folder === path.dirname(folder)) return 'npm';
  }
}

/** What is set up, else where the repository comes from. */
function ciOf(repository: string, has: (name: string, where: string) => boolean): Ci | null {
  if (has('.gitlab-ci.yml', repository)) return 'gitlab';
  if (has('.github', repository)) return 'github';
  const remotes = gitRemotes(repository);
  return /gitlab/i.test(remotes) ? 'gitlab' : /github/i.test(remotes) ? 'github' : null;
}

function gitRemotes(repository: string): string {
  try {
    return execFileSync('git', ['remote', '-v'], { cwd: repository, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(manifest: string | null): Fields {
  if (manifest === null) return {};
  try {
    const value: unknown = JSON.parse(manifest.replace(/^\uFEFF/, ''));
    return isFields(value) ? value : {};
  } catch {
    throw new ProjectError('broken-package-json', 'package.json is not valid JSON.', 'Mend it first; the script of gsio goes there.');
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readText(file: string): string | null {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
