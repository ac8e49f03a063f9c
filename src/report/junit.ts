/**
 * The report as JUnit XML, for tools that show tests: a suite for each file, a case for each finding.
 *
 * In: a `Report` with files relative to the root of the repository, and which levels fail the check. Out: text that ends with a newline.
 * What does not fail the check is a skipped case. Names hold no line number, so that a tool can follow a case from run to run.
 * A check without findings is one case that passes: some tools take a file without cases for a broken one.
 */
import xmlbuilder, { type XMLElement } from 'xmlbuilder';
import type { Finding, Level, Report } from '../model/finding.ts';
import { oneLine } from './visible.ts';
import { reasonOf } from './words.ts';

export interface JunitOptions {
  readonly fails: (level: Level) => boolean;
}

export function formatJunit(report: Report, { fails }: JunitOptions): string {
  const root = xmlbuilder.create('testsuites', { version: '1.0', encoding: 'UTF-8' });
  addCounts(root, 'gsio', report.findings, fails);
  for (const findings of byFile(report.findings)) {
    const [{ file }] = findings;
    const suite = addCounts(root.ele('testsuite'), oneLine(file), findings, fails);
    const nameOf = namer();
    for (const finding of findings) addCase(suite, nameOf(finding), finding, fails(finding.level));
  }
  if (report.findings.length === 0) addCounts(root.ele('testsuite'), 'gsio', [], fails).ele('testcase', { name: 'nothing found', classname: 'gsio', time: '0' });
  return `${root.end({ pretty: true })}\n`;
}

/** Findings come sorted by file. */
function byFile(findings: readonly Finding[]): (readonly [Finding, ...Finding[]])[] {
  const files: [Finding, ...Finding[]][] = [];
  for (const finding of findings) {
    const last = files.at(-1);
    if (last?.[0].file === finding.file) last.push(finding);
    else files.push([finding]);
  }
  return files;
}

function addCounts(element: XMLElement, name: string, findings: readonly Finding[], fails: (level: Level) => boolean): XMLElement {
  const failures = findings.filter(({ level }) => fails(level)).length;
  const isSuite = element.name === 'testsuite';
  return element.att({ name, tests: Math.max(1, findings.length), failures, errors: 0, ...(isSuite ? { skipped: findings.length - failures } : {}), time: '0' });
}

/** Equal names in a file are told apart by their number. */
function namer(): (finding: Finding) => string {
  const seen = new Map<string, number>();
  return ({ rule, function: holder, target }) => {
    const name = oneLine(`${rule}: ${holder}${target === '' || target === holder ? '' : `, ${target}`}`).replace(/@\d+/g, '');
    const number = (seen.get(name) ?? 0) + 1;
    seen.set(name, number);
    return number === 1 ? name : `${name} (${String(number)})`;
  };
}

function addCase(suite: XMLElement, name: string, finding: Finding, fails: boolean): void {
  const element = suite.ele('testcase', { name, classname: oneLine(finding.file), time: '0' });
  const type = `${finding.level} ${finding.rule}`;
  const message = oneLine(finding.message);
  if (fails) element.ele('failure', { type, message }, textOf(finding));
  else element.ele('skipped', { type, message });
}

function textOf({ file, line, column, message, hint, path }: Finding): string {
  return [
    oneLine(`${file}:${String(line)}:${String(column)}`),
    oneLine(message),
    ...path.map((hop, index) => oneLine(`  ${String(index + 1)}. ${hop.function}  ${hop.file}:${String(hop.line)}  ${reasonOf(hop)}`)),
    ...(hint === '' ? [] : [oneLine(`To fix: ${hint}`)]),
  ].join('\n');
}
