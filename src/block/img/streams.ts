/** What the command needs of the process around it; tests hand in their own. */
import type { Writable } from 'node:stream';

export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly outIsTerminal: boolean;
}

/** The streams of a process. A reader that has seen enough closes the pipe; that is no error. */
export function streamsOf(out: Writable & { readonly isTTY?: boolean }, err: Writable): Streams {
  const onError = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE') throw error;
  };
  out.on('error', onError);
  err.on('error', onError);
  return {
    out: (text) => { out.write(text); },
    err: (text) => { err.write(text); },
    outIsTerminal: out.isTTY === true,
  };
}
