/**
 * The report as SARIF 2.1.0, for code scanning and for viewers.
 *
 * In: a `Report` with files relative to the root of the repository, and what is known of the rules. Out: text that ends with a newline.
 * A result holds the place, the way there as a code flow, the place where that way starts, and the fingerprint. What is more than GitHub takes
 * is left out, from the end: the worst comes first.
 * The key of the fingerprint is our own: for the one that GitHub reads, its upload action warns about any value but the one it makes itself.
 */
import type { CodeFlow, Location, Log, Notification, Region, ReportingDescriptor, Result } from 'sarif';
import type { Finding, Hop, Level, Report } from '../model/finding.ts';
import { oneLine } from './visible.ts';
import { counted, reasonOf } from './words.ts';
import { worstFirst } from './worst-first.ts';

export interface RuleText {
  readonly id: string;
  readonly level: Level;
  readonly title: string;
  readonly why: string;
  /** Its page, as Markdown. */
  readonly page: string | undefined;
}

export interface SarifOptions {
  readonly version: string;
  readonly rules: readonly RuleText[];
}

/** GitHub rejects a file with more results in a run, and shows the first 5 000. */
const MOST_RESULTS = 25_000;
/** Of a longer way GitHub shows no more. */
const MOST_STEPS = 1000;
const ROOT = 'SRCROOT';
const LEVELS: Readonly<Record<Level, 'error' | 'warning' | 'note'>> = { error: 'error', warning: 'warning', info: 'note' };

export function formatSarif(report: Report, options: SarifOptions): string {
  const findings = worstFirst(report.findings).slice(0, MOST_RESULTS);
  const ruleIndex = new Map(options.rules.map((rule, index) => [rule.id, index]));
  const log: Log = {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [{
      tool: { driver: { name: 'gsio', version: options.version, semanticVersion: options.version, rules: options.rules.map(descriptorOf) } },
      invocations: [{ executionSuccessful: true, toolExecutionNotifications: notificationsOf(report.findings.length - findings.length) }],
      originalUriBaseIds: { [ROOT]: { description: { text: 'The root of the repository.' } } },
      columnKind: 'utf16CodeUnits',
      results: findings.map((finding) => resultOf(finding, ruleIndex.get(finding.rule))),
    }],
  };
  return `${JSON.stringify(log, null, 1)}\n`;
}

function descriptorOf({ id, level, title, why, page }: RuleText): ReportingDescriptor {
  const more = `gsio explain ${id} prints the page of the rule.`;
  return {
    id,
    name: id.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase()),
    shortDescription: { text: title },
    fullDescription: { text: `${title} ${why}` },
    help: { text: `${title} ${why} ${more}`, markdown: page === undefined ? `${title}\n\n${why}\n\n${more}` : standingAlone(page) },
    defaultConfiguration: { level: LEVELS[level] },
    properties: { 'tags': ['concurrency', 'correctness'], 'precision': 'high', 'problem.severity': level === 'info' ? 'recommendation' : level },
  };
}

/** A page without its heading, which the viewer shows already, and without links to files beside it. */
function standingAlone(page: string): string {
  return page.replace(/^# .*\n+/, '').replace(/\[([^\]\n]*)\]\((?!https?:)[^)\n]*\)/g, '$1').trimEnd();
}

function notificationsOf(left: number): Notification[] {
  if (left === 0) return [];
  return [{ level: 'warning', message: { text: `${counted(left, 'further finding')} left out: a run holds ${counted(MOST_RESULTS, 'result')} at most. The report in JSON has all.` } }];
}

function resultOf(finding: Finding, ruleIndex: number | undefined): Result {
  const [root] = finding.path;
  return {
    ruleId: finding.rule,
    ...(ruleIndex === undefined ? {} : { ruleIndex }),
    level: LEVELS[finding.level],
    message: { text: literal(finding.hint === '' ? finding.message : `${finding.message} To fix: ${finding.hint}`) },
    locations: [{ ...placeOf(finding.file, regionOf(finding)), logicalLocations: [{ fullyQualifiedName: oneLine(finding.function), kind: 'function' }] }],
    ...(root === undefined ? {} : { relatedLocations: [{ id: 1, ...placeOfHop(root) }], codeFlows: [codeFlowOf(finding)] }),
    partialFingerprints: { 'gsioFingerprint/v1': finding.fingerprint },
    properties: { function: oneLine(finding.function), target: oneLine(finding.target), roots: finding.roots },
  };
}

function codeFlowOf({ path, roots }: Finding): CodeFlow {
  const steps = path.length <= MOST_STEPS ? path : [...path.slice(0, MOST_STEPS - 1), ...path.slice(-1)];
  return {
    message: { text: roots > 1 ? `The way there, from the nearest of ${String(roots)} roots.` : 'The way there.' },
    threadFlows: [{ locations: steps.map((hop) => ({ location: placeOfHop(hop) })) }],
  };
}

function placeOfHop(hop: Hop): Location {
  return { ...placeOf(hop.file, { startLine: hop.line, startColumn: hop.column }), message: { text: literal(`${hop.function}: ${reasonOf(hop)}.`) } };
}

function placeOf(file: string, region: Region): Location {
  return { physicalLocation: { artifactLocation: { uri: uriOf(file), uriBaseId: ROOT }, region } };
}

function regionOf({ line, column, endLine, endColumn }: Finding): Region {
  return { startLine: line, startColumn: column, endLine, endColumn };
}

function uriOf(file: string): string {
  return oneLine(file).split('/').map(encodeURIComponent).join('/');
}

/** In a message, brackets would begin a link. */
function literal(text: string): string {
  return oneLine(text).replace(/[\\[\]]/g, '\\$&');
}
