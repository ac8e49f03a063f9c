/**
 * The cheapest simple paths through a network, in order.
 *
 * First, backwards from the goals, what every stop still costs at least, for every set of marks that is already collected. Then
 * forwards, always going on with the path whose sum of what it cost and what it still costs is smallest, as in A*: the sums are
 * exact but for detours that simple paths must make, so the first path to arrive is a cheapest one, the second the next, and so on.
 *
 *     a ─▶ b ─▶ d        a b d arrives with 2, a c b d with 3; with mark 1 on c and mark 1 wanted, only the second does
 *     └▶ c ─┘
 *
 * In: stops, links, a start, goals, marks to collect on the way. Out: paths as lists of links.
 */
export interface Link<Step> {
  readonly from: number;
  readonly to: number;
  readonly step: Step;
  /** 1 where it is not given. */
  readonly cost?: number;
}

export interface Network<Stop, Step> {
  readonly stops: readonly Stop[];
  /** In the order in which equally cheap ones are to be tried. */
  readonly links: readonly Link<Step>[];
  readonly start: number;
  readonly goals: ReadonlySet<number>;
  /** A path does not come twice to the same identity, and two paths differ in theirs. */
  readonly identity: (stop: Stop) => string;
  /** Bits that a path collects at a stop. */
  readonly marks: (stop: Stop) => number;
  /** Bits that a path must have collected at its end. */
  readonly wanted: number;
}

export type Path<Stop, Step> = readonly { readonly stop: Stop; readonly step: Step }[];

interface Way<Step> {
  readonly at: number;
  readonly marks: number;
  readonly cost: number;
  readonly link: Link<Step> | null;
  readonly before: Way<Step> | null;
}

/** A network in which simple paths are rare could take forever; what was found until then is told. */
const MOST_STEPS = 100_000;

export function cheapest<Stop, Step>(network: Network<Stop, Step>, count: number): Path<Stop, Step>[] {
  const { stops, links, start, goals, wanted } = network;
  const identities = stops.map(network.identity);
  const marks = stops.map(network.marks);
  const left = costsLeft(network, marks);
  const onward: Link<Step>[][] = stops.map(() => []);
  for (const link of links) onward[link.from]?.push(link);

  const found: Path<Stop, Step>[] = [];
  const told = new Set<string>();
  const queue = new Queue<Way<Step>>();
  queue.add(0, { at: start, marks: marks[start] ?? 0, cost: 0, link: null, before: null });
  let steps = 0;
  for (let path = queue.take(); path !== undefined && found.length < count && steps < MOST_STEPS; path = queue.take(), steps++) {
    if (path.link !== null && goals.has(path.at)) {
      const whole = partsOf(path);
      const name = JSON.stringify(whole.map(({ at }) => identities[at]));
      if (!told.has(name)) found.push(whole.map(({ at, step }) => ({ stop: stops[at] as Stop, step })));
      told.add(name);
      continue;
    }
    for (const link of onward[path.at] ?? []) {
      const collected = path.marks | (marks[link.to] ?? 0);
      const further = left.get(stateOf(link.to, collected, wanted));
      if (further === undefined || (!goals.has(link.to) && isOn(path, identities[link.to] ?? '', identities))) continue;
      const cost = path.cost + (link.cost ?? 1);
      queue.add(cost + further, { at: link.to, marks: collected, cost, link, before: path });
    }
  }
  return found;
}

/** For every stop and set of marks: the cost of the cheapest way to a goal, where there is one. */
function costsLeft<Stop, Step>({ stops, links, goals, wanted }: Network<Stop, Step>, marks: readonly number[]): ReadonlyMap<number, number> {
  const back: Link<Step>[][] = stops.map(() => []);
  for (const link of links) back[link.to]?.push(link);
  const left = new Map<number, number>();
  const queue = new Queue<{ at: number; marks: number; cost: number }>();
  for (const goal of goals) if (goal >= 0) queue.add(0, { at: goal, marks: wanted, cost: 0 });
  for (let next = queue.take(); next !== undefined; next = queue.take()) {
    const state = stateOf(next.at, next.marks, wanted);
    if (left.has(state)) continue;
    left.set(state, next.cost);
    const here = marks[next.at] ?? 0;
    if ((next.marks & here) !== here) continue;
    for (const link of back[next.at] ?? []) {
      if (goals.has(link.from)) continue;
      const cost = next.cost + (link.cost ?? 1);
      for (let before = 0; before <= wanted; before++) if ((before | here) === next.marks) queue.add(cost, { at: link.from, marks: before, cost });
    }
  }
  return left;
}

function stateOf(stop: number, marks: number, wanted: number): number {
  return stop * (wanted + 1) + marks;
}

function isOn<Step>(path: Way<Step>, identity: string, identities: readonly string[]): boolean {
  for (let at: Way<Step> | null = path; at !== null; at = at.before) if (identities[at.at] === identity) return true;
  return false;
}

function partsOf<Step>(path: Way<Step>): { at: number; step: Step }[] {
  const parts: { at: number; step: Step }[] = [];
  for (let at: Way<Step> | null = path; at !== null && at.link !== null; at = at.before) parts.push({ at: at.at, step: at.link.step });
  return parts.reverse();
}

/** Takes the cheapest first; of equally cheap ones, the one added first. */
class Queue<Item> {
  private readonly heap: { readonly cost: number; readonly number: number; readonly item: Item }[] = [];
  private count = 0;

  add(cost: number, item: Item): void {
    const { heap } = this;
    const entry = { cost, number: this.count++, item };
    let at = heap.push(entry) - 1;
    for (let above = (at - 1) >> 1; at > 0 && isBefore(entry, heap[above] as typeof entry); at = above, above = (at - 1) >> 1) heap[at] = heap[above] as typeof entry;
    heap[at] = entry;
  }

  take(): Item | undefined {
    const { heap } = this;
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (heap.length > 0) {
      let at = 0;
      for (let below = 1; below < heap.length; below = 2 * at + 1) {
        if (below + 1 < heap.length && isBefore(heap[below + 1] as typeof last, heap[below] as typeof last)) below++;
        if (!isBefore(heap[below] as typeof last, last)) break;
        heap[at] = heap[below] as typeof last;
        at = below;
      }
      heap[at] = last;
    }
    return first.item;
  }
}

function isBefore(a: { readonly cost: number; readonly number: number }, b: { readonly cost: number; readonly number: number }): boolean {
  return a.cost < b.cost || (a.cost === b.cost && a.number < b.number);
}
