/** One process, many edits: what ESLint says of a file is always what a fresh check of the program as it is now says. */
import fs from 'node:fs';
import path from 'node:path';
import { ESLint } from 'eslint';
import compiler, { type Program } from 'typescript';
import tseslint from 'typescript-eslint';
import { describe, expect, it } from 'vitest';
import gsio from '../../src/eslint/index.ts';
import { analyzeFixture, fixturePrograms, textProgram, type FixtureProgram } from '../support/fixture-programs.ts';
import { edited, pick, seeded } from '../support/edits.ts';
import { lintFile, userProgram } from '../support/lint.ts';
import { FILES, FURTHER_FILES } from '../support/small-project.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** An editor with one program after the other; files that are not touched keep their syntax trees. */
class Session {
  fixture: FixtureProgram;
  private program: Program | undefined;

  constructor(fixture: FixtureProgram) {
    this.fixture = fixture;
  }

  edit(file: string, text: string | null): void {
    const files = new Map(this.fixture.files);
    if (text === null) files.delete(file);
    else files.set(file, text);
    this.fixture = { ...this.fixture, files };
  }

  replace(file: string, from: string, to: string): void {
    const text = this.fixture.files.get(file) ?? '';
    expect(text).toContain(from);
    this.edit(file, text.replace(from, to));
  }

  shown(files: Iterable<string> = this.fixture.files.keys()): string[] {
    this.program = userProgram(this.fixture, this.program);
    const { program } = this;
    return [...files].flatMap((file) => lintFile(10, program, this.fixture, file).map(({ line, column, ruleId, message }) => `${file}:${line}:${column} ${ruleId?.slice('gsio/'.length) ?? message}`)).sort();
  }

  fresh(): string[] {
    return analyzeFixture(this.fixture).findings.map(({ file, line, column, rule }) => `${file}:${line}:${column} ${rule}`).sort();
  }
}

const DISK = `import { grow } from './grow.ts';
/** @io */
export function writeSector(): void {
  grow();
}
`;
const GROW = `import { resizeImage } from './image.ts';
export function grow(): void {
  resizeImage();
}
`;
const IMAGE = `import { GLOBAL_STATE_CODE } from 'gsio/runtime';
/** @globalState */
export function resizeImage(): void {
  GLOBAL_STATE_CODE();
}
`;

describe('a session of edits in memory', () => {
  it('follows a tag in another file, a call, a new file, a deletion and an undo', () => {
    const session = new Session(textProgram('session', { 'disk.ts': DISK, 'grow.ts': GROW, 'image.ts': IMAGE }));
    const inGrow = (): string[] => session.shown(['grow.ts']).filter((place) => place.endsWith('gs-from-io'));
    expect(inGrow()).toEqual(['grow.ts:3:3 gs-from-io']);

    session.replace('image.ts', '/** @globalState */', '/** Not yet decided. */');
    session.replace('image.ts', '  GLOBAL_STATE_CODE();\n', '');
    expect(inGrow()).toEqual([]);

    session.edit('image.ts', IMAGE);
    expect(inGrow()).toEqual(['grow.ts:3:3 gs-from-io']);

    session.replace('disk.ts', '/** @io */', '');
    expect(inGrow()).toEqual([]);

    session.edit('discard.ts', "import { grow } from './grow.ts';\n/** @common */\nexport const discard = (): void => grow();\n");
    expect(inGrow()).toEqual(['grow.ts:3:3 gs-from-io']);

    session.edit('discard.ts', null);
    expect(inGrow()).toEqual([]);
    expect(session.shown()).toEqual(session.fresh());
  });

  it('follows names that only the whole project knows: an accessor, an iterator, an assertion, a type seen through others', () => {
    const session = new Session(textProgram('names', {
      'disk.ts': "import type { Queue } from './queue.ts';\n/** @io */\nexport function poll(queue: Queue): number {\n  // assertBigLock();\n  for (const entry of queue.entries) void entry;\n  return queue.depth;\n}\n",
      'queue.ts': "import type { Entries } from './entries.ts';\nexport interface Queue { depth: number; entries: Entries }\n",
      'entries.ts': 'export class Entries { *[Symbol.iterator](): Generator<number> { yield 1; } }\n',
      'lock.ts': 'export function assertBigLock(): void {}\n',
    }));
    const steps: [string, string, string][] = [
      ['entries.ts', '*[Symbol.iterator]', '/** @globalState */ *[Symbol.iterator]'],
      ['queue.ts', 'export interface Queue { depth: number; entries: Entries }', 'export declare class Queue { entries: Entries; /** @globalState */ get depth(): number; }'],
      ['lock.ts', 'export function', '/** @asserts globalState */ export function'],
      ['entries.ts', '/** @globalState */ *', '*'],
      ['queue.ts', '/** @globalState */ get depth', 'get depth'],
      ['lock.ts', '/** @asserts globalState */ ', ''],
    ];
    expect(session.shown()).toEqual(session.fresh());
    const counts = steps.map(([file, from, to]) => {
      session.replace(file, from, to);
      const fresh = session.fresh();
      expect(session.shown(), `${file}: ${to}`).toEqual(fresh);
      return fresh.length;
    });
    expect(new Set(counts).size).toBeGreaterThan(2);
  });

  it('follows declarations that every file sees without importing them', () => {
    const session = new Session(textProgram('global', {
      'disk.ts': 'export {};\n/** @io */\nexport function poll(): void {\n  queue.flush();\n}\n',
      'globals.ts': "import type { Queue } from './queue.ts';\ndeclare global {\n  const queue: Queue;\n}\n",
      'queue.ts': 'export interface Queue {\n  flush(): void;\n}\n',
    }));
    expect(session.shown()).toEqual([]);
    session.replace('queue.ts', '  flush', '  /** @globalState */ flush');
    expect(session.shown()).toEqual(session.fresh());
    expect(session.shown(['disk.ts'])).toHaveLength(1);
  });

  it('agrees with a fresh check after each of a few random edits of a large project', () => {
    const project = fixturePrograms([]).find(({ name }) => name === 'projects/fuse-export/posted');
    if (project === undefined) throw new Error('the project is gone');
    editAtRandom(project, 8, 7);
  });

  it('agrees with a fresh check after each of many random edits, deletions and undos of a small one', () => {
    const files = Object.entries({ ...FILES, ...FURTHER_FILES }).filter(([file]) => file.endsWith('.ts'));
    editAtRandom(textProgram('small', Object.fromEntries(files)), 200, 3);
  });
});

