/** What the command prints, and with which status it ends. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { gsio } from '../support/command.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const TSCONFIG = '{ "compilerOptions": { "strict": true, "types": [], "lib": ["es2022"], "target": "es2022", "module": "esnext", "moduleResolution": "bundler" } }';
const BAD = `/** @globalState */
declare function resizeImage(): void;

/** @io */
export function readSector(): void {
  resizeImage();
}
`;
const GOOD = BAD.replace('@io', '@globalState').replace('declare function resizeImage(): void', '');
const WARNED = `/** @io */
export function readSector(): number {
  return 0; // gsio-allow gs-from-io -- it was so once
}
`;

const project = (files: Record<string, string>): string => temporaryFolder({ 'tsconfig.json': TSCONFIG, ...files });

describe('exit status', () => {
  test('0 when nothing was found', async () => {
    expect(await gsio(project({ 'disk.ts': 'export const size = 1;' }), ['check'])).toMatchObject({ status: 0, err: '' });
  });

  test('1 with findings', async () => {
    const { status, out, err } = await gsio(project({ 'disk.ts': BAD }), ['check']);
    expect(status).toBe(1);
    expect(out).toContain('error gs-from-io disk.ts:6:3');
    expect(err).toBe('');
  });

  test('warnings pass, up to --max-warnings', async () => {
    const folder = project({ 'disk.ts': WARNED });
    expect((await gsio(folder, ['check'])).status).toBe(0);
    expect((await gsio(folder, ['check', '--max-warnings', '1'])).status).toBe(0);
    expect(await gsio(folder, ['check', '--max-warnings', '0'])).toMatchObject({ status: 1, err: 'gsio: 1 warning, and --max-warnings allows 0.\n' });
  });

  test('the level that fails is the user’s choice', async () => {
    const folder = project({ 'disk.ts': WARNED });
    expect((await gsio(folder, ['check', '--fail-on', 'error'])).status).toBe(0);
    expect(await gsio(folder, ['check', '--fail-on', 'warning'])).toMatchObject({ status: 1, err: '' });
    expect((await gsio(folder, ['check', '--fail-on', 'info'])).status).toBe(1);
    const softened = project({ 'disk.ts': BAD, 'gsio.config.json': '{ "rules": { "gs-from-io": "info" } }' });
    expect((await gsio(softened, ['check', '--fail-on', 'warning'])).status).toBe(0);
    expect((await gsio(softened, ['check', '--fail-on', 'info'])).status).toBe(1);
  });

  test.each([
    ['no command', [], 'No command was given.'],
    ['an unknown command', ['chekc'], 'Unknown command "chekc"; did you mean "check"?'],
    ['an unknown option', ['check', '--fromat', 'json'], 'Unknown option "--fromat"; did you mean "--format"?'],
    ['an option before the command', ['--formt'], 'Unknown option "--formt"; did you mean'],
    ['an option of a later version', ['check', '--compile-commands', 'a.json'], 'The option --compile-commands is not available in this version.'],
    ['watching for a file', ['check', '--watch', '--format', 'json'], '--watch prints to the terminal, as pretty.'],
    ['watching and writing a baseline', ['check', '--watch', '--update-baseline'], '--watch writes no baseline.'],
    ['an option without its value', ['check', '--config'], "Option '-c, --config <file>' argument missing."],
    ['an unknown format', ['check', '--format', 'jsn'], 'Unknown format "jsn"; did you mean "json"?'],
    ['two formats for the terminal', ['check', '--format', 'json', '--format', 'sarif'], 'Only one format can go to the terminal, not json and sarif.'],
    ['two formats for one file', ['check', '--format', 'json=a.out', '--format', 'sarif=./a.out'], 'Two formats go to the file ./a.out.'],
    ['a format with no file after =', ['check', '--format', 'sarif='], '--format sarif= names no file.'],
    ['an output that no format goes to', ['check', '--format', 'sarif=a.sarif', '--output', 'b.txt'], 'With --output, one format must come without a file.'],
    ['a format for a file in no folder', ['check', '--format', 'sarif=none/a.sarif'], 'The folder of the output none/a.sarif does not exist.'],
    ['an unknown level', ['check', '--fail-on', 'warn'], 'Unknown level "warn"; did you mean "warning"?'],
    ['a limit that is no number', ['check', '--max-warnings', 'many'], '--max-warnings needs a whole number of 0 or more, not "many".'],
    ['a project that is not there', ['check', '--project', 'none'], 'The project none does not exist.'],
    ['a configuration that is not there', ['check', '--config', 'none.json'], 'The configuration file none.json does not exist.'],
    ['a path that matches nothing', ['check', 'none.ts'], 'The path none.ts matches no file of the project.'],
    ['an output in no folder', ['check', '--output', 'none/report.json'], 'The folder of the output none/report.json does not exist.'],
    ['an output that is a folder', ['check', '--output', '.'], 'The output . is a folder.'],
    ['an unknown rule', ['explain', 'gs-form-io'], 'Unknown rule "gs-form-io"; did you mean "gs-from-io"?'],
  ])('2 for %s, in one sentence', async (_, words, message) => {
    const { status, out, err } = await gsio(project({ 'disk.ts': BAD }), words);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toMatch(/^gsio: [^\n]+\n {2}[^\n]+\n$/);
    expect(err).toContain(message);
  });

  test('2 for a project with errors', async () => {
    const broken = await gsio(project({ 'disk.ts': 'function (' }), ['check']);
    expect(broken).toMatchObject({ status: 2, out: '' });
    expect(broken.err).toContain('disk.ts:1:10 is not valid TypeScript');
    const configured = await gsio(project({ 'disk.ts': BAD, 'gsio.config.json': '{ "rules": { "gs-form-io": "off" } }' }), ['check']);
    expect(configured.err).toContain('gsio.config.json: unknown rule "gs-form-io" in "rules"; did you mean "gs-from-io"?');
  });
});

describe('what is printed', () => {
  test('the version and the help, which fits a screen', async () => {
    expect((await gsio('.', ['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    for (const words of [['--help'], ['check', '--help'], ['help'], ['help', 'check'], ['explain', '-h'], ['classify', '-h'], ['graph', '-h'], ['why', '-h'], ['trace', '-h'], ['recall', '-h'], ['lsp', '-h']]) {
      const { status, out } = await gsio('.', words);
      expect(status).toBe(0);
      expect(out.split('\n').length).toBeLessThan(25);
      expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThan(101);
    }
    expect((await gsio('.', ['check', '--help'])).out).toContain('Example:');
  });

  test('the page of a rule', async () => {
    for (const id of ['gs-from-io', 'gsio/gs-from-io']) {
      expect(await gsio('.', ['explain', id])).toMatchObject({ status: 0, out: expect.stringContaining('# gs-from-io') as string });
    }
  });

  test('colours on a terminal only, and not with NO_COLOR or --no-color', async () => {
    const folder = project({ 'disk.ts': BAD });
    const coloured = async (words: string[], terminal: boolean, env: Record<string, string>): Promise<boolean> =>
      (await gsio(folder, ['check', ...words], { terminal, env })).out.includes('\u001b[');
    expect(await coloured([], true, {})).toBe(true);
    expect(await coloured([], false, {})).toBe(false);
    expect(await coloured([], true, { NO_COLOR: '1' })).toBe(false);
    expect(await coloured([], true, { NO_COLOR: '' })).toBe(true);
    expect(await coloured(['--no-color'], true, {})).toBe(false);
    expect(await coloured([], true, { TERM: 'dumb' })).toBe(false);
    expect(await coloured([], false, { FORCE_COLOR: '1' })).toBe(true);
    expect(await coloured(['--format', 'json'], true, {})).toBe(false);
  });

  test('progress on a terminal only', async () => {
    const folder = project({ 'disk.ts': BAD });
    expect((await gsio(folder, ['check'], { terminal: true })).err).toContain('Analysing tsconfig.json, files: 1');
    expect((await gsio(folder, ['check'])).err).toBe('');
  });

  test('to a file where asked to', async () => {
    const folder = project({ 'disk.ts': BAD });
    expect(await gsio(folder, ['check', '--format', 'json', '--output', 'report.json'])).toEqual({ status: 1, out: '', err: '' });
    expect(JSON.parse(fs.readFileSync(path.join(folder, 'report.json'), 'utf8'))).toMatchObject({ schemaVersion: 1 });
  });

  test('in several formats at once, each to its place', async () => {
    const folder = project({ 'disk.ts': BAD });
    const { status, out, err } = await gsio(folder, ['check', '--format', 'sarif=report.sarif', '--format', 'github', '-f', 'junit=report.xml']);
    expect({ status, err }).toEqual({ status: 1, err: '' });
    expect(out).toContain('::error file=disk.ts,line=6,');
    expect(fs.readFileSync(path.join(folder, 'report.sarif'), 'utf8')).toContain('"2.1.0"');
    expect(fs.readFileSync(path.join(folder, 'report.xml'), 'utf8')).toContain('<testsuites');
    expect(await gsio(folder, ['check', '-f', 'json=a.json', '-f', 'gitlab', '-o', 'b.json'])).toEqual({ status: 1, out: '', err: '' });
    expect(JSON.parse(fs.readFileSync(path.join(folder, 'a.json'), 'utf8'))).toMatchObject({ schemaVersion: 1 });
    expect(JSON.parse(fs.readFileSync(path.join(folder, 'b.json'), 'utf8'))).toMatchObject([{ check_name: 'gs-from-io' }]);
  });

  test('files named from the root of the repository, where a code host looks for them', async () => {
    const folder = temporaryFolder({ '.git/HEAD': '', 'packages/disk/tsconfig.json': TSCONFIG, 'packages/disk/disk.ts': BAD });
    expect((await gsio(path.join(folder, 'packages/disk'), ['check', '--format', 'github'])).out).toContain('file=packages/disk/disk.ts,');
    fs.rmSync(path.join(folder, '.git'), { recursive: true });
    expect((await gsio(folder, ['check', '-p', 'packages/disk', '--format', 'github'])).out).toContain('file=packages/disk/disk.ts,');
    expect((await gsio(folder, ['check', '-p', 'packages/disk', '--format', 'json'])).out).toContain('"file": "disk.ts"');
  });

  test('the same bytes twice', async () => {
    const folder = project({ 'disk.ts': BAD, 'other.ts': BAD });
    const words = ['check', '--format', 'json', '--unresolved'];
    expect((await gsio(folder, words)).out).toBe((await gsio(folder, words)).out);
  });
});

describe('what is analysed', () => {
  const files = { 'src/a.ts': BAD, 'src/b.ts': BAD, 'src/c.test.ts': BAD };
  const foundIn = async (folder: string, ...words: string[]): Promise<string[]> => {
    const { out } = await gsio(folder, ['check', '--format', 'json', ...words]);
    return (JSON.parse(out) as { findings: { file: string }[] }).findings.map((finding) => finding.file);
  };

  test('PATHS choose what is reported', async () => {
    const folder = project(files);
    expect(await foundIn(folder)).toEqual(['src/a.ts', 'src/b.ts', 'src/c.test.ts']);
    expect(await foundIn(folder, 'src/b.ts', 'src/*.test.ts')).toEqual(['src/b.ts', 'src/c.test.ts']);
  });

  test('the configuration counts, found or named', async () => {
    const folder = project({ ...files, 'gsio.config.mjs': `export default { exclude: ['**/*.test.ts'] };`, 'off.json': '{ "rules": { "gs-from-io": "off" } }' });
    expect(await foundIn(folder)).toEqual(['src/a.ts', 'src/b.ts']);
    expect(await foundIn(folder, '--config', 'off.json')).toEqual([]);
  });

  test('several projects at once, each with its configuration, relative to their common folder', async () => {
    const folder = temporaryFolder({
      'disk/tsconfig.json': TSCONFIG, 'disk/a.ts': BAD, 'disk/gen/x.ts': BAD, 'disk/gsio.config.json': '{ "exclude": ["gen"] }',
      'net/tsconfig.json': TSCONFIG, 'net/a.ts': BAD, 'net/gen/x.ts': BAD,
    });
    expect(await foundIn(folder, '--project', 'net', '--project', 'disk')).toEqual(['disk/a.ts', 'net/a.ts', 'net/gen/x.ts']);
    expect(await foundIn(folder, '--project', 'disk', '-p', 'net', 'net/gen')).toEqual(['net/gen/x.ts']);
  });

  test('JavaScript where the project allows it', async () => {
    const script = `/** @globalState */\nfunction resizeImage() { GLOBAL_STATE_CODE(); }\nfunction GLOBAL_STATE_CODE() {}\n\n/** @io */\nexport function readSector() {\n  resizeImage();\n}\n`;
    const folder = temporaryFolder({ 'tsconfig.json': TSCONFIG.replace('"strict": true', '"allowJs": true'), 'disk.js': script });
    expect(await foundIn(folder)).toContain('disk.js');
  });

  test('a repaired program passes', async () => {
    expect((await gsio(project({ 'disk.ts': GOOD }), ['check', '--format', 'json'])).out).not.toContain('"gs-from-io"');
  });
});
