/**
 * A drained section that some way out of the function leaves open, or that is closed without being open.
 *
 * Leaves to others: following the ways through a body (the front end).
 */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule } from '../../src/model/rule.ts';
import type { DrainProblem } from '../../src/model/summary.ts';

export const drainBalance: AnalysisRule = {
  id: 'drain-balance',
  level: 'error',
  title: 'A drained section that some way out of the function leaves open, or that is closed without being open.',
  why: 'A node that stays drained never answers again; one that is released too early answers in the middle of a change.',
  evaluate(analysis: Analysis): RawFinding[] {
    return analysis.files.flatMap((file) => file.drains.map((problem): RawFinding => {
      const owner = analysis.functionByKey(problem.owner)?.summary;
      const name = owner === undefined || owner.kind === 'module' ? 'The module' : owner.name;
      return { rule: 'drain-balance', file: file.file, span: problem.span, function: owner?.name ?? '', target: problem.drain, ...words(name, problem) };
    }));
  },
};

function words(name: string, { kind, drain, exit, exitLine }: DrainProblem): Pick<RawFinding, 'message' | 'hint'> {
  if (kind === 'stray-end') {
    return {
      message: `${name} closes the drained section ${drain}, which is not open on every way there.`,
      hint: 'Open the section on each way to its end, or remove the end. A function that closes it for its callers is tagged @drainEnd itself.',
    };
  }
  return {
    message: `${name} opens the drained section ${drain} and leaves it open where it ${leaving(exit)} in line ${String(exitLine)}.`,
    hint: 'Close the section before that, or in a finally block around all of it. A function that opens it for its callers is tagged @drainBegin itself.',
  };
}

function leaving(exit: string): string {
  switch (exit) {
    case 'return': return 'returns';
    case 'throw': return 'throws';
    case 'break': return 'breaks out of the loop';
    case 'continue': return 'goes on with the next round of the loop';
    default: return 'ends';
  }
}
