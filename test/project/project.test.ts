import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ProjectError, UsageError } from '../../src/model/errors.ts';
import { ts } from '../../src/project/compiler.ts';
import { findProjects } from '../../src/project/find-projects.ts';
import { loadProgram } from '../../src/project/load-program.ts';
import { PathFilter } from '../../src/project/path-filter.ts';
import { commonFolder, relativePath } from '../../src/project/paths.ts';
import { placeConfig } from '../../src/project/place-config.ts';
import { defaultConfig } from '../../src/model/config.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const STRICT = '{ "compilerOptions": { "strict": true, "types": [], "lib": ["es2022"], "module": "esnext", "moduleResolution": "bundler" } }';

function problem(work: () => unknown): ProjectError {
  try {
    work();
  } catch (error) {
    if (error instanceof ProjectError) return error;
    throw error;
  }
  throw new Error('expected a ProjectError');
}

function ownFiles(folder: string, ...projects: string[]): string[][] {
  const found = findProjects(projects, folder);
  return found.projects.map((project) => [...loadProgram(project, found.root, []).ownFiles].map((file) => relativePath(found.root, file)).sort());
}

describe('which project', () => {
  test('the nearest tsconfig.json from the current folder upward', () => {
    const folder = temporaryFolder({ 'tsconfig.json': STRICT, 'src/deep/disk.ts': 'export {};' });
    const found = findProjects([], path.join(folder, 'src/deep'));
    expect(found.root).toBe(folder);
    expect(found.projects.map((project) => project.configFile)).toEqual([`${folder}/tsconfig.json`]);
  });

  test('files and folders by name, relative to their common folder', () => {
    const folder = temporaryFolder({
      'packages/disk/tsconfig.json': STRICT, 'packages/disk/a.ts': '',
      'packages/net/tsconfig.build.json': STRICT, 'packages/net/b.ts': '',
    });
    expect(findProjects(['packages/disk', 'packages/net/tsconfig.build.json'], folder).root).toBe(`${folder}/packages`);
    expect(ownFiles(folder, 'packages/disk', 'packages/net/tsconfig.build.json')).toEqual([['disk/a.ts'], ['net/b.ts']]);
    expect(ownFiles(folder, 'packages/disk')).toEqual([['a.ts']]);
  });

  test.each([
    ['none at all', {}, [], 'No tsconfig.json was found in the current folder or above it.'],
    ['a name without a file', {}, ['none.json'], 'The project none.json does not exist.'],
    ['a folder without one', { 'src/a.ts': '' }, ['src'], 'The folder src has no tsconfig.json.'],
    ['broken JSON', { 'tsconfig.json': '{ "include": ["src"' }, [], "tsconfig.json:1:20 is not a valid project configuration: ']' expected"],
    ['a wrong value', { 'tsconfig.json': '{ "compilerOptions": { "module": "nope" } }', 'a.ts': '' }, [], 'tsconfig.json:1:34 is not a valid project configuration'],
    ['a missing base', { 'tsconfig.json': '{ "extends": "./base.json" }', 'a.ts': '' }, [], 'tsconfig.json is not a valid project configuration: Cannot read file'],
    ['no files', { 'tsconfig.json': '{ "include": ["src"] }' }, [], 'tsconfig.json matches no files.'],
    ['an empty list', { 'tsconfig.json': '{ "files": [] }' }, [], 'tsconfig.json matches no files.'],
    ['a file that is not there', { 'tsconfig.json': '{ "files": ["a.ts", "b.ts"] }', 'a.ts': '' }, [], 'tsconfig.json lists b.ts, which does not exist.'],
    ['a reference that is not there', { 'tsconfig.json': '{ "files": [], "references": [{ "path": "disk" }] }' }, [], 'tsconfig.json refers to disk/tsconfig.json, which does not exist.'],
  ])('%s is one sentence', (_, files, projects, expected) => {
    const error = problem(() => findProjects(projects, temporaryFolder(files)));
    expect(error.message).toContain(expected);
    expect(error.message).not.toContain('\n');
    expect(error.hint).not.toBe('');
  });

  test('an option of a newer compiler, and types that are not installed, do no harm', () => {
    const folder = temporaryFolder({ 'tsconfig.json': '{ "compilerOptions": { "zigzagMode": true, "types": ["node", "none"] } }', 'a.ts': 'none();' });
    expect(ownFiles(folder)).toEqual([['a.ts']]);
  });
});

