/** ESLint says of every fixture what the command says: the same rules at the same places. */
import { describe, expect, it } from 'vitest';
import { rules } from '../../rules/index.ts';
import gsio from '../../src/eslint/index.ts';
import { analyzeFixture, fixturePrograms } from '../support/fixture-programs.ts';
import { lintFile, userProgram, type Version } from '../support/lint.ts';

const VERSIONS: readonly Version[] = [9, 10];

/** ESLint itself complains of disable comments for rules that do not exist; that is no rule of ours. */
const isOurs = (rule: string | null): boolean => rule !== null && Object.hasOwn(gsio.rules, rule.replace(/^gsio\//, ''));

describe.each(fixturePrograms(rules.map((rule) => rule.id)).map((fixture) => [fixture.name, fixture] as const))('%s', (_, fixture) => {
  it('is judged alike by the command, ESLint 9 and ESLint 10', () => {
    const said = analyzeFixture(fixture).findings.map(({ file, line, column, endLine, endColumn, rule }) => `${file}:${line}:${column}-${endLine}:${endColumn} gsio/${rule}`).sort();
    const program = userProgram(fixture);
    for (const version of VERSIONS) {
      const shown = [...fixture.files.keys()].flatMap((file) => lintFile(version, program, fixture, file)
        .filter(({ ruleId, fatal }) => fatal === true || isOurs(ruleId))
        .map(({ line, column, endLine, endColumn, ruleId, message }) => `${file}:${line}:${column}-${endLine}:${endColumn} ${ruleId ?? message}`)).sort();
      expect(shown, `ESLint ${version}`).toEqual(said);
    }
  });
});
