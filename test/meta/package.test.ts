/** The package as a user gets it: packed, installed into an empty project, imported, run. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rules } from '../../rules/index.ts';
import { ts } from '../../src/project/compiler.ts';
import { createSourceHost } from '../../src/project/source-host.ts';

const repository = path.resolve(import.meta.dirname, '../..');
let folder = '';

function run(command: string, ...words: string[]): string {
  return execFileSync(command, words, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function write(name: string, text: string): void {
  fs.writeFileSync(path.join(folder, name), text);
}

beforeAll(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'gsio-package-')));
  // `npm test` has built it; building again would disturb tests that run the built command.
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: repository, stdio: 'pipe' });
  const tarball = fs.readdirSync(folder).find((name) => name.endsWith('.tgz'));
  write('package.json', '{ "name": "user", "private": true, "type": "module" }');
  run('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', `./${tarball ?? ''}`);
});

afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

describe('the packed package', () => {
  const DISK = `import { IO_CODE } from 'gsio/runtime';\n\n/** @globalState */\ndeclare function resizeImage(): void;\n\n/** @io */\nexport function readSector(): void {\n  IO_CODE();\n  resizeImage();\n}\n`;

  test('brings the command', () => {
    expect(run('npx', 'gsio', '--version').trim()).toBe((JSON.parse(fs.readFileSync(path.join(repository, 'package.json'), 'utf8')) as { version: string }).version);
    expect(run('npx', 'gsio', 'explain', 'gs-from-io')).toContain('# gs-from-io');
  });

  test('brings the library, the errors and the runtime', () => {
    write('use.mjs', `
      import { analyze, defineConfig, ProjectError } from 'gsio';
      import { GLOBAL_STATE_CODE, IO_CODE, IO_OR_GS_CODE, inMainThread } from 'gsio/runtime';
      const error = await analyze({ cwd: '/' }).catch((reason) => reason);
      console.log(typeof analyze, typeof defineConfig, error instanceof ProjectError, error.code, error.hint !== '');
      console.log(typeof GLOBAL_STATE_CODE, typeof IO_CODE, typeof IO_OR_GS_CODE, typeof inMainThread);
    `);
    expect(run('node', 'use.mjs')).toBe('function function true project-not-found true\nfunction function function function\n');
  });

  test('brings the block layer', () => {
    write('block.mjs', `
      import { bdrvCloseAll, bdrvInit, blkGetlength, blkNewOpen, blkUnref, BLK_PERM_ALL, iothreadNew, runIn } from 'gsio/block';
      import { ContextViolation } from 'gsio/runtime';
      bdrvInit();
      const disk = await blkNewOpen(null, null, { driver: 'null-co', size: 65536 }, 0);
      console.log(await blkGetlength(disk), BLK_PERM_ALL);
      const refused = await runIn(iothreadNew('io').thread, () => blkUnref(disk)).catch((reason) => reason);
      console.log(refused instanceof ContextViolation, refused.function);
      await blkUnref(disk);
      await bdrvCloseAll();
    `);
    expect(run('node', 'block.mjs')).toBe('65536 31\ntrue blkUnref\n');
  });

  test('brings the ESLint plugin, for modules of both kinds and without ESLint', () => {
    write('plugin.mjs', "import gsio from 'gsio/eslint'; console.log(gsio.meta.name, Object.keys(gsio.configs).join());");
    write('plugin.cjs', "const { default: gsio } = require('gsio/eslint'); console.log(gsio.meta.name, Object.keys(gsio.rules).length);");
    expect(run('node', 'plugin.mjs')).toBe('gsio recommended,strict,all\n');
    expect(run('node', '--no-warnings', 'plugin.cjs')).toBe(`gsio ${String(rules.length)}\n`);
  });

  test('analyses, with a configuration in TypeScript', () => {
    write('tsconfig.json', '{ "compilerOptions": { "strict": true, "module": "nodenext", "types": [] }, "files": ["disk.ts"] }');
    write('disk.ts', DISK);
    write('gsio.config.ts', `import { defineConfig } from 'gsio';\nexport default defineConfig({ rules: { 'gs-from-io': 'warning' } });\n`);
    const report = JSON.parse(run('npx', 'gsio', 'check', '--format', 'json')) as { findings: { rule: string; level: string; line: number }[] };
    expect(report.findings).toMatchObject([{ rule: 'gs-from-io', level: 'warning', line: 9 }]);
  });

  test('brings the page of the report', () => {
    run('npx', 'gsio', 'report', '--project', 'tsconfig.json');
    expect(fs.readFileSync(path.join(folder, 'gsio-report.html'), 'utf8')).toMatch(/^<!doctype html>[^]*id="gsio-data">[^]*<script>[^]{20000}/);
  });

  test('has types that need no other package', () => {
    write('types.ts', `
      import { analyze, defineConfig, type Finding, type Report, type UserConfig } from 'gsio';
      import { bdrvRegister, blkNewOpen, type BlockBackend, type BlockDriver } from 'gsio/block';
      import { GLOBAL_STATE_CODE } from 'gsio/runtime';
      const config: UserConfig = defineConfig({ rules: { 'gs-from-io': 'off' }, models: [{ module: 'node:fs', name: '*Sync', blocking: true }] });
      // @ts-expect-error a key that does not exist
      defineConfig({ rulez: {} });
      const report: Report = await analyze({ project: ['a', 'b'], paths: ['src'], config });
      export const first: Finding | undefined = report.findings[0];
      GLOBAL_STATE_CODE();
      const driver: BlockDriver = { formatName: 'mine', bdrvGetlength: () => Promise.resolve(0) };
      bdrvRegister(driver);
      export const disk: BlockBackend = await blkNewOpen(null, null, { driver: 'mine' }, 0);
    `);
    const options = {
      strict: true, exactOptionalPropertyTypes: true, noEmit: true, types: [], target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext,
    };
    const program = ts.createProgram([path.join(folder, 'types.ts')], options, createSourceHost(options));
    expect(ts.getPreEmitDiagnostics(program).map((diagnostic) => ts.flattenDiagnosticMessageText(diagnostic.messageText, ' '))).toEqual([]);
    const read = program.getSourceFiles().map((file) => path.relative(folder, file.fileName)).filter((file) => !file.includes('lib.'));
    expect(read.filter((file) => file.includes('node_modules') && !file.includes('node_modules/gsio/'))).toEqual([]);
  });

  test('holds the schema of its report', () => {
    write('schema.mjs', `import schema from 'gsio/schemas/report.schema.json' with { type: 'json' };\nconsole.log(schema.title);`);
    expect(run('node', '--no-warnings', 'schema.mjs').trim()).toBe('The report of gsio');
  });

  test('holds the pages of all rules, and neither tests nor sources', () => {
    const files = fs.readdirSync(path.join(folder, 'node_modules/gsio'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((file) => /^rules\/[^/]+\/README\.md$/.test(file))).toHaveLength(rules.length);
    expect(files).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'CHANGELOG.md']));
    expect(files.filter((file) => /(^|\/)(test|fixtures)\//.test(file) || (file.endsWith('.ts') && !file.endsWith('.d.ts')))).toEqual([]);
  });
});

describe('the repository', () => {
  test('its lock file pins every package and names no address', () => {
    const lock = fs.readFileSync(path.join(repository, 'package-lock.json'), 'utf8');
    expect(lock).not.toContain('"resolved"');
    expect(lock).toContain('"integrity"');
  });

  test('its peers are optional and of any version', () => {
    const manifest = JSON.parse(fs.readFileSync(path.join(repository, 'package.json'), 'utf8')) as {
      peerDependencies: Record<string, string>; peerDependenciesMeta: Record<string, { optional: boolean }>;
    };
    for (const [name, range] of Object.entries(manifest.peerDependencies)) {
      expect([name, range, manifest.peerDependenciesMeta[name]?.optional]).toEqual([name, '*', true]);
    }
  });
});
