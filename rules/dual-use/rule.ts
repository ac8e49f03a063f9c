/**
 * One function of no class for both sides: GS code in the main thread and I/O code run it, and it reaches GS code.
 *
 * Of a chain of such functions only the first is told: the one to which the two sides come by themselves.
 * Leaves to others: the single calls of GS code that I/O code reaches (`gs-from-io`).
 */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule, FunctionNode, Reach } from '../../src/model/rule.ts';

export const dualUse: AnalysisRule = {
  id: 'dual-use',
  level: 'error',
  title: 'One function of no class that both Global State and I/O code run, and that reaches Global State code.',
  why: 'What is right for one of its users is wrong for the other, and a reader cannot tell which of them the code is for.',
  evaluate(analysis: Analysis): RawFinding[] {
    const dual = new Map<number, Use>();
    for (const fn of analysis.functions) {
      const use = useOf(analysis, fn);
      if (use !== null) dual.set(fn.id, use);
    }
    return firstOnes(dual).map(({ fn, main, offMain, way }) => ({
      rule: 'dual-use',
      file: fn.file,
      span: fn.summary.nameSpan,
      function: fn.summary.name,
      target: way.at(-1) ?? '',
      message: `${fn.summary.name} runs for Global State code (${originOf(main)}) and for I/O code (${originOf(offMain)}), and reaches ${way.slice(1).join(' → ')}, which is Global State.`,
      hint: `Take what needs the main thread out of ${fn.summary.name}, have the Global State callers do it before or after, and tag the rest @io.`,
      path: offMain.path(),
    }));
  },
};

interface Use {
  readonly fn: FunctionNode;
  readonly main: Reach;
  readonly offMain: Reach;
  /** Names from the function to the GS code. */
  readonly way: readonly string[];
}

function useOf(analysis: Analysis, fn: FunctionNode): Use | null {
  if (fn.classification.class !== null || !fn.summary.hasBody) return null;
  const main = analysis.inMain(fn);
  const offMain = analysis.offMain(fn);
  if (main === null || offMain === null) return null;
  const way = analysis.wayToGlobalState(fn);
  return way === null ? null : { fn, main, offMain, way };
}

/** Those to which both sides come not through another one; and of a circle that nothing such leads to, its first. */
function firstOnes(dual: ReadonlyMap<number, Use>): Use[] {
  const byItself = ({ begins, callers }: Reach): boolean => begins || callers.some((caller) => !dual.has(caller.id));
  const callees = new Map<number, Set<Use>>();
  for (const use of dual.values()) {
    for (const caller of [...use.main.callers, ...use.offMain.callers]) callees.set(caller.id, (callees.get(caller.id) ?? new Set()).add(use));
  }
  const told: Use[] = [];
  const covered = new Set<number>();
  const tell = (first: Use): void => {
    told.push(first);
    const pending = [first];
    for (let use = pending.pop(); use !== undefined; use = pending.pop()) {
      if (covered.has(use.fn.id)) continue;
      covered.add(use.fn.id);
      pending.push(...(callees.get(use.fn.id) ?? []));
    }
  };
  const named = [...dual.values()].filter(({ fn }) => hasName(fn));
  for (const use of named) if (byItself(use.main) && byItself(use.offMain)) tell(use);
  for (const use of named) if (!covered.has(use.fn.id)) tell(use);
  return told;
}

function hasName({ summary }: FunctionNode): boolean {
  const isClosure = summary.parent !== undefined && summary.container === undefined;
  return !isClosure && summary.kind !== 'module' && summary.kind !== 'initializer' && !/@\d+$/.test(summary.name);
}

/** Who brings it into a context: the first of the way, or what it is put into. */
function originOf({ root }: Reach): string {
  return root.name ?? 'a slot or a scheduler holds it';
}
