/** The published schema of the JSON report fits what gsio prints, and nothing else. */
import { expect, test } from 'vitest';
import { rules } from '../../rules/index.ts';
import { render } from '../../src/report/formats.ts';
import { analyzeFixture, fixturePrograms } from '../support/fixture-programs.ts';
import { finding, hostileFindings, OPTIONS, reportOf } from '../support/reports.ts';
import { reportValidator } from '../support/schemas.ts';

const faults = reportValidator();

test('the reports of all bad fixtures', () => {
  const programs = fixturePrograms(rules.map(({ id }) => id)).filter(({ name }) => /^rules\/[^/]+\/bad/.test(name));
  expect(programs.length).toBeGreaterThanOrEqual(rules.length);
  for (const program of programs) {
    const document: unknown = JSON.parse(render('json', analyzeFixture(program), { ...OPTIONS, unresolved: true }));
    expect(faults(document), program.name).toEqual([]);
  }
});

test('reports with odd names', () => {
  const named = hostileFindings().filter(({ message }) => message !== '');
  expect(faults(JSON.parse(render('json', reportOf(named), OPTIONS)))).toEqual([]);
});

test.each([
  ['a missing key', { ...finding, level: undefined }],
  ['an unknown key', { ...finding, hint: 'x' }],
  ['an unknown level', { ...finding, level: 'fatal' }],
  ['a line before the first', { ...finding, line: 0 }],
])('not %s', (_, broken) => {
  const document = JSON.parse(render('json', reportOf([]), OPTIONS)) as { findings: unknown[] };
  document.findings.push(JSON.parse(JSON.stringify(broken)));
  expect(faults(document)).not.toEqual([]);
});
