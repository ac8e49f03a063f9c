/**
 * The PATHS of the command: which files' findings a user wants to see.
 *
 * In: files, folders and globs as written, and the files of the projects. Out: an answer per file, or a `UsageError` for a path without one.
 */
import fs from 'node:fs';
import picomatch from 'picomatch';
import { UsageError } from '../model/errors.ts';
import { absolutePath, isInside } from './paths.ts';

interface Pattern {
  readonly written: string;
  readonly matches: (file: string) => boolean;
  found: boolean;
}

export class PathFilter {
  private readonly patterns: readonly Pattern[];

  constructor(paths: readonly string[], cwd: string) {
    this.patterns = paths.map((written) => ({ written, matches: matcherFor(written, cwd), found: false }));
  }

  /** The files that some path matches; all where no path is given. */
  select(files: ReadonlySet<string>): ReadonlySet<string> {
    if (this.patterns.length === 0) return files;
    const selected = new Set<string>();
    for (const file of files) {
      for (const pattern of this.patterns) {
        if (!pattern.matches(file)) continue;
        pattern.found = true;
        selected.add(file);
      }
    }
    return selected;
  }

  /** To be called when all files have been seen. */
  rejectUnmatched(): void {
    const pattern = this.patterns.find(({ found }) => !found);
    if (pattern === undefined) return;
    throw new UsageError(
      'path-matches-nothing',
      `The path ${pattern.written} matches no file of the project.`,
      'Paths are files, folders or globs, relative to the current folder; the tsconfig.json decides which files are in the project.',
    );
  }
}

function matcherFor(written: string, cwd: string): (file: string) => boolean {
  const absolute = absolutePath(written, cwd).replace(/(?<=.)\/$/, '');
  if (fs.existsSync(absolute)) {
    const real = absolutePath(fs.realpathSync(absolute), '/');
    return (file) => isInside(file, absolute) || isInside(file, real);
  }
  const folder = absolutePath('.', cwd);
  if (!picomatch.scan(written).isGlob) return () => false;
  const matches = picomatch(written.replace(/^\.\//, ''), { dot: true });
  const matchesAbsolute = picomatch(absolute, { dot: true });
  return (file) => (isInside(file, folder) && matches(file.slice(folder.length + 1))) || matchesAbsolute(file);
}
