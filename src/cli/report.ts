/**
 * `gsio report`: the audit as one HTML file, and as JSON beside it.
 *
 * In: options. Out: 0, whatever was found: an audit is no gate.
 * Leaves to others: the page (`report/html`), what stands in it (`engine`).
 */
import path from 'node:path';
import { rules } from '../../rules/index.ts';
import { UsageError } from '../model/errors.ts';
import { auditProjects } from '../project/analyze-projects.ts';
import { formatAuditJson } from '../report/audit-json.ts';
import { formatHtml } from '../report/html/html.ts';
import { compareWith } from '../report/html/trend.ts';
import { counted, verdict } from '../report/words.ts';
import { onProjects, type ProjectOptions } from './on-projects.ts';
import { outputFile, writeOutput } from './output.ts';
import { packageVersion, reportPage, ruleTexts } from './package.ts';
import { readText } from './read-text.ts';
import type { Streams } from './streams.ts';

export interface ReportOptions extends ProjectOptions {
  readonly output?: string;
  readonly compare?: string;
}

const DEFAULT_OUTPUT = 'gsio-report.html';

export async function report(paths: readonly string[], options: ReportOptions, streams: Streams): Promise<0> {
  const written = options.output ?? DEFAULT_OUTPUT;
  const file = outputFile(written, streams.cwd);
  const beside = `${written.replace(/\.html?$/i, '')}.json`;
  const earlier = options.compare === undefined ? undefined : { written: options.compare, text: readEarlier(options.compare, streams.cwd) };
  const { report: made, audit, root } = await onProjects(paths, options, streams, auditProjects);
  const html = formatHtml(made, {
    version: packageVersion(),
    project: path.basename(root),
    rules: ruleTexts(rules),
    template: reportPage(),
    audit,
    trend: earlier === undefined ? null : compareWith(earlier.text, earlier.written, made.findings),
    readSource: (name) => readText(path.resolve(root, name)),
  });
  writeOutput(file, html, written);
  writeOutput(outputFile(beside, streams.cwd), formatAuditJson(made, audit, packageVersion()), beside);
  streams.err(`gsio: ${written} and ${beside}: ${verdict(made)} in ${counted(made.summary.files, 'file')}, ${counted(audit.functions.length, 'function')}.\n`);
  return 0;
}

function readEarlier(written: string, cwd: string): string {
  const text = readText(path.resolve(cwd, written));
  if (text === undefined) throw new UsageError('report-not-found', `The report ${written} cannot be read.`, 'Name the JSON file that gsio report, or gsio check --format json, has written.');
  return text;
}