describe('which files', () => {
  test('those of the project and what they import, without packages and JSON', () => {
    const folder = temporaryFolder({
      'app/tsconfig.json': '{ "compilerOptions": { "allowJs": true, "resolveJsonModule": true, "module": "nodenext" }, "files": ["main.ts"] }',
      'app/main.ts': `import '../shared/log.ts'; import './old.js'; import 'disk'; import sizes from './sizes.json' with { type: 'json' };`,
      'app/old.js': 'export {};',
      'app/sizes.json': '{}',
      'shared/log.ts': 'export {};',
      'node_modules/disk/package.json': '{ "name": "disk", "main": "index.js", "types": "index.d.ts" }',
      'node_modules/disk/index.d.ts': 'export {};',
    });
    expect(ownFiles(folder, 'app')).toEqual([['../shared/log.ts', 'main.ts', 'old.js']]);
  });

  test('not those of another project, though they are imported', () => {
    const folder = temporaryFolder({
      'app/tsconfig.json': '{ "files": ["main.ts"] }',
      'app/main.ts': `import '../disk/src/disk'; import './parts/log';`,
      'app/parts/log.ts': 'export {};',
      'disk/tsconfig.json': STRICT,
      'disk/src/disk.ts': 'export {};',
    });
    expect(ownFiles(folder, 'app')).toEqual([['main.ts', 'parts/log.ts']]);
  });

  test('syntax errors are told with their place and number', () => {
    const folder = temporaryFolder({ 'tsconfig.json': STRICT, 'src/a.ts': 'export {};\nconst a = (;\nconst b = ];', 'src/b.ts': 'let x: = 3;' });
    const error = problem(() => ownFiles(folder));
    expect(error.message).toBe('src/a.ts:2:12 is not valid TypeScript: Expression expected (and 2 other syntax errors).');
  });

  test('types in JavaScript are no syntax errors', () => {
    const folder = temporaryFolder({ 'tsconfig.json': '{ "compilerOptions": { "allowJs": true } }', 'a.js': 'let size: number = 3;' });
    expect(ownFiles(folder)).toEqual([['a.js']]);
  });

  test('source nested too deeply for the compiler is told', () => {
    const folder = temporaryFolder({ 'tsconfig.json': STRICT, 'deep.ts': `${'('.repeat(200_000)}1${')'.repeat(200_000)};` });
    expect(problem(() => ownFiles(folder)).message).toBe('deep.ts is nested too deeply to be analysed.');
  });
});

test('the standard library is there, though nothing is installed', () => {
  const folder = temporaryFolder({ 'tsconfig.json': STRICT, 'a.ts': 'export const sizes: number[] = [1].map((size) => size + 1);' });
  const [project] = findProjects([], folder).projects;
  if (project === undefined) throw new Error('no project');
  const { program, ownFiles } = loadProgram(project, folder, []);
  expect(ownFiles.size).toBe(1);
  expect(ts.getPreEmitDiagnostics(program).map((diagnostic) => diagnostic.messageText)).toEqual([]);
});

test('comments of a package are read where they hold tags', () => {
  const folder = temporaryFolder({
    'tsconfig.json': STRICT,
    'a.ts': `import 'tagged'; import 'untagged'; import 'renamed';`,
    ...Object.fromEntries([['tagged', '@globalState'], ['untagged', '@deprecated'], ['renamed', '@mainOnly']].flatMap(([name = '', tag = '']) => [
      [`node_modules/${name}/package.json`, `{ "name": "${name}", "types": "index.d.ts" }`],
      [`node_modules/${name}/index.d.ts`, `/** ${tag} */\nexport declare function f(): void;`],
    ])),
  });
  const [project] = findProjects([], folder).projects;
  if (project === undefined) throw new Error('no project');
  const { program } = loadProgram(project, folder, ['mainOnly']);
  const tags = (name: string): string[] => {
    const statement = program.getSourceFile(`${folder}/node_modules/${name}/index.d.ts`)?.statements[0];
    return statement === undefined ? ['missing'] : ts.getJSDocTags(statement).map((tag) => tag.tagName.text);
  };
  expect([tags('tagged'), tags('untagged'), tags('renamed')]).toEqual([['globalState'], [], ['mainOnly']]);
});

