/**
 * Reads a trace from its file, and says whether it is one of the source at hand.
 *
 * In: the text, the files of the projects. Out: a `Trace`, or a `UsageError`.
 */
import { UsageError } from '../model/errors.ts';
import type { Trace } from '../model/trace.ts';
import { hashOf } from './record.ts';

const LISTS = ['files', 'functions', 'sites', 'calls', 'violations'];

export function parseTrace(text: string, written: string): Trace {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  const record = typeof value === 'object' && value !== null ? value as Record<string, unknown> : {};
  if (!LISTS.every((list) => Array.isArray(record[list]))) {
    throw new UsageError('no-trace', `${written} is not a trace.`, 'Name a file that gsio trace has written.');
  }
  if (record['schemaVersion'] !== 1) {
    throw new UsageError('unknown-trace-version', `${written} was written by another version of gsio.`, 'Record it again with gsio trace.');
  }
  return value as Trace;
}

/** Positions mean something only in the very text that was traced. `readSource` tells the text of a file now. */
export function rejectStaleTrace(trace: Trace, written: string, readSource: (file: string) => string | undefined): void {
  for (const { file, hash } of trace.files) {
    const text = readSource(file);
    if (text === undefined) throw new UsageError('stale-trace', `${written} was recorded of ${file}, which does not exist here.`, 'Name the same --project as for gsio trace, or record it again.');
    if (hashOf(text) !== hash) throw new UsageError('stale-trace', `${file} has changed since ${written} was recorded.`, 'Record it again with gsio trace.');
  }
}
