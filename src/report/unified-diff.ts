/** Changes of files as a unified diff, which `git apply` and `patch -p1` take. */
import { createTwoFilesPatch } from 'diff';
import pc from 'picocolors';
import { visible } from './visible.ts';

export interface FileChange {
  readonly file: string;
  /** Null: there is no such file yet. */
  readonly before: string | null;
  readonly after: string;
}

export function formatDiff(changes: readonly FileChange[], colour: boolean): string {
  const diff = changes.map(({ file, before, after }) => {
    const patch = createTwoFilesPatch(before === null ? '/dev/null' : `a/${file}`, `b/${file}`, before ?? '', after, undefined, undefined, { context: 3 });
    return patch.replace(/^=+\n/, '').replace(/^(--- [^\t\n]*)\t?\n(\+\+\+ [^\t\n]*)\t?\n/, '$1\n$2\n');
  }).join('');
  return colour ? coloured(diff) : diff;
}

/** On a terminal nothing of a file may move the cursor. */
function coloured(diff: string): string {
  const { green, red, cyan, bold } = pc.createColors(true);
  const paint = (line: string): string => {
    if (line.startsWith('+++') || line.startsWith('---')) return bold(line);
    if (line.startsWith('+')) return green(line);
    if (line.startsWith('-')) return red(line);
    return line.startsWith('@@') ? cyan(line) : line;
  };
  return diff.split('\n').map((line) => paint(visible(line))).join('\n');
}
