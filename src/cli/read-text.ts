/** The text of a file; undefined where it cannot be read, for those who then say it in their own words. */
import fs from 'node:fs';

export function readText(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
