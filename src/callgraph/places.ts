/**
 * Places, and what flows between them: the solver under `flow.ts`.
 *
 * A place is an integer, and so is what it may hold. Edges carry everything from one place to another, watchers are told
 * of everything that arrives. A place hands on only what is new since it was last looked at (difference propagation), so
 * that each value crosses each edge once, however the program is cyclic.
 *
 *     f ──▶ place a ──edge──▶ place b ──watcher──▶ "the call at line 7 may call f"
 *
 * Leaves to others: what places and values stand for.
 */

export type Watcher = (value: number) => void;

/** Lists up to this length are searched; longer ones get a set. */
const SHORT = 8;
const NONE: readonly number[] = [];

export class Places {
  /** What each place holds, in the order of arrival; most places hold nothing, and then there is no list. */
  private readonly values: (number[] | undefined)[] = [];
  private readonly known: (Set<number> | undefined)[] = [];
  /** How many of its values a place has handed on. */
  private readonly handed: number[] = [];
  /** Per place: targets and shifts in turn. */
  private readonly edges: (number[] | undefined)[] = [];
  private readonly knownEdges: (Set<number> | undefined)[] = [];
  private readonly watchers: (Watcher[] | undefined)[] = [];
  private readonly waiting: number[] = [];
  private readonly shifted: (value: number, shift: number) => number;

  /** `shifted` tells what a value becomes on an edge with a shift. */
  constructor(shifted: (value: number, shift: number) => number) {
    this.shifted = shifted;
  }

  get count(): number {
    return this.handed.length;
  }

  /** New places; the first one's number. */
  make(count = 1): number {
    const first = this.handed.length;
    for (let i = 0; i < count; i++) this.handed.push(0);
    return first;
  }

  at(place: number): readonly number[] {
    return this.values[place] ?? NONE;
  }

  put(place: number, value: number): void {
    const values = this.values[place];
    if (values === undefined) {
      this.values[place] = [value];
      this.waiting.push(place);
      return;
    }
    let known = this.known[place];
    if (known === undefined) {
      if (values.includes(value)) return;
      if (values.length === SHORT) {
        known = new Set(values);
        this.known[place] = known;
      }
    } else if (known.has(value)) return;
    known?.add(value);
    if (values.length === this.handed[place]) this.waiting.push(place);
    values.push(value);
  }

  edge(from: number, to: number, shift: number): void {
    if (from === to) return;
    const edges = this.edges[from];
    if (edges === undefined) this.edges[from] = [to, shift];
    else {
      let known = this.knownEdges[from];
      const id = edgeId(to, shift);
      if (known === undefined) {
        for (let i = 0; i < edges.length; i += 2) if (edges[i] === to && edges[i + 1] === shift) return;
        if (edges.length === 2 * SHORT) {
          known = new Set();
          for (let i = 0; i < edges.length; i += 2) known.add(edgeId(edges[i] as number, edges[i + 1] as number));
          this.knownEdges[from] = known;
        }
      } else if (known.has(id)) return;
      known?.add(id);
      edges.push(to, shift);
    }
    const values = this.values[from];
    // What has not been handed on yet takes the edge when it is.
    for (let i = 0; i < (this.handed[from] as number); i++) this.put(to, this.across((values as number[])[i] as number, shift));
  }

  /** Tells `watcher` of everything that the place holds and of everything that will arrive. */
  watch(place: number, watcher: Watcher): void {
    const watchers = this.watchers[place];
    if (watchers === undefined) this.watchers[place] = [watcher];
    else watchers.push(watcher);
    const values = this.values[place];
    const handed = this.handed[place] as number;
    for (let i = 0; i < handed; i++) watcher((values as number[])[i] as number);
  }

  solve(): void {
    for (let place = this.waiting.pop(); place !== undefined; place = this.waiting.pop()) {
      const values = this.values[place] as number[];
      const first = this.handed[place] as number;
      const end = values.length;
      this.handed[place] = end;
      // Edges and watchers that come while this goes on see these values as handed on.
      const edges = this.edges[place];
      const edgesEnd = edges?.length ?? 0;
      const watchers = this.watchers[place];
      const watchersEnd = watchers?.length ?? 0;
      for (let i = first; i < end; i++) {
        const value = values[i] as number;
        for (let e = 0; e < edgesEnd; e += 2) this.put((edges as number[])[e] as number, this.across(value, (edges as number[])[e + 1] as number));
        for (let w = 0; w < watchersEnd; w++) (watchers as Watcher[])[w]?.(value);
      }
    }
  }

  private across(value: number, shift: number): number {
    return shift === 0 ? value : this.shifted(value, shift);
  }
}

function edgeId(to: number, shift: number): number {
  return to * 64 + shift;
}
