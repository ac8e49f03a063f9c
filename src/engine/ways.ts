/**
 * Questions about the call graph that need no contexts: who reaches GS code, and who waits.
 *
 * In: the plain calls of a program. Out: for each function its way, or an answer.
 * Leaves to others: which calls happen in which context (`propagate`).
 */
import { isIoClass } from '../classify/classify.ts';
import type { Program } from '../link/link.ts';
import type { Callee, FunctionNode, PlainCall, SlotFilling, SlotNode } from '../model/rule.ts';
import type { Value } from '../model/summary.ts';

/** What a call runs where it stands: its callees, and the functions it hands over. A parameter's are its giver's matter. */
function runsOf({ site, callees, handed }: PlainCall): readonly Callee[] {
  return isParameter(site.callee) ? handed : [...callees, ...handed];
}

function isParameter(value: Value): boolean {
  return value.k === 'param' || (value.k === 'any' && value.of.some(isParameter));
}

/** Names of a way that are told before its middle is left out. */
const MAX_NAMES = 8;

/** Backwards from the calls of GS code, through functions of no class: for each function its next step on a shortest way. */
export function waysToGlobalState(program: Program, calls: readonly PlainCall[]): (fn: FunctionNode) => readonly string[] | null {
  const callers = new Map<number, Set<number>>();
  const next = new Map<number, number | string>();
  const goals = new Map<number, string>();
  let level: number[] = [];
  for (const call of calls) {
    const { site, caller } = call;
    if (site.guard.length === 0 || site.guard.every((facts) => facts.thread === 'main')) continue;
    for (const callee of runsOf(call)) {
      if (callee.classification.class === 'globalState') {
        if (!next.has(caller.id)) { next.set(caller.id, callee.name); goals.set(caller.id, callee.name); level.push(caller.id); }
        continue;
      }
      const id = program.functionId(callee.key);
      if (id === undefined || isIoClass(callee.classification.class)) continue;
      callers.set(id, (callers.get(id) ?? new Set()).add(caller.id));
    }
  }
  while (level.length > 0) {
    const further: number[] = [];
    for (const fn of level) {
      if (program.functions[fn]?.classification.class !== null) continue;
      for (const caller of callers.get(fn) ?? []) {
        if (next.has(caller)) continue;
        next.set(caller, fn);
        goals.set(caller, goals.get(fn) ?? '');
        further.push(caller);
      }
    }
    level = further;
  }
  return (fn) => {
    if (!next.has(fn.id)) return null;
    const names: string[] = [];
    for (let at: number | string | undefined = fn.id; at !== undefined;) {
      if (typeof at === 'string') { names.push(at); break; }
      if (names.length === MAX_NAMES) { names.push('…', goals.get(fn.id) ?? ''); break; }
      names.push(program.functions[at]?.summary.name ?? '');
      at = next.get(at);
    }
    return names;
  };
}

/** Keys of functions and slots that poll: they reach a wrapper, the begin of a drained section, or a call that waits for its callback. */
export function pollingCode(program: Program, calls: readonly PlainCall[], fillings: readonly SlotFilling[]): ReadonlySet<string> {
  const polling = new Set<string>();
  const users = new Map<string, string[]>();
  const uses = (user: string, key: string): void => {
    const known = users.get(key);
    if (known === undefined) users.set(key, [user]);
    else known.push(user);
  };
  const waits = (node: FunctionNode | SlotNode | undefined): boolean => {
    if (node === undefined) return false;
    const tags = { ...node.summary.inheritedTags, ...node.summary.tags };
    return tags.drainBegin !== undefined || tags.runs?.some((runs) => runs.wait) === true;
  };
  for (const node of [...program.functions, ...program.slots]) if (waits(node)) polling.add(node.summary.key);
  for (const call of calls) {
    for (const callee of runsOf(call)) {
      if (callee.classification.coroutine === 'coroutineWrapper') polling.add(call.caller.summary.key);
      uses(call.caller.summary.key, callee.key);
    }
  }
  for (const { slot, member } of fillings) uses(slot.summary.key, member.key);
  const pending = [...polling];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const user of users.get(at) ?? []) {
      if (polling.has(user)) continue;
      polling.add(user);
      pending.push(user);
    }
  }
  return polling;
}
