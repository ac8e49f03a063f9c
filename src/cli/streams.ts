/** What the command needs of the process around it; tests hand in their own. */

export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Milliseconds since some fixed point. */
  readonly now: () => number;
  /** Tells of changes below a folder, in place of the file system. */
  readonly changes?: (folder: string) => AsyncIterable<undefined>;
  /** Asks the person at the terminal; absent where there is none. */
  readonly confirm?: (question: string) => Promise<boolean>;
}

/** NO_COLOR and a dumb terminal are obeyed; FORCE_COLOR asks for colours where there is no terminal. */
export function wantsColour(streams: Streams, option: boolean): boolean {
  const { env } = streams;
  if (!option || isSet(env['NO_COLOR'])) return false;
  if (isSet(env['FORCE_COLOR'])) return env['FORCE_COLOR'] !== '0' && env['FORCE_COLOR'] !== 'false';
  return streams.outIsTerminal && env['TERM'] !== 'dumb';
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}
