/**
 * The parts of the documentation that follow from what the rules say of themselves.
 *
 * In: the plugin's rules and configurations, and a page as it is. Out: the page with those parts as they have to be.
 * Leaves to others: reading and writing pages (`write.ts`), comparing them (`test/meta/rules.test.ts`).
 */
import { rules } from '../../rules/index.ts';
import gsio from '../../src/eslint/index.ts';
import type { Rule } from '../../src/model/rule.ts';

const START = '<!-- The table of rules: `npm run docs` writes it. -->';
const END = '<!-- End of the table of rules. -->';
const PRESETS = ['recommended', 'strict', 'all'] as const;
/** Where the part of a rule's page begins that people write. */
const WRITTEN = '## What it finds\n';

interface Option {
  readonly name: string;
  readonly type: string;
  readonly standard: string;
  readonly meaning: string;
}

/** The README with its table of rules. */
export function withRuleTable(readme: string): string {
  const start = readme.indexOf(START);
  const end = readme.indexOf(END);
  if (start < 0 || end < start) throw new Error('README.md has lost the marks around its table of rules');
  const rows = rules.map((rule) => `| [\`${rule.id}\`](rules/${rule.id}/README.md) | ${rule.level} | ${presetsOf(rule).join(', ')} | ${marksOf(rule).join(', ') || '–'} | ${finds(rule)} |`);
  const table = ['| rule | level | presets | in the editor | finds |', '| --- | --- | --- | --- | --- |', ...rows];
  return `${readme.slice(0, start)}${START}\n\n${table.join('\n')}\n\n${readme.slice(end)}`;
}

/** A rule's page with its header. */
export function withHeader(rule: Rule, page: string): string {
  const written = page.indexOf(WRITTEN);
  if (written < 0) throw new Error(`the page of ${rule.id} has lost its first section`);
  return `${headerOf(rule)}\n${page.slice(written)}`;
}

function headerOf(rule: Rule): string {
  const severities = PRESETS.map((preset) => `${severityIn(rule, preset)} in \`${preset}\``);
  const marks = marksOf(rule);
  const options = optionsOf(rule);
  return [
    `# ${rule.id}`,
    `${rule.title} Level: ${rule.level}.`,
    `In ESLint \`gsio/${rule.id}\`, a ${kindOf(rule)}: ${severities.join(', ')}. ${marks.length === 0 ? 'It has neither fix, nor suggestions, nor options.' : `It has ${inWords(marks)}.`}`,
    ...(options.length === 0 ? [] : [['| option | type | default | meaning |', '| --- | --- | --- | --- |', ...options.map(({ name, type, standard, meaning }) => `| \`${name}\` | ${type} | \`${standard}\` | ${meaning} |`)].join('\n')]),
  ].map((block) => `${block}\n`).join('\n');
}

function metaOf({ id }: Rule): (typeof gsio.rules)[string]['meta'] {
  const meta = gsio.rules[id]?.meta;
  if (meta === undefined) throw new Error(`the plugin has no rule ${id}`);
  return meta;
}

function kindOf(rule: Rule): string {
  return metaOf(rule).type ?? 'problem';
}

function finds({ title }: Rule): string {
  const sentence = title.replace(/\.$/, '');
  return sentence.startsWith('Global') ? sentence : `${sentence.slice(0, 1).toLowerCase()}${sentence.slice(1)}`;
}

function marksOf(rule: Rule): string[] {
  const { fixable, hasSuggestions } = metaOf(rule);
  return [...(fixable === undefined ? [] : ['a fix']), ...(hasSuggestions === true ? ['suggestions'] : []), ...(optionsOf(rule).length === 0 ? [] : ['options'])];
}

function inWords(marks: readonly string[]): string {
  return marks.length === 1 ? marks[0] ?? '' : `${marks.slice(0, -1).join(', ')} and ${marks.at(-1) ?? ''}`;
}

function severityIn({ id }: Rule, preset: (typeof PRESETS)[number]): string {
  const [severity] = [gsio.configs[preset].rules[`gsio/${id}`]].flat();
  return String(severity);
}

function presetsOf(rule: Rule): string[] {
  return PRESETS.filter((preset) => severityIn(rule, preset) !== 'off');
}

/** What the schema says of an option of ESLint, as a row of a table. */
function optionsOf(rule: Rule): Option[] {
  const { schema, defaultOptions } = metaOf(rule);
  const standard = (defaultOptions?.[0] ?? {}) as Readonly<Record<string, unknown>>;
  const [first] = Array.isArray(schema) ? schema : [];
  return Object.entries(first?.properties ?? {}).map(([name, { type, description }]) => ({ name, type: String(type), standard: JSON.stringify(standard[name]), meaning: (description ?? '').replace(/\.$/, '') }));
}
