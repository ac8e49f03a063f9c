/** The gate of a code base with a past: a baseline for what is known, and findings of a change only. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDiff } from '../../src/cli/changes.ts';
import { FORMATS } from '../../src/report/formats.ts';
import { gsio, type Outcome } from '../support/command.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const TSCONFIG = '{ "compilerOptions": { "strict": true, "types": [], "lib": ["es2022"], "target": "es2022", "module": "esnext", "moduleResolution": "bundler" } }';
const API = '/** @globalState */\nexport declare function resizeImage(): void;\n/** @globalState */\nexport declare function closeImage(): void;\n';
const IMPORT = "import { resizeImage, closeImage } from './api.ts';\n";
const reads = (name: string, callee = 'resizeImage'): string => `/** @io */\nexport function ${name}(): void {\n  ${callee}();\n}\n`;

function project(files: Record<string, string>): string {
  return temporaryFolder({ 'tsconfig.json': TSCONFIG.replace('"strict"', '"allowImportingTsExtensions": true, "noEmit": true, "strict"'), 'api.ts': API, ...files });
}

const edit = (folder: string, file: string, text: string): void => fs.writeFileSync(path.join(folder, file), text);
const check = (folder: string, ...words: string[]): Promise<Outcome> => gsio(folder, ['check', '--format', 'json', ...words]);
const places = ({ out }: Outcome): string[] =>
  (JSON.parse(out) as { findings: { file: string; function: string; target: string }[] }).findings.map((found) => `${found.file} ${found.function} ${found.target}`);

describe('a baseline', () => {
  const BASELINE = ['--baseline', 'gsio-baseline.json'];
  const started = async (): Promise<string> => {
    const folder = project({ 'disk.ts': IMPORT + reads('readSector') + reads('writeSector') });
    expect((await check(folder)).status).toBe(1);
    expect(await gsio(folder, ['check', '--update-baseline'])).toMatchObject({
      status: 0, err: 'gsio: The baseline gsio-baseline.json holds 2 findings (2 added, 0 removed).\n',
      out: expect.stringContaining('Nothing found in 2 files, beside 2 known findings in the baseline: ') as string,
    });
    return folder;
  };

  test('makes a code base with findings pass', async () => {
    const folder = await started();
    expect(await check(folder, ...BASELINE)).toMatchObject({ status: 0, err: '' });
    expect(places(await check(folder, ...BASELINE))).toEqual([]);
  });

  test('does not let a new finding pass', async () => {
    const folder = await started();
    edit(folder, 'net.ts', IMPORT + reads('sendPacket'));
    const outcome = await check(folder, ...BASELINE);
    expect(outcome).toMatchObject({ status: 1, err: '' });
    expect(places(outcome)).toEqual(['net.ts sendPacket resizeImage']);
  });

  test('does not mind lines that move, nor functions that change places', async () => {
    const folder = await started();
    edit(folder, 'disk.ts', `// A comment.\n\n${IMPORT}${reads('writeSector')}\n\n${reads('readSector')}`);
    expect(await check(folder, ...BASELINE)).toMatchObject({ status: 0, err: '' });
  });

  test('does not let one finding take the place of another', async () => {
    const folder = await started();
    edit(folder, 'disk.ts', IMPORT + reads('readSector') + reads('writeSector', 'closeImage'));
    const outcome = await check(folder, ...BASELINE);
    expect(places(outcome)).toEqual(['disk.ts writeSector closeImage']);
    expect(outcome).toMatchObject({
      status: 1,
      err: 'gsio: 1 entry of the baseline gsio-baseline.json no longer occurs; --prune-baseline removes it.\n  gs-from-io in writeSector (disk.ts)\n',
    });
  });

  test('follows a renamed file', async () => {
    const folder = await started();
    fs.renameSync(path.join(folder, 'disk.ts'), path.join(folder, 'image.ts'));
    expect(await check(folder, ...BASELINE)).toMatchObject({
      status: 0, err: 'gsio: 2 entries of the baseline gsio-baseline.json moved with a renamed file; --prune-baseline writes the new name.\n  disk.ts is now image.ts\n',
    });
    expect((await check(folder, '--prune-baseline')).status).toBe(0);
    expect(await check(folder, ...BASELINE)).toMatchObject({ status: 0, err: '' });
  });

  test('is told of what was repaired, and pruned on demand, without taking in what is new', async () => {
    const folder = await started();
    edit(folder, 'disk.ts', IMPORT + reads('readSector') + reads('flushDisk'));
    expect(await check(folder, ...BASELINE, '--prune-baseline')).toMatchObject({
      status: 1, err: 'gsio: The baseline gsio-baseline.json holds 1 finding (0 added, 1 removed).\n',
    });
    const outcome = await check(folder, ...BASELINE);
    expect(outcome).toMatchObject({ status: 1, err: '' });
    expect(places(outcome)).toEqual(['disk.ts flushDisk resizeImage']);
  });

  test('says nothing of files that PATHS leave out, and keeps their entries', async () => {
    const folder = await started();
    edit(folder, 'net.ts', IMPORT + reads('sendPacket'));
    expect(await check(folder, ...BASELINE, '--update-baseline', 'net.ts')).toMatchObject({ status: 0, err: 'gsio: The baseline gsio-baseline.json holds 3 findings (1 added, 0 removed).\n' });
    edit(folder, 'net.ts', 'export {};');
    expect((await check(folder, ...BASELINE, 'disk.ts')).err).toBe('');
    expect((await check(folder, ...BASELINE, 'net.ts')).err).toContain('1 entry');
  });

  test('is the same file for the same findings', async () => {
    const folder = await started();
    const first = fs.readFileSync(path.join(folder, 'gsio-baseline.json'), 'utf8');
    await check(folder, '--update-baseline');
    expect(fs.readFileSync(path.join(folder, 'gsio-baseline.json'), 'utf8')).toBe(first);
    expect(first).toMatch(/^ {4}\{"rule":"gs-from-io","file":"disk\.ts","function":"readSector","target":"resizeImage","fingerprint":"[0-9a-f]{16}"\},$/m);
  });

  test.each(FORMATS)('works with waivers in the format %s', async (format) => {
    const folder = project({ 'disk.ts': IMPORT + reads('readSector') + reads('writeSector') + reads('flushDisk') });
    await check(folder, '--update-baseline', 'disk.ts');
    edit(folder, 'disk.ts', IMPORT + reads('readSector') + reads('writeSector').replace('();\n}', '(); // gsio-allow gs-from-io -- the lock is held\n}') + reads('flushDisk') + reads('newcomer'));
    const { status, out, err } = await gsio(folder, ['check', ...BASELINE, '--format', format]);
    expect(status).toBe(1);
    expect(err).toContain('1 entry');
    expect(out).toContain('newcomer');
    for (const name of ['readSector', 'writeSector', 'flushDisk']) expect(out).not.toContain(`${name} is`);
  });

  test.each([
    ['a file that is not there', ['--baseline', 'none.json'], 'The baseline none.json does not exist.'],
    ['a file that is none', ['--baseline', 'tsconfig.json'], 'The baseline tsconfig.json is not one that gsio wrote'],
    ['nothing to prune', ['--prune-baseline'], 'The baseline gsio-baseline.json does not exist.'],
    ['a file in no folder', ['--update-baseline', '--baseline', 'none/b.json'], 'The folder of the output none/b.json does not exist.'],
    ['an update of a part', ['--update-baseline', '--since', 'HEAD'], '--update-baseline takes all findings, and --since only some.'],
  ])('2 for %s', async (_, words, message) => {
    const { status, out, err } = await check(project({}), ...words);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toMatch(/^gsio: [^\n]+\n {2}[^\n]+\n$/);
    expect(err).toContain(message);
  });
});

