/** Findings and the report: the values that policy and every reporter work on. Leaves rendering to `report`. */
import type { ClassTag, Span } from './summary.ts';

export type Level = 'error' | 'warning' | 'info';
export type EdgeKind = 'root' | 'call' | 'slot' | 'callback' | 'construct' | 'accessor';
/** Where the class of a hop comes from. */
export type Why = 'declared' | 'inherited' | 'module' | 'model' | 'inferred';

export interface Hop {
  readonly function: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly edge: EdgeKind;
  readonly class: ClassTag | null;
  readonly why: Why;
}

/** What a rule returns; the engine adds level, fingerprint and order. */
export interface RawFinding {
  readonly rule: string;
  readonly level?: Level;
  readonly file: string;
  readonly span: Span;
  /** Name of the function that holds it. */
  readonly function: string;
  readonly target: string;
  readonly message: string;
  /** One line: how to repair it. */
  readonly hint: string;
  readonly path?: readonly Hop[];
  readonly roots?: number;
  /** What should stand in its place, where that is certain; the empty text: nothing. */
  readonly replacement?: string;
}

export interface Finding {
  readonly rule: string;
  readonly level: Level;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly function: string;
  readonly target: string;
  readonly message: string;
  readonly hint: string;
  readonly path: readonly Hop[];
  readonly roots: number;
  readonly fingerprint: string;
  readonly replacement?: string;
}

export interface UnresolvedCall {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
  readonly reason: string;
}

/** The result of an analysis; nothing after it computes anything again. */
export interface Report {
  readonly findings: readonly Finding[];
  /** Calls that stay without a target, sorted; counted by reason in the summary. */
  readonly unresolved: readonly UnresolvedCall[];
  /** With a baseline: how many findings it holds, which are left out here. */
  readonly known?: number;
  /** The revision since which something must have changed that a finding touches; all others are left out here. */
  readonly since?: string;
  readonly summary: ReportSummary;
}

export interface ReportSummary {
  readonly files: number;
  readonly functions: number;
  readonly callSites: number;
  readonly resolvedCallSites: number;
  readonly edges: number;
  readonly findings: Readonly<Record<Level, number>>;
  readonly unresolvedByReason: Readonly<Record<string, number>>;
  /** Functions whose call contexts were merged because they grew too many. */
  readonly capped: number;
  readonly milliseconds: number;
}
