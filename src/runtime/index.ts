/**
 * Run-time assertions and predicates of the API discipline: the module `gsio/runtime`.
 *
 * In: where the calling code runs, as told by a context provider. Out: nothing, or a thrown `ContextViolation`.
 * Leaves to others: finding the violations before they happen (the analyzer), and entering contexts (the program itself).
 *
 * The module has no dependencies and imports nothing, so that it can be bundled for any platform.
 */

/**
 * Answers where the calling code runs. A program plugs in its own with {@link setContextProvider}; the two tests of a
 * block layer come ready made: {@link bigLockProvider} and {@link mainContextProvider}.
 */
export interface ContextProvider {
  /** Whether the main thread runs the calling code (or the caller holds the lock that stands for it). */
  inMainThread(): boolean;
  /** Whether a coroutine runs the calling code. */
  inCoroutine(): boolean;
  /** Whether the graph may be written here and now. Without it, wherever {@link ContextProvider.inMainThread} holds. */
  graphWritable?(): boolean;
  /** Where the calling code runs, as a phrase that follows "runs in": `the iothread io0`. */
  describe?(): string;
}

/** What a failed assertion knows. */
export interface ContextViolationDetails {
  /** The function that asserted. */
  readonly function: string;
  /** The assertion: `GLOBAL_STATE_CODE`, `assertGraphWritable`. */
  readonly assertion: string;
  /** What the function needs: `the main thread`. */
  readonly needs: string;
  /** Where it runs instead: `a worker thread`. */
  readonly runsIn: string;
}

/** A function ran where its class does not allow it. The message names the function, what it needs and where it runs. */
export class ContextViolation extends Error implements ContextViolationDetails {
  override readonly name = 'ContextViolation';
  /** The same for every violation, for code that tells errors apart by code. */
  readonly code = 'GSIO_CONTEXT_VIOLATION';
  readonly function: string;
  readonly assertion: string;
  readonly needs: string;
  readonly runsIn: string;

  constructor(details: ContextViolationDetails) {
    super(`${details.function} needs ${details.needs} (${details.assertion}), but runs in ${details.runsIn}.`);
    this.function = details.function;
    this.assertion = details.assertion;
    this.needs = details.needs;
    this.runsIn = details.runsIn;
  }
}

/** Settings of {@link bigLockProvider}. */
export interface BigLockOptions {
  /** Whether the caller, whichever thread it is, holds the big lock. */
  readonly holdsBigLock: () => boolean;
  /** Whether a coroutine runs. Default: never. */
  readonly inCoroutine?: () => boolean;
  /** Whether the graph may be written. Default: where the big lock is held. */
  readonly graphWritable?: () => boolean;
  /** Where the caller runs, for messages. */
  readonly describe?: () => string;
}

/**
 * The main-thread test of a full emulator: main is whoever holds the big lock, a vCPU thread too.
 *
 * @example
 * setContextProvider(bigLockProvider({ holdsBigLock: () => bigLock.owner === currentThread() }));
 */
export function bigLockProvider(options: BigLockOptions): ContextProvider {
  const { holdsBigLock, inCoroutine = never, graphWritable, describe } = options;
  return {
    inMainThread: () => holdsBigLock(),
    inCoroutine: () => inCoroutine(),
    graphWritable: () => (graphWritable ?? holdsBigLock)(),
    describe: () => describe?.() ?? (holdsBigLock() ? 'code that holds the big lock' : 'code without the big lock'),
  };
}

/** Settings of {@link mainContextProvider}. */
export interface MainContextOptions<Context> {
  /** The context that runs the caller. */
  readonly currentContext: () => Context;
  /** The context of the main loop. */
  readonly mainContext: () => Context;
  /** The name of a context, for messages. */
  readonly nameOf?: (context: Context) => string;
  /** Whether a coroutine runs. Default: never. */
  readonly inCoroutine?: () => boolean;
  /** Whether the graph may be written. Default: in the main context. */
  readonly graphWritable?: () => boolean;
}

/**
 * The main-thread test of a daemon, a tool or a test: main is where the current context is the main one.
 *
 * @example
 * setContextProvider(mainContextProvider({ currentContext: () => loop.current, mainContext: () => loop.main }));
 */
export function mainContextProvider<Context>(options: MainContextOptions<Context>): ContextProvider {
  const { currentContext, mainContext, nameOf, inCoroutine = never, graphWritable } = options;
  const inMain = (): boolean => Object.is(currentContext(), mainContext());
  return {
    inMainThread: inMain,
    inCoroutine: () => inCoroutine(),
    graphWritable: () => (graphWritable ?? inMain)(),
    describe: () => nameOf?.(currentContext()) ?? (inMain() ? 'the main context' : 'another context than the main one'),
  };
}

/**
 * The provider that holds until a program sets its own: JavaScript's own main thread is the main thread, a worker
 * (`worker_threads` or Web Worker) is not. A plain async function is not known to be a coroutine, so none ever runs.
 */
export const platformProvider: ContextProvider = {
  inMainThread: runsInPlatformMainThread,
  inCoroutine: never,
  describe: () => (runsInPlatformMainThread() ? 'the main thread' : 'a worker thread'),
};

