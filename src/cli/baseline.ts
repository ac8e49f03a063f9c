/**
 * --baseline, --update-baseline and --prune-baseline: reads the file, tells on stderr what is to be told of it, and writes it where asked to.
 *
 * Leaves to others: what an entry stands for (`policy/baseline.ts`).
 */
import fs from 'node:fs';
import path from 'node:path';
import { ConfigError, UsageError } from '../model/errors.ts';
import type { Report } from '../model/finding.ts';
import { compareWithBaseline, entriesFor, parseBaseline, type BaselineEntry, type Comparison } from '../policy/baseline.ts';
import { keepFindings } from '../policy/keep-findings.ts';
import { PathFilter } from '../project/path-filter.ts';
import { jsonDocument } from '../report/json-document.ts';
import { visible } from '../report/visible.ts';
import { counted } from '../report/words.ts';
import { outputFile, writeOutput } from './output.ts';
import type { Streams } from './streams.ts';

export interface BaselineOptions {
  readonly baseline?: string;
  readonly updateBaseline?: true;
  readonly pruneBaseline?: true;
  readonly since?: string;
}

export const DEFAULT_BASELINE = 'gsio-baseline.json';
const MOST_LISTED = 20;

export interface Baseline {
  readonly name: string;
  readonly file: string;
  readonly entries: readonly BaselineEntry[];
  readonly writes: 'all' | 'pruned' | undefined;
}

/** Read before the analysis, so that a wrong name is told at once; undefined where no baseline is wanted. */
export function readBaseline(options: BaselineOptions, cwd: string): Baseline | undefined {
  const writes = options.updateBaseline === true ? 'all' : options.pruneBaseline === true ? 'pruned' : undefined;
  if (options.baseline === undefined && writes === undefined) return undefined;
  if (writes === 'all' && options.since !== undefined) {
    throw new UsageError('invalid-option', '--update-baseline takes all findings, and --since only some.', 'Leave out one of the two.');
  }
  const name = options.baseline ?? DEFAULT_BASELINE;
  const file = outputFile(name, cwd);
  if (!fs.existsSync(file)) {
    if (writes === 'all') return { name, file, entries: [], writes };
    throw new ConfigError('baseline-not-found', `The baseline ${name} does not exist.`, 'gsio check --update-baseline writes one.');
  }
  return { name, file, entries: parseBaseline(readText(file, name), name), writes };
}

/** The report without the findings that the baseline holds. */
export function applyBaseline(baseline: Baseline, report: Report, root: string, paths: readonly string[], streams: Streams): Report {
  const absolute = (file: string): string => path.resolve(root, file).split(path.sep).join('/');
  // Of what PATHS leave out, nothing is known.
  const selected = new PathFilter(paths, streams.cwd).select(new Set(baseline.entries.map(({ file }) => absolute(file))));
  const isSelected = ({ file }: BaselineEntry): boolean => selected.has(absolute(file));
  const { fresh, known, moved, stale } = compareWithBaseline(report.findings, baseline.entries, (file) => !fs.existsSync(absolute(file)));

  if (baseline.writes === undefined) {
    tellOld({ moved, stale: stale.filter(isSelected) }, baseline, streams);
    return keepFindings(report, fresh, { known: known.length });
  }
  const taken = new Set(moved.map(({ entry }) => entry));
  const others = baseline.entries.filter((entry) => !isSelected(entry) && !taken.has(entry));
  const all = baseline.writes === 'all';
  write(baseline, entriesFor(all ? report.findings : known, others), streams);
  return keepFindings(report, all ? [] : fresh, { known: all ? report.findings.length : known.length });
}

function tellOld({ moved, stale }: Pick<Comparison, 'moved' | 'stale'>, { name }: Baseline, streams: Streams): void {
  if (moved.length > 0) {
    const files = [...new Set(moved.map(({ entry, to }) => `  ${entry.file} is now ${to.file}`))];
    streams.err(`gsio: ${entries(moved.length)} of the baseline ${name} moved with a renamed file; --prune-baseline writes the new name.\n${listed(files)}`);
  }
  if (stale.length > 0) {
    const lines = stale.map(({ rule, file, function: holder }) => `  ${rule} in ${holder} (${file})`);
    streams.err(`gsio: ${entries(stale.length)} of the baseline ${name} no longer ${stale.length === 1 ? 'occurs' : 'occur'}; --prune-baseline removes ${stale.length === 1 ? 'it' : 'them'}.\n${listed(lines)}`);
  }
}

function write({ name, file, entries: old }: Baseline, now: readonly BaselineEntry[], streams: Streams): void {
  const before = new Set(old.map(({ fingerprint }) => fingerprint));
  const after = new Set(now.map(({ fingerprint }) => fingerprint));
  const added = now.filter(({ fingerprint }) => !before.has(fingerprint)).length;
  const removed = old.filter(({ fingerprint }) => !after.has(fingerprint)).length;
  writeOutput(file, jsonDocument({ findings: now }), name);
  streams.err(`gsio: The baseline ${name} holds ${counted(now.length, 'finding')} (${String(added)} added, ${String(removed)} removed).\n`);
}

function entries(count: number): string {
  return count === 1 ? '1 entry' : `${String(count)} entries`;
}

function listed(lines: readonly string[]): string {
  const shown = lines.length > MOST_LISTED ? [...lines.slice(0, MOST_LISTED), `  … and ${String(lines.length - MOST_LISTED)} more`] : lines;
  return shown.map((line) => `${visible(line)}\n`).join('');
}

function readText(file: string, name: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new ConfigError('unreadable-baseline', `The baseline ${name} cannot be read (${reason}).`, 'Name another file after --baseline.');
  }
}