describe('project references', () => {
  const files = {
    'tsconfig.json': '{ "files": [], "references": [{ "path": "disk" }, { "path": "export" }] }',
    'disk/tsconfig.json': '{ "compilerOptions": { "composite": true, "outDir": "../out/disk", "rootDir": "." } }',
    'disk/src/disk.ts': '/** @globalState */\nexport function resizeImage(): void {}\n',
    'disk/package.json': '{ "name": "disk", "main": "../out/disk/src/disk.js", "types": "../out/disk/src/disk.d.ts" }',
    'export/tsconfig.json': '{ "compilerOptions": { "composite": true, "outDir": "../out/export", "rootDir": "." }, "references": [{ "path": "../disk" }] }',
    'export/src/main.ts': `import { resizeImage } from '../../disk/src/disk';\nresizeImage();\n`,
  };

  test('a configuration that only lists others stands for those, and each has its own files', () => {
    expect(ownFiles(temporaryFolder(files))).toEqual([['disk/src/disk.ts'], ['export/src/main.ts']]);
  });

  test('without "files" too, where all files belong to the others', () => {
    const folder = temporaryFolder({ ...files, 'tsconfig.json': '{ "references": [{ "path": "disk" }, { "path": "export" }] }' });
    expect(ownFiles(folder)).toEqual([['disk/src/disk.ts'], ['export/src/main.ts']]);
  });

  test('a call into a referenced project leads to its source, though nothing was built', () => {
    const folder = temporaryFolder(files);
    const found = findProjects(['export'], folder);
    const [project] = found.projects;
    if (project === undefined) throw new Error('no project');
    const { program } = loadProgram(project, found.root, []);
    const main = program.getSourceFile(`${folder}/export/src/main.ts`);
    const call = main?.statements[1];
    if (call === undefined || !ts.isExpressionStatement(call) || !ts.isCallExpression(call.expression)) throw new Error('no call');
    const declaration = program.getTypeChecker().getResolvedSignature(call.expression)?.declaration;
    expect(declaration?.getSourceFile().fileName).toBe(`${folder}/disk/src/disk.ts`);
  });

  test('references in a circle end', () => {
    const folder = temporaryFolder({
      'a/tsconfig.json': '{ "files": [], "references": [{ "path": "../b" }] }',
      'b/tsconfig.json': '{ "files": [], "references": [{ "path": "../a" }] }',
    });
    expect(problem(() => ownFiles(folder, 'a')).message).toContain('matches no files');
  });
});

describe('paths', () => {
  const select = (folder: string, ...paths: string[]): string[] => {
    const filter = new PathFilter(paths, folder);
    const files = new Set(['src/disk.ts', 'src/io/read.ts', 'src/io/read.test.ts'].map((file) => `${folder}/${file}`));
    const selected = [...filter.select(files)].map((file) => relativePath(folder, file));
    filter.rejectUnmatched();
    return selected;
  };
  const files = { 'src/disk.ts': '', 'src/io/read.ts': '', 'src/io/read.test.ts': '', 'notes/[a].md': '' };

  test('are files, folders and globs', () => {
    const folder = temporaryFolder(files);
    expect(select(folder)).toHaveLength(3);
    expect(select(folder, 'src/disk.ts')).toEqual(['src/disk.ts']);
    expect(select(folder, 'src/io/')).toEqual(['src/io/read.ts', 'src/io/read.test.ts']);
    expect(select(folder, '.')).toHaveLength(3);
    expect(select(folder, './src/*.ts')).toEqual(['src/disk.ts']);
    expect(select(folder, `${folder}/**/*.test.ts`)).toEqual(['src/io/read.test.ts']);
  });

  test('without a file are an error', () => {
    const folder = temporaryFolder(files);
    for (const wrong of ['src/dsk.ts', 'lib', 'notes/[a].md', '*.md', 'src/i']) {
      expect(() => select(folder, 'src/disk.ts', wrong), wrong).toThrow(UsageError);
    }
  });

  test('the common folder', () => {
    expect(commonFolder(['/a/b/c'])).toBe('/a/b/c');
    expect(commonFolder(['/a/b', '/a/bc'])).toBe('/a');
    expect(commonFolder(['/a', '/a/b'])).toBe('/a');
    expect(commonFolder(['/a', '/b'])).toBe('/');
  });
});

test('the patterns of a project among several move with it', () => {
  const config = placeConfig({ ...defaultConfig, exclude: ['src/gen', '**/*.gen.ts'], overrides: [{ files: ['./test', '**/*.test.ts'], rules: { 'gs-from-io': 'off' } }], models: [{ module: 'src/x.ts', name: 'a' }, { module: 'node:fs', name: 'b' }] }, 'packages/disk');
  expect(config.exclude).toEqual(['packages/disk/src/gen', '**/*.gen.ts']);
  expect(config.overrides).toEqual([{ files: ['packages/disk/test', '**/*.test.ts'], rules: { 'gs-from-io': 'off' } }]);
  expect(config.models.map((model) => model.module)).toEqual(['src/x.ts', 'packages/disk/src/x.ts', 'node:fs']);
});
