/**
 * The report as Markdown, for the summary of a job or a comment on a pull request.
 *
 * In: a `Report` with files relative to the root of the repository. Out: text that ends with a newline and fits a comment: GitHub takes 65 536
 * characters there, and 1 MiB in a summary. The worst comes first; what does not fit is counted.
 * Nothing in it is markup of the source's making: no name turns into a link, a heading, a mention of a user or a reference to an issue.
 */
import type { Finding, Hop, Report } from '../model/finding.ts';
import { oneLine, shortened } from './visible.ts';
import { counted, reasonOf, scope, verdict } from './words.ts';
import { worstFirst } from './worst-first.ts';

/** In bytes, which are never fewer than characters. */
const MOST_BYTES = 65_536;
/** What the last line, about the findings that do not fit, may take. */
const BYTES_FOR_THE_REST = 200;
const LONGEST_TEXT = 2000;
const LONGEST_NAME = 200;
const MOST_HOPS = 20;

export function formatMarkdown(report: Report): string {
  const { findings, summary } = report;
  const parts = [`### gsio: ${text(verdict(report))}\n\n${text(`${capitalised(scope(report))}: ${counted(summary.functions, 'function')}, ${counted(summary.callSites, 'call')}.`)}\n`];
  let bytes = byteLength(parts[0] ?? '');
  let told = 0;
  for (const finding of worstFirst(findings)) {
    const part = `\n${findingSection(finding)}`;
    bytes += byteLength(part);
    if (bytes > MOST_BYTES - BYTES_FOR_THE_REST) break;
    parts.push(part);
    told += 1;
  }
  if (told < findings.length) parts.push(`\n… and ${counted(findings.length - told, 'further finding')}, for which there is no room here; \`gsio check\` prints all.\n`);
  return parts.join('');
}

function findingSection(finding: Finding): string {
  const { level, rule, file, line, column, message, hint, path } = finding;
  const lines = [`**${level}** ${code(rule)} ${code(`${file}:${String(line)}:${String(column)}`)}`, '', text(message)];
  if (path.length > 0) lines.push('', ...waySection(finding));
  if (hint !== '') lines.push('', `*To fix:* ${text(hint)}`);
  return `${lines.join('\n')}\n`;
}

function waySection({ path, roots }: Finding): string[] {
  const title = `The way there${roots > 1 ? `, from the nearest of ${String(roots)} roots` : ''}`;
  const item = (hop: Hop, index: number): string => `${String(index + 1)}. ${code(hop.function)} ${code(`${hop.file}:${String(hop.line)}`)} ${reasonOf(hop)}`;
  const items = path.map(item);
  const left = items.length - MOST_HOPS;
  // A list may leave out numbers only where something else stands between.
  const shown = left <= 1 ? items : [...items.slice(0, MOST_HOPS / 2), '', `… ${String(left)} more …`, '', ...items.slice(-MOST_HOPS / 2)];
  return ['<details>', `<summary>${title}</summary>`, '', ...shown, '', '</details>'];
}

/** A code span: nothing in it means anything. Its fence is longer than any run of backticks inside. */
function code(written: string): string {
  const content = shortened(oneLine(written), LONGEST_NAME).trim() || '?';
  const runs = content.match(/`+/g) ?? [];
  const fence = '`'.repeat(Math.max(0, ...runs.map((run) => run.length)) + 1);
  const padding = /^`|`$/.test(content) ? ' ' : '';
  return `${fence}${padding}${content}${padding}${fence}`;
}

/** Prose. What the host itself would turn into a link (`@name`, `#12`, addresses) becomes code, where it does not. */
function text(written: string): string {
  return shortened(oneLine(written), LONGEST_TEXT)
    .trim()
    .split(/((?:https?:\/\/|www\.)\S+|[\w/.-]*[@#]\w[\w/.-]*)/)
    .map((part, index) => (index % 2 === 1 ? code(part) : part.replace(/[\\`*_[\]<>|~&$]|:(?=\w)/g, '\\$&')))
    .join('')
    // At the start of a paragraph these would begin a list, a heading or a rule.
    .replace(/^(?:[#+=-]|\d+(?=[.)]))/, (start) => (/\d/.test(start) ? `${start}\\` : `\\${start}`));
}

function capitalised(written: string): string {
  return written.charAt(0).toUpperCase() + written.slice(1);
}

function byteLength(written: string): number {
  return new TextEncoder().encode(written).length;
}
