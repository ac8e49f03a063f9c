/** What the command reads of its own package: the version, the rules' pages, the page of the report. */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Rule } from '../model/rule.ts';
import type { RuleText } from '../report/sarif.ts';

/** The folder of package.json; the compiled command lies one level deeper than its source. */
function packageFolder(): string {
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); folder !== path.dirname(folder); folder = path.dirname(folder)) {
    if (fs.existsSync(path.join(folder, 'package.json'))) return folder;
  }
  throw new Error('gsio cannot find its own package.json; please report this.');
}

export function packageVersion(): string {
  const content: unknown = JSON.parse(fs.readFileSync(path.join(packageFolder(), 'package.json'), 'utf8'));
  return typeof content === 'object' && content !== null && 'version' in content ? String(content.version) : 'unknown';
}

/** The page of a rule, as Markdown; undefined where it has none. */
export function rulePage(id: string): string | undefined {
  const file = path.join(packageFolder(), 'rules', id, 'README.md');
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined;
}

export function ruleTexts(rules: readonly Rule[]): RuleText[] {
  return rules.map(({ id, level, title, why }) => ({ id, level, title, why, page: rulePage(id) }));
}

/** The page of the report without data, as the build has made it. */
export function reportPage(): string {
  return fs.readFileSync(path.join(packageFolder(), 'dist/src/report/html/page.html'), 'utf8');
}
