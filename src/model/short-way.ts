/**
 * The way of a finding in one sentence, for places that can only show text.
 *
 * In: the path. Out: the sentence; nothing where the path is one call.
 */
import type { Hop } from './finding.ts';

/** Longer ways are cut in the middle; the command prints them in full. */
const MOST = 7;

export function shortWay(path: readonly Hop[]): string {
  if (path.length < 3) return '';
  const names = path.map((hop) => hop.function);
  const shown = names.length <= MOST ? names : [...names.slice(0, 3), `(${String(names.length - 6)} more)`, ...names.slice(-3)];
  return `The way there: ${shown.join(' → ')}.`;
}
