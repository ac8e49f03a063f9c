/**
 * Calls that code off the main thread can reach, one for each place in the source.
 *
 * In: the analysis. Out: its I/O calls, and words for who reaches them.
 * Leaves to others: which of them is a change of permissions.
 */
import type { Analysis, IoCall } from '../src/model/rule.ts';
import { CODE_OF } from './class-words.ts';

/**
 * One call for each place. Where a call has several targets (`driver.close()` of two drivers, the read and the write of
 * `disk.size += 1`), one of permission API stands for all, else the one with the shortest path, else the first by name.
 */
export function ioCallsByPlace(analysis: Analysis): IoCall[] {
  const places = new Map<string, IoCall>();
  for (const call of analysis.ioCalls) {
    const { line, column, endLine, endColumn } = call.span;
    const place = [call.file, line, column, endLine, endColumn].join(':');
    const before = places.get(place);
    if (before === undefined || standsFor(call, before)) places.set(place, call);
  }
  return [...places.values()];
}

function standsFor(call: IoCall, other: IoCall): boolean {
  if (call.target.permissionApi !== other.target.permissionApi) return call.target.permissionApi;
  if (call.path.length !== other.path.length) return call.path.length < other.path.length;
  return call.target.name < other.target.name;
}

/** What the caller does: "growFor calls resizeImage". */
export function deed(call: IoCall): string {
  const caller = call.caller.summary.kind === 'module' ? 'The module' : call.caller.summary.name;
  switch (call.edge) {
    case 'callback': return `${caller} hands over ${call.target.name} to be called`;
    case 'construct': return `${caller} constructs ${call.target.name}`;
    case 'accessor': return `${caller} uses ${call.target.name}`;
    case 'slot': return `${caller} calls the slot ${call.target.name}`;
    case 'call': case 'root': return `${caller} calls ${call.target.name}`;
  }
}

/** Why that happens off the main thread: "is reached from writeSector (I/O code) and 2 more roots". */
export function context(call: IoCall): string {
  const root = call.path[0];
  const further = call.roots > 1 ? ` and ${String(call.roots - 1)} more ${call.roots === 2 ? 'root' : 'roots'}` : '';
  if (root === undefined) return 'can run off the main thread';
  // A callback has no class of its own: it is where it is run that makes it a root.
  const kind = root.class === null || root.why === 'inferred' ? 'run in I/O context' : CODE_OF[root.class];
  if (root.function === call.caller.summary.name && root.file === call.caller.file) return `is ${kind}${further === '' ? '' : `, also reached from${further.slice(' and'.length)}`}`;
  return `is reached from ${root.function} (${kind})${further}`;
}
