/** `gsio init`: what it finds, what it writes, and that nothing of the user's is overwritten; and a newcomer's way from an empty folder. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { gsio } from '../support/command.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const RUNTIME = path.resolve(import.meta.dirname, '../../src/runtime/index.ts');
const TSCONFIG = JSON.stringify({ compilerOptions: { strict: true, target: 'es2022', lib: ['es2022'], module: 'esnext', moduleResolution: 'bundler', allowImportingTsExtensions: true, noEmit: true, types: [], paths: { 'gsio/runtime': [RUNTIME] } } });
const read = (folder: string, file: string): string => fs.readFileSync(path.join(folder, file), 'utf8');
const files = (folder: string): string[] => fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => fs.statSync(path.join(folder, file)).isFile() && !file.startsWith('.git/')).sort();
const DISK = 'export {};\n';

/** A repository, so that the folders above the test do not count. */
function repository(contents: Record<string, string>): string {
  return temporaryFolder({ '.git/HEAD': 'ref: refs/heads/main\n', ...contents });
}

describe('gsio init', () => {
  const contents = { 'tsconfig.json': TSCONFIG, 'disk.ts': DISK, 'package.json': '{\n  "name": "disks",\n  "scripts": {\n    "test": "vitest"\n  },\n  "type": "module"\n}\n' };

  test('writes a configuration, a script and a workflow', async () => {
    const folder = repository(contents);
    const { status, err } = await gsio(folder, ['init', '--yes']);
    expect(status).toBe(0);
    expect(err).toBe('gsio: wrote gsio.config.ts\ngsio: changed package.json\ngsio: wrote .github/workflows/gsio.yml\n\nInstall gsio:\n  npm install --save-dev gsio\n\nCheck:\n  npm run gsio\n');
    expect(read(folder, 'package.json')).toBe('{\n  "name": "disks",\n  "scripts": {\n    "test": "vitest",\n    "gsio": "gsio check"\n  },\n  "type": "module"\n}\n');
    expect(read(folder, '.github/workflows/gsio.yml')).toBe(`name: gsio
on: [push, pull_request]
permissions:
  contents: read
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with:
          node-version: 22
      - run: npm ci
      - run: npm run gsio -- --format github --format markdown=$GITHUB_STEP_SUMMARY
`);
    // The configuration is one that gsio takes.
    expect(await gsio(folder, ['check'])).toMatchObject({ status: 0 });
  });

  test('shows the difference, and writes nothing without a yes', async () => {
    const folder = repository(contents);
    const before = files(folder);
    const shown = await gsio(folder, ['init', '--dry-run']);
    expect(shown).toMatchObject({ status: 0, err: '' });
    expect(shown.out).toContain('--- /dev/null\n+++ b/gsio.config.ts\n@@ -0,0 +1,8 @@\n');
    expect(shown.out).toContain('--- a/package.json\n+++ b/package.json\n');
    expect(shown.out).toContain('+    "gsio": "gsio check"\n');
    expect(await gsio(folder, ['init'])).toMatchObject({ status: 0, out: shown.out, err: 'gsio: Nothing is written; gsio init --yes writes it.\n' });
    expect(files(folder)).toEqual(before);
  });

  test('asks at a terminal', async () => {
    for (const yes of [false, true]) {
      const folder = repository(contents);
      const asked: string[] = [];
      const confirm = (question: string): Promise<boolean> => { asked.push(question); return Promise.resolve(yes); };
      await main(['init'], { out: () => undefined, err: () => undefined, outIsTerminal: true, errIsTerminal: true, env: {}, cwd: folder, now: () => 0, confirm });
      expect(asked).toEqual(['Write this? [y/N] ']);
      expect(files(folder).includes('gsio.config.ts')).toBe(yes);
    }
  });

  test('overwrites nothing, and a second run has nothing to do', async () => {
    const own = { 'gsio.config.json': '{}', '.gitlab-ci.yml': 'test:\n  script: npm test\n', 'eslint.config.mjs': 'export default [];\n', 'package.json': '{ "scripts": { "gsio": "gsio check src" }, "devDependencies": { "gsio": "*" } }' };
    const folder = repository({ ...contents, ...own });
    const { err, out } = await gsio(folder, ['init', '--yes']);
    expect(out).toBe('');
    expect(err).toContain('gsio: Already there, and kept: gsio.config.json, the script gsio of package.json, .gitlab-ci.yml.\ngsio: Everything is set up.\n');
    expect(err).toContain('\nAdd to .gitlab-ci.yml:\n  gsio:\n    image: node:22\n    script:\n      - npm ci\n      - npm run gsio -- --format pretty --format gitlab=gsio.json\n');
    expect(err).toContain('\nTo see findings in the editor, add to eslint.config.mjs:\n');
    expect(err).not.toContain('Install gsio');
    for (const [file, text] of Object.entries(own)) expect(read(folder, file)).toBe(text);

    const fresh = repository(contents);
    await gsio(fresh, ['init', '--yes']);
    const written = files(fresh).map((file) => [file, read(fresh, file)]);
    expect(await gsio(fresh, ['init', '--yes'])).toMatchObject({ out: '', err: expect.stringContaining('Everything is set up.') as string });
    expect(files(fresh).map((file) => [file, read(fresh, file)])).toEqual(written);
  });

  test.each([
    ['{}', '{\n  "scripts": {\n    "gsio": "gsio check"\n  }\n}'],
    ['{ "name": "a", "scripts": { "test": "x" } }\n', '{ "name": "a", "scripts": { "test": "x", "gsio": "gsio check" } }\n'],
    ['\uFEFF{\r\n\t"scripts": {\r\n\t\t"a\\"b": "\\"x\\": {}"\r\n\t}\r\n}\r\n', '\uFEFF{\r\n\t"scripts": {\r\n\t\t"a\\"b": "\\"x\\": {}",\r\n\t\t"gsio": "gsio check"\r\n\t}\r\n}\r\n'],
    ['{\n  "name": "a",\n  "scripts": {}\n}\n', '{\n  "name": "a",\n  "scripts": {\n    "gsio": "gsio check"\n  }\n}\n'],
    ['{\n  "config": { "scripts": { "test": "x" } },\n  "scripts": { "test": "x" }\n}\n', '{\n  "config": {\n    "scripts": {\n      "test": "x"\n    }\n  },\n  "scripts": {\n    "test": "x",\n    "gsio": "gsio check"\n  }\n}\n'],
  ])('adds its script to %j', async (manifest, after) => {
    const folder = repository({ ...contents, 'package.json': manifest });
    await gsio(folder, ['init', '--yes']);
    expect(read(folder, 'package.json')).toBe(after);
  });

  test.each([
    ['pnpm', { 'pnpm-lock.yaml': '' }, ['pnpm/action-setup@v4', 'run: pnpm install --frozen-lockfile', 'run: pnpm run gsio --format github']],
    ['yarn 1', { 'yarn.lock': '' }, ['run: yarn install --frozen-lockfile', 'run: yarn run gsio --format github']],
    ['yarn', { 'yarn.lock': '', '.yarnrc.yml': '' }, ['run: corepack enable && yarn install --immutable']],
    ['bun', { 'bun.lock': '' }, ['oven-sh/setup-bun@v2', 'run: bun install --frozen-lockfile', 'run: bun run gsio --format github']],
    ['what package.json says', { 'package-lock.json': '', 'package.json': '{ "packageManager": "pnpm@9.0.0" }' }, ['run: pnpm install']],
  ])('speaks the language of %s', async (_, lock, words) => {
    const folder = repository({ ...contents, ...lock });
    await gsio(folder, ['init', '--yes']);
    for (const word of words) expect(read(folder, '.github/workflows/gsio.yml')).toContain(word);
  });

  test('names the projects of a monorepo, and belongs to the top of the repository', async () => {
    const folder = repository({
      'app/package.json': '{ "private": true }', 'app/pnpm-workspace.yaml': "packages:\n  # all\n  - 'packages/*' # each\n\n  - \"!packages/old\"\nother:\n  - none\n", 'app/pnpm-lock.yaml': '',
      'app/packages/disk/package.json': '{}', 'app/packages/disk/tsconfig.json': TSCONFIG, 'app/packages/disk/disk.ts': DISK,
      'app/packages/net/package.json': '{}', 'app/packages/net/tsconfig.json': TSCONFIG, 'app/packages/net/net.ts': DISK,
      'app/packages/docs/package.json': '{}', 'app/packages/old/package.json': '{}', 'app/packages/old/tsconfig.json': TSCONFIG, 'app/packages/old/old.ts': DISK,
    });
    const app = path.join(folder, 'app');
    const { err } = await gsio(app, ['init', '--yes', '--ci', 'gitlab']);
    expect(err).toContain('gsio: wrote ../.gitlab-ci.yml\n');
    expect(err).toContain('\nLeft out, as they have no tsconfig.json:\n  packages/docs\n');
    expect((JSON.parse(read(app, 'package.json')) as { scripts: Record<string, string> }).scripts).toEqual({ gsio: 'gsio check --project packages/disk --project packages/net' });
    expect(read(folder, '.gitlab-ci.yml')).toContain('    - cd app\n    - corepack enable\n    - pnpm install --frozen-lockfile\n');
    expect(read(folder, '.gitlab-ci.yml')).toContain('codequality: "app/gsio.json"');
  });

  test('does without package.json, and without continuous integration', async () => {
    const folder = repository({ 'jsconfig.json': TSCONFIG, 'disk.js': DISK });
    expect((await gsio(folder, ['init', '--yes', '--ci', 'none'])).err).toContain('Check:\n  npx gsio check\n');
    expect(files(folder)).toEqual(['disk.js', 'gsio.config.mjs', 'jsconfig.json']);
  });

  test('tells what it cannot work with', async () => {
    expect(await gsio(repository({}), ['init'])).toMatchObject({ status: 2, err: expect.stringContaining('No tsconfig.json was found') as string });
    expect(await gsio(repository({ ...contents, 'package.json': '{' }), ['init'])).toMatchObject({ status: 2, err: expect.stringContaining('package.json is not valid JSON.') as string });
    expect(await gsio(repository({ ...contents, 'gsio-baseline.json': '{}' }), ['init', '--baseline'])).toMatchObject({ status: 2, err: expect.stringContaining('is there already') as string });
    expect(await gsio(repository(contents), ['init', '--ci', 'gitlb'])).toMatchObject({ status: 2, err: expect.stringContaining('did you mean "gitlab"?') as string });
  });
});

