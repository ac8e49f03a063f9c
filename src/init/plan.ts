/**
 * What is to be written to set gsio up.
 *
 * In: a survey of the folder, and wishes. Out: new files, the changed package.json, and what is left to the user: commands to run, text to paste
 * into files that are there already.
 */
import type { Ci, PackageManager, Survey } from './survey.ts';

export interface PlannedFile {
  /** Relative to the folder; with `../` where it belongs to the top of the repository. */
  readonly file: string;
  /** Null: a new file. */
  readonly before: string | null;
  readonly after: string;
}

export interface Advice {
  readonly text: string;
  /** To be pasted, or run. */
  readonly lines: readonly string[];
}

export interface Plan {
  readonly files: readonly PlannedFile[];
  /** What is there already, and stays. */
  readonly kept: readonly string[];
  readonly advice: readonly Advice[];
}

export interface Wishes {
  readonly ci: Ci | 'none';
  /** The name and the text of the baseline, where one is wanted. */
  readonly baseline: { readonly file: string; readonly text: string } | null;
}

export function planSetup(survey: Survey, { ci, baseline }: Wishes): Plan {
  const check = ['gsio check', ...survey.projects.map((project) => `--project ${quoted(project)}`), ...(baseline === null ? [] : [`--baseline ${baseline.file}`])].join(' ');
  const script = scriptIn(survey, check);
  const runs = (words: string): string => (survey.manifest === null ? `${EXECUTE[survey.packageManager]} ${check} ${words}` : `${RUN[survey.packageManager]} ${words}`);
  const workflow = ci === 'none' ? null : ci === 'github' ? github(survey, runs) : gitlab(survey, runs);
  return {
    files: [
      ...(survey.config === null ? [{ file: survey.isTypeScript ? 'gsio.config.ts' : 'gsio.config.mjs', before: null, after: CONFIG }] : []),
      ...(script === null ? [] : [script]),
      ...(workflow === null || workflow.exists ? [] : [{ file: `${up(survey)}${workflow.file}`, before: null, after: workflow.text }]),
      ...(baseline === null ? [] : [{ file: baseline.file, before: null, after: baseline.text }]),
    ],
    kept: [
      ...(survey.config === null ? [] : [survey.config === 'package.json' ? 'the key gsio of package.json' : survey.config]),
      ...(survey.manifest !== null && script === null ? ['the script gsio of package.json'] : []),
      ...(workflow?.exists === true ? [workflow.file] : []),
    ],
    advice: [
      ...(survey.isInstalled ? [] : [{ text: 'Install gsio:', lines: [INSTALL[survey.packageManager]] }]),
      ...(workflow?.exists === true && workflow.file === GITLAB_FILE ? [{ text: `Add to ${GITLAB_FILE}:`, lines: workflow.text.trimEnd().split('\n') }] : []),
      ...(survey.eslintConfig === null ? [] : [{ text: `To see findings in the editor, add to ${survey.eslintConfig}:`, lines: ESLINT }]),
      ...(survey.without.length === 0 ? [] : [{ text: 'Left out, as they have no tsconfig.json:', lines: [...survey.without] }]),
      { text: 'Check:', lines: [survey.manifest === null ? `${EXECUTE[survey.packageManager]} ${check}` : RUN[survey.packageManager].replace(/ --$/, '')] },
    ],
  };
}

const CONFIG = `import { defineConfig } from 'gsio';

// Every key has a default; the README of gsio lists them all.
export default defineConfig({
  // What is known of functions that cannot be tagged where they are written:
  // models: [{ module: 'sqlite', name: 'Database.*', class: 'globalState' }],
  exclude: [],
});
`;

const ESLINT = [
  "import gsio from 'gsio/eslint';",
  '…',
  '{',
  "  files: ['**/*.ts', '**/*.tsx'],",
  '  extends: [gsio.configs.recommended],',
  '  languageOptions: { parser: tseslint.parser, parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },',
  '}',
];

const INSTALL: Readonly<Record<PackageManager, string>> = { npm: 'npm install --save-dev gsio', pnpm: 'pnpm add --save-dev gsio', yarn: 'yarn add --dev gsio', bun: 'bun add --dev gsio' };
const EXECUTE: Readonly<Record<PackageManager, string>> = { npm: 'npx', pnpm: 'pnpm exec', yarn: 'yarn', bun: 'bunx' };
/** Further words can follow. */
const RUN: Readonly<Record<PackageManager, string>> = { npm: 'npm run gsio --', pnpm: 'pnpm run gsio', yarn: 'yarn run gsio', bun: 'bun run gsio' };

function installIn({ packageManager, isClassicYarn }: Survey): string {
  switch (packageManager) {
    case 'npm': return 'npm ci';
    case 'pnpm': return 'pnpm install --frozen-lockfile';
    case 'yarn': return isClassicYarn ? 'yarn install --frozen-lockfile' : 'yarn install --immutable';
    case 'bun': return 'bun install --frozen-lockfile';
  }
}

// ---- package.json ----------------------------------------------------------------------------------------------------

