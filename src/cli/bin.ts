#!/usr/bin/env node
/** The command itself: binds `main` to the process. */
import { createInterface } from 'node:readline/promises';
import { main } from './main.ts';

// A reader that has seen enough closes the pipe; that is no error.
const onError = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'EPIPE') throw error;
};
process.stdout.on('error', onError);
process.stderr.on('error', onError);

async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(question).finally(() => { terminal.close(); });
  return /^y(?:es)?$/i.test(answer.trim());
}

process.exitCode = await main(process.argv.slice(2), {
  out: (text) => { process.stdout.write(text); },
  err: (text) => { process.stderr.write(text); },
  outIsTerminal: process.stdout.isTTY,
  errIsTerminal: process.stderr.isTTY,
  env: process.env,
  cwd: process.cwd(),
  now: () => performance.now(),
  ...(process.stdin.isTTY && process.stderr.isTTY ? { confirm } : {}),
});
