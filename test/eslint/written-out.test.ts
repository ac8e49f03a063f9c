/** The rules as eslint-plugin-eslint-plugin wants them; as it reads text, and one adapter makes them all, each is written out for it. */
import { Linter } from 'eslint';
import eslintPlugin from 'eslint-plugin-eslint-plugin';
import { expect, it } from 'vitest';
import gsio from '../../src/eslint/index.ts';

const config: Linter.Config = {
  plugins: { 'eslint-plugin': eslintPlugin },
  rules: {
    ...eslintPlugin.configs.all.rules,
    // The sentence tells what is found, as it does in every report.
    'eslint-plugin/require-meta-docs-description': ['error', { pattern: '^[A-Z@]' }],
    // The adapter passes suggestions on where there are any; `repairs.test.ts` holds each rule's to its word.
    'eslint-plugin/require-meta-has-suggestions': 'off',
  },
};

/** A module with nothing but the rule. */
function writtenOut(meta: object, create: string): string {
  return `export default {\n  meta: ${JSON.stringify(meta, null, 2)},\n  ${create},\n};\n`;
}

function complaints(text: string): string[] {
  return new Linter().verify(text, [config]).map(({ line, ruleId, message }) => `${String(line)} ${ruleId ?? ''} ${message}`);
}

it.each(Object.entries(gsio.rules))('%s', (_id, rule) => {
  expect(complaints(writtenOut(rule.meta, rule.create.toString()))).toEqual([]);
});

it('has a text that is understood: a message that nobody uses is told', () => {
  const { meta, create } = gsio.rules['gs-from-io'] ?? { meta: {}, create: String };
  expect(complaints(writtenOut({ ...meta, messages: { finding: 'A finding.' } }, create.toString()))).not.toEqual([]);
});
