/**
 * The report for people: each finding with its source, the way to it, and what to do.
 *
 * In: a `Report` and, through a callback, the source text. Out: text that ends with a newline.
 * Leaves to others: reading files, and whether colours are wanted. A colour never says anything that the words do not.
 */
import picocolors from 'picocolors';
import type { Finding, Level, Report, UnresolvedCall } from '../model/finding.ts';
import { codeFrame } from './code-frame.ts';
import { visible } from './visible.ts';
import { counted, number, reasonOf, scope } from './words.ts';

export interface PrettyOptions {
  readonly colour: boolean;
  /** Lists the calls without a known target. */
  readonly unresolved: boolean;
  /** The text of a file of the report; undefined where it cannot be read. */
  readonly readSource: (file: string) => string | undefined;
}

type Colours = ReturnType<typeof picocolors.createColors>;

const REASONS: Readonly<Record<string, string>> = {
  'any-typed': 'its type is any',
  'no-declaration': 'it has no declaration',
  'computed-member': 'the member is computed',
  'not-a-function': 'its type is no function',
  'library-without-types': 'the library has no types',
  'no-value-seen': 'no function is seen to reach it',
};

export function formatPretty(report: Report, options: PrettyOptions): string {
  const colours = picocolors.createColors(options.colour);
  const sources = new Map<string, readonly string[]>();
  const linesOf = (file: string): readonly string[] => {
    let lines = sources.get(file);
    if (lines === undefined) {
      lines = (options.readSource(file) ?? '').split(/\r\n|[\n\r\u2028\u2029]/);
      sources.set(file, lines);
    }
    return lines;
  };
  const parts = report.findings.map((finding) => formatFinding(finding, linesOf(finding.file), options.colour, colours));
  if (options.unresolved) parts.push(formatUnresolved(report.unresolved, colours));
  parts.push(formatSummary(report, options.unresolved, colours));
  return `${parts.join('\n\n')}\n`;
}

function formatFinding(finding: Finding, source: readonly string[], colour: boolean, c: Colours): string {
  const place = `${finding.file}:${String(finding.line)}:${String(finding.column)}`;
  const lines = [
    `${levelMark(finding.level, c)} ${c.bold(finding.rule)} ${c.cyan(visible(place))}`,
    `  ${visible(finding.message)}`,
  ];
  const frame = codeFrame(source, finding, colour);
  if (frame !== undefined) lines.push('', ...frame.split('\n').map((line) => `  ${line}`));
  if (finding.path.length > 0) lines.push('', ...formatPath(finding, c));
  lines.push('');
  if (finding.hint !== '') lines.push(`  ${c.bold('To fix:')} ${visible(finding.hint)}`);
  lines.push(`  ${c.bold('More:')} ${c.dim(`gsio explain ${finding.rule}`)}`);
  return lines.join('\n');
}

function levelMark(level: Level, c: Colours): string {
  switch (level) {
    case 'error': return c.bold(c.red('error'));
    case 'warning': return c.bold(c.yellow('warning'));
    case 'info': return c.bold(c.blue('info'));
  }
}

function formatPath(finding: Finding, c: Colours): string[] {
  const others = finding.roots - 1;
  const roots = others > 0 ? `, from the nearest of ${String(finding.roots)} roots` : finding.roots === 1 ? ', from its only root' : '';
  const names = finding.path.map((hop) => visible(hop.function));
  const places = finding.path.map((hop) => visible(`${hop.file}:${String(hop.line)}`));
  const nameWidth = Math.min(40, Math.max(...names.map((name) => name.length)));
  const placeWidth = Math.min(60, Math.max(...places.map((place) => place.length)));
  const numberWidth = String(finding.path.length).length;
  return [
    `  ${c.bold('The way there')}${roots}:`,
    ...finding.path.map((hop, index) => {
      const number = String(index + 1).padStart(numberWidth);
      const name = (names[index] ?? '').padEnd(nameWidth);
      const place = (places[index] ?? '').padEnd(placeWidth);
      return `    ${number}. ${name}  ${c.cyan(place)}  ${c.dim(reasonOf(hop))}`;
    }),
  ];
}

function formatUnresolved(calls: readonly UnresolvedCall[], c: Colours): string {
  if (calls.length === 0) return 'Every call has a known target.';
  return [
    c.bold(`${counted(calls.length, 'call')} without a known target:`),
    ...calls.map((call) => `  ${c.cyan(visible(`${call.file}:${String(call.line)}:${String(call.column)}`))}  ${visible(call.text)}  ${c.dim(REASONS[call.reason] ?? visible(call.reason))}`),
  ].join('\n');
}

function formatSummary(report: Report, listed: boolean, c: Colours): string {
  const { findings, summary } = report;
  const { error, warning, info } = summary.findings;
  const counts = [
    ...(error > 0 ? [c.red(counted(error, 'error'))] : []),
    ...(warning > 0 ? [c.yellow(counted(warning, 'warning'))] : []),
    ...(info > 0 ? [c.blue(`${String(info)} info`)] : []),
  ];
  const verdict = findings.length === 0 ? c.green('Nothing found') : counts.join(', ');
  const open = summary.callSites - summary.resolvedCallSites;
  const lines = [`${c.bold(verdict)} ${visible(scope(report))}: ${counted(summary.functions, 'function')}, ${counted(summary.callSites, 'call')}, `
    + `${open === 0 ? 'all resolved' : `${number(open)} unresolved${listed ? '' : ' (list them with --unresolved)'}`}; ${seconds(summary.milliseconds)}.`];
  if (summary.capped > 0) {
    lines.push(`${counted(summary.capped, 'function')} had too many call contexts to keep apart; theirs were merged, which can only add findings.`);
  }
  return lines.join('\n');
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
