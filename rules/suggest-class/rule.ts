/**
 * Tags that follow from what is there: `@io` for what I/O code needs, `@globalState` for what needs the main thread,
 * `@coroutine` for what runs in coroutines only and suspends.
 *
 * Leaves to others: faults. A function that both sides run is `dual-use`, a call that must not happen is `gs-from-io`.
 */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule, Callee, FunctionNode } from '../../src/model/rule.ts';
import { tagOf } from '../class-words.ts';
import { declaredClass } from '../declared-class.ts';

export const suggestClass: AnalysisRule = {
  id: 'suggest-class',
  level: 'info',
  title: 'A function that could be `@io`, must be `@globalState`, or is in fact a `@coroutine`.',
  why: 'A class that is written down is checked in the function and seen by its callers; one that only follows is neither.',
  evaluate(analysis: Analysis): RawFinding[] {
    const coroutines = inferredCoroutines(analysis);
    const needed = neededByIo(analysis);
    const isSafe = ioSafety(analysis);
    return analysis.functions.filter(takesTag).flatMap((fn): RawFinding[] => {
      const suggestion = asCoroutine(fn, coroutines) ?? asGlobalState(analysis, fn) ?? asIo(fn, needed, isSafe);
      return suggestion === null ? [] : [{ rule: 'suggest-class', file: fn.file, span: fn.summary.nameSpan, function: fn.summary.name, ...suggestion }];
    });
  },
};

type Suggestion = Pick<RawFinding, 'target' | 'message' | 'hint'>;

/** A function with a body and a name, whose class is its own matter: closures and members of literals take theirs from elsewhere. */
function takesTag({ summary }: FunctionNode): boolean {
  if (!summary.hasBody || summary.literalMember === true || /@\d+$/.test(summary.name)) return false;
  if (summary.kind === 'module' || summary.kind === 'initializer') return false;
  return summary.parent === undefined || summary.container !== undefined;
}

// ---- must be Global State ------------------------------------------------------------------------------------------------

function asGlobalState(analysis: Analysis, fn: FunctionNode): Suggestion | null {
  const { class: tag, coroutine } = fn.classification;
  if (tag !== null || coroutine === 'coroutine' || coroutine === 'coroutineMixed' || analysis.offMain(fn) !== null) return null;
  const way = analysis.wayToGlobalState(fn);
  if (way === null || runsInForeignCoroutine(analysis, fn)) return null;
  return {
    target: tagOf('globalState'),
    message: `${fn.summary.name} must be @globalState: it reaches Global State code (${way.join(' → ')}).`,
    hint: `Tag ${fn.summary.name} @globalState and assert it, or check inMainThread() before the call.`,
  };
}

/** A coroutine that is not Global State runs in the thread of its node, and what it calls with it. */
function runsInForeignCoroutine(analysis: Analysis, fn: FunctionNode): boolean {
  const reach = analysis.inCoroutine(fn);
  return reach !== null && reach.root.class !== 'globalState';
}

// ---- could be I/O --------------------------------------------------------------------------------------------------------

function asIo(fn: FunctionNode, needed: ReadonlyMap<string, string>, isSafe: (fn: FunctionNode) => boolean): Suggestion | null {
  const by = needed.get(fn.summary.key);
  if (by === undefined || !isSafe(fn)) return null;
  return {
    target: tagOf('io'),
    message: `${fn.summary.name} could be @io: all it reaches is I/O-safe, and I/O code needs it (${by} → ${fn.summary.name}).`,
    hint: fn.classification.class === null ? `Tag ${fn.summary.name} @io.` : `Tag ${fn.summary.name} @io and drop its assertion, if it reads nothing that only the main thread may read.`,
  };
}

/** Functions that I/O code needs, with the one that calls them: GS functions it reaches, and helpers of its own without a class. */
function neededByIo(analysis: Analysis): ReadonlyMap<string, string> {
  const needed = new Map<string, string>();
  for (const { target, caller } of analysis.ioCalls) if (!needed.has(target.key)) needed.set(target.key, caller.summary.name);
  for (const { site, caller, callees } of analysis.calls) {
    const tag = declaredClass(caller);
    if (tag === null || tag === 'globalState' || !site.guard.some((facts) => facts.thread !== 'main')) continue;
    for (const callee of callees) {
      const fn = analysis.functionByKey(callee.key);
      if (fn === undefined || fn.classification.class !== null || needed.has(callee.key) || analysis.inMain(fn) !== null) continue;
      needed.set(callee.key, caller.summary.name);
    }
  }
  return needed;
}

