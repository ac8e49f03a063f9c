/**
 * From the notes of all processes to one trace, sorted.
 *
 * In: the lines that recorders wrote, the places that their numbers stand for. Out: a `Trace` with original positions.
 * Leaves to others: recording (`recorder.ts`), comparing (`compare.ts`).
 */
import type { SourceSpan, Trace, TracedCall, TracedContext, TracedFunction, TracedViolation } from '../model/trace.ts';
import { compareSpans, compareText } from './order.ts';
import type { Places } from './places.ts';

export interface Gathered {
  readonly places: Places;
  readonly notes: readonly string[];
  /** From a name relative to the copied folder to one relative to the project. */
  readonly nameInRoot: (file: string) => string;
  /** Whether a file of the copied folder, by such a name, still is the original: what is built in the copy carries its insertions. */
  readonly isOriginal: (file: string) => boolean;
  readonly files: Trace['files'];
  readonly command: readonly string[];
  readonly status: number;
  readonly version: string;
}

type CallNote = readonly [site: number, fn: number, context: number, caller: string];
type ViolationNote = TracedViolation & { readonly site: number };

export function gatherTrace(gathered: Gathered): Trace {
  const { places, notes, nameInRoot, files, command, status, version } = gathered;
  const calls: CallNote[] = [];
  const violations: ViolationNote[] = [];
  for (const note of notes.flatMap((text) => text.split('\n'))) {
    const record = parsed(note);
    if (Array.isArray(record)) calls.push(record as unknown as CallNote);
    else if (record !== null) violations.push(record as ViolationNote);
  }
  const traced = new Set(files.map(({ file }) => file));
  const through = (caller: string): TracedCall['through'] => {
    const [, copied] = /^([^\s()]+):\d+$/.exec(caller) ?? [];
    if (copied === undefined) return caller === '' ? null : { kind: 'library', name: libraryName(caller) };
    if (traced.has(nameInRoot(copied)) || !gathered.isOriginal(copied)) return null;
    return { kind: 'untraced', name: nameInRoot(copied) };
  };
  const siteIds = [...new Set(calls.map(([site]) => site))].flatMap((id) => (places.siteAt(id) === undefined ? [] : [id]));
  const functionIds = [...new Set([...calls.map(([, fn]) => fn), ...siteIds.map((id) => places.siteAt(id)?.caller ?? 0)])];
  const functions = numbered(functionIds, (id) => places.functionAt(id));
  const sites = numbered(siteIds, (id) => places.siteAt(id));
  return {
    schemaVersion: 1,
    tool: { name: 'gsio', version },
    command,
    status,
    files,
    functions: functions.values.map(({ function: name, ...span }) => ({ function: name, ...span }) satisfies TracedFunction),
    sites: sites.values.map(({ caller, ...span }) => ({ ...span, caller: functions.indexOf(caller) })),
    calls: distinct(calls.flatMap(([site, fn, context, caller]): TracedCall[] => {
      const call = { site: sites.indexOf(site), function: functions.indexOf(fn), context: contextOf(context), through: through(caller) };
      return call.site < 0 || call.function < 0 ? [] : [call];
    })).sort((a, b) => a.site - b.site || a.function - b.function || compareText(JSON.stringify(a), JSON.stringify(b))),
    violations: distinct(violations.map(({ site, stack, ...violation }) => {
      // Where the stack names no source (code built without source maps), the call of the assertion does.
      const place = places.siteAt(site);
      const own = place === undefined ? [] : [{ file: place.file, line: place.line }];
      const known = stack.map(({ file, line }) => ({ file: nameInRoot(file), line }));
      return { ...violation, stack: known.length === 0 ? own : known };
    })).sort((a, b) => compareText(JSON.stringify(a), JSON.stringify(b))),
  };
}

/** A process that was killed may have left half a line. */
function parsed(line: string): object | null {
  try {
    return line === '' ? null : JSON.parse(line) as object | null;
  } catch {
    return null;
  }
}

/** `Array.map` for `Array.map (<anonymous>)`; the package or module for what has a file. Machines and versions are left out. */
function libraryName(frame: string): string {
  const [, name, place] = /^(.*?)(?: \[as [^\]]+\])? ?\(?([^\s()]*|<anonymous>)\)?$/.exec(frame) ?? [];
  const owner = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(place ?? '')?.[1] ?? /^(node:[a-z_/]+)/.exec(place ?? '')?.[1];
  const plain = (name ?? '').replace(/^new /, '');
  return owner === undefined ? plain || 'a library' : plain === '' ? owner : `${plain} of ${owner}`;
}

/** See `currentContext` in the recorder. */
function contextOf(context: number): TracedContext {
  const answer = (digit: number): boolean | null => (digit === 2 ? null : digit === 1);
  return { mainThread: answer(Math.floor(context / 3)), coroutine: answer(context % 3) };
}

function numbered<Value extends SourceSpan>(ids: readonly number[], valueOf: (id: number) => Value | undefined): { values: Value[]; indexOf: (id: number) => number } {
  const known = ids.flatMap((id) => { const value = valueOf(id); return value === undefined ? [] : [{ id, value }]; });
  known.sort((a, b) => compareSpans(a.value, b.value) || a.id - b.id);
  const places = new Map(known.map(({ id }, index) => [id, index]));
  return { values: known.map(({ value }) => value), indexOf: (id) => places.get(id) ?? -1 };
}

function distinct<Value>(values: readonly Value[]): Value[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}
