/**
 * What holds where a call stands, and whether that keeps code of a class from making it.
 *
 * In: a model, and the threads that the code in question may run in. Out: for a call, its condition.
 * Leaves to others: following the calls (`paths.ts`).
 */
import { isIoClass } from '../../classify/classify.ts';
import type { Site } from '../../link/link.ts';
import type { EdgeKind } from '../../model/finding.ts';
import type { Condition } from '../../model/questions.ts';
import type { Classification } from '../../model/rule.ts';
import type { PathFacts, RunContext } from '../../model/summary.ts';
import { slotsOf } from '../../propagate/contexts.ts';
import { nameOf, runsOf } from '../../propagate/search.ts';
import type { Model } from '../model.ts';

/** The threads that code may run in: off the main thread (I/O code), in it (GS code), either (no class). */
export type Thread = 'off' | 'main' | 'either';

export function threadOf({ class: tag }: Classification): Thread {
  return isIoClass(tag) ? 'off' : tag === 'globalState' ? 'main' : 'either';
}

/** Whether a way through a body with these facts can be taken in the thread. */
export function isTaken(facts: PathFacts, thread: Thread): boolean {
  return thread === 'off' ? facts.thread !== 'main' : thread === 'main' ? facts.thread !== 'off' : true;
}

/** Whether a callback that is handed to a context still runs in the thread at hand. */
export function stays(context: RunContext, thread: Thread): boolean {
  return context === 'caller' || context === 'coroutine' || (context === 'globalState' && thread === 'main');
}

export interface ConditionOfCall {
  readonly condition: Condition | null;
  /** Whether it rules the call out for the threads in question. */
  readonly cut: boolean;
}

export class Conditions {
  private readonly model: Model;
  private readonly thread: Thread;

  constructor(model: Model, thread: Thread) {
    this.model = model;
    this.thread = thread;
  }

  of(site: Site, edge: EdgeKind, fn: number | null): ConditionOfCall {
    const { guard } = site.summary;
    const runs = edge === 'callback' && fn !== null ? this.elsewhere(site, fn) : null;
    if (runs !== null) return { condition: runs, cut: !stays(runs.context, this.thread) };
    const inGlobalState = this.model.program.functions[site.caller]?.classification.class === 'globalState';
    for (const holds of ['main', 'off'] as const) {
      if (holds === (inGlobalState ? 'main' : this.thread) || guard.length === 0 || !guard.every((facts) => facts.thread === holds)) continue;
      return { condition: { by: this.cause(site, holds), holds }, cut: this.thread !== 'either' };
    }
    return { condition: null, cut: false };
  }

  /** Who runs the function in another context, when the call hands it over. */
  private elsewhere(site: Site, fn: number): (Condition & { by: 'runs' }) | null {
    const { program, flow, contexts: { bindings } } = this.model;
    const takers = [
      ...slotsOf(program, site.summary.callee).map((slot) => ({ name: nameOf(slot), runs: runsOf(slot) })),
      ...flow.callees(site).flatMap((target) => {
        const node = target.kind === 'function' ? program.functions[target.fn] : undefined;
        if (node !== undefined) return [{ name: nameOf(node), runs: runsOf(node) }];
        return target.kind === 'external' ? [{ name: target.name, runs: target.tags.runs ?? [] }] : [];
      }),
    ];
    for (const { name, runs } of takers) {
      for (const { param, context } of runs) {
        const value = site.summary.args[param]?.value;
        if (context === 'caller' || value === null || value === undefined) continue;
        if (bindings.resolve(value, site.base, bindings.empty).some((bound) => bound.kind === 'closure' && bound.fn === fn)) return { by: 'runs', scheduler: name, context };
      }
    }
    return null;
  }

  /** What proved the thread: an assertion of the function or of one around it, a switch before the call, else a check. */
  private cause(site: Site, holds: 'main' | 'off'): 'check' | 'assertion' | 'switch' {
    const { program, flow } = this.model;
    for (let at = program.functions[site.caller]; at !== undefined; at = program.functions[program.functionId(at.summary.parent ?? '') ?? -1]) {
      const before = ({ line, column }: { line: number; column: number }): boolean => line < site.summary.span.line || (line === site.summary.span.line && column < site.summary.span.column);
      if (holds === 'main' && at.summary.assertions.some(({ kind, span }) => kind === 'globalState' && before(span))) return 'assertion';
      const switches = (program.sitesOf[at.id] ?? []).some((other) => before(other.summary.span) && flow.callees(other).some((target) => {
        const tags = target.kind === 'function' ? program.functions[target.fn]?.summary.tags : target.kind === 'external' ? target.tags : undefined;
        return tags?.switchesTo === (holds === 'main' ? 'globalState' : 'io');
      }));
      if (switches) return 'switch';
    }
    return 'check';
  }
}
