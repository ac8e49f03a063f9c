/**
 * `gsio fix`: writes missing assertions and tags into the source, or prints what it would write.
 *
 * In: options. Out: 0, or 1 of `--dry-run` where something would change.
 * Leaves to others: what changes (`fix`), the diff (`report`).
 */
import fs from 'node:fs';
import path from 'node:path';
import { fixProjects, type Fixed } from '../fix/fix.ts';
import { parseList, type ListEntry } from '../fix/list.ts';
import { UsageError } from '../model/errors.ts';
import { formatDiff } from '../report/unified-diff.ts';
import { visible } from '../report/visible.ts';
import { counted } from '../report/words.ts';
import { oneOf } from './choice.ts';
import { onProjects, type ProjectOptions } from './on-projects.ts';
import { writeOutput } from './output.ts';
import { wantsColour, type Streams } from './streams.ts';

export interface FixOptions extends ProjectOptions {
  readonly tags?: readonly string[];
  readonly list?: readonly string[];
  readonly assertIo?: true;
  readonly import?: string;
  readonly dryRun?: true;
  readonly color: boolean;
}

const MOST_LISTED = 10;

export async function fix(paths: readonly string[], options: FixOptions, streams: Streams): Promise<0 | 1> {
  const tags = new Set((options.tags ?? []).flatMap((words) => words.split(',')).map((word) => oneOf('source', word.trim(), ['modules', 'inferred'])));
  const list = (options.list ?? []).flatMap((written) => readList(written, streams.cwd));
  const fixed = await onProjects(paths, options, streams, (request) => fixProjects({
    ...request,
    list,
    fromModules: tags.has('modules'),
    fromInference: tags.has('inferred'),
    assertIo: options.assertIo === true,
    assertionsFrom: options.import === undefined ? null : originOf(options.import, streams.cwd),
  }));

  if (options.dryRun === true) {
    streams.out(formatDiff(fixed.files, wantsColour(streams, options.color)));
  } else {
    for (const { file, absolute, after } of fixed.files) writeOutput(absolute, after, file);
  }
  tell(fixed, options.dryRun === true, streams);
  return options.dryRun === true && fixed.files.length > 0 ? 1 : 0;
}

function readList(written: string, cwd: string): ListEntry[] {
  let text: string;
  try {
    text = fs.readFileSync(path.resolve(cwd, written), 'utf8');
  } catch {
    throw new UsageError('list-not-found', `The list ${written} cannot be read.`, 'Name a JSON file after --list; the path is relative to the current folder.');
  }
  return parseList(text, written);
}

/** A path leads to a file of the project, anything else is a package. */
function originOf(written: string, cwd: string): string {
  if (!/^\.{0,2}\//.test(written)) return written;
  const file = path.resolve(cwd, written);
  if (fs.statSync(file, { throwIfNoEntry: false })?.isFile() !== true) throw new UsageError('import-not-found', `The file ${written} does not exist.`, 'Name a package, or a file that begins with ./ or ../, after --import.');
  return file.split(path.sep).join('/');
}

function tell(fixed: Fixed, isDryRun: boolean, streams: Streams): void {
  const { files, tags, assertions, moved, corrected, unknown, ambiguous, left } = fixed;
  const parts = [
    ...(tags > 0 ? [`${counted(tags, 'declaration')} tagged`] : []),
    ...(assertions > 0 ? [`${counted(assertions, 'assertion')} inserted`] : []),
    ...(moved > 0 ? [`${counted(moved, 'assertion')} moved or removed`] : []),
    ...(corrected > 0 ? [`${counted(corrected, 'tag')} corrected`] : []),
  ];
  streams.err(files.length === 0 ? 'gsio: Nothing to fix.\n' : `gsio: ${parts.join(', ')} in ${counted(files.length, 'file')}${isDryRun ? '; nothing is written' : ''}.\n`);
  tellList(`${counted(left.length, 'place')} left as ${left.length === 1 ? 'it is' : 'they are'}:`, left, streams);
  tellList(`${counted(ambiguous.length, 'name')} of the list ${ambiguous.length === 1 ? 'fits' : 'fit'} functions in several files; "file" in the entry tells which:`, ambiguous, streams);
  tellList(`${counted(unknown.length, 'name')} of the list ${unknown.length === 1 ? 'is' : 'are'} not in the project:`, unknown, streams);
}

function tellList(head: string, lines: readonly string[], streams: Streams): void {
  if (lines.length === 0) return;
  const shown = lines.length > MOST_LISTED ? [...lines.slice(0, MOST_LISTED), `… and ${String(lines.length - MOST_LISTED)} more`] : lines;
  streams.err(`gsio: ${head}\n${shown.map((line) => `  ${visible(line)}\n`).join('')}`);
}
