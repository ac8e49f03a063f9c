/** What a rule is, and what it is given. The list of all rules is `rules/index.ts`. */
import type { Config } from './config.ts';
import type { EdgeKind, Hop, Level, RawFinding, Why } from './finding.ts';
import type { CallSite, ClassTag, CoroutineTag, FileSummary, FunctionSummary, MemberSummary, Span, Waiver } from './summary.ts';

/** The class of a function or slot, and where it comes from. */
export interface Classification {
  readonly class: ClassTag | null;
  readonly why: Why;
  readonly coroutine: CoroutineTag | null;
}

export interface FunctionNode {
  readonly id: number;
  readonly file: string;
  readonly summary: FunctionSummary;
  readonly classification: Classification;
  readonly permissionApi: boolean;
}

export interface SlotNode {
  readonly id: number;
  readonly file: string;
  readonly summary: MemberSummary;
  readonly classification: Classification;
}

/** What a call may run: a function, a slot, or a tagged function of a library. */
export interface Callee {
  readonly name: string;
  readonly key: string;
  readonly classification: Classification;
  readonly permissionApi: boolean;
  readonly blocking: boolean;
}

/** A call that code in some context can reach, with the way there from the nearest root. */
export interface ReachedCall {
  readonly site: CallSite;
  readonly file: string;
  readonly caller: FunctionNode;
  readonly target: Callee;
  /** The argument's span when a function is passed by name; else the call's. */
  readonly span: CallSite['span'];
  readonly edge: EdgeKind;
  readonly path: readonly Hop[];
  readonly roots: number;
}

/** A function value put into a slot. */
export interface SlotFilling {
  readonly file: string;
  readonly slot: SlotNode;
  readonly span: Span;
  /** The function whose body puts it there. */
  readonly owner: FunctionNode | undefined;
  readonly member: Callee;
  readonly fn: FunctionNode | undefined;
}

/** A member of a class or interface that implements or overrides one of a base. */
export interface Implementation {
  readonly file: string;
  /** The member's name. */
  readonly span: Span;
  readonly member: Callee;
  readonly implemented: Callee;
}

/** Who brings a function into a context. */
export interface Reach {
  /** Where a shortest way to it begins: the function's name, null where that is itself. */
  readonly root: { readonly name: string | null; readonly class: ClassTag | null };
  /** Functions that call it there. */
  readonly callers: readonly FunctionNode[];
  /** Whether it also begins there: put into a slot of that class, or handed to what runs it there. */
  readonly begins: boolean;
  /** A shortest way to it; as long as the way is, so asked for only where it is told. */
  readonly path: () => readonly Hop[];
}

/** A call in a function's own body, with all it may run, contexts not told apart. */
export interface PlainCall {
  readonly site: CallSite;
  readonly file: string;
  readonly caller: FunctionNode;
  readonly callees: readonly Callee[];
  readonly slots: readonly SlotNode[];
  /** Functions given as arguments that run where the call stands, as far as it is known. */
  readonly handed: readonly Callee[];
}

/** Everything a rule may look at. */
export interface Analysis {
  readonly config: Config;
  readonly files: readonly FileSummary[];
  readonly functions: readonly FunctionNode[];
  readonly slots: readonly SlotNode[];
  functionByKey(key: string): FunctionNode | undefined;
  slotByKey(key: string): SlotNode | undefined;
  /** Calls of GS code that I/O code can reach, one for each call site and target, sorted. */
  readonly ioCalls: readonly ReachedCall[];
  /** Whether a call in the function's own body may run GS code (functions, slots and tagged library functions). */
  callsGlobalState(fn: FunctionNode): boolean;
  /** Calls of wrappers and `@noCoroutine` functions that code inside a coroutine can reach. */
  readonly callsInCoroutine: readonly ReachedCall[];
  /** Calls of coroutines that code outside of any coroutine can reach. */
  readonly callsOutOfCoroutine: readonly ReachedCall[];
  /** Blocking calls that I/O code or a coroutine can reach. */
  readonly blockingCalls: readonly ReachedCall[];
  /** All calls in bodies, in the order of files and lines. */
  readonly calls: readonly PlainCall[];
  callsIn(fn: FunctionNode): readonly PlainCall[];
  /** Every function put into a slot, in the order of files and lines. */
  readonly slotFillings: readonly SlotFilling[];
  /** Members of classes and interfaces with what they implement or override, in the order of files and lines. */
  readonly implementations: readonly Implementation[];
  /** How code of no class comes to run off the main thread, or as part of GS code in the main thread; null where it does not. */
  offMain(fn: FunctionNode): Reach | null;
  inMain(fn: FunctionNode): Reach | null;
  /** How code without a coroutine tag comes to run inside a coroutine, or outside of any; null where it does not. */
  inCoroutine(fn: FunctionNode): Reach | null;
  outOfCoroutine(fn: FunctionNode): Reach | null;
  /** Whether a call hands the function to what runs it as GS code (`@runs … globalState`). */
  isHandedToMain(fn: FunctionNode): boolean;
  /** Whether the function is used otherwise than by calling it: put somewhere, handed over, returned. */
  isUsedAsValue(fn: FunctionNode): boolean;
  /**
   * The nearest GS code that the function reaches through functions of no class, as names from the function on, the middle of a long way left out; calls
   * under a main-thread check do not count. Null where it reaches none.
   */
  wayToGlobalState(fn: FunctionNode): readonly string[] | null;
  /** Whether the function, or anything it may run, enters a wrapper, opens a drained section or waits for a callback. */
  polls(callee: Callee): boolean;
}

interface RuleInfo {
  /** Named after the fault. */
  readonly id: string;
  readonly level: Level;
  /** One sentence: what it finds. */
  readonly title: string;
  /** One sentence: why that is a fault. */
  readonly why: string;
}

/** A rule over the analysed program. */
export interface AnalysisRule extends RuleInfo {
  evaluate(analysis: Analysis): RawFinding[];
}

/** What became of one waiver once all other findings were known. */
export interface WaiverUse {
  readonly file: string;
  readonly waiver: Waiver;
  /** Rules named in it that suppressed nothing. */
  readonly idle: readonly string[];
  /** Names in it that are no rule. */
  readonly unknown: readonly string[];
  /** The function that holds the comment, or `<module>`. */
  readonly function: string;
}

/** A rule over the waivers; policy runs it last. */
export interface WaiverRule extends RuleInfo {
  evaluateWaivers(uses: readonly WaiverUse[]): RawFinding[];
}

export type Rule = AnalysisRule | WaiverRule;
