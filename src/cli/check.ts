/**
 * `gsio check`: analyses, prints, and says whether the check passed.
 *
 * In: the parsed options. Out: 0, or 1 for findings that fail the check; of --watch also 2, where the project was broken last. Errors of the user are thrown. The whole project is analysed in any
 * case; then what the baseline holds and what no change touches is left out.
 * Leaves to others: parsing arguments (`program.ts`), the exit code of errors (`main.ts`).
 */
import path from 'node:path';
import { rules } from '../../rules/index.ts';
import { UsageError } from '../model/errors.ts';
import type { Finding, Level, Report } from '../model/finding.ts';
import { touchesChange, type ChangedLines } from '../policy/changed-lines.ts';
import { failingLevels, LEVELS, passes, type Gate } from '../policy/gate.ts';
import { keepFindings } from '../policy/keep-findings.ts';
import { analyzeProjects } from '../project/analyze-projects.ts';
import { findProjects } from '../project/find-projects.ts';
import { render, type Format } from '../report/formats.ts';
import { applyBaseline, readBaseline, type BaselineOptions } from './baseline.ts';
import { changesSince } from './changes.ts';
import { oneOf } from './choice.ts';
import { folderChanges } from './folder-changes.ts';
import { onProjects } from './on-projects.ts';
import { writeOutput } from './output.ts';
import { outputsOf, type Output } from './outputs.ts';
import { packageVersion, reportPage, ruleTexts } from './package.ts';
import { readText } from './read-text.ts';
import { prefixInRepository } from './repository.ts';
import { wantsColour, type Streams } from './streams.ts';
import { watch } from './watch.ts';

export interface CheckOptions extends BaselineOptions {
  readonly project?: readonly string[];
  readonly config?: string;
  readonly format?: readonly string[];
  readonly output?: string;
  readonly failOn?: string;
  readonly maxWarnings?: string;
  readonly color: boolean;
  readonly unresolved?: true;
  readonly watch?: true;
}

export async function check(paths: readonly string[], options: CheckOptions, streams: Streams): Promise<0 | 1 | 2> {
  const outputs = outputsOf(options.format, options.output, streams.cwd);
  const gate = { failOn: oneOf('level', options.failOn ?? 'error', LEVELS), maxWarnings: limitOf(options.maxWarnings) };
  if (options.watch === true) return watchProject(paths, options, outputs, gate, streams);
  const { report, root } = await analyse(paths, options, streams);
  const failing = failingLevels(report, gate);
  for (const output of outputs) write(output, report, root, failing, options, streams);
  tellLimit(report, gate.maxWarnings, streams);
  return passes(report, failing) ? 0 : 1;
}

/** The report that the user asked for: without what the baseline holds, and what no change touches. */
async function analyse(paths: readonly string[], options: CheckOptions, streams: Streams): Promise<{ readonly report: Report; readonly root: string }> {
  const baseline = readBaseline(options, streams.cwd);
  const { report: whole, root } = await onProjects(paths, options, streams, analyzeProjects);

  const { since } = options;
  const changes = since === undefined ? undefined : changesSince(since, root);
  const unknown = baseline === undefined ? whole : applyBaseline(baseline, whole, root, paths, streams);
  return { root, report: since === undefined || changes === undefined ? unknown : keepFindings(unknown, changedFindings(unknown, changes, root), { since }) };
}

async function watchProject(paths: readonly string[], options: CheckOptions, outputs: readonly Output[], gate: Gate, streams: Streams): Promise<0 | 1 | 2> {
  const [output] = outputs;
  if (outputs.length !== 1 || output?.format !== 'pretty' || output.file !== undefined) {
    throw new UsageError('invalid-option', '--watch prints to the terminal, as pretty.', 'Leave out --format and --output, or --watch.');
  }
  if (options.updateBaseline === true || options.pruneBaseline === true) {
    throw new UsageError('invalid-option', '--watch writes no baseline.', 'Write the baseline first, in a run of its own.');
  }
  const folder = findProjects(options.project ?? [], streams.cwd).root;
  const changes = (streams.changes ?? folderChanges)(folder);
  return watch(async () => {
    const { report, root } = await analyse(paths, options, streams);
    const failing = failingLevels(report, gate);
    return { report, print: (part) => text(output.format, part, root, failing, options, true, streams), status: passes(report, failing) ? 0 : 1 };
  }, changes, streams);
}

function changedFindings({ findings }: Report, changes: ChangedLines, root: string): Finding[] {
  const read = new Map<string, readonly string[]>();
  const linesOf = (file: string): readonly string[] => {
    const lines = read.get(file) ?? (readText(path.resolve(root, file)) ?? '').split(/\r\n|[\n\r\u2028\u2029]/);
    read.set(file, lines);
    return lines;
  };
  return findings.filter((finding) => touchesChange(finding, changes, linesOf));
}

function write({ format, file }: Output, report: Report, root: string, failing: ReadonlySet<Level>, options: CheckOptions, streams: Streams): void {
  const written = text(format, report, root, failing, options, file === undefined, streams);
  if (file === undefined) streams.out(written);
  else writeOutput(file.path, written, file.written);
}

function text(format: Format, report: Report, root: string, failing: ReadonlySet<Level>, options: CheckOptions, toTerminal: boolean, streams: Streams): string {
  return render(format, report, {
    version: packageVersion(),
    rules: ruleTexts(rules),
    fails: (level) => failing.has(level),
    colour: toTerminal && wantsColour(streams, options.color),
    unresolved: options.unresolved === true,
    prefix: prefixInRepository(root, streams.cwd),
    project: path.basename(root),
    page: reportPage,
    readSource: (name) => readText(path.resolve(root, name)),
  });
}

/** Errors speak for themselves; a number of warnings does not. */
function tellLimit({ summary: { findings: { error, warning } } }: Report, maxWarnings: number, streams: Streams): void {
  if (error > 0 || warning <= maxWarnings) return;
  streams.err(`gsio: ${String(warning)} warning${warning === 1 ? '' : 's'}, and --max-warnings allows ${String(maxWarnings)}.\n`);
}

function limitOf(written: string | undefined): number {
  if (written === undefined) return Infinity;
  if (/^\d+$/.test(written)) return Number(written);
  throw new UsageError('invalid-option', `--max-warnings needs a whole number of 0 or more, not "${written}".`, 'Write --max-warnings 0 to let no warning pass.');
}