/** Whether all that a function reaches is known and may run in any thread, and writes nothing that another thread could see. */
function ioSafety(analysis: Analysis): (fn: FunctionNode) => boolean {
  const isUnsafe = (callee: Callee): boolean => callee.classification.class === 'globalState' || callee.permissionApi || callee.blocking;
  return (root) => {
    const seen = new Set<string>([root.summary.key]);
    const pending = [root];
    if (root.summary.idle === true || root.permissionApi || analysis.polls(calleeOf(root))) return false;
    for (let fn = pending.pop(); fn !== undefined; fn = pending.pop()) {
      if (fn.summary.writes === true) return false;
      for (const call of analysis.callsIn(fn)) {
        const reached = [...call.callees, ...call.handed];
        if (call.callees.length === 0) return false;
        for (const callee of reached) {
          if (seen.has(callee.key)) continue;
          if (isUnsafe(callee) || (callee.classification.coroutine === 'coroutine' && root.classification.coroutine !== 'coroutine')) return false;
          seen.add(callee.key);
          const next = callee.classification.class === null ? analysis.functionByKey(callee.key) : undefined;
          // What tells or asserts the context may be called in any.
          if (next !== undefined && next.summary.tags.asserts === undefined && next.summary.tags.predicate === undefined) pending.push(next);
        }
      }
    }
    return true;
  };
}

function calleeOf({ summary, classification, permissionApi }: FunctionNode): Callee {
  return { name: summary.name, key: summary.key, classification, permissionApi, blocking: false };
}

// ---- is in fact a coroutine ----------------------------------------------------------------------------------------------

function asCoroutine(fn: FunctionNode, coroutines: ReadonlyMap<number, readonly string[]>): Suggestion | null {
  const chain = coroutines.get(fn.id);
  if (chain === undefined) return null;
  return {
    target: '@coroutine',
    message: `${fn.summary.name} is in fact a coroutine: all its callers are, and it reaches a call that suspends (${chain.join(' → ')}).`,
    hint: `Tag ${fn.summary.name} @coroutine.`,
  };
}

/**
 * Functions without a coroutine tag that suspend and that coroutines alone call, each with its chain to the suspending call.
 * Grows until nothing is added: a caller that was found to be one counts as one.
 */
export function inferredCoroutines(analysis: Analysis): ReadonlyMap<number, readonly string[]> {
  if (!analysis.functions.some((fn) => fn.classification.coroutine === 'coroutine')) return new Map();
  const callers = new Map<string, FunctionNode[]>();
  for (const { caller, callees } of analysis.calls) {
    for (const { key } of callees) {
      if (key === caller.summary.key) continue;
      const known = callers.get(key);
      if (known === undefined) callers.set(key, [caller]);
      else known.push(caller);
    }
  }
  const chains = new Map<number, readonly string[]>();
  const candidates = analysis.functions.filter((fn) => takesTag(fn) && fn.classification.coroutine === null && !analysis.isUsedAsValue(fn) && callers.has(fn.summary.key));
  const isCoroutine = (fn: FunctionNode): boolean => {
    if (fn.classification.coroutine === 'coroutine' || chains.has(fn.id)) return true;
    const { parent, container } = fn.summary;
    const outer = parent === undefined || container !== undefined ? undefined : analysis.functionByKey(parent);
    return outer !== undefined && analysis.inCoroutine(fn) !== null && analysis.outOfCoroutine(fn) === null && isCoroutine(outer);
  };
  for (let grows = true; grows;) {
    grows = false;
    for (const fn of candidates) {
      if (chains.has(fn.id) || !(callers.get(fn.summary.key) ?? []).every(isCoroutine)) continue;
      const chain = chainToSuspension(analysis, fn);
      if (chain === null) continue;
      chains.set(fn.id, chain);
      grows = true;
    }
  }
  return chains;
}

/** Names from an async function, or one that returns another's promise, to the nearest coroutine or wrapper that it calls. */
function chainToSuspension(analysis: Analysis, root: FunctionNode): readonly string[] | null {
  const returnsCall = root.summary.returns.some((value) => value.k === 'call');
  if (!root.summary.async && !returnsCall) return null;
  const from = new Map<FunctionNode, FunctionNode | null>([[root, null]]);
  const pending = [root];
  for (const fn of pending) {
    for (const call of analysis.callsIn(fn)) {
      if (fn === root && !root.summary.async && call.site.result !== 'used') continue;
      const target = call.callees.find(suspends);
      if (target !== undefined) return [...namesTo(fn, from), target.name];
      for (const callee of [...call.callees, ...call.handed]) {
        const next = callee.classification.class === null && callee.classification.coroutine === null ? analysis.functionByKey(callee.key) : undefined;
        if (next === undefined || from.has(next)) continue;
        from.set(next, fn);
        pending.push(next);
      }
    }
  }
  return null;
}

function suspends(callee: Callee): boolean {
  return callee.classification.coroutine === 'coroutine' || callee.classification.coroutine === 'coroutineWrapper';
}

function namesTo(fn: FunctionNode, from: ReadonlyMap<FunctionNode, FunctionNode | null>): string[] {
  const names: string[] = [];
  for (let at: FunctionNode | null | undefined = fn; at !== null && at !== undefined; at = from.get(at)) names.push(at.summary.name);
  return names.reverse();
}
