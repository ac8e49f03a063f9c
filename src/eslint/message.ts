/**
 * What an editor shows of a finding. ESLint has one place for each, so the way there goes into the text.
 *
 * In: a finding. Out: the sentence of its rule, the way from the root where it is longer than one call, and the hint.
 */
import type { Finding } from '../model/finding.ts';
import { shortWay } from '../model/short-way.ts';

export function messageOf(finding: Finding): string {
  return [finding.message, shortWay(finding.path), finding.hint].filter((part) => part !== '').join(' ');
}
