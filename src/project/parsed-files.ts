/**
 * Files that were parsed for earlier programs of the same project.
 *
 * In: names of files, and the texts of those that are open somewhere. Out: the same object as long as a file is the same.
 * A file on disk is known by its size and its time of change. Files of packages and libraries are taken for unchanged; a change of those needs a new memory.
 * Leaves to others: parsing (`source-host.ts`).
 */
import fs from 'node:fs';
import type { typescript } from './compiler.ts';

interface Parsed {
  readonly state: string;
  readonly source: typescript.SourceFile;
}

export class ParsedFiles {
  private readonly files = new Map<string, Parsed>();

  recall(file: string, open: string | undefined, parse: () => typescript.SourceFile | undefined): typescript.SourceFile | undefined {
    const known = this.files.get(file);
    if (open !== undefined ? known?.source.text === open : known !== undefined && known.state === stateOnDisk(file)) return known?.source;
    const state = open === undefined ? stateOnDisk(file) : 'open';
    const source = parse();
    if (source === undefined) this.files.delete(file);
    else this.files.set(file, { state, source });
    return source;
  }
}

function stateOnDisk(file: string): string {
  if (isOfPackage(file)) return 'package';
  const stats = fs.statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? '' : `${String(stats.mtimeMs)} ${String(stats.size)}`;
}

/** Also the library of the compiler, which is no file at all. */
function isOfPackage(file: string): boolean {
  return file.includes('/node_modules/');
}
