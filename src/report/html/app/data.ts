/**
 * The data in the page, and questions to it.
 */
import type { PackedFinding, PackedHop, PageData } from '../page-data.ts';
import { CLASSES, EDGE_KINDS, LEVELS, WHYS } from '../page-data.ts';
import type { Hop } from '../../../model/finding.ts';

export const data = JSON.parse(document.getElementById('gsio-data')?.textContent ?? 'null') as PageData;

const byId = new Map(data.findings.map((finding, index) => [finding.id, index]));

export function findingPlace(id: string): number | undefined {
  return byId.get(id);
}

export function fileName(place: number): string {
  return data.files[place] ?? '';
}

/** The file that holds a finding, and the root of its path. */
export function fileOf(finding: PackedFinding): string {
  return fileName(finding.at[0]);
}

export function ruleOf(finding: PackedFinding): string {
  return data.rules[finding.rule]?.id ?? '';
}

export function levelOf(finding: PackedFinding): (typeof LEVELS)[number] {
  return LEVELS[finding.level] ?? 'info';
}

export function rootOf(finding: PackedFinding): string {
  return finding.path[0]?.[0] ?? '';
}

export function hopOf([name, file, line, column, edge, tag, why]: PackedHop): Hop {
  return { function: name, file: fileName(file), line, column, edge: EDGE_KINDS[edge] ?? 'call', class: CLASSES[tag] ?? null, why: WHYS[why] ?? 'inferred' };
}

/** Findings in a function, by the function's place. */
let findingsByFunction: Map<number, number[]> | null = null;

export function findingsThrough(fn: number): readonly number[] {
  if (findingsByFunction === null) {
    findingsByFunction = new Map();
    for (const [index, { path }] of data.findings.entries()) {
      for (const place of new Set(path.map((hop) => hop[7]))) {
        if (place < 0) continue;
        const known = findingsByFunction.get(place);
        if (known === undefined) findingsByFunction.set(place, [index]);
        else known.push(index);
      }
    }
  }
  return findingsByFunction.get(fn) ?? [];
}

/** Calls, in both directions. */
export interface Calls {
  /** Functions that it calls, and that call it, each once. */
  readonly callees: (fn: number) => readonly number[];
  readonly callers: (fn: number) => readonly number[];
}

let calls: Calls | null = null;

/** Made at the first question: a page of findings needs no graph. */
export function callGraph(): Calls {
  calls ??= buildCalls();
  return calls;
}

function buildCalls(): Calls {
  const edges = data.inventory?.edges ?? [];
  const out = new Map<number, Set<number>>();
  const into = new Map<number, Set<number>>();
  for (let at = 0; at < edges.length; at += 4) {
    const [from = 0, to = 0] = [edges[at], edges[at + 1]];
    add(out, from, to);
    add(into, to, from);
  }
  return { callees: (fn) => [...(out.get(fn) ?? [])], callers: (fn) => [...(into.get(fn) ?? [])] };
}

function add(to: Map<number, Set<number>>, key: number, value: number): void {
  const known = to.get(key);
  if (known === undefined) to.set(key, new Set([value]));
  else known.add(value);
}

export function count(value: number, noun: string): string {
  return `${digits(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** Digits in groups of three, the same in every locale. */
export function digits(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
}
