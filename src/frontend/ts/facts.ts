/**
 * What is known at a program point, path by path.
 *
 * A state is a small set of *ways* to reach the point; within one way all facts hold together. Two `if`s over the same
 * unknown value stay tied: after `if (!growable && !inMainThread()) return;` there are the ways {growable} and
 * {not growable, main thread}, and a later `if (!growable)` leaves only the second.
 *
 * Leaves to others: which expression says what (`expressions.ts`).
 */
import type { Literal } from '../../model/summary.ts';

/** What one way knows of a variable or property, by its source text. */
export interface AtomFact {
  readonly truthy?: boolean;
  readonly eq?: Literal;
  readonly ne?: readonly Literal[];
}

export interface OpenDrain {
  readonly name: string;
  /** Index of the call that opened it. */
  readonly site: number;
}

export interface Way {
  readonly thread: 'main' | 'off' | 'any' | null;
  readonly coroutine: 'in' | 'out' | null;
  readonly graphWritable: boolean;
  readonly drains: readonly OpenDrain[];
  /** Names of sections that may or may not be open: their ends are not checked. */
  readonly loose: ReadonlySet<string>;
  readonly atoms: ReadonlyMap<string, AtomFact>;
}

export type State = readonly Way[];

export const ENTRY: Way = { thread: null, coroutine: null, graphWritable: false, drains: [], loose: new Set(), atoms: new Map() };
const MAX_WAYS = 12;

export function mapWays(state: State, change: (way: Way) => Way | null): State {
  const ways: Way[] = [];
  let same = true;
  for (const way of state) {
    const changed = change(way);
    if (changed !== way) same = false;
    if (changed !== null) ways.push(changed);
  }
  if (same) return state;
  return state.length > 1 ? union(ways, []) : ways;
}

export function union(a: State, b: State): State {
  if (a === b) return a;
  if (b.length === 0 && a.length <= 1) return a;
  if (a.length === 0 && b.length <= 1) return b;
  let ways: Way[] = [];
  for (const way of [...a, ...b]) add(ways, way);
  ways = mergeComplements(ways);
  return ways.length > MAX_WAYS ? coarsen(ways) : ways;
}

function add(ways: Way[], way: Way): void {
  for (const other of ways) if (covers(other, way)) return;
  for (let i = ways.length - 1; i >= 0; i--) if (covers(way, ways[i] as Way)) ways.splice(i, 1);
  ways.push(way);
}

/** `a` covers `b` when it knows nothing that `b` does not know too. */
function covers(a: Way, b: Way): boolean {
  if (a === b) return true;
  if (a.thread !== null && a.thread !== b.thread) return false;
  if (a.thread === null && b.thread === 'any') return false;
  if (a.coroutine !== null && a.coroutine !== b.coroutine) return false;
  if (a.graphWritable && !b.graphWritable) return false;
  if (a.atoms.size > b.atoms.size || !sameDrains(a.drains, b.drains) || a.loose.size !== b.loose.size) return false;
  if (a.atoms === b.atoms) return true;
  for (const [key, fact] of a.atoms) {
    const other = b.atoms.get(key);
    if (other === undefined || !factCovers(fact, other)) return false;
  }
  return true;
}

function factCovers(a: AtomFact, b: AtomFact): boolean {
  if (a.truthy !== undefined && a.truthy !== b.truthy) return false;
  if (a.eq !== undefined && a.eq !== b.eq) return false;
  return (a.ne ?? []).every((literal) => (b.ne ?? []).includes(literal) || (b.eq !== undefined && b.eq !== literal));
}

function sameDrains(a: readonly OpenDrain[], b: readonly OpenDrain[]): boolean {
  return a.length === b.length && a.every((drain, i) => drain.name === (b[i] as OpenDrain).name && drain.site === (b[i] as OpenDrain).site);
}

/** {x, rest} and {not x, rest} together are {rest}; so are {main, rest} and {off, rest}. */
function mergeComplements(input: Way[]): Way[] {
  const ways = [...input];
  for (let i = 0; i < ways.length; i++) {
    for (let j = i + 1; j < ways.length; j++) {
      const merged = complement(ways[i] as Way, ways[j] as Way);
      if (merged === null) continue;
      ways.splice(j, 1);
      ways.splice(i, 1);
      add(ways, merged);
      i = -1;
      break;
    }
  }
  return ways;
}

