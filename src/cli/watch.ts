/**
 * `gsio check --watch`: checks again whenever something changes, and prints only what is different.
 *
 * In: how to check, and something that tells of changes. Out: the status of the last check, when there are no more changes to come.
 * Every round analyses anew, so that it says what a check of its own would say. What a user has to mend first is told, and waited for.
 */
import { ConfigError, ProjectError } from '../model/errors.ts';
import type { Finding, Report } from '../model/finding.ts';
import { keepFindings } from '../policy/keep-findings.ts';
import { visible } from '../report/visible.ts';
import { counted, scope, verdict } from '../report/words.ts';
import type { Streams } from './streams.ts';

export interface Round {
  readonly report: Report;
  /** The report with other findings, as text. */
  readonly print: (report: Report) => string;
  readonly status: 0 | 1;
}

export async function watch(check: () => Promise<Round>, changes: AsyncIterable<undefined>, streams: Streams): Promise<0 | 1 | 2> {
  let known: ReadonlyMap<string, Finding> | null = null;
  let status: 0 | 1 | 2 = 0;
  let told = '';
  const round = async (): Promise<void> => {
    try {
      const { report, print, status: now } = await check();
      const found = byIdentity(report.findings);
      if (known === null) streams.out(print(report));
      else tellDifference(known, found, report, print, told !== '', streams);
      [known, status, told] = [found, now, ''];
    } catch (error) {
      if (!(error instanceof ProjectError || error instanceof ConfigError)) throw error;
      status = 2;
      if (error.message !== told) streams.err(`gsio: ${error.message}\n  ${error.hint}\n`);
      told = error.message;
    }
  };
  await round();
  streams.err('gsio: Waiting for changes; Ctrl+C ends it.\n');
  const bursts = changes[Symbol.asyncIterator]();
  while ((await bursts.next()).done !== true) await round();
  return status;
}

/** A finding that only moved is the same; one whose words changed, such as its roots, is told again. */
function byIdentity(findings: readonly Finding[]): ReadonlyMap<string, Finding> {
  return new Map(findings.map((finding) => [`${finding.fingerprint} ${finding.level} ${finding.message}`, finding]));
}

function tellDifference(before: ReadonlyMap<string, Finding>, now: ReadonlyMap<string, Finding>, report: Report, print: Round['print'], wasBroken: boolean, streams: Streams): void {
  const fresh = [...now].filter(([key]) => !before.has(key)).map(([, finding]) => finding);
  const gone = [...before].filter(([key]) => !now.has(key)).map(([, finding]) => finding);
  if (fresh.length > 0) streams.out(print(keepFindings(report, fresh, {})));
  for (const { rule, file, line, message } of gone) streams.out(`gone ${rule} ${visible(file)}:${String(line)}  ${visible(message)}\n`);
  if (fresh.length + gone.length === 0 && !wasBroken) return;
  streams.out(`gsio: ${counted(fresh.length, 'new finding')}, ${String(gone.length)} gone; now ${verdict(report)} ${scope(report)}.\n`);
}
