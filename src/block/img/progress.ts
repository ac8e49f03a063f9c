/** The line that shows how far a command is, on a terminal. */
import { twoDecimals } from './human.ts';
import type { Streams } from './streams.ts';

/** Shows progress, and ends its line. */
export interface Progress {
  readonly show: (done: number, total: number) => void;
  readonly end: () => void;
}

/** Progress as `-p` asks for it; where nobody watches, it shows nothing. */
export function progressLine(wanted: boolean | undefined, streams: Streams): Progress {
  if (!wanted || !streams.outIsTerminal) return { show: () => undefined, end: () => undefined };
  let shown = '';
  const show = (percent: number): void => {
    const line = `    (${twoDecimals(percent)}/100%)\r`;
    if (line !== shown) streams.out(line);
    shown = line;
  };
  return {
    show: (done, total) => { show(total === 0 ? 100 : Math.min((done * 100) / total, 100)); },
    end: () => {
      show(100);
      streams.out('\n');
    },
  };
}
