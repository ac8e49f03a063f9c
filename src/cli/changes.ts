/**
 * The lines that changed since a revision, as git knows them.
 *
 * In: a revision, and the folder that reports name files from. Out: the changed lines by file, named as in reports. What is not committed
 * counts, too, and so do files that git does not track yet. Without a repository or such a revision: a `UsageError`.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path/posix';
import { UsageError } from '../model/errors.ts';
import type { ChangedLines, LineRange } from '../policy/changed-lines.ts';

export function changesSince(revision: string, root: string): ChangedLines {
  const prefix = git(root, ['rev-parse', '--show-prefix'], (words) =>
    new UsageError('no-repository', '--since needs a git repository, and the project is in none that can be read.', `git says: ${words}`)).replace(/\n$/, '');
  const commit = git(root, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`], () =>
    new UsageError('unknown-revision', `git knows no revision "${revision}".`, 'Name a commit, a tag or a branch; after a shallow clone, fetch it first (git fetch --unshallow).')).trim();
  const failed = (words: string): Error => new UsageError('git-failed', `git cannot tell what changed since ${revision}.`, `git says: ${words}`);
  // Nobody's settings may change the form of the answer.
  const diff = git(root, [
    '-c', 'core.quotePath=false', '-c', 'diff.relative=false', 'diff', '--unified=0', '--inter-hunk-context=0', '--no-color', '--no-ext-diff', '--no-textconv', '--text',
    '--find-renames', '--submodule=short', '--src-prefix=a/', '--dst-prefix=b/', commit, '--',
  ], failed);
  const untracked = git(root, ['ls-files', '--others', '--exclude-standard', '--full-name', '-z', '--', ':/'], failed);

  const named = (file: string): string => path.relative(`/${prefix}`, `/${file}`);
  const changes = new Map<string, 'all' | readonly LineRange[]>();
  for (const [file, ranges] of parseDiff(diff)) changes.set(named(file), ranges);
  for (const file of untracked.split('\0').filter((name) => name !== '')) changes.set(named(file), 'all');
  return changes;
}

function git(folder: string, words: readonly string[], failed: (words: string) => Error): string {
  try {
    return execFileSync('git', words, { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 30, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if ('code' in error && error.code === 'ENOENT') throw new UsageError('git-not-found', '--since needs git, and there is none in the PATH.', 'Install git, or leave out --since.');
    const said = 'stderr' in error ? String(error.stderr).trim().split('\n')[0] ?? '' : '';
    throw failed(said === '' ? 'nothing.' : said);
  }
}

/**
 * The new lines of each file. Of lines that are only gone, the ones around them count: a check that no longer stands above a call is a change
 * of that call.
 *
 * A hunk is skipped by its numbers, since a line of source can look like a header:
 *
 *     +++ b/src/disk.ts
 *     @@ -3,1 +3,2 @@      one line gone, two added, from line 3 on
 *     -old
 *     +++ new              this is the added line "++ new"
 *     +newer
 */
export function parseDiff(diff: string): Map<string, LineRange[]> {
  const files = new Map<string, LineRange[]>();
  let ranges: LineRange[] = [];
  let skip = 0;
  for (const line of diff.split('\n')) {
    if (skip > 0) {
      if (!line.startsWith('\\')) skip -= 1;
      continue;
    }
    const file = /^\+\+\+ (?:b\/(.*?)|"b\/(.*)")\t?$/.exec(line);
    // A deleted file has none.
    if (line.startsWith('+++ ')) ranges = [];
    if (file !== null) files.set(file[1] ?? unquoted(file[2] ?? ''), ranges);
    const hunk = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
    if (hunk !== null) {
      const start = Number(hunk[2]);
      const added = Number(hunk[3] ?? 1);
      skip = Number(hunk[1] ?? 1) + added;
      ranges.push(added > 0 ? { first: start, last: start + added - 1 } : { first: start, last: start + 1 });
    }
  }
  return files;
}

const ESCAPES: Readonly<Record<string, string>> = { a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** A name with quotes, backslashes or control characters comes as a string in C. */
function unquoted(name: string): string {
  return name.replace(/\\(?:([0-7]{3})|(.))/g, (_, octal: string | undefined, letter = '') =>
    (octal === undefined ? ESCAPES[letter as string] ?? (letter as string) : String.fromCharCode(parseInt(octal, 8))));
}
