/** The command as `main` runs it, without a process of its own: words in, text and status out. */
import { main } from '../../src/cli/main.ts';

export interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export async function gsio(cwd: string, words: readonly string[], given: { env?: Record<string, string>; terminal?: boolean } = {}): Promise<Outcome> {
  let out = '';
  let err = '';
  const terminal = given.terminal ?? false;
  const status = await main(words, {
    out: (text) => { out += text; }, err: (text) => { err += text; }, outIsTerminal: terminal, errIsTerminal: terminal, env: given.env ?? {}, cwd, now: () => 0,
  });
  return { status, out, err };
}