describe('since a revision', () => {
  const git = (folder: string, ...words: string[]): void => {
    execFileSync('git', ['-c', 'user.name=Test', '-c', 'user.email=test@localhost', ...words], { cwd: folder, stdio: 'pipe' });
  };
  const repository = (files: Record<string, string>): string => {
    const folder = project(files);
    git(folder, 'init', '-q');
    git(folder, 'add', '-A');
    git(folder, 'commit', '-qm', 'first');
    return folder;
  };
  const since = async (folder: string, ...words: string[]): Promise<string[]> => places(await check(folder, '--since', 'HEAD', ...words));
  const disk = IMPORT + reads('readSector') + reads('writeSector');

  test('nothing where nothing changed, and what changed where something did', async () => {
    const folder = repository({ 'disk.ts': disk });
    expect(await check(folder, '--since', 'HEAD')).toMatchObject({ status: 0, err: '' });
    edit(folder, 'disk.ts', disk.replace('writeSector(): void {\n  resize', 'writeSector(): void {\n  // Grow.\n  resize'));
    expect(await since(folder)).toEqual(['disk.ts writeSector resizeImage']);
    git(folder, 'commit', '-qam', 'second');
    expect(await since(folder)).toEqual([]);
    expect(places(await check(folder, '--since', 'HEAD~1'))).toEqual(['disk.ts writeSector resizeImage']);
    expect((await gsio(folder, ['check', '--since', 'HEAD~1'])).out).toContain('1 error since HEAD~1 in 2 files');
  });

  test('a hop of the path counts as well as the call, in whatever file', async () => {
    const folder = repository({
      'grow.ts': `${IMPORT}export function grow(): void {\n  resizeImage();\n}\n`,
      'disk.ts': "import { grow } from './grow.ts';\nexport function readSector(): void {\n  grow();\n}\n",
    });
    edit(folder, 'disk.ts', "import { grow } from './grow.ts';\n/** @io */\nexport function readSector(): void {\n  grow();\n}\n");
    expect(await since(folder)).toEqual(['grow.ts grow resizeImage']);
  });

  test('a check that is gone is a change of the call below it', async () => {
    const guarded = `${IMPORT}/** @mainThreadCheck */\ndeclare function inMain(): boolean;\n/** @io */\nexport function readSector(): void {\n  if (!inMain()) return;\n  resizeImage();\n}\n`;
    const folder = repository({ 'disk.ts': guarded });
    edit(folder, 'disk.ts', guarded.replace('  if (!inMain()) return;\n', ''));
    expect(await since(folder)).toEqual(['disk.ts readSector resizeImage']);
  });

  test('untracked files are new, ignored ones are not, and a renamed one is the old one', async () => {
    const folder = repository({ 'disk.ts': disk, '.gitignore': 'generated.ts\n', 'sub/.keep': '' });
    git(folder, 'mv', 'disk.ts', 'image.ts');
    edit(folder, 'generated.ts', IMPORT + reads('readGenerated'));
    edit(folder, 'ünïcode "quoted".ts', IMPORT + reads('sendPacket'));
    expect(await since(folder)).toEqual(['ünïcode "quoted".ts sendPacket resizeImage']);
    git(folder, 'add', '-A');
    expect(await since(folder)).toEqual(['ünïcode "quoted".ts sendPacket resizeImage']);
  });

  test('in a project below the root of the repository, whatever git is set to', async () => {
    const folder = temporaryFolder({ 'README.md': 'x', 'packages/disk/tsconfig.json': TSCONFIG, 'packages/disk/disk.ts': 'export {};\n' });
    git(folder, 'init', '-q');
    git(folder, 'add', '-A');
    git(folder, 'commit', '-qm', 'first');
    for (const [key, value] of [['diff.noprefix', 'true'], ['color.ui', 'always'], ['diff.relative', 'true'], ['diff.mnemonicPrefix', 'true'], ['diff.context', '9']]) git(folder, 'config', key ?? '', value ?? '');
    edit(folder, 'packages/disk/disk.ts', `/** @globalState */\ndeclare function resizeImage(): void;\n${reads('readSector')}`);
    expect(await since(path.join(folder, 'packages/disk'))).toEqual(['disk.ts readSector resizeImage']);
    expect(await since(folder, '--project', 'packages/disk')).toEqual(['disk.ts readSector resizeImage']);
  });

  test('together with a baseline', async () => {
    const folder = repository({ 'disk.ts': disk });
    await check(folder, '--update-baseline');
    edit(folder, 'net.ts', IMPORT + reads('sendPacket'));
    edit(folder, 'disk.ts', disk.replaceAll('resizeImage();', 'resizeImage(); // Grow.'));
    expect(await since(folder)).toHaveLength(3);
    expect(await since(folder, '--baseline', 'gsio-baseline.json')).toEqual(['net.ts sendPacket resizeImage']);
  });

  test('2 where there is no repository or no such revision', async () => {
    const outside = await check(project({}), '--since', 'HEAD');
    expect(outside).toMatchObject({ status: 2, out: '' });
    expect(outside.err).toMatch(/^gsio: --since needs a git repository[^\n]+\n {2}git says: [^\n]+\n$/);
    const folder = repository({});
    for (const revision of ['nonsense', '--output=x', '', 'HEAD..HEAD']) {
      const { status, err } = await check(folder, `--since=${revision}`);
      expect({ status, err: err.split('\n')[0] }).toEqual({ status: 2, err: `gsio: git knows no revision "${revision}".` });
    }
  });
});

test('lines of source that look like headers of a diff are none', () => {
  const diff = 'diff --git a/a.ts b/a.ts\n--- a/a.ts\n+++ b/a.ts\n@@ -3 +3,2 @@ class A\n--- a/old.ts\n+++ b/new.ts\n+@@ -1 +1 @@\n@@ -9,2 +10,0 @@\n-x\n-y\n\\ No newline at end of file\n'
    + 'diff --git a/gone.ts b/gone.ts\n--- a/gone.ts\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-x\n-y\ndiff --git "a/t\\tab.ts" "b/t\\tab.ts"\n--- "a/t\\tab.ts"\n+++ "b/t\\tab.ts"\n@@ -1 +1 @@\n-x\n+y\n';
  expect([...parseDiff(diff)]).toEqual([['a.ts', [{ first: 3, last: 4 }, { first: 10, last: 11 }]], ['t\tab.ts', [{ first: 1, last: 1 }]]]);
});
