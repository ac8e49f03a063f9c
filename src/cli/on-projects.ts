/**
 * What every command does that loads projects: it asks for them in the same words, and shows how far it is.
 *
 * In: paths and options as the user wrote them. Out: what the work on the request says; the line of progress is gone by then.
 * Leaves to others: the work (`project`, `fix`).
 */
import { rules } from '../../rules/index.ts';
import type { AnalyzeRequest } from '../project/analyze-projects.ts';
import { Progress } from './progress.ts';
import type { Streams } from './streams.ts';

export interface ProjectOptions {
  readonly project?: readonly string[];
  readonly config?: string;
}

export async function onProjects<Result>(paths: readonly string[], options: ProjectOptions, streams: Streams, work: (request: AnalyzeRequest) => Promise<Result>): Promise<Result> {
  const progress = new Progress(streams);
  return work({
    projects: options.project ?? [],
    paths,
    cwd: streams.cwd,
    config: options.config,
    rules,
    now: streams.now,
    onProgress: (step) => { progress.show(step); },
  }).finally(() => { progress.clear(); });
}
