/**
 * The audit of a code base: its report together with every function, who calls whom, what is tagged and asserted, and what is waived.
 *
 * In: nothing. Out: plain, sorted data that `engine` makes and `report` prints.
 */
import type { GraphEdge, InventoryFunction, InventorySlot } from './questions.ts';

/** Which code reaches a function: off the main thread, in it, both, or none that gsio knows of. */
export type Reached = 'io' | 'main' | 'both' | null;

export interface AuditFunction extends InventoryFunction {
  /** Whether it belongs to the inventory; the others have no name of their own or are another project's, and only take part in calls. */
  readonly listed: boolean;
  readonly reached: Reached;
}

/** `from` and `to` are places in the list of functions; the call stands in the file of `from`. Calls of assertions and predicates are left out. */
export type AuditEdge = Pick<GraphEdge, 'from' | 'to' | 'line' | 'kind'>;

export interface AuditWaiver {
  readonly file: string;
  readonly line: number;
  /** Empty: every rule. */
  readonly rules: readonly string[];
  readonly reason: string | null;
  readonly source: 'gsio' | 'eslint';
  /** Whether a finding of `unused-waiver` complains about it. */
  readonly unused: boolean;
}

export interface Coverage {
  /** Functions with a name of their own. */
  readonly functions: number;
  readonly classified: number;
  /** Global State functions with a body, and those of them that assert. */
  readonly globalState: number;
  readonly asserted: number;
  /** Functions that API modules export, and those of them with a class. */
  readonly exported: number;
  readonly exportedClassified: number;
  /** Functions with a body that some root is known to reach, in any thread, and all with a body. */
  readonly reached: number;
  readonly bodies: number;
}

export interface Audit {
  readonly functions: readonly AuditFunction[];
  readonly edges: readonly AuditEdge[];
  readonly slots: readonly InventorySlot[];
  readonly waivers: readonly AuditWaiver[];
  readonly coverage: Coverage;
  /** For each finding of the report, for each hop of its path: the function's place in the list; -1 for slots and library functions. */
  readonly hops: readonly (readonly number[])[];
}
