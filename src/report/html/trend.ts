/**
 * How a report differs from an earlier one, by fingerprints.
 *
 * In: the text of the earlier one: the JSON beside a report, or that of `gsio check --format json`; and the findings of now.
 * Out: what is new, what is gone, and the figures of then.
 */
import type { Coverage } from '../../model/audit.ts';
import { ConfigError } from '../../model/errors.ts';
import type { Finding, Level } from '../../model/finding.ts';
import type { PackOptions } from './pack.ts';
import { LEVELS } from './page-data.ts';

type Fields = Readonly<Record<string, unknown>>;

/** `written` is how the user named the file. */
export function compareWith(text: string, written: string, findings: readonly Finding[]): NonNullable<PackOptions['trend']> {
  const earlier = parse(text, written);
  const then = new Set(earlier.map(({ fingerprint }) => fingerprint));
  const now = new Set(findings.map(({ fingerprint }) => fingerprint));
  const content = JSON.parse(text) as { readonly coverage?: Coverage };
  const count = (level: Level): number => earlier.filter((finding) => finding.level === level).length;
  const isFresh = (finding: Finding): boolean => !then.has(finding.fingerprint);
  return {
    isFresh,
    page: {
      name: written,
      before: { findings: { error: count('error'), warning: count('warning'), info: count('info') }, coverage: content.coverage ?? null },
      fresh: findings.filter(isFresh).length,
      gone: earlier.filter(({ fingerprint }) => !now.has(fingerprint)).map(({ rule, level, file, function: holder, message }) => ({ rule, level, file, function: holder, message })),
    },
  };
}

type Earlier = Pick<Finding, 'rule' | 'level' | 'file' | 'function' | 'message' | 'fingerprint'>;

function parse(text: string, written: string): Earlier[] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    content = null;
  }
  const list = isFields(content) && content['schemaVersion'] === 1 ? content['findings'] : undefined;
  if (!Array.isArray(list)) throw notAReport(written);
  return list.map((entry: unknown) => {
    const isFinding = isFields(entry) && ['rule', 'level', 'file', 'function', 'message', 'fingerprint'].every((key) => typeof entry[key] === 'string') && (LEVELS as readonly unknown[]).includes(entry['level']);
    if (!isFinding) throw notAReport(written);
    return entry as unknown as Earlier;
  });
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function notAReport(written: string): ConfigError {
  return new ConfigError('invalid-report', `${written} is no report of gsio in JSON.`, 'Name the JSON file that gsio report, or gsio check --format json, has written.');
}
