/**
 * What the page of the report reads: the audit, packed. Whoever makes it and the page itself share this file.
 *
 * Lists of functions are columns, and words that repeat are places in a list, so that 100 000 functions are a few megabytes.
 */
import type { AuditWaiver, Coverage, Reached } from '../../model/audit.ts';
import type { EdgeKind, Level, ReportSummary, Why } from '../../model/finding.ts';
import type { ClassTag, CoroutineTag } from '../../model/summary.ts';
import type { InventorySlot } from '../../model/questions.ts';

export const LEVELS = ['error', 'warning', 'info'] as const satisfies readonly Level[];
export const CLASSES = [null, 'globalState', 'io', 'ioOrGs', 'common'] as const satisfies readonly (ClassTag | null)[];
export const COROUTINES = [null, 'coroutine', 'coroutineMixed', 'coroutineWrapper', 'noCoroutine'] as const satisfies readonly (CoroutineTag | null)[];
export const WHYS = ['declared', 'inherited', 'module', 'model', 'inferred'] as const satisfies readonly Why[];
export const EDGE_KINDS = ['root', 'call', 'slot', 'callback', 'construct', 'accessor'] as const satisfies readonly EdgeKind[];
export const ASSERTIONS = [null, 'globalState', 'io', 'ioOrGs'] as const;
export const REACHES = [null, 'io', 'main', 'both'] as const satisfies readonly Reached[];

/** `[name, file, line, column, edge, class, why, place of the function or -1]` */
export type PackedHop = readonly [string, number, number, number, number, number, number, number];

export interface PackedFinding {
  /** The fingerprint, made unique. */
  readonly id: string;
  readonly rule: number;
  readonly level: number;
  /** File, line, column, end line, end column. */
  readonly at: readonly [number, number, number, number, number];
  readonly in: string;
  readonly target: string;
  readonly message: string;
  readonly hint: string;
  readonly path: readonly PackedHop[];
  readonly roots: number;
  /** It is not in the earlier report. */
  readonly fresh?: 1;
}

export interface PackedFunctions {
  /** Whether it belongs to the inventory. */
  readonly listed: readonly number[];
  readonly name: readonly string[];
  readonly file: readonly number[];
  readonly line: readonly number[];
  readonly class: readonly number[];
  readonly why: readonly number[];
  readonly coroutine: readonly number[];
  /** Of the class. */
  readonly inferred: readonly number[];
  readonly assertion: readonly number[];
  readonly reached: readonly number[];
  readonly hasBody: readonly number[];
  /** Files that export the function, for those that are exported. */
  readonly exported: Readonly<Record<number, readonly number[]>>;
}

export interface PageRule {
  readonly id: string;
  readonly level: Level;
  readonly title: string;
  readonly why: string;
  /** The part of its page that tells how to fix it, as Markdown. */
  readonly fix: string;
}

export interface PageTrend {
  /** The name of the earlier report. */
  readonly name: string;
  readonly before: { readonly findings: Readonly<Record<Level, number>>; readonly coverage: Coverage | null };
  readonly fresh: number;
  readonly gone: readonly { readonly rule: string; readonly level: Level; readonly file: string; readonly function: string; readonly message: string }[];
}

export interface PageInventory {
  readonly functions: PackedFunctions;
  /** From, to, line, kind, one after the other. */
  readonly edges: readonly number[];
  readonly slots: readonly InventorySlot[];
  readonly waivers: readonly AuditWaiver[];
  readonly coverage: Coverage;
}

export interface PageData {
  readonly version: string;
  readonly project: string;
  readonly summary: Omit<ReportSummary, 'capped' | 'milliseconds'>;
  /** What was left out: findings of a baseline, all before a revision. */
  readonly known: number;
  readonly since: string | null;
  readonly rules: readonly PageRule[];
  readonly files: readonly string[];
  readonly findings: readonly PackedFinding[];
  /** By file: runs of lines, each with the number of its first. */
  readonly lines: Readonly<Record<number, readonly (readonly [number, readonly string[]])[]>>;
  /** Null where only the findings are known. */
  readonly inventory: PageInventory | null;
  readonly trend: PageTrend | null;
}
