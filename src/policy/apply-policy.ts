/**
 * Turns what the rules returned into the findings that a user sees.
 *
 * In: raw findings, summaries (for their waivers), rules, configuration. Out: findings with level, fingerprint and order.
 * Leaves to others: whether a finding is true (`rules`), whether it fails the build (`cli`).
 */
import picomatch from 'picomatch';
import type { Config } from '../model/config.ts';
import type { Finding, Level, RawFinding } from '../model/finding.ts';
import type { Rule } from '../model/rule.ts';
import type { FileSummary } from '../model/summary.ts';
import { fingerprintOf, identityOf } from './fingerprint.ts';
import { compareFindings, withoutRepetitions } from './order.ts';
import { WaiverBook } from './waivers.ts';

export interface PolicyInput {
  /** Of all analysis rules; policy runs the rules over waivers itself. */
  readonly findings: readonly RawFinding[];
  readonly files: readonly FileSummary[];
  readonly rules: readonly Rule[];
  readonly config: Config;
  /** Whether findings in a file (its name in the summaries) belong to this check. */
  readonly reports: (file: string) => boolean;
  /** `leave`: findings under a disable comment of ESLint are kept, for ESLint to suppress. */
  readonly disableComments?: 'apply' | 'leave';
}

export function applyPolicy(input: PolicyInput): Finding[] {
  const { config, rules } = input;
  const ruleById = new Map(rules.map((rule) => [rule.id, rule]));
  const configured = configuredLevels(config);
  const levelOf = (finding: RawFinding): Level | 'off' =>
    configured(finding) ?? finding.level ?? ruleById.get(finding.rule)?.level ?? 'error';
  const isExcluded = matcherOf(config.exclude);
  const isReported = (finding: RawFinding): boolean =>
    levelOf(finding) !== 'off' && input.reports(finding.file) && !isExcluded(finding.file);

  const book = new WaiverBook(input.files, new Set(ruleById.keys()), input.disableComments ?? 'apply');
  const raw = withoutRepetitions([...input.findings].sort(compareFindings));
  const kept = withFingerprints(raw).filter(([finding]) => levelOf(finding) !== 'off' && !book.suppresses(finding));
  const aboutWaivers = withFingerprints(withoutRepetitions(findingsAboutWaivers(book, rules, levelOf).sort(compareFindings)));

  return [...kept, ...aboutWaivers]
    .filter(([finding]) => isReported(finding))
    .sort(([a], [b]) => compareFindings(a, b))
    .map(([finding, fingerprint]) => finish(finding, levelOf(finding), fingerprint));
}

/**
 * A waiver may name a waiver rule too, and then it can only be judged once that rule has spoken.
 * So the rule speaks twice: first of all other names, then, when its own findings have met their waivers, of its own.
 */
function findingsAboutWaivers(book: WaiverBook, rules: readonly Rule[], levelOf: (finding: RawFinding) => Level | 'off'): RawFinding[] {
  const waiverRules = rules.filter((rule) => 'evaluateWaivers' in rule);
  const own = new Set(waiverRules.map((rule) => rule.id));
  const speak = (settled: (rule: string) => boolean): RawFinding[] => {
    const uses = book.uses(settled);
    return waiverRules.flatMap((rule) => rule.evaluateWaivers(uses)).filter((finding) => levelOf(finding) !== 'off');
  };
  for (const finding of speak((rule) => !own.has(rule))) book.suppresses(finding);
  return speak(() => true).filter((finding) => !book.suppresses(finding));
}

/** Numbers equal findings before any is dropped, so that a waiver for the first does not rename the second. */
function withFingerprints(sorted: readonly RawFinding[]): (readonly [RawFinding, string])[] {
  const seen = new Map<string, number>();
  return sorted.map((finding) => {
    const identity = identityOf(finding);
    const ordinal = seen.get(identity) ?? 0;
    seen.set(identity, ordinal + 1);
    return [finding, fingerprintOf(finding, ordinal)] as const;
  });
}

/** The last override that names the rule and fits the file comes before the level for all files. */
function configuredLevels({ rules, overrides }: Config): (finding: RawFinding) => Level | 'off' | undefined {
  const lastFirst = overrides.map(({ files, rules: levels }) => ({ fits: matcherOf(files), levels })).reverse();
  return ({ rule, file }) => lastFirst.find(({ fits, levels }) => levels[rule] !== undefined && fits(file))?.levels[rule] ?? rules[rule];
}

/** A pattern that names a folder stands for all that is in it. */
function matcherOf(globs: readonly string[]): (file: string) => boolean {
  if (globs.length === 0) return () => false;
  return picomatch(globs.map((glob) => glob.replace(/^\.\//, '').replace(/\/+$/, '')).flatMap((glob) => [glob, `${glob}/**`]), { dot: true });
}

function finish(finding: RawFinding, level: Level | 'off', fingerprint: string): Finding {
  if (level === 'off') throw new Error(`A finding of ${finding.rule}, which is off, was kept; please report this.`);
  return {
    rule: finding.rule,
    level,
    file: finding.file,
    line: finding.span.line,
    column: finding.span.column,
    endLine: finding.span.endLine,
    endColumn: finding.span.endColumn,
    function: finding.function,
    target: finding.target,
    message: finding.message,
    hint: finding.hint,
    path: finding.path ?? [],
    roots: finding.roots ?? 0,
    fingerprint,
    ...(finding.replacement === undefined ? {} : { replacement: finding.replacement }),
  };
}
