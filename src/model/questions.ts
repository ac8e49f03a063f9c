/**
 * Answers to questions about a program: its call graph, its inventory, ways between functions, one function's card.
 *
 * In: nothing. Out: plain, sorted data that `engine` makes and `report` prints. Leaves rendering to `report`.
 */
import type { EdgeKind, Hop, UnresolvedCall, Why } from './finding.ts';
import type { AssertionKind, ClassTag, CoroutineTag, Span } from './summary.ts';

// ---- the call graph --------------------------------------------------------------------------------------------------

/** A function with a body. */
export interface GraphFunction extends Span {
  /** The same in every program that holds the function. */
  readonly key: string;
  readonly function: string;
  readonly file: string;
  readonly class: ClassTag | null;
  readonly coroutine: CoroutineTag | null;
  /** Whether it belongs to the project; the others are functions of projects that it refers to. */
  readonly own: boolean;
}

/** A call that may run a function: `from` and `to` are places in the list of functions. */
export interface GraphEdge {
  readonly from: number;
  readonly to: number;
  readonly file: string;
  /** Where the call expression starts. */
  readonly line: number;
  readonly column: number;
  readonly kind: Exclude<EdgeKind, 'root'>;
}

export interface CallGraph {
  readonly functions: readonly GraphFunction[];
  readonly edges: readonly GraphEdge[];
  readonly unresolved: readonly (UnresolvedCall & { readonly from: number })[];
}

/** The calls between files, counted. */
export interface ModuleGraph {
  readonly modules: readonly { readonly file: string; readonly functions: number; readonly classes: Readonly<Partial<Record<ClassTag, number>>>; readonly coroutines: number }[];
  readonly edges: readonly { readonly from: number; readonly to: number; readonly calls: number }[];
}

// ---- the inventory ---------------------------------------------------------------------------------------------------

export interface InventoryFunction {
  readonly function: string;
  readonly file: string;
  readonly line: number;
  readonly class: ClassTag | null;
  readonly why: Why;
  readonly coroutine: CoroutineTag | null;
  readonly inferred: Inferred;
  readonly assertion: Exclude<AssertionKind, 'graphWritable'> | null;
  /** API modules that export it. */
  readonly exportedFrom: readonly string[];
  readonly hasBody: boolean;
}

/**
 * What the use of a function says where its tags say nothing.
 * `class`: `globalState` where it reaches GS code without a check, else `io` where I/O code reaches it.
 * `coroutine`: it is only called inside coroutines, and reaches a call that suspends.
 */
export interface Inferred {
  readonly class: 'globalState' | 'io' | null;
  readonly coroutine: 'coroutine' | null;
}

export interface InventorySlot {
  readonly table: string;
  readonly slot: string;
  readonly file: string;
  readonly line: number;
  readonly class: ClassTag | null;
  readonly coroutine: CoroutineTag | null;
  /** Functions that are put in or implement it, sorted. */
  readonly members: readonly string[];
}

export interface Inventory {
  readonly functions: readonly InventoryFunction[];
  readonly slots: readonly InventorySlot[];
}

// ---- ways ------------------------------------------------------------------------------------------------------------

/** One function, slot or library function that a name stands for. */
export interface NamedPlace {
  readonly key: string;
  readonly function: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly class: ClassTag | null;
  readonly why: Why;
}

/** What holds where a call stands: in which thread it can only run, or who else runs the callback. */
export type Condition =
  | { readonly by: 'check' | 'assertion' | 'switch'; readonly holds: 'main' | 'off' }
  | { readonly by: 'runs'; readonly scheduler: string; readonly context: 'globalState' | 'io' | 'coroutine' };

/** `line` is that of the call; of the first hop, that of the declaration. */
export interface WayHop extends Hop {
  /** The slot that the call goes through. */
  readonly slot: string | null;
  /** In how many more places the one before calls it in the same way. */
  readonly further: number;
  readonly condition: Condition | null;
}

export interface Ways {
  readonly from: NamedPlace;
  readonly to: NamedPlace;
  /** Shortest first. */
  readonly paths: readonly (readonly WayHop[])[];
  /** Whether there are more than were asked for. */
  readonly more: boolean;
  /** Where there is no way: the nearest one that something cuts. */
  readonly cut: {
    /** `conditions`: those of its hops. `arguments`: its calls never happen with arguments that lead on. */
    readonly by: 'conditions' | 'arguments';
    readonly path: readonly WayHop[];
  } | null;
}

// ---- the card of a function ------------------------------------------------------------------------------------------

/** The other end of a call, and the first place where the call stands. */
export interface CardCall extends Hop {
  /** In how many more places it stands. */
  readonly further: number;
}

export interface Card {
  readonly place: NamedPlace;
  readonly kind: 'function' | 'slot';
  readonly coroutine: CoroutineTag | null;
  readonly inferred: Inferred;
  readonly hasBody: boolean;
  readonly assertion: { readonly kind: AssertionKind; readonly line: number } | null;
  readonly exportedFrom: readonly string[];
  readonly callers: readonly CardCall[];
  readonly calls: readonly CardCall[];
  /** Names of the roots that reach it off the main thread, and of GS functions that reach it in the main thread. */
  readonly ioRoots: readonly string[];
  readonly mainRoots: readonly string[];
  /** Slots that it is put into or implements; of a slot, what is in it. */
  readonly slots: readonly string[];
  readonly members: readonly string[];
  /** Shortest paths: from an I/O root to it, and from it to GS code. */
  readonly fromIo: readonly Hop[] | null;
  readonly toGlobalState: readonly Hop[] | null;
}
