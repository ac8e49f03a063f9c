/**
 * What really ran, and how it compares with what the analysis knew.
 *
 * In: nothing. Out: plain, sorted data that `trace` records and compares, and `report` prints.
 */
import type { Span } from './summary.ts';

/** A place in a source file; `file` is relative to the project's folder, with `/`. */
export interface SourceSpan extends Span {
  readonly file: string;
}

// ---- the trace -------------------------------------------------------------------------------------------------------

export interface TracedFunction extends SourceSpan {
  readonly function: string;
}

/** A call expression; `caller` is the function whose body holds it, as a place in the list of functions. */
export interface TracedSite extends SourceSpan {
  readonly caller: number;
}

/** Where a call ran, as the program's own context provider tells it; null where it could not tell. */
export interface TracedContext {
  readonly mainThread: boolean | null;
  readonly coroutine: boolean | null;
}

/**
 * Once for each site, function and context; `site` and `function` are places in their lists.
 * `through`: what stood between the two. A library runs functions that it is handed; code that was not instrumented calls what
 * it likes; where the stack did not tell, it is `null`, as for a plain call.
 */
export interface TracedCall {
  readonly site: number;
  readonly function: number;
  readonly context: TracedContext;
  readonly through: { readonly kind: 'library' | 'untraced'; readonly name: string } | null;
}

export interface StackFrame {
  readonly file: string;
  readonly line: number;
}

/** An assertion of `gsio/runtime` that failed. */
export interface TracedViolation {
  readonly function: string;
  readonly assertion: string;
  readonly needs: string;
  readonly runsIn: string;
  /** Frames in the project's own source, innermost first. */
  readonly stack: readonly StackFrame[];
}

export interface Trace {
  readonly schemaVersion: 1;
  readonly tool: { readonly name: 'gsio'; readonly version: string };
  readonly command: readonly string[];
  /** Exit status of the command. */
  readonly status: number;
  /** The files that were instrumented; a hash tells whether one has changed since. */
  readonly files: readonly { readonly file: string; readonly hash: string }[];
  /** The functions that occur below. */
  readonly functions: readonly TracedFunction[];
  readonly sites: readonly TracedSite[];
  readonly calls: readonly TracedCall[];
  readonly violations: readonly TracedViolation[];
}

// ---- the comparison --------------------------------------------------------------------------------------------------

/**
 * Why the graph lacks a recorded call.
 * `unresolved`: nothing was known that the call could run. `other-targets`: other functions were. `through-library`: a library
 * ran the function. `unknown-site`: the analysis has no call there. `unknown-function`: nor the function.
 */
export type MissCause = 'unresolved' | 'other-targets' | 'through-library' | 'unknown-site' | 'unknown-function';

export interface Miss extends SourceSpan {
  readonly cause: MissCause;
  readonly caller: string;
  readonly function: string;
  /** Where the function is declared. */
  readonly declared: { readonly file: string; readonly line: number; readonly column: number };
  /** The reason of an unresolved call, the library function, or the names of the other targets. */
  readonly detail: string;
}

export interface FanOut extends SourceSpan {
  readonly caller: string;
  readonly text: string;
  readonly targets: number;
  /** How many of them were seen to run. */
  readonly seen: number;
}

export interface JudgedViolation extends TracedViolation {
  /** The finding that told of it. */
  readonly predictedBy: { readonly rule: string; readonly file: string; readonly line: number } | null;
}

export interface Recall {
  /** Pairs of a call site and a function that it was seen to run, but for the two kinds below. */
  readonly calls: number;
  /** Callbacks that `@runs` hands to another context begin there: no edge leads to them. */
  readonly scheduled: number;
  /** Functions that code outside of the project ran. */
  readonly untraced: number;
  /** Those that the graph has at that very call, and those that it has at another call of the same function only. */
  readonly atSite: number;
  readonly inCaller: number;
  readonly misses: readonly Miss[];
  readonly precision: {
    /** Call sites that call code of the project, and the functions that they may call. */
    readonly callSites: number;
    readonly targets: number;
    /** Calls of libraries that may run functions which they are handed, and these functions. */
    readonly libraryCalls: number;
    readonly libraryTargets: number;
    /** Call sites of both kinds that were seen to run, with their targets; `seen` counts the targets that ran. */
    readonly tracedCallSites: number;
    readonly tracedTargets: number;
    readonly seen: number;
    readonly fanOuts: readonly FanOut[];
  };
  readonly violations: readonly JudgedViolation[];
  /** Assertions that failed in code outside of the project. */
  readonly foreignViolations: number;
}
