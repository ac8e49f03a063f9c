/** Every fixture says in comments which findings it has; nothing more and nothing less must be found. */
import { describe, expect, it } from 'vitest';
import { rules } from '../rules/index.ts';
import { analyzeFixture, expectedPlaces, fixturePrograms, foundPlaces } from './support/fixture-programs.ts';

const programs = fixturePrograms(rules.map((rule) => rule.id));

describe('fixtures', () => {
  it.each(programs.map((program) => [program.name, program] as const))('%s', (_name, program) => {
    expect(foundPlaces(program, analyzeFixture(program).findings)).toEqual(expectedPlaces(program));
  });
});

describe('the result is the same', () => {
  const several = programs.filter((program) => program.files.size > 1);

  it.each(several.map((program) => [program.name, program] as const))('in whatever order the files come: %s', (_name, program) => {
    const { findings } = analyzeFixture(program);
    expect(analyzeFixture(program, (files) => [...files].reverse()).findings).toEqual(findings);
  });

  it('byte for byte in two runs', () => {
    const program = programs.find(({ name }) => name === 'rules/gs-from-io/bad.ts');
    if (program === undefined) throw new Error('the fixture is gone');
    const run = (): string => JSON.stringify({ ...analyzeFixture(program), summary: null });
    expect(run()).toBe(run());
  });
});
