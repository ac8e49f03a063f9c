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
import type { ClassifyOptions } from './classify.ts';
import type { ExplainOptions } from './explain.ts';
import type { FixOptions } from './fix.ts';
import type { GraphOptions } from './graph.ts';
import type { InitOptions } from './init.ts';
import { packageVersion } from './package.ts';
import type { RecallOptions } from './recall.ts';
import type { ReportOptions } from './report.ts';
import type { Streams } from './streams.ts';
import type { TraceOptions } from './trace.ts';
import type { WhyOptions } from './why.ts';

const LATER_OPTIONS = ['--compile-commands'];

const EXAMPLE = `
Example: gsio check src/export. Exit status: 0 passed, 1 findings, 2 wrong usage or project.
`;

export async function run(words: readonly string[], streams: Streams): Promise<number> {
  let status = 0;
  const program = command('gsio', streams)
    .description('Finds global-state calls that I/O code can reach.')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .addHelpText('after', EXAMPLE);

  const done: Done = (result) => { status = result; };
  addCheck(program, streams, done);
  addReport(program, streams, done);
  addInit(program, streams, done);
  addFix(program, streams, done);
  addClassify(program, streams, done);
  addWhy(program, streams, done);
  addGraph(program, streams, done);
  addExplain(program, streams, done);
  addTrace(program, streams, done);
  addRecall(program, streams, done);
  addLsp(program, streams, done);

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

type Done = (status: number) => void;

function addCheck(program: Command, streams: Streams, done: Done): void {
  program.addCommand(onProject(command('check', streams))
    .description('Analyse a project and print the findings, all or those in files, folders, globs.')
    .summary('Analyse a project and print the findings.')
    .argument('[paths...]')
    .addOption(new Option('-f, --format <format>', 'pretty, json, sarif, github, gitlab, junit, markdown, html; with =FILE to a file; may be repeated').argParser(several))
    .option('-o, --output <file>', 'write to a file instead of the terminal')
    .option('--baseline <file>', 'leave out the findings that this file holds')
    .option('--update-baseline', 'write all findings to it (gsio-baseline.json)')
    .option('--prune-baseline', 'remove from it what no longer occurs')
    .option('--since <rev>', 'only findings that touch a line changed since then')
    .option('--fail-on <level>', 'fail on error (default), warning or info')
    .option('--max-warnings <number>', 'fail when there are more warnings')
    .option('--watch', 'check again at every change; print the difference')
    .option('--no-color', 'print without colours; so does NO_COLOR')
    .option('--unresolved', 'list the calls without a known target')
    .configureOutput({ getOutHelpWidth: () => 80 })
    .addHelpText('after', `
Example: gsio check -f sarif=gsio.sarif src
Exit status: 0 passed, 1 findings, 2 wrong usage, configuration or project.`)
    .action(async (paths: string[], options: CheckOptions) => {
      const { check } = await import('./check.ts');
      done(await check(paths, options, streams));
    }));
}

function addReport(program: Command, streams: Streams, done: Done): void {
  program.addCommand(onProject(command('report', streams))
    .description('Write the audit: one HTML file that needs nothing else, and JSON beside it.')
    .summary('Write the audit, as HTML and JSON.')
    .argument('[paths...]', 'files, folders or globs that it is about (default: all)')
    .option('-o, --output <file>', 'the HTML file (default: gsio-report.html)')
    .option('--compare <file>', 'tell what is new and what is gone since an earlier report (its JSON)')
    .addHelpText('after', '\nExample:\n  $ gsio report --output audit.html --compare last-week.json\n')
    .action(async (paths: string[], options: ReportOptions) => {
      const { report } = await import('./report.ts');
      done(await report(paths, options, streams));
    }));
}

function addInit(program: Command, streams: Streams, done: Done): void {
  program.addCommand(command('init', streams)
    .description('Set gsio up in this folder: configuration, script in package.json, workflow. Shows the difference first; overwrites nothing.')
    .summary('Set gsio up in this folder.')
    .option('-n, --dry-run', 'show what would be written, and write nothing')
    .option('-y, --yes', 'write without asking')
    .option('--baseline', 'take what there is now as known (gsio-baseline.json), so that only new findings fail')
    .option('--ci <name>', 'github, gitlab or none (default: what the repository uses)')
    .option('--no-color', 'print without colours; so does NO_COLOR')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', '\nExample:\n  $ gsio init --baseline --yes\n')
    .action(async (options: InitOptions) => {
      const { init } = await import('./init.ts');
      done(await init(options, streams));
    }));
}

function addFix(program: Command, streams: Streams, done: Done): void {
  program.addCommand(onProject(command('fix', streams))
    .description('Insert missing assertions with their imports, move late ones, correct tags; on request, add tags.')
    .summary('Insert missing assertions; on request, tags.')
    .argument('[paths...]', 'files, folders or globs that may be changed (default: all)')
    .option('-n, --dry-run', 'print a diff, and write nothing')
    .addOption(new Option('--list <file>', 'tag the functions that this JSON file lists with their classes; may be repeated').argParser(several))
    .addOption(new Option('--tags <source>', 'add tags from the names of API modules (modules), from use (inferred)').argParser(several))
    .option('--assert-io', 'insert assertions into I/O functions, too')
    .option('--import <from>', 'package, or file (./…), of the assertions (default: what the project uses)')
    .option('--no-color', 'print without colours; so does NO_COLOR')
    .addHelpText('after', `
Example:
  $ gsio fix --dry-run --list header.json src/block
Exit status: 0 done; 1 with --dry-run: something would change; 2 wrong usage, configuration or project.
`)
    .action(async (paths: string[], options: FixOptions) => {
      const { fix } = await import('./fix.ts');
      done(await fix(paths, options, streams));
    }));
}

function addClassify(program: Command, streams: Streams, done: Done): void {
  program.addCommand(onProject(command('classify', streams))
    .description('List every function and slot: class, assertion, what its use says.')
    .argument('[paths...]', 'files, folders or globs whose functions are listed (default: all)')
    .option('-f, --format <format>', 'table (default) or json')
    .option('-o, --output <file>', 'write to a file instead of the terminal')
    .option('--no-color', 'print without colours; so does NO_COLOR')
    .addHelpText('after', '\nExample:\n  $ gsio classify src/block\n')
    .action(async (paths: string[], options: ClassifyOptions) => {
      const { classify } = await import('./classify.ts');
      done(await classify(paths, options, streams));
    }));
}

function addWhy(program: Command, streams: Streams, done: Done): void {
  program.addCommand(onProject(command('why', streams))
    .description('Tell how one function comes to call another.')
    .argument('<from>', 'a function as findings name it: readSector, Disk.read, disk.ts#Disk.read')
    .argument('<to>', 'the function that it may reach')
    .option('-n, --paths <number>', 'how many paths to print, shortest first (default: 1)')
    .addOption(new Option('--through <name>', 'only paths through this function; may be repeated').argParser(several))
    .addOption(new Option('--avoid <name>', 'no paths through this function; may be repeated').argParser(several))
    .addOption(new Option('--kind <list>', 'only these calls: call, slot, callback, construct, accessor').argParser(several))
    .option('-f, --format <format>', 'pretty (default) or json')
    .option('--no-color', 'print without colours; so does NO_COLOR')
    .addHelpText('after', '\nExample:\n  $ gsio why fuseSetattr blkSetPerm --avoid fuseDoTruncate\nExit status: 0 there is a path, 1 there is none, 2 wrong usage, configuration or project.\n')
    .action(async (from: string, to: string, options: WhyOptions) => {
      const { why } = await import('./why.ts');
      done(await why(from, to, options, streams));
    }));
}

function addGraph(program: Command, streams: Streams, done: Done): void {
  program.addCommand(onProject(command('graph', streams))
    .description('Print the call graph.')
    .option('-f, --format <format>', 'dot (default; for Graphviz), mermaid or json')
    .option('--by <what>', 'function (default) or module: one node for each file')
    .option('--around <name>', 'only what this function or file calls, and what calls it')
    .option('--depth <number>', 'up to so many calls away from it (default: 1)')
    .option('-o, --output <file>', 'write to a file instead of the terminal')
    .addHelpText('after', '\nExample:\n  $ gsio graph --around fuseSetattr --depth 2 | dot -Tsvg > fuse.svg\n')
    .action(async (options: GraphOptions) => {
      const { graph } = await import('./graph.ts');
      done(await graph(options, streams));
    }));
}

function addExplain(program: Command, streams: Streams, done: Done): void {
  program.addCommand(onProject(command('explain', streams))
    .description('Print the page of a rule, or what is known of a function or slot.')
    .argument('<name>', 'a rule such as gs-from-io, or a function such as Disk.read')
    .option('--no-color', 'print without colours; so does NO_COLOR')
    .addHelpText('after', '\nExample:\n  $ gsio explain blkSetPerm\n')
    .action(async (name: string, options: ExplainOptions) => {
      const { explain } = await import('./explain.ts');
      done(await explain(name, options, streams));
    }));
}

function addTrace(program: Command, streams: Streams, done: Done): void {
  program.addCommand(command('trace', streams)
    .description('Run a command, and record which function called which.')
    .argument('<command...>', 'the command and its words, after --')
    .addOption(new Option('-p, --project <path>', 'tsconfig.json or its folder (default: the nearest)').argParser(several))
    .option('-o, --output <file>', 'where to write the trace (default: gsio-trace.json)')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', '\nExample:\n  $ gsio trace -- npx vitest run\n\nThe command runs in a copy, and its exit status is kept; where it cannot be started, it is 2.\n')
    .action(async (words: string[], options: TraceOptions) => {
      const { trace } = await import('./trace.ts');
      done(await trace(words, options, streams));
    }));
}

function addRecall(program: Command, streams: Streams, done: Done): void {
  program.addCommand(onProject(command('recall', streams))
    .description('Compare a trace with the call graph and the findings.')
    .argument('<trace>', 'a file that gsio trace has written')
    .option('-f, --format <format>', 'pretty (default) or json')
    .option('-o, --output <file>', 'write to a file instead of the terminal')
    .addHelpText('after', '\nExample:\n  $ gsio recall gsio-trace.json\n\nExit status: 0 every failed assertion was foretold, 1 one was not, 2 wrong usage or project.\n')
    .action(async (file: string, options: RecallOptions) => {
      const { recall } = await import('./recall.ts');
      done(await recall(file, options, streams));
    }));
}

function addLsp(program: Command, streams: Streams, done: Done): void {
  program.addCommand(command('lsp', streams)
    .description('Serve an editor: the language server protocol over standard input and output.')
    .summary('Serve an editor (language server).')
    .option('--stdio', 'what editors say; there is no other way')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', '\nExample, in an editor\'s settings:\n  $ npx gsio lsp --stdio\n')
    .action(async () => {
      const { lsp } = await import('./lsp.ts');
      done(await lsp());
    }));
}

function several(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

/** The options of every command that loads a project. */
function onProject(to: Command): Command {
  return to
    .addOption(new Option('-p, --project <path>', 'tsconfig.json or its folder (default: the nearest)').argParser(several))
    .option('-c, --config <file>', 'gsio configuration (default: the nearest upward)')
    .helpOption('-h, --help', 'print this help');
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
