/** `gsio explain RULE`: prints the page of a rule. */
import { rules } from '../../rules/index.ts';
import { nearestName } from '../config/nearest.ts';
import { UsageError } from '../model/errors.ts';
import { rulePage } from './package.ts';
import type { Streams } from './streams.ts';

export function explain(written: string, streams: Streams): 0 {
  const id = written.replace(/^gsio\//, '');
  const rule = rules.find((candidate) => candidate.id === id);
  if (rule === undefined) {
    const known = rules.map((candidate) => candidate.id);
    throw new UsageError('unknown-rule', `Unknown rule "${written}"; did you mean "${nearestName(written, known) ?? ''}"?`, `Known rules: ${known.join(', ')}.`);
  }
  const page = rulePage(id) ?? `# ${id}\n\n${rule.title}\n\n${rule.why}\n`;
  streams.out(page.endsWith('\n') ? page : `${page}\n`);
  return 0;
}
