/**
 * Reads the expectations that stand in fixtures: `// expect: RULE[, RULE]` at the end of a line,
 * `// expect-next-line: RULE[, RULE]` alone on the line above.
 */
import fs from 'node:fs';
import path from 'node:path';

/** `export/fuse.ts:142 perm-change-in-io`, for every expectation in the folder, sorted. */
export function expectationsIn(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => expectationsOf(path.join(folder, file)).map((line) => `${file.split(path.sep).join('/')}:${line}`))
    .sort();
}

function expectationsOf(file: string): string[] {
  return fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text, index) => {
      const match = /\/\/ expect(-next-line)?: ([\w-]+(?:, [\w-]+)*)$/.exec(text);
      const line = index + (match?.[1] === undefined ? 1 : 2);
      return match?.[2]?.split(', ').map((rule) => `${line} ${rule}`) ?? [];
    });
}
