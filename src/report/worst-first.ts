/** What others cut off should be what matters least: errors come before warnings, and those before the rest. */
import type { Finding, Level } from '../model/finding.ts';

const RANK: Readonly<Record<Level, number>> = { error: 0, warning: 1, info: 2 };

/** Findings of one level keep their order. */
export function worstFirst(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => RANK[a.level] - RANK[b.level]);
}
