/** The plugin itself: what it says of its rules, its configurations, and what it says where types are missing. */
import fs from 'node:fs';
import path from 'node:path';
import { ESLint, Linter } from 'eslint';
import { defineConfig } from 'eslint/config';
import { ESLint as ESLint9 } from 'eslint9';
import tseslint from 'typescript-eslint';
import { describe, expect, it } from 'vitest';
import { rules } from '../../rules/index.ts';
import gsio from '../../src/eslint/index.ts';
import { messageOf } from '../../src/eslint/message.ts';
import { analyzeFixture, fixturePrograms, textProgram } from '../support/fixture-programs.ts';
import { lintFile, userProgram } from '../support/lint.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const repository = path.resolve(import.meta.dirname, '../..');
const { version } = JSON.parse(fs.readFileSync(path.join(repository, 'package.json'), 'utf8')) as { version: string };

describe('the plugin', () => {
  it('names itself', () => {
    expect(gsio.meta).toEqual({ name: 'gsio', version, namespace: 'gsio' });
  });

  it('has every rule, with its page, its sentence and no options but one', () => {
    expect(Object.keys(gsio.rules)).toEqual(rules.map((rule) => rule.id));
    for (const rule of rules) {
      const meta = gsio.rules[rule.id]?.meta;
      expect(meta?.docs.url).toBe(`https://unpkg.com/gsio@${version}/rules/${rule.id}/README.md`);
      expect(`${meta?.docs.description ?? ''}.`).toBe(rule.title);
      expect(meta?.type).toBe(rule.level === 'info' ? 'suggestion' : 'problem');
      expect(Array.isArray(meta?.schema) ? meta.schema.length : null).toBe(rule.id === 'unused-waiver' ? 1 : 0);
    }
  });

  it('has configurations made from the levels of the rules', () => {
    const severities = (name: 'recommended' | 'strict' | 'all'): unknown[] => rules.map(({ id }) => [gsio.configs[name].rules[`gsio/${id}`]].flat()[0]);
    expect(severities('recommended')).toEqual(rules.map(({ level }) => ({ error: 'error', warning: 'warn', info: 'off' })[level]));
    expect(severities('strict')).toEqual(rules.map(({ level }) => ({ error: 'error', warning: 'error', info: 'off' })[level]));
    expect(severities('all')).toEqual(rules.map(({ level }) => ({ error: 'error', warning: 'warn', info: 'warn' })[level]));
    for (const preset of Object.values(gsio.configs)) expect(preset.plugins['gsio']).toBe(gsio);
    expect(defineConfig([gsio.configs.strict, { files: ['**/*.ts'], plugins: { gsio }, extends: ['gsio/recommended'] }])).toHaveLength(3);
  });
});

describe('a message', () => {
  it('tells the way where it is longer than one call, and what to do', () => {
    const posted = fixturePrograms([]).find(({ name }) => name === 'projects/fuse-export/posted');
    const messages = posted === undefined ? [] : analyzeFixture(posted).findings.map(messageOf);
    expect(messages.some((message) => message.includes('The way there: fuseSetattr → fuseDoTruncate → blkSetPerm.'))).toBe(true);
    for (const message of messages) expect(message).toMatch(/^[^\n]+[.:]?$/);
  });

  it('cuts a long way in the middle', () => {
    const names = Array.from({ length: 12 }, (_, index) => `step${index}`);
    const [finding] = analyzeFixture(textProgram('long', {
      'disk.ts': `/** @globalState */ declare function resize(): void;\n${names.map((name, index) => `function ${name}(): void { ${names[index + 1] ?? 'resize'}(); }`).join('\n')}\n/** @io */ export function write(): void { step0(); }\n`,
    })).findings.filter(({ rule }) => rule === 'gs-from-io');
    expect(finding === undefined ? '' : messageOf(finding)).toContain('The way there: write → step0 → step1 → (8 more) → step10 → step11 → resize.');
  });
});

describe('disable comments', () => {
  const fixture = textProgram('disabled', {
    'disk.ts': '/** @globalState */ declare function resize(): void;\n/** @io */ export function write(): void {\n  resize(); // eslint-disable-line gsio/gs-from-io\n  resize(); // eslint-disable-line\n  resize(); // gsio-allow gs-from-io -- measured\n}\n',
  });

  it('are obeyed, and counted, by ESLint', () => {
    const program = userProgram(fixture);
    const linter = new Linter({ cwd: fixture.folder });
    const filename = path.join(fixture.folder, 'disk.ts');
    const messages = linter.verify(fixture.files.get('disk.ts') ?? '', {
      ...gsio.configs.recommended,
      files: ['**/*.ts'],
      languageOptions: { parser: tseslint.parser, parserOptions: { programs: [program] } },
      linterOptions: { reportUnusedDisableDirectives: 'error' },
    }, { filename });
    expect(messages).toEqual([]);
    const suppressed = (linter as Linter & { getSuppressedMessages(): Linter.LintMessage[] }).getSuppressedMessages();
    expect(suppressed.map(({ line, ruleId }) => `${line} ${ruleId ?? ''}`)).toEqual(['3 gsio/gs-from-io', '4 gsio/gs-from-io']);
  });
});

describe('where something is missing', () => {
  const files = { 'tsconfig.json': '{ "compilerOptions": { "types": [] } }', 'disk.ts': 'export const size = 1;\n', 'disk.js': 'export const size = 1;\n' };
  const message = async (parserOptions: object, file = 'disk.ts', Engine: typeof ESLint = ESLint): Promise<string> => {
    const folder = temporaryFolder(files);
    const parser = file.endsWith('.ts') ? { parser: tseslint.parser, parserOptions: { tsconfigRootDir: folder, ...parserOptions } } : {};
    const eslint = new Engine({ cwd: folder, overrideConfigFile: true, overrideConfig: [{ files: ['**/*.ts', '**/*.js'], ...gsio.configs.recommended, languageOptions: parser }] });
    const error: unknown = await eslint.lintFiles(file).then(() => null, (reason: unknown) => reason);
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'no error';
  };

  it.each([['ESLint 10', ESLint], ['ESLint 9', ESLint9 as unknown as typeof ESLint]])('says in one sentence that types are: %s', async (_, Engine) => {
    expect(await message({}, 'disk.ts', Engine)).toMatch(/gsio\/assertion-mismatch needs types, and there are none for disk\.ts: use the parser of typescript-eslint with languageOptions\.parserOptions\.projectService set to true, .+\.$/);
    expect(await message({}, 'disk.js', Engine)).toContain('there are none for disk.js');
  });

  it('says in one sentence that comments are', async () => {
    expect(await message({ projectService: true, jsDocParsingMode: 'none' })).toContain("set languageOptions.parserOptions.jsDocParsingMode to 'all'");
    expect(await message({ project: true })).toBe('no error');
  });

  it('says what is wrong with its settings', () => {
    const fixture = { ...textProgram('settings', { 'disk.ts': 'export {};\n' }), config: { rulez: {} } as never };
    expect(() => lintFile(10, userProgram(fixture), fixture, 'disk.ts')).toThrow(/settings\.gsio: unknown key "rulez"/);
  });
});
