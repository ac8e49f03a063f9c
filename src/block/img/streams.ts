/** What the command needs of the process around it; tests hand in their own. */

export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly outIsTerminal: boolean;
}
