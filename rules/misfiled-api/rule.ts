/** An exported function whose class contradicts the name of the module that exports it. */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule } from '../../src/model/rule.ts';
import { apiFunctions, AT_HOME, MODULE_WORD } from '../api-modules.ts';
import { tagOf } from '../class-words.ts';
import { declaredClass } from '../declared-class.ts';

export const misfiledApi: AnalysisRule = {
  id: 'misfiled-api',
  level: 'error',
  title: 'An exported function whose tag contradicts its module.',
  why: 'Readers and importers take the class of a function from the name of its module.',
  evaluate(analysis: Analysis): RawFinding[] {
    return apiFunctions(analysis).flatMap((api): RawFinding[] => {
      const tag = declaredClass(api.fn);
      if (tag === null || AT_HOME[api.module].includes(tag)) return [];
      const expected = AT_HOME[api.module].map(tagOf).join(' or ');
      return [{
        rule: 'misfiled-api',
        file: api.file,
        span: api.span,
        function: api.name,
        target: api.fn.summary.name,
        message: `${api.name} is ${tagOf(tag)} and ${api.reExport ? 're-exported' : 'exported'} from ${MODULE_WORD[api.module]}, where functions are ${expected}.`,
        hint: `Move ${api.name} to a module of its class, or correct its tag.`,
      }];
    });
  },
};
