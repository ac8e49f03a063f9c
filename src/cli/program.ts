/**
 * The arguments of the command.
 *
 * In: the words after `gsio`. Out: the exit status of the command that they name; a word that means nothing is a `UsageError`.
 * Leaves to others: what a command does (a file each, loaded when it is asked for: a compiler takes its time), errors (`main.ts`).
 */
import { Command, CommanderError, Option } from 'commander';
import { nearestName } from '../config/nearest.ts';
import { UsageError } from '../model/errors.ts';
import type { CheckOptions } from './check.ts';
import { packageVersion } from './package.ts';
import type { Streams } from './streams.ts';

const LATER_COMMANDS = ['report', 'why', 'graph', 'classify', 'fix', 'init'];
const LATER_OPTIONS = ['--compile-commands', '--baseline', '--update-baseline', '--prune-baseline', '--since', '--watch'];

const EXAMPLE = `
Example:
  $ gsio check --project tsconfig.json src/export

Exit status: 0 nothing to complain about, 1 findings, 2 wrong usage, configuration or project.
`;

export async function run(words: readonly string[], streams: Streams): Promise<0 | 1> {
  let status: 0 | 1 = 0;
  const program = command('gsio', streams)
    .description('Finds global-state calls that I/O code can reach.')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .addHelpText('after', EXAMPLE);

  addCheck(program, streams, (result) => { status = result; });
  program.addCommand(command('explain', streams)
    .description('Print the page of a rule.')
    .argument('<rule>', 'its id, such as gs-from-io')
    .helpOption('-h, --help', 'print this help')
    .action(async (rule: string) => {
      const { explain } = await import('./explain.ts');
      status = explain(rule, streams);
    }));

  const asked = words[0] === 'help' ? [...words.slice(1), '--help'] : words;
  rejectUnknownCommand(asked, program);
  try {
    await program.parseAsync([...asked], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usageErrorOf(error, words, program);
  }
  return status;
}

function addCheck(program: Command, streams: Streams, done: (status: 0 | 1) => void): void {
  const several = (value: string, previous: readonly string[] | undefined): string[] => [...(previous ?? []), value];
  program.addCommand(command('check', streams)
    .description('Analyse a project and print the findings.')
    .argument('[paths...]', 'files, folders or globs whose findings are printed (default: all)')
    .addOption(new Option('-p, --project <path>', 'tsconfig.json or its folder; may be repeated (default: the nearest)').argParser(several))
    .option('-c, --config <file>', 'gsio configuration (default: searched from the project upward)')
    .option('-f, --format <format>', 'pretty (default) or json')
    .option('-o, --output <file>', 'write to a file instead of the terminal')
    .option('--max-warnings <number>', 'fail when there are more warnings')
    .option('--no-color', 'print without colours; so does NO_COLOR')
    .option('--unresolved', 'list the calls without a known target')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EXAMPLE)
    .action(async (paths: string[], options: CheckOptions) => {
      const { check } = await import('./check.ts');
      done(await check(paths, options, streams));
    }));
}

/** Commander prints and exits by itself; here it writes to our streams, and throws. */
function command(name: string, streams: Streams): Command {
  return new Command(name)
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({
      writeOut: (text) => { streams.out(text); },
      writeErr: () => { /* the error is thrown, and told by main */ },
      getOutHelpWidth: () => 100,
      getOutHasColors: () => false,
    });
}

function rejectUnknownCommand(words: readonly string[], program: Command): void {
  const known = program.commands.map((candidate) => candidate.name());
  const [first] = words;
  const hint = `Commands: ${known.join(', ')}. See gsio --help.`;
  if (first === undefined) throw new UsageError('no-command', 'No command was given.', hint);
  if (first.startsWith('-') || known.includes(first)) return;
  if (LATER_COMMANDS.includes(first)) throw new UsageError('command-not-available', `The command ${first} is not available in this version.`, hint);
  throw new UsageError('unknown-command', `Unknown command "${first}"; did you mean "${nearestName(first, known) ?? ''}"?`, hint);
}

function usageErrorOf(error: CommanderError, words: readonly string[], program: Command): UsageError {
  const help = 'See gsio --help.';
  if (error.code === 'commander.unknownOption') {
    const option = /'([^']+)'/.exec(error.message)?.[1] ?? '';
    if (LATER_OPTIONS.includes(option)) return new UsageError('option-not-available', `The option ${option} is not available in this version.`, help);
    const active = program.commands.find((candidate) => candidate.name() === words[0]) ?? program;
    const known = [...active.options.map((candidate) => candidate.long ?? candidate.short ?? ''), '--help'];
    return new UsageError('unknown-option', `Unknown option "${option}"; did you mean "${nearestName(option, known) ?? ''}"?`, `Options: ${known.join(', ')}. ${help}`);
  }
  if (error.code === 'commander.help') return new UsageError('no-command', 'No command was given.', help);
  const text = error.message.replace(/^error: /, '').replace(/\.$/, '').split('\n')[0] ?? '';
  return new UsageError('invalid-usage', `${text.charAt(0).toUpperCase()}${text.slice(1)}.`, help);
}
