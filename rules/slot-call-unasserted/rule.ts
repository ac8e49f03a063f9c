/**
 * A call through a Global State slot in a function of no class that does not assert that the main thread runs.
 *
 * A function with a class is asked by other rules, a coroutine by `gs-from-coroutine`. A closure runs where the function around it lets it: what is known there
 * counts for it.
 */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule, FunctionNode, PlainCall } from '../../src/model/rule.ts';
import { ASSERTION_OF } from '../class-words.ts';

export const slotCallUnasserted: AnalysisRule = {
  id: 'slot-call-unasserted',
  level: 'error',
  title: 'A function of no class calls a Global State slot and does not assert.',
  why: 'What is in the slot is known only at run time; the caller is the last place that can say who may come here.',
  evaluate(analysis: Analysis): RawFinding[] {
    const runAsGlobalState = slotMembers(analysis);
    const knowsContent = fixedSlots(analysis);
    return analysis.calls.flatMap((call): RawFinding[] => {
      const slot = call.slots.find(({ classification, summary }) => classification.class === 'globalState' && !knowsContent(summary.key));
      if (slot === undefined || isChecked(call) || !owesAssertion(analysis, call.caller, runAsGlobalState)) return [];
      const { table, name } = slot.summary;
      const target = table === name ? name : `${table}.${name}`;
      const caller = call.caller.summary.name;
      return [{
        rule: 'slot-call-unasserted',
        file: call.file,
        span: call.site.span,
        function: caller,
        target,
        message: `${caller} has no class, calls the Global State slot ${target} and does not assert that the main thread runs.`,
        hint: `Start ${caller} with ${ASSERTION_OF.globalState}() and tag it @globalState, or check inMainThread() before the call.`,
      }];
    });
  },
};

/** Members of object literals that stand in a Global State slot: they need no assertion of their own. */
function slotMembers(analysis: Analysis): ReadonlySet<string> {
  const filled = analysis.slotFillings.filter(({ slot, fn }) => slot.classification.class === 'globalState' && fn?.summary.literalMember === true);
  return new Set(filled.map(({ member }) => member.key));
}

/** A class property that holds the function it is declared with, and nothing else, is as good as a method. */
function fixedSlots(analysis: Analysis): (key: string) => boolean {
  const changed = new Set(analysis.slotFillings.filter(({ slot, member }) => member.key !== slot.summary.key).map(({ slot }) => slot.summary.key));
  return (key) => analysis.functionByKey(key)?.summary.hasBody === true && !changed.has(key);
}

function isChecked({ site }: PlainCall): boolean {
  return site.guard.every((facts) => facts.thread === 'main');
}

function owesAssertion(analysis: Analysis, caller: FunctionNode, runAsGlobalState: ReadonlySet<string>): boolean {
  const { kind } = caller.summary;
  if (kind === 'module' || kind === 'initializer') return false;
  for (let fn: FunctionNode | undefined = caller; fn !== undefined;) {
    const { summary, classification }: FunctionNode = fn;
    if (classification.class !== null || classification.coroutine === 'coroutine' || runAsGlobalState.has(summary.key) || analysis.isHandedToMain(fn)) return false;
    if (summary.assertions.some((assertion) => assertion.kind === 'globalState')) return false;
    const outer: FunctionNode | undefined = summary.parent === undefined ? undefined : analysis.functionByKey(summary.parent);
    if (outer !== undefined && isExcused(analysis, fn, outer)) return false;
    fn = outer;
  }
  return true;
}

/** A closure that the function around it runs under a check only, or that it gives away and only GS code is seen to run. */
function isExcused(analysis: Analysis, fn: FunctionNode, outer: FunctionNode): boolean {
  const { key } = fn.summary;
  const uses = analysis.callsIn(outer).filter(({ callees, handed }) => callees.some((callee) => callee.key === key) || handed.some((callee) => callee.key === key));
  return uses.length > 0 ? uses.every(isChecked) : analysis.inMain(fn) !== null && analysis.offMain(fn) === null;
}
