/** Properties of whole analyses over generated programs. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/model/finding.ts';
import { analyzeFixture, textProgram } from '../support/fixture-programs.ts';

type Tag = 'globalState' | 'io' | 'ioOrGs' | 'common' | null;

interface Routine {
  readonly tag: Tag;
  /** Indexes of the routines it calls, in order. */
  readonly calls: readonly number[];
}

const ROUTINES = fc.integer({ min: 2, max: 14 }).chain((count) => fc.array(
  fc.record({
    tag: fc.oneof({ weight: 4, arbitrary: fc.constant<Tag>(null) }, { weight: 3, arbitrary: fc.constantFrom<Tag>('globalState', 'io', 'ioOrGs', 'common') }),
    calls: fc.array(fc.nat(count - 1), { maxLength: 4 }),
  }),
  { minLength: count, maxLength: count },
));

/** Spreads the routines over so many files; each file imports what it calls. */
function render(routines: readonly Routine[], fileCount: number): Record<string, string> {
  const fileOf = (index: number): string => `part-${String(index % fileCount)}.ts`;
  const files: Record<string, string> = {};
  for (let part = 0; part < fileCount; part++) {
    const own = routines.map((_, index) => index).filter((index) => index % fileCount === part);
    const foreign = [...new Set(own.flatMap((index) => routines[index]?.calls ?? []))].filter((index) => !own.includes(index)).sort((a, b) => a - b);
    const imports = foreign.map((index) => `import { routine${String(index)} } from './${fileOf(index)}';`);
    const functions = own.map((index) => {
      const { tag, calls } = routines[index] as Routine;
      const body = [...(tag === 'globalState' ? ['GLOBAL_STATE_CODE()'] : []), ...calls.map((call) => `routine${String(call)}()`)];
      return `${tag === null ? '' : `/** @${tag} */\n`}export function routine${String(index)}(): void {\n${body.map((line) => `  ${line};\n`).join('')}}`;
    });
    files[`part-${String(part)}.ts`] = ["import { GLOBAL_STATE_CODE } from 'gsio/runtime';", ...imports, ...functions, ''].join('\n');
  }
  return files;
}

/** What must be found: every call of GS by code that I/O code reaches, with the length of its shortest path. */
function expected(routines: readonly Routine[]): string[] {
  const distance = new Map<number, number>();
  let frontier = routines.map((_, index) => index).filter((index) => !['globalState', null].includes(routines[index]?.tag ?? null));
  for (let steps = 1; frontier.length > 0; steps++) {
    for (const index of frontier) distance.set(index, steps);
    frontier = [...new Set(frontier.flatMap((index) => routines[index]?.calls ?? []))].filter((index) => routines[index]?.tag === null && !distance.has(index));
  }
  return [...distance].flatMap(([index, steps]) => (routines[index]?.calls ?? [])
    .filter((call) => routines[call]?.tag === 'globalState')
    .map((call) => `routine${String(index)} routine${String(call)} ${String(steps + 1)}`)).sort();
}

function summary(findings: readonly Finding[]): string[] {
  return findings.map((finding) => `${finding.function} ${finding.target} ${String(finding.path.length)}`).sort();
}

function analyse(files: Readonly<Record<string, string>>, order?: (files: string[]) => string[]): readonly Finding[] {
  return analyzeFixture(textProgram('generated', files), order).findings.filter((finding) => finding.rule === 'gs-from-io');
}

describe('generated programs', () => {
  it('have just the findings that a search by hand gives, each with a shortest path', () => {
    fc.assert(fc.property(ROUTINES, (routines) => {
      expect(summary(analyse(render(routines, 1)))).toEqual(expected(routines));
    }), { numRuns: 40 });
  });

  it('give the same split over 1, 3 or 30 files', () => {
    fc.assert(fc.property(ROUTINES, (routines) => {
      const whole = summary(analyse(render(routines, 1)));
      expect(summary(analyse(render(routines, 3)))).toEqual(whole);
      expect(summary(analyse(render(routines, 30)))).toEqual(whole);
    }), { numRuns: 8 });
  });

  it('give the same bytes in whatever order the files come', () => {
    fc.assert(fc.property(ROUTINES, fc.infiniteStream(fc.nat()), (routines, keys) => {
      const files = render(routines, 5);
      const shuffled = (names: string[]): string[] => names.map((name) => ({ name, key: keys.next().value as number })).sort((a, b) => a.key - b.key).map(({ name }) => name);
      expect(JSON.stringify(analyse(files, shuffled))).toBe(JSON.stringify(analyse(files)));
    }), { numRuns: 8 });
  });

  it('have paths whose hops are calls that exist', () => {
    fc.assert(fc.property(ROUTINES, (routines) => {
      for (const { path } of analyse(render(routines, 2))) {
        path.slice(1).forEach((hop, index) => {
          const caller = Number(path[index]?.function.slice('routine'.length));
          expect(routines[caller]?.calls.map((call) => `routine${String(call)}`)).toContain(hop.function);
        });
      }
    }), { numRuns: 15 });
  });
});