function editAtRandom(project: FixtureProgram, steps: number, seed: number): void {
  const session = new Session(project);
  const random = seeded(seed);
  const counts = new Set<number>();
  for (let step = 0; step < steps; step++) {
    const file = pick([...project.files.keys()], random);
    const original = project.files.get(file) ?? '';
    const text = session.fixture.files.get(file);
    const next = text === undefined ? original : edited(text, original, random);
    // Of broken syntax, the parser speaks before any rule does.
    const isBroken = (compiler.transpileModule(next, { reportDiagnostics: true }).diagnostics ?? []).length > 0;
    const isDeleted = text !== undefined && session.fixture.files.size > 3 && random() < 0.05;
    session.edit(file, isDeleted ? null : isBroken ? text ?? original : next);
    const fresh = session.fresh();
    expect(session.shown(), `edit ${step} in ${file}`).toEqual(fresh);
    counts.add(fresh.length);
  }
  expect(counts.size).toBeGreaterThan(1);
}

describe('a session with the project service', () => {
  it('shows in one buffer what another buffer says, saved or not, and what the configuration says', async () => {
    const folder = temporaryFolder({
      'tsconfig.json': '{ "compilerOptions": { "strict": true, "module": "nodenext", "allowImportingTsExtensions": true, "noEmit": true, "types": [], "moduleDetection": "force" }, "include": ["*.ts"] }',
      'disk.ts': DISK,
      'grow.ts': GROW,
      'image.ts': IMAGE,
    });
    const eslint = new ESLint({
      cwd: folder,
      overrideConfigFile: true,
      overrideConfig: [{ files: ['**/*.ts'], ...gsio.configs.recommended, languageOptions: { parser: tseslint.parser, parserOptions: { projectService: true, tsconfigRootDir: folder, disallowAutomaticSingleRunInference: true } } }],
    });
    const lint = async (file: string, text: string): Promise<string[]> => {
      const results = await eslint.lintText(text, { filePath: path.join(folder, file) });
      return results.flatMap(({ messages }) => messages.map(({ line, ruleId, message }) => `${line} ${ruleId ?? message}`));
    };
    expect(await lint('grow.ts', GROW)).toEqual(['3 gsio/gs-from-io']);
    // Typed into the other buffer, never saved.
    expect(await lint('image.ts', IMAGE.replace('@globalState', '@io').replace('  GLOBAL_STATE_CODE();\n', ''))).toEqual([]);
    expect(await lint('grow.ts', GROW)).toEqual([]);
    await lint('image.ts', IMAGE);
    expect(await lint('grow.ts', GROW)).toEqual(['3 gsio/gs-from-io']);

    fs.writeFileSync(path.join(folder, 'gsio.config.json'), '{ "rules": { "gs-from-io": "off" } }');
    expect(await lint('grow.ts', GROW)).toEqual([]);
    fs.writeFileSync(path.join(folder, 'gsio.config.json'), '{ "rulez": {} }');
    await expect(lint('grow.ts', GROW)).rejects.toThrow(/unknown key "rulez"/);
  });
});
