/**
 * What can be mended from within an editor.
 *
 * In: a finding and the source it stands in. Out: edits where the code means the same afterwards, and suggestions where
 * somebody has to decide.
 * Leaves to others: showing them (`eslint`, `lsp`), repairing whole projects (`fix`).
 */
import type { Config } from '../model/config.ts';
import type { Finding } from '../model/finding.ts';
import { insertAssertion, placeAssertion } from './assertions.ts';
import { addWaiver, guardCall } from './calls.ts';
import type { Edit, Source } from './source.ts';

export interface Suggestion {
  readonly text: string;
  readonly edits: readonly Edit[];
}

export interface Repair {
  readonly fix?: readonly Edit[] | undefined;
  readonly suggestions: readonly Suggestion[];
}

const NOTHING: Repair = { suggestions: [] };
const FIXED: ReadonlySet<string> = new Set(['missing-assertion', 'assertion-placement', 'invalid-annotation']);
const SUGGESTED: ReadonlySet<string> = new Set(['assertion-placement', 'invalid-annotation', 'gs-from-io', 'perm-change-in-io']);

export function canFix(rule: string): boolean {
  return FIXED.has(rule);
}

export function canSuggest(rule: string): boolean {
  return SUGGESTED.has(rule);
}

export function repairOf(finding: Finding, source: Source, config: Config): Repair {
  switch (finding.rule) {
    case 'missing-assertion': return { fix: insertAssertion(finding, source, config), suggestions: [] };
    case 'assertion-placement': return placeAssertion(finding, source);
    case 'invalid-annotation': return correctTag(finding, source);
    case 'gs-from-io': return { suggestions: [...guardCall(finding, source), ...addWaiver(finding, source)] };
    case 'perm-change-in-io': return { suggestions: addWaiver(finding, source) };
    default: return NOTHING;
  }
}

/** Case alone is no question; other letters may have meant another tag. */
function correctTag(finding: Finding, source: Source): Repair {
  const { replacement } = finding;
  if (replacement === undefined) return NOTHING;
  const edit = { start: source.startOf(finding), end: source.endOf(finding), text: replacement };
  const written = source.text.slice(edit.start, edit.end);
  return written.toLowerCase() === replacement.toLowerCase() ? { fix: [edit], suggestions: [] } : { suggestions: [{ text: `Write ${replacement}.`, edits: [edit] }] };
}