function complement(a: Way, b: Way): Way | null {
  if (a.graphWritable !== b.graphWritable || !sameDrains(a.drains, b.drains) || a.loose.size !== b.loose.size) return null;
  const keysDiffer = differingAtoms(a, b);
  if (keysDiffer === null) return null;
  if (keysDiffer.length === 0) {
    const threads = [a.thread, b.thread];
    if (a.coroutine === b.coroutine) return threads.includes('main') && threads.includes('off') ? { ...a, thread: null } : null;
    return a.thread === b.thread && a.coroutine !== null && b.coroutine !== null ? { ...a, coroutine: null } : null;
  }
  if (a.thread !== b.thread || a.coroutine !== b.coroutine || keysDiffer.length !== 1) return null;
  const key = keysDiffer[0] as string;
  const x = a.atoms.get(key);
  const y = b.atoms.get(key);
  if (x === undefined || y === undefined || x.truthy === undefined || y.truthy === undefined || x.truthy === y.truthy) return null;
  if (typeof x.eq === 'string' || typeof x.eq === 'number' || typeof y.eq === 'string' || typeof y.eq === 'number') return null;
  const atoms = new Map(a.atoms);
  atoms.delete(key);
  return { ...a, atoms };
}

function differingAtoms(a: Way, b: Way): string[] | null {
  if (a.atoms.size !== b.atoms.size) return null;
  if (a.atoms === b.atoms) return [];
  const keys: string[] = [];
  for (const [key, fact] of a.atoms) {
    const other = b.atoms.get(key);
    if (other === undefined) return null;
    if (!(factCovers(fact, other) && factCovers(other, fact))) keys.push(key);
    if (keys.length > 1) return null;
  }
  return keys;
}

/** Too many ways: those that agree on thread, coroutine, graph and drains become one that knows what all of them know. */
function coarsen(ways: readonly Way[]): Way[] {
  const groups = new Map<string, Way>();
  for (const way of ways) {
    const id = `${way.thread ?? ''}|${way.coroutine ?? ''}|${String(way.graphWritable)}|${way.drains.map((d) => `${d.name}@${String(d.site)}`).join(',')}|${String(way.loose.size)}`;
    const group = groups.get(id);
    if (group === undefined) { groups.set(id, way); continue; }
    const atoms = new Map<string, AtomFact>();
    for (const [key, fact] of group.atoms) {
      const other = way.atoms.get(key);
      if (other !== undefined && factCovers(fact, other)) atoms.set(key, fact);
    }
    groups.set(id, { ...group, atoms });
  }
  return [...groups.values()];
}

/** The way with one more fact about a variable, or null where that contradicts what it knows. */
export function assume(way: Way, key: string, fact: AtomFact): Way | null {
  const known = way.atoms.get(key);
  const joined = known === undefined ? complete(fact) : joinFacts(known, complete(fact));
  if (joined === null) return null;
  const atoms = new Map(way.atoms);
  atoms.set(key, joined);
  return { ...way, atoms };
}

function complete(fact: AtomFact): AtomFact {
  return fact.eq !== undefined ? { ...fact, truthy: Boolean(fact.eq) } : fact;
}

function joinFacts(a: AtomFact, b: AtomFact): AtomFact | null {
  if (a.truthy !== undefined && b.truthy !== undefined && a.truthy !== b.truthy) return null;
  if (a.eq !== undefined && b.eq !== undefined && a.eq !== b.eq) return null;
  const ne = [...new Set([...(a.ne ?? []), ...(b.ne ?? [])])];
  const eq = a.eq ?? b.eq;
  if (eq !== undefined && ne.includes(eq)) return null;
  const truthy = a.truthy ?? b.truthy;
  return { ...(truthy === undefined ? {} : { truthy }), ...(eq === undefined ? {} : { eq }), ...(ne.length === 0 ? {} : { ne }) };
}

/** Forgets what is known of a name and of everything reached through it; `.name` forgets a property of whatever object. */
export function forget(state: State, names: ReadonlySet<string>): State {
  if (names.size === 0) return state;
  return mapWays(state, (way) => {
    if (way.atoms.size === 0) return way;
    const atoms = new Map<string, AtomFact>();
    for (const [key, fact] of way.atoms) if (!touches(key, names)) atoms.set(key, fact);
    return atoms.size === way.atoms.size ? way : { ...way, atoms };
  });
}

function touches(key: string, names: ReadonlySet<string>): boolean {
  const parts = key.split('.');
  if (names.has((parts[0] as string).replace(/@.*/, ''))) return true;
  return parts.slice(1).some((part) => names.has(`.${part}`));
}

export function assumeThread(way: Way, thread: 'main' | 'off'): Way | null {
  if (way.thread === 'main' || way.thread === 'off') return way.thread === thread ? way : null;
  return { ...way, thread };
}

export function assumeCoroutine(way: Way, coroutine: 'in' | 'out'): Way | null {
  if (way.coroutine !== null) return way.coroutine === coroutine ? way : null;
  return { ...way, coroutine };
}

export function stateId(state: State): string {
  return state.map((way) => `${way.thread ?? ''}|${way.coroutine ?? ''}|${way.graphWritable ? 'g' : ''}|${way.drains.map((d) => `${d.name}@${String(d.site)}`).join(',')}|${[...way.atoms].map(([k, f]) => `${k}=${JSON.stringify(f)}`).sort().join(';')}`).sort().join('\n');
}
