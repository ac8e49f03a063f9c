/**
 * Tags that contradict each other, are misspelt, stand on what cannot carry them, or name what does not exist.
 *
 * Leaves to others: seeing the faults; the front end finds them where it reads the tags.
 */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule } from '../../src/model/rule.ts';

export const invalidAnnotation: AnalysisRule = {
  id: 'invalid-annotation',
  level: 'error',
  title: 'A tag that contradicts another one, is misspelt, misplaced, or names what does not exist.',
  why: 'A tag that is not understood is as good as none, and its function goes unchecked.',
  evaluate(analysis: Analysis): RawFinding[] {
    return analysis.files.flatMap((file) => file.tagProblems.map((problem): RawFinding => ({
      rule: 'invalid-annotation',
      file: file.file,
      span: problem.span,
      function: problem.function,
      target: '',
      message: problem.message,
      hint: problem.hint,
      ...(problem.replacement === undefined ? {} : { replacement: problem.replacement }),
    })));
  },
};
