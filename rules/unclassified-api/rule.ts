/** An exported function of an API module that has no class, neither its own nor its module's. */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule } from '../../src/model/rule.ts';
import { apiFunctions, AT_HOME, MODULE_WORD } from '../api-modules.ts';
import { tagOf } from '../class-words.ts';
import { declaredClass } from '../declared-class.ts';

export const unclassifiedApi: AnalysisRule = {
  id: 'unclassified-api',
  level: 'warning',
  title: 'An exported function of an API module without a class.',
  why: 'Without a class nobody checks what the function does, whatever the name of its module promises.',
  evaluate(analysis: Analysis): RawFinding[] {
    return apiFunctions(analysis).filter((api) => declaredClass(api.fn) === null).map((api) => ({
      rule: 'unclassified-api',
      file: api.file,
      span: api.span,
      function: api.name,
      target: api.fn.summary.name,
      message: `${api.name} is ${api.reExport ? 're-exported' : 'exported'} from ${MODULE_WORD[api.module]} and has no class.`,
      hint: `Tag ${api.name} ${AT_HOME[api.module].map(tagOf).join(' or ')}, or give the module its tag.`,
    }));
  },
};
