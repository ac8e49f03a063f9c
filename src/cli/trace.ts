/** `gsio trace -- COMMAND`: runs a command on instrumented source, and writes what it recorded. Ends as the command did. */
import { recordTrace } from '../trace/record.ts';
import { outputFile, writeOutput } from './output.ts';
import { packageVersion } from './package.ts';
import { Progress } from './progress.ts';
import type { Streams } from './streams.ts';

export interface TraceOptions {
  readonly project?: readonly string[];
  readonly output?: string;
}

const DEFAULT_OUTPUT = 'gsio-trace.json';

export async function trace(command: readonly string[], options: TraceOptions, streams: Streams): Promise<number> {
  const written = options.output ?? DEFAULT_OUTPUT;
  const output = outputFile(written, streams.cwd);
  const progress = new Progress(streams);
  const recorded = await recordTrace({
    projects: options.project ?? [],
    cwd: streams.cwd,
    command,
    env: streams.env,
    version: packageVersion(),
    onProgress: (step) => { if (step === '') progress.clear(); else progress.show(step); },
  }).finally(() => { progress.clear(); });
  writeOutput(output, `${JSON.stringify(recorded)}\n`, written);
  const { calls, violations, status } = recorded;
  streams.err(`gsio: ${String(calls.length)} calls and ${String(violations.length)} violations recorded in ${written}.\n`);
  if (calls.length === 0) streams.err('gsio: the command ran no instrumented code; it must run the sources of the project, by names relative to this folder.\n');
  return status;
}
