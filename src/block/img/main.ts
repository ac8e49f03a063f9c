/**
 * `blk-img`: creates, checks and converts disk images.
 *
 * In: the words after `blk-img`, and streams. Out: the exit status, `qemu-img`'s: 0, 1 for a failure; `info`, `check` and `compare` have
 * more. Leaves to others: each command (a file each).
 */
import { Command, CommanderError } from 'commander';
import { GLOBAL_STATE_CODE } from '../../runtime/index.ts';
import { bdrvInit } from '../open/init.ts';
import { bdrvCloseAll } from '../graph/close-all.ts';
import { addAmend } from './amend.ts';
import { addCheck } from './check.ts';
import { addCommit } from './commit.ts';
import { addCompare } from './compare.ts';
import { addConvert } from './convert.ts';
import { addCreate } from './create.ts';
import { addDd } from './dd.ts';
import { ImgFailure, messageOf } from './failure.ts';
import { addInfo } from './info.ts';
import { addMap } from './map.ts';
import { addMeasure } from './measure.ts';
import { forgetObjects } from './objects.ts';
import { addRebase } from './rebase.ts';
import { addResize } from './resize.ts';
import { addSnapshot } from './snapshot.ts';
import type { Streams } from './streams.ts';

/** Told the exit status of the command that ran. */
export type Done = (status: number) => void;

const COMMANDS = [
  addAmend, addCheck, addCommit, addCompare, addConvert, addCreate, addDd, addInfo, addMap, addMeasure, addRebase, addResize, addSnapshot,
];

/**
 * Runs one command. Nothing is left open after it.
 *
 * @globalState
 */
export async function main(words: readonly string[], streams: Streams): Promise<number> {
  GLOBAL_STATE_CODE('main');
  let status = 0;
  const program = new Command('blk-img').description('Creates, checks and converts disk images.').helpCommand(false);
  for (const add of COMMANDS) add(program, streams, (result) => { status = result; });
  for (const one of [program, ...program.commands]) {
    one.exitOverride().configureOutput({ writeOut: streams.out, writeErr: () => undefined, getOutHelpWidth: () => 80 });
  }
  bdrvInit();
  try {
    await program.parseAsync(forResize(words), { from: 'user' });
    return status;
  } catch (error) {
    return tell(error, streams);
  } finally {
    await bdrvCloseAll();
    forgetObjects();
  }
}

/** `-512K` after `resize` is a size, not an option: it is handed on behind `--`. */
function forResize(words: readonly string[]): string[] {
  const last = words.at(-1);
  return words[0] === 'resize' && last !== undefined && /^-\d/.test(last) ? [...words.slice(0, -1), '--', last] : [...words];
}

function tell(error: unknown, streams: Streams): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    streams.err(`blk-img: ${error.message.replace(/^error: /, '')}\nTry 'blk-img --help' for more information\n`);
    return 1;
  }
  if (messageOf(error) !== '') streams.err(`blk-img: ${messageOf(error)}\n`);
  return error instanceof ImgFailure ? error.status : 1;
}
