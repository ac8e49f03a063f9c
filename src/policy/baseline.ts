/**
 * The findings that a team knows of: those in the baseline do not fail a check, all others do.
 *
 * In: findings, and the entries of a baseline. Out: what is new, what is known, what no longer occurs; and the entries for the next baseline.
 * An entry stands for one finding, by fingerprint. One finding in exchange for another is new, however many there were before. Only when a
 * file is gone, a finding of another file takes over its entry: same rule, function and target, as after a rename.
 * Leaves to others: reading and writing the file (`cli`).
 */
import * as v from 'valibot';
import { ConfigError } from '../model/errors.ts';
import type { Finding } from '../model/finding.ts';
import { compareText } from './order.ts';

/** The fingerprint counts; the rest tells a reviewer what it stands for. */
export interface BaselineEntry {
  readonly rule: string;
  readonly file: string;
  readonly function: string;
  readonly target: string;
  readonly fingerprint: string;
}

export interface Comparison {
  /** Findings that the baseline does not hold. */
  readonly fresh: readonly Finding[];
  readonly known: readonly Finding[];
  /** Entries that a finding of another file took over. */
  readonly moved: readonly { readonly entry: BaselineEntry; readonly to: Finding }[];
  /** Entries that no longer occur. */
  readonly stale: readonly BaselineEntry[];
}

/** `isGone`: whether the file of an entry does not exist any more. */
export function compareWithBaseline(findings: readonly Finding[], entries: readonly BaselineEntry[], isGone: (file: string) => boolean): Comparison {
  const occurring = new Set(findings.map(({ fingerprint }) => fingerprint));
  const held = new Set(entries.map(({ fingerprint }) => fingerprint));
  const left = entries.filter(({ fingerprint }) => !occurring.has(fingerprint));

  const gone = new Map<string, BaselineEntry[]>();
  for (const entry of left.filter(({ file }) => isGone(file))) {
    const key = keyOf(entry);
    gone.set(key, [...(gone.get(key) ?? []), entry]);
  }
  const moved: { entry: BaselineEntry; to: Finding }[] = [];
  const fresh: Finding[] = [];
  const known: Finding[] = [];
  for (const finding of findings) {
    const entry = held.has(finding.fingerprint) ? undefined : gone.get(keyOf(entryOf(finding)))?.shift();
    if (entry !== undefined) moved.push({ entry, to: finding });
    if (entry !== undefined || held.has(finding.fingerprint)) known.push(finding);
    else fresh.push(finding);
  }
  const taken = new Set(moved.map(({ entry }) => entry));
  return { fresh, known, moved, stale: left.filter((entry) => !taken.has(entry)) };
}

function keyOf({ rule, function: holder, target }: BaselineEntry): string {
  return JSON.stringify([rule, holder, target]);
}

/** A function without a name is called after its line, and lines move. */
function entryOf({ rule, file, function: holder, target, fingerprint }: Finding): BaselineEntry {
  return { rule, file, function: holder.replace(/@\d+/g, ''), target: target.replace(/@\d+/g, ''), fingerprint };
}

/** The entries for some findings, and some entries to keep, in the order of the file; each fingerprint once. */
export function entriesFor(findings: readonly Finding[], kept: readonly BaselineEntry[]): BaselineEntry[] {
  const byFingerprint = new Map([...kept, ...findings.map(entryOf)].map((entry) => [entry.fingerprint, entry]));
  return [...byFingerprint.values()].sort((a, b) => compareText(a.file, b.file) || compareText(a.rule, b.rule)
    || compareText(a.function, b.function) || compareText(a.target, b.target) || compareText(a.fingerprint, b.fingerprint));
}

const text = v.string();
const schema = v.object({
  schemaVersion: v.literal(1),
  findings: v.array(v.object({ rule: text, file: text, function: text, target: text, fingerprint: v.pipe(text, v.regex(/^[0-9a-f]{16}$/)) })),
});

/** `name` is how the file is called to the user. */
export function parseBaseline(content: string, name: string): BaselineEntry[] {
  const result = v.safeParse(schema, jsonOf(content, name));
  if (result.success) return result.output.findings;
  const [issue] = result.issues;
  const where = v.getDotPath(issue);
  throw new ConfigError('invalid-baseline', `The baseline ${name} is not one that gsio wrote${where === null ? '' : `: ${where} is not as it should be`}.`, 'Take back the last edit of the file, or write it again with --update-baseline after deleting it.');
}

function jsonOf(content: string, name: string): unknown {
  try {
    return JSON.parse(content.replace(/^\ufeff/, ''));
  } catch {
    const conflict = /^(?:<{7}|={7}|>{7})/m.test(content);
    throw new ConfigError('invalid-baseline', `The baseline ${name} is not valid JSON.`, conflict
      ? 'It holds marks of a merge: keep the entries of both sides, then run --prune-baseline.'
      : 'Take back the last edit of the file, or write it again with --update-baseline after deleting it.');
  }
}
