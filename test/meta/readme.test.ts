/** The README tells what there is: every rule with its level, every key of the configuration, every option, and no others. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { rules } from '../../rules/index.ts';
import { main } from '../../src/cli/main.ts';
import { defaultConfig } from '../../src/model/config.ts';

const readme = fs.readFileSync(path.resolve(import.meta.dirname, '../../README.md'), 'utf8');

test('every rule with its level', () => {
  const rows = [...readme.matchAll(/^\| \[`([a-z-]+)`\]\(rules\/\1\/README\.md\) \| (\w+) \|/gm)].map(([, id, level]) => `${id ?? ''} ${level ?? ''}`);
  expect(rows.sort()).toEqual(rules.map(({ id, level }) => `${id} ${level}`).sort());
});

test('every key of the configuration', () => {
  const section = readme.slice(readme.indexOf('## Configuration'), readme.indexOf('## As a library'));
  const rows = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, key]) => key);
  expect(rows.sort()).toEqual(Object.keys(defaultConfig).sort());
});

test('every option', async () => {
  let help = '';
  await main(['check', '--help'], { out: (text) => { help += text; }, err: () => { /* none */ }, outIsTerminal: false, errIsTerminal: false, env: {}, cwd: '.', now: () => 0 });
  const options = [...help.matchAll(/--[a-z-]+/g)].map(([option]) => option);
  expect(options.length).toBeGreaterThan(7);
  for (const option of options) expect(readme).toContain(option);
});

test('every link leads to a file', () => {
  for (const [, target] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
    expect(fs.existsSync(path.resolve(import.meta.dirname, '../..', target ?? '')), target).toBe(true);
  }
});
