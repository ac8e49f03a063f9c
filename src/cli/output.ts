/** Where the command writes what it has to say: the terminal, or the file after --output. */
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../model/errors.ts';

/** The absolute name. A wrong path is told before the analysis, not after it. */
export function outputFile(written: string, cwd: string): string {
  const file = path.resolve(cwd, written);
  if (fs.statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new UsageError('unwritable-output', `The output ${written} is a folder.`, 'Name a file after --output.');
  }
  if (!fs.existsSync(path.dirname(file))) {
    throw new UsageError('unwritable-output', `The folder of the output ${written} does not exist.`, 'Make the folder first, or name another file after --output.');
  }
  return file;
}

export function writeOutput(file: string, text: string, written: string): void {
  try {
    fs.writeFileSync(file, text);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new UsageError('unwritable-output', `The output ${written} cannot be written (${reason}).`, 'Name another file after --output.');
  }
}