/** The manifest with the script; null where there is no manifest, or the script is there. The rest of it keeps its form. */
function scriptIn({ manifest }: Survey, check: string): PlannedFile | null {
  if (manifest === null) return null;
  const mark = manifest.startsWith('\uFEFF') ? '\uFEFF' : '';
  const text = manifest.slice(mark.length);
  const content = JSON.parse(text) as { readonly scripts?: Readonly<Record<string, string>> };
  if (content.scripts?.['gsio'] !== undefined) return null;
  const line = text.includes('\r\n') ? '\r\n' : '\n';
  const indent = /\n([ \t]+)"/.exec(text)?.[1] ?? '  ';
  const wanted = JSON.stringify({ ...content, scripts: { ...content.scripts, gsio: check } }, null, indent);
  const edited = content.scripts === undefined ? withScripts(text, check, indent, line) : intoScripts(text, content.scripts, check, indent, line);
  const isRight = JSON.stringify(parsed(edited), null, indent) === wanted;
  return { file: 'package.json', before: manifest, after: mark + (isRight ? edited : `${wanted.replaceAll('\n', line)}${line}`) };
}

/** Where it has no scripts, they become its last key. */
function withScripts(text: string, check: string, indent: string, line: string): string {
  const end = text.lastIndexOf('}');
  const before = text.slice(0, end).trimEnd();
  return `${before}${before.endsWith('{') ? '' : ','}${line}${indent}"scripts": {${line}${indent}${indent}"gsio": ${JSON.stringify(check)}${line}${indent}}${line}${text.slice(end)}`;
}

/** Behind the last script. */
function intoScripts(text: string, scripts: Readonly<Record<string, string>>, check: string, indent: string, line: string): string {
  const start = text.search(/"scripts"\s*:\s*\{/);
  const [last] = Object.entries(scripts).slice(-1);
  if (last === undefined) return text;
  const [name, words] = last.map((word) => JSON.stringify(word)) as [string, string];
  const end = text.indexOf(words, text.indexOf(name, start) + name.length) + words.length;
  const isOneLine = !text.slice(start, end).includes('\n');
  return `${text.slice(0, end)},${isOneLine ? ' ' : `${line}${indent}${indent}`}"gsio": ${JSON.stringify(check)}${text.slice(end)}`;
}

/** Undefined where the edit went wrong: a manifest can be written in ways that a search in its text does not foresee. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// ---- continuous integration ------------------------------------------------------------------------------------------

const GITHUB_FILE = '.github/workflows/gsio.yml';
const GITLAB_FILE = '.gitlab-ci.yml';

interface Workflow {
  readonly file: string;
  readonly text: string;
  readonly exists: boolean;
}

type Runs = (words: string) => string;

function github(survey: Survey, runs: Runs): Workflow {
  const { below, packageManager } = survey;
  const lines = [
    'name: gsio',
    'on: [push, pull_request]',
    'permissions:',
    '  contents: read',
    'jobs:',
    '  check:',
    '    runs-on: ubuntu-latest',
    ...(below === '' ? [] : ['    defaults:', '      run:', `        working-directory: ${JSON.stringify(below)}`]),
    '    steps:',
    '      - uses: actions/checkout@v4',
    ...(packageManager === 'pnpm' ? ['      - uses: pnpm/action-setup@v4', ...(/"packageManager"/.test(survey.manifest ?? '') ? [] : ['        with: { version: latest }'])] : []),
    ...(packageManager === 'bun' ? ['      - uses: oven-sh/setup-bun@v2'] : []),
    '      - uses: actions/setup-node@v4',
    '        with:',
    '          node-version: 22',
    `      - run: ${packageManager === 'yarn' && !survey.isClassicYarn ? 'corepack enable && ' : ''}${installIn(survey)}`,
    `      - run: ${runs('--format github --format markdown=$GITHUB_STEP_SUMMARY')}`,
  ];
  return { file: GITHUB_FILE, text: `${lines.join('\n')}\n`, exists: survey.githubWorkflow };
}

function gitlab(survey: Survey, runs: Runs): Workflow {
  const { below, packageManager } = survey;
  const report = below === '' ? 'gsio.json' : `${below}/gsio.json`;
  const lines = [
    'gsio:',
    `  image: ${packageManager === 'bun' ? 'oven/bun' : 'node:22'}`,
    '  script:',
    ...(below === '' ? [] : [`    - cd ${quoted(below)}`]),
    ...(packageManager === 'pnpm' || packageManager === 'yarn' ? ['    - corepack enable'] : []),
    `    - ${installIn(survey)}`,
    `    - ${runs('--format pretty --format gitlab=gsio.json')}`,
    '  artifacts:',
    '    when: always',
    '    reports:',
    `      codequality: ${JSON.stringify(report)}`,
  ];
  return { file: GITLAB_FILE, text: `${lines.join('\n')}\n`, exists: survey.gitlabFile };
}

function up({ below }: Survey): string {
  return below === '' ? '' : '../'.repeat(below.split('/').length);
}

/** A word of a shell, and of a script in package.json on every system. */
function quoted(word: string): string {
  return /^[\w./@-]+$/.test(word) ? word : JSON.stringify(word);
}
