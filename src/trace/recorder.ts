/**
 * Runs inside the traced program, before anything else does: notes which call site ran which function.
 *
 * In: GSIO_TRACE_FOLDER, where the notes go, and GSIO_TRACE_ROOT, the folder of the traced copy. Out: one file for each
 * process and thread, one JSON line for each new call or violation. Each line is written at once: a worker that is killed
 * loses nothing.
 * The file is loaded by itself, as plain JavaScript: it imports nothing but Node.js, and what goes wrong in it stays in it.
 *
 * A call note is `[site, function, context, caller]`; the caller is the frame below the function's on the stack: the call itself,
 * or the library that ran the function.
 *
 * Instrumented code calls four functions. `n` is the last argument of every call and names the call site; `e` is the first
 * statement of every function and ties the site to it; `r` gets the result of every call and forgets the site; `c` forgets
 * it where an exception was caught.
 */
import fs from 'node:fs';
import path from 'node:path';
import { isMainThread, threadId } from 'node:worker_threads';

/** What `gsio/runtime` publishes, as far as it is needed here. */
interface ContextRegistry {
  provider?: { inMainThread(): boolean; inCoroutine(): boolean };
  onViolation?: (violation: Violation) => void;
}

interface Violation {
  readonly function: string;
  readonly assertion: string;
  readonly needs: string;
  readonly runsIn: string;
  readonly stack?: string;
}

const STACK_DEPTH = 100;
/** This file's two frames, those of the function and of what makes an object, the caller. */
const CALLER_DEPTH = 6;
/** More functions than one program can have; site and function make one number. */
const FUNCTIONS = 2 ** 24;
const NOTHING: readonly never[] = [];

const folder = process.env['GSIO_TRACE_FOLDER'];
const root = process.env['GSIO_TRACE_ROOT'];
const defer = queueMicrotask;

/** The call site that is about to call something; 0 where none is. */
let site = 0;
/** The context provider may be instrumented code itself: what it calls is not recorded. */
let asking = false;
let forgetting = false;
/** For each pair of site and function: which contexts are known, as bits. */
const known = new Map<number, number>();
const violations = new Set<string>();
let notes: number | null = null;

function forget(): void {
  forgetting = false;
  site = 0;
}

function name(id: number): readonly never[] {
  if (asking) return NOTHING;
  site = id;
  if (!forgetting) {
    // Where a library swallows the exception of a call, nothing else forgets the site before the next turn of the event loop.
    forgetting = true;
    defer(forget);
  }
  return NOTHING;
}

function enter(id: number): void {
  if (site === 0 || asking) return;
  const pair = site * FUNCTIONS + id;
  const from = site;
  site = 0;
  const context = currentContext();
  const contexts = known.get(pair) ?? 0;
  if ((contexts & (1 << context)) !== 0) return;
  known.set(pair, contexts | (1 << context));
  write([from, id, context, callerOf(stackLines(CALLER_DEPTH))]);
}

function returned<Result>(result: Result): Result {
  if (!asking) site = 0;
  return result;
}

function caught(): void {
  if (!asking) site = 0;
}

/** A number of two digits to the base three: main thread and coroutine, each no, yes or unknown. */
function currentContext(): number {
  const { provider } = registry();
  if (provider === undefined) return (isMainThread ? 1 : 0) * 3 + 2;
  asking = true;
  try {
    return (provider.inMainThread() ? 1 : 0) * 3 + (provider.inCoroutine() ? 1 : 0);
  } catch {
    return 8;
  } finally {
    asking = false;
  }
}

function registry(): ContextRegistry {
  const holder = globalThis as { [key: symbol]: ContextRegistry | undefined };
  return (holder[Symbol.for('gsio.context')] ??= {});
}

function violated(violation: Violation): void {
  const { function: functionName, assertion, needs, runsIn } = violation;
  const record = { function: functionName, assertion, needs, runsIn, site, stack: framesOf(violation.stack ?? '') };
  const text = JSON.stringify(record);
  if (violations.has(text)) return;
  violations.add(text);
  write(record);
}

/** The frames from the function that asserted on, as deep as they go; an error's own stack is mostly cut at ten. */
function framesOf(stack: string): { file: string; line: number }[] {
  const deep = stackLines(STACK_DEPTH);
  const own = stack.split('\n').filter((line) => /^\s*at /.test(line));
  const begin = own[0] === undefined ? -1 : deep.indexOf(own[0]);
  return (begin < 0 ? own : deep.slice(begin)).flatMap((line) => frameOf(line) ?? []);
}

function stackLines(depth: number): string[] {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = depth;
  const { stack } = new Error();
  Error.stackTraceLimit = limit;
  return typeof stack === 'string' ? stack.split('\n').filter((line) => /^\s*at /.test(line)) : [];
}

/** `file:line` in the copy; elsewhere what the frame says: `Array.map (<anonymous>)`. */
function callerOf(lines: readonly string[]): string {
  const own = lines.findIndex((line) => /\benter\b.*recorder\.mjs/.test(line));
  // The initialiser of fields is a frame of its own.
  const below = lines.slice(own + 2).find((line) => !line.includes('<instance_members_initializer>'));
  if (own < 0 || below === undefined) return '';
  const frame = frameOf(below);
  return frame === null ? below.trim().replace(/^at (?:async )?/, '') : `${frame.file}:${String(frame.line)}`;
}

function frameOf(line: string): { file: string; line: number } | null {
  const match = /(?:^|[\s(])((?:file:\/\/)?\/?[^\s()]*?):(\d+):\d+\)?$/.exec(line);
  if (match === null || root === undefined) return null;
  let file = match[1] ?? '';
  if (file.startsWith('file://')) {
    try {
      file = decodeURIComponent(new URL(file).pathname);
    } catch {
      return null;
    }
  }
  return file.startsWith(`${root}/`) ? { file: file.slice(root.length + 1), line: Number(match[2]) } : null;
}

function write(record: object): void {
  if (folder === undefined) return;
  try {
    notes ??= fs.openSync(path.join(folder, `${String(process.pid)}-${String(threadId)}-${String(process.hrtime.bigint())}.jsonl`), 'a');
    fs.writeSync(notes, `${JSON.stringify(record)}\n`);
  } catch {
    // The trace is over, or its disk is full; the program must not notice.
  }
}

const recorder = { e: enter, n: name, r: returned, c: caught };
// Contexts of node:vm have a global object of their own, and mostly share the process.
Object.defineProperty(globalThis, '__gsio', { value: recorder, configurable: true });
Object.defineProperty(process, '__gsio', { value: recorder, configurable: true });
registry().onViolation = violated;
