/**
 * Runs the command and turns what it throws into words and an exit status.
 *
 * In: the words after `gsio`, and streams. Out: 0 nothing at or above the failing level, 1 findings, 2 the user must mend something first;
 * of `trace` the status of the command that it runs.
 * This is the only place that prints errors. A fault of gsio itself is told in one line too; GSIO_DEBUG=1 shows where it happened.
 */
import { ConfigError, ProjectError, UsageError } from '../model/errors.ts';
import { run } from './program.ts';
import type { Streams } from './streams.ts';

export async function main(words: readonly string[], streams: Streams): Promise<number> {
  try {
    return await run(words, streams);
  } catch (error) {
    streams.err(`${tell(error)}\n`);
    if (streams.env['GSIO_DEBUG'] === '1' && error instanceof Error) streams.err(`${String(error.stack)}\n`);
    return 2;
  }
}

function tell(error: unknown): string {
  if (error instanceof UsageError || error instanceof ConfigError || error instanceof ProjectError) {
    return `gsio: ${error.message}\n  ${error.hint}`;
  }
  const reason = error instanceof Error ? error.message : String(error);
  return `gsio: this is a fault of gsio, not of your code: ${reason.split('\n')[0] ?? ''}\n  Please report it, with what GSIO_DEBUG=1 prints.`;
}
