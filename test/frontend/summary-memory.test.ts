/** A summary that was kept is the one that would be made now, whatever has been edited elsewhere. */
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { SummaryMemory } from '../../src/frontend/ts/summary-memory.ts';
import { summarizeProgram, type SummarizedFile } from '../../src/frontend/ts/summarize.ts';
import { rules } from '../../rules/index.ts';
import { edited, pick, seeded } from '../support/edits.ts';
import { fixturePrograms, textProgram, type FixtureProgram } from '../support/fixture-programs.ts';
import { userProgram } from '../support/lint.ts';

/** A program that is edited; every state of it is summarised with memory and without. */
class Edited {
  fixture: FixtureProgram;
  private readonly memory = new SummaryMemory();
  private program: ts.Program | undefined;
  private before: readonly SummarizedFile[] = [];

  constructor(fixture: FixtureProgram) {
    this.fixture = fixture;
    this.check('');
  }

  set(file: string, text: string): void {
    this.fixture = { ...this.fixture, files: new Map(this.fixture.files).set(file, text) };
  }

  /** Names of the files whose summaries were kept. */
  check(what: string): string[] {
    this.program = userProgram(this.fixture, this.program);
    const { config, folder } = this.fixture;
    const known = summarizeProgram(ts, this.program, folder, config, this.memory);
    expect(known, what).toEqual(summarizeProgram(ts, this.program, folder, config));
    const kept = known.filter(({ summary }) => this.before.some((file) => file.summary === summary)).map(({ summary }) => summary.file);
    this.before = known;
    return kept;
  }
}

function edit(program: Edited, file: string, from: string, to: string): string[] {
  const text = program.fixture.files.get(file) ?? '';
  expect(text).toContain(from);
  program.set(file, text.replace(from, to));
  return program.check(`${file}: ${to}`);
}