/** What all copies of this module in one program share; tools may listen. */
interface ContextRegistry {
  provider?: ContextProvider;
  /** Hears of every failed assertion before it is thrown. */
  onViolation?: (violation: ContextViolation) => void;
}

// Kept under a registered symbol: two copies of this module in one program must agree on where they run.
const REGISTRY = Symbol.for('gsio.context');
const shared = globalThis as { [REGISTRY]?: ContextRegistry | undefined };
const registry: ContextRegistry = (shared[REGISTRY] ??= {});

/**
 * Makes `provider` answer all later questions of this thread.
 *
 * @returns the provider that answered until now, so that a test can put it back
 */
export function setContextProvider(provider: ContextProvider): ContextProvider {
  const before = contextProvider();
  registry.provider = provider;
  return before;
}

/** The provider that answers now. */
export function contextProvider(): ContextProvider {
  return registry.provider ?? platformProvider;
}

/**
 * Whether the main thread runs the calling code.
 *
 * @mainThreadCheck
 */
export function inMainThread(): boolean {
  return contextProvider().inMainThread();
}

/**
 * Whether a coroutine runs the calling code.
 *
 * @coroutineCheck
 */
export function inCoroutine(): boolean {
  return contextProvider().inCoroutine();
}

/**
 * Asserts that the main thread runs the calling function. The first statement of every Global State function.
 *
 * @param functionName - names the function in the error; without it the name is read off the stack
 * @throws {@link ContextViolation} off the main thread
 * @asserts globalState
 */
export function GLOBAL_STATE_CODE(functionName?: string): void {
  if (!contextProvider().inMainThread()) throw violation(GLOBAL_STATE_CODE, 'the main thread', functionName);
}

/**
 * Says that any thread may run the calling function. It checks nothing, by design: I/O code has no context to be in,
 * and its thread safety cannot be seen at run time. The call is a statement for readers and for the analyzer.
 *
 * @asserts io
 */
export function IO_CODE(): void {}

/**
 * Says that the main thread or the home thread of the node runs the calling function. It checks nothing, by design:
 * which thread is home depends on the node, and the body must be I/O-safe anyway.
 *
 * @asserts ioOrGs
 */
export function IO_OR_GS_CODE(): void {}

/**
 * Asserts that the graph may be written: by default where the main thread runs; a provider can ask for more, such as
 * a drained node.
 *
 * @param functionName - names the function in the error; without it the name is read off the stack
 * @throws {@link ContextViolation} where the graph must not be written
 * @asserts graphWritable
 */
export function assertGraphWritable(functionName?: string): void {
  const provider = contextProvider();
  const writable = provider.graphWritable === undefined ? provider.inMainThread() : provider.graphWritable();
  if (!writable) throw violation(assertGraphWritable, 'a writable graph', functionName);
}

function never(): boolean {
  return false;
}

function runsInPlatformMainThread(): boolean {
  platformAnswer ??= askPlatform();
  return platformAnswer;
}

// A thread never changes its kind, so it is asked once.
let platformAnswer: boolean | undefined;

function askPlatform(): boolean {
  const platform = globalThis as {
    process?: { getBuiltinModule?: (id: string) => { isMainThread?: boolean } | undefined };
    WorkerGlobalScope?: unknown;
  };
  // Not an import: bundlers for browsers would stumble over the module's name.
  const isMainThread = platform.process?.getBuiltinModule?.('node:worker_threads')?.isMainThread;
  return isMainThread ?? platform.WorkerGlobalScope === undefined;
}

function violation(assertion: (functionName?: string) => void, needs: string, functionName: string | undefined): ContextViolation {
  const runsIn = contextProvider().describe?.() ?? 'another thread';
  const stack = stackAbove(assertion);
  const name = functionName ?? functionOnTop(stack) ?? 'A function without a name';
  const error = new ContextViolation({ function: name, assertion: assertion.name, needs, runsIn });
  if (stack !== '') error.stack = `${error.name}: ${error.message}\n${stack}`;
  registry.onViolation?.(error);
  return error;
}

/** The frames above `assertion`, without the line of the error itself. */
function stackAbove(assertion: (functionName?: string) => void): string {
  const holder: { stack?: string } = {};
  const capture = (Error as { captureStackTrace?: (target: object, above: (functionName?: string) => void) => void }).captureStackTrace;
  if (capture !== undefined) {
    capture(holder, assertion);
    return (holder.stack ?? '').split('\n').slice(1).join('\n');
  }
  const lines = (new Error().stack ?? '').split('\n');
  const own = lines.findIndex((line) => frameName(line) === assertion.name);
  return lines.slice(own + 1).join('\n');
}

function functionOnTop(stack: string): string | undefined {
  return frameName(stack.split('\n', 1)[0] ?? '');
}

/**
 * The function's name in one line of a stack, of V8 (`at async Disk.read (disk.ts:3:5)`) or of the other engines
 * (`read@disk.ts:3:5`).
 */
function frameName(line: string): string | undefined {
  const v8 = /^\s*at (?:async )?(?:new )?([^\s(]+)(?: \[as [^\]]+\])? \(/.exec(line);
  const name = v8?.[1] ?? (v8 === null ? /^([^@\s]+)@/.exec(line)?.[1] : undefined);
  if (name === undefined || name === '<anonymous>' || name.endsWith('.<anonymous>')) return undefined;
  return name.replace(/^Object\./, '');
}
