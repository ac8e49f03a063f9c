/**
 * Which findings the waiver comments suppress, and which waivers suppress nothing.
 *
 * In: the waivers of the summaries, with the lines they cover. Out: an answer per finding, and the use of every waiver.
 * Leaves to others: reading comments (the front end), wording the complaint (`rules/unused-waiver`).
 */
import type { RawFinding } from '../model/finding.ts';
import type { WaiverUse } from '../model/rule.ts';
import type { FileSummary, FunctionSummary, Span, Waiver } from '../model/summary.ts';

/** How ESLint names our rules. */
const ESLINT_PREFIX = /^gsio\//;

interface TrackedWaiver {
  readonly file: string;
  readonly waiver: Waiver;
  /** Name of the function that holds it. */
  readonly function: string;
  /** Ids of rules that exist. */
  readonly rules: ReadonlySet<string>;
  /** Names that are no rule. */
  readonly unknown: readonly string[];
  readonly used: Set<string>;
}

/** Remembers, while findings are asked about, which waiver was of use for which rule. */
export class WaiverBook {
  private readonly byFile = new Map<string, TrackedWaiver[]>();
  private readonly disableComments: 'apply' | 'leave';

  constructor(files: readonly FileSummary[], ruleIds: ReadonlySet<string>, disableComments: 'apply' | 'leave' = 'apply') {
    this.disableComments = disableComments;
    for (const file of files) {
      if (file.waivers.length > 0) this.byFile.set(file.file, file.waivers.map((waiver) => track(file, waiver, ruleIds)));
    }
  }

  /**
   * Whether a waiver suppresses the finding. All waivers that cover it count as used. What a disable comment covers is left
   * to ESLint where ESLint runs, even if a waiver of ours covers it too: the comment has its use then, and ESLint sees it.
   */
  suppresses(finding: RawFinding): boolean {
    let suppressed = false;
    let left = false;
    for (const tracked of this.byFile.get(finding.file) ?? []) {
      if (!covers(tracked, finding)) continue;
      tracked.used.add(finding.rule);
      suppressed = true;
      left ||= this.disableComments === 'leave' && tracked.waiver.source === 'eslint';
    }
    return suppressed && !left;
  }

  /** `settled`: rules whose findings have all been asked about; only those can be idle. */
  uses(settled: (rule: string) => boolean): WaiverUse[] {
    const uses: WaiverUse[] = [];
    for (const tracked of [...this.byFile.values()].flat()) {
      // A bare eslint-disable has work that gsio cannot see.
      if (tracked.waiver.all) continue;
      const idle = [...tracked.rules].filter((rule) => settled(rule) && !tracked.used.has(rule));
      uses.push({ file: tracked.file, waiver: tracked.waiver, idle, unknown: tracked.unknown, function: tracked.function });
    }
    return uses;
  }
}

function track(file: FileSummary, waiver: Waiver, ruleIds: ReadonlySet<string>): TrackedWaiver {
  const names = waiver.rules.map((name) => (waiver.source === 'eslint' ? name.replace(ESLINT_PREFIX, '') : name));
  const rules = new Set(names.filter((name) => ruleIds.has(name)));
  const unknown = names.filter((name) => !ruleIds.has(name));
  return { file: file.file, waiver, function: holderOf(file, waiver), rules, unknown, used: new Set() };
}

/** The innermost function around a comment; `<module>` where there is none. */
function holderOf(file: FileSummary, { span }: Waiver): string {
  let innermost: FunctionSummary | null = null;
  for (const fn of file.functions) {
    if (fn.kind === 'module' || fn.kind === 'initializer' || !isWithin(span, fn.span)) continue;
    if (innermost === null || isWithin(fn.span, innermost.span)) innermost = fn;
  }
  return innermost?.name ?? '<module>';
}

function isWithin(inner: Span, outer: Span): boolean {
  const starts = inner.line > outer.line || (inner.line === outer.line && inner.column >= outer.column);
  return starts && (inner.endLine < outer.endLine || (inner.endLine === outer.endLine && inner.endColumn <= outer.endColumn));
}

/** A waiver of ours needs its reason; ESLint's own comments work without one, as they do in ESLint. */
function covers(tracked: TrackedWaiver, finding: RawFinding): boolean {
  const { waiver, rules } = tracked;
  if (waiver.source === 'gsio' && waiver.reason === null) return false;
  if (!waiver.all && !rules.has(finding.rule)) return false;
  return finding.span.line >= waiver.fromLine && (waiver.toLine === -1 || finding.span.line <= waiver.toLine);
}
