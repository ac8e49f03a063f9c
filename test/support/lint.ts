/** Programs linted as an editor would: the parser of typescript-eslint, programs in memory, ESLint 9 or 10. */
import path from 'node:path';
import { Linter } from 'eslint';
import { Linter as Linter9 } from 'eslint9';
import ts from 'typescript';
import tseslint from 'typescript-eslint';
import gsio from '../../src/eslint/index.ts';
import { FIXTURES, parseTsconfig, type FixtureProgram } from './fixture-programs.ts';

const NEEDS_NODE = /\bnode:|\b(?:console|process|setTimeout|setInterval|setImmediate|queueMicrotask|Buffer|AbortSignal|EventTarget|URL)\b/;

/** Files of libraries serve every program with the same target and module settings. */
const parsed = new Map<string, ts.SourceFile | undefined>();

/** A program made by the compiler that typescript-eslint works with. Files named in `unchanged` keep their objects. */
export function userProgram({ folder, files, tsconfig }: FixtureProgram, unchanged?: ts.Program): ts.Program {
  const base = parseTsconfig(tsconfig ?? path.join(FIXTURES, 'tsconfig.json')).options;
  const needsNode = [...files.values()].some((text) => NEEDS_NODE.test(text));
  // Without a tsconfig.json, names are relative to the linter's folder, as those of the fixture are.
  const options = { ...base, configFilePath: undefined, types: needsNode ? ['node'] : [] } as unknown as ts.CompilerOptions;
  const host = ts.createCompilerHost(options);
  const texts = new Map([...files].map(([file, text]) => [path.join(folder, file), text]));
  const folders = new Set([folder, ...[...texts.keys()].map((file) => path.dirname(file))]);
  return ts.createProgram({
    rootNames: [...texts.keys()],
    options,
    host: {
      ...host,
      fileExists: (file) => texts.has(file) || host.fileExists(file),
      readFile: (file) => texts.get(file) ?? host.readFile(file),
      directoryExists: (name) => folders.has(name) || (host.directoryExists?.(name) ?? true),
      realpath: (file) => (texts.has(file) ? file : host.realpath?.(file) ?? file),
      getSourceFile: (file, settings) => {
        const text = texts.get(file);
        if (text !== undefined) {
          const known = unchanged?.getSourceFile(file);
          return known?.text === text ? known : ts.createSourceFile(file, text, settings, true);
        }
        const key = JSON.stringify([file, typeof settings === 'object' ? [settings.languageVersion, settings.impliedNodeFormat] : settings]);
        if (!parsed.has(key)) parsed.set(key, host.getSourceFile(file, settings));
        return parsed.get(key);
      },
    },
    ...(unchanged === undefined ? {} : { oldProgram: unchanged }),
  });
}

const linters = { 9: Linter9 as unknown as typeof Linter, 10: Linter };
export type Version = keyof typeof linters;

/** What ESLint says of one file of a program. */
export function lintFile(version: Version, program: ts.Program, fixture: FixtureProgram, file: string, rules: Linter.RulesRecord = gsio.configs.all.rules): Linter.LintMessage[] {
  const linter = new linters[version]({ cwd: fixture.folder });
  const filename = path.join(fixture.folder, file);
  return linter.verify(fixture.files.get(file) ?? '', {
    files: ['**/*.{ts,tsx,mts,cts,js,jsx,mjs,cjs}'],
    plugins: { gsio },
    languageOptions: { parser: tseslint.parser, parserOptions: { programs: [program] } },
    linterOptions: { reportUnusedDisableDirectives: 'off' },
    settings: { gsio: fixture.config },
    rules,
  }, { filename });
}