describe('a code base with a past', () => {
  const API = "import { GLOBAL_STATE_CODE } from 'gsio/runtime';\n/** @globalState */\nexport function resizeImage(): void {\n  GLOBAL_STATE_CODE();\n}\n/** @globalState */\nexport function closeImage(): void {\n  GLOBAL_STATE_CODE();\n}\n";
  const reads = (name: string, callee = 'resizeImage'): string => `/** @io */\nexport function ${name}(): void {\n  ${callee}();\n}\n`;
  const IMPORT = "import { resizeImage, closeImage } from './api.ts';\n";

  test('is green after init, and red for what is new, swapped, and nothing else', async () => {
    const folder = repository({ 'tsconfig.json': TSCONFIG, 'package.json': '{ "type": "module" }', 'api.ts': API, 'disk.ts': IMPORT + reads('readSector') + reads('writeSector') });
    await gsio(folder, ['init', '--baseline', '--yes']);
    const { scripts } = JSON.parse(read(folder, 'package.json')) as { scripts: { gsio: string } };
    const run = (): ReturnType<typeof gsio> => gsio(folder, scripts.gsio.split(' ').slice(1));
    const edit = (file: string, text: string): void => fs.writeFileSync(path.join(folder, file), text);

    expect(scripts.gsio).toBe('gsio check --baseline gsio-baseline.json');
    expect(await run()).toMatchObject({ status: 0, err: '' });
    edit('disk.ts', IMPORT + reads('readSector') + reads('writeSector', 'closeImage'));
    expect(await run()).toMatchObject({ status: 1, out: expect.stringContaining('calls closeImage') as string, err: expect.stringContaining('no longer occurs') as string });
    edit('disk.ts', `// Moved.\n${IMPORT}${reads('writeSector')}${reads('readSector')}`);
    expect(await run()).toMatchObject({ status: 0, err: '' });
    edit('net.ts', IMPORT + reads('sendPacket'));
    expect(await run()).toMatchObject({ status: 1, out: expect.stringContaining('sendPacket') as string });
    fs.rmSync(path.join(folder, 'net.ts'));
    fs.renameSync(path.join(folder, 'disk.ts'), path.join(folder, 'image.ts'));
    expect(await run()).toMatchObject({ status: 0, err: expect.stringContaining('disk.ts is now image.ts') as string });
  });

  test("a newcomer's way: an empty folder, set up, a first finding, its repair, the gate", async () => {
    const folder = repository({ 'package.json': '{ "type": "module" }', 'tsconfig.json': TSCONFIG, 'disk.ts': '/** @globalState */\nexport function resizeImage(): void {\n}\n' });
    execFileSync('git', ['init', '-q'], { cwd: folder });
    await gsio(folder, ['init', '--yes']);
    expect(await gsio(folder, ['check'])).toMatchObject({ status: 1, out: expect.stringContaining('missing-assertion') as string });
    expect((await gsio(folder, ['fix'])).status).toBe(0);
    expect((await gsio(folder, ['check'])).status).toBe(0);
    fs.appendFileSync(path.join(folder, 'disk.ts'), '/** @io */\nexport function writeSector(): void {\n  resizeImage();\n}\n');
    expect(await gsio(folder, ['check'])).toMatchObject({ status: 1, out: expect.stringContaining('gs-from-io') as string });
  });
});
