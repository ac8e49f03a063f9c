/**
 * `gsio check`: analyses, prints, and says whether the check passed.
 *
 * In: the parsed options. Out: 0, or 1 for findings that fail the check. Errors of the user are thrown.
 * Leaves to others: parsing arguments (`program.ts`), the exit code of errors (`main.ts`).
 */
import fs from 'node:fs';
import path from 'node:path';
import { rules } from '../../rules/index.ts';
import { UsageError } from '../model/errors.ts';
import type { Report } from '../model/finding.ts';
import { analyzeProjects } from '../project/analyze-projects.ts';
import { formatJson } from '../report/json.ts';
import { formatPretty } from '../report/pretty.ts';
import { oneOf } from './choice.ts';
import { outputFile, writeOutput } from './output.ts';
import { packageVersion } from './package.ts';
import { Progress } from './progress.ts';
import { wantsColour, type Streams } from './streams.ts';

export interface CheckOptions {
  readonly project?: readonly string[];
  readonly config?: string;
  readonly format?: string;
  readonly output?: string;
  readonly maxWarnings?: string;
  readonly color: boolean;
  readonly unresolved?: true;
}

const FORMATS = ['pretty', 'json'] as const;
const LATER_FORMATS = ['sarif', 'github', 'gitlab', 'junit', 'markdown', 'html'];

export async function check(paths: readonly string[], options: CheckOptions, streams: Streams): Promise<0 | 1> {
  const format = formatOf(options.format ?? 'pretty');
  const unresolved = options.unresolved === true;
  const maxWarnings = limitOf(options.maxWarnings);
  const output = options.output === undefined ? undefined : outputFile(options.output, streams.cwd);
  const progress = new Progress(streams);
  const { report, root } = await analyzeProjects({
    projects: options.project ?? [],
    paths,
    cwd: streams.cwd,
    config: options.config,
    rules,
    now: streams.now,
    onProgress: (step) => { progress.show(step); },
  }).finally(() => { progress.clear(); });

  const text = format === 'json'
    ? formatJson(report, { version: packageVersion(), unresolved })
    : formatPretty(report, {
      colour: output === undefined && wantsColour(streams, options.color),
      unresolved,
      readSource: (file) => readText(path.resolve(root, file)),
    });
  if (output === undefined) streams.out(text);
  else writeOutput(output, text, options.output ?? output);
  return fails(report, maxWarnings, streams) ? 1 : 0;
}

function fails(report: Report, maxWarnings: number, streams: Streams): boolean {
  const { error, warning } = report.summary.findings;
  if (error === 0 && warning > maxWarnings) {
    streams.err(`gsio: ${String(warning)} warning${warning === 1 ? '' : 's'}, and --max-warnings allows ${String(maxWarnings)}.\n`);
  }
  return error > 0 || warning > maxWarnings;
}

function formatOf(written: string): (typeof FORMATS)[number] {
  if (LATER_FORMATS.includes(written)) throw new UsageError('format-not-available', `The format ${written} is not available in this version.`, `Known formats: ${FORMATS.join(', ')}.`);
  return oneOf('format', written, FORMATS);
}

function limitOf(written: string | undefined): number {
  if (written === undefined) return Infinity;
  if (/^\d+$/.test(written)) return Number(written);
  throw new UsageError('invalid-option', `--max-warnings needs a whole number of 0 or more, not "${written}".`, 'Write --max-warnings 0 to let no warning pass.');
}

function readText(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
