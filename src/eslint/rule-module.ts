/**
 * One rule of gsio as ESLint knows rules.
 *
 * In: the rule. Out: a module that reports what the analysis of the whole program found in the file at hand.
 * Leaves to others: the analysis (`verdict.ts`), the words (`message.ts`), what can be mended (`repair`).
 */
import type { Rule as Eslint } from 'eslint';
import type { Finding } from '../model/finding.ts';
import type { Rule } from '../model/rule.ts';
import { messageOf } from './message.ts';
import { canFix, canSuggest, repairOf } from '../repair/repair.ts';
import type { Edit } from '../repair/source.ts';
import { verdictOn } from './verdict.ts';

export interface GsioRule extends Eslint.RuleModule {
  readonly meta: Eslint.RuleMetaData & { readonly docs: { readonly description: string; readonly url: string; readonly recommended: boolean } };
}

/** `unused-waiver` also judges ESLint's disable comments that name rules of gsio, unless it is told to leave them to ESLint. */
const WAIVER_SCHEMA = [{
  type: 'object',
  properties: { disableComments: { type: 'boolean', description: 'Whether to report disable comments of ESLint without use, as the command does.' } },
  additionalProperties: false,
}] as const;

export function ruleModule(rule: Rule, version: string): GsioRule {
  const judgesWaivers = 'evaluateWaivers' in rule;
  return {
    meta: {
      type: rule.level === 'info' ? 'suggestion' : 'problem',
      docs: {
        description: rule.title.replace(/\.$/, ''),
        url: `https://unpkg.com/gsio@${version}/rules/${rule.id}/README.md`,
        recommended: rule.level !== 'info',
      },
      ...(canFix(rule.id) ? { fixable: 'code' as const } : {}),
      ...(canSuggest(rule.id) ? { hasSuggestions: true } : {}),
      schema: judgesWaivers ? [...WAIVER_SCHEMA] : [],
      ...(judgesWaivers ? { defaultOptions: [{ disableComments: true }] } : {}),
      messages: { finding: '{{message}}', repair: '{{repair}}' },
      languages: ['js/js'],
    },
    create(context) {
      const file = verdictOn(context, rule.id);
      return {
        Program() {
          for (const finding of file.findings(rule.id)) {
            if (judgesWaivers && leavesToEslint(context, finding)) continue;
            const { fix, suggestions } = repairOf(finding, file.source, file.config);
            context.report({
              loc: {
                start: { line: finding.line, column: finding.column - 1 },
                end: { line: finding.endLine, column: finding.endColumn - 1 },
              },
              messageId: 'finding',
              data: { message: messageOf(finding) },
              ...(fix === undefined ? {} : { fix: replacing(fix) }),
              suggest: suggestions.map(({ text, edits }) => ({ messageId: 'repair', data: { repair: text }, fix: replacing(edits) })),
            });
          }
        },
      };
    },
  };
}

function replacing(edits: readonly Edit[]): Eslint.ReportFixer {
  return (fixer) => edits.map(({ start, end, text }) => fixer.replaceTextRange([start, end], text));
}

function leavesToEslint(context: Eslint.RuleContext, finding: Finding): boolean {
  const [options] = context.options as ({ disableComments?: boolean } | undefined)[];
  if (options?.disableComments !== false) return false;
  const start = context.sourceCode.getIndexFromLoc({ line: finding.line, column: finding.column - 1 });
  return /^(?:\/\/+|\/\*)[\s*]*eslint-/.test(context.sourceCode.text.slice(start, start + 80));
}
