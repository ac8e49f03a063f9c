/**
 * `gsio init`: sets gsio up in the current folder.
 *
 * In: options. Out: 0. What would be written is shown first, and written after --yes or a yes on the terminal. No file is overwritten;
 * package.json gets a script.
 * Leaves to others: looking around and planning (`init`).
 */
import fs from 'node:fs';
import path from 'node:path';
import { planSetup, type Plan } from '../init/plan.ts';
import { survey, type Survey } from '../init/survey.ts';
import { UsageError } from '../model/errors.ts';
import { entriesFor } from '../policy/baseline.ts';
import { analyzeProjects } from '../project/analyze-projects.ts';
import { jsonDocument } from '../report/json-document.ts';
import { formatDiff } from '../report/unified-diff.ts';
import { visible } from '../report/visible.ts';
import { DEFAULT_BASELINE } from './baseline.ts';
import { oneOf } from './choice.ts';
import { onProjects } from './on-projects.ts';
import { repositoryAround } from './repository.ts';
import { wantsColour, type Streams } from './streams.ts';

export interface InitOptions {
  readonly dryRun?: true;
  readonly yes?: true;
  readonly baseline?: true;
  readonly ci?: string;
  readonly color: boolean;
}

export async function init(options: InitOptions, streams: Streams): Promise<0> {
  const wanted = options.ci === undefined ? undefined : oneOf('ci', options.ci, ['github', 'gitlab', 'none']);
  const found = survey(streams.cwd, repositoryAround(streams.cwd));
  const baseline = options.baseline === true ? { file: DEFAULT_BASELINE, text: await baselineOf(found, streams) } : null;
  const plan = planSetup(found, { ci: wanted ?? found.ci ?? 'github', baseline });
  if (plan.files.length > 0) streams.out(formatDiff(plan.files, wantsColour(streams, options.color)));
  if (plan.kept.length > 0) streams.err(`gsio: Already there, and kept: ${plan.kept.join(', ')}.\n`);
  if (options.dryRun === true) return 0;
  if (plan.files.length === 0) streams.err('gsio: Everything is set up.\n');
  else if (options.yes === true || await streams.confirm?.('Write this? [y/N] ') === true) write(plan, streams);
  else {
    streams.err('gsio: Nothing is written; gsio init --yes writes it.\n');
    return 0;
  }
  advise(plan, streams);
  return 0;
}

/** What there is now is known from now on. */
async function baselineOf({ projects }: Survey, streams: Streams): Promise<string> {
  if (fs.existsSync(path.join(streams.cwd, DEFAULT_BASELINE))) {
    throw new UsageError('baseline-exists', `The baseline ${DEFAULT_BASELINE} is there already.`, 'gsio check --update-baseline writes it anew.');
  }
  const { report } = await onProjects([], { project: projects }, streams, analyzeProjects);
  return jsonDocument({ findings: entriesFor(report.findings, []) });
}

function write({ files }: Plan, streams: Streams): void {
  for (const { file, before, after } of files) {
    const absolute = path.resolve(streams.cwd, file);
    try {
      fs.mkdirSync(path.dirname(absolute), { recursive: true });
      // A file that appeared meanwhile is not ours.
      fs.writeFileSync(absolute, after, { flag: before === null ? 'wx' : 'w' });
    } catch (error) {
      const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      throw new UsageError('unwritable-output', `The file ${file} cannot be written (${reason}).`, 'See who owns the file and its folder.');
    }
    streams.err(`gsio: ${before === null ? 'wrote' : 'changed'} ${file}\n`);
  }
}

function advise({ advice }: Plan, streams: Streams): void {
  for (const { text, lines } of advice) streams.err(`\n${text}\n${lines.map((line) => `  ${visible(line)}\n`).join('')}`);
}
