/** Where a project lies in its repository: code hosts name files from there. */
import fs from 'node:fs';
import path from 'node:path';

/**
 * The way from the root of the repository to the folder: `''`, or `packages/disk/`. Without a repository, the way from the current folder.
 */
export function prefixInRepository(folder: string, cwd: string): string {
  const top = repositoryAround(path.resolve(folder)) ?? path.resolve(cwd);
  const way = path.relative(top, path.resolve(folder));
  return way === '' || way.startsWith('..') || path.isAbsolute(way) ? '' : `${way.split(path.sep).join('/')}/`;
}

/** `.git` is a folder, or a file in a work tree or submodule. */
export function repositoryAround(start: string): string | undefined {
  for (let folder = start; ; folder = path.dirname(folder)) {
    if (fs.existsSync(path.join(folder, '.git'))) return folder;
    if (folder === path.dirname(folder)) return undefined;
  }
}
