/**
 * Calls that code in some context can reach, one for each place in the source.
 *
 * In: the analysis. Out: its calls off the main thread, and words for who reaches a call of any kind.
 * Leaves to others: which of them is a change of permissions.
 */
import type { Hop } from '../src/model/finding.ts';
import type { Analysis, ReachedCall } from '../src/model/rule.ts';
import { CODE_OF } from './class-words.ts';

/**
 * One call for each place. Where a call has several targets (`driver.close()` of two drivers, the read and the write of
 * `disk.size += 1`), one of permission API stands for all, else the one with the shortest path, else the first by name.
 */
export function ioCallsByPlace(analysis: Analysis): ReachedCall[] {
  const places = new Map<string, ReachedCall>();
  for (const call of analysis.ioCalls) {
    const { line, column, endLine, endColumn } = call.span;
    const place = [call.file, line, column, endLine, endColumn].join(':');
    const before = places.get(place);
    if (before === undefined || standsFor(call, before)) places.set(place, call);
  }
  return [...places.values()];
}

function standsFor(call: ReachedCall, other: ReachedCall): boolean {
  if (call.target.permissionApi !== other.target.permissionApi) return call.target.permissionApi;
  if (call.path.length !== other.path.length) return call.path.length < other.path.length;
  return call.target.name < other.target.name;
}

/**
 * Who calls, what brings it into the context, and what is called: "growFor is reached from writeSector (I/O code) and 2 more
 * roots, and calls resizeImage". `kind` is what the root is.
 */
export function story(call: ReachedCall, kind: (root: Hop) => string = ioKind): string {
  return `${callerOf(call)} ${context(call, kind)} ${deed(call)} ${call.target.name}`;
}

/** A callback has no class of its own: it is where it is run that makes it a root. */
function ioKind({ class: tag, why }: Hop): string {
  return tag === null || why === 'inferred' ? 'run in I/O context' : CODE_OF[tag];
}

function callerOf({ caller }: ReachedCall): string {
  return caller.summary.kind === 'module' ? 'The module' : caller.summary.name;
}

function deed({ edge }: ReachedCall): string {
  switch (edge) {
    case 'callback': return 'hands over';
    case 'construct': return 'constructs';
    case 'accessor': return 'uses';
    case 'slot': return 'calls the slot';
    case 'call': case 'root': return 'calls';
  }
}

function context({ path, roots, caller, file }: ReachedCall, kindOf: (root: Hop) => string): string {
  const [root] = path;
  if (root === undefined) return 'can run off the main thread and';
  const further = roots > 1 ? `${String(roots - 1)} more ${roots === 2 ? 'root' : 'roots'}` : '';
  const kind = kindOf(root);
  if (root.function !== caller.summary.name || root.file !== file) {
    return `is reached from ${root.function} (${kind})${further === '' ? '' : ` and ${further}`}, and`;
  }
  return further === '' ? `is ${kind} and` : `is ${kind}, is reached from ${further}, and`;
}
