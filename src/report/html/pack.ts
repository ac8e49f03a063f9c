/**
 * Packs a report, and the audit behind it, for the page.
 *
 * In: a `Report`, the `Audit` where there is one, the texts of rules and sources. Out: `PageData`.
 */
import type { Audit } from '../../model/audit.ts';
import type { Finding, Report } from '../../model/finding.ts';
import type { RuleText } from '../sarif.ts';
import { ASSERTIONS, CLASSES, COROUTINES, EDGE_KINDS, LEVELS, REACHES, WHYS, type PackedFinding, type PackedFunctions, type PackedHop, type PageData, type PageInventory, type PageRule, type PageTrend } from './page-data.ts';

export interface PackOptions {
  readonly version: string;
  readonly project: string;
  readonly rules: readonly RuleText[];
  readonly readSource: (file: string) => string | undefined;
  readonly audit: Audit | null;
  readonly trend: { readonly page: PageTrend; readonly isFresh: (finding: Finding) => boolean } | null;
}

const LINES_AROUND = 3;
/** Longer lines are generated, or data. */
const LONGEST_LINE = 240;

export function packPage(report: Report, options: PackOptions): PageData {
  const files = new Names();
  const { summary } = report;
  const ruleIndex = new Map(options.rules.map(({ id }, index) => [id, index]));
  const ids = new Map<string, number>();
  const findings = report.findings.map((finding, index): PackedFinding => {
    const seen = ids.get(finding.fingerprint) ?? 0;
    ids.set(finding.fingerprint, seen + 1);
    const hops = options.audit?.hops[index] ?? [];
    return {
      id: seen === 0 ? finding.fingerprint : `${finding.fingerprint}-${String(seen + 1)}`,
      rule: ruleIndex.get(finding.rule) ?? -1,
      level: LEVELS.indexOf(finding.level),
      at: [files.place(finding.file), finding.line, finding.column, finding.endLine, finding.endColumn],
      in: finding.function,
      target: finding.target,
      message: finding.message,
      hint: finding.hint,
      path: finding.path.map((hop, at): PackedHop => [
        hop.function, files.place(hop.file), hop.line, hop.column, EDGE_KINDS.indexOf(hop.edge), CLASSES.indexOf(hop.class), WHYS.indexOf(hop.why), hops[at] ?? -1,
      ]),
      roots: finding.roots,
      ...(options.trend?.isFresh(finding) === true ? { fresh: 1 as const } : {}),
    };
  });
  const inventory = options.audit === null ? null : packInventory(options.audit, files);
  return {
    version: options.version,
    project: options.project,
    summary: {
      files: summary.files, functions: summary.functions, callSites: summary.callSites, resolvedCallSites: summary.resolvedCallSites, edges: summary.edges,
      findings: summary.findings, unresolvedByReason: summary.unresolvedByReason,
    },
    known: report.known ?? 0,
    since: report.since ?? null,
    rules: options.rules.map(pageRule),
    files: files.all,
    findings,
    lines: linesOf(report.findings, files, options.readSource),
    inventory,
    trend: options.trend?.page ?? null,
  };
}

/** Words by their place in a list. */
class Names {
  readonly all: string[] = [];
  private readonly places = new Map<string, number>();

  place(name: string): number {
    const known = this.places.get(name);
    if (known !== undefined) return known;
    this.places.set(name, this.all.length);
    this.all.push(name);
    return this.all.length - 1;
  }
}

function pageRule({ id, level, title, why, page = '' }: RuleText): PageRule {
  const fix = /^## How to fix it\s*$([^]*?)(?=^## |(?![^]))/m.exec(page)?.[1]?.trim() ?? '';
  return { id, level, title, why, fix };
}

function packInventory({ functions, edges, slots, waivers, coverage }: Audit, files: Names): PageInventory {
  const exported: Record<number, number[]> = {};
  functions.forEach(({ exportedFrom }, index) => {
    if (exportedFrom.length > 0) exported[index] = exportedFrom.map((file) => files.place(file));
  });
  const column = (value: (fn: Audit['functions'][number]) => number): number[] => functions.map(value);
  const packed: PackedFunctions = {
    listed: column((fn) => (fn.listed ? 1 : 0)),
    name: functions.map((fn) => fn.function),
    file: column((fn) => files.place(fn.file)),
    line: column((fn) => fn.line),
    class: column((fn) => CLASSES.indexOf(fn.class)),
    why: column((fn) => WHYS.indexOf(fn.why)),
    coroutine: column((fn) => COROUTINES.indexOf(fn.coroutine ?? fn.inferred.coroutine)),
    inferred: column((fn) => CLASSES.indexOf(fn.inferred.class)),
    assertion: column((fn) => ASSERTIONS.indexOf(fn.assertion)),
    reached: column((fn) => REACHES.indexOf(fn.reached)),
    hasBody: column((fn) => (fn.hasBody ? 1 : 0)),
    exported,
  };
  return { functions: packed, edges: edges.flatMap(({ from, to, line, kind }) => [from, to, line, EDGE_KINDS.indexOf(kind)]), slots, waivers, coverage };
}

/** The lines around every finding and every hop, each once. */
function linesOf(findings: readonly Finding[], files: Names, readSource: (file: string) => string | undefined): PageData['lines'] {
  const wanted = new Map<string, Set<number>>();
  const want = (file: string, first: number, last: number): void => {
    const lines = wanted.get(file) ?? new Set();
    for (let line = first - LINES_AROUND; line <= last + LINES_AROUND; line++) if (line > 0) lines.add(line);
    wanted.set(file, lines);
  };
  for (const { file, line, endLine, path } of findings) {
    want(file, line, Math.min(endLine, line + 2 * LINES_AROUND));
    for (const hop of path) want(hop.file, hop.line, hop.line);
  }
  const lines: Record<number, (readonly [number, string[]])[]> = {};
  for (const [file, numbers] of wanted) {
    const source = readSource(file)?.split(/\r\n|[\n\r\u2028\u2029]/);
    if (source !== undefined) lines[files.place(file)] = runsOf([...numbers].sort((a, b) => a - b), source);
  }
  return lines;
}

function runsOf(numbers: readonly number[], source: readonly string[]): (readonly [number, string[]])[] {
  const runs: [number, string[]][] = [];
  for (const line of numbers) {
    const text = source[line - 1];
    if (text === undefined) continue;
    const shown = text.length > LONGEST_LINE ? `${text.slice(0, LONGEST_LINE)}…` : text;
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1].length === line) last[1].push(shown);
    else runs.push([line, [shown]]);
  }
  return runs;
}
