/** Every format takes every rule: its findings are in it, with their place. */
import { describe, expect, test } from 'vitest';
import { rules } from '../../rules/index.ts';
import { FORMATS, render } from '../../src/report/formats.ts';
import type { Finding, Report } from '../../src/model/finding.ts';
import { analyzeFixture, fixturePrograms } from '../support/fixture-programs.ts';
import { OPTIONS } from '../support/reports.ts';
import { junitFaults, reportValidator, sarifValidator } from '../support/schemas.ts';

/** A report of the rule's first bad fixture, with its own findings only. */
function reportOfRule(id: string): Report {
  const programs = fixturePrograms([id]).filter(({ name }) => name.startsWith(`rules/${id}/bad`));
  for (const program of programs) {
    const report = analyzeFixture(program);
    const findings = report.findings.filter(({ rule }) => rule === id);
    // A code host shows ten of a step.
    if (findings.length > 0) return { ...report, findings: findings.slice(0, 9) };
  }
  throw new Error(`No bad fixture of ${id} has a finding of it.`);
}

const sarifFaults = sarifValidator();
const reportFaults = reportValidator();

/** How many findings the text holds, whatever the format. */
const COUNTS: Readonly<Record<(typeof FORMATS)[number], (text: string, id: string) => number>> = {
  pretty: (text, id) => text.match(new RegExp(`^(?:error|warning|info) ${id} `, 'gm'))?.length ?? 0,
  json: (text) => (JSON.parse(text) as { findings: unknown[] }).findings.length,
  sarif: (text) => (JSON.parse(text) as { runs: { results: unknown[] }[] }).runs[0]?.results.length ?? 0,
  github: (text, id) => text.match(new RegExp(`^::.*title=gsio ${id}::`, 'gm'))?.length ?? 0,
  gitlab: (text) => (JSON.parse(text) as unknown[]).length,
  junit: (text, id) => text.match(new RegExp(`<(?:failure|skipped) type="\\w+ ${id}"`, 'g'))?.length ?? 0,
  html: (text, id) => {
    const { rules: texts, findings } = JSON.parse(/<script type="application\/json" id="gsio-data">(.*)<\/script>/.exec(text)?.[1] ?? '') as { rules: { id: string }[]; findings: { rule: number }[] };
    return findings.filter(({ rule }) => texts[rule]?.id === id).length;
  },
  markdown: (text, id) => text.match(new RegExp(`^\\*\\*(?:error|warning|info)\\*\\* \`${id}\``, 'gm'))?.length ?? 0,
};

describe.each(rules.map(({ id }) => id))('%s', (id) => {
  const report = reportOfRule(id);
  const [first] = report.findings as readonly [Finding];

  test.each(FORMATS)('%s', async (format) => {
    const text = render(format, report, OPTIONS);
    expect(COUNTS[format](text, id)).toBe(report.findings.length);
    expect(text).toContain(first.file);
    expect(text).toContain(id);
    if (format === 'sarif') expect(sarifFaults(JSON.parse(text))).toEqual([]);
    if (format === 'json') expect(reportFaults(JSON.parse(text))).toEqual([]);
    if (format === 'junit') expect(await junitFaults(text)).toEqual([]);
  });
});
