#!/usr/bin/env node
/** The command itself: binds `main` to the process. */
import { main } from './main.ts';

// A reader that has seen enough closes the pipe; that is no error.
const onError = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'EPIPE') throw error;
};
process.stdout.on('error', onError);
process.stderr.on('error', onError);

process.exitCode = await main(process.argv.slice(2), {
  out: (text) => { process.stdout.write(text); },
  err: (text) => { process.stderr.write(text); },
  outIsTerminal: process.stdout.isTTY,
});
