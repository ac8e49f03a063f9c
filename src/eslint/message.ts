/**
 * What an editor shows of a finding. ESLint has one place for each, so the way there goes into the text.
 *
 * In: a finding. Out: the sentence of its rule, the way from the root where it is longer than one call, and the hint.
 */
import type { Finding } from '../model/finding.ts';

/** Longer ways are cut in the middle; the command prints them in full. */
const MOST = 7;

export function messageOf(finding: Finding): string {
  return [finding.message, wayOf(finding), finding.hint].filter((part) => part !== '').join(' ');
}

function wayOf({ path }: Finding): string {
  if (path.length < 3) return '';
  const names = path.map((hop) => hop.function);
  const shown = names.length <= MOST ? names : [...names.slice(0, 3), `(${String(names.length - 6)} more)`, ...names.slice(-3)];
  return `The way there: ${shown.join(' → ')}.`;
}
