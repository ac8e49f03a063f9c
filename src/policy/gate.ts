/**
 * Whether a check passes.
 *
 * In: how many findings of each level there are, and what the user lets pass. Out: the levels whose findings fail the check.
 * Leaves to others: exit codes (`cli`).
 */
import type { Level, Report } from '../model/finding.ts';

export interface Gate {
  /** The mildest level that fails. */
  readonly failOn: Level;
  /** More warnings than this fail, too. */
  readonly maxWarnings: number;
}

/** From worst to mildest. */
export const LEVELS: readonly Level[] = ['error', 'warning', 'info'];

export function failingLevels({ summary }: Report, { failOn, maxWarnings }: Gate): ReadonlySet<Level> {
  const failing = LEVELS.slice(0, LEVELS.indexOf(failOn) + 1);
  return new Set(summary.findings.warning > maxWarnings ? [...failing, 'warning'] : failing);
}

export function passes({ findings }: Report, failing: ReadonlySet<Level>): boolean {
  return !findings.some(({ level }) => failing.has(level));
}