describe('the memory of summaries', () => {
  it('keeps what does not see the edit, and nothing that does', () => {
    const program = new Edited(textProgram('memory', {
      'disk.ts': "import { poll } from './queue.ts';\nexport const read = (): void => poll();\n",
      'queue.ts': "import type { Entry } from './entry.ts';\nexport function poll(entry?: Entry): void { void entry; }\n",
      'entry.ts': 'export interface Entry { size: number }\n',
      'clock.ts': 'export const now = (): number => 0;\n',
    }));
    expect(edit(program, 'clock.ts', '=> 0', '=> 1')).toEqual(['disk.ts', 'entry.ts', 'queue.ts']);
    expect(edit(program, 'entry.ts', 'number', 'string')).toEqual(['clock.ts']);
    expect(edit(program, 'disk.ts', 'poll()', 'poll(undefined)')).toEqual(['clock.ts', 'entry.ts', 'queue.ts']);
  });

  it('keeps what sees an edited body from outside, unless the body tells something', () => {
    const program = new Edited(textProgram('bodies', {
      'disk.ts': "import { Queue, depth, isMain, poll, bus } from './queue.ts';\nexport function read(queue: Queue): void { if (isMain()) queue.flush(poll, depth()); bus.on('full', () => queue.flush(poll, 1)); }\n",
      'queue.ts': [
        "import { EventEmitter } from 'node:events';", "/** @mainThreadCheck */ declare function inMainThread(): boolean;",
        'export class Queue { flush(work: () => void, depth: number): void { work(); void depth; } }', 'export function depth() { return 1; }',
        'export function isMain(): boolean { return inMainThread(); }', 'export function poll(): void { void 2; }', 'export const bus = new EventEmitter();', '',
      ].join('\n'),
    }));
    expect(edit(program, 'queue.ts', 'void depth;', 'for (const each of [depth]) void each;')).toEqual(['disk.ts']);
    expect(edit(program, 'queue.ts', 'void 2;', 'const other = (): void => poll();\n\n  other();')).toEqual(['disk.ts']);
    expect(edit(program, 'queue.ts', 'return 1;', "return '1';")).toEqual([]);
    expect(edit(program, 'queue.ts', 'return inMainThread()', 'return !inMainThread()')).toEqual([]);
    expect(edit(program, 'queue.ts', 'flush(work', '/** @io */ flush(work')).toEqual([]);
    expect(edit(program, 'queue.ts', 'export function poll', 'export const { poll2 } = { poll2: poll };\nexport function poll')).toEqual([]);
    // A pattern is named after its place, and that has moved.
    expect(edit(program, 'queue.ts', 'void each;', 'void [each];')).toEqual([]);
  });

  it('notices what a file takes from others: predicates, constants, inherited tags, inferred types', () => {
    const program = new Edited(textProgram('seen', {
      'disk.ts': "import { inMain, FAST, driver, Base } from './barrel.ts';\nexport class Disk extends Base { flush(): void { if (inMain()) driver.close(FAST); } }\n",
      'barrel.ts': "export * from './main.ts';\n",
      'main.ts': "import { make } from './make.ts';\nexport const inMain = (): boolean => false;\nexport const FAST = true;\nexport const driver = make();\nexport class Base { flush(): void {} }\n",
      'make.ts': 'export const make = () => ({ close(fast: boolean): void { void fast; } });\n',
    }));
    const edits: [string, string, string][] = [
      ['main.ts', 'export const inMain', '/** @mainThreadCheck */ export const inMain'],
      ['main.ts', 'FAST = true', 'FAST = false'],
      ['main.ts', 'flush(): void', '/** @io */ flush(): void'],
      ['make.ts', '({ close(fast: boolean): void { void fast; } })', '({ close: new Map<boolean, () => void>().get })'],
      ['barrel.ts', "export * from './main.ts';", "export const inMain = () => 1, FAST = 2, driver = null as never, Base = Object;"],
    ];
    for (const [file, from, to] of edits) expect(edit(program, file, from, to)).not.toContain('disk.ts');
  });

  it('notices names that have come to matter anywhere in the project', () => {
    const program = new Edited(textProgram('names', {
      'disk.ts': 'export function poll(queue: { depth: number }): unknown {\n  // assertBigLock();\n  const held = queue.depth;\n  return held;\n}\n',
      'queue.ts': 'export interface Queue { size: number }\n',
    }));
    expect(edit(program, 'queue.ts', 'size: number', 'size: number; count: number')).toEqual(['disk.ts']);
    expect(edit(program, 'queue.ts', 'count: number', 'depth: () => void')).toEqual([]);
    expect(edit(program, 'queue.ts', 'size: number', 'length: number')).toEqual(['disk.ts']);
    expect(edit(program, 'queue.ts', 'export', '/** @asserts globalState */ export declare function assertBigLock(): void;\nexport')).toEqual([]);
  });

  it('notices scripts, augmentations, and files that come and go', () => {
    const program = new Edited(textProgram('global', {
      'disk.ts': 'export const poll = (): void => queue.flush();\n',
      'globals.ts': "import type { Queue } from './queue.ts';\ndeclare global { const queue: Queue; }\n",
      'queue.ts': "export interface Queue { flush(): void }\n",
    }));
    expect(edit(program, 'queue.ts', 'flush(): void', 'flush: (() => void) & { fast?: true }')).toEqual([]);
    program.set('clock.ts', 'export const now = 0;\n');
    expect(program.check('clock.ts came')).toEqual(['disk.ts', 'globals.ts', 'queue.ts']);
  });

  const programs = fixturePrograms(rules.map((rule) => rule.id)).filter(({ files }) => files.size > 1);
  it('is right after each of many random edits, on all fixtures of several files', () => {
    const random = seeded(3);
    let kept = 0;
    for (const fixture of programs) {
      const program = new Edited(fixture);
      const edits = Math.min(fixture.files.size, Number(process.env['GSIO_EDITS'] ?? 6));
      for (let step = 0; step < edits; step++) {
        const file = pick([...fixture.files.keys()], random);
        program.set(file, edited(program.fixture.files.get(file) ?? '', fixture.files.get(file) ?? '', random));
        kept += program.check(`${fixture.name}, edit ${step} in ${file}`).length;
      }
    }
    expect(kept).toBeGreaterThan(programs.length);
  });
});
