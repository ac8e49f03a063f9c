/**
 * What can be mended from within the editor.
 *
 * In: a finding and the source it stands in. Out: a fix where the code means the same afterwards, and suggestions where
 * somebody has to decide.
 * Leaves to others: showing them (ESLint).
 */
import type { Rule as Eslint, SourceCode as EslintSource } from 'eslint';
import type { Config } from '../../model/config.ts';
import type { Finding } from '../../model/finding.ts';
import { insertAssertion, placeAssertion } from './assertions.ts';
import { addWaiver, guardCall } from './calls.ts';
import type { Source } from './source.ts';

export type Fix = Eslint.ReportFixer;

export interface Suggestion {
  readonly text: string;
  readonly fix: Fix;
}

export interface Repair {
  readonly fix?: Fix | undefined;
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

export function repairOf(finding: Finding, sourceCode: EslintSource, config: Config): Repair {
  // The parser of typescript-eslint made the tree.
  const source = sourceCode as unknown as Source;
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
  const start = source.getIndexFromLoc({ line: finding.line, column: finding.column - 1 });
  const end = source.getIndexFromLoc({ line: finding.endLine, column: finding.endColumn - 1 });
  const fix: Fix = (fixer) => fixer.replaceTextRange([start, end], replacement);
  const written = source.text.slice(start, end);
  return written.toLowerCase() === replacement.toLowerCase() ? { fix, suggestions: [] } : { suggestions: [{ text: `Write ${replacement}.`, fix }] };
}
