/** `gsio recall TRACE`: compares a trace with the call graph. 0, or 1 where an assertion failed that no finding told of. */
import path from 'node:path';
import { rules } from '../../rules/index.ts';
import { UsageError } from '../model/errors.ts';
import { modelProjects } from '../project/analyze-projects.ts';
import { formatRecall, formatRecallJson } from '../report/recall.ts';
import { compareTrace } from '../trace/compare.ts';
import { parseTrace, rejectStaleTrace } from '../trace/read-trace.ts';
import { answer } from './ask.ts';
import { oneOf } from './choice.ts';
import { onProjects, type ProjectOptions } from './on-projects.ts';
import { packageVersion } from './package.ts';
import { readText } from './read-text.ts';
import type { Streams } from './streams.ts';

export interface RecallOptions extends ProjectOptions {
  readonly format?: string;
  readonly output?: string;
}

export async function recall(written: string, options: RecallOptions, streams: Streams): Promise<0 | 1> {
  const format = oneOf('format', options.format ?? 'pretty', ['pretty', 'json']);
  const text = readText(path.resolve(streams.cwd, written));
  if (text === undefined) throw new UsageError('trace-not-found', `The trace ${written} cannot be read.`, 'Name a file that gsio trace has written.');
  const trace = parseTrace(text, written);
  let status: 0 | 1 = 0;
  await answer(options.output, streams, async () => {
    const { models, root } = await onProjects([], options, streams, modelProjects);
    rejectStaleTrace(trace, written, (file) => readText(path.resolve(root, file)));
    const findings = models.flatMap(({ analysis }) => rules.flatMap((rule) => ('evaluate' in rule ? rule.evaluate(analysis) : [])));
    const compared = compareTrace(models, findings, trace);
    if (compared.violations.some(({ predictedBy }) => predictedBy === null)) status = 1;
    return format === 'json' ? formatRecallJson(compared, packageVersion()) : formatRecall(compared);
  });
  return status;
}
