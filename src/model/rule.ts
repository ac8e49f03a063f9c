/** What a rule is, and what it is given. The list of all rules is `rules/index.ts`. */
import type { Config } from './config.ts';
import type { EdgeKind, Hop, Level, RawFinding, Why } from './finding.ts';
import type { CallSite, ClassTag, CoroutineTag, FileSummary, FunctionSummary, MemberSummary, Waiver } from './summary.ts';

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

/** A call that code off the main thread can reach, with the nearest root. */
export interface IoCall {
  readonly site: CallSite;
  readonly file: string;
  readonly caller: FunctionNode;
  /** Function or slot; its name is the finding's target. */
  readonly target: { readonly name: string; readonly classification: Classification; readonly permissionApi: boolean; readonly key: string };
  /** The argument's span when a function is passed by name; else the call's. */
  readonly span: CallSite['span'];
  readonly edge: EdgeKind;
  readonly path: readonly Hop[];
  readonly roots: number;
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
  readonly ioCalls: readonly IoCall[];
  /** Whether a call in the function's own body may run GS code (functions, slots and tagged library functions). */
  callsGlobalState(fn: FunctionNode): boolean;
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
}

/** A rule over the waivers; policy runs it last. */
export interface WaiverRule extends RuleInfo {
  evaluateWaivers(uses: readonly WaiverUse[]): RawFinding[];
}

export type Rule = AnalysisRule | WaiverRule;
