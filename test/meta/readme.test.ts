/** The README tells what there is: every rule, every key of the configuration, every option, and no others. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { rules } from '../../rules/index.ts';
import { defaultConfig } from '../../src/model/config.ts';
import { withRuleTable } from '../docs/rule-docs.ts';
import { gsio } from '../support/command.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const repository = path.resolve(import.meta.dirname, '../..');
const readme = fs.readFileSync(path.join(repository, 'README.md'), 'utf8');

test('every rule, in the table that `npm run docs` makes', () => {
  expect(readme).toBe(withRuleTable(readme));
  expect(readme.match(/^\| \[`/gm)).toHaveLength(rules.length);
});

test('every key of the configuration', () => {
  const section = readme.slice(readme.indexOf('## Configuration'), readme.indexOf('## As a library'));
  const rows = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, key]) => key);
  expect(rows.sort()).toEqual(Object.keys(defaultConfig).sort());
});

test('every option', async () => {
  const { out } = await gsio('.', ['check', '--help']);
  const options = [...out.matchAll(/--[a-z-]+/g)].map(([option]) => option);
  expect(options.length).toBeGreaterThan(7);
  for (const option of options) expect(readme).toContain(option);
});

test('its first example has the finding that it tells of', async () => {
  const example = /```ts\n(import [^`]*GLOBAL_STATE_CODE[^`]*)```/.exec(readme)?.[1] ?? '';
  const line = example.split('\n').findIndex((text) => text.includes('// gs-from-io')) + 1;
  const cwd = temporaryFolder({ 'tsconfig.json': '{ "compilerOptions": { "strict": true, "types": [] } }', 'disk.ts': example });
  const { out } = await gsio(cwd, ['check', '--format', 'json']);
  const { findings } = JSON.parse(out) as { findings: { rule: string; line: number }[] };
  expect(findings.map((finding) => `${finding.rule} ${finding.line}`)).toEqual([`gs-from-io ${line}`]);
});

test('its first finding is one that gsio prints', async () => {
  const [, words = '', finding = ''] = /```console\n\$ npx gsio ([^\n]*)\n([^`]*)```/.exec(readme) ?? [];
  const { out } = await gsio(path.join(repository, 'fixtures/projects/fuse-export/posted'), words.split(' '));
  expect(finding).toContain('error');
  expect(out.includes(finding), `gsio does not print\n${finding}`).toBe(true);
});

test('every link leads to a file', () => {
  for (const [, target] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
    expect(fs.existsSync(path.join(repository, target ?? '')), target).toBe(true);
  }
});
