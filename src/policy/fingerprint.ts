/**
 * Names a finding so that the name survives edits elsewhere in its file.
 *
 * In: a finding as its rule returned it, and how many equal ones stand above it. Out: 16 hexadecimal digits.
 * Leaves to others: comparing fingerprints with those of an earlier run.
 */
import { createHash } from 'node:crypto';
import type { RawFinding } from '../model/finding.ts';

/** What two findings share when only their place in the file tells them apart. */
export function identityOf(finding: RawFinding): string {
  return JSON.stringify([finding.rule, finding.file, withoutLines(finding.function), withoutLines(finding.target)]);
}

/** `ordinal` is the number of findings with the same identity that stand above this one. */
export function fingerprintOf(finding: RawFinding, ordinal: number): string {
  return createHash('sha256').update(`${identityOf(finding)}#${String(ordinal)}`).digest('hex').slice(0, 16);
}

/** A function without a name is called after its line (`openDisk/callback@12`), and lines move. */
function withoutLines(name: string): string {
  return name.replace(/@\d+/g, '@');
}
