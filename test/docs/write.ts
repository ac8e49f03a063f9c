/** `npm run docs`: brings README.md and the pages of the rules up to what the rules say of themselves. */
import fs from 'node:fs';
import path from 'node:path';
import { rules } from '../../rules/index.ts';
import { withHeader, withRuleTable } from './rule-docs.ts';

const repository = path.resolve(import.meta.dirname, '../..');

function rewrite(file: string, change: (text: string) => string): void {
  const name = path.join(repository, file);
  const text = fs.readFileSync(name, 'utf8');
  const next = change(text);
  if (next === text) return;
  fs.writeFileSync(name, next);
  console.log(`${file} is up to date now`);
}

rewrite('README.md', withRuleTable);
for (const rule of rules) rewrite(`rules/${rule.id}/README.md`, (page) => withHeader(rule, page));
