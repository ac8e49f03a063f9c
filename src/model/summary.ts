/**
 * What a front end tells about one source file: plain, serialisable data.
 *
 * In: nothing. Out: the types that every stage behind the front ends reads.
 * Leaves to others: making summaries (`frontend/*`), tying them together (`link`).
 *
 * A *key* names a function, member, variable or class across files: `path/of/file.ts#Outer.name`.
 * A *cell* is a place through which function values flow: a variable, a parameter, a property, a container.
 */

/** A half-open range of source text; lines and columns count from 1. */
export interface Span {
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

export type ClassTag = 'globalState' | 'io' | 'ioOrGs' | 'common';
export type CoroutineTag = 'coroutine' | 'coroutineMixed' | 'coroutineWrapper' | 'noCoroutine';
export type AssertionKind = 'globalState' | 'io' | 'ioOrGs' | 'graphWritable';
export type RunContext = 'globalState' | 'io' | 'coroutine' | 'caller';
export type SwitchTarget = 'globalState' | 'io' | 'any';
export type Literal = string | number | boolean | null;

export interface RunsTag {
  /** Index of the callback parameter. */
  readonly param: number;
  readonly context: RunContext;
  readonly wait: boolean;
}

/** The tags of one declaration, already parsed. A model of a library function has the same form. */
export interface Tags {
  readonly class?: ClassTag;
  readonly coroutine?: CoroutineTag;
  readonly runs?: readonly RunsTag[];
  readonly predicate?: 'mainThread' | 'coroutine';
  readonly asserts?: AssertionKind;
  readonly switchesTo?: SwitchTarget;
  readonly permissionApi?: boolean;
  readonly graphState?: boolean;
  readonly drainBegin?: string;
  readonly drainEnd?: string;
  /** It blocks the thread (models of `fs.readFileSync` and the like). */
  readonly blocking?: boolean;
  /** Given by a model, not written in the source. */
  readonly fromModel?: boolean;
}

/** A fault in the annotations themselves, found where they are read. */
export interface TagProblem {
  readonly span: Span;
  readonly message: string;
  readonly hint: string;
  readonly function: string;
  /** The tag as it was meant, where it is misspelt. */
  readonly replacement?: string;
}

/**
 * A function value as an expression over cells; the solver turns it into sets of functions.
 * `param` is a parameter of the function that evaluates it, or of one around it.
 * `call` is the result of the call site with that index in the same file. `bound` is what `bind` returns.
 * What an `external` function returns is `plain` where that holds no function.
 */
export type Value =
  | { readonly k: 'fn'; readonly key: string }
  | { readonly k: 'member'; readonly key: string; readonly exact?: boolean }
  | { readonly k: 'class'; readonly key: string }
  | { readonly k: 'cell'; readonly key: string }
  | { readonly k: 'param'; readonly fn: string; readonly index: number }
  | { readonly k: 'call'; readonly site: number }
  | { readonly k: 'bound'; readonly target: Value; readonly args: readonly (Value | null)[] }
  | { readonly k: 'lit'; readonly value: Literal }
  | { readonly k: 'external'; readonly name: string; readonly module: string; readonly tags: Tags; readonly plain?: true; readonly opaque?: readonly number[] }
  | { readonly k: 'any'; readonly of: readonly Value[] }
  | { readonly k: 'unknown'; readonly reason: UnknownReason };

export type UnknownReason = 'any-typed' | 'no-declaration' | 'computed-member' | 'not-a-function' | 'library-without-types' | 'no-value-seen';

/** What is known of one parameter on a path: its value as a boolean, and literals it is or is not. */
export interface ParamFact {
  readonly fn: string;
  readonly index: number;
  readonly truthy?: boolean;
  readonly eq?: Literal;
  readonly ne?: readonly Literal[];
}

/**
 * One way to reach a program point: everything in it holds together.
 * `thread`: `main` proven, `off` the main thread proven, `any` after a switch away; absent: as on entry.
 */
export interface PathFacts {
  readonly thread?: 'main' | 'off' | 'any';
  readonly coroutine?: 'in' | 'out';
  readonly graphWritable?: true;
  readonly params?: readonly ParamFact[];
}

/** A disjunction of ways; empty means the point cannot be reached. */
export type Guard = readonly PathFacts[];

export type CallKind = 'call' | 'construct' | 'accessor';

export interface CallSite {
  /** Key of the function whose body holds the call. */
  readonly caller: string;
  readonly span: Span;
  readonly kind: CallKind;
  /** Source text of the callee, shortened, for messages. */
  readonly text: string;
  readonly callee: Value;
  /** For a call through a member: the object (its values flow into library results). */
  readonly receiver?: Value;
  /** Arguments up to the last that says something. */
  readonly args: readonly Argument[];
  readonly argumentCount: number;
  readonly guard: Guard;
  /** What becomes of the result, for promises: dropped means that nobody looks at it. */
  readonly result: 'awaited' | 'used' | 'dropped';
  /** Registers a listener, or emits: on which channels (class or variable keys, `*`), which event (`null`: any). */
  readonly event?: { readonly role: 'listen' | 'emit'; readonly channels: readonly string[]; readonly name: string | null };
}

export interface Argument {
  readonly value: Value | null;
  readonly span: Span;
  readonly spread?: true;
  /** The argument names a declared function (not a function expression). */
  readonly named?: true;
}

/** `from` may flow into `to`. `owner` evaluates `from`. */
export interface Flow {
  readonly to: Value;
  readonly from: Value;
  readonly owner: string;
}

/** A function value put into a slot: a table's property, a class property, an assignment. */
export interface SlotAssignment {
  readonly slot: string;
  readonly value: Value;
  readonly span: Span;
  readonly owner: string;
}

export type FunctionKind = 'function' | 'method' | 'arrow' | 'constructor' | 'getter' | 'setter' | 'module' | 'initializer' | 'signature';

export interface AssertionSite {
  readonly kind: AssertionKind;
  readonly span: Span;
  /** `late`: after a statement with an effect; `conditional`: not on every path; `repeated`: a second one of its kind. */
  readonly placement: 'ok' | 'late' | 'conditional' | 'repeated';
  readonly name: string;
}

export interface FunctionSummary {
  readonly key: string;
  /** For people: `fuseDoTruncate`, `Disk.read`, `outer/callback@12`. */
  readonly name: string;
  readonly kind: FunctionKind;
  /** The name, or the whole function where it has none. */
  readonly nameSpan: Span;
  readonly span: Span;
  /** The function around it, for closures. */
  readonly parent?: string;
  /** The class or interface that declares it. */
  readonly container?: string;
  readonly hasBody: boolean;
  readonly async: boolean;
  readonly generator: boolean;
  readonly tags: Tags;
  /** Tags of what it implements or overrides: the member's own, and those of the member's class or interface. */
  readonly inheritedTags: Tags;
  readonly inheritedContainerTags: Tags;
  /** Tags of the class or interface around it, and of the module. */
  readonly containerTags: Tags;
  readonly moduleTags: Tags;
  /** Class of the tagged function type that a variable or property of it is declared with. */
  readonly typeTags: Tags;
  /** A member of an object literal: its class comes from its slot. */
  readonly literalMember?: true;
  /** An expression body, where the assertion would need a block. */
  readonly expressionBody?: true;
  /** A body that does nothing, or asserts and does nothing else. */
  readonly idle?: true;
  /** The body itself writes to what outlives it: properties, elements, variables outside. */
  readonly writes?: true;
  readonly params: readonly ParamSummary[];
  readonly returns: readonly Value[];
  readonly assertions: readonly AssertionSite[];
  readonly waivedAssertions: readonly WaivedAssertion[];
}

export interface ParamSummary {
  readonly name: string;
  readonly rest?: true;
  /** Its type tells that it neither is nor contains a function. */
  readonly plain?: true;
  readonly default?: Value;
}

export interface WaivedAssertion {
  readonly kind: AssertionKind;
  readonly span: Span;
  readonly name: string;
}

/** A member of an interface, type literal or class that can hold or be a function. */
export interface MemberSummary {
  readonly key: string;
  /** The interface, type or class: `BlockDriver`. */
  readonly table: string;
  readonly name: string;
  readonly span: Span;
  readonly container: string;
  /** A slot holds a function value; a method of a class has a body of its own. */
  readonly slot: boolean;
  /** Declared by a library, and told of here because this file fills it. */
  readonly external?: true;
  readonly tags: Tags;
  readonly inheritedTags: Tags;
  readonly inheritedContainerTags: Tags;
  readonly containerTags: Tags;
  readonly moduleTags: Tags;
  readonly typeTags: Tags;
}

/** A class or interface, with what it extends and implements, by key. */
export interface TypeSummary {
  readonly key: string;
  readonly name: string;
  readonly kind: 'class' | 'interface' | 'type';
  readonly supers: readonly string[];
  /** Member name → key; methods, accessors, properties. Static members have the prefix `static `. */
  readonly members: Readonly<Record<string, string>>;
  readonly constructorKey?: string;
  readonly abstract?: true;
  /** Functions that run when an instance is made: field initialisers. */
  readonly initializer?: string;
}

export interface GraphWrite {
  readonly owner: string;
  readonly span: Span;
  readonly property: string;
  /** Asserted on every way to it. */
  readonly asserted: boolean;
}

export interface DrainProblem {
  readonly owner: string;
  readonly span: Span;
  readonly kind: 'left-open' | 'stray-end';
  readonly drain: string;
  /** How the section is left: `return`, `throw`, `break`, `continue`, `end`. */
  readonly exit: string;
  readonly exitLine: number;
}

export interface ExportSummary {
  readonly name: string;
  readonly span: Span;
  /** Key of the function; for `export *` every function behind it is listed with the span of the clause. */
  readonly key: string;
  readonly reExport: boolean;
}

/** A waiver comment: ours, or one of ESLint's that names our rules. */
export interface Waiver {
  readonly span: Span;
  readonly rules: readonly string[];
  /** `null`: every rule of gsio (a bare eslint-disable). */
  readonly all: boolean;
  readonly reason: string | null;
  /** Lines it covers, inclusive; `Infinity` is written as -1. */
  readonly fromLine: number;
  readonly toLine: number;
  readonly source: 'gsio' | 'eslint';
}

export interface FileSummary {
  /** Relative to the project's folder, with `/`. */
  readonly file: string;
  readonly lines: number;
  readonly functions: readonly FunctionSummary[];
  readonly calls: readonly CallSite[];
  readonly flows: readonly Flow[];
  readonly members: readonly MemberSummary[];
  readonly types: readonly TypeSummary[];
  readonly slotAssignments: readonly SlotAssignment[];
  readonly graphWrites: readonly GraphWrite[];
  readonly drains: readonly DrainProblem[];
  readonly exports: readonly ExportSummary[];
  readonly constructed: readonly string[];
  readonly waivers: readonly Waiver[];
  readonly tagProblems: readonly TagProblem[];
}
