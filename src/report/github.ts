/**
 * The report as workflow commands: GitHub shows them beside the lines of a pull request.
 *
 * In: a `Report` with files relative to the root of the repository. Out: text that ends with a newline.
 * GitHub shows ten errors, ten warnings and ten notices of a step. What is beyond is written as plain lines, which the log keeps;
 * none of them can be taken for a command.
 */
import type { Finding, Level, Report } from '../model/finding.ts';
import { oneLine, shortened } from './visible.ts';
import { scope, verdict } from './words.ts';
import { worstFirst } from './worst-first.ts';

const MOST_SHOWN = 10;
/** GitHub cuts titles at 255 characters; a message of this length still fits its box. */
const LONGEST_MESSAGE = 4000;
const COMMANDS: Readonly<Record<Level, string>> = { error: 'error', warning: 'warning', info: 'notice' };

export function formatGithub(report: Report): string {
  const { findings } = report;
  if (findings.length === 0) return `gsio: ${oneLine(`${verdict(report)} ${scope(report)}`)}.\n`;
  // The closing notice is one of the ten.
  const left: Record<Level, number> = { error: MOST_SHOWN, warning: MOST_SHOWN, info: MOST_SHOWN - 1 };
  const lines = worstFirst(findings).map((finding) => {
    left[finding.level] -= 1;
    return left[finding.level] < 0 ? plainLine(finding) : command(finding);
  });
  const isCut = Object.values(left).some((number) => number < 0);
  const note = isCut ? ` GitHub shows ${String(MOST_SHOWN)} errors and ${String(MOST_SHOWN)} warnings of a step; the log of the step has all.` : '';
  return `${[...lines, `::notice title=gsio::${data(oneLine(`${verdict(report)} ${scope(report)}`))}.${note}`].join('\n')}\n`;
}

function command(finding: Finding): string {
  const { file, line, column, endLine, endColumn } = finding;
  // Columns are shown only where they lie in one line.
  const columns = endLine === line ? `,col=${String(column)},endColumn=${String(endColumn)}` : '';
  const message = oneLine(finding.hint === '' ? finding.message : `${finding.message} To fix: ${finding.hint}`);
  const path = oneLine(file);
  return `::${COMMANDS[finding.level]} file=${property(path)},line=${String(line)},endLine=${String(endLine)}${columns},title=${property(`gsio ${finding.rule}`)}::${data(shortened(message, LONGEST_MESSAGE))}`;
}

/** The runner looks for `##[` anywhere in a line, and for `::` at its start. */
function plainLine({ level, rule, file, line, column, message }: Finding): string {
  return oneLine(`${level} ${rule} ${file}:${String(line)}:${String(column)} ${shortened(message, LONGEST_MESSAGE)}`).replace(/##\[/g, '# #[');
}

function data(text: string): string {
  return text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
}

function property(text: string): string {
  return data(text).replace(/:/g, '%3A').replace(/,/g, '%2C');
}
