/** One line on a terminal that tells what is going on, and leaves no trace. Elsewhere it is silent. */
import type { Streams } from './streams.ts';

const COLUMNS = 78;

export class Progress {
  private readonly streams: Streams;
  private shown = false;

  constructor(streams: Streams) {
    this.streams = streams;
  }

  show(step: string): void {
    if (!this.streams.errIsTerminal) return;
    this.clear();
    this.streams.err(step.length > COLUMNS ? `${step.slice(0, COLUMNS - 1)}…` : step);
    this.shown = true;
  }

  clear(): void {
    if (!this.shown) return;
    this.streams.err(`\r${' '.repeat(COLUMNS)}\r`);
    this.shown = false;
  }
}
